/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any strings and numbers, as a hostile driver may push them, in every text that people and
 * other programs read. The input: rows of numbers and then strings.
 */
#include <string.h>

#include <subwg/render.h>

#include "engine/snapshot.h"
#include "fuzz.h"

#define ROWS_MAX 8

struct output {
    char *bytes;
    size_t length;
    size_t size;
};

static int32_t take(void *context, const char *bytes, size_t count)
{
    struct output *output = context;
    if (output->length + count + 1 > output->size) {
        output->size = 2 * (output->length + count + 1);
        output->bytes = realloc(output->bytes, output->size);
        FUZZ_CHECK(output->bytes != NULL);
    }
    memcpy(output->bytes + output->length, bytes, count);
    output->length += count;
    output->bytes[output->length] = '\0';
    return 0;
}

struct numbers {
    uint8_t present;
    uint8_t status;
    uint8_t reason;
    uint8_t subnets;
    uint64_t value;
};

static struct numbers take_numbers(struct input *input)
{
    return (struct numbers){input_byte(input), input_byte(input), input_byte(input),
                            input_byte(input), input_long(input)};
}

static void push_connection(struct subwg_snapshot_builder *builder, const struct numbers *numbers,
                            struct strings *strings)
{
    const char *subnets[4];
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.present = numbers->present;
    row.status = numbers->status;
    row.status_reason = numbers->reason;
    row.status_text = strings_take(strings);
    row.cluster_id = strings_take(strings);
    row.hostname = strings_take(strings);
    row.remote_ip = strings_take(strings);
    row.cable_name = row.hostname;
    row.private_ip = row.remote_ip;
    row.public_ip = row.status_text;
    row.peer = strings_take(strings);
    row.subnet_count = numbers->subnets % 4;
    for (uint32_t i = 0; i < row.subnet_count; i++)
        subnets[i] = strings_take(strings);
    row.subnets = subnets;
    if ((numbers->subnets & 4u) != 0) {
        row.texts = strings->memory;
        row.texts_bytes = strings->length + 1;
    }
    row.rx_bytes = numbers->value;
    row.lifetime_s = ~numbers->value;
    (void)snapshot_add_connection(builder, &row);
}

static void push_metric(struct subwg_snapshot_builder *builder, const struct numbers *numbers,
                        struct strings *strings)
{
    struct subwg_metric row = SUBWG_METRIC_INIT;
    row.present = numbers->present;
    row.status = numbers->status;
    row.cluster_id = strings_take(strings);
    row.hostname = strings_take(strings);
    row.remote_ip = strings_take(strings);
    row.cable_name = row.cluster_id;
    row.private_ip = strings_take(strings);
    row.public_ip = strings_take(strings);
    row.rx_bytes = numbers->value;
    row.tx_bytes = ~numbers->value;
    row.established_realtime_s = numbers->value;
    row.latency_ns = numbers->value;
    if ((numbers->subnets & 4u) != 0) {
        row.texts = strings->memory;
        row.texts_bytes = strings->length + 1;
    }
    (void)snapshot_add_metric(builder, &row);
}

/* One sample by the exposition's grammar: name{label="value",...} number. Returns what is behind it. */
static const char *skip_sample(const char *at)
{
    at += strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
    if (*at == '{') {
        do {
            at++;
            at += strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
            FUZZ_CHECK(at[0] == '=' && at[1] == '"');
            for (at += 2; *at != '"'; at++) {
                FUZZ_CHECK(*at != '\0' && *at != '\n');
                if (*at == '\\') {
                    at++;
                    FUZZ_CHECK(*at == '\\' || *at == '"' || *at == 'n');
                }
            }
            at++;
        } while (*at == ',');
        FUZZ_CHECK(*at == '}');
        at++;
    }
    FUZZ_CHECK(*at == ' ');
    size_t digits = strspn(at + 1, "0123456789.e+-");
    FUZZ_CHECK(digits > 0);
    return at + 1 + digits;
}

static void check_exposition(const char *at)
{
    while (*at != '\0') {
        if (*at == '#')
            at += strcspn(at, "\n");
        else
            at = skip_sample(at);
        FUZZ_CHECK(*at == '\n');
        at++;
    }
}

static size_t count_lines(const struct output *output)
{
    size_t lines = 0;
    for (size_t i = 0; i < output->length; i++)
        lines += output->bytes[i] == '\n';
    return lines;
}

static void check_table(struct subwg_snapshot *snapshot, const char *title)
{
    struct output output = {0};
    FUZZ_CHECK(subwg_write_connection_table(title, &snapshot, 1, take, &output) == 0);
    FUZZ_CHECK(text_is_clean(output.bytes, output.length, true));
    FUZZ_CHECK(count_lines(&output) == subwg_snapshot_connection_count(snapshot) + 2);
    free(output.bytes);
}

static void check_metrics(struct subwg_snapshot *snapshot)
{
    for (uint32_t profile = SUBWG_PROFILE_SEED; profile <= SUBWG_PROFILE_SUBMARINER; profile++) {
        struct output output = {0};
        FUZZ_CHECK(subwg_write_exposition(profile, &snapshot, 1, take, &output) == 0);
        if (output.bytes != NULL) {
            FUZZ_CHECK(text_is_clean(output.bytes, output.length, true));
            check_exposition(output.bytes);
        }
        free(output.bytes);
    }
}

static void run(enum snapshot_kind kind, const struct numbers *numbers, size_t count,
                struct strings strings)
{
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_snapshot_builder builder;
    struct subwg_snapshot *snapshot = NULL;
    local.cluster_id = strings_take(&strings);
    local.hostname = strings_take(&strings);
    snapshot_builder_init(&builder, kind, "wireguard", &local, 0);
    for (size_t i = 0; i < count; i++)
        if (kind == SNAPSHOT_METRICS)
            push_metric(&builder, &numbers[i], &strings);
        else
            push_connection(&builder, &numbers[i], &strings);
    if (snapshot_finish(&builder, &snapshot) == 0 && kind == SNAPSHOT_METRICS)
        check_metrics(snapshot);
    else if (snapshot != NULL)
        check_table(snapshot, local.cluster_id);
    subwg_snapshot_unref(snapshot);
    snapshot_builder_release(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    struct numbers numbers[ROWS_MAX];
    size_t count = input_below(&input, ROWS_MAX + 1);
    for (size_t i = 0; i < count; i++)
        numbers[i] = take_numbers(&input);
    struct strings strings = strings_of(&input);
    run(SNAPSHOT_CONNECTIONS, numbers, count, strings);
    run(SNAPSHOT_METRICS, numbers, count, strings);
    strings_free(&strings);
    return 0;
}
