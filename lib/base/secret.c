/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <sodium.h>

void *secret_memory_create(size_t size, bool *ret_locked)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* Without the wipe a forked child would hold the secret and take itself for the owner. */
    if (madvise(memory, size, MADV_WIPEONFORK) != 0 || madvise(memory, size, MADV_DONTDUMP) != 0) {
        int error = errno;
        (void)munmap(memory, size);
        errno = error;
        return NULL;
    }
    *ret_locked = sodium_mlock(memory, size) == 0;
    return memory;
}

void secret_memory_destroy(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    (void)sodium_munlock(memory, size); /* wipes, too */
    (void)munmap(memory, size);
}

/* Pieces that the compiler writes as some stores of wide words; after each one memory counts as read. */
#define WIPED_AT_ONCE 64u

void secret_wipe(void *memory, size_t size)
{
    uint8_t *next = memory;
    for (; size >= WIPED_AT_ONCE; size -= WIPED_AT_ONCE, next += WIPED_AT_ONCE) {
        memset(next, 0, WIPED_AT_ONCE);
        __asm__ volatile("" : : "r"(next) : "memory");
    }
    sodium_memzero(next, size);
}

struct secret_page *secret_page_create(void)
{
    bool locked = false;
    struct secret_page *page = secret_memory_create(sizeof(*page), &locked);
    if (page == NULL)
        return NULL;
    page->alive = 1;
    page->locked = locked;
    return page;
}

void secret_page_destroy(struct secret_page *page)
{
    secret_memory_destroy(page, sizeof(*page));
}
