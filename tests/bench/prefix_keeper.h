/* SPDX-License-Identifier: Apache-2.0 */
/* What can keep the owners of prefixes: the library's own map and what else there is, behind one
 * interface for tests/bench/prefixes.c. No two prefixes that are added overlap. */
#ifndef BENCH_PREFIX_KEEPER_H
#define BENCH_PREFIX_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

struct prefix_keeper {
    const char *name;
    bool finds_more_specific;      /* owners of a part of what is asked; else only of all of it */
    void *(*start)(uint32_t most); /* NULL: out of memory */
    bool (*add)(void *state, uint32_t number, const struct prefix *prefix);
    bool (*overlaps)(void *state, const struct prefix *prefix);
    void (*take_out)(void *state, uint32_t number, const struct prefix *prefix);
    void (*finish)(void *state); /* with nothing left in it */
};

extern const struct prefix_keeper prefix_keeper_ours;
extern const struct prefix_keeper prefix_keeper_bsd;
extern const struct prefix_keeper prefix_keeper_glib;
extern const struct prefix_keeper prefix_keeper_rtr;

#endif
