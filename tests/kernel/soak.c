/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway with up to 250 remotes that come, change and go by chance, with faults and other people's hands
 * in between, beside a model of what must be there: no difference ever, and nothing that grows (T92).
 *
 *   soak [SECONDS]    60 if none are given; SUBWG_TEST_SEED brings a course back
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fake_kernel.h>

#include "../fault/allocator.h"
#include "remotes.h"
#include "unit.h"

#define REMOTES      250u
#define SUBNETS_MOST 4u
#define LIST         20u  /* remotes that come or go together */
#define OPERATIONS   150u /* of an epoch; at its end all remotes go */
#define EPOCHS_LEAST 4u
#define EPOCHS_WARM  2u   /* until everything that is kept has its size */
#define GROWTH_BYTES 4096 /* of arrays that wait for their next use */
#define GROWTH_PAGES 128u /* that the allocator may keep for later */

static struct {
    struct gateway gateway;
    struct chance chance;
    struct remote remotes[REMOTES]; /* as they were announced last */
    bool present[REMOTES];
    uint64_t operations;
} soak;

/* What the process holds while no remote is there. */
struct holding {
    int64_t blocks;
    int64_t bytes;
    unsigned long resident_pages;
    unsigned int descriptors;
};

static uint32_t present_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < REMOTES; i++)
        count += soak.present[i];
    return count;
}

static void announce(uint32_t number)
{
    remote_describe(&soak.remotes[number], number, chance_below(&soak.chance, REMOTES_PREFIXES),
                    1 + chance_below(&soak.chance, SUBNETS_MOST));
}

static void connect_one(uint32_t number)
{
    announce(number);
    REMOTES_DONE(subwg_cable_connect(soak.gateway.cable, &soak.remotes[number].endpoint, NULL,
                                     &soak.gateway.error),
                 soak.gateway.error);
    soak.present[number] = true;
}

static void disconnect_one(uint32_t number)
{
    REMOTES_DONE(subwg_cable_disconnect(soak.gateway.cable, &soak.remotes[number].endpoint,
                                        &soak.gateway.error),
                 soak.gateway.error);
    soak.present[number] = false;
}

static void connect_list(uint32_t first)
{
    for (uint32_t i = first; i < first + LIST; i++) {
        announce(i);
        soak.present[i] = true;
    }
    gateway_connect_many(&soak.gateway, &soak.remotes[first], LIST);
}

static void disconnect_list(uint32_t first)
{
    gateway_disconnect_many(&soak.gateway, &soak.remotes[first], LIST);
    for (uint32_t i = first; i < first + LIST; i++)
        soak.present[i] = false;
}

/* A subnet that is none: refused, and what was there stays. */
static void announce_nonsense(uint32_t number)
{
    const char *const subnets[] = {"10.0.0.1/8"};
    struct subwg_endpoint endpoint = soak.remotes[number].endpoint;
    endpoint.subnets = subnets;
    endpoint.subnet_count = 1;
    ck_assert_int_lt(subwg_cable_connect(soak.gateway.cable, &endpoint, NULL, &soak.gateway.error),
                     0);
}

/* Somebody else removes a peer or a route, and reconcile brings it back. */
static void meddle(uint32_t number)
{
    const struct remote *remote = &soak.remotes[number];
    if (chance_is(&soak.chance, 50))
        shell("wg set " REMOTES_DEVICE " peer %s remove", remote->key);
    else
        shell("ip route delete %s table 220", remote->subnets[0]);
    REMOTES_DONE(subwg_cable_reconcile(soak.gateway.cable, 0, NULL, NULL, &soak.gateway.error),
                 soak.gateway.error);
}

static void read_connections(void)
{
    struct subwg_snapshot *snapshot = NULL;
    REMOTES_DONE(subwg_cable_get_connections(soak.gateway.cable, &snapshot, &soak.gateway.error),
                 soak.gateway.error);
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), present_count());
    for (uint32_t i = 0; i < present_count(); i++) {
        unsigned number = REMOTES;
        const char *cluster_id = subwg_snapshot_connection(snapshot, i)->cluster_id;
        ck_assert_int_eq(sscanf(cluster_id, "cluster-%u", &number), 1);
        ck_assert_msg(number < REMOTES && soak.present[number], "a row of %s", cluster_id);
    }
    subwg_snapshot_unref(snapshot);
}

static int32_t drop(void *context, const char *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    return 0;
}

static void read_metrics(void)
{
    struct subwg_snapshot *snapshot = NULL;
    REMOTES_DONE(subwg_cable_metrics_snapshot(soak.gateway.cable, &snapshot, &soak.gateway.error),
                 soak.gateway.error);
    ck_assert_int_eq(subwg_write_exposition(SUBWG_PROFILE_SEED, &snapshot, 1, drop, NULL), 0);
    subwg_snapshot_unref(snapshot);
}

static void operate(void)
{
    uint32_t number = chance_below(&soak.chance, REMOTES);
    uint32_t percent = chance_below(&soak.chance, 100);
    soak.operations++;
    if (percent < 45)
        connect_one(number);
    else if (percent < 60 && soak.present[number])
        disconnect_one(number);
    else if (percent < 65)
        connect_list(number % (REMOTES - LIST));
    else if (percent < 68)
        disconnect_list(number % (REMOTES - LIST));
    else if (percent < 75)
        announce_nonsense(number);
    else if (percent < 85 && soak.present[number])
        meddle(number);
    else if (percent < 90)
        REMOTES_DONE(subwg_cable_dispatch(soak.gateway.cable, &soak.gateway.error),
                     soak.gateway.error);
    else if (percent < 95)
        read_metrics();
    else
        read_connections();
}

static void check(void)
{
    static struct remote expected[REMOTES]; /* their subnets are texts of soak.remotes */
    uint32_t count = 0;
    for (uint32_t i = 0; i < REMOTES; i++)
        if (soak.present[i])
            expected[count++] = soak.remotes[i];
    check_kernel(expected, count);
    read_connections();
}

static unsigned int descriptors(void)
{
    unsigned int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

static struct holding look(void)
{
    unsigned long pages = 0;
    struct holding holding = {.descriptors = descriptors()};
    holding.blocks = allocator_outstanding();
    holding.bytes = allocator_outstanding_bytes();
    FILE *file = fopen("/proc/self/statm", "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu %lu", &pages, &holding.resident_pages), 2);
    (void)fclose(file);
    printf("# %" PRIu64 " operations: %" PRId64 " blocks, %" PRId64
           " bytes, %lu pages resident, %u descriptors\n",
           soak.operations, holding.blocks, holding.bytes, holding.resident_pages,
           holding.descriptors);
    (void)fflush(stdout);
    return holding;
}

static void live_one_epoch(void)
{
    for (uint32_t i = 0; i < OPERATIONS; i++)
        operate();
    check();
    gateway_disconnect_many(&soak.gateway, soak.remotes, REMOTES);
    memset(soak.present, 0, sizeof(soak.present));
    check();
}

/* All that there can be at once, so that nothing has a reason to grow later. */
static void fill(void)
{
    for (uint32_t i = 0; i < REMOTES; i++) {
        remote_describe(&soak.remotes[i], i, 0, SUBNETS_MOST);
        soak.present[i] = true;
    }
    gateway_connect_many(&soak.gateway, soak.remotes, REMOTES);
    meddle(0);
    read_metrics();
    check();
}

static long duration_s = 60;

START_TEST(nothing_differs_and_nothing_grows)
{
    struct holding warm = {0};
    struct holding now = {0};
    time_t end_s = time(NULL) + duration_s;
    fake_kernel_bypass(true); /* which is here for the allocator alone */
    soak.chance = chance_start("nothing_differs_and_nothing_grows");
    gateway_start(&soak.gateway);
    fill();
    for (uint32_t epoch = 1; epoch <= EPOCHS_LEAST || time(NULL) < end_s; epoch++) {
        live_one_epoch();
        now = look();
        if (epoch == EPOCHS_WARM)
            warm = now;
    }
    gateway_stop(&soak.gateway);
    ck_assert_uint_eq(now.descriptors, warm.descriptors);
    ck_assert_int_le(now.blocks, warm.blocks);
    ck_assert_int_le(now.bytes, warm.bytes + GROWTH_BYTES);
    ck_assert_uint_le(now.resident_pages, warm.resident_pages + GROWTH_PAGES);
}
END_TEST

int main(int count, char **arguments)
{
    const TTest *const tests[] = {nothing_differs_and_nothing_grows, NULL};
    if (count > 1)
        duration_s = strtol(arguments[1], NULL, 10);
    return unit_run_for("soak", tests, (unsigned int)duration_s + 60);
}
