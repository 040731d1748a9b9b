/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving structs of driver.h from a side that may know more or less fields than this one. */
#ifndef ENGINE_HEAD_H
#define ENGINE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include <subwg/driver.h>

/* True if the head announces a struct of that kind, of our major version and of a sane size. */
static inline bool head_is(const struct subwg_head *head, uint32_t magic, size_t least_size)
{
    return head->magic == magic && head->abi_major == SUBWG_ABI_MAJOR && head->size >= least_size &&
           head->size <= SUBWG_STRUCT_SIZE_MAX;
}

/* The rule for tables and rows: own is zeroed, the smaller of both sizes copied, the rest ignored.
 * own's head then describes own. The head of theirs must have been accepted. */
void head_copy_known(void *own, size_t own_size, const void *theirs);

/* True if the sender set anything in the tail that own does not have (the rule for inputs). */
bool head_has_unknown_tail(const void *theirs, size_t own_size);

#endif
