/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one request asks of the kernel, which holds a lock for as long as it takes: peers and allowed
 * IPs of a request are bounded, whatever there is to do; a small difference of a large peer is a small
 * request; and cleanup removes the peers in batches and leaves the routes to the link. T89-T91.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fake_kernel.h>

#include "base/limits.h"
#include "crowd.h"
#include "stage.h"

#define CROWD         1000u
#define SUBNETS       1000u
#define ALLOWED_BYTES 28u /* of an IPv4 prefix in a request */

/* Longer ones held the lock for seconds, see doc/performance.md. */
_Static_assert(LIMIT_PEERS_A_MESSAGE <= 64 && LIMIT_REMOVALS_A_MESSAGE <= 190 &&
                   LIMIT_MESSAGE_BYTES <= 32768,
               "what one request may ask for");

static struct subwg_error error = SUBWG_ERROR_INIT;

static uint64_t count_requests(uint64_t first, const char *name)
{
    uint64_t count = 0;
    for (uint64_t i = first + 1; i <= fake_kernel_counters().requests; i++)
        count += strcmp(fake_kernel_request_name(i), name) == 0;
    return count;
}

static void reconcile_until_quiet(void)
{
    int32_t differences;
    do {
        differences = subwg_cable_reconcile(crowd_cable(), 0, NULL, NULL, &error);
        crowd_must(differences, &error);
    } while (differences > 0);
}

static void check_rebuilding(void)
{
    stage_crowd(CROWD);
    crowd_must(subwg_cable_list_complete(crowd_cable(), &error), &error);
    fake_kernel_delete_link(CROWD_DEVICE);
    uint64_t peers = fake_kernel_counters().peers;
    reconcile_until_quiet();
    stage_expect(fake_kernel_counters().peers - peers >= CROWD,
                 "a device made anew has all its peers");
    stage_expect(fake_kernel_counters().most_peers <= LIMIT_PEERS_A_MESSAGE,
                 "no request names more peers than it may");
    crowd_stop();
}

/* The kernel and the addresses are asked as often for many connections as for more. */
static void check_quiet(void)
{
    uint64_t requests[2];
    for (uint32_t i = 0; i < 2; i++) {
        stage_crowd((i + 1) * CROWD / 2);
        reconcile_until_quiet();
        struct fake_kernel_counters before = fake_kernel_counters();
        reconcile_until_quiet();
        struct fake_kernel_counters after = fake_kernel_counters();
        requests[i] = after.requests - before.requests;
        stage_expect(count_requests(before.requests, "RTM_GETADDR") == 1,
                     "the addresses are listed once");
        stage_expect(count_requests(before.requests, "RTM_GETROUTE") <= 1 + LIMIT_PATHS_A_RECONCILE,
                     "so many paths are looked up, and the routes listed once");
        stage_expect(after.changes == before.changes, "what is as it should be is not changed");
        crowd_stop();
    }
    stage_expect(requests[0] == requests[1], "twice the connections take as many requests");
}

static void check_cleanup(void)
{
    stage_crowd(CROWD);
    struct fake_kernel_counters before = fake_kernel_counters();
    crowd_must(subwg_cable_cleanup(crowd_cable(), &error), &error);
    struct fake_kernel_counters after = fake_kernel_counters();
    uint64_t batches = (CROWD + LIMIT_REMOVALS_A_MESSAGE - 1) / LIMIT_REMOVALS_A_MESSAGE;
    uint64_t rules = count_requests(before.requests, "RTM_DELRULE");
    stage_expect(after.peers - before.peers == CROWD, "cleanup removes each peer once");
    stage_expect(after.most_peers <= LIMIT_REMOVALS_A_MESSAGE, "in batches that are bounded");
    stage_expect(count_requests(before.requests, "RTM_DELROUTE") == 0, "routes go with the link");
    stage_expect(after.changes - before.changes == batches + 1 + rules,
                 "a request for each batch, the link and the rules");
    crowd_stop();
}

/* A remote with so many subnets, and one of them that somebody gave to another peer. */
static void check_small_difference(void)
{
    static char texts[SUBNETS][24];
    static const char *subnets[SUBNETS];
    static const uint8_t stranger[32] = {9, 1, 2, 3};
    struct crowd_remote remote;
    stage_crowd(1);
    crowd_must(subwg_cable_list_complete(crowd_cable(), &error), &error);
    crowd_remote_make(&remote, 1);
    for (uint32_t i = 0; i < SUBNETS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "30.%u.%u.0/24", i >> 8, i & 255);
        subnets[i] = texts[i];
    }
    remote.endpoint.subnets = subnets;
    remote.endpoint.subnet_count = SUBNETS;
    crowd_connect(&remote);
    stage_expect(fake_kernel_counters().most_allowed_ips <= LIMIT_MESSAGE_BYTES / ALLOWED_BYTES,
                 "no request names more allowed IPs than fit it");
    fake_kernel_add_peer(CROWD_DEVICE, stranger, subnets[SUBNETS / 2]);
    struct fake_kernel_counters before = fake_kernel_counters();
    reconcile_until_quiet();
    struct fake_kernel_counters after = fake_kernel_counters();
    stage_expect(!fake_kernel_has_peer(CROWD_DEVICE, stranger), "the stranger goes");
    stage_expect(after.allowed_ips - before.allowed_ips == 1,
                 "one subnet is given back, and named alone");
    stage_expect(after.changes - before.changes <= 2, "by a request, and one for the stranger");
    crowd_stop();
}

int main(void)
{
    if (!stage_open())
        return EXIT_FAILURE;
    check_rebuilding();
    check_quiet();
    check_cleanup();
    check_small_difference();
    return stage_end();
}
