/* SPDX-License-Identifier: Apache-2.0 */
/* Building a snapshot from the rows that a driver pushes. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include <subwg/snapshot.h>

enum snapshot_kind { SNAPSHOT_CONNECTIONS, SNAPSHOT_METRICS, SNAPSHOT_KINDS };

/* What a snapshot took: room for as much lets the next one do with a single allocation. */
struct snapshot_sizes {
    uint32_t rows;
    size_t text_bytes; /* subnet lists and strings */
};

/* Rows and texts are at once where they stay; only the array of the rows may move as it grows. */
struct subwg_snapshot_builder {
    enum snapshot_kind kind;
    struct subwg_snapshot *snapshot;
    unsigned char *rows;
    size_t row_size;
    uint32_t row_capacity;
    unsigned char *text; /* the next free byte, */
    size_t text_left;    /* how many there are before another chunk is needed, */
    size_t text_taken;   /* and how many are gone */
    uint32_t row_count;
    int32_t code;      /* first failure; sticky, so that no driver can hide it */
    const char *fault; /* what it was */
};

/* Starts a snapshot; local gives the identity of the own endpoint. Failures show in code. */
void snapshot_builder_init(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                           const char *driver, const struct subwg_endpoint *local,
                           uint64_t taken_realtime_ns);
/* The same, with room for what is expected. More is no fault. */
void snapshot_builder_init_sized(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                                 const char *driver, const struct subwg_endpoint *local,
                                 uint64_t taken_realtime_ns, struct snapshot_sizes expected);
struct snapshot_sizes snapshot_builder_sizes(const struct subwg_snapshot_builder *builder);
/* Frees what was not finished. */
void snapshot_builder_release(struct subwg_snapshot_builder *builder);

/* Copies a row. 0, -EINVAL or -ENOMEM. */
int32_t snapshot_add_connection(struct subwg_snapshot_builder *builder,
                                const struct subwg_connection *row);
int32_t snapshot_add_metric(struct subwg_snapshot_builder *builder, const struct subwg_metric *row);

/* Hands the snapshot over. Fails with the builder's code if any row failed. */
int32_t snapshot_finish(struct subwg_snapshot_builder *builder,
                        struct subwg_snapshot **ret_snapshot);

#endif
