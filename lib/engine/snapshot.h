/* SPDX-License-Identifier: Apache-2.0 */
/* Building a snapshot from the rows that a driver pushes. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include <subwg/snapshot.h>

enum snapshot_kind { SNAPSHOT_CONNECTIONS, SNAPSHOT_METRICS };

/* Memory that grows by doubling. */
struct snapshot_buffer {
    unsigned char *bytes;
    size_t used;
    size_t size;
};

/* While building, strings are offsets into `strings`: the buffers move as they grow. */
struct subwg_snapshot_builder {
    enum snapshot_kind kind;
    uint64_t taken_realtime_ns;
    size_t driver; /* offset of its name */
    struct subwg_endpoint local;
    uint32_t row_count;
    struct snapshot_buffer rows;
    struct snapshot_buffer subnets; /* offsets */
    struct snapshot_buffer strings;
    int32_t code;      /* first failure; sticky, so that no driver can hide it */
    const char *fault; /* what it was */
};

/* Starts a snapshot; local gives the identity of the own endpoint. Failures show in code. */
void snapshot_builder_init(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                           const char *driver, const struct subwg_endpoint *local,
                           uint64_t taken_realtime_ns);
void snapshot_builder_release(struct subwg_snapshot_builder *builder);

/* Copies a row. 0, -EINVAL or -ENOMEM. */
int32_t snapshot_add_connection(struct subwg_snapshot_builder *builder,
                                const struct subwg_connection *row);
int32_t snapshot_add_metric(struct subwg_snapshot_builder *builder, const struct subwg_metric *row);

/* Puts everything into one arena. Fails with the builder's code if any row failed. */
int32_t snapshot_finish(struct subwg_snapshot_builder *builder,
                        struct subwg_snapshot **ret_snapshot);

#endif
