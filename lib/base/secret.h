/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page for what must not leak: locked into memory where the limits allow it, left out of core
 * dumps, zero in a forked child, wiped at the end.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>

#include "base/key.h"

struct secret_page {
    uint64_t alive; /* not zero in the process that made the page: a fork shows as zero */
    bool locked;
    bool has_preshared_key;
    struct key preshared_key;
    struct key private_key; /* while it goes between the kernel and its file; zero otherwise */
};

/* NULL when out of memory. */
struct secret_page *secret_page_create(void);
void secret_page_destroy(struct secret_page *page); /* accepts NULL; safe in a forked child */

#endif
