/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that are counted, each as an engine calls it beside a crowd that is connected. */
#ifndef COUNTS_OPERATIONS_H
#define COUNTS_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

#define OPERATIONS_MANY 100u /* endpoints of one connect_many */

struct operation {
    const char *name;
    void (*prepare)(void); /* whatever it needs besides the crowd; NULL: nothing */
    void (*run)(void);
};

extern const struct operation operations[];
extern const size_t operation_count;

#endif
