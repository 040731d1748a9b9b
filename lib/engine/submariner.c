/* SPDX-License-Identifier: Apache-2.0 */
/* Profile `submariner`: the metric and label names of Submariner's cable drivers of 2024. */
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "engine/exposition.h"
#include "engine/samples.h"

enum value_kind {
    VALUE_PLAIN,      /* the member as it is */
    VALUE_SECONDS,    /* the member is in nanoseconds */
    VALUE_STATUS_IS_1 /* the current status as a label, with value 1 */
};

struct family {
    const char *name;
    const char *help;
    uint32_t present; /* what a row must have to get a series */
    enum value_kind kind;
    size_t value; /* offset in the row */
};

static const struct family before_summary[] = {
    {"submariner_connection_established_timestamp",
     "Unix time at which the connection was established, by cable driver and cable",
     SUBWG_HAS_ESTABLISHED, VALUE_PLAIN, offsetof(struct subwg_metric, established_realtime_s)},
    {"submariner_connection_latency_seconds",
     "Round trip time of the connection in seconds, by cable driver and cable", SUBWG_HAS_LATENCY,
     VALUE_SECONDS, offsetof(struct subwg_metric, latency_ns)},
    {"submariner_connections", "Connections and their status, by cable driver and cable", 0,
     VALUE_STATUS_IS_1, 0},
};
static const struct family after_summary[] = {
    {"submariner_gateway_rx_bytes", "Bytes received, by cable driver and cable", SUBWG_HAS_COUNTERS,
     VALUE_PLAIN, offsetof(struct subwg_metric, rx_bytes)},
    {"submariner_gateway_tx_bytes", "Bytes transmitted, by cable driver and cable",
     SUBWG_HAS_COUNTERS, VALUE_PLAIN, offsetof(struct subwg_metric, tx_bytes)},
};

/* The ecosystem labels an endpoint by its public address; one without is told apart by its private. */
static const char *endpoint_ip(const char *public_ip, const char *private_ip)
{
    return public_ip[0] != '\0' ? public_ip : private_ip;
}

static const char *local_ip(const struct subwg_endpoint *local)
{
    return endpoint_ip(local->public_ip, local->private_ip);
}

static const char *remote_ip(const struct subwg_metric *row)
{
    return endpoint_ip(row->public_ip, row->private_ip);
}

static int compare_series(const struct sample *a, const struct sample *b)
{
    const struct subwg_endpoint *local_a = subwg_snapshot_local(a->snapshot);
    const struct subwg_endpoint *local_b = subwg_snapshot_local(b->snapshot);
    const char *const pairs[][2] = {
        {subwg_snapshot_driver(a->snapshot), subwg_snapshot_driver(b->snapshot)},
        {a->row->cluster_id, b->row->cluster_id},
        {a->row->hostname, b->row->hostname},
        {remote_ip(a->row), remote_ip(b->row)},
        {local_a->cluster_id, local_b->cluster_id},
        {local_a->hostname, local_b->hostname},
        {local_ip(local_a), local_ip(local_b)},
    };
    return text_pairs_compare(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

static void write_header(struct writer *writer, const char *name, const char *help)
{
    writer_text(writer, "# HELP ");
    writer_text(writer, name);
    writer_text(writer, " ");
    writer_text(writer, help);
    writer_text(writer, "\n# TYPE ");
    writer_text(writer, name);
    writer_text(writer, " gauge\n");
}

static void write_common_labels(struct writer *writer, const struct subwg_snapshot *snapshot)
{
    const struct subwg_endpoint *local = subwg_snapshot_local(snapshot);
    exposition_label(writer, "{cable_driver=\"", subwg_snapshot_driver(snapshot));
    exposition_label(writer, "\",local_cluster=\"", local->cluster_id);
    exposition_label(writer, "\",local_hostname=\"", local->hostname);
    exposition_label(writer, "\",local_endpoint_ip=\"", local_ip(local));
    writer_text(writer, "\",remote_cluster=\"");
}

static void write_labels(struct writer *writer, const struct subwg_metric *row)
{
    writer_label_value(writer, row->cluster_id);
    exposition_label(writer, "\",remote_hostname=\"", row->hostname);
    exposition_label(writer, "\",remote_endpoint_ip=\"", remote_ip(row));
}

static void write_seconds(struct writer *writer, uint64_t nanoseconds)
{
    char fraction[10] = ".000000000";
    uint64_t rest = nanoseconds % NS_PER_S;
    for (size_t i = sizeof(fraction) - 1; i > 0; i--, rest /= 10)
        fraction[i] = (char)('0' + rest % 10);
    writer_text(writer, "\"} ");
    writer_number(writer, nanoseconds / NS_PER_S);
    writer_bytes(writer, fraction, sizeof(fraction));
    writer_text(writer, "\n");
}

static const struct series series = {.compare = compare_series,
                                     .write_common_labels = write_common_labels,
                                     .write_labels = write_labels};

static void write_series(struct writer *writer, const struct family *family,
                         const struct samples *samples, const struct sample *sample)
{
    uint64_t value;
    memcpy(&value, (const unsigned char *)sample->row + family->value, sizeof(value));
    writer_text(writer, family->name);
    samples_write_labels(samples, sample, writer);
    switch (family->kind) {
    case VALUE_PLAIN:
        exposition_value(writer, value);
        break;
    case VALUE_SECONDS:
        write_seconds(writer, value);
        break;
    case VALUE_STATUS_IS_1:
        exposition_label(writer, "\",status=\"", subwg_status_name(sample->row->status));
        exposition_value(writer, 1);
        break;
    }
}

static void write_family(struct writer *writer, const struct family *family,
                         const struct samples *samples)
{
    bool begun = false;
    for (size_t i = 0; i < samples->count; i++) {
        if ((samples->list[i].row->present & family->present) != family->present)
            continue;
        if (!begun)
            write_header(writer, family->name, family->help);
        begun = true;
        write_series(writer, family, samples, &samples->list[i]);
    }
}

static void write_driver_summary(struct writer *writer, const struct sample *samples, size_t count)
{
    for (uint32_t status = SUBWG_STATUS_CONNECTING; status <= SUBWG_STATUS_ERROR; status++) {
        uint64_t connections = 0;
        for (size_t i = 0; i < count; i++)
            connections += samples[i].row->status == status;
        writer_text(writer, "submariner_connections_short");
        exposition_label(writer, "{cable_driver=\"", subwg_snapshot_driver(samples[0].snapshot));
        exposition_label(writer, "\",status=\"", subwg_status_name(status));
        exposition_value(writer, connections);
    }
}

/* Every status of every driver that has connections, so that a count falls to 0 and not away. */
static void write_summary(struct writer *writer, const struct samples *samples)
{
    if (samples->count == 0)
        return;
    write_header(writer, "submariner_connections_short", "Connections by cable driver and status");
    for (size_t first = 0, next; first < samples->count; first = next) {
        const char *driver = subwg_snapshot_driver(samples->list[first].snapshot);
        for (next = first + 1; next < samples->count; next++)
            if (strcmp(driver, subwg_snapshot_driver(samples->list[next].snapshot)) != 0)
                break;
        write_driver_summary(writer, samples->list + first, next - first);
    }
}

int32_t submariner_write(struct writer *writer, struct subwg_snapshot *const *snapshots,
                         size_t count)
{
    struct samples samples;
    int32_t code = samples_collect(snapshots, count, &series, &samples);
    if (code != 0)
        return code;
    for (size_t i = 0; i < sizeof(before_summary) / sizeof(before_summary[0]); i++)
        write_family(writer, &before_summary[i], &samples);
    write_summary(writer, &samples);
    for (size_t i = 0; i < sizeof(after_summary) / sizeof(after_summary[0]); i++)
        write_family(writer, &after_summary[i], &samples);
    samples_release(&samples);
    return 0;
}
