/* SPDX-License-Identifier: Apache-2.0 */
/* The families of addresses: how messages number them, and where the kernel treats them differently. */
#ifndef NETLINK_FAMILY_H
#define NETLINK_FAMILY_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

/* The metric of an IPv6 route that names none; for IPv4 it is 0. */
#define IPV6_DEFAULT_METRIC 1024u

/* enum family from AF_...; FAMILY_NONE for one that is not of the Internet. */
static inline uint8_t family_of(unsigned int number)
{
    if (number == AF_INET)
        return FAMILY_IPV4;
    return number == AF_INET6 ? FAMILY_IPV6 : FAMILY_NONE;
}

/* AF_... from enum family. */
static inline uint8_t family_number(uint8_t family)
{
    if (family == FAMILY_IPV4)
        return AF_INET;
    return family == FAMILY_IPV6 ? AF_INET6 : AF_UNSPEC;
}

#endif
