/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text: the entry, and profile `seed`, whose bytes are those of the seed's examples. */
#include "engine/exposition.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/samples.h"

/* A family with one series for each connection. */
struct family {
    const char *suffix;
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

/* A driver as it is called, and as its metrics' names begin. */
struct driver {
    const char *name;
    char *prefix;
    size_t length; /* of either */
};

static int32_t driver_make(struct driver *driver, const char *name)
{
    *driver = (struct driver){.name = name, .length = strlen(name)};
    driver->prefix = malloc(driver->length + 1);
    if (driver->prefix == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < driver->length; i++)
        driver->prefix[i] = prefix_character(name[i], i == 0);
    return 0;
}

static void write_prefix(struct writer *writer, const struct driver *driver)
{
    writer_bytes(writer, driver->prefix, driver->length);
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

void exposition_label(struct writer *writer, const char *opening, const char *value)
{
    writer_text(writer, opening);
    writer_label_value(writer, value);
}

void exposition_value(struct writer *writer, uint64_t value)
{
    char line[3 + WRITER_NUMBER_DIGITS + 1];
    char *end = line + sizeof(line);
    end[-1] = '\n';
    char *start = number_format(end - 1, value);
    *--start = ' ';
    *--start = '}';
    *--start = '"';
    writer_bytes(writer, start, (size_t)(end - start));
}

static void write_header(struct writer *writer, const struct driver *driver, const char *suffix,
                         bool help_names_driver, const char *help)
{
    writer_text(writer, "# HELP ");
    write_prefix(writer, driver);
    writer_text(writer, suffix);
    writer_text(writer, " ");
    if (help_names_driver) {
        writer_text(writer, driver->name);
        writer_text(writer, " ");
    }
    writer_text(writer, help);
    writer_text(writer, "\n# TYPE ");
    write_prefix(writer, driver);
    writer_text(writer, suffix);
    writer_text(writer, " gauge\n");
}

static void write_labels(struct writer *writer, const struct sample *sample)
{
    exposition_label(writer, "{Backend=\"", subwg_snapshot_driver(sample->snapshot));
    exposition_label(writer, "\",dst_EndPoint_hostname=\"", sample->row->hostname);
    exposition_label(writer, "\",dst_PrivateIP=\"", sample->row->private_ip);
    exposition_label(writer, "\",dst_PublicIP=\"", sample->row->public_ip);
    exposition_label(writer, "\",dst_clusterID=\"", sample->row->cluster_id);
}

static const struct series series = {.compare = compare_series, .write_labels = write_labels};

static void write_series(struct writer *writer, const struct driver *driver,
                         const struct family *family, const struct samples *samples,
                         const struct sample *sample)
{
    uint64_t value;
    memcpy(&value, (const unsigned char *)sample->row + family->value, sizeof(value));
    write_prefix(writer, driver);
    writer_text(writer, family->suffix);
    samples_write_labels(samples, sample, writer);
    exposition_value(writer, value);
}

static void write_family(struct writer *writer, const struct driver *driver,
                         const struct family *family, const struct samples *samples)
{
    bool begun = false;
    for (size_t i = 0; i < samples->count; i++) {
        if ((samples->list[i].row->present & family->present) != family->present)
            continue;
        if (!begun)
            write_header(writer, driver, family->suffix, family->help_names_driver, family->help);
        begun = true;
        write_series(writer, driver, family, samples, &samples->list[i]);
    }
}

static void write_connected(struct writer *writer, const struct driver *driver,
                            struct subwg_snapshot *const *snapshots, size_t count)
{
    uint64_t connected = 0;
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < subwg_snapshot_metric_count(snapshots[i]); j++)
            if (subwg_snapshot_metric(snapshots[i], j)->status == SUBWG_STATUS_CONNECTED)
                connected++;
    write_header(writer, driver, "_connected_endpoints", true, "connected endpoints");
    write_prefix(writer, driver);
    writer_text(writer, "_connected_endpoints ");
    writer_number(writer, connected);
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
    free(driver.prefix);
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
    struct writer writer;
    writer_init(&writer, write, context);
    int32_t code = profile == SUBWG_PROFILE_SEED ? write_seed(&writer, snapshots, count)
                                                 : submariner_write(&writer, snapshots, count);
    int32_t written = writer_finish(&writer);
    return code != 0 ? code : written;
}
