/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text: the entry, and profile `seed`, whose bytes are those of the seed's examples. */
#include "engine/exposition.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/samples.h"

#define SUFFIX_SIZE 32u

/* A family with one series for each connection. */
struct family {
    char suffix[SUFFIX_SIZE]; /* of its name, behind the driver's */
    const char *help;
    bool help_names_driver;
    uint32_t present; /* what a row must have to get a series */
    size_t value;     /* offset in the row */
};

static const struct family families[] = {
    /* A connection has a lifetime of 0 before its first handshake. */
    {"_connection_lifetime", "connection lifetime in seconds", true, 0,
     offsetof(struct subwg_metric, lifetime_s)},
    {"_rx_bytes", "Bytes received", false, SUBWG_HAS_COUNTERS,
     offsetof(struct subwg_metric, rx_bytes)},
    {"_tx_bytes", "Bytes transmitted", false, SUBWG_HAS_COUNTERS,
     offsetof(struct subwg_metric, tx_bytes)},
};

/* A driver's name as the beginning of a metric's name: other characters become _, and a name must
 * not begin with a digit. */
static char prefix_character(char character, bool first)
{
    bool digit = character >= '0' && character <= '9';
    bool letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
    if (letter || (digit && !first))
        return character;
    return '_';
}

/* A driver as it is called, and the name of the metric at hand, which begins with it. */
struct driver {
    const char *name;
    size_t length;
    char *metric;
    size_t metric_length;
};

static int32_t driver_make(struct driver *driver, const char *name)
{
    *driver = (struct driver){.name = name, .length = strlen(name)};
    driver->metric = malloc(driver->length + SUFFIX_SIZE);
    if (driver->metric == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < driver->length; i++)
        driver->metric[i] = prefix_character(name[i], i == 0);
    return 0;
}

static void name_metric(struct driver *driver, const char suffix[SUFFIX_SIZE])
{
    size_t length = strnlen(suffix, SUFFIX_SIZE);
    memcpy(driver->metric + driver->length, suffix, length);
    driver->metric_length = driver->length + length;
}

static void write_metric_name(struct writer *writer, const struct driver *driver)
{
    writer_bytes(writer, driver->metric, driver->metric_length);
}

static int compare_prefixes(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && prefix_character(a[i], i == 0) == prefix_character(b[i], i == 0))
        i++;
    if (a[i] == '\0' || b[i] == '\0')
        return (a[i] != '\0') - (b[i] != '\0');
    return prefix_character(a[i], i == 0) < prefix_character(b[i], i == 0) ? -1 : 1;
}

static int compare_snapshots(const void *a, const void *b)
{
    const struct subwg_snapshot *const *first = a;
    const struct subwg_snapshot *const *second = b;
    return compare_prefixes(subwg_snapshot_driver(*first), subwg_snapshot_driver(*second));
}

static int compare_series(const struct sample *a, const struct sample *b)
{
    int order = strcmp(a->row->cluster_id, b->row->cluster_id);
    if (order != 0)
        return order;
    const char *const pairs[][2] = {
        {a->row->hostname, b->row->hostname},
        {a->row->private_ip, b->row->private_ip},
        {a->row->public_ip, b->row->public_ip},
        {subwg_snapshot_driver(a->snapshot), subwg_snapshot_driver(b->snapshot)},
    };
    return text_pairs_compare(pairs, sizeof(pairs) / sizeof(pairs[0]));
}

void exposition_value(struct writer *writer, uint64_t value)
{
    static const char closing[3] = {'"', '}', ' '};
    char line[sizeof(closing) + WRITER_NUMBER_DIGITS + 1];
    char *end = line + sizeof(line);
    end[-1] = '\n';
    char *start = number_format(end - 1, value) - sizeof(closing);
    memcpy(start, closing, sizeof(closing));
    writer_bytes(writer, start, (size_t)(end - start));
}

static void write_header(struct writer *writer, const struct driver *driver,
                         const struct family *family)
{
    writer_text(writer, "# HELP ");
    write_metric_name(writer, driver);
    writer_text(writer, " ");
    if (family->help_names_driver) {
        writer_text(writer, driver->name);
        writer_text(writer, " ");
    }
    writer_text(writer, family->help);
    writer_text(writer, "\n# TYPE ");
    write_metric_name(writer, driver);
    writer_text(writer, " gauge\n");
}

static void write_common_labels(struct writer *writer, const struct subwg_snapshot *snapshot)
{
    exposition_label(writer, "{Backend=\"", subwg_snapshot_driver(snapshot));
    writer_text(writer, "\",dst_EndPoint_hostname=\"");
}

static void write_labels(struct writer *writer, const struct subwg_metric *row)
{
    writer_label_value(writer, row->hostname);
    exposition_label(writer, "\",dst_PrivateIP=\"", row->private_ip);
    exposition_label(writer, "\",dst_PublicIP=\"", row->public_ip);
    exposition_label(writer, "\",dst_clusterID=\"", row->cluster_id);
}

static const struct series series = {.compare = compare_series,
                                     .write_common_labels = write_common_labels,
                                     .write_labels = write_labels};

static void write_family(struct writer *writer, struct driver *driver, const struct family *family,
                         const struct samples *samples)
{
    bool begun = false;
    name_metric(driver, family->suffix);
    for (size_t i = 0; i < samples->count; i++) {
        const struct sample *sample = &samples->list[i];
        uint64_t value;
        if ((sample->row->present & family->present) != family->present)
            continue;
        if (!begun)
            write_header(writer, driver, family);
        begun = true;
        memcpy(&value, (const unsigned char *)sample->row + family->value, sizeof(value));
        write_metric_name(writer, driver);
        samples_write_labels(samples, sample, writer);
        exposition_value(writer, value);
    }
}

static void write_connected(struct writer *writer, struct driver *driver,
                            struct subwg_snapshot *const *snapshots, size_t count)
{
    static const struct family connected = {"_connected_endpoints", "connected endpoints", true, 0,
                                            0};
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < subwg_snapshot_metric_count(snapshots[i]); j++)
            number += subwg_snapshot_metric(snapshots[i], j)->status == SUBWG_STATUS_CONNECTED;
    name_metric(driver, connected.suffix);
    write_header(writer, driver, &connected);
    write_metric_name(writer, driver);
    writer_text(writer, " ");
    writer_number(writer, number);
    writer_text(writer, "\n");
}

/* The snapshots of one driver: its cables share the families. */
static int32_t write_driver(struct writer *writer, struct subwg_snapshot *const *snapshots,
                            size_t count)
{
    struct driver driver;
    struct samples samples = {0};
    int32_t code = driver_make(&driver, subwg_snapshot_driver(snapshots[0]));
    if (code == 0)
        code = samples_collect(snapshots, count, &series, &samples);
    if (code == 0) {
        write_connected(writer, &driver, snapshots, count);
        for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
            write_family(writer, &driver, &families[i], &samples);
    }
    samples_release(&samples);
    free(driver.metric);
    return code;
}

static int32_t write_seed(struct writer *writer, struct subwg_snapshot *const *snapshots,
                          size_t count)
{
    struct subwg_snapshot **sorted = calloc(count > 0 ? count : 1, sizeof(struct subwg_snapshot *));
    if (sorted == NULL)
        return -ENOMEM;
    if (count > 0)
        memcpy(sorted, snapshots, count * sizeof(struct subwg_snapshot *));
    qsort(sorted, count, sizeof(struct subwg_snapshot *), compare_snapshots);
    int32_t code = 0;
    for (size_t first = 0, next; code == 0 && first < count; first = next) {
        for (next = first + 1; next < count; next++)
            if (compare_snapshots(&sorted[first], &sorted[next]) != 0)
                break;
        code = write_driver(writer, sorted + first, next - first);
    }
    free(sorted);
    return code;
}

int32_t subwg_write_exposition(uint32_t profile, struct subwg_snapshot *const *snapshots,
                               uint32_t count, subwg_write_fn write, void *context)
{
    bool whole = write != NULL && (snapshots != NULL || count == 0);
    for (uint32_t i = 0; whole && i < count; i++)
        whole = snapshots[i] != NULL;
    if (!whole || profile > SUBWG_PROFILE_SUBMARINER)
        return -EINVAL;
    char chunk[WRITER_CHUNK_BYTES];
    struct writer writer;
    writer_init(&writer, chunk, write, context);
    int32_t code = profile == SUBWG_PROFILE_SEED ? write_seed(&writer, snapshots, count)
                                                 : submariner_write(&writer, snapshots, count);
    int32_t written = writer_finish(&writer);
    return code != 0 ? code : written;
}
