/* SPDX-License-Identifier: Apache-2.0 */
/* How many instructions each operation may take; lowered whenever something gets cheaper. */
#ifndef COUNTS_INSTRUCTION_BOUNDS_H
#define COUNTS_INSTRUCTION_BOUNDS_H

#include <stdint.h>

struct instruction_bounds {
    const char *name;
    uint64_t alone; /* beside ten connections */
    uint64_t a_row; /* for each further one */
};

/* clang-format off */
static const struct instruction_bounds instruction_bounds[] = {
    {"decode", 5050, 353},
    {"get_connections", 16644, 1176},
    {"metrics_snapshot", 14840, 1004},
    {"seed's text", 15106, 1193},
    {"Submariner's text", 23611, 1955},
    {"connection table", 1891, 10},
    {"connect", 32384, 15},
    {"connect, nothing new", 29105, 16},
    {"disconnect", 15847, 10},
    {"connect_many", 3021398, 151},
    {"disconnect_many", 1011287, 54},
    {"reconcile, nothing", 90521, 1430},
    {"dispatch, nothing", 1513, 10},
    {"cleanup", 61400, 1434},
};
/* clang-format on */

#endif
