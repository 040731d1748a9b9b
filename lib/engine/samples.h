/* SPDX-License-Identifier: Apache-2.0 */
/* The metric rows of several snapshots in the order of the exposition, without repeated series. */
#ifndef ENGINE_SAMPLES_H
#define ENGINE_SAMPLES_H

#include "engine/writer.h"

struct sample {
    const struct subwg_snapshot *snapshot;
    const struct subwg_metric *row;
    size_t position; /* in the order of pushing */
    size_t labels;   /* where they begin */
    size_t labels_length;
};

struct samples {
    struct sample *list;
    size_t count;
    char *labels; /* of all, each as all families write them */
};

/* What makes a series. */
struct series {
    /* As strcmp; 0 means that both would be the same series. */
    int (*compare)(const struct sample *a, const struct sample *b);
    /* From the brace up to the last value, without its closing quote: what all samples of a snapshot
     * begin with, and what follows. */
    void (*write_common_labels)(struct writer *writer, const struct subwg_snapshot *snapshot);
    void (*write_labels)(struct writer *writer, const struct subwg_metric *row);
};

/* Of rows that compare equal the first pushed stays: a driver that repeats itself must not spoil the
 * scrape for the others. 0 or -ENOMEM. */
int32_t samples_collect(struct subwg_snapshot *const *snapshots, size_t count,
                        const struct series *series, struct samples *ret_samples);
void samples_release(struct samples *samples);

static inline void samples_write_labels(const struct samples *samples, const struct sample *sample,
                                        struct writer *writer)
{
    writer_bytes(writer, samples->labels + sample->labels, sample->labels_length);
}

/* The order of the texts by pairs: the first pair that differs decides. */
int text_pairs_compare(const char *const (*pairs)[2], size_t count);

#endif
