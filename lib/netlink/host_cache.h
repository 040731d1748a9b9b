/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does not have to be asked twice: this host's addresses and its links' MTUs, for as long as the
 * kernel tells of no change to them. The kernel queues a notice before whoever made the change gets his
 * answer, so what is kept is as true as a new look; any notice, and that some were lost, ends it. Nothing
 * of a notice itself is believed or even read.
 */
#ifndef NETLINK_HOST_CACHE_H
#define NETLINK_HOST_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink/netlink.h"

#define HOST_CACHE_LINKS 4u /* that paths lead over; of more the first is forgotten */

struct host_cache {
    int fd; /* receives the notices; -1: none, and nothing is kept */
    bool addresses_known;
    struct interface_address *addresses; /* of the last list */
    uint32_t address_count;
    struct link_mtu {
        uint32_t ifindex; /* 0: none */
        uint32_t mtu;
    } links[HOST_CACHE_LINKS];
    uint32_t next_link;
};

/* In the calling thread's network namespace; 0 or a negative errno, and then there is none. */
int32_t host_cache_open(struct host_cache *cache);
void host_cache_close(struct host_cache *cache); /* accepts one that did not open */

/* Forgets what may have changed. False: what is read now may not be kept either. */
bool host_cache_refresh(struct host_cache *cache);

uint32_t host_cache_link_mtu(const struct host_cache *cache, uint32_t ifindex); /* 0: not known */
void host_cache_keep_link_mtu(struct host_cache *cache, uint32_t ifindex, uint32_t mtu);

#endif
