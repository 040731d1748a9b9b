/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "notices.h"
#include "rtnetlink.h"

static const struct fake_attribute_rule address_rules[] = {
    [IFA_ADDRESS] = {FAKE_ATTRIBUTE_AT_LEAST, 4},
    [IFA_LOCAL] = {FAKE_ATTRIBUTE_AT_LEAST, 4},
};
static const struct fake_policy address_policy = {address_rules, IFA_LOCAL, false};

struct address_request {
    struct ifaddrmsg head;
    const struct nlattr *attributes[IFA_LOCAL + 1];
    struct fake_link *link;
    struct fake_prefix prefix;
};

static int parse_address(struct fake_request *request, struct address_request *address)
{
    const struct nlattr *local;
    int status, family;

    if (!fake_request_attributes(request, &address_policy, sizeof(address->head),
                                 address->attributes, &status))
        return status;
    memcpy(&address->head, fake_payload(request), sizeof(address->head));
    family = address->head.ifa_family;
    local = address->attributes[IFA_LOCAL];
    if (local == NULL && family == AF_INET6)
        local = address->attributes[IFA_ADDRESS];
    if (local != NULL && fake_size(local) < fake_address_size(family))
        return -EINVAL;
    address->prefix = fake_prefix_from(family, local != NULL ? fake_data(local) : NULL,
                                       address->head.ifa_prefixlen);
    address->link = fake_link_by_index(address->head.ifa_index);
    if (local == NULL)
        address->prefix.family = AF_UNSPEC;
    return 0;
}

int fake_address_new(struct fake_request *request)
{
    uint16_t flags = request->head->nlmsg_flags;
    struct address_request wanted;
    int status = parse_address(request, &wanted);

    if (status != 0)
        return status;
    if (wanted.head.ifa_prefixlen > 8 * fake_address_size(wanted.head.ifa_family))
        return fake_refuse(request, -EINVAL,
                           wanted.head.ifa_family == AF_INET ? "ipv4: Invalid prefix length"
                                                             : "ipv6: Invalid prefix length");
    if (wanted.prefix.family == AF_UNSPEC)
        return fake_refuse(request, -EINVAL,
                           wanted.head.ifa_family == AF_INET
                               ? "ipv4: Local address is not supplied"
                               : "ipv6: Local address is not supplied");
    if (wanted.link == NULL)
        return fake_refuse(request, -ENODEV,
                           wanted.head.ifa_family == AF_INET
                               ? "ipv4: Device not found"
                               : "ipv6: Unable to find the interface");
    if (fake_address_find(wanted.link->ifindex, &wanted.prefix) != NULL &&
        (flags & NLM_F_EXCL) == 0 && (flags & NLM_F_REPLACE) != 0)
        return 0;
    fake_notice_author = request->socket->port;
    status =
        fake_address_add(wanted.link, &wanted.prefix, wanted.head.ifa_scope, &request->sentence);
    fake_notice_author = 0;
    return status;
}

/* IPv4 may leave out what it does not want to compare. */
static struct fake_interface_address *find(const struct address_request *wanted)
{
    struct fake_interface_address *address;

    if (wanted->head.ifa_family == AF_INET6)
        return fake_address_find(wanted->link->ifindex, &wanted->prefix);
    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    if (address->ifindex == wanted->link->ifindex && address->prefix.family == AF_INET &&
        (wanted->prefix.family == AF_UNSPEC ||
         fake_address_equal(&address->prefix, &wanted->prefix)) &&
        (wanted->attributes[IFA_ADDRESS] == NULL ||
         address->prefix.length == wanted->prefix.length))
        return address;
    return NULL;
}

int fake_address_delete(struct fake_request *request)
{
    struct fake_interface_address *address;
    struct address_request wanted;
    int status = parse_address(request, &wanted);

    if (status != 0)
        return status;
    if (wanted.head.ifa_family == AF_INET6 && wanted.prefix.family == AF_UNSPEC)
        return -EINVAL;
    if (wanted.link == NULL)
        return fake_refuse(request, -ENODEV,
                           wanted.head.ifa_family == AF_INET
                               ? "ipv4: Device not found"
                               : "ipv6: Unable to find the interface");
    if (wanted.head.ifa_family == AF_INET6 && !wanted.link->ipv6)
        return fake_refuse(request, -ENXIO, "ipv6: IPv6 is disabled on this device");
    address = find(&wanted);
    if (address == NULL)
        return fake_refuse(request, -EADDRNOTAVAIL,
                           wanted.head.ifa_family == AF_INET ? "ipv4: Address not found"
                                                             : "ipv6: address not found");
    fake_notice_author = wanted.head.ifa_family == AF_INET ? request->socket->port : 0;
    fake_address_remove(address);
    fake_notice_author = 0;
    return 0;
}

static uint32_t flags_of(const struct fake_interface_address *address)
{
    return IFA_F_PERMANENT | (address->secondary ? IFA_F_SECONDARY : 0) |
           (address->tentative ? IFA_F_TENTATIVE : 0);
}

static void put_address(struct fake_writer *writer, struct nlmsghdr head,
                        const struct fake_interface_address *address)
{
    struct ifaddrmsg inner = {.ifa_family = (uint8_t)address->prefix.family,
                              .ifa_prefixlen = address->prefix.length,
                              .ifa_flags = (uint8_t)flags_of(address),
                              .ifa_scope = address->scope,
                              .ifa_index = address->ifindex};
    size_t size = fake_address_size(address->prefix.family);
    size_t start = fake_message_start(writer, &head, &inner, sizeof(inner));
    const struct fake_link *link = fake_link_by_index(address->ifindex);

    fake_put(writer, IFA_ADDRESS, address->prefix.bytes, size);
    if (address->prefix.family == AF_INET) {
        fake_put(writer, IFA_LOCAL, address->prefix.bytes, size);
        fake_put_text(writer, IFA_LABEL, link->name);
    }
    fake_put_u32(writer, IFA_FLAGS, flags_of(address));
    fake_message_end(writer, start);
}

void fake_notice_address(const struct fake_interface_address *address, bool gone)
{
    bool ipv6 = address->prefix.family == AF_INET6;
    uint32_t group = ipv6 ? RTNLGRP_IPV6_IFADDR : RTNLGRP_IPV4_IFADDR;
    struct nlmsghdr head = {.nlmsg_type = gone ? RTM_DELADDR : RTM_NEWADDR,
                            .nlmsg_pid = ipv6 ? 0 : fake_notice_author};
    struct fake_writer writer;

    if (!fake_notice_start(group, &writer))
        return;
    put_address(&writer, head, address);
    fake_notice_end(group, &writer);
}

int fake_addresses_dump(struct fake_request *request)
{
    struct nlmsghdr head = {.nlmsg_type = RTM_NEWADDR, .nlmsg_seq = request->head->nlmsg_seq};
    struct fake_writer snapshot = {0};
    struct fake_interface_address *address;
    struct ifaddrmsg filter = {.ifa_family = *(const uint8_t *)fake_payload(request)};

    if (request->socket->strict && fake_payload_size(request) >= sizeof(filter))
        memcpy(&filter, fake_payload(request), sizeof(filter));
    if (filter.ifa_index != 0 && fake_link_by_index(filter.ifa_index) == NULL)
        return -ENODEV;
    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    {
        if ((filter.ifa_family != AF_UNSPEC && filter.ifa_family != address->prefix.family) ||
            (filter.ifa_index != 0 && filter.ifa_index != address->ifindex))
            continue;
        fake_snapshot_grow(&snapshot);
        put_address(&snapshot, head, address);
    }
    return fake_snapshot_start(request, snapshot);
}
