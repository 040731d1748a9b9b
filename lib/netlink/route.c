/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/limits.h"
#include "netlink/family.h"
#include "netlink/handle.h"

/* Building. */

static uint8_t route_scope(const struct route *route)
{
    if (route->destination.family != FAMILY_IPV4)
        return RT_SCOPE_UNIVERSE;
    if (route->type == RTN_LOCAL)
        return RT_SCOPE_HOST;
    return route->type == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/* A deletion names everything too: the kernel takes what is missing for "any", and so another's. */
static void fill_route(struct nlmsghdr *request, const struct route *route)
{
    bool ipv6 = route->destination.family == FAMILY_IPV6;
    struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->rtm_family = family_number(route->destination.family);
    head->rtm_dst_len = route->destination.length;
    head->rtm_table = route->table < 256 ? (uint8_t)route->table : RT_TABLE_COMPAT;
    head->rtm_protocol = route->protocol;
    head->rtm_scope = route_scope(route);
    head->rtm_type = route->type;
    mnl_attr_put(request, RTA_DST, route->destination.family / 8u, route->destination.bytes);
    mnl_attr_put_u32(request, RTA_TABLE, route->table);
    mnl_attr_put_u32(request, RTA_PRIORITY,
                     ipv6 && route->metric == 0 ? IPV6_DEFAULT_METRIC : route->metric);
    if (route->ifindex != 0)
        mnl_attr_put_u32(request, RTA_OIF, route->ifindex);
}

/* Applying. */

/* Requests one behind the other in the handle's buffer. */
struct batch {
    uint8_t *bytes;
    size_t length;
    uint32_t count;
};

struct longest_request {
    struct nlmsghdr head;
    struct rtmsg route;
    struct rtattr attributes[4];
    uint8_t destination[16];
    uint32_t numbers[3];
};

_Static_assert(sizeof(struct longest_request) <= LIMIT_MESSAGE_BYTES / LIMIT_ROUTES_A_SEND,
               "a batch fits the buffer for requests");

static int32_t batch_append(struct batch *batch, const struct route_change *change)
{
    if (family_number(change->route.destination.family) == AF_UNSPEC)
        return -EAFNOSUPPORT;
    struct nlmsghdr *request = mnl_nlmsg_put_header(batch->bytes + batch->length);
    request->nlmsg_type = change->remove ? RTM_DELROUTE : RTM_NEWROUTE;
    request->nlmsg_flags = change->remove ? 0 : NLM_F_CREATE | NLM_F_EXCL;
    fill_route(request, &change->route);
    batch->length += request->nlmsg_len;
    batch->count++;
    return 0;
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
        return transport_batch(&netlink->route, batch.bytes, batch.length, batch.count, NULL,
                               results, outcome);
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
