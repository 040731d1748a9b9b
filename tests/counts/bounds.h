/* SPDX-License-Identifier: Apache-2.0 */
/* What each operation may cost at most; lowered whenever something gets cheaper. */
#ifndef COUNTS_BOUNDS_H
#define COUNTS_BOUNDS_H

#include <stdint.h>

enum quantity { ALLOCATIONS, CALLS, REQUESTS, CHANGES, SENT_BYTES, RECEIVED_BYTES, QUANTITIES };

struct bound {
    uint64_t alone;        /* beside ten connections */
    uint64_t per_thousand; /* what 1,000 connections more may add */
};

struct bounds {
    const char *name;
    struct bound of[QUANTITIES]; /* in the order above */
};

/* That stay, without the crowd's own: for itself; with what a read keeps for the next one; and with a
 * snapshot, so that 20,000 stay within half of the 64 MiB that they may fill. */
static const int64_t bytes_a_connection = 880;
static const int64_t bytes_a_connection_read = 1024;
static const int64_t bytes_a_connection_held = 1600;

/* clang-format off */
static const struct bounds all_bounds[] = {
    {"decode",
     {{0, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"get_connections",
     {{1, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"metrics_snapshot",
     {{1, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"seed's text",
     {{4, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"Submariner's text",
     {{2, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"connection table",
     {{1, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"connect",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect, list complete",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect beside a stranger",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect beside a leftover named",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect beside one held",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect beside a move",
     {{9, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect, nothing new",
     {{6, 0}, {5, 0}, {1, 0}, {0, 0}, {49, 0}, {115, 0}}},
    {"disconnect",
     {{7, 0}, {4, 0}, {3, 0}, {3, 0}, {220, 0}, {80, 0}}},
    {"connect_many",
     {{253, 0}, {123, 0}, {304, 0}, {204, 0}, {37541, 0}, {7876, 0}}},
    {"disconnect_many",
     {{11, 0}, {10, 0}, {201, 0}, {201, 0}, {18516, 0}, {198, 0}}},
    {"reconcile, nothing",
     {{37, 0}, {29, 60}, {16, 54}, {0, 0}, {678, 2614}, {4497, 241798}}},
    {"dispatch, nothing",
     {{0, 0}, {2, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"cleanup",
     {{17, 12}, {17, 16}, {8, 5}, {4, 5}, {894, 52976}, {3525, 237957}}},
};
/* clang-format on */

#endif
