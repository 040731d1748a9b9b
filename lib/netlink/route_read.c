/* SPDX-License-Identifier: Apache-2.0 */
/* Routes as they are. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/array.h"
#include "netlink/attribute.h"
#include "netlink/family.h"
#include "netlink/handle.h"

struct route_dump {
    uint32_t table;
    uint8_t protocol;
    struct route *routes;
    uint32_t count;
    uint32_t capacity;
};

static void restart_routes(void *context)
{
    ((struct route_dump *)context)->count = 0;
}

static bool read_destination(struct prefix *destination, const struct attribute *attribute)
{
    return destination->family == FAMILY_IPV4 ? attribute_copy(attribute, destination->bytes, 4)
                                              : attribute_copy(attribute, destination->bytes, 16);
}

static bool read_route_attribute(struct route *route, const struct attribute *attribute)
{
    switch (attribute->type) {
    case RTA_TABLE:
        return attribute_copy(attribute, &route->table, sizeof(route->table));
    case RTA_DST:
        return read_destination(&route->destination, attribute);
    case RTA_OIF: /* a route with several has them elsewhere, and so none here */
        return attribute_copy(attribute, &route->ifindex, sizeof(route->ifindex));
    case RTA_PRIORITY:
        return attribute_copy(attribute, &route->metric, sizeof(route->metric));
    default:
        return true;
    }
}

/* Reads a route of any kind. By hand, since libnl refuses those that tunnel in ways it does not know,
 * and one of them would spoil the whole list. */
static int32_t parse_route(const struct nlmsghdr *message, struct route *ret_route)
{
    struct attributes attributes;
    struct attribute attribute;
    int32_t code = attributes_of_message(message, sizeof(struct rtmsg), &attributes);
    if (code < 0)
        return code;
    const struct rtmsg *head = mnl_nlmsg_get_payload(message);
    *ret_route = (struct route){
        .destination = {.family = family_of(head->rtm_family), .length = head->rtm_dst_len},
        .table = head->rtm_table,
        .protocol = head->rtm_protocol,
        .type = head->rtm_type};
    if (ret_route->destination.family == FAMILY_NONE)
        return 0;
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (!read_route_attribute(ret_route, &attribute))
            return -EBADMSG;
    if (ret_route->destination.length > ret_route->destination.family)
        return -EBADMSG;
    if (ret_route->destination.family == FAMILY_IPV6 && ret_route->metric == IPV6_DEFAULT_METRIC)
        ret_route->metric = 0;
    return code;
}

/* Straight into the list: whatever does not belong there is overwritten by the next. The kernel filters
 * where it can (strict checking, from 4.20 on); older ones list everything. */
static int32_t read_route(void *context, struct nlmsghdr *message)
{
    struct route_dump *dump = context;
    if (message->nlmsg_type != RTM_NEWROUTE)
        return 0;
    struct route *grown = array_grow(dump->routes, &dump->capacity, dump->count, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    dump->routes = grown;
    const struct route *route = &dump->routes[dump->count];
    int32_t code = parse_route(message, &dump->routes[dump->count]);
    if (code == 0 && route->destination.family != FAMILY_NONE &&
        (dump->table == 0 || route->table == dump->table) &&
        (dump->protocol == 0 || route->protocol == dump->protocol))
        dump->count++;
    return code;
}

int32_t route_list(struct netlink *netlink, uint32_t table, uint8_t protocol,
                   struct route **ret_routes, uint32_t *ret_count, struct subwg_error *error)
{
    struct outcome outcome;
    struct route_dump dump = {.table = table, .protocol = protocol};
    const struct message_reader reader = {
        .restart = restart_routes, .read = read_route, .context = &dump};
    struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->request);
    request->nlmsg_type = RTM_GETROUTE;
    request->nlmsg_flags = NLM_F_DUMP;
    struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->rtm_protocol = protocol;
    if (table != 0)
        mnl_attr_put_u32(request, RTA_TABLE, table);
    if (transport_request(&netlink->route, request, &reader, &outcome) < 0) {
        free(dump.routes);
        return outcome_report(&outcome, error, "list routes", "list routes of table %u", table);
    }
    *ret_routes = dump.routes;
    *ret_count = dump.count;
    return 0;
}

int route_order(const void *a, const void *b)
{
    const struct route *first = a;
    const struct route *second = b;
    int order = prefix_compare(&first->destination, &second->destination);
    return order != 0 ? order : (first->metric > second->metric) - (first->metric < second->metric);
}

/* As the kernel lists them, unless foreign ones lie around ours. */
static bool is_sorted(const struct route *routes, uint32_t count)
{
    uint32_t i = 1;
    while (i < count && route_order(&routes[i - 1], &routes[i]) <= 0)
        i++;
    return i >= count;
}

int32_t route_list_sorted(struct netlink *netlink, uint32_t table, struct route **ret_routes,
                          uint32_t *ret_count, struct subwg_error *error)
{
    int32_t code = route_list(netlink, table, 0, ret_routes, ret_count, error);
    if (code == 0 && !is_sorted(*ret_routes, *ret_count))
        qsort(*ret_routes, *ret_count, sizeof(**ret_routes), route_order);
    return code;
}
