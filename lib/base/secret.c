/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <sys/mman.h>

#include <sodium.h>

#define PAGE_BYTES 4096u /* at least the struct's size; the kernel rounds up to its own page */

_Static_assert(sizeof(struct secret_page) <= PAGE_BYTES, "one page is enough");

struct secret_page *secret_page_create(void)
{
    void *memory =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* Without the wipe a forked child would hold the secret and take itself for the owner. */
    if (madvise(memory, PAGE_BYTES, MADV_WIPEONFORK) != 0) {
        (void)munmap(memory, PAGE_BYTES);
        return NULL;
    }
    struct secret_page *page = memory;
    page->alive = 1;
    page->locked = sodium_mlock(memory, PAGE_BYTES) == 0;
    return page;
}

void secret_page_destroy(struct secret_page *page)
{
    if (page == NULL)
        return;
    (void)sodium_munlock(page, PAGE_BYTES); /* wipes, too */
    (void)munmap(page, PAGE_BYTES);
}
