/* SPDX-License-Identifier: Apache-2.0 */
/* How many system calls each operation may make; lowered whenever something gets cheaper. */
#ifndef COUNTS_SYSTEM_CALL_BOUNDS_H
#define COUNTS_SYSTEM_CALL_BOUNDS_H

#include <stdint.h>

struct system_call_bounds {
    const char *name;
    uint32_t alone; /* beside five connections */
    uint32_t added; /* what forty more may add */
    uint32_t other; /* of alone: neither sends nor receives; lists make the heap grow */
};

/* clang-format off */
static const struct system_call_bounds system_call_bounds[] = {
    {"decode", 2, 0, 0},
    {"get_connections", 3, 0, 1},
    {"metrics_snapshot", 3, 0, 1},
    {"seed's text", 0, 1, 0},
    {"Submariner's text", 0, 1, 0},
    {"connection table", 0, 0, 0},
    {"connect", 11, 0, 1},
    {"connect, nothing new", 7, 0, 1},
    {"disconnect", 5, 0, 1},
    {"connect_many", 146, 0, 9},
    {"disconnect_many", 13, 0, 1},
    {"reconcile, nothing", 44, 132, 1},
    {"dispatch, nothing", 3, 0, 2},
    {"cleanup", 27, 0, 6},
};
/* clang-format on */

#endif
