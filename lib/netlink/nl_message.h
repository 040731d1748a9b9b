/* SPDX-License-Identifier: Apache-2.0 */
/* Where libnl's messages meet our transport: libnl builds requests and parses replies, and never sees
 * a socket. */
#ifndef NETLINK_NL_MESSAGE_H
#define NETLINK_NL_MESSAGE_H

#include <stdint.h>

#include "base/address.h"
#include "netlink/handle.h"

struct nl_addr;
struct nl_msg;
struct nl_object;

/* Sends the route request that libnl built and frees it; built is the result of building it. Returns
 * outcome->code. */
int32_t nl_request(struct netlink *netlink, int built, struct nl_msg *request,
                   const struct message_reader *reader, struct outcome *outcome);

/* Has libnl make an object of a route message and hands it to take, which does not keep it. */
int32_t nl_read_object(struct nlmsghdr *message,
                       void (*take)(struct nl_object *object, void *context), void *context);

/* The prefix as libnl's own, to be put by the caller. Returns 0 or one of libnl's codes. */
int nl_address_build(const struct prefix *prefix, struct nl_addr **ret_address);

/* The prefix that libnl's address is; false if it is of another family. */
bool nl_address_read(const struct nl_addr *address, struct prefix *ret_prefix);

#endif
