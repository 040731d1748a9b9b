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
    {"get_connections", 2, 0, 0},
    {"metrics_snapshot", 2, 0, 0},
    {"seed's text", 0, 1, 0},
    {"Submariner's text", 0, 1, 0},
    {"connection table", 0, 0, 0},
    {"connect", 10, 0, 0},
    {"connect, list complete", 10, 0, 0},
    {"connect beside a stranger", 10, 0, 0},
    {"connect beside a leftover named", 10, 0, 0},
    {"connect beside one held", 10, 0, 0},
    {"connect beside a move", 10, 0, 0},
    {"connect, nothing new", 6, 0, 0},
    {"disconnect", 4, 0, 0},
    {"connect_many", 145, 0, 8},
    {"disconnect_many", 12, 0, 0},
    {"reconcile, nothing", 30, 44, 0},
    {"dispatch, nothing", 2, 0, 1},
    {"cleanup", 26, 0, 5},
};
/* clang-format on */

#endif
