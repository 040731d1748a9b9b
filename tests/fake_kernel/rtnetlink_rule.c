/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "notices.h"
#include "rtnetlink.h"

static const struct fake_attribute_rule rule_rules[] = {
    [FRA_DST] = {FAKE_ATTRIBUTE_AT_LEAST, 4},
    [FRA_SRC] = {FAKE_ATTRIBUTE_AT_LEAST, 4},
    [FRA_IIFNAME] = {FAKE_ATTRIBUTE_STRING, FAKE_NAME_SIZE - 1},
    [FRA_PRIORITY] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [FRA_FWMARK] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [FRA_SUPPRESS_PREFIXLEN] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [FRA_TABLE] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [FRA_FWMASK] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [FRA_OIFNAME] = {FAKE_ATTRIBUTE_STRING, FAKE_NAME_SIZE - 1},
    [FRA_PROTOCOL] = {FAKE_ATTRIBUTE_NUMBER, 1},
};
static const struct fake_policy rule_policy = {rule_rules, FRA_PROTOCOL, false};

struct rule_request {
    struct fake_rule rule;
    const struct nlattr *attributes[FRA_PROTOCOL + 1];
};

static struct fake_prefix prefix_of(int family, const struct nlattr *attribute, uint8_t length)
{
    if (attribute == NULL || length == 0 || fake_size(attribute) < fake_address_size(family))
        return (struct fake_prefix){0};
    return fake_prefix_from(family, fake_data(attribute), length);
}

static int parse_rule(struct fake_request *request, struct rule_request *wanted)
{
    const struct nlattr **attributes = wanted->attributes;
    struct fake_rule *rule = &wanted->rule;
    struct fib_rule_hdr head;
    int status, family;

    if (!fake_request_family(request, &family))
        return fake_refuse(request, -EAFNOSUPPORT, "Rule family not supported");
    if (!fake_request_attributes(request, &rule_policy, sizeof(head), attributes, &status))
        return status;
    memcpy(&head, fake_payload(request), sizeof(head));
    *rule = (struct fake_rule){.family = family,
                               .flags = head.flags & FIB_RULE_INVERT,
                               .action = head.action,
                               .tos = head.tos,
                               .mark = fake_u32(attributes[FRA_FWMARK]),
                               .mask = fake_u32(attributes[FRA_FWMASK]),
                               .protocol = fake_u8(attributes[FRA_PROTOCOL]),
                               .priority = UINT32_MAX,
                               .suppress_length = UINT32_MAX};
    rule->table = attributes[FRA_TABLE] != NULL ? fake_u32(attributes[FRA_TABLE]) : head.table;
    rule->source = prefix_of(family, attributes[FRA_SRC], head.src_len);
    rule->destination = prefix_of(family, attributes[FRA_DST], head.dst_len);
    if (attributes[FRA_FWMASK] == NULL && rule->mark != 0)
        rule->mask = UINT32_MAX;
    if (attributes[FRA_PRIORITY] != NULL)
        rule->priority = fake_u32(attributes[FRA_PRIORITY]);
    if (attributes[FRA_SUPPRESS_PREFIXLEN] != NULL)
        rule->suppress_length = fake_u32(attributes[FRA_SUPPRESS_PREFIXLEN]);
    fake_text(attributes[FRA_IIFNAME], rule->incoming, sizeof(rule->incoming));
    fake_text(attributes[FRA_OIFNAME], rule->outgoing, sizeof(rule->outgoing));
    return 0;
}

int fake_rule_new(struct fake_request *request)
{
    struct rule_request wanted;
    int status = parse_rule(request, &wanted);

    if (status != 0)
        return status;
    if (wanted.rule.action == FR_ACT_UNSPEC)
        return -EINVAL;
    if (wanted.rule.family == AF_INET6 && wanted.rule.action == FR_ACT_TO_TBL &&
        wanted.rule.table == RT_TABLE_UNSPEC)
        return fake_refuse(request, -EINVAL, "Invalid table");
    fake_notice_author = request->socket->port;
    status = fake_rule_add(&wanted.rule, (request->head->nlmsg_flags & NLM_F_EXCL) != 0);
    fake_notice_author = 0;
    return status;
}

/* What the request does not say is not compared, the inversion never. */
static bool is_meant(const struct fake_rule *rule, const struct rule_request *wanted)
{
    const struct nlattr *const *attributes = wanted->attributes;
    const struct fake_rule *say = &wanted->rule;

    return rule->family == say->family && (say->action == 0 || say->action == rule->action) &&
           (say->table == 0 || say->table == rule->table) &&
           (attributes[FRA_PROTOCOL] == NULL || say->protocol == rule->protocol) &&
           (attributes[FRA_PRIORITY] == NULL || say->priority == rule->priority) &&
           (say->mark == 0 || say->mark == rule->mark) &&
           (say->mask == 0 || say->mask == rule->mask) &&
           (say->tos == 0 || say->tos == rule->tos) &&
           (say->incoming[0] == '\0' || strcmp(say->incoming, rule->incoming) == 0) &&
           (say->outgoing[0] == '\0' || strcmp(say->outgoing, rule->outgoing) == 0) &&
           (say->source.length == 0 || fake_prefix_equal(&say->source, &rule->source)) &&
           (say->destination.length == 0 ||
            fake_prefix_equal(&say->destination, &rule->destination));
}

int fake_rule_remove(struct fake_request *request)
{
    struct rule_request wanted;
    struct fake_rule *rule;
    int status = parse_rule(request, &wanted);

    if (status != 0)
        return status;
    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    {
        if (!is_meant(rule, &wanted))
            continue;
        if ((rule->flags & FIB_RULE_PERMANENT) != 0)
            return -EPERM;
        fake_notice_author = request->socket->port;
        fake_rule_free(rule);
        fake_notice_author = 0;
        return 0;
    }
    return -ENOENT;
}

static void put_rule(struct fake_writer *writer, struct nlmsghdr head, const struct fake_rule *rule)
{
    struct fib_rule_hdr inner = {.family = (uint8_t)rule->family,
                                 .dst_len = rule->destination.length,
                                 .src_len = rule->source.length,
                                 .tos = rule->tos,
                                 .table =
                                     (uint8_t)(rule->table < 256 ? rule->table : RT_TABLE_COMPAT),
                                 .action = rule->action,
                                 .flags = rule->flags};
    size_t size = fake_address_size(rule->family);
    size_t start = fake_message_start(writer, &head, &inner, sizeof(inner));

    fake_put_u32(writer, FRA_TABLE, rule->table);
    fake_put_u32(writer, FRA_SUPPRESS_PREFIXLEN, rule->suppress_length);
    fake_put_u8(writer, FRA_PROTOCOL, rule->protocol);
    if (rule->incoming[0] != '\0')
        fake_put_text(writer, FRA_IIFNAME, rule->incoming);
    if (rule->outgoing[0] != '\0')
        fake_put_text(writer, FRA_OIFNAME, rule->outgoing);
    if (rule->priority != 0)
        fake_put_u32(writer, FRA_PRIORITY, rule->priority);
    if (rule->mark != 0)
        fake_put_u32(writer, FRA_FWMARK, rule->mark);
    if (rule->mark != 0 || rule->mask != 0)
        fake_put_u32(writer, FRA_FWMASK, rule->mask);
    if (rule->source.length > 0)
        fake_put(writer, FRA_SRC, rule->source.bytes, size);
    if (rule->destination.length > 0)
        fake_put(writer, FRA_DST, rule->destination.bytes, size);
    fake_message_end(writer, start);
}

void fake_notice_rule(const struct fake_rule *rule, bool gone)
{
    uint32_t group = rule->family == AF_INET6 ? RTNLGRP_IPV6_RULE : RTNLGRP_IPV4_RULE;
    struct nlmsghdr head = {.nlmsg_type = gone ? RTM_DELRULE : RTM_NEWRULE,
                            .nlmsg_pid = fake_notice_author};
    struct fake_writer writer;

    if (!fake_notice_start(group, &writer))
        return;
    put_rule(&writer, head, rule);
    fake_notice_end(group, &writer);
}

int fake_rules_dump(struct fake_request *request)
{
    struct nlmsghdr head = {.nlmsg_type = RTM_NEWRULE, .nlmsg_seq = request->head->nlmsg_seq};
    int family = *(const uint8_t *)fake_payload(request);
    struct fake_writer snapshot = {0};
    struct fake_rule *rule;

    if (family != AF_UNSPEC && !fake_request_family(request, &family))
        return -EAFNOSUPPORT;
    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    {
        if ((family != AF_UNSPEC && family != rule->family) || !fake_rule_is_there(rule))
            continue;
        fake_snapshot_grow(&snapshot);
        put_rule(&snapshot, head, rule);
    }
    return fake_snapshot_start(request, snapshot);
}
