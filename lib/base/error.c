/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

/* True if the caller's record is one, and long enough to hold the member that ends at end. */
static int record_covers(const struct subwg_error *error, size_t end)
{
    return error != NULL && error->head.magic == SUBWG_MAGIC_ERROR &&
           error->head.abi_major == SUBWG_ABI_MAJOR && error->head.size >= end &&
           error->head.size <= SUBWG_STRUCT_SIZE_MAX;
}

int32_t error_set(struct subwg_error *error, int32_t code, uint32_t reason, const char *operation,
                  const char *format, ...)
{
    if (!record_covers(error, SUBWG_ERROR_SIZE_1_0))
        return code;
    error->code = code;
    error->reason = reason;
    error->kernel_errno = 0;
    error->flags = 0;
    text_copy(error->operation, sizeof(error->operation), operation);
    struct text text = text_over(error->text, sizeof(error->text));
    va_list arguments;
    va_start(arguments, format);
    text_append_list(&text, format, arguments);
    va_end(arguments);
    error->hint[0] = '\0';
    return code;
}

int32_t error_no_memory(struct subwg_error *error, const char *operation)
{
    return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, operation, "%s", error_phrase(ENOMEM));
}

void error_hint(struct subwg_error *error, const char *format, ...)
{
    if (!record_covers(error, SUBWG_ERROR_SIZE_1_0))
        return;
    struct text hint = text_over(error->hint, sizeof(error->hint));
    va_list arguments;
    va_start(arguments, format);
    text_append_list(&hint, format, arguments);
    va_end(arguments);
}

void error_kernel(struct subwg_error *error, int kernel_errno)
{
    if (record_covers(error, SUBWG_ERROR_SIZE_1_0))
        error->kernel_errno = kernel_errno;
}

void error_state_unknown(struct subwg_error *error)
{
    if (record_covers(error, SUBWG_ERROR_SIZE_1_0))
        error->flags |= SUBWG_ERROR_STATE_UNKNOWN;
}

void error_copy(struct subwg_error *error, const struct subwg_error *from)
{
    if (!record_covers(error, SUBWG_ERROR_SIZE_1_0))
        return;
    struct subwg_head head = error->head;
    memcpy(error, from, SUBWG_ERROR_SIZE_1_0);
    error->head = head;
}

int32_t error_not_tried(struct subwg_error *error, const struct subwg_error *before)
{
    struct subwg_error untried = *before;
    untried.flags = 0;
    error_prefix(&untried, "not tried, because of an earlier failure");
    error_copy(error, &untried);
    return before->code;
}

void error_prefix(struct subwg_error *error, const char *format, ...)
{
    if (!record_covers(error, SUBWG_ERROR_SIZE_1_0))
        return;
    char after[SUBWG_ERROR_TEXT_SIZE];
    text_copy(after, sizeof(after), error->text);
    struct text text = text_over(error->text, sizeof(error->text));
    va_list arguments;
    va_start(arguments, format);
    text_append_list(&text, format, arguments);
    va_end(arguments);
    text_append(&text, ": %s", after);
}

const char *error_phrase(int errno_value)
{
    static const struct {
        int value;
        const char *phrase;
    } phrases[] = {
        {0, "success"},
        {EPERM, "operation not permitted"},
        {ENOENT, "no such file or directory"},
        {ESRCH, "no such entry"},
        {EINTR, "interrupted"},
        {EIO, "input/output error"},
        {ENXIO, "no such device or address"},
        {E2BIG, "too large for this version"},
        {EBADF, "bad file descriptor"},
        {EAGAIN, "resource temporarily unavailable"},
        {ENOMEM, "cannot allocate memory"},
        {EACCES, "permission denied"},
        {EFAULT, "bad address"},
        {EBUSY, "device or resource busy"},
        {EEXIST, "file exists"},
        {ENODEV, "no such device"},
        {EINVAL, "invalid argument"},
        {ENFILE, "too many open files in system"},
        {EMFILE, "too many open files"},
        {ENOSPC, "no space left"},
        {ERANGE, "numerical result out of range"},
        {EDEADLK, "call from within a callback"},
        {EPIPE, "broken pipe"},
        {EBADR, "invalid request descriptor"},
        {ENOSYS, "function not implemented"},
        {EPROTO, "protocol error"},
        {EBADMSG, "malformed message"},
        {EOVERFLOW, "value too large"},
        {EMSGSIZE, "message too long"},
        {EOPNOTSUPP, "operation not supported"},
        {EPFNOSUPPORT, "protocol family not supported"},
        {EAFNOSUPPORT, "address family not supported"},
        {EADDRINUSE, "address already in use"},
        {EADDRNOTAVAIL, "cannot assign requested address"},
        {ENETDOWN, "network is down"},
        {ENETUNREACH, "network is unreachable"},
        {EHOSTUNREACH, "no route to host"},
        {ENOBUFS, "no buffer space available"},
        {ENOTCONN, "not initialized"},
        {ETIMEDOUT, "no reply in time"},
        {ECONNREFUSED, "connection refused"},
        {ESTALE, "used after fork"},
        {ECANCELED, "canceled"},
        {ENONET, "machine is not on the network"},
        {ENOKEY, "required key not available"},
        {ENOEXEC, "not loadable"},
        {ENOPROTOOPT, "protocol not available"},
        {EPROTONOSUPPORT, "protocol not supported"},
        {ELOOP, "too many symbolic links"},
        {ENOTDIR, "not a directory"},
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].value == errno_value || -phrases[i].value == errno_value)
            return phrases[i].phrase;
    return "unexpected error";
}
