/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "netlink/family.h"
#include "netlink/nl_error.h"
#include "netlink/nl_message.h"

/* Building. */

static uint8_t route_scope(const struct route *route)
{
    if (route->destination.family != FAMILY_IPV4)
        return RT_SCOPE_UNIVERSE;
    if (route->type == RTN_LOCAL)
        return RT_SCOPE_HOST;
    return route->type == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static int add_nexthop(struct rtnl_route *object, uint32_t ifindex)
{
    if (ifindex == 0)
        return 0;
    struct rtnl_nexthop *nexthop = rtnl_route_nh_alloc();
    if (nexthop == NULL)
        return -NLE_NOMEM;
    rtnl_route_nh_set_ifindex(nexthop, (int)ifindex);
    rtnl_route_add_nexthop(object, nexthop);
    return 0;
}

/* A deletion names everything too: the kernel takes what is missing for "any", and so another's. */
static int fill_route(struct rtnl_route *object, const struct route *route)
{
    struct nl_addr *destination;
    int built = nl_address_build(&route->destination, &destination);
    if (built < 0)
        return built;
    built = rtnl_route_set_dst(object, destination);
    nl_addr_put(destination);
    if (built == 0)
        built = rtnl_route_set_type(object, route->type);
    if (built < 0)
        return built;
    bool ipv6 = route->destination.family == FAMILY_IPV6;
    rtnl_route_set_table(object, route->table);
    rtnl_route_set_protocol(object, route->protocol);
    rtnl_route_set_scope(object, route_scope(route));
    rtnl_route_set_priority(object,
                            ipv6 && route->metric == 0 ? IPV6_DEFAULT_METRIC : route->metric);
    return add_nexthop(object, route->ifindex);
}

static int build_change(const struct route_change *change, struct nl_msg **ret_request)
{
    struct rtnl_route *object = rtnl_route_alloc();
    int built = object == NULL ? -NLE_NOMEM : fill_route(object, &change->route);
    if (built == 0 && change->remove)
        built = rtnl_route_build_del_request(object, 0, ret_request);
    else if (built == 0)
        built = rtnl_route_build_add_request(object, NLM_F_CREATE | NLM_F_EXCL, ret_request);
    rtnl_route_put(object);
    return built;
}

/* Applying. */

/* Requests one behind the other in the handle's buffer. */
struct batch {
    uint8_t *bytes;
    size_t length;
    uint32_t count;
};

/* Appends the change's request. -EMSGSIZE: the buffer is full. */
static int32_t batch_append(struct batch *batch, const struct route_change *change)
{
    struct nl_msg *request = NULL;
    int32_t code = nl_error_code(build_change(change, &request));
    if (code < 0)
        return code;
    size_t length = nlmsg_hdr(request)->nlmsg_len;
    size_t aligned = (length + (NLMSG_ALIGNTO - 1u)) & ~(size_t)(NLMSG_ALIGNTO - 1u);
    if (aligned <= LIMIT_MESSAGE_BYTES - batch->length) {
        memset(batch->bytes + batch->length, 0, aligned);
        memcpy(batch->bytes + batch->length, nlmsg_hdr(request), length);
        batch->length += aligned;
        batch->count++;
    } else {
        code = -EMSGSIZE;
    }
    nlmsg_free(request);
    return code;
}

/* Sends the first changes, as many as make a batch; *ret_count says how many have a result. */
static int32_t apply_some(struct netlink *netlink, const struct route_change *changes,
                          uint32_t count, int32_t *results, uint32_t *ret_count,
                          struct outcome *outcome)
{
    struct batch batch = {.bytes = netlink->request};
    int32_t code = 0;
    while (code == 0 && batch.count < count && batch.count < LIMIT_ROUTES_A_SEND)
        code = batch_append(&batch, &changes[batch.count]);
    *ret_count = batch.count;
    if (batch.count > 0)
        return transport_batch(&netlink->route, batch.bytes, batch.length, batch.count, results,
                               outcome);
    results[0] = code;
    *ret_count = 1;
    return outcome_fail(outcome, code);
}

static int32_t report_change(const struct outcome *outcome, const struct route_change *change,
                             struct subwg_error *error)
{
    char text[PREFIX_TEXT_SIZE];
    return outcome_report(outcome, error, change->remove ? "delete route" : "add route",
                          "%s route %s %s table %u", change->remove ? "delete" : "add",
                          prefix_format(&change->route.destination, text),
                          change->remove ? "from" : "to", change->route.table);
}

static uint32_t first_failure(const int32_t *results, uint32_t count)
{
    uint32_t i = 0;
    while (i + 1 < count && results[i] == 0)
        i++;
    return i;
}

int32_t route_apply(struct netlink *netlink, const struct route_change *changes, uint32_t count,
                    int32_t *results, struct subwg_error *error)
{
    int32_t first_code = 0;
    bool broken = false;
    uint32_t done = 0;
    while (done < count && !broken) {
        struct outcome outcome;
        uint32_t applied = 0;
        int32_t code =
            apply_some(netlink, changes + done, count - done, results + done, &applied, &outcome);
        if (code < 0 && first_code == 0) {
            first_code = code;
            uint32_t failed = done + first_failure(results + done, applied);
            report_change(&outcome, &changes[failed], error);
        }
        broken = code < 0 && !outcome.from_kernel;
        if (code < 0 && outcome.state_unknown)
            error_state_unknown(error);
        done += applied;
    }
    for (; done < count; done++)
        results[done] = first_code;
    return first_code;
}
