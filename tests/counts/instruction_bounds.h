/* SPDX-License-Identifier: Apache-2.0 */
/* How many instructions each operation may take; lowered whenever something gets cheaper. */
#ifndef COUNTS_INSTRUCTION_BOUNDS_H
#define COUNTS_INSTRUCTION_BOUNDS_H

#include <stdint.h>

struct instruction_bounds {
    const char *name;
    uint64_t alone;     /* beside ten connections */
    uint64_t a_row;     /* for each further one; 0: it must not depend on their number */
    uint64_t thousands; /* ... but for what 3,000 more may add in all */
};

/* clang-format off */
static const struct instruction_bounds instruction_bounds[] = {
    {"decode", 5050, 353, 0},
    {"get_connections", 16048, 1144, 0},
    {"metrics_snapshot", 14267, 966, 0},
    {"seed's text", 15106, 1193, 0},
    {"Submariner's text", 23494, 1955, 0},
    {"connection table", 1889, 0, 83},
    {"connect", 32384, 0, 2203},
    {"connect, list complete", 32384, 0, 2489},
    {"connect beside a stranger", 32384, 0, 2489},
    {"connect beside a leftover named", 34505, 0, 2489},
    {"connect beside one held", 34505, 0, 2489},
    {"connect beside a move", 34505, 0, 2489},
    {"connect, nothing new", 29105, 0, 1325},
    {"disconnect", 15601, 0, 692},
    {"connect_many", 3021398, 0, 33592},
    {"disconnect_many", 984617, 0, 10098},
    {"reconcile, nothing", 71312, 1241, 0},
    {"dispatch, nothing", 1513, 0, 80},
    {"cleanup", 58027, 1426, 0},
};
/* clang-format on */

#endif
