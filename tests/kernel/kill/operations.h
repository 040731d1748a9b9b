/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation, what comes before it, and how a gateway that starts anew gets to what was wanted. */
#ifndef KILL_OPERATIONS_H
#define KILL_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>

struct operation {
    const char *name;
    void (*arrange)(void);
    void (*run)(void);
    void (*recover)(void); /* in a process of its own */
    bool key_file;
};

extern const struct operation operations[];
extern const size_t operation_count;

#define OPERATIONS_MAX 32

#endif
