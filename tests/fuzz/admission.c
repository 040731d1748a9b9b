/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs from the other side of the ABI with any head: nothing is read or written beyond the size that
 * the head claims, and nothing but the head where that is nonsense. The input: which struct, and its bytes.
 */
#include <stddef.h>
#include <string.h>

#include <subwg/registry.h>

#include "base/error.h"
#include "engine/snapshot.h"
#include "fuzz.h"
#include "wireguard/connection.h"

/* As many bytes as the head claims, where it can be true; else the head alone. */
static void *make(struct input *input, uint32_t magic)
{
    struct subwg_head head = {.magic = magic};
    uint8_t flags = input_byte(input);
    head.size = (flags & 1u) != 0 ? (uint32_t)input_long(input) : input_short(input);
    head.abi_major = (flags & 2u) != 0 ? input_short(input) : SUBWG_ABI_MAJOR;
    head.abi_minor = (flags & 4u) != 0 ? input_short(input) : SUBWG_ABI_MINOR;
    head.flags = (flags & 8u) != 0 ? input_byte(input) : 0;
    head.magic ^= (flags & 16u) != 0 ? input_byte(input) : 0;
    size_t size =
        head.size <= SUBWG_STRUCT_SIZE_MAX && head.size >= sizeof(head) ? head.size : sizeof(head);
    uint8_t *bytes = calloc(1, size);
    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, &head, sizeof(head));
    return bytes;
}

static size_t size_of(const void *made)
{
    struct subwg_head head;
    memcpy(&head, made, sizeof(head));
    return head.size <= SUBWG_STRUCT_SIZE_MAX && head.size >= sizeof(head) ? head.size
                                                                           : sizeof(head);
}

/* Fills what is behind the head, then the pointers that will be followed with a string or NULL. */
static void fill(void *made, struct input *input, const size_t *pointers, size_t count,
                 const char *string)
{
    size_t size = size_of(made);
    size_t length = 0;
    uint64_t which = input_long(input);
    const uint8_t *bytes = input_bytes(input, size - sizeof(struct subwg_head), &length);
    if (length > 0)
        memcpy((uint8_t *)made + sizeof(struct subwg_head), bytes, length);
    for (size_t i = 0; i < count; i++) {
        const char *value = (which >> i & 1u) != 0 ? string : NULL;
        if (pointers[i] + sizeof(value) <= size)
            memcpy((uint8_t *)made + pointers[i], &value, sizeof(value));
        else if (pointers[i] < size) /* cut in the middle */
            memset((uint8_t *)made + pointers[i], 0, size - pointers[i]);
    }
}

static void admit_driver(struct input *input)
{
    const size_t pointers[] = {offsetof(struct subwg_driver, name)};
    struct strings strings = strings_of(input);
    void *table = make(input, SUBWG_MAGIC_DRIVER);
    struct subwg_driver copy;
    struct subwg_error error = SUBWG_ERROR_INIT;
    fill(table, input, pointers, 1, strings.memory);
    int32_t code = subwg_driver_admit(table, &copy, &error);
    if (code == 0) {
        FUZZ_CHECK(copy.connect != NULL && copy.destroy != NULL && copy.name != NULL);
        FUZZ_CHECK(copy.head.size == sizeof(copy));
    } else {
        FUZZ_CHECK(error.reason == SUBWG_REASON_INCOMPATIBLE);
        FUZZ_CHECK(text_is_clean(error.text, strlen(error.text), false));
    }
    free(table);
    strings_free(&strings);
}

static void write_error(struct input *input)
{
    struct subwg_error *record = make(input, SUBWG_MAGIC_ERROR);
    struct strings strings = strings_of(input);
    (void)error_set(record, -22, SUBWG_REASON_KERNEL, "fuzz", "%s", strings.memory);
    error_hint(record, "%s", strings.memory);
    error_kernel(record, 22);
    error_state_unknown(record);
    error_prefix(record, "%s", strings.memory);
    struct subwg_error copy = SUBWG_ERROR_INIT;
    (void)error_set(&copy, -1, SUBWG_REASON_KERNEL, "fuzz", "%s", strings.memory);
    error_copy(record, &copy);
    strings_free(&strings);
    free(record);
}

static void check_endpoint(struct input *input)
{
    void *endpoint = make(input, SUBWG_MAGIC_ENDPOINT);
    struct subwg_error error = SUBWG_ERROR_INIT;
    fill(endpoint, input, NULL, 0, NULL);
    int32_t code = endpoint_check_head(endpoint, &error);
    FUZZ_CHECK((code == 0) == (error.code == 0));
    FUZZ_CHECK(code != 0 || size_of(endpoint) >= SUBWG_ENDPOINT_SIZE_1_0);
    free(endpoint);
}

static const size_t connection_pointers[] = {
    offsetof(struct subwg_connection, status_text), offsetof(struct subwg_connection, cluster_id),
    offsetof(struct subwg_connection, cable_name),  offsetof(struct subwg_connection, hostname),
    offsetof(struct subwg_connection, private_ip),  offsetof(struct subwg_connection, public_ip),
    offsetof(struct subwg_connection, remote_ip),   offsetof(struct subwg_connection, peer),
};
static const size_t metric_pointers[] = {
    offsetof(struct subwg_metric, cluster_id), offsetof(struct subwg_metric, cable_name),
    offsetof(struct subwg_metric, hostname),   offsetof(struct subwg_metric, private_ip),
    offsetof(struct subwg_metric, public_ip),  offsetof(struct subwg_metric, remote_ip),
};

/* Its list of subnets is ours, whatever its length says. */
static void give_subnets(struct subwg_connection *row, const char *const *subnets)
{
    if (size_of(row) >= SUBWG_END_OF(struct subwg_connection, subnets)) {
        row->subnets = subnets;
        row->subnet_count %= 4;
    }
}

/* Its texts are the strings, whatever their length says: they may end before the last NUL. */
static void give_texts(void *row, size_t end, struct strings *strings, struct input *input)
{
    uint8_t how = input_byte(input);
    const char *texts = (how & 1u) != 0 ? strings->memory : NULL;
    uint64_t bytes =
        (how & 2u) != 0 ? strings->length + 1 : input_byte(input) % (strings->length + 2);
    if (size_of(row) < end)
        return;
    memcpy((uint8_t *)row + end - sizeof(bytes) - sizeof(texts), &texts, sizeof(texts));
    memcpy((uint8_t *)row + end - sizeof(bytes), &bytes, sizeof(bytes));
}

static void take_row(struct input *input, enum snapshot_kind kind)
{
    static const char *const subnets[] = {"10.0.0.0/8", "", "fd00::/16", "x"};
    const struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_snapshot_builder builder;
    struct subwg_snapshot *snapshot = NULL;
    struct strings strings = strings_of(input);
    bool metric = kind == SNAPSHOT_METRICS;
    void *row = make(input, metric ? SUBWG_MAGIC_METRIC : SUBWG_MAGIC_CONNECTION);
    if (metric)
        fill(row, input, metric_pointers, sizeof(metric_pointers) / sizeof(metric_pointers[0]),
             strings.memory);
    else
        fill(row, input, connection_pointers,
             sizeof(connection_pointers) / sizeof(connection_pointers[0]), strings.memory);
    if (!metric)
        give_subnets(row, subnets);
    give_texts(row, metric ? SUBWG_METRIC_SIZE_1_0 : SUBWG_CONNECTION_SIZE_1_0, &strings, input);
    snapshot_builder_init(&builder, kind, "fuzz", &local, 0);
    int32_t code =
        metric ? snapshot_add_metric(&builder, row) : snapshot_add_connection(&builder, row);
    free(row); /* it was borrowed for the call */
    strings_free(&strings);
    int32_t finished = snapshot_finish(&builder, &snapshot);
    FUZZ_CHECK((code == 0) == (finished == 0));
    if (finished == 0)
        FUZZ_CHECK(subwg_snapshot_metric_count(snapshot) == (metric ? 1 : 0) &&
                   subwg_snapshot_connection_count(snapshot) == (metric ? 0 : 1));
    subwg_snapshot_unref(snapshot);
    snapshot_builder_release(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    switch (input_below(&input, 5)) {
    case 0:
        admit_driver(&input);
        break;
    case 1:
        write_error(&input);
        break;
    case 2:
        check_endpoint(&input);
        break;
    case 3:
        take_row(&input, SNAPSHOT_CONNECTIONS);
        break;
    default:
        take_row(&input, SNAPSHOT_METRICS);
        break;
    }
    return 0;
}
