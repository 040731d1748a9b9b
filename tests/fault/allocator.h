/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that fails by order: the C library's, behind definitions of its names in the executable,
 * so that every library calls them. What the model of the kernel allocates never fails. */
#ifndef FAULT_ALLOCATOR_H
#define FAULT_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

/* False where a sanitizer has an allocator of its own; then none fails and none is counted. */
bool allocator_is_ours(void);

#define ALLOCATOR_ORDERS 2

/* These allocations from now on (1: the next) fail; 0: none. */
void allocator_fail(const uint64_t numbers[ALLOCATOR_ORDERS]);
uint32_t allocator_happened(void); /* how many of them have failed */

uint64_t allocator_made(void);       /* allocations since the last order */
int64_t allocator_outstanding(void); /* blocks that were not freed */
/* What they take, with what the C library rounds up; without those of the model of the kernel. */
int64_t allocator_outstanding_bytes(void);

#endif
