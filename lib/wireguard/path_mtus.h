/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections have a path of which MTU. Paths differ in few ways, so that this is a short list
 * in rising order, and the smallest is known without a look at every connection. */
#ifndef WIREGUARD_PATH_MTUS_H
#define WIREGUARD_PATH_MTUS_H

#include <stdbool.h>
#include <stdint.h>

struct path_mtus {
    struct path_mtu_count {
        uint32_t mtu;
        uint32_t count;
    } * counts;
    uint32_t count;
    uint32_t capacity;
};

void path_mtus_finish(struct path_mtus *mtus);

/* Makes room for so many more values, so that adding cannot fail; false when out of memory. */
bool path_mtus_reserve(struct path_mtus *mtus, uint32_t more);

/* 0, not known, is not counted. */
void path_mtus_add(struct path_mtus *mtus, uint32_t mtu);
void path_mtus_remove(struct path_mtus *mtus, uint32_t mtu); /* one that was added */

/* The smallest when these are left out, each of which was added (or is 0); 0: none is left. */
uint32_t path_mtus_least(const struct path_mtus *mtus, const uint32_t *except,
                         uint32_t except_count);

#endif
