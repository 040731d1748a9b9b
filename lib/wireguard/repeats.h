/* SPDX-License-Identifier: Apache-2.0 */
/* What is found wrong again and again, and cannot be repaired, is told when it begins and not each time. */
#ifndef WIREGUARD_REPEATS_H
#define WIREGUARD_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

/* Zeroed: nothing was told yet. Sentences are kept as hashes. */
struct repeats {
    uint64_t before[LIMIT_REPEATS]; /* of the last run */
    uint64_t now[LIMIT_REPEATS];
    uint32_t before_count;
    uint32_t now_count;
};

void repeats_begin(struct repeats *repeats); /* a run */

/* True if the run before did not have this sentence. More than fit into one run are not told at all. */
bool repeats_is_new(struct repeats *repeats, const char *sentence);

#endif
