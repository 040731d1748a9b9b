/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to addresses: asked together, since to send and to wait costs more than the answer. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "base/limits.h"
#include "netlink/attribute.h"
#include "netlink/family.h"
#include "netlink/handle.h"

/* Asking. */

struct longest_request {
    struct nlmsghdr head;
    struct rtmsg route;
    struct rtattr attributes[3];
    uint8_t destination[16];
    uint32_t numbers[2];
};

_Static_assert(sizeof(struct longest_request) <= LIMIT_MESSAGE_BYTES / LIMIT_LOOKUPS_A_SEND,
               "a batch fits the buffer for requests");
_Static_assert(LIMIT_LOOKUPS_A_SEND <= LIMIT_PENDING_REPLIES, "each has a reply");

static size_t encode_lookup(uint8_t *bytes, const struct address *address, uint32_t mark)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
    request->nlmsg_type = RTM_GETROUTE;
    struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->rtm_family = family_number(address->family);
    head->rtm_dst_len = address->family;
    mnl_attr_put(request, RTA_DST, address->family / 8u, address->bytes);
    if (mark != 0)
        mnl_attr_put_u32(request, RTA_MARK, mark);
    if (address->scope != 0)
        mnl_attr_put_u32(request, RTA_OIF, address->scope);
    return request->nlmsg_len;
}

/* Reading. */

struct answers {
    struct route_lookup *ways;
    uint32_t first; /* the sequence number of the first request */
};

static int32_t read_metrics(struct attributes metrics, uint32_t *mtu)
{
    struct attribute attribute;
    int32_t code;
    while ((code = attribute_next(&metrics, &attribute)) > 0)
        if (attribute.type == RTAX_MTU && !attribute_copy(&attribute, mtu, sizeof(*mtu)))
            return -EBADMSG;
    return code;
}

static int32_t read_way(void *context, struct nlmsghdr *message)
{
    const struct answers *answers = context;
    struct route_lookup *way = &answers->ways[message->nlmsg_seq - answers->first];
    struct attributes attributes;
    struct attribute attribute;
    int32_t code = attributes_of_message(message, sizeof(struct rtmsg), &attributes);
    if (code < 0)
        return code;
    const struct rtmsg *head = mnl_nlmsg_get_payload(message);
    way->type = head->rtm_type;
    while ((code = attribute_next(&attributes, &attribute)) > 0) {
        if (attribute.type == RTA_OIF &&
            !attribute_copy(&attribute, &way->ifindex, sizeof(way->ifindex)))
            return -EBADMSG;
        if (attribute.type == RTA_METRICS)
            code = read_metrics(attributes_nested(&attribute), &way->mtu);
        if (code < 0)
            return code;
    }
    return code;
}

/* -EBADMSG: the request was acknowledged, but the answer to it never came. */
static int32_t check_way(const struct route_lookup *way)
{
    if (way->type == RTN_UNSPEC)
        return -EBADMSG;
    bool nowhere = way->type == RTN_UNREACHABLE || way->type == RTN_BLACKHOLE ||
                   way->type == RTN_PROHIBIT || way->type == RTN_THROW || way->ifindex == 0;
    return nowhere ? -ENETUNREACH : 0;
}

/* Asks for at most LIMIT_LOOKUPS_A_SEND ways. A failure that is not the kernel's leaves no result. */
static int32_t find_ways(struct netlink *netlink, const struct address *addresses, uint32_t count,
                         uint32_t mark, struct route_lookup *ways, int32_t *results,
                         struct outcome *outcome)
{
    struct answers answers = {ways, netlink->route.sequence + 1};
    const struct message_reader reader = {.read = read_way, .context = &answers};
    size_t length = 0;
    if (count > LIMIT_LOOKUPS_A_SEND)
        return outcome_fail(outcome, -EINVAL);
    for (uint32_t i = 0; i < count; i++) {
        if (family_number(addresses[i].family) == AF_UNSPEC)
            return outcome_fail(outcome, -EAFNOSUPPORT);
        ways[i] = (struct route_lookup){0};
        length += encode_lookup(netlink->request + length, &addresses[i], mark);
    }
    return transport_batch(&netlink->route, netlink->request, length, count, &reader, results,
                           outcome);
}

static int32_t find_way(struct netlink *netlink, const struct address *address, uint32_t mark,
                        struct route_lookup *ret_lookup, struct subwg_error *error)
{
    struct outcome outcome;
    struct route_lookup way;
    int32_t result;
    int32_t code = find_ways(netlink, address, 1, mark, &way, &result, &outcome);
    if (code == 0 && check_way(&way) < 0)
        code = outcome_fail(&outcome, check_way(&way));
    if (code < 0) {
        char text[ADDRESS_TEXT_SIZE];
        return outcome_report(&outcome, error, "look up route", "look up the route to %s",
                              address_format(address, text));
    }
    *ret_lookup = way;
    return 0;
}

/* With the path MTU. */

/* lasts: host_cache_refresh said so. A change that the kernel told of since is read before what is kept is
 * used again. */
static int32_t find_link_mtu(struct netlink *netlink, bool lasts, uint32_t ifindex,
                             uint32_t *ret_mtu, struct subwg_error *error)
{
    struct link_info link;
    *ret_mtu = host_cache_link_mtu(&netlink->host, ifindex);
    if (*ret_mtu != 0)
        return 0;
    int32_t code = link_by_index(netlink, ifindex, &link, error);
    if (code < 0)
        return code;
    *ret_mtu = link.mtu;
    if (lasts)
        host_cache_keep_link_mtu(&netlink->host, ifindex, link.mtu);
    return 0;
}

int32_t route_lookup(struct netlink *netlink, const struct address *address, uint32_t mark,
                     struct route_lookup *ret_lookup, struct subwg_error *error)
{
    struct route_lookup way = {0};
    int32_t code = find_way(netlink, address, mark, &way, error);
    if (code == 0 && way.mtu == 0)
        code = find_link_mtu(netlink, host_cache_refresh(&netlink->host), way.ifindex, &way.mtu,
                             error);
    if (code == 0)
        *ret_lookup = way;
    return code;
}

int32_t route_lookup_many(struct netlink *netlink, const struct address *addresses, uint32_t count,
                          uint32_t mark, struct route_lookup *ret_lookups, int32_t *results,
                          struct subwg_error *error)
{
    struct outcome outcome;
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = find_ways(netlink, addresses, count, mark, ret_lookups, results, &outcome);
    if (code < 0 && !outcome.from_kernel)
        return outcome_report(&outcome, error, "look up route",
                              "look up the routes to %u addresses", (unsigned)count);
    bool lasts = host_cache_refresh(&netlink->host);
    code = 0;
    for (uint32_t i = 0; i < count && code == 0; i++) {
        struct route_lookup *way = &ret_lookups[i];
        if (results[i] == 0)
            results[i] = check_way(way);
        if (results[i] != 0 || way->mtu != 0)
            continue;
        results[i] = find_link_mtu(netlink, lasts, way->ifindex, &way->mtu, &failure);
        /* That there is no such link is said without a record. */
        if (results[i] != 0 && results[i] != -ENODEV && failure.kernel_errno == 0) {
            error_copy(error, &failure);
            code = results[i];
        }
    }
    return code;
}
