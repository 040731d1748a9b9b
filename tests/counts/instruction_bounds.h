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
    {"decode", 5704, 419},
    {"get_connections", 30831, 2577},
    {"metrics_snapshot", 27031, 2186},
    {"seed's text", 15706, 1252},
    {"Submariner's text", 23546, 1955},
    {"connection table", 2460, 10},
    {"connect", 37778, 15},
    {"connect, nothing new", 36560, 15},
    {"disconnect", 15847, 10},
    {"connect_many", 3766478, 456},
    {"disconnect_many", 1137196, 60},
    {"reconcile, nothing", 110005, 3306},
    {"dispatch, nothing", 1513, 10},
    {"cleanup", 110902, 2951},
};
/* clang-format on */

#endif
