/* SPDX-License-Identifier: Apache-2.0 */
#include "rtnetlink.h"

#include <errno.h>

#include <linux/rtnetlink.h>

#define BULK 0x200 /* NLM_F_BULK; what NLM_F_EXCL is in other requests */

struct entry {
    uint16_t type;
    bool dump;
    bool families; /* IPv4 and IPv6 have handlers of their own */
    int (*answer)(struct fake_request *request);
};

static const struct entry entries[] = {
    {RTM_NEWLINK, false, false, fake_link_new},
    {RTM_DELLINK, false, false, fake_link_delete},
    {RTM_GETLINK, false, false, fake_link_get},
    {RTM_GETLINK, true, false, fake_links_dump},
    {RTM_NEWADDR, false, true, fake_address_new},
    {RTM_DELADDR, false, true, fake_address_delete},
    {RTM_GETADDR, true, false, fake_addresses_dump},
    {RTM_NEWROUTE, false, true, fake_route_new},
    {RTM_DELROUTE, false, true, fake_route_remove},
    {RTM_GETROUTE, false, true, fake_route_get},
    {RTM_GETROUTE, true, false, fake_routes_dump},
    {RTM_NEWRULE, false, false, fake_rule_new},
    {RTM_DELRULE, false, false, fake_rule_remove},
    {RTM_GETRULE, true, false, fake_rules_dump},
    {RTM_GETNETCONF, false, true, fake_netconf_get},
};

bool fake_request_family(const struct fake_request *request, int *ret_family)
{
    *ret_family = *(const uint8_t *)fake_payload(request);
    return *ret_family == AF_INET || (*ret_family == AF_INET6 && fake_world.ipv6);
}

int fake_route_request(struct fake_request *request)
{
    uint16_t type = request->head->nlmsg_type;
    bool is_get = (type & 3) == 2;
    bool dump = is_get && (request->head->nlmsg_flags & NLM_F_DUMP) != 0;
    int family;

    if (type > RTM_MAX)
        return -EOPNOTSUPP;
    if (fake_payload_size(request) < sizeof(struct rtgenmsg))
        return 0;
    if (!is_get && !fake_world.capable)
        return -EPERM;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        const struct entry *entry = &entries[i];

        if (entry->type != type || entry->dump != dump)
            continue;
        if (entry->families && !fake_request_family(request, &family))
            return -EOPNOTSUPP;
        if ((type & 3) == 1 && (request->head->nlmsg_flags & BULK) != 0)
            return fake_refuse(request, -EOPNOTSUPP, "Bulk delete is not supported");
        return entry->answer(request);
    }
    return -EOPNOTSUPP;
}
