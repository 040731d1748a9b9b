/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/apply_routes.h"
#include "wireguard/key_file.h"
#include "wireguard/way_back.h"

#define FIRST_UNPRIVILEGED_PORT 1024u

const char *apply_alias(const char *device, char alias[APPLY_ALIAS_SIZE])
{
    struct text text = text_over(alias, APPLY_ALIAS_SIZE);
    text_append(&text, "libsubwg:%s", device);
    return alias;
}

/* A link as a request to create it leaves it. */
static bool is_fresh(const struct link_info *link)
{
    return strcmp(link->kind, "wireguard") == 0 && link->group == APPLY_LINK_GROUP &&
           link->alias[0] == '\0' && !link->up;
}

/* The created link's index. Where the answer was lost, a look tells whether there is one; where the look
 * fails, a second one, so that the link can be removed again. */
static int32_t find_created(struct target *target, int32_t code, struct subwg_error *error)
{
    const char *name = target->settings->device;
    struct subwg_error failure = SUBWG_ERROR_INIT;
    struct link_info link;
    int32_t first = link_find(target->netlink, name, &link, &failure);
    bool seen = first == 0 || first == -ENODEV;
    int32_t last = seen ? first : link_find(target->netlink, name, &link, NULL);
    bool ours = last == 0 && (code == 0 || is_fresh(&link));
    if (ours)
        target->ifindex = link.ifindex;
    if (ours && (first == 0 || code != 0))
        return 0;
    if (code == 0 && first == -ENODEV)
        error_set(error, first, SUBWG_REASON_NO_DEVICE, "create device",
                  "device %s vanished right after it was created", name);
    else if (code == 0)
        error_copy(error, &failure);
    error->flags = !ours && (last == 0 || last == -ENODEV) ? 0 : SUBWG_ERROR_STATE_UNKNOWN;
    return code != 0 ? code : first;
}

static int32_t create_link(struct target *target, struct subwg_error *error)
{
    int32_t code =
        link_create_wireguard(target->netlink, target->settings->device, APPLY_LINK_GROUP, error);
    bool refused = code != 0 && error->kernel_errno != 0;
    return refused ? code : find_created(target, code, error);
}

/* The one of the key file; a new one where there is none. */
static int32_t set_private_key(struct target *target, struct subwg_error *error)
{
    const char *path = target->settings->key_file;
    struct wg_device_change change = {.private_key = target->private_key};
    int32_t code = path[0] == '\0' ? 1 : key_file_read(path, target->private_key, error);
    if (code == 1) {
        key_generate_private(target->private_key);
        code = 0;
    }
    if (code == 0)
        code = wg_set_device(target->netlink, target->ifindex, &change, error);
    key_wipe(target->private_key);
    return code;
}

/* A device's socket stays in the network namespace in which the device was made, and with that gone the
 * kernel opens none and takes neither port nor mark. */
static int32_t explain_namespace(const struct target *target, int32_t code,
                                 struct subwg_error *error)
{
    error_set(error, code, code == -EPERM ? SUBWG_REASON_PERMISSION : SUBWG_REASON_NAMESPACE,
              "open port", "listen port %u of device %s: %s", (unsigned)target->settings->port,
              target->settings->device,
              code == -EPERM ? error_phrase(code)
                             : "the network namespace in which the device was made is gone");
    error_hint(error,
               "%sif the device was made in another network namespace and moved here, it has to be "
               "made anew: ip link del %s; reconcile or the next start makes it",
               code == -EPERM ? "needs the capability CAP_NET_ADMIN; " : "",
               target->settings->device);
    error_kernel(error, -code);
    return code;
}

/* With the link down the kernel takes any port and says so only when the link goes up. */
static int32_t explain_port(const struct target *target, int32_t code, struct subwg_error *error)
{
    uint16_t port = target->settings->port;
    if (code == -EADDRINUSE) {
        error_set(error, code, SUBWG_REASON_PORT_IN_USE, "open port",
                  "listen port %u of device %s is in use by another socket", (unsigned)port,
                  target->settings->device);
        error_hint(error,
                   "find it with: ss -ulnp 'sport = :%u'; or choose another port (setting "
                   "port)",
                   (unsigned)port);
        error_kernel(error, EADDRINUSE);
    } else if (code == -EACCES && port < FIRST_UNPRIVILEGED_PORT) {
        error_set(error, code, SUBWG_REASON_PERMISSION, "open port",
                  "listen port %u of device %s: %s", (unsigned)port, target->settings->device,
                  error_phrase(code));
        error_hint(error,
                   "a port below %u needs the capability CAP_NET_BIND_SERVICE; or choose "
                   "another port (setting port)",
                   FIRST_UNPRIVILEGED_PORT);
        error_kernel(error, EACCES);
    } else if ((code == -ENONET || code == -EPERM) && error != NULL && error->kernel_errno != 0) {
        return explain_namespace(target, code, error);
    }
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
    return step->kind == STEP_LISTEN_PORT || code == -EPERM ? explain_port(target, code, error)
                                                            : code;
}

/* There already, or gone already: as good as done, but nothing to undo. */
static int32_t forgive(struct step *step, int32_t code, int32_t harmless)
{
    if (code != harmless)
        return code;
    step->result = STEP_UNCHANGED;
    return 0;
}

static int32_t run_address(struct target *target, struct step *step, struct subwg_error *error)
{
    struct interface_address address = {target->ifindex, step->what.prefix};
    if (step->kind == STEP_ADDRESS_ADD)
        return forgive(step, address_add(target->netlink, &address, error), -EEXIST);
    int32_t code = address_delete(target->netlink, &address, error);
    if (code == -ENXIO && address.prefix.family == FAMILY_IPV6)
        return forgive(step, code, -ENXIO); /* an MTU below 1280 takes IPv6 off a device */
    return forgive(step, code, -EADDRNOTAVAIL);
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
        ours = rules[i].plain && plan_same_rule(&rules[i], rule);
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

static int32_t run_rule(struct target *target, struct step *step, struct subwg_error *error)
{
    const struct rule *rule = &step->what.rule;
    if (step->kind == STEP_RULE_DELETE)
        return forgive(step, rule_delete(target->netlink, rule, error), -ENOENT);
    int32_t code = rule_add(target->netlink, rule, error);
    if (code == -EAFNOSUPPORT)
        return forgive(step, code, code); /* a kernel without IPv6 routes none */
    if (code != -EEXIST)
        return code;
    step->result = STEP_UNCHANGED;
    return rule_conflict(target, rule, error);
}

static int32_t run_link(struct target *target, struct step *step, struct subwg_error *error)
{
    char alias[APPLY_ALIAS_SIZE];
    switch (step->kind) {
    case STEP_LINK_CREATE:
        return create_link(target, error);
    case STEP_LINK_NAME:
        return link_set_name(target->netlink, target->ifindex, target->settings->device, error);
    case STEP_LINK_ALIAS:
        return link_set_alias(target->netlink, target->ifindex,
                              apply_alias(target->settings->device, alias), error);
    case STEP_LINK_MTU:
        return link_set_mtu(target->netlink, target->ifindex, step->what.mtu, error);
    case STEP_LINK_UP:
        return explain_port(target, link_set_up(target->netlink, target->ifindex, true, error),
                            error);
    case STEP_LINK_DOWN:
        return link_set_up(target->netlink, target->ifindex, false, error);
    default:
        return forgive(step, link_delete(target->netlink, target->ifindex, error), -ENODEV);
    }
}

/* All changes of peers that follow each other go out together: mostly one message. */
static int32_t run_peers(struct target *target, struct step *steps, uint32_t count,
                         struct subwg_error *error)
{
    struct wg_peer_change *peers = calloc(count, sizeof(*peers));
    if (peers == NULL)
        return error_no_memory(error, "set peers");
    for (uint32_t i = 0; i < count; i++)
        peers[i] = steps[i].what.peer;
    struct wg_device_change change = {.peers = peers, .peer_count = count};
    int32_t code = wg_set_device(target->netlink, target->ifindex, &change, error);
    /* The kernel stops at what it refuses: the last step at least was not done. */
    if (code != 0 && error != NULL && error->kernel_errno != 0)
        steps[count - 1].result = STEP_UNCHANGED;
    free(peers);
    return code;
}

uint32_t apply_group_length(const struct step *steps, uint32_t count)
{
    bool (*alike)(enum step_kind) = step_is_peer(steps[0].kind)    ? step_is_peer
                                    : step_is_route(steps[0].kind) ? step_is_route
                                                                   : NULL;
    uint32_t length = 1;
    while (alike != NULL && length < count && alike(steps[length].kind))
        length++;
    return length;
}

static int32_t run_group(struct target *target, struct step *steps, uint32_t count,
                         struct subwg_error *error)
{
    switch (steps[0].kind) {
    case STEP_PEER:
    case STEP_PEER_WITHDRAW:
        return run_peers(target, steps, count, error);
    case STEP_ROUTE_ADD:
    case STEP_ROUTE_DELETE:
        return apply_routes(target, steps, count, error);
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

/* What became of the steps of a group that the runner has not judged itself. */
static void judge_steps(struct step *steps, uint32_t count, int32_t code,
                        const struct subwg_error *failure)
{
    enum step_result result = code == 0                                           ? STEP_DONE
                              : (failure->flags & SUBWG_ERROR_STATE_UNKNOWN) != 0 ? STEP_UNKNOWN
                                                                                  : STEP_UNCHANGED;
    for (uint32_t i = 0; i < count; i++)
        if (steps[i].result == STEP_UNTRIED)
            steps[i].result = result;
}

int32_t apply_group(struct target *target, struct step *steps, uint32_t count,
                    struct subwg_error *error)
{
    for (uint32_t i = 0; i < count; i++)
        steps[i].result = STEP_UNTRIED;
    int32_t code = run_group(target, steps, count, error);
    judge_steps(steps, count, code, error);
    return code;
}

/* Takes the way back, as far as it gets: each step is tried. 0 if all succeeded. */
static int32_t run_back(struct target *target, struct plan *back)
{
    int32_t code = 0;
    for (uint32_t i = 0; i < back->count && target->ifindex != 0;) {
        uint32_t length = apply_group_length(&back->steps[i], back->count - i);
        int32_t result = run_group(target, &back->steps[i], length, NULL);
        if (result != 0)
            code = result;
        if (back->steps[i].kind == STEP_LINK_DELETE && result == 0)
            target->ifindex = 0;
        i += length;
    }
    return code;
}

int32_t apply_back(struct target *target, const struct state *wanted, const struct state *found)
{
    struct plan back = {0};
    int32_t code = plan_make(found, wanted, target->preshared_key, &back);
    if (code == 0)
        code = run_back(target, &back);
    plan_finish(&back);
    return code;
}

/* True if everything is as it was before. */
static bool undo(struct target *target, const struct plan *taken, const struct state *wanted,
                 const struct state *found)
{
    struct plan back = {0};
    if (!way_back_is_needed(taken))
        return true;
    if (target->one_way || target->ifindex == 0 || way_back_is_closed(taken, found) ||
        plan_make(found, wanted, target->preshared_key, &back) != 0)
        return false;
    way_back_trim(taken, &back);
    bool undone = run_back(target, &back) == 0 && !way_back_lacks_key(taken, found);
    plan_finish(&back);
    return undone;
}

int32_t apply_difference(struct target *target, const struct state *wanted,
                         const struct state *found, struct subwg_error *error)
{
    struct plan plan = {0};
    struct subwg_error failure =
        SUBWG_ERROR_INIT; /* forgiven ones never reach the caller's record */
    if (plan_make(wanted, found, target->preshared_key, &plan) != 0)
        return error_no_memory(error, "plan");
    int32_t code = plan.count == 0 ? 1 : 0;
    for (uint32_t i = 0; i < plan.count && code == 0;) {
        uint32_t length = apply_group_length(&plan.steps[i], plan.count - i);
        code = apply_group(target, &plan.steps[i], length, &failure);
        i += length;
    }
    if (code < 0) {
        failure.flags = undo(target, &plan, wanted, found) ? 0 : SUBWG_ERROR_STATE_UNKNOWN;
        error_copy(error, &failure);
    }
    plan_finish(&plan);
    return code;
}
