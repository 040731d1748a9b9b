/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/apply.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

const char *apply_alias(const char *device, char alias[APPLY_ALIAS_SIZE])
{
    struct text text = text_over(alias, APPLY_ALIAS_SIZE);
    text_append(&text, "libsubwg:%s", device);
    return alias;
}

static int32_t create_link(struct target *target, struct subwg_error *error)
{
    const char *name = target->settings->device;
    int32_t code = link_create_wireguard(target->netlink, name, APPLY_LINK_GROUP, error);
    if (code != 0)
        return code;
    struct link_info link;
    code = link_find(target->netlink, name, &link, error);
    if (code == -ENODEV)
        return error_set(error, code, SUBWG_REASON_NO_DEVICE, "create device",
                         "device %s vanished right after it was created", name);
    /* It is there but was not seen: a second look, so that it can be removed again. */
    if (code == 0 || link_find(target->netlink, name, &link, NULL) == 0)
        target->ifindex = link.ifindex;
    return code;
}

static int32_t set_private_key(struct target *target, struct subwg_error *error)
{
    struct key private_key;
    key_generate_private(&private_key);
    struct wg_device_change change = {.private_key = &private_key};
    int32_t code = wg_set_device(target->netlink, target->ifindex, &change, error);
    key_wipe(&private_key);
    return code;
}

/* With the link down the kernel takes any port and says so only when the link goes up. */
static int32_t explain_port(const struct target *target, int32_t code, struct subwg_error *error)
{
    if (code != -EADDRINUSE)
        return code;
    error_set(error, code, SUBWG_REASON_PORT_IN_USE, "open port",
              "listen port %u of device %s is in use by another socket",
              (unsigned)target->settings->port, target->settings->device);
    error_kernel(error, EADDRINUSE);
    error_hint(error, "find it with: ss -ulnp 'sport = :%u'; or choose another port (setting port)",
               (unsigned)target->settings->port);
    return code;
}

static int32_t change_device(struct target *target, const struct step *step,
                             struct subwg_error *error)
{
    struct wg_device_change change = {0};
    if (step->kind == STEP_LISTEN_PORT) {
        change.set_listen_port = true;
        change.listen_port = step->what.listen_port;
    } else {
        change.set_mark = true;
        change.mark = step->what.mark;
    }
    int32_t code = wg_set_device(target->netlink, target->ifindex, &change, error);
    return explain_port(target, code, error);
}

/* There already, or gone already: as good as done. */
static int32_t forgive(int32_t code, int32_t harmless)
{
    return code == harmless ? 0 : code;
}

static int32_t run_address(struct target *target, const struct step *step,
                           struct subwg_error *error)
{
    struct interface_address address = {target->ifindex, step->what.prefix};
    if (step->kind == STEP_ADDRESS_ADD)
        return forgive(address_add(target->netlink, &address, error), -EEXIST);
    return forgive(address_delete(target->netlink, &address, error), -EADDRNOTAVAIL);
}

/* The kernel takes a rule for the same that differs in "not" alone: only an equal one is ours. */
static int32_t rule_conflict(struct target *target, const struct rule *rule,
                             struct subwg_error *error)
{
    struct rule *rules = NULL;
    uint32_t count = 0;
    int32_t code = rule_list(target->netlink, &rules, &count, error);
    if (code != 0)
        return code;
    bool ours = false;
    for (uint32_t i = 0; i < count && !ours; i++)
        ours = rules[i].plain && rules[i].family == rule->family &&
               rules[i].invert == rule->invert && rules[i].protocol == rule->protocol &&
               rules[i].priority == rule->priority && rules[i].mark == rule->mark &&
               rules[i].mask == rule->mask && rules[i].table == rule->table;
    free(rules);
    if (ours)
        return 0;
    error_set(
        error, -EEXIST, SUBWG_REASON_CONFLICT, "add rule",
        "a foreign IPv%s rule with priority %u stands in the way of 'not fwmark %u lookup %u'",
        rule->family == FAMILY_IPV4 ? "4" : "6", (unsigned)rule->priority, (unsigned)rule->mark,
        (unsigned)rule->table);
    error_hint(error, "see: ip rule; choose another rule-priority, mark or table");
    return -EEXIST;
}

static int32_t run_rule(struct target *target, const struct step *step, struct subwg_error *error)
{
    const struct rule *rule = &step->what.rule;
    if (step->kind == STEP_RULE_DELETE)
        return forgive(rule_delete(target->netlink, rule, error), -ENOENT);
    int32_t code = rule_add(target->netlink, rule, error);
    if (code == -EAFNOSUPPORT)
        return 0; /* a kernel without IPv6 routes none */
    return code == -EEXIST ? rule_conflict(target, rule, error) : code;
}

static int32_t run_link(struct target *target, const struct step *step, struct subwg_error *error)
{
    char alias[APPLY_ALIAS_SIZE];
    switch (step->kind) {
    case STEP_LINK_CREATE:
        return create_link(target, error);
    case STEP_LINK_ALIAS:
        return link_set_alias(target->netlink, target->ifindex,
                              apply_alias(target->settings->device, alias), error);
    case STEP_LINK_MTU:
        return link_set_mtu(target->netlink, target->ifindex, step->what.mtu, error);
    case STEP_LINK_UP:
        return explain_port(target, link_set_up(target->netlink, target->ifindex, true, error),
                            error);
    default:
        return forgive(link_delete(target->netlink, target->ifindex, error), -ENODEV);
    }
}

/* All changes of peers that follow each other go out together: mostly one message. */
static int32_t run_peers(struct target *target, const struct step *steps, uint32_t count,
                         struct subwg_error *error)
{
    struct wg_peer_change *peers = calloc(count, sizeof(*peers));
    if (peers == NULL)
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "set peers", "%s",
                         error_phrase(ENOMEM));
    for (uint32_t i = 0; i < count; i++)
        peers[i] = steps[i].what.peer;
    struct wg_device_change change = {.peers = peers, .peer_count = count};
    int32_t code = wg_set_device(target->netlink, target->ifindex, &change, error);
    free(peers);
    return code;
}

static bool same_route(const struct route *a, const struct route *b)
{
    return prefix_equal(&a->destination, &b->destination) && a->ifindex == b->ifindex &&
           a->table == b->table && a->protocol == b->protocol;
}

/* A route to this prefix is there: ours from before, or somebody else's? */
static int32_t route_conflict(struct target *target, const struct route *route,
                              struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t count = 0;
    int32_t code = route_list(target->netlink, route->table, 0, &routes, &count, error);
    if (code != 0)
        return code;
    code = -EEXIST;
    const struct route *other = NULL;
    for (uint32_t i = 0; i < count && code != 0; i++) {
        if (same_route(&routes[i], route))
            code = 0;
        else if (prefix_equal(&routes[i].destination, &route->destination))
            other = &routes[i];
    }
    if (code != 0) {
        char text[PREFIX_TEXT_SIZE];
        error_set(error, code, SUBWG_REASON_CONFLICT, "add route",
                  "a foreign route to %s stands in table %u (interface %u, protocol %u)",
                  prefix_format(&route->destination, text), (unsigned)route->table,
                  other != NULL ? (unsigned)other->ifindex : 0,
                  other != NULL ? (unsigned)other->protocol : 0);
        error_hint(error,
                   "see: ip route show table %u; remove it, or choose another table "
                   "(setting table)",
                   (unsigned)route->table);
    }
    free(routes);
    return code;
}

/* One batch; a route that is there or gone already counts as done if it is ours. */
static int32_t run_routes(struct target *target, const struct step *steps, uint32_t count,
                          struct subwg_error *error)
{
    struct route_change *changes = calloc(count, sizeof(*changes));
    int32_t *results = calloc(count, sizeof(*results));
    int32_t code = 0;
    if (changes == NULL || results == NULL) {
        code = error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "set routes", "%s",
                         error_phrase(ENOMEM));
        goto out;
    }
    for (uint32_t i = 0; i < count; i++)
        changes[i] = (struct route_change){
            .remove = steps[i].kind == STEP_ROUTE_DELETE,
            .route = {.destination = steps[i].what.prefix,
                      .table = target->settings->table,
                      .ifindex = target->ifindex,
                      .protocol = target->settings->route_protocol,
                      .type = RTN_UNICAST},
        };
    code = route_apply(target->netlink, changes, count, results, error);
    if (code == -EEXIST || code == -ESRCH) {
        code = 0;
        for (uint32_t i = 0; i < count && code == 0; i++) {
            if (results[i] == -EEXIST && !changes[i].remove)
                code = route_conflict(target, &changes[i].route, error);
            else if (results[i] != -ESRCH || !changes[i].remove)
                code = results[i];
        }
    }
out:
    free(results);
    free(changes);
    return code;
}

static bool is_peer(enum step_kind kind)
{
    return kind == STEP_PEER || kind == STEP_PEER_WITHDRAW;
}

static bool is_route(enum step_kind kind)
{
    return kind == STEP_ROUTE_ADD || kind == STEP_ROUTE_DELETE;
}

/* How many steps from the first on go out together. */
static uint32_t group_length(const struct step *steps, uint32_t count)
{
    bool (*alike)(enum step_kind) = is_peer(steps[0].kind)    ? is_peer
                                    : is_route(steps[0].kind) ? is_route
                                                              : NULL;
    uint32_t length = 1;
    while (alike != NULL && length < count && alike(steps[length].kind))
        length++;
    return length;
}

static int32_t run_group(struct target *target, const struct step *steps, uint32_t count,
                         struct subwg_error *error)
{
    switch (steps[0].kind) {
    case STEP_PEER:
    case STEP_PEER_WITHDRAW:
        return run_peers(target, steps, count, error);
    case STEP_ROUTE_ADD:
    case STEP_ROUTE_DELETE:
        return run_routes(target, steps, count, error);
    case STEP_RULE_ADD:
    case STEP_RULE_DELETE:
        return run_rule(target, steps, error);
    case STEP_ADDRESS_ADD:
    case STEP_ADDRESS_DELETE:
        return run_address(target, steps, error);
    case STEP_LISTEN_PORT:
    case STEP_MARK:
        return change_device(target, steps, error);
    case STEP_PRIVATE_KEY:
        return set_private_key(target, error);
    default:
        return run_link(target, steps, error);
    }
}

/* The step that a step of the way back answers. */
static enum step_kind answered(enum step_kind back)
{
    switch (back) {
    case STEP_LINK_DELETE:
        return STEP_LINK_CREATE;
    case STEP_ADDRESS_DELETE:
        return STEP_ADDRESS_ADD;
    case STEP_ADDRESS_ADD:
        return STEP_ADDRESS_DELETE;
    case STEP_RULE_DELETE:
        return STEP_RULE_ADD;
    case STEP_RULE_ADD:
        return STEP_RULE_DELETE;
    case STEP_ROUTE_DELETE:
        return STEP_ROUTE_ADD;
    case STEP_ROUTE_ADD:
        return STEP_ROUTE_DELETE;
    default:
        return back;
    }
}

static bool was_tried(const bool *tried, enum step_kind back)
{
    if (is_peer(back))
        return tried[STEP_PEER] || tried[STEP_PEER_WITHDRAW];
    return tried[answered(back)];
}

/* Keeps of the way back what answers a step that was tried, and takes it; best effort. */
static int32_t go_back(struct target *target, const struct state *wanted, const struct state *found,
                       const bool *tried)
{
    struct plan back = {0};
    int32_t code = plan_make(found, wanted, target->preshared_key, &back);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < back.count; i++)
        if (was_tried(tried, back.steps[i].kind))
            back.steps[kept++] = back.steps[i];
    for (uint32_t i = 0; i < kept && target->ifindex != 0;) {
        uint32_t length = group_length(&back.steps[i], kept - i);
        int32_t result = run_group(target, &back.steps[i], length, NULL);
        if (result != 0)
            code = result;
        if (back.steps[i].kind == STEP_LINK_DELETE && result == 0)
            target->ifindex = 0;
        i += length;
    }
    plan_finish(&back);
    return code;
}

int32_t apply_difference(struct target *target, const struct state *wanted,
                         const struct state *found, struct subwg_error *error)
{
    struct plan plan = {0};
    bool tried[STEP_KINDS] = {false};
    if (plan_make(wanted, found, target->preshared_key, &plan) != 0)
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "plan", "%s",
                         error_phrase(ENOMEM));
    int32_t code = plan.count == 0 ? 1 : 0;
    for (uint32_t i = 0; i < plan.count && code == 0;) {
        uint32_t length = group_length(&plan.steps[i], plan.count - i);
        for (uint32_t step = i; step < i + length; step++)
            tried[plan.steps[step].kind] = true;
        code = run_group(target, &plan.steps[i], length, error);
        i += length;
    }
    if (code < 0 && (target->one_way || go_back(target, wanted, found, tried) != 0))
        error_state_unknown(error);
    plan_finish(&plan);
    return code;
}
