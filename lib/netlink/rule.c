/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <stdlib.h>

#include "base/array.h"
#include "netlink/attribute.h"
#include "netlink/family.h"
#include "netlink/handle.h"

/* Listing. */

struct rule_dump {
    struct rule *rules;
    uint32_t count;
    uint32_t capacity;
};

static void restart_rules(void *context)
{
    ((struct rule_dump *)context)->count = 0;
}

/* The kernel always names this one; all bits set means that nothing is suppressed. */
static bool suppresses_nothing(const struct attribute *attribute)
{
    uint32_t length = 0;
    return attribute_copy(attribute, &length, sizeof(length)) && length == UINT32_MAX;
}

static bool read_rule_attribute(struct rule *rule, const struct attribute *attribute)
{
    switch (attribute->type) {
    case FRA_UNSPEC:
    case FRA_PAD:
        return true;
    case FRA_PRIORITY:
        return attribute_copy(attribute, &rule->priority, sizeof(rule->priority));
    case FRA_FWMARK:
        return attribute_copy(attribute, &rule->mark, sizeof(rule->mark));
    case FRA_FWMASK:
        return attribute_copy(attribute, &rule->mask, sizeof(rule->mask));
    case FRA_TABLE:
        return attribute_copy(attribute, &rule->table, sizeof(rule->table));
    case FRA_PROTOCOL:
        return attribute_copy(attribute, &rule->protocol, sizeof(rule->protocol));
    case FRA_SUPPRESS_PREFIXLEN:
        rule->plain = rule->plain && suppresses_nothing(attribute);
        return true;
    default:
        rule->plain = false;
        return true;
    }
}

static int32_t parse_rule(const struct nlmsghdr *message, struct rule *ret_rule)
{
    struct attributes attributes;
    struct attribute attribute;
    int32_t code = attributes_of_message(message, sizeof(struct fib_rule_hdr), &attributes);
    if (code < 0)
        return code;
    const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(message);
    uint32_t other_flags = head->flags & ~(uint32_t)FIB_RULE_INVERT;
    *ret_rule = (struct rule){.family = family_of(head->family),
                              .invert = (head->flags & FIB_RULE_INVERT) != 0,
                              .plain = head->action == FR_ACT_TO_TBL && other_flags == 0 &&
                                       head->dst_len == 0 && head->src_len == 0 && head->tos == 0,
                              .table = head->table};
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (!read_rule_attribute(ret_rule, &attribute))
            return -EBADMSG;
    return code;
}

static int32_t read_rule(void *context, struct nlmsghdr *message)
{
    struct rule_dump *dump = context;
    struct rule rule;
    if (message->nlmsg_type != RTM_NEWRULE)
        return 0;
    int32_t code = parse_rule(message, &rule);
    if (code < 0 || rule.family == FAMILY_NONE)
        return code;
    struct rule *grown = array_grow(dump->rules, &dump->capacity, dump->count, sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    dump->rules = grown;
    dump->rules[dump->count++] = rule;
    return 0;
}

static struct nlmsghdr *rule_request(struct netlink *netlink, uint16_t type, uint16_t flags,
                                     struct fib_rule_hdr **ret_head)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->request);
    request->nlmsg_type = type;
    request->nlmsg_flags = flags;
    *ret_head = mnl_nlmsg_put_extra_header(request, sizeof(**ret_head));
    return request;
}

int32_t rule_list(struct netlink *netlink, struct rule **ret_rules, uint32_t *ret_count,
                  struct subwg_error *error)
{
    struct outcome outcome;
    struct rule_dump dump = {0};
    const struct message_reader reader = {
        .restart = restart_rules, .read = read_rule, .context = &dump};
    struct fib_rule_hdr *head;
    /* Asked for no family in particular, the kernel lists those that it has. */
    struct nlmsghdr *request = rule_request(netlink, RTM_GETRULE, NLM_F_DUMP, &head);
    if (transport_request(&netlink->route, request, &reader, &outcome) < 0) {
        free(dump.rules);
        return outcome_report(&outcome, error, "list rules", "list rules");
    }
    *ret_rules = dump.rules;
    *ret_count = dump.count;
    return 0;
}

/* Changing. */

static int32_t rule_change(struct netlink *netlink, uint16_t type, uint16_t flags,
                           const struct rule *rule, struct outcome *outcome)
{
    struct fib_rule_hdr *head;
    struct nlmsghdr *request = rule_request(netlink, type, flags, &head);
    head->family = family_number(rule->family);
    head->action = FR_ACT_TO_TBL;
    head->flags = rule->invert ? FIB_RULE_INVERT : 0;
    mnl_attr_put_u32(request, FRA_PRIORITY, rule->priority);
    mnl_attr_put_u32(request, FRA_FWMARK, rule->mark);
    mnl_attr_put_u32(request, FRA_FWMASK, rule->mask);
    mnl_attr_put_u32(request, FRA_TABLE, rule->table);
    mnl_attr_put_u8(request, FRA_PROTOCOL, rule->protocol);
    return transport_request(&netlink->route, request, NULL, outcome);
}

static int32_t report_change(const struct outcome *outcome, const char *operation,
                             const struct rule *rule, struct subwg_error *error)
{
    return outcome_report(outcome, error, operation, "%s %u (%s, %sfwmark 0x%x/0x%x lookup %u)",
                          operation, rule->priority, rule->family == FAMILY_IPV4 ? "IPv4" : "IPv6",
                          rule->invert ? "not " : "", rule->mark, rule->mask, rule->table);
}

int32_t rule_add(struct netlink *netlink, const struct rule *rule, struct subwg_error *error)
{
    struct outcome outcome;
    if (rule_change(netlink, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule, &outcome) == 0)
        return 0;
    return report_change(&outcome, "add rule", rule, error);
}

int32_t rule_delete(struct netlink *netlink, const struct rule *rule, struct subwg_error *error)
{
    struct outcome outcome;
    if (rule_change(netlink, RTM_DELRULE, 0, rule, &outcome) == 0)
        return 0;
    return report_change(&outcome, "delete rule", rule, error);
}
