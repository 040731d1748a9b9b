/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include <fake_kernel.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

static uint64_t until_failure[ALLOCATOR_ORDERS];
static uint32_t happened;
static uint64_t made;
static int64_t outstanding;
static int64_t outstanding_bytes;

void allocator_fail(const uint64_t numbers[ALLOCATOR_ORDERS])
{
    for (int i = 0; i < ALLOCATOR_ORDERS; i++)
        until_failure[i] = numbers[i];
    happened = 0;
    made = 0;
}

uint32_t allocator_happened(void)
{
    return happened;
}

uint64_t allocator_made(void)
{
    return made;
}

int64_t allocator_outstanding(void)
{
    return outstanding;
}

int64_t allocator_outstanding_bytes(void)
{
    return outstanding_bytes;
}

#ifdef SANITIZED

bool allocator_is_ours(void)
{
    return false;
}

#else

#define EXPORTED __attribute__((visibility("default")))

/* glibc's own, under the names that it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

bool allocator_is_ours(void)
{
    return true;
}

static bool fails(void)
{
    bool failing = false;

    if (fake_kernel_is_inside())
        return false;
    made++;
    for (int i = 0; i < ALLOCATOR_ORDERS; i++)
        if (until_failure[i] > 0 && --until_failure[i] == 0)
            failing = true;
    if (failing) {
        happened++;
        errno = ENOMEM;
    }
    return failing;
}

/* A block of the model's is given back by the model, too. */
static int64_t counted_bytes(void *memory)
{
    return memory == NULL || fake_kernel_is_inside() ? 0 : (int64_t)malloc_usable_size(memory);
}

EXPORTED void *malloc(size_t size)
{
    void *memory = fails() ? NULL : __libc_malloc(size);

    outstanding += memory != NULL;
    outstanding_bytes += counted_bytes(memory);
    return memory;
}

EXPORTED void *calloc(size_t count, size_t size)
{
    void *memory = fails() ? NULL : __libc_calloc(count, size);

    outstanding += memory != NULL;
    outstanding_bytes += counted_bytes(memory);
    return memory;
}

EXPORTED void *realloc(void *memory, size_t size)
{
    int64_t before = counted_bytes(memory);
    void *moved = fails() ? NULL : __libc_realloc(memory, size);

    outstanding += memory == NULL && moved != NULL;
    outstanding_bytes += moved != NULL ? counted_bytes(moved) - before : 0;
    return moved;
}

EXPORTED void free(void *memory)
{
    outstanding -= memory != NULL;
    outstanding_bytes -= counted_bytes(memory);
    __libc_free(memory);
}

#endif
