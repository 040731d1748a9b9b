/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/samples.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b, void *context)
{
    const struct series *series = context;
    const struct sample *first = a;
    const struct sample *second = b;
    int order = series->compare(first, second);
    if (order != 0)
        return order;
    return first->position < second->position ? -1 : first->position > second->position;
}

/* A driver that pushes its connections in the order of their clusters spares us the sort. */
static bool is_in_order(const struct samples *samples, const struct series *series)
{
    for (size_t i = 1; i < samples->count; i++)
        if (series->compare(&samples->list[i - 1], &samples->list[i]) >= 0)
            return false;
    return true;
}

static void drop_repeated(struct samples *samples, const struct series *series)
{
    size_t kept = 0;
    for (size_t i = 0; i < samples->count; i++)
        if (kept == 0 || series->compare(&samples->list[kept - 1], &samples->list[i]) != 0)
            samples->list[kept++] = samples->list[i];
    samples->count = kept;
}

#define USUAL_LABELS_BYTES 256u /* of a sample; rarely more */

/* Memory that a writer writes to. */
struct text {
    char *bytes;
    size_t used;
    size_t size;
};

static int32_t append(void *context, const char *bytes, size_t count)
{
    struct text *text = context;
    if (count > text->size - text->used) {
        size_t size = 2 * text->size + count;
        char *grown = realloc(text->bytes, size);
        if (grown == NULL)
            return -ENOMEM;
        text->bytes = grown;
        text->size = size;
    }
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    return 0;
}

static int32_t make_labels(struct samples *samples, const struct series *series)
{
    struct text text = {.size = samples->count * USUAL_LABELS_BYTES};
    text.bytes = malloc(text.size > 0 ? text.size : 1);
    if (text.bytes == NULL)
        return -ENOMEM;
    struct writer writer;
    writer_init(&writer, append, &text);
    for (size_t i = 0; i < samples->count; i++) {
        struct sample *sample = &samples->list[i];
        sample->labels = text.used + writer.used;
        series->write_labels(&writer, sample);
        sample->labels_length = text.used + writer.used - sample->labels;
    }
    int32_t code = writer_finish(&writer);
    samples->labels = text.bytes;
    return code;
}

int32_t samples_collect(struct subwg_snapshot *const *snapshots, size_t count,
                        const struct series *series, struct samples *ret_samples)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += subwg_snapshot_metric_count(snapshots[i]);
    struct samples samples = {.list = calloc(rows > 0 ? rows : 1, sizeof(*samples.list))};
    if (samples.list == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < subwg_snapshot_metric_count(snapshots[i]); j++, samples.count++)
            samples.list[samples.count] =
                (struct sample){.snapshot = snapshots[i],
                                .row = subwg_snapshot_metric(snapshots[i], j),
                                .position = samples.count};
    if (!is_in_order(&samples, series)) {
        struct series copy = *series; /* the context of qsort_r is not const */
        qsort_r(samples.list, samples.count, sizeof(*samples.list), compare, &copy);
        drop_repeated(&samples, series);
    }
    int32_t code = make_labels(&samples, series);
    if (code != 0) {
        samples_release(&samples);
        return code;
    }
    *ret_samples = samples;
    return 0;
}

void samples_release(struct samples *samples)
{
    free(samples->labels);
    free(samples->list);
}

void samples_write_labels(const struct samples *samples, const struct sample *sample,
                          struct writer *writer)
{
    writer_bytes(writer, samples->labels + sample->labels, sample->labels_length);
}

int text_pairs_compare(const char *const (*pairs)[2], size_t count)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < count; i++)
        order = strcmp(pairs[i][0], pairs[i][1]);
    return order;
}
