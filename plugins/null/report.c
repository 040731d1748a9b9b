/* SPDX-License-Identifier: Apache-2.0 */
#include "null.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool head_accepted(const struct subwg_head *head, uint32_t magic, size_t least_size)
{
    return head != NULL && head->magic == magic && head->abi_major == SUBWG_ABI_MAJOR &&
           head->size >= least_size && head->size <= SUBWG_STRUCT_SIZE_MAX;
}

bool tail_is_zero(const struct subwg_head *head, size_t known_size)
{
    const unsigned char *bytes = (const unsigned char *)head;
    for (size_t i = known_size; i < head->size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The record is a row of the host: its head stays, and only what we know of it is written. */
int32_t fail(const struct call *call, int32_t code, uint32_t reason, const char *format, ...)
{
    struct subwg_error *error = call->error;
    if (error == NULL || !head_accepted(&error->head, SUBWG_MAGIC_ERROR, SUBWG_ERROR_SIZE_1_0))
        return code;
    error->code = code;
    error->reason = reason;
    error->kernel_errno = 0;
    error->flags = 0;
    error->hint[0] = '\0';
    (void)snprintf(error->operation, sizeof(error->operation), "%s", call->operation);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}

struct shown show(const char *text)
{
    struct shown shown;
    size_t length = 0;
    for (; text[length] != '\0' && length < sizeof(shown.text) - 1; length++)
        shown.text[length] = text[length] >= ' ' && text[length] <= '~' ? text[length] : '?';
    shown.text[length] = '\0';
    if (text[length] != '\0')
        memcpy(&shown.text[length - 3], "...", 3);
    return shown;
}
