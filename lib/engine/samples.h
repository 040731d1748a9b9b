/* SPDX-License-Identifier: Apache-2.0 */
/* The metric rows of several snapshots in the order of the exposition, without repeated series. */
#ifndef ENGINE_SAMPLES_H
#define ENGINE_SAMPLES_H

#include <subwg/snapshot.h>

struct sample {
    const struct subwg_snapshot *snapshot;
    const struct subwg_metric *row;
    size_t position; /* in the order of pushing */
};

struct samples {
    struct sample *list;
    size_t count;
};

/* As strcmp; 0 means that both would be the same series. */
typedef int (*sample_compare_fn)(const struct sample *a, const struct sample *b);

/* Of rows that compare equal the first pushed stays: a driver that repeats itself must not spoil the
 * scrape for the others. 0 or -ENOMEM. */
int32_t samples_collect(struct subwg_snapshot *const *snapshots, size_t count,
                        sample_compare_fn series, struct samples *ret_samples);
void samples_release(struct samples *samples);

/* The order of the texts by pairs: the first pair that differs decides. */
int text_pairs_compare(const char *const (*pairs)[2], size_t count);

#endif
