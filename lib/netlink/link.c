/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>

#include "base/error.h"
#include "base/text.h"
#include "netlink/nl_message.h"

/* Finding. */

static void link_describe(struct rtnl_link *link, struct link_info *ret_link)
{
    const char *name = rtnl_link_get_name(link);
    const char *kind = rtnl_link_get_type(link);
    const char *alias = rtnl_link_get_ifalias(link);
    *ret_link = (struct link_info){.ifindex = (uint32_t)rtnl_link_get_ifindex(link),
                                   .mtu = rtnl_link_get_mtu(link),
                                   .group = rtnl_link_get_group(link),
                                   .up = (rtnl_link_get_flags(link) & IFF_UP) != 0};
    text_copy(ret_link->name, sizeof(ret_link->name), name != NULL ? name : "");
    text_copy(ret_link->kind, sizeof(ret_link->kind), kind != NULL ? kind : "");
    text_copy(ret_link->alias, sizeof(ret_link->alias), alias != NULL ? alias : "");
}

static void take_link(struct nl_object *object, void *context)
{
    link_describe((struct rtnl_link *)object, context);
}

static int32_t read_link(void *context, struct nlmsghdr *message)
{
    /* libnl makes of each message the object that its type is of. */
    return message->nlmsg_type == RTM_NEWLINK ? nl_read_object(message, take_link, context) : 0;
}

static int32_t link_get(struct netlink *netlink, int ifindex, const char *name,
                        struct link_info *ret_link, struct outcome *outcome)
{
    struct link_info link = {0};
    const struct message_reader reader = {.read = read_link, .context = &link};
    struct nl_msg *request = NULL;
    int built = rtnl_link_build_get_request(ifindex, name, &request);
    int32_t code = nl_request(netlink, built, request, &reader, outcome);
    if (code == 0 && link.ifindex == 0)
        code = outcome_fail(outcome, -EBADMSG);
    if (code == 0)
        *ret_link = link;
    return code;
}

int32_t link_find(struct netlink *netlink, const char *name, struct link_info *ret_link,
                  struct subwg_error *error)
{
    struct outcome outcome;
    int32_t code = link_get(netlink, 0, name, ret_link, &outcome);
    if (code == 0 || (code == -ENODEV && outcome.from_kernel))
        return code;
    return outcome_report(&outcome, error, "find link", "find link %s", name);
}

int32_t link_by_index(struct netlink *netlink, uint32_t ifindex, struct link_info *ret_link,
                      struct subwg_error *error)
{
    struct outcome outcome;
    /* libnl ends the process for a number that no link can have; the caller's may be out of a reply. */
    int32_t code = ifindex == 0 || ifindex > INT32_MAX
                       ? outcome_fail(&outcome, -ENODEV)
                       : link_get(netlink, (int)ifindex, NULL, ret_link, &outcome);
    if (code == 0 || (code == -ENODEV && outcome.from_kernel))
        return code;
    return outcome_report(&outcome, error, "find link", "find link %u", ifindex);
}

/* Creating. */

/* The words that the operator's manual quotes; what to do stands in the hint. */
static int32_t report_create(const struct outcome *outcome, const char *name,
                             struct subwg_error *error)
{
    const char *operation = "add wireguard device";
    if (outcome->from_kernel && outcome->code == -EEXIST) {
        error_set(error, outcome->code, SUBWG_REASON_NAME_TAKEN, operation,
                  "failed to add wireguard device %s: %s", name, error_phrase(outcome->code));
        error_kernel(error, -outcome->code);
        return outcome->code;
    }
    if (!outcome->from_kernel || outcome->code != -EOPNOTSUPP)
        return outcome_report(outcome, error, operation, "failed to add wireguard device %s", name);
    error_set(error, outcome->code, SUBWG_REASON_NOT_SUPPORTED, operation,
              "failed to add wireguard device: %s", error_phrase(outcome->code));
    error_hint(error,
               "this kernel has no WireGuard%s%s%s: install the kernel module wireguard, or a "
               "kernel from 5.6 on",
               outcome->sentence[0] != '\0' ? " (it says: " : "", outcome->sentence,
               outcome->sentence[0] != '\0' ? ")" : "");
    error_kernel(error, -outcome->code);
    return outcome->code;
}

int32_t link_create_wireguard(struct netlink *netlink, const char *name, uint32_t group,
                              struct subwg_error *error)
{
    struct outcome outcome;
    struct nl_msg *request = NULL;
    struct rtnl_link *link = rtnl_link_alloc();
    int built = link == NULL ? -NLE_NOMEM : rtnl_link_set_type(link, "wireguard");
    if (built == 0) {
        rtnl_link_set_name(link, name);
        rtnl_link_set_group(link, group);
        built = rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &request);
    }
    rtnl_link_put(link);
    int32_t code = nl_request(netlink, built, request, NULL, &outcome);
    return code == 0 ? 0 : report_create(&outcome, name, error);
}

/* Changing. */

typedef int (*link_setter)(struct rtnl_link *changes, const void *value);

static int set_name(struct rtnl_link *changes, const void *value)
{
    rtnl_link_set_name(changes, value);
    return 0;
}

/* libnl says nothing when there is no memory for the copy, and falls over it when it builds. */
static int set_alias(struct rtnl_link *changes, const void *value)
{
    rtnl_link_set_ifalias(changes, value);
    return rtnl_link_get_ifalias(changes) != NULL ? 0 : -NLE_NOMEM;
}

static int set_mtu(struct rtnl_link *changes, const void *value)
{
    rtnl_link_set_mtu(changes, *(const uint32_t *)value);
    return 0;
}

static int set_up(struct rtnl_link *changes, const void *value)
{
    if (*(const bool *)value)
        rtnl_link_set_flags(changes, IFF_UP);
    else
        rtnl_link_unset_flags(changes, IFF_UP);
    return 0;
}

/* Builds a request that changes one thing of a link. */
static int build_change(uint32_t ifindex, link_setter setter, const void *value,
                        struct nl_msg **ret_request)
{
    struct rtnl_link *link = rtnl_link_alloc();
    struct rtnl_link *changes = rtnl_link_alloc();
    int built = -NLE_NOMEM;
    if (link != NULL && changes != NULL) {
        rtnl_link_set_ifindex(link, (int)ifindex);
        built = setter(changes, value);
    }
    if (built == 0)
        built = rtnl_link_build_change_request(link, changes, 0, ret_request);
    if (built == 0 && setter == set_up) {
        /* libnl leaves the mask of changed flags empty: "no mask" would set all of them. */
        struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(*ret_request));
        head->ifi_change = IFF_UP;
    }
    rtnl_link_put(changes);
    rtnl_link_put(link);
    return built;
}

static int32_t link_change(struct netlink *netlink, uint32_t ifindex, link_setter setter,
                           const void *value, struct outcome *outcome)
{
    struct nl_msg *request = NULL;
    int built = build_change(ifindex, setter, value, &request);
    return nl_request(netlink, built, request, NULL, outcome);
}

int32_t link_set_name(struct netlink *netlink, uint32_t ifindex, const char *name,
                      struct subwg_error *error)
{
    struct outcome outcome;
    if (link_change(netlink, ifindex, set_name, name, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "rename link", "rename link %u to %s", ifindex, name);
}

int32_t link_set_alias(struct netlink *netlink, uint32_t ifindex, const char *alias,
                       struct subwg_error *error)
{
    struct outcome outcome;
    if (link_change(netlink, ifindex, set_alias, alias, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "set link alias", "set alias of link %u to \"%s\"",
                          ifindex, alias);
}

int32_t link_set_mtu(struct netlink *netlink, uint32_t ifindex, uint32_t mtu,
                     struct subwg_error *error)
{
    struct outcome outcome;
    if (link_change(netlink, ifindex, set_mtu, &mtu, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "set link MTU", "set MTU of link %u to %u", ifindex,
                          mtu);
}

int32_t link_set_up(struct netlink *netlink, uint32_t ifindex, bool up, struct subwg_error *error)
{
    struct outcome outcome;
    if (link_change(netlink, ifindex, set_up, &up, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, up ? "set link up" : "set link down", "set link %u %s",
                          ifindex, up ? "up" : "down");
}

int32_t link_delete(struct netlink *netlink, uint32_t ifindex, struct subwg_error *error)
{
    struct outcome outcome;
    struct nl_msg *request = NULL;
    struct rtnl_link *link = rtnl_link_alloc();
    int built = -NLE_NOMEM;
    if (link != NULL) {
        rtnl_link_set_ifindex(link, (int)ifindex);
        built = rtnl_link_build_delete_request(link, &request);
    }
    rtnl_link_put(link);
    if (nl_request(netlink, built, request, NULL, &outcome) == 0)
        return 0;
    return outcome_report(&outcome, error, "delete link", "delete link %u", ifindex);
}
