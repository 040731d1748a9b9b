/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "message.h"
#include "rtnetlink.h"

static const struct fake_attribute_rule netconf_rules[] = {
    [NETCONFA_IFINDEX] = {FAKE_ATTRIBUTE_NUMBER, 4},
};
static const struct fake_policy netconf_policy = {netconf_rules, NETCONFA_IFINDEX, false};

/* Below an MTU of 68 a link has no IPv4. */
#define LEAST_MTU 68u

/* The settings that are meant; false where there are none. */
static bool find_rp_filter(const struct nlattr *ifindex, uint32_t *ret_rp_filter)
{
    const struct fake_link *link;

    if (ifindex == NULL)
        return false;
    if ((int32_t)fake_u32(ifindex) == NETCONFA_IFINDEX_ALL) {
        *ret_rp_filter = fake_world.rp_filter;
        return true;
    }
    link = fake_link_by_index(fake_u32(ifindex));
    if (link == NULL || link->mtu < LEAST_MTU)
        return false;
    *ret_rp_filter = link->rp_filter;
    return true;
}

int fake_netconf_get(struct fake_request *request)
{
    const struct nlattr *attributes[NETCONFA_IFINDEX + 1];
    const struct netconfmsg family = {.ncm_family = AF_INET};
    struct nlmsghdr head = {.nlmsg_type = RTM_NEWNETCONF,
                            .nlmsg_seq = request->head->nlmsg_seq,
                            .nlmsg_pid = request->socket->port};
    struct fake_writer writer;
    uint32_t rp_filter;
    size_t start;
    int status;

    if (!fake_request_attributes(request, &netconf_policy, sizeof(struct netconfmsg), attributes,
                                 &status))
        return status;
    if (!find_rp_filter(attributes[NETCONFA_IFINDEX], &rp_filter))
        return -EINVAL;
    writer = fake_reply_start();
    start = fake_message_start(&writer, &head, &family, sizeof(family));
    fake_put_u32(&writer, NETCONFA_IFINDEX, fake_u32(attributes[NETCONFA_IFINDEX]));
    fake_put_u32(&writer, NETCONFA_RP_FILTER, rp_filter);
    fake_message_end(&writer, start);
    fake_reply_end(request, &writer);
    return 0;
}
