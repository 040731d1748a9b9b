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
 * snapshot, of which 20,000 fill 64 MiB at most. */
static const int64_t bytes_a_connection = 880;
static const int64_t bytes_a_connection_read = 1024;
static const int64_t bytes_a_connection_held = 64 * 1024 * 1024 / 20000;

/* clang-format off */
static const struct bounds all_bounds[] = {
    {"decode",
     {{0, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"get_connections",
     {{2, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"metrics_snapshot",
     {{2, 0}, {2, 6}, {1, 0}, {0, 0}, {31, 0}, {2544, 237759}}},
    {"seed's text",
     {{4, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"Submariner's text",
     {{3, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"connection table",
     {{2, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"connect",
     {{10, 0}, {9, 0}, {4, 0}, {3, 0}, {357, 0}, {194, 0}}},
    {"connect, nothing new",
     {{7, 0}, {5, 0}, {1, 0}, {0, 0}, {49, 0}, {115, 0}}},
    {"disconnect",
     {{7, 0}, {4, 0}, {3, 0}, {3, 0}, {220, 0}, {80, 0}}},
    {"connect_many",
     {{253, 0}, {123, 0}, {304, 0}, {204, 0}, {37541, 0}, {7876, 0}}},
    {"disconnect_many",
     {{13, 0}, {10, 0}, {201, 0}, {201, 0}, {18516, 0}, {198, 0}}},
    {"reconcile, nothing",
     {{42, 0}, {49, 168}, {17, 54}, {0, 0}, {722, 2614}, {4977, 243936}}},
    {"dispatch, nothing",
     {{0, 0}, {2, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
    {"cleanup",
     {{19, 14}, {17, 16}, {8, 5}, {4, 5}, {894, 52976}, {3525, 237957}}},
};
/* clang-format on */

#endif
