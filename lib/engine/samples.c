/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b, void *context)
{
    const sample_compare_fn *series = context;
    const struct sample *first = a;
    const struct sample *second = b;
    int order = (*series)(first, second);
    if (order != 0)
        return order;
    return first->position < second->position ? -1 : first->position > second->position;
}

static void drop_repeated(struct samples *samples, sample_compare_fn series)
{
    size_t kept = 0;
    for (size_t i = 0; i < samples->count; i++)
        if (kept == 0 || series(&samples->list[kept - 1], &samples->list[i]) != 0)
            samples->list[kept++] = samples->list[i];
    samples->count = kept;
}

int32_t samples_collect(struct subwg_snapshot *const *snapshots, size_t count,
                        sample_compare_fn series, struct samples *ret_samples)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += subwg_snapshot_metric_count(snapshots[i]);
    struct samples samples = {.list = calloc(rows > 0 ? rows : 1, sizeof(*samples.list))};
    if (samples.list == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < subwg_snapshot_metric_count(snapshots[i]); j++, samples.count++)
            samples.list[samples.count] = (struct sample){
                snapshots[i], subwg_snapshot_metric(snapshots[i], j), samples.count};
    qsort_r(samples.list, samples.count, sizeof(*samples.list), compare, &series);
    drop_repeated(&samples, series);
    *ret_samples = samples;
    return 0;
}

void samples_release(struct samples *samples)
{
    free(samples->list);
}

int text_pairs_compare(const char *const (*pairs)[2], size_t count)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < count; i++)
        order = strcmp(pairs[i][0], pairs[i][1]);
    return order;
}
