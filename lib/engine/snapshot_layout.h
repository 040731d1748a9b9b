/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot is in memory, for those that build and read it. */
#ifndef ENGINE_SNAPSHOT_LAYOUT_H
#define ENGINE_SNAPSHOT_LAYOUT_H

#include <stdatomic.h>

#include "engine/snapshot.h"

/* Text memory that was asked for when the snapshot's own ran out. It never moves: rows point into it. */
struct snapshot_chunk {
    struct snapshot_chunk *next;
    unsigned char bytes[];
};

/* The beginning of one allocation. Behind it lie the rows and then their subnet lists and strings, as
 * many as were expected; what is beyond that lies outside. */
struct subwg_snapshot {
    atomic_uint references;
    uint32_t connection_count;
    uint32_t metric_count;
    uint64_t taken_realtime_ns;
    const char *driver;
    struct subwg_endpoint local;
    const struct subwg_connection *connections;
    const struct subwg_metric *metrics;
    unsigned char *outside_rows; /* NULL while the rows lie in this allocation */
    struct snapshot_chunk *chunks;
};

/* With its own memory for so many rows and bytes of text. NULL if there is none. */
struct subwg_snapshot *snapshot_allocate(size_t row_bytes, size_t text_bytes);
void snapshot_free(struct subwg_snapshot *snapshot);

#endif
