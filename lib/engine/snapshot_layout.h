/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot's arena holds, for those that build and read it. */
#ifndef ENGINE_SNAPSHOT_LAYOUT_H
#define ENGINE_SNAPSHOT_LAYOUT_H

#include <stdatomic.h>

#include "engine/snapshot.h"

/* The arena's beginning; rows, subnet lists and strings follow in the same allocation. */
struct subwg_snapshot {
    atomic_uint references;
    uint32_t connection_count;
    uint32_t metric_count;
    uint64_t taken_realtime_ns;
    const char *driver;
    struct subwg_endpoint local;
    struct subwg_connection *connections;
    struct subwg_metric *metrics;
};

#endif
