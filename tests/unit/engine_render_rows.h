/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots made of rows, without a driver, for the tests of what is rendered from them. */
#ifndef ENGINE_RENDER_ROWS_H
#define ENGINE_RENDER_ROWS_H

#include "engine/snapshot.h"
#include "engine_fixture.h"

static inline struct subwg_snapshot *metric_snapshot(const char *driver,
                                                     const struct subwg_endpoint *local,
                                                     const struct subwg_metric *rows, size_t count)
{
    struct subwg_snapshot_builder builder;
    struct subwg_snapshot *snapshot = NULL;
    snapshot_builder_init(&builder, SNAPSHOT_METRICS, driver, local, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(snapshot_add_metric(&builder, &rows[i]), 0);
    ck_assert_int_eq(snapshot_finish(&builder, &snapshot), 0);
    snapshot_builder_release(&builder);
    return snapshot;
}

static inline struct subwg_snapshot *
connection_snapshot(const char *driver, const struct subwg_connection *rows, size_t count)
{
    struct subwg_snapshot_builder builder;
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_endpoint local = fixture_local();
    snapshot_builder_init(&builder, SNAPSHOT_CONNECTIONS, driver, &local, 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(snapshot_add_connection(&builder, &rows[i]), 0);
    ck_assert_int_eq(snapshot_finish(&builder, &snapshot), 0);
    snapshot_builder_release(&builder);
    return snapshot;
}

/* A connected row with figures, as the seed's examples have them. */
static inline struct subwg_metric metric_row(const char *cluster, const char *hostname,
                                             const char *private_ip, uint64_t lifetime_s,
                                             uint64_t rx_bytes, uint64_t tx_bytes)
{
    struct subwg_metric row = SUBWG_METRIC_INIT;
    row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME;
    row.status = SUBWG_STATUS_CONNECTED;
    row.cluster_id = cluster;
    row.hostname = hostname;
    row.private_ip = private_ip;
    row.lifetime_s = lifetime_s;
    row.rx_bytes = rx_bytes;
    row.tx_bytes = tx_bytes;
    return row;
}

#endif
