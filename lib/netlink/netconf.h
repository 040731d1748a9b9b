/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETLINK_NETCONF_H
#define NETLINK_NETCONF_H

#include <linux/netlink.h>
#include <stdint.h>

/* The reverse path filter in an answer about a link's IPv4 settings. Pure. -EBADMSG if it is malformed,
 * -ENODATA if it does not say. */
int32_t netconf_decode(const struct nlmsghdr *message, uint32_t *ret_rp_filter);

#endif
