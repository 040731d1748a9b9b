/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/head.h"
#include "engine/snapshot_layout.h"

#define LEAST_ROWS       16u
#define LEAST_TEXT_BYTES 1024u

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The string members of each struct, so that one loop copies them. */
static const size_t connection_strings[] = {
    offsetof(struct subwg_connection, status_text), offsetof(struct subwg_connection, cluster_id),
    offsetof(struct subwg_connection, cable_name),  offsetof(struct subwg_connection, hostname),
    offsetof(struct subwg_connection, private_ip),  offsetof(struct subwg_connection, public_ip),
    offsetof(struct subwg_connection, remote_ip),   offsetof(struct subwg_connection, peer),
};
static const size_t metric_strings[] = {
    offsetof(struct subwg_metric, cluster_id), offsetof(struct subwg_metric, cable_name),
    offsetof(struct subwg_metric, hostname),   offsetof(struct subwg_metric, private_ip),
    offsetof(struct subwg_metric, public_ip),  offsetof(struct subwg_metric, remote_ip),
};
static const size_t endpoint_strings[] = {
    offsetof(struct subwg_endpoint, cluster_id), offsetof(struct subwg_endpoint, cable_name),
    offsetof(struct subwg_endpoint, hostname),   offsetof(struct subwg_endpoint, private_ip),
    offsetof(struct subwg_endpoint, public_ip),  offsetof(struct subwg_endpoint, backend),
};

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
static void *next_row(struct subwg_snapshot_builder *builder)
{
    if (builder->row_count >= SUBWG_SNAPSHOT_ROWS_MAX) {
        (void)fail(builder, -EINVAL, "more than 1048576 rows");
        return NULL;
    }
    if (builder->row_count == builder->row_capacity && grow_rows(builder) != 0)
        return NULL;
    return builder->rows + builder->row_count * builder->row_size;
}

static int32_t add_chunk(struct subwg_snapshot_builder *builder, size_t least)
{
    size_t size = builder->text_taken;
    if (size < LEAST_TEXT_BYTES)
        size = LEAST_TEXT_BYTES;
    if (size < least)
        size = least;
    struct snapshot_chunk *chunk = malloc(sizeof(*chunk) + size);
    if (chunk == NULL)
        return fail_no_memory(builder);
    chunk->next = builder->snapshot->chunks;
    builder->snapshot->chunks = chunk;
    builder->text = chunk->bytes;
    builder->text_left = size;
    return 0;
}

/* Room for texts, NULL on failure. alignment is a power of two. */
static void *take(struct subwg_snapshot_builder *builder, size_t count, size_t alignment)
{
    size_t padding = (size_t)(-(uintptr_t)builder->text & (alignment - 1));
    if (count > LIMIT_SNAPSHOT_BYTES - builder->text_taken) {
        (void)fail_no_memory(builder);
        return NULL;
    }
    if (padding > builder->text_left || count > builder->text_left - padding) {
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

static int32_t fail_long_string(struct subwg_snapshot_builder *builder)
{
    return fail(builder, -EINVAL, "a string is longer than 4096 bytes");
}

/* Puts a copy in the place of a string. */
static int32_t take_string(struct subwg_snapshot_builder *builder, const char **string)
{
    if (*string == NULL || **string == '\0') {
        *string = "";
        return 0;
    }
    size_t length = strnlen(*string, SUBWG_SNAPSHOT_STRING_MAX + 1);
    if (length > SUBWG_SNAPSHOT_STRING_MAX)
        return fail_long_string(builder);
    char *copy = take(builder, length + 1, 1);
    if (copy == NULL)
        return builder->code;
    memcpy(copy, *string, length + 1);
    copy[length] = '\0'; /* whatever the driver's other threads do to it */
    *string = copy;
    return 0;
}

/* A row's texts and their copy. */
struct texts {
    const char *from;
    const char *copy;
    size_t bytes;
};

static int32_t take_texts(struct subwg_snapshot_builder *builder, const char **row_texts,
                          uint64_t bytes, struct texts *ret_texts)
{
    const char *from = *row_texts;
    *ret_texts = (struct texts){.from = from, .bytes = (size_t)bytes};
    if (from == NULL && bytes == 0)
        return 0;
    if (from == NULL || bytes == 0 || bytes > SUBWG_SNAPSHOT_TEXTS_MAX || from[bytes - 1] != '\0')
        return fail(builder, -EINVAL, "the texts of a row are not valid");
    char *copy = take(builder, ret_texts->bytes, 1);
    if (copy == NULL)
        return builder->code;
    memcpy(copy, from, ret_texts->bytes);
    copy[bytes - 1] = '\0';
    ret_texts->copy = copy;
    *row_texts = copy;
    return 0;
}

/* As take_string(), but what lies in the texts is there already. */
static int32_t find_or_take_string(struct subwg_snapshot_builder *builder,
                                   const struct texts *texts, const char **string)
{
    size_t within = (size_t)((uintptr_t)*string - (uintptr_t)texts->from);
    if (within >= texts->bytes)
        return take_string(builder, string);
    *string = texts->copy + within;
    if (texts->bytes > SUBWG_SNAPSHOT_STRING_MAX + 1 &&
        strnlen(*string, SUBWG_SNAPSHOT_STRING_MAX + 1) > SUBWG_SNAPSHOT_STRING_MAX)
        return fail_long_string(builder);
    return 0;
}

static int32_t take_strings(struct subwg_snapshot_builder *builder, const struct texts *texts,
                            void *row, const size_t *members, size_t count)
{
    int32_t code = 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = find_or_take_string(builder, texts,
                                   (const char **)(void *)((unsigned char *)row + members[i]));
    return code;
}

static int32_t take_subnets(struct subwg_snapshot_builder *builder, const struct texts *texts,
                            struct subwg_connection *row)
{
    if (row->subnet_count > SUBWG_SNAPSHOT_SUBNETS_MAX)
        return fail(builder, -EINVAL, "a row has more than 65536 subnets");
    if (row->subnet_count > 0 && row->subnets == NULL)
        return fail(builder, -EINVAL, "a row counts subnets and has none");
    const char **copies =
        take(builder, row->subnet_count * sizeof(*copies), _Alignof(const char *));
    int32_t code = copies == NULL ? builder->code : 0;
    for (uint32_t i = 0; code == 0 && i < row->subnet_count; i++) {
        copies[i] = row->subnets[i];
        code = find_or_take_string(builder, texts, &copies[i]);
    }
    row->subnets = copies;
    return code;
}

int32_t snapshot_add_connection(struct subwg_snapshot_builder *builder,
                                const struct subwg_connection *row)
{
    if (builder->code != 0)
        return builder->code;
    if (builder->kind != SNAPSHOT_CONNECTIONS)
        return fail(builder, -EINVAL, "a connection row in metrics_snapshot");
    if (row == NULL || !head_is(&row->head, SUBWG_MAGIC_CONNECTION, SUBWG_CONNECTION_SIZE_1_0))
        return fail(builder, -EINVAL, "the head of a connection row is not valid");
    struct subwg_connection *copy = next_row(builder);
    if (copy == NULL)
        return builder->code;
    head_copy_known(copy, sizeof(*copy), row);
    copy->present &= KNOWN_PRESENT;
    struct texts texts;
    int32_t code = take_texts(builder, &copy->texts, copy->texts_bytes, &texts);
    if (code == 0)
        code =
            take_strings(builder, &texts, copy, connection_strings, COUNT_OF(connection_strings));
    if (code == 0)
        code = take_subnets(builder, &texts, copy);
    builder->row_count += code == 0;
    return code;
}

int32_t snapshot_add_metric(struct subwg_snapshot_builder *builder, const struct subwg_metric *row)
{
    if (builder->code != 0)
        return builder->code;
    if (builder->kind != SNAPSHOT_METRICS)
        return fail(builder, -EINVAL, "a metric row in get_connections");
    if (row == NULL || !head_is(&row->head, SUBWG_MAGIC_METRIC, SUBWG_METRIC_SIZE_1_0))
        return fail(builder, -EINVAL, "the head of a metric row is not valid");
    struct subwg_metric *copy = next_row(builder);
    if (copy == NULL)
        return builder->code;
    head_copy_known(copy, sizeof(*copy), row);
    copy->present &= KNOWN_PRESENT;
    struct texts texts;
    int32_t code = take_texts(builder, &copy->texts, copy->texts_bytes, &texts);
    if (code == 0)
        code = take_strings(builder, &texts, copy, metric_strings, COUNT_OF(metric_strings));
    builder->row_count += code == 0;
    return code;
}

static void take_identity(struct subwg_snapshot_builder *builder, const char *driver,
                          const struct subwg_endpoint *local)
{
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
    if (take_string(builder, &snapshot->driver) == 0)
        (void)take_strings(builder, &(struct texts){0}, &snapshot->local, endpoint_strings,
                           COUNT_OF(endpoint_strings));
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
