/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/host_cache.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"

/* An address from a router is told of only when it is known to be the only one, its prefix at once. */
#define GROUP(number) (1u << ((number)-1))
#define GROUPS                                                                       \
    (GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) | GROUP(RTNLGRP_IPV6_IFADDR) | \
     GROUP(RTNLGRP_IPV6_PREFIX))

/* A few notices: that more were lost says as much as they would. */
#define QUEUE_BYTES 4096

static int32_t listen_to_groups(int fd)
{
    const struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};
    int bytes = QUEUE_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    return bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0 ? 0 : -errno;
}

int32_t host_cache_open(struct host_cache *cache)
{
    *cache = (struct host_cache){
        .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
    int32_t code = cache->fd < 0 ? -errno : listen_to_groups(cache->fd);
    if (code < 0)
        host_cache_close(cache);
    return code;
}

void host_cache_close(struct host_cache *cache)
{
    if (cache->fd >= 0)
        (void)close(cache->fd);
    free(cache->addresses);
    *cache = (struct host_cache){.fd = -1};
}

static void forget(struct host_cache *cache)
{
    cache->addresses_known = false;
    for (uint32_t i = 0; i < HOST_CACHE_LINKS; i++)
        cache->links[i] = (struct link_mtu){0};
}

bool host_cache_refresh(struct host_cache *cache)
{
    bool emptied = false;
    for (uint32_t i = 0; i < LIMIT_EVENT_DATAGRAMS && !emptied && cache->fd >= 0; i++) {
        uint8_t byte;
        bool none = recv(cache->fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0;
        int error = none ? errno : 0;
        emptied = none && (error == EAGAIN || error == EWOULDBLOCK);
        if (!emptied && error != EINTR)
            forget(cache);
        if (none && !emptied && error != EINTR && error != ENOBUFS)
            return false;
    }
    if (!emptied)
        forget(cache);
    return emptied;
}

uint32_t host_cache_link_mtu(const struct host_cache *cache, uint32_t ifindex)
{
    for (uint32_t i = 0; i < HOST_CACHE_LINKS; i++)
        if (cache->links[i].ifindex == ifindex)
            return cache->links[i].mtu;
    return 0;
}

void host_cache_keep_link_mtu(struct host_cache *cache, uint32_t ifindex, uint32_t mtu)
{
    cache->links[cache->next_link++ % HOST_CACHE_LINKS] = (struct link_mtu){ifindex, mtu};
}
