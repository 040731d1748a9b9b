/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <stdlib.h>

#include "base/array.h"
#include "netlink/nl_message.h"

/* Listing. */

struct address_dump {
    struct interface_address *addresses;
    uint32_t count;
    uint32_t capacity;
    int32_t code; /* of taking them */
};

static void restart_addresses(void *context)
{
    ((struct address_dump *)context)->count = 0;
}

static void take_address(struct nl_object *object, void *context)
{
    struct address_dump *dump = context;
    struct rtnl_addr *found = (struct rtnl_addr *)object;
    struct interface_address address = {.ifindex = (uint32_t)rtnl_addr_get_ifindex(found)};
    const struct nl_addr *local = rtnl_addr_get_local(found);
    if (local == NULL || !nl_address_read(local, &address.prefix))
        return;
    address.prefix.length = (uint8_t)rtnl_addr_get_prefixlen(found);
    struct interface_address *grown =
        array_grow(dump->addresses, &dump->capacity, dump->count, sizeof(*grown));
    if (grown == NULL) {
        dump->code = -ENOMEM;
        return;
    }
    dump->addresses = grown;
    dump->addresses[dump->count++] = address;
}

static int32_t read_address(void *context, struct nlmsghdr *message)
{
    struct address_dump *dump = context;
    if (message->nlmsg_type != RTM_NEWADDR)
        return 0;
    int32_t code = nl_read_object(message, take_address, dump);
    return code < 0 ? code : dump->code;
}

int32_t address_list(struct netlink *netlink, struct interface_address **ret_addresses,
                     uint32_t *ret_count, struct subwg_error *error)
{
    struct outcome outcome;
    struct address_dump dump = {0};
    const struct message_reader reader = {
        .restart = restart_addresses, .read = read_address, .context = &dump};
    struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->request);
    request->nlmsg_type = RTM_GETADDR;
    request->nlmsg_flags = NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
    if (transport_request(&netlink->route, request, &reader, &outcome) < 0) {
        free(dump.addresses);
        return outcome_report(&outcome, error, "list addresses", "list addresses");
    }
    *ret_addresses = dump.addresses;
    *ret_count = dump.count;
    return 0;
}

/* Changing. */

typedef int (*address_builder)(struct rtnl_addr *address, int flags, struct nl_msg **ret_request);

static int32_t address_request(struct netlink *netlink, const struct interface_address *wanted,
                               address_builder build, int flags, struct outcome *outcome)
{
    struct nl_msg *request = NULL;
    struct nl_addr *local = NULL;
    struct rtnl_addr *address = rtnl_addr_alloc();
    int built = address == NULL ? -NLE_NOMEM : nl_address_build(&wanted->prefix, &local);
    if (built == 0)
        built = rtnl_addr_set_local(address, local);
    if (built == 0) {
        rtnl_addr_set_ifindex(address, (int)wanted->ifindex);
        built = build(address, flags, &request);
    }
    nl_addr_put(local);
    rtnl_addr_put(address);
    return nl_request(netlink, built, request, NULL, outcome);
}

int32_t address_add(struct netlink *netlink, const struct interface_address *address,
                    struct subwg_error *error)
{
    struct outcome outcome;
    char text[PREFIX_TEXT_SIZE];
    if (address_request(netlink, address, rtnl_addr_build_add_request, NLM_F_CREATE | NLM_F_EXCL,
                        &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "add address", "add address %s to link %u",
                          prefix_format(&address->prefix, text), address->ifindex);
}

int32_t address_delete(struct netlink *netlink, const struct interface_address *address,
                       struct subwg_error *error)
{
    struct outcome outcome;
    char text[PREFIX_TEXT_SIZE];
    if (address_request(netlink, address, rtnl_addr_build_delete_request, 0, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "delete address", "delete address %s from link %u",
                          prefix_format(&address->prefix, text), address->ifindex);
}
