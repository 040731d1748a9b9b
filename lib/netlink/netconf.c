/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/netconf.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink/attribute.h"
#include "netlink/handle.h"
#include "netlink/netlink.h"

int32_t netconf_decode(const struct nlmsghdr *message, uint32_t *ret_rp_filter)
{
    struct attributes attributes;
    struct attribute attribute;
    int32_t result = -ENODATA;
    /* Behind the header of one byte come the attributes, aligned. */
    int32_t code =
        attributes_of_message(message, NLMSG_ALIGN(sizeof(struct netconfmsg)), &attributes);
    if (code < 0)
        return code;
    while ((code = attribute_next(&attributes, &attribute)) > 0) {
        if (attribute.type != NETCONFA_RP_FILTER)
            continue;
        if (!attribute_copy(&attribute, ret_rp_filter, sizeof(*ret_rp_filter)))
            return -EBADMSG;
        result = 0;
    }
    return code < 0 ? code : result;
}

static int32_t read_answer(void *context, struct nlmsghdr *message)
{
    return message->nlmsg_type == RTM_NEWNETCONF ? netconf_decode(message, context) : 0;
}

static int32_t ask(struct netlink *netlink, int32_t ifindex, uint32_t *ret_rp_filter,
                   struct outcome *outcome)
{
    const struct message_reader reader = {.read = read_answer, .context = ret_rp_filter};
    struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->request);
    request->nlmsg_type = RTM_GETNETCONF;
    struct netconfmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->ncm_family = AF_INET;
    mnl_attr_put_u32(request, NETCONFA_IFINDEX, (uint32_t)ifindex);
    return transport_request(&netlink->route, request, &reader, outcome);
}

int32_t netconf_rp_filter(struct netlink *netlink, uint32_t ifindex, uint32_t *ret_rp_filter,
                          struct subwg_error *error)
{
    struct outcome outcome;
    uint32_t of_link = 0;
    uint32_t of_all = 0;
    int32_t code = ask(netlink, (int32_t)ifindex, &of_link, &outcome);
    if (code == 0)
        code = ask(netlink, NETCONFA_IFINDEX_ALL, &of_all, &outcome);
    if (code < 0)
        return outcome_report(&outcome, error, "read rp_filter", "read rp_filter of link %u",
                              ifindex);
    *ret_rp_filter = of_link > of_all ? of_link : of_all;
    return 0;
}
