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
    {"decode", 12610, 1095},
    {"get_connections", 30831, 2577},
    {"metrics_snapshot", 27031, 2186},
    {"seed's text", 102101, 9563},
    {"Submariner's text", 140003, 13971},
    {"connection table", 2780, 10},
    {"connect", 99087, 15},
    {"connect, nothing new", 60625, 15},
    {"disconnect", 52300, 12},
    {"connect_many", 9949813, 786},
    {"disconnect_many", 5275742, 294},
    {"reconcile, nothing", 115019, 3591},
    {"dispatch, nothing", 1513, 10},
    {"cleanup", 110902, 2951},
};
/* clang-format on */

#endif
