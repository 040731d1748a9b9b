/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a connection is this gateway's own: an address of it, the own cluster's subnets, a network
 * that the host is connected to. Asked at connect, and again when the host's addresses change. Pure.
 */
#ifndef WIREGUARD_OVERLAP_H
#define WIREGUARD_OVERLAP_H

#include <stdint.h>

#include "base/address.h"
#include "netlink/netlink.h"

struct connection;
struct subwg_instance;

enum overlap_kind {
    OVERLAP_NONE = 0,
    OVERLAP_ENDPOINT,   /* the remote's address is one of this gateway */
    OVERLAP_OWN_SUBNET, /* of the own cluster */
    OVERLAP_NETWORK     /* that this host is connected to */
};

struct overlap {
    uint8_t kind;        /* enum overlap_kind */
    struct prefix other; /* what it overlaps... */
    uint32_t subnet;     /* ...by number, among the connection's */
};

/* The first that is found. */
struct overlap overlap_find(const struct subwg_instance *instance,
                            const struct connection *connection,
                            const struct interface_address *addresses, uint32_t count);

/* The same for its subnets alone. */
struct overlap overlap_find_subnet(const struct subwg_instance *instance,
                                   const struct connection *connection,
                                   const struct interface_address *addresses, uint32_t count);

#define OVERLAP_TEXT_SIZE 224

/* "subnet 10.0.0.0/24 overlaps the network of this host 10.0.0.0/16" */
const char *overlap_describe(const struct overlap *overlap, const struct connection *connection,
                             char text[OVERLAP_TEXT_SIZE]);

#endif
