/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/head.h"

#include <string.h>

bool head_is(const struct subwg_head *head, uint32_t magic, size_t least_size)
{
    return head->magic == magic && head->abi_major == SUBWG_ABI_MAJOR && head->size >= least_size &&
           head->size <= SUBWG_STRUCT_SIZE_MAX;
}

void head_copy_known(void *own, size_t own_size, const void *theirs)
{
    struct subwg_head head;
    memcpy(&head, theirs, sizeof(head));
    size_t known = head.size < own_size ? head.size : own_size;
    memset(own, 0, own_size);
    memcpy(own, theirs, known);
    head.size = (uint32_t)own_size;
    memcpy(own, &head, sizeof(head));
}

bool head_has_unknown_tail(const void *theirs, size_t own_size)
{
    struct subwg_head head;
    memcpy(&head, theirs, sizeof(head));
    const unsigned char *bytes = theirs;
    for (size_t i = own_size; i < head.size; i++)
        if (bytes[i] != 0)
            return true;
    return false;
}
