/* SPDX-License-Identifier: Apache-2.0 */
/* Policy rules, and the way that they and the tables lead to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "notices.h"

/* The kernel does not look at the inversion. */
static bool is_same_rule(const struct fake_rule *one, const struct fake_rule *other)
{
    return one->family == other->family && one->action == other->action &&
           one->table == other->table && one->priority == other->priority &&
           one->mark == other->mark && one->mask == other->mask &&
           one->suppress_length == other->suppress_length && one->protocol == other->protocol &&
           one->tos == other->tos && strcmp(one->incoming, other->incoming) == 0 &&
           strcmp(one->outgoing, other->outgoing) == 0 &&
           fake_prefix_equal(&one->source, &other->source) &&
           fake_prefix_equal(&one->destination, &other->destination);
}

/* A rule without a priority goes before the second one of its family. */
static uint32_t usual_priority(int family)
{
    uint32_t count = 0;
    struct fake_rule *rule;

    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    if (rule->family == family && ++count == 2)
        return rule->priority > 0 ? rule->priority - 1 : 0;
    return 0;
}

/* The first one that nothing is in. */
static uint32_t empty_table(int family)
{
    uint32_t id = 1;

    while (fake_table_exists(family, id))
        id++;
    return id;
}

int fake_rule_add(const struct fake_rule *wanted, bool exclusive)
{
    struct fake_rule *rule, *added, probe = *wanted;

    if (probe.action == FR_ACT_TO_TBL && probe.table == RT_TABLE_UNSPEC)
        probe.table = empty_table(probe.family);
    if (probe.priority == UINT32_MAX)
        probe.priority = usual_priority(wanted->family);
    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    if (exclusive && is_same_rule(rule, &probe))
        return -EEXIST;
    added = fake_allocate(sizeof(*added));
    *added = probe;
    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    if (rule->priority > added->priority)
        break;
    if (rule != NULL)
        TAILQ_INSERT_BEFORE(rule, added, entry);
    else
        TAILQ_INSERT_TAIL(&fake_world.rules, added, entry);
    fake_notice_rule(added, false);
    return 0;
}

void fake_rule_free(struct fake_rule *rule)
{
    TAILQ_REMOVE(&fake_world.rules, rule, entry);
    fake_notice_rule(rule, true);
    free(rule);
}

bool fake_rule_is_there(const struct fake_rule *rule)
{
    return fake_world.ipv6 || rule->family == AF_INET || rule->family == RTNL_FAMILY_IPMR;
}

static const struct fake_route *best_in_table(uint32_t table, const struct fake_prefix *address)
{
    const struct fake_route *best = NULL, *route;

    TAILQ_FOREACH(route, &fake_world.routes, entry)
    {
        if (route->table != table || !fake_prefix_contains(&route->destination, address))
            continue;
        if (best == NULL || route->destination.length > best->destination.length ||
            (route->destination.length == best->destination.length && route->metric < best->metric))
            best = route;
    }
    return best;
}

static bool applies(const struct fake_rule *rule, const struct fake_prefix *address, uint32_t mark)
{
    bool matches =
        ((mark ^ rule->mark) & rule->mask) == 0 && rule->incoming[0] == '\0' &&
        rule->outgoing[0] == '\0' && rule->source.length == 0 &&
        (rule->destination.length == 0 || fake_prefix_contains(&rule->destination, address));

    return rule->family == address->family && matches != ((rule->flags & FIB_RULE_INVERT) != 0);
}

static int status_of_type(uint8_t type)
{
    switch (type) {
    case RTN_BLACKHOLE:
        return -EINVAL;
    case RTN_UNREACHABLE:
        return -EHOSTUNREACH;
    case RTN_PROHIBIT:
        return -EACCES;
    default:
        return 0;
    }
}

static int status_of_action(uint8_t action)
{
    switch (action) {
    case FR_ACT_BLACKHOLE:
        return -EINVAL;
    case FR_ACT_UNREACHABLE:
        return -ENETUNREACH;
    case FR_ACT_PROHIBIT:
        return -EACCES;
    default:
        return 0;
    }
}

const struct fake_route *fake_route_lookup(const struct fake_prefix *address, uint32_t mark,
                                           int *ret_status)
{
    const struct fake_rule *rule;

    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    {
        const struct fake_route *route;

        if (!applies(rule, address, mark))
            continue;
        *ret_status = status_of_action(rule->action);
        if (*ret_status != 0)
            return NULL;
        route = rule->action == FR_ACT_TO_TBL ? best_in_table(rule->table, address) : NULL;
        if (route == NULL || route->type == RTN_THROW ||
            (rule->suppress_length != UINT32_MAX &&
             route->destination.length <= rule->suppress_length))
            continue;
        *ret_status = status_of_type(route->type);
        return *ret_status == 0 ? route : NULL;
    }
    *ret_status = -ENETUNREACH;
    return NULL;
}
