/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/samples.h"
#include "engine/snapshot_layout.h"

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

static int32_t make_labels(struct samples *samples, const struct series *series)
{
    struct writer writer;
    int32_t code = writer_init_memory(&writer, samples->count * USUAL_LABELS_BYTES);
    if (code != 0)
        return code;
    const struct sample *last = NULL;
    size_t common_length = 0;
    for (size_t i = 0; i < samples->count; i++) {
        struct sample *sample = &samples->list[i];
        sample->labels = writer.used;
        if (last != NULL && last->snapshot == sample->snapshot) {
            writer_repeat(&writer, last->labels, common_length);
        } else {
            series->write_common_labels(&writer, sample->snapshot);
            common_length = writer.used - sample->labels;
        }
        series->write_labels(&writer, sample->row);
        sample->labels_length = writer.used - sample->labels;
        last = sample;
    }
    samples->labels = writer.bytes;
    return writer_finish(&writer);
}

static void add_rows(struct samples *samples, const struct subwg_snapshot *snapshot)
{
    const struct subwg_metric *rows = snapshot->metrics;
    for (uint32_t i = 0; i < snapshot->metric_count; i++, samples->count++)
        samples->list[samples->count] =
            (struct sample){.snapshot = snapshot, .row = &rows[i], .position = samples->count};
}

int32_t samples_collect(struct subwg_snapshot *const *snapshots, size_t count,
                        const struct series *series, struct samples *ret_samples)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += snapshots[i]->metric_count;
    struct samples samples = {.list = malloc((rows > 0 ? rows : 1) * sizeof(*samples.list))};
    if (samples.list == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        add_rows(&samples, snapshots[i]);
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

int text_pairs_compare(const char *const (*pairs)[2], size_t count)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < count; i++)
        order = strcmp(pairs[i][0], pairs[i][1]);
    return order;
}
