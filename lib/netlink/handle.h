/* SPDX-License-Identifier: Apache-2.0 */
/* What a struct netlink holds; only the files of this folder look inside. */
#ifndef NETLINK_HANDLE_H
#define NETLINK_HANDLE_H

#include "netlink/host_cache.h"
#include "netlink/netlink.h"
#include "netlink/route_watch.h"
#include "netlink/transport.h"

struct netlink {
    struct transport generic;
    struct transport route;
    struct host_cache host;
    struct route_watch watch;
    uint16_t wireguard_family; /* 0: not looked up yet */
    uint8_t *request; /* LIMIT_MESSAGE_BYTES of secret memory, for requests built by hand */
    bool request_locked;
    struct wg_device scratch; /* a dump is read here and exchanged with the caller's when whole */
};

#endif
