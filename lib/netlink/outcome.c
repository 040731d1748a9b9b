/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "netlink/attribute.h"

#define LARGEST_ERRNO 4095

/* The kernel's sentence among the attributes of an acknowledgement; none where they are broken: an
 * explanation is not worth failing for. */
static void parse_sentence(struct attributes attributes, struct outcome *outcome)
{
    struct attribute attribute;
    while (attribute_next(&attributes, &attribute) > 0) {
        if (attribute.type != NLMSGERR_ATTR_MSG)
            continue;
        if (attribute.length == 0 || attribute.value[attribute.length - 1] != '\0')
            return;
        struct text text = text_over(outcome->sentence, sizeof(outcome->sentence));
        text_append_escaped(&text, (const char *)attribute.value);
        return;
    }
}

/* Where the attributes of an acknowledgement begin: behind the code, and in NLMSG_ERROR behind the
 * request's header or, uncapped, the whole request. */
static size_t attributes_offset(const struct nlmsghdr *message, const uint8_t *payload)
{
    if (message->nlmsg_type == NLMSG_DONE)
        return sizeof(int32_t);
    if (message->nlmsg_flags & NLM_F_CAPPED)
        return sizeof(struct nlmsgerr);
    struct nlmsgerr echo;
    memcpy(&echo, payload, sizeof(echo));
    return sizeof(int32_t) + NLMSG_ALIGN((size_t)echo.msg.nlmsg_len);
}

int32_t outcome_parse(const struct nlmsghdr *message, struct outcome *ret_outcome)
{
    bool done = message->nlmsg_type == NLMSG_DONE;
    const uint8_t *payload = (const uint8_t *)message + NLMSG_HDRLEN;
    size_t length = message->nlmsg_len - (size_t)NLMSG_HDRLEN;
    struct outcome outcome = {.from_kernel = true};
    if (done && length == 0) {
        *ret_outcome = outcome;
        return 0;
    }
    if (length < (done ? sizeof(int32_t) : sizeof(struct nlmsgerr)))
        return -EBADMSG;
    memcpy(&outcome.code, payload, sizeof(outcome.code));
    if (outcome.code > 0 || outcome.code < -LARGEST_ERRNO)
        return -EBADMSG;
    size_t offset = attributes_offset(message, payload);
    if ((message->nlmsg_flags & NLM_F_ACK_TLVS) && offset < length)
        parse_sentence(attributes_over(payload + offset, length - offset), &outcome);
    *ret_outcome = outcome;
    return 0;
}

int32_t outcome_fail(struct outcome *outcome, int32_t code)
{
    *outcome = (struct outcome){.code = code};
    return code;
}

static uint32_t reason_of(int32_t code)
{
    switch (-code) {
    case EPERM:
    case EACCES:
        return SUBWG_REASON_PERMISSION;
    case ENODEV:
        return SUBWG_REASON_NO_DEVICE;
    case EEXIST:
        return SUBWG_REASON_CONFLICT;
    case EADDRINUSE:
        return SUBWG_REASON_PORT_IN_USE;
    case ENONET:
        return SUBWG_REASON_NAMESPACE;
    case EINTR:
    case EBUSY:
        return SUBWG_REASON_INTERRUPTED;
    case ETIMEDOUT:
        return SUBWG_REASON_TIMEOUT;
    case ENOMEM:
    case ENOBUFS:
    case EMFILE:
    case ENFILE:
        return SUBWG_REASON_NO_MEMORY;
    case ENOENT:
    case ESRCH:
    case EADDRNOTAVAIL:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EAFNOSUPPORT:
        return SUBWG_REASON_UNSPECIFIED;
    default:
        return SUBWG_REASON_KERNEL;
    }
}

static void hint_for(uint32_t reason, struct subwg_error *error)
{
    if (reason == SUBWG_REASON_PERMISSION)
        error_hint(error,
                   "run it with the capability CAP_NET_ADMIN in the user namespace that owns "
                   "the network namespace");
    if (reason == SUBWG_REASON_PORT_IN_USE)
        error_hint(error, "another socket has the port, on IPv4 or IPv6 (ss -ulpn shows it): free "
                          "it or choose another port");
}

int32_t outcome_report(const struct outcome *outcome, struct subwg_error *error,
                       const char *operation, const char *format, ...)
{
    char what[SUBWG_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);

    bool explained = outcome->sentence[0] != '\0';
    uint32_t reason = reason_of(outcome->code);
    error_set(error, outcome->code, reason, operation, "%s: %s%s%s%s", what,
              error_phrase(outcome->code), explained ? " (kernel: " : "", outcome->sentence,
              explained ? ")" : "");
    hint_for(reason, error);
    if (outcome->from_kernel)
        error_kernel(error, -outcome->code);
    if (outcome->state_unknown)
        error_state_unknown(error);
    return outcome->code;
}
