/* SPDX-License-Identifier: Apache-2.0 */
/* Growing an array by doubling, so that reading n elements costs no allocation for each. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdint.h>
#include <stdlib.h>

#define ARRAY_FIRST_CAPACITY 16u

/* The array with room for one more than count elements; NULL if there is no memory (then the array is
 * still there, unchanged). */
static inline void *array_grow(void *array, uint32_t *capacity, uint32_t count, size_t element_size)
{
    if (count < *capacity)
        return array;
    if (*capacity > UINT32_MAX / 2)
        return NULL;
    uint32_t larger = *capacity == 0 ? ARRAY_FIRST_CAPACITY : *capacity * 2;
    void *moved = reallocarray(array, larger, element_size);
    if (moved != NULL)
        *capacity = larger;
    return moved;
}

#endif
