/* SPDX-License-Identifier: Apache-2.0 */
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>

#include "crowd.h"
#include "netlink/netlink.h"

#define NEWCOMER (CROWD_MOST - OPERATIONS_MANY)

static struct crowd_remote newcomers[OPERATIONS_MANY];
static const struct subwg_endpoint *endpoints[OPERATIONS_MANY];
static struct subwg_error error = SUBWG_ERROR_INIT;
static struct subwg_snapshot *snapshot;

typedef int32_t (*read_fn)(struct subwg_cable *cable, struct subwg_snapshot **ret_snapshot,
                           struct subwg_error *error);

static void read_with(read_fn read)
{
    subwg_snapshot_unref(snapshot);
    crowd_must(read(crowd_cable(), &snapshot, &error), &error);
}

static void get_connections(void)
{
    read_with(subwg_cable_get_connections);
}

static void metrics_snapshot(void)
{
    read_with(subwg_cable_metrics_snapshot);
}

/* The second read is the first that finds everything as the last one left it. */
static void read_before(void)
{
    for (int i = 0; i < 2; i++) {
        get_connections();
        metrics_snapshot();
    }
}

static int32_t take_text(void *context, const char *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    (void)count;
    return 0;
}

static void write_seed_text(void)
{
    crowd_must(subwg_write_exposition(SUBWG_PROFILE_SEED, &snapshot, 1, take_text, NULL), &error);
}

static void write_submariner_text(void)
{
    crowd_must(subwg_write_exposition(SUBWG_PROFILE_SUBMARINER, &snapshot, 1, take_text, NULL),
               &error);
}

static void write_table(void)
{
    crowd_must(subwg_write_connection_table("crowd", &snapshot, 1, take_text, NULL), &error);
}

/* A device of its own, so that the driver's part of a read can be told from the kernel's format. */
static struct netlink *netlink;
static struct wg_device device;
static uint32_t ifindex;

static void decode(void)
{
    crowd_must(wg_get_device(netlink, ifindex, NULL, &device, &error), &error);
}

static void find_device(void)
{
    struct link_info link;
    netlink_close(netlink);
    crowd_must(netlink_open(5000, &netlink, &error), &error);
    crowd_must(link_find(netlink, CROWD_DEVICE, &link, &error), &error);
    ifindex = link.ifindex;
}

static void decode_before(void)
{
    find_device();
    decode();
    decode();
}

static void reconcile(void)
{
    crowd_must(subwg_cable_reconcile(crowd_cable(), 0, NULL, NULL, &error), &error);
}

static void make_newcomers(void)
{
    for (uint32_t i = 0; i < OPERATIONS_MANY; i++) {
        crowd_remote_make(&newcomers[i], NEWCOMER + i);
        endpoints[i] = &newcomers[i].endpoint;
    }
}

/* Whoever connects may have the last dump to look at. */
static void read_and_make_newcomers(void)
{
    read_before();
    make_newcomers();
}

/* A list that is complete leaves a dump that no read has taken. */
static void complete_and_make_newcomers(void)
{
    read_and_make_newcomers();
    crowd_must(subwg_cable_list_complete(crowd_cable(), &error), &error);
}

/* A peer that somebody else made is no reason to look at all the others. */
static void meet_stranger_and_make_newcomers(void)
{
    const struct wg_peer_change stranger = {.public_key = {{9, 1, 2, 3}}};
    const struct wg_device_change change = {.peers = &stranger, .peer_count = 1};
    find_device();
    crowd_must(wg_set_device(netlink, ifindex, &change, &error), &error);
    read_and_make_newcomers();
}

static void must_be_refused(const struct crowd_remote *remote)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    if (subwg_cable_connect(crowd_cable(), &remote->endpoint, address, &error) >= 0) {
        printf("not ok an endpoint that is to be refused is connected\n");
        exit(EXIT_FAILURE);
    }
}

/* The leftover's own endpoint is refused, so it is not a stranger's: it stays, and a word of its cluster
 * can take that back. */
static void name_leftover_and_make_newcomers(void)
{
    struct crowd_remote refused;
    crowd_restart();
    crowd_remote_make(&refused, 0);
    refused.endpoint.private_ip = "nowhere";
    must_be_refused(&refused);
    read_and_make_newcomers();
}

/* Number 0 with another key, at a place that stays. */
static void change_key(struct crowd_remote *remote)
{
    crowd_remote_make(remote, 0);
    remote->config[0].value = newcomers[1].key;
}

/* The leftover's cluster has another key and was refused, because the leftover has its subnets. */
static void hold_leftover_and_make_newcomers(void)
{
    struct crowd_remote changed;
    crowd_restart();
    make_newcomers();
    change_key(&changed);
    must_be_refused(&changed);
    reconcile();
    crowd_must(subwg_cable_list_complete(crowd_cable(), &error), &error);
    read_before();
}

/* The cluster's subnets wait at its old peer until the new one answers. */
static void move_and_make_newcomers(void)
{
    struct crowd_remote changed;
    reconcile();
    make_newcomers();
    change_key(&changed);
    crowd_connect(&changed);
    read_before();
}

static void connect_newcomer(void)
{
    crowd_connect(&newcomers[0]);
}

static void make_connected(void)
{
    read_and_make_newcomers();
    connect_newcomer();
}

static void disconnect_newcomer(void)
{
    crowd_must(subwg_cable_disconnect(crowd_cable(), &newcomers[0].endpoint, &error), &error);
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *result)
{
    (void)context;
    (void)index;
    (void)address;
    crowd_must(code, result);
}

static void connect_newcomers(void)
{
    crowd_must(subwg_cable_connect_many(crowd_cable(), endpoints, OPERATIONS_MANY, take_result,
                                        NULL, &error),
               &error);
}

static void make_many_connected(void)
{
    make_newcomers();
    connect_newcomers();
}

static void disconnect_newcomers(void)
{
    crowd_must(subwg_cable_disconnect_many(crowd_cable(), endpoints, OPERATIONS_MANY, take_result,
                                           NULL, &error),
               &error);
}

static void reconcile_before(void)
{
    crowd_must(subwg_cable_list_complete(crowd_cable(), &error), &error);
    reconcile();
    reconcile();
}

static void dispatch(void)
{
    crowd_must(subwg_cable_dispatch(crowd_cable(), &error), &error);
}

static void attend(void)
{
    reconcile_before();
    crowd_must(subwg_cable_event_fd(crowd_cable(), &error), &error);
    crowd_pass(40);
    dispatch();
    dispatch();
}

static void cleanup(void)
{
    crowd_must(subwg_cable_cleanup(crowd_cable(), &error), &error);
}

const struct operation operations[] = {
    {"decode", decode_before, decode},
    {"get_connections", read_before, get_connections},
    {"metrics_snapshot", read_before, metrics_snapshot},
    {"seed's text", read_before, write_seed_text},
    {"Submariner's text", read_before, write_submariner_text},
    {"connection table", read_before, write_table},
    {"connect", read_and_make_newcomers, connect_newcomer},
    {"connect, list complete", complete_and_make_newcomers, connect_newcomer},
    {"connect beside a stranger", meet_stranger_and_make_newcomers, connect_newcomer},
    {"connect beside a leftover named", name_leftover_and_make_newcomers, connect_newcomer},
    {"connect beside one held", hold_leftover_and_make_newcomers, connect_newcomer},
    {"connect beside a move", move_and_make_newcomers, connect_newcomer},
    {"connect, nothing new", make_connected, connect_newcomer},
    {"disconnect", make_connected, disconnect_newcomer},
    {"connect_many", make_newcomers, connect_newcomers},
    {"disconnect_many", make_many_connected, disconnect_newcomers},
    {"reconcile, nothing", reconcile_before, reconcile},
    {"dispatch, nothing", attend, dispatch},
    {"cleanup", NULL, cleanup},
};
const size_t operation_count = sizeof(operations) / sizeof(operations[0]);
