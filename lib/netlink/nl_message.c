/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/nl_message.h"

#include <errno.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/object.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/family.h"
#include "netlink/nl_error.h"

int32_t nl_request(struct netlink *netlink, int built, struct nl_msg *request,
                   const struct message_reader *reader, struct outcome *outcome)
{
    if (built < 0)
        return outcome_fail(outcome, nl_error_code(built));
    int32_t code = transport_request(&netlink->route, nlmsg_hdr(request), reader, outcome);
    nlmsg_free(request);
    return code;
}

int32_t nl_read_object(struct nlmsghdr *message,
                       void (*take)(struct nl_object *object, void *context), void *context)
{
    struct nl_msg *copy = nlmsg_convert(message);
    if (copy == NULL)
        return -ENOMEM;
    nlmsg_set_proto(copy, NETLINK_ROUTE);
    int parsed = nl_msg_parse(copy, take, context);
    nlmsg_free(copy);
    return nl_error_code(parsed);
}

int nl_address_build(const struct prefix *prefix, struct nl_addr **ret_address)
{
    int family = family_number(prefix->family);
    if (family == AF_UNSPEC)
        return -NLE_AF_NOSUPPORT;
    struct nl_addr *address = nl_addr_build(family, prefix->bytes, prefix->family / 8u);
    if (address == NULL)
        return -NLE_NOMEM;
    nl_addr_set_prefixlen(address, prefix->length);
    *ret_address = address;
    return 0;
}

bool nl_address_read(const struct nl_addr *address, struct prefix *ret_prefix)
{
    struct prefix prefix = {.family = family_of((unsigned int)nl_addr_get_family(address))};
    unsigned int length = nl_addr_get_prefixlen(address);
    unsigned int bytes = nl_addr_get_len(address);
    if (prefix.family == FAMILY_NONE || length > prefix.family || bytes > prefix.family / 8u)
        return false;
    memcpy(prefix.bytes, nl_addr_get_binary_addr(address), bytes);
    prefix.length = (uint8_t)length;
    *ret_prefix = prefix;
    return true;
}
