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
    {"get_connections", 82437, 8374},
    {"metrics_snapshot", 37074, 3635},
    {"seed's text", 101913, 9570},
    {"Submariner's text", 140375, 13971},
    {"connection table", 2805, 10},
    {"connect", 521009, 63},
    {"connect, nothing new", 466486, 66},
    {"disconnect", 473144, 40},
    {"connect_many", 52611908, 4182},
    {"disconnect_many", 47390536, 2393},
    {"reconcile, nothing", 319687, 28637},
    {"dispatch, nothing", 1513, 10},
    {"cleanup", 110986, 2946},
};
/* clang-format on */

#endif
