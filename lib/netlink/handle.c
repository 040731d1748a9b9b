/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/handle.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/secret.h"

static int32_t handle_open(struct netlink *netlink, uint32_t reply_timeout_ms)
{
    netlink->request = secret_memory_create(LIMIT_MESSAGE_BYTES, &netlink->request_locked);
    if (netlink->request == NULL)
        return -ENOMEM;
    int32_t code = transport_open(&netlink->generic, NETLINK_GENERIC, true, reply_timeout_ms);
    if (code < 0)
        return code;
    code = transport_open(&netlink->route, NETLINK_ROUTE, false, reply_timeout_ms);
    if (code == 0)
        code = host_cache_open(&netlink->host);
    return code < 0 ? code : route_watch_open(&netlink->watch);
}

int32_t netlink_open(uint32_t reply_timeout_ms, struct netlink **ret_netlink,
                     struct subwg_error *error)
{
    struct outcome outcome;
    if (sodium_init() < 0)
        return error_set(error, -EIO, SUBWG_REASON_UNSPECIFIED, "open netlink",
                         "open netlink: libsodium does not start");
    struct netlink *netlink = calloc(1, sizeof(*netlink));
    if (netlink != NULL) {
        netlink->host.fd = -1;
        netlink->watch.fd = -1;
    }
    int32_t code = netlink == NULL ? -ENOMEM : handle_open(netlink, reply_timeout_ms);
    if (code < 0) {
        netlink_close(netlink);
        outcome_fail(&outcome, code);
        return outcome_report(&outcome, error, "open netlink", "open netlink sockets");
    }
    *ret_netlink = netlink;
    return 0;
}

void netlink_close(struct netlink *netlink)
{
    if (netlink == NULL)
        return;
    transport_close(&netlink->generic);
    transport_close(&netlink->route);
    host_cache_close(&netlink->host);
    route_watch_close(&netlink->watch);
    secret_memory_destroy(netlink->request, LIMIT_MESSAGE_BYTES);
    wg_device_finish(&netlink->scratch);
    free(netlink);
}

bool netlink_is_own(const struct netlink *netlink, uint32_t port_id)
{
    return port_id != 0 && netlink->route.port_id == port_id;
}

bool netlink_is_locked(const struct netlink *netlink)
{
    return netlink->request_locked && netlink->generic.locked;
}
