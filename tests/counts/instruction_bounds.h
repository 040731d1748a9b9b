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
    {"get_connections", 82657, 8374},
    {"metrics_snapshot", 37051, 3666},
    {"seed's text", 102349, 9564},
    {"Submariner's text", 140088, 13970},
    {"connection table", 2805, 10},
    {"connect", 98755, 36},
    {"connect, nothing new", 60871, 51},
    {"disconnect", 52673, 12},
    {"connect_many", 10049686, 3121},
    {"disconnect_many", 5246260, 334},
    {"reconcile, nothing", 162069, 10916},
    {"dispatch, nothing", 1513, 10},
    {"cleanup", 110330, 2840},
};
/* clang-format on */

#endif
