/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of the driver, each with a world in which it has something to do. */
#ifndef FAULT_OPERATIONS_H
#define FAULT_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPERATIONS_PSK "canary 5a1f, which no text may show"

enum operation_flags {
    OPERATION_AGAIN = 1,   /* run once more, it changes nothing */
    OPERATION_MANY = 2,    /* it has parts, of which some may fail and others not */
    OPERATION_ONE_WAY = 4, /* after a failure what was done stays */
    OPERATION_STEPWISE = 8 /* and that is no secret: it is told step by step */
};

struct operation {
    const char *name;
    void (*arrange)(void); /* the world until right before it */
    int32_t (*run)(void);  /* the operation; fills world.error when it fails */
    uint32_t flags;
};

extern const struct operation operations[];
extern const size_t operation_count;

#endif
