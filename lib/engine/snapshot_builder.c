/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/head.h"
#include "engine/snapshot_layout.h"

#define LEAST_ROWS       16u
#define LEAST_TEXT_BYTES 1024u

#define KNOWN_PRESENT                                                                        \
    (SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME | SUBWG_HAS_HANDSHAKE | SUBWG_HAS_ESTABLISHED | \
     SUBWG_HAS_LATENCY | SUBWG_HAS_USE_NAT)

static int32_t fail(struct subwg_snapshot_builder *builder, int32_t code, const char *fault)
{
    if (builder->code == 0) {
        builder->code = code;
        builder->fault = fault;
    }
    return code;
}

static int32_t fail_no_memory(struct subwg_snapshot_builder *builder)
{
    return fail(builder, -ENOMEM, "no memory for the snapshot");
}

static int32_t grow_rows(struct subwg_snapshot_builder *builder)
{
    uint32_t capacity = builder->row_capacity < LEAST_ROWS ? LEAST_ROWS : 2 * builder->row_capacity;
    size_t used = builder->row_count * builder->row_size;
    struct subwg_snapshot *snapshot = builder->snapshot;
    unsigned char *rows = realloc(snapshot->outside_rows, capacity * builder->row_size);
    if (rows == NULL)
        return fail_no_memory(builder);
    if (snapshot->outside_rows == NULL && used > 0)
        memcpy(rows, builder->rows, used);
    snapshot->outside_rows = rows;
    builder->rows = rows;
    builder->row_capacity = capacity;
    return 0;
}

/* The place of the next row, which counts only once it is whole. NULL on failure. */
static inline void *next_row(struct subwg_snapshot_builder *builder)
{
    if (builder->row_count >= SUBWG_SNAPSHOT_ROWS_MAX) {
        (void)fail(builder, -EINVAL, "more than 1048576 rows");
        return NULL;
    }
    if (builder->row_count == builder->row_capacity && grow_rows(builder) != 0)
        return NULL;
    return builder->rows + builder->row_count * builder->row_size;
}

/* The texts of a snapshot, taken or not, never exceed their limit. */
static __attribute__((noinline)) int32_t add_chunk(struct subwg_snapshot_builder *builder,
                                                   size_t least)
{
    size_t allowed = LIMIT_SNAPSHOT_BYTES - builder->text_taken;
    size_t size = builder->text_taken;
    if (size < LEAST_TEXT_BYTES)
        size = LEAST_TEXT_BYTES;
    if (size < least)
        size = least;
    if (size > allowed)
        size = allowed;
    struct snapshot_chunk *chunk = least <= allowed ? malloc(sizeof(*chunk) + size) : NULL;
    if (chunk == NULL)
        return fail_no_memory(builder);
    chunk->next = builder->snapshot->chunks;
    builder->snapshot->chunks = chunk;
    builder->text = chunk->bytes;
    builder->text_left = size;
    return 0;
}

/* Room for texts, NULL on failure. alignment is a power of two. */
static inline void *take(struct subwg_snapshot_builder *builder, size_t count, size_t alignment)
{
    size_t padding = (size_t)(-(uintptr_t)builder->text & (alignment - 1));
    if (padding + count > builder->text_left) {
        if (add_chunk(builder, count) != 0)
            return NULL;
        padding = 0;
    }
    void *taken = builder->text + padding;
    builder->text += padding + count;
    builder->text_left -= padding + count;
    builder->text_taken += padding + count;
    return taken;
}

/* A row's texts and their copy. */
struct texts {
    const char *from;
    char *copy;
    size_t bytes;
    size_t sure_bytes; /* the same, or 0 where a string in them may be too long */
};

static inline struct texts take_texts(struct subwg_snapshot_builder *builder,
                                      const char **row_texts, uint64_t bytes)
{
    const char *from = *row_texts;
    if (from == NULL && bytes == 0)
        return (struct texts){0};
    if (from == NULL || bytes == 0 || bytes > SUBWG_SNAPSHOT_TEXTS_MAX || from[bytes - 1] != '\0') {
        (void)fail(builder, -EINVAL, "the texts of a row are not valid");
        return (struct texts){0};
    }
    char *copy = take(builder, (size_t)bytes, 1);
    if (copy == NULL)
        return (struct texts){0};
    memcpy(copy, from, (size_t)bytes);
    copy[bytes - 1] = '\0'; /* whatever the driver's other threads do to it */
    *row_texts = copy;
    return (struct texts){.from = from,
                          .copy = copy,
                          .bytes = (size_t)bytes,
                          .sure_bytes = bytes <= SUBWG_SNAPSHOT_STRING_MAX + 1 ? (size_t)bytes : 0};
}

static void fail_long_string(struct subwg_snapshot_builder *builder)
{
    (void)fail(builder, -EINVAL, "a string is longer than 4096 bytes");
}

/* Puts a copy in the place of a string. */
static void copy_string(struct subwg_snapshot_builder *builder, const char **string)
{
    size_t length = strnlen(*string, SUBWG_SNAPSHOT_STRING_MAX + 1);
    if (length > SUBWG_SNAPSHOT_STRING_MAX) {
        fail_long_string(builder);
        return;
    }
    char *copy = take(builder, length + 1, 1);
    if (copy == NULL)
        return;
    memcpy(copy, *string, length);
    copy[length] = '\0';
    *string = copy;
}

static __attribute__((noinline)) void take_other_string(struct subwg_snapshot_builder *builder,
                                                        const struct texts *texts,
                                                        const char **string)
{
    size_t within = (size_t)((uintptr_t)*string - (uintptr_t)texts->from);
    if (within < texts->bytes) {
        *string = texts->copy + within;
        if (strnlen(*string, SUBWG_SNAPSHOT_STRING_MAX + 1) > SUBWG_SNAPSHOT_STRING_MAX)
            fail_long_string(builder);
    } else if (*string == NULL || **string == '\0') {
        *string = "";
    } else {
        copy_string(builder, string);
    }
}

/* Puts a copy in the place of a string; what lies in the texts is copied already. A failure shows in the
 * builder's code. */
static inline void take_string(struct subwg_snapshot_builder *builder, const struct texts *texts,
                               const char **string)
{
    size_t within = (size_t)((uintptr_t)*string - (uintptr_t)texts->from);
    if (within < texts->sure_bytes)
        *string = texts->copy + within;
    else
        take_other_string(builder, texts, string);
}

static void take_subnets(struct subwg_snapshot_builder *builder, const struct texts *texts,
                         struct subwg_connection *row)
{
    if (row->subnet_count > SUBWG_SNAPSHOT_SUBNETS_MAX) {
        (void)fail(builder, -EINVAL, "a row has more than 65536 subnets");
        return;
    }
    if (row->subnet_count > 0 && row->subnets == NULL) {
        (void)fail(builder, -EINVAL, "a row counts subnets and has none");
        return;
    }
    const char **copies =
        take(builder, row->subnet_count * sizeof(*copies), _Alignof(const char *));
    if (copies == NULL)
        return;
    for (uint32_t i = 0; builder->code == 0 && i < row->subnet_count; i++) {
        copies[i] = row->subnets[i];
        take_string(builder, texts, &copies[i]);
    }
    row->subnets = copies;
}

/* What a row of a kind is, and what is wrong with another. */
struct row_kind {
    uint32_t magic;
    uint32_t least_size;
    uint32_t size;
    const char *misplaced;
    const char *invalid;
};

static const struct row_kind row_kinds[SNAPSHOT_KINDS] = {
    [SNAPSHOT_CONNECTIONS] = {SUBWG_MAGIC_CONNECTION, SUBWG_CONNECTION_SIZE_1_0,
                              sizeof(struct subwg_connection),
                              "a connection row in metrics_snapshot",
                              "the head of a connection row is not valid"},
    [SNAPSHOT_METRICS] = {SUBWG_MAGIC_METRIC, SUBWG_METRIC_SIZE_1_0, sizeof(struct subwg_metric),
                          "a metric row in get_connections",
                          "the head of a metric row is not valid"},
};

/* The next row with what we know of theirs, its strings still theirs; it counts once it is whole. NULL on
 * failure. */
static inline __attribute__((always_inline)) void *begin_row(struct subwg_snapshot_builder *builder,
                                                             enum snapshot_kind kind,
                                                             const struct subwg_head *theirs)
{
    const struct row_kind *known = &row_kinds[kind];
    if (builder->code != 0)
        return NULL;
    const char *fault = builder->kind != kind ? known->misplaced
                        : theirs == NULL || !head_is(theirs, known->magic, known->least_size)
                            ? known->invalid
                            : NULL;
    if (fault != NULL) {
        (void)fail(builder, -EINVAL, fault);
        return NULL;
    }
    void *row = next_row(builder);
    if (row != NULL && theirs->size == known->size)
        memcpy(row, theirs, known->size);
    else if (row != NULL)
        head_copy_known(row, known->size, theirs);
    return row;
}

static int32_t end_row(struct subwg_snapshot_builder *builder)
{
    builder->row_count += builder->code == 0;
    return builder->code;
}

int32_t snapshot_add_connection(struct subwg_snapshot_builder *builder,
                                const struct subwg_connection *row)
{
    struct subwg_connection *copy = begin_row(builder, SNAPSHOT_CONNECTIONS, (const void *)row);
    if (copy == NULL)
        return builder->code;
    copy->present &= KNOWN_PRESENT;
    struct texts texts = take_texts(builder, &copy->texts, copy->texts_bytes);
    take_string(builder, &texts, &copy->status_text);
    take_string(builder, &texts, &copy->cluster_id);
    take_string(builder, &texts, &copy->cable_name);
    take_string(builder, &texts, &copy->hostname);
    take_string(builder, &texts, &copy->private_ip);
    take_string(builder, &texts, &copy->public_ip);
    take_string(builder, &texts, &copy->remote_ip);
    take_string(builder, &texts, &copy->peer);
    take_subnets(builder, &texts, copy);
    return end_row(builder);
}

int32_t snapshot_add_metric(struct subwg_snapshot_builder *builder, const struct subwg_metric *row)
{
    struct subwg_metric *copy = begin_row(builder, SNAPSHOT_METRICS, (const void *)row);
    if (copy == NULL)
        return builder->code;
    copy->present &= KNOWN_PRESENT;
    struct texts texts = take_texts(builder, &copy->texts, copy->texts_bytes);
    take_string(builder, &texts, &copy->cluster_id);
    take_string(builder, &texts, &copy->cable_name);
    take_string(builder, &texts, &copy->hostname);
    take_string(builder, &texts, &copy->private_ip);
    take_string(builder, &texts, &copy->public_ip);
    take_string(builder, &texts, &copy->remote_ip);
    return end_row(builder);
}

static void take_identity(struct subwg_snapshot_builder *builder, const char *driver,
                          const struct subwg_endpoint *local)
{
    const struct texts none = {0};
    struct subwg_snapshot *snapshot = builder->snapshot;
    snapshot->driver = driver;
    snapshot->local = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    snapshot->local.nat_enabled = local->nat_enabled;
    snapshot->local.cluster_id = local->cluster_id;
    snapshot->local.cable_name = local->cable_name;
    snapshot->local.hostname = local->hostname;
    snapshot->local.private_ip = local->private_ip;
    snapshot->local.public_ip = local->public_ip;
    snapshot->local.backend = local->backend;
    take_string(builder, &none, &snapshot->driver);
    take_string(builder, &none, &snapshot->local.cluster_id);
    take_string(builder, &none, &snapshot->local.cable_name);
    take_string(builder, &none, &snapshot->local.hostname);
    take_string(builder, &none, &snapshot->local.private_ip);
    take_string(builder, &none, &snapshot->local.public_ip);
    take_string(builder, &none, &snapshot->local.backend);
}

/* A little more than the last time, as texts with numbers in them grow. */
static size_t with_margin(size_t count)
{
    return count + count / 16;
}

void snapshot_builder_init_sized(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                                 const char *driver, const struct subwg_endpoint *local,
                                 uint64_t taken_realtime_ns, struct snapshot_sizes expected)
{
    *builder = (struct subwg_snapshot_builder){
        .kind = kind,
        .row_size = kind == SNAPSHOT_CONNECTIONS ? sizeof(struct subwg_connection)
                                                 : sizeof(struct subwg_metric),
        .row_capacity = (uint32_t)with_margin(expected.rows),
        .text_left = LEAST_TEXT_BYTES + with_margin(expected.text_bytes),
    };
    if (builder->text_left > LIMIT_SNAPSHOT_BYTES)
        builder->text_left = LIMIT_SNAPSHOT_BYTES;
    size_t row_bytes = builder->row_capacity * builder->row_size;
    struct subwg_snapshot *snapshot = snapshot_allocate(row_bytes, builder->text_left);
    if (snapshot == NULL) {
        (void)fail_no_memory(builder);
        return;
    }
    snapshot->taken_realtime_ns = taken_realtime_ns;
    builder->snapshot = snapshot;
    builder->rows = (unsigned char *)(snapshot + 1);
    builder->text = builder->rows + row_bytes;
    take_identity(builder, driver, local);
}

void snapshot_builder_init(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                           const char *driver, const struct subwg_endpoint *local,
                           uint64_t taken_realtime_ns)
{
    snapshot_builder_init_sized(builder, kind, driver, local, taken_realtime_ns,
                                (struct snapshot_sizes){0});
}

struct snapshot_sizes snapshot_builder_sizes(const struct subwg_snapshot_builder *builder)
{
    return (struct snapshot_sizes){.rows = builder->row_count, .text_bytes = builder->text_taken};
}

void snapshot_builder_release(struct subwg_snapshot_builder *builder)
{
    if (builder->snapshot != NULL)
        snapshot_free(builder->snapshot);
    builder->snapshot = NULL;
}

int32_t snapshot_finish(struct subwg_snapshot_builder *builder,
                        struct subwg_snapshot **ret_snapshot)
{
    if (builder->code != 0)
        return builder->code;
    struct subwg_snapshot *snapshot = builder->snapshot;
    if (builder->kind == SNAPSHOT_CONNECTIONS) {
        snapshot->connections = (const struct subwg_connection *)(void *)builder->rows;
        snapshot->connection_count = builder->row_count;
    } else {
        snapshot->metrics = (const struct subwg_metric *)(void *)builder->rows;
        snapshot->metric_count = builder->row_count;
    }
    builder->snapshot = NULL;
    *ret_snapshot = snapshot;
    return 0;
}
