/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/head.h"

#include <string.h>

void head_copy_known(void *own, size_t own_size, const void *theirs)
{
    struct subwg_head head;
    memcpy(&head, theirs, sizeof(head));
    size_t known = head.size < own_size ? head.size : own_size;
    memcpy(own, theirs, known);
    if (known < own_size)
        memset((unsigned char *)own + known, 0, own_size - known);
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
