/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/head.h"
#include "engine/snapshot_layout.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The string members of each struct, so that one loop copies and one loop resolves them. */
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

/* Room for count more bytes at the end, NULL if there is none. */
static void *buffer_take(struct snapshot_buffer *buffer, size_t count)
{
    if (count > LIMIT_SNAPSHOT_BYTES - buffer->used)
        return NULL;
    size_t wanted = buffer->used + count;
    if (wanted > buffer->size) {
        size_t size = buffer->size > 0 ? buffer->size : 1024;
        while (size < wanted)
            size *= 2;
        unsigned char *bytes = realloc(buffer->bytes, size);
        if (bytes == NULL)
            return NULL;
        buffer->bytes = bytes;
        buffer->size = size;
    }
    void *taken = buffer->bytes + buffer->used;
    buffer->used = wanted;
    return taken;
}

/* Copies a string and gives its offset; all empty ones share offset 0. */
static int32_t add_string(struct subwg_snapshot_builder *builder, const char *string,
                          size_t *ret_offset)
{
    *ret_offset = 0;
    if (string == NULL || string[0] == '\0')
        return 0;
    size_t length = strnlen(string, SUBWG_SNAPSHOT_STRING_MAX + 1);
    if (length > SUBWG_SNAPSHOT_STRING_MAX)
        return fail(builder, -EINVAL, "a string is longer than 4096 bytes");
    size_t offset = builder->strings.used;
    char *copy = buffer_take(&builder->strings, length + 1);
    if (copy == NULL)
        return fail_no_memory(builder);
    memcpy(copy, string, length);
    copy[length] = '\0';
    *ret_offset = offset;
    return 0;
}

/* A row's texts, and where their copy begins. */
struct texts {
    const char *from;
    size_t bytes;
    size_t offset;
};

static int32_t take_texts(struct subwg_snapshot_builder *builder, const char *from, uint64_t bytes,
                          struct texts *ret_texts)
{
    *ret_texts =
        (struct texts){.from = from, .bytes = (size_t)bytes, .offset = builder->strings.used};
    if (from == NULL && bytes == 0)
        return 0;
    if (from == NULL || bytes == 0 || bytes > SUBWG_SNAPSHOT_TEXTS_MAX || from[bytes - 1] != '\0')
        return fail(builder, -EINVAL, "the texts of a row are not valid");
    char *copy = buffer_take(&builder->strings, ret_texts->bytes);
    if (copy == NULL)
        return fail_no_memory(builder);
    memcpy(copy, from, ret_texts->bytes);
    return 0;
}

/* As add_string(), but what lies in the texts is there already. */
static int32_t find_or_add_string(struct subwg_snapshot_builder *builder, const struct texts *texts,
                                  const char *string, size_t *ret_offset)
{
    size_t within = (size_t)((uintptr_t)string - (uintptr_t)texts->from);
    if (texts->from == NULL || within >= texts->bytes)
        return add_string(builder, string, ret_offset);
    if (texts->bytes > SUBWG_SNAPSHOT_STRING_MAX + 1 &&
        strnlen(string, SUBWG_SNAPSHOT_STRING_MAX + 1) > SUBWG_SNAPSHOT_STRING_MAX)
        return fail(builder, -EINVAL, "a string is longer than 4096 bytes");
    *ret_offset = texts->offset + within;
    return 0;
}

static const char **member(void *row, size_t offset)
{
    return (const char **)(void *)((unsigned char *)row + offset);
}

/* Until the arena exists, the place of a string's pointer holds its offset. */
_Static_assert(sizeof(size_t) <= sizeof(const char *), "an offset takes a pointer's place");

static int32_t take_strings(struct subwg_snapshot_builder *builder, const struct texts *texts,
                            void *row, const size_t *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char **string = member(row, members[i]);
        size_t offset;
        int32_t code = find_or_add_string(builder, texts, *string, &offset);
        if (code != 0)
            return code;
        *string = (const char *)(uintptr_t)offset;
    }
    return 0;
}

static int32_t take_subnets(struct subwg_snapshot_builder *builder, const struct texts *texts,
                            struct subwg_connection *row)
{
    if (row->subnet_count > SUBWG_SNAPSHOT_SUBNETS_MAX)
        return fail(builder, -EINVAL, "a row has more than 65536 subnets");
    if (row->subnet_count > 0 && row->subnets == NULL)
        return fail(builder, -EINVAL, "a row counts subnets and has none");
    for (uint32_t i = 0; i < row->subnet_count; i++) {
        size_t offset;
        int32_t code = find_or_add_string(builder, texts, row->subnets[i], &offset);
        size_t *slot = code == 0 ? buffer_take(&builder->subnets, sizeof(*slot)) : NULL;
        if (slot == NULL)
            return code != 0 ? code : fail_no_memory(builder);
        *slot = offset;
    }
    row->subnets = NULL; /* follows from the counts of the rows before */
    return 0;
}

static int32_t add_row(struct subwg_snapshot_builder *builder, const void *row, size_t size)
{
    if (builder->row_count >= SUBWG_SNAPSHOT_ROWS_MAX)
        return fail(builder, -EINVAL, "more than 1048576 rows");
    void *slot = buffer_take(&builder->rows, size);
    if (slot == NULL)
        return fail_no_memory(builder);
    memcpy(slot, row, size);
    builder->row_count++;
    return 0;
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
    struct subwg_connection copy;
    head_copy_known(&copy, sizeof(copy), row);
    copy.present &= KNOWN_PRESENT;
    struct texts texts;
    int32_t code = take_texts(builder, copy.texts, copy.texts_bytes, &texts);
    if (code == 0)
        code =
            take_strings(builder, &texts, &copy, connection_strings, COUNT_OF(connection_strings));
    if (code == 0)
        code = take_subnets(builder, &texts, &copy);
    copy.texts = (const char *)(uintptr_t)texts.offset;
    return code != 0 ? code : add_row(builder, &copy, sizeof(copy));
}

int32_t snapshot_add_metric(struct subwg_snapshot_builder *builder, const struct subwg_metric *row)
{
    if (builder->code != 0)
        return builder->code;
    if (builder->kind != SNAPSHOT_METRICS)
        return fail(builder, -EINVAL, "a metric row in get_connections");
    if (row == NULL || !head_is(&row->head, SUBWG_MAGIC_METRIC, SUBWG_METRIC_SIZE_1_0))
        return fail(builder, -EINVAL, "the head of a metric row is not valid");
    struct subwg_metric copy;
    head_copy_known(&copy, sizeof(copy), row);
    copy.present &= KNOWN_PRESENT;
    struct texts texts;
    int32_t code = take_texts(builder, copy.texts, copy.texts_bytes, &texts);
    if (code == 0)
        code = take_strings(builder, &texts, &copy, metric_strings, COUNT_OF(metric_strings));
    copy.texts = (const char *)(uintptr_t)texts.offset;
    return code != 0 ? code : add_row(builder, &copy, sizeof(copy));
}

void snapshot_builder_init(struct subwg_snapshot_builder *builder, enum snapshot_kind kind,
                           const char *driver, const struct subwg_endpoint *local,
                           uint64_t taken_realtime_ns)
{
    *builder = (struct subwg_snapshot_builder){
        .kind = kind, .taken_realtime_ns = taken_realtime_ns, .local = SUBWG_ENDPOINT_INIT};
    builder->local.nat_enabled = local->nat_enabled;
    builder->local.cluster_id = local->cluster_id;
    builder->local.cable_name = local->cable_name;
    builder->local.hostname = local->hostname;
    builder->local.private_ip = local->private_ip;
    builder->local.public_ip = local->public_ip;
    builder->local.backend = local->backend;
    char *empty = buffer_take(&builder->strings, 1);
    if (empty == NULL) {
        (void)fail_no_memory(builder);
        return;
    }
    *empty = '\0';
    if (add_string(builder, driver, &builder->driver) == 0)
        (void)take_strings(builder, &(struct texts){0}, &builder->local, endpoint_strings,
                           COUNT_OF(endpoint_strings));
}

void snapshot_builder_release(struct subwg_snapshot_builder *builder)
{
    free(builder->rows.bytes);
    free(builder->subnets.bytes);
    free(builder->strings.bytes);
}

static void resolve(void *row, const size_t *members, size_t count, const char *strings)
{
    for (size_t i = 0; i < count; i++) {
        const char **string = member(row, members[i]);
        *string = strings + (uintptr_t)*string;
    }
}

static void resolve_connections(const struct subwg_snapshot_builder *builder,
                                struct subwg_snapshot *snapshot, const char **subnets,
                                const char *strings)
{
    const size_t *offsets = (const size_t *)(void *)builder->subnets.bytes;
    size_t total = builder->subnets.used / sizeof(*offsets);
    for (size_t i = 0; i < total; i++)
        subnets[i] = strings + offsets[i];
    for (uint32_t i = 0; i < snapshot->connection_count; i++) {
        struct subwg_connection *row = &snapshot->connections[i];
        resolve(row, connection_strings, COUNT_OF(connection_strings), strings);
        row->subnets = subnets;
        row->texts = row->texts_bytes > 0 ? strings + (uintptr_t)row->texts : NULL;
        subnets += row->subnet_count;
    }
}

/* The parts of the arena are in order of their alignment, so no padding is needed between them. */
int32_t snapshot_finish(struct subwg_snapshot_builder *builder,
                        struct subwg_snapshot **ret_snapshot)
{
    if (builder->code != 0)
        return builder->code;
    unsigned char *arena = malloc(sizeof(struct subwg_snapshot) + builder->rows.used +
                                  builder->subnets.used + builder->strings.used);
    if (arena == NULL)
        return fail_no_memory(builder);
    struct subwg_snapshot *snapshot = (struct subwg_snapshot *)(void *)arena;
    unsigned char *rows = arena + sizeof(*snapshot);
    const char **subnets = (const char **)(void *)(rows + builder->rows.used);
    char *strings = (char *)subnets + builder->subnets.used;
    if (builder->rows.used > 0)
        memcpy(rows, builder->rows.bytes, builder->rows.used);
    memcpy(strings, builder->strings.bytes, builder->strings.used);

    *snapshot = (struct subwg_snapshot){.references = 1,
                                        .taken_realtime_ns = builder->taken_realtime_ns,
                                        .driver = strings + builder->driver,
                                        .local = builder->local};
    resolve(&snapshot->local, endpoint_strings, COUNT_OF(endpoint_strings), strings);
    if (builder->kind == SNAPSHOT_CONNECTIONS) {
        snapshot->connections = (struct subwg_connection *)(void *)rows;
        snapshot->connection_count = builder->row_count;
        resolve_connections(builder, snapshot, subnets, strings);
    } else {
        snapshot->metrics = (struct subwg_metric *)(void *)rows;
        snapshot->metric_count = builder->row_count;
        for (uint32_t i = 0; i < builder->row_count; i++) {
            struct subwg_metric *row = &snapshot->metrics[i];
            resolve(row, metric_strings, COUNT_OF(metric_strings), strings);
            row->texts = row->texts_bytes > 0 ? strings + (uintptr_t)row->texts : NULL;
        }
    }
    *ret_snapshot = snapshot;
    return 0;
}
