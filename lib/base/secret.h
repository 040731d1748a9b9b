/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what must not leak: locked into memory where the limits allow it, left out of core
 * dumps, zero in a forked child, wiped at the end.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"

/* Zeroed memory, in pages of its own. NULL, with errno, where there is none, or none that can be kept
 * from core dumps and children. That it could not be locked is told, and no failure. */
void *secret_memory_create(size_t size, bool *ret_locked);
void secret_memory_destroy(void *memory, size_t size); /* accepts NULL; safe in a forked child */

/* Zeroes what nobody reads any more, which a compiler may not leave out. For the large and frequent; small
 * things go by sodium_memzero as well. */
void secret_wipe(void *memory, size_t size);

/* An instance's secrets. */
struct secret_page {
    uint64_t alive; /* not zero in the process that made the page: a fork shows as zero */
    bool locked;
    bool has_preshared_key;
    struct key preshared_key;
    struct key private_key; /* while it goes between the kernel and its file; zero otherwise */
};

struct secret_page *secret_page_create(void); /* NULL, with errno, as above */
void secret_page_destroy(struct secret_page *page);

#endif
