/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T65: many threads at one cable. Every result has to be the one of some order of all calls that keeps
 * to their times: each writer alone changes its cluster, so that what its calls return is known, and
 * each snapshot has to show a state that the whole cable had at one moment while it was taken.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"

#define WRITERS   12u
#define READERS   3u /* of connections, of metrics, by turns */
#define MAINTAINS 1u /* reconcile, list_complete, dispatch */
#define VERSIONS  601u
#define SEEN_MAX  4096u

static struct subwg_cable *cable;

/* A clock that orders the calls: each begins and ends at a moment of its own. */
static atomic_uint moments;
static unsigned moment(void)
{
    return atomic_fetch_add(&moments, 1);
}

/* Version 0 is absent, and so is every third; the call that made it began and ended then. */
static bool is_absent(unsigned version)
{
    return version % 3 == 0;
}

struct history {
    unsigned began[VERSIONS + 1];
    unsigned ended[VERSIONS + 1];
};
static struct history histories[WRITERS];
static atomic_uint writers_left;

static void *write_versions(void *context)
{
    unsigned cluster = crowd_number(context);
    for (unsigned version = 1; version < VERSIONS; version++) {
        struct crowd_remote remote;
        struct subwg_error error = SUBWG_ERROR_INIT;
        char address[SUBWG_ADDRESS_TEXT_SIZE];
        crowd_remote(&remote, cluster, version);
        histories[cluster].began[version] = moment();
        int32_t code = is_absent(version)
                           ? subwg_cable_disconnect(cable, &remote.endpoint, &error)
                           : subwg_cable_connect(cable, &remote.endpoint, address, &error);
        histories[cluster].ended[version] = moment();
        if (code != 0)
            complain("cluster %u, version %u: %d %s", cluster, version, code, error.text);
        /* The same again, as an engine that lists everything: nothing to do. */
        code = is_absent(version) ? subwg_cable_disconnect(cable, &remote.endpoint, &error)
                                  : subwg_cable_connect(cable, &remote.endpoint, address, &error);
        if (code != 1)
            complain("cluster %u, version %u again: %d", cluster, version, code);
    }
    atomic_fetch_sub(&writers_left, 1);
    return NULL;
}

/* One snapshot: when, and which version of each cluster it showed; 0 is absent. */
struct sight {
    unsigned began;
    unsigned ended;
    unsigned versions[WRITERS];
};
static struct sight sights[READERS][SEEN_MAX];
static unsigned sight_counts[READERS];

static void take_row(struct sight *sight, const char *cluster_id, const char *hostname)
{
    unsigned cluster = WRITERS;
    unsigned version = 0;
    if (sscanf(cluster_id, "remote%u", &cluster) != 1 || cluster >= WRITERS ||
        sscanf(hostname, "v%u", &version) != 1 || version == 0 || version >= VERSIONS)
        complain("a row of cluster '%s' at '%s'", cluster_id, hostname);
    else if (sight->versions[cluster] != 0)
        complain("two rows of cluster %u", cluster);
    else
        sight->versions[cluster] = version;
}

static void take_connections(struct sight *sight)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;
    sight->began = moment();
    int32_t code = subwg_cable_get_connections(cable, &snapshot, &error);
    sight->ended = moment();
    if (code != 0)
        complain("get_connections: %d %s", code, error.text);
    for (uint32_t i = 0; code == 0 && i < subwg_snapshot_connection_count(snapshot); i++) {
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, i);
        take_row(sight, row->cluster_id, row->hostname);
        if (row->subnet_count != crowd_subnet_count((unsigned)atoi(row->hostname + 1)))
            complain("%s at %s with %u subnets", row->cluster_id, row->hostname, row->subnet_count);
        if (row->status_reason == SUBWG_STATUS_REASON_MISSING)
            complain("%s at %s is said to be missing", row->cluster_id, row->hostname);
    }
    subwg_snapshot_unref(snapshot);
}

static void take_metrics(struct sight *sight)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;
    sight->began = moment();
    int32_t code = subwg_cable_metrics_snapshot(cable, &snapshot, &error);
    sight->ended = moment();
    if (code != 0)
        complain("metrics_snapshot: %d %s", code, error.text);
    for (uint32_t i = 0; code == 0 && i < subwg_snapshot_metric_count(snapshot); i++) {
        const struct subwg_metric *row = subwg_snapshot_metric(snapshot, i);
        take_row(sight, row->cluster_id, row->hostname);
    }
    subwg_snapshot_unref(snapshot);
}

static void *take_snapshots(void *context)
{
    unsigned reader = crowd_number(context) - WRITERS;
    unsigned count = 0;
    do {
        (count % 2 == reader % 2 ? take_connections : take_metrics)(&sights[reader][count]);
        count++;
    } while (atomic_load(&writers_left) > 0 && count < SEEN_MAX);
    sight_counts[reader] = count;
    return NULL;
}

static void *maintain(void *context)
{
    (void)context;
    while (atomic_load(&writers_left) > 0) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        int32_t code = subwg_cable_reconcile(cable, 0, NULL, NULL, &error);
        if (code == 0 || code == -EOPNOTSUPP)
            code = subwg_cable_list_complete(cable, &error);
        if (code == 0)
            code = subwg_cable_dispatch(cable, &error);
        if (code != 0)
            complain("maintenance: %d %s", code, error.text);
    }
    return NULL;
}

static void *take_part(void *context)
{
    unsigned number = crowd_number(context);
    if (number < WRITERS)
        return write_versions(context);
    return number < WRITERS + READERS ? take_snapshots(context) : maintain(context);
}

/* May this version, or an absent one for 0, have been the current one at that moment? */
static bool was_current(const struct history *history, unsigned version, unsigned at)
{
    if (version != 0)
        return history->began[version] <= at && at <= history->ended[version + 1];
    for (unsigned absent = 0; absent < VERSIONS; absent += 3)
        if (history->began[absent] <= at && at <= history->ended[absent + 1])
            return true;
    return false;
}

/* Whether something is current changes only when calls begin and end: it is enough to look then. */
static bool has_a_moment(const struct sight *sight)
{
    for (unsigned at = sight->began; at <= sight->ended; at++) {
        unsigned cluster = 0;
        while (cluster < WRITERS && was_current(&histories[cluster], sight->versions[cluster], at))
            cluster++;
        if (cluster == WRITERS)
            return true;
    }
    return false;
}

/* What one thread saw later is not older. */
static void assert_onward(const struct sight *list, unsigned count)
{
    unsigned newest[WRITERS] = {0};
    for (unsigned i = 0; i < count; i++)
        for (unsigned cluster = 0; cluster < WRITERS; cluster++) {
            unsigned version = list[i].versions[cluster];
            ck_assert_msg(version == 0 || version >= newest[cluster],
                          "cluster %u: version %u after %u", cluster, version, newest[cluster]);
            if (version > newest[cluster])
                newest[cluster] = version;
        }
}

START_TEST(every_snapshot_is_a_state_that_was)
{
    cable = crowd_cable_initialized(1);
    ck_assert_int_ge(subwg_cable_event_fd(cable, NULL), 0);
    atomic_store(&writers_left, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++)
        histories[i].ended[VERSIONS] = UINT32_MAX;
    crowd_run(take_part, WRITERS + READERS + MAINTAINS);
    for (unsigned reader = 0; reader < READERS; reader++) {
        for (unsigned i = 0; i < sight_counts[reader]; i++)
            ck_assert_msg(has_a_moment(&sights[reader][i]),
                          "reader %u, snapshot %u shows a state "
                          "that never was",
                          reader, i);
        assert_onward(sights[reader], sight_counts[reader]);
    }
    subwg_cable_destroy(cable);
}
END_TEST

#define RIVALS 16u
#define ROUNDS 400u
static atomic_int made;

/* All want the same connection, there or gone: it is made and removed by turns, however they race. */
static void *make_and_remove(void *context)
{
    unsigned random = crowd_number(context) * 2654435761u + 1;
    struct crowd_remote remote;
    crowd_remote(&remote, 0, 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        random = random * 1664525u + 1013904223u;
        bool make = random >> 31 != 0;
        int32_t code = make ? subwg_cable_connect(cable, &remote.endpoint, NULL, &error)
                            : subwg_cable_disconnect(cable, &remote.endpoint, &error);
        if (code == 0)
            atomic_fetch_add(&made, make ? 1 : -1);
        else if (code != 1)
            complain("%s: %d %s", make ? "connect" : "disconnect", code, error.text);
    }
    return NULL;
}

START_TEST(a_contested_connection_is_made_once_and_removed_once)
{
    cable = crowd_cable_initialized(1);
    crowd_run(make_and_remove, RIVALS);
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    ck_assert_int_eq(atomic_load(&made), (int)subwg_snapshot_connection_count(snapshot));
    subwg_snapshot_unref(snapshot);
    subwg_cable_destroy(cable);
}
END_TEST

int main(void)
{
    TCase *tests = crowd_case("one-cable");
    tcase_add_test(tests, every_snapshot_is_a_state_that_was);
    tcase_add_test(tests, a_contested_connection_is_made_once_and_removed_once);
    return crowd_main("one-cable", tests);
}
