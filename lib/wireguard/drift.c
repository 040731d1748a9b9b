/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/drift.h"

#include "base/text.h"

/* So many subnets are named; of more it is said how many they are. */
#define NAMED_SUBNETS 4u

bool drift_counts(const struct step *step)
{
    return step->kind != STEP_PEER_WITHDRAW || step->found_peer != NULL;
}

bool drift_follows(const struct drift_scene *scene, const struct step *step)
{
    const struct device_state *found = scene->found->device;
    switch (step->kind) {
    case STEP_LINK_CREATE:
    case STEP_RULE_ADD:
    case STEP_RULE_DELETE:
    case STEP_ROUTE_DELETE:
        return false;
    case STEP_ROUTE_ADD:
        return !found->exists || !found->up;
    default:
        return !found->exists;
    }
}

static void name_subnets(struct text *text, const struct prefix *subnets, uint32_t count)
{
    char subnet[PREFIX_TEXT_SIZE];
    for (uint32_t i = 0; i < count && i < NAMED_SUBNETS; i++)
        text_append(text, "%s%s", i > 0 ? ", " : "", prefix_format(&subnets[i], subnet));
    if (count > NAMED_SUBNETS)
        text_append(text, " and %u more", (unsigned)(count - NAMED_SUBNETS));
}

static void name_endpoint(struct text *text, const struct socket_address *endpoint)
{
    char address[SOCKET_ADDRESS_TEXT_SIZE];
    if (endpoint->address.family == FAMILY_NONE)
        text_append(text, "none");
    else
        text_append(text, "%s", socket_address_format(endpoint, address));
}

/* All that differs of a peer, which is one change. */
static void describe_update(struct text *text, const struct step *step, const char *subject)
{
    const struct wg_peer_change *change = &step->what.peer;
    const char *before = "";
    text_append(text, "the peer of %s has ", subject);
    if (change->endpoint.address.family != FAMILY_NONE) {
        text_append(text, "the endpoint ");
        name_endpoint(text, &step->found_peer->endpoint);
        text_append(text, " instead of ");
        name_endpoint(text, &change->endpoint);
        before = ", ";
    }
    if (change->preshared_key != NULL) {
        text_append(text, "%s%s", before,
                    step->found_peer->preshared_key == WG_PRESHARED_KEY_NONE ? "no preshared key"
                    : key_is_zero(change->preshared_key) ? "a preshared key, where none is set"
                                                         : "another preshared key");
        before = ", ";
    }
    if (change->set_keepalive) {
        text_append(text, "%sa keepalive of %u s instead of %u s", before,
                    (unsigned)step->found_peer->keepalive_s, (unsigned)change->keepalive_s);
        before = ", ";
    }
    if (change->allowed_ip_count > 0) {
        text_append(text, "%snot its subnet%s ", before, change->allowed_ip_count > 1 ? "s" : "");
        name_subnets(text, change->allowed_ips, change->allowed_ip_count);
    }
}

static const char *describe_peer(struct text *text, const struct step *step, const char *subject)
{
    const struct wg_peer_change *change = &step->what.peer;
    if (step->kind == STEP_PEER) {
        if (step->found_peer != NULL)
            describe_update(text, step, subject);
        else
            text_append(text, "the peer of %s is missing", subject);
        return step->found_peer != NULL ? "set it right" : "add it";
    }
    if ((change->flags & WG_PEER_REMOVE) != 0) {
        text_append(text, "%s is on the device", subject);
        return "remove it";
    }
    text_append(text, "the peer of %s has what is not its subnet: ", subject);
    name_subnets(text, change->allowed_ips, change->allowed_ip_count);
    return "take it away";
}

static const char *describe_rule(struct text *text, const struct step *step)
{
    const struct rule *rule = &step->what.rule;
    bool add = step->kind == STEP_RULE_ADD;
    text_append(text, "the IPv%s rule %u '%sfwmark 0x%x lookup %u' %s",
                rule->family == FAMILY_IPV4 ? "4" : "6", (unsigned)rule->priority,
                rule->invert ? "not " : "", (unsigned)rule->mark, (unsigned)rule->table,
                add ? "is missing" : "is there and not wanted, or twice");
    return add ? "add it" : "remove it";
}

static const char *describe_prefix(const struct drift_scene *scene, struct text *text,
                                   const struct step *step, const char *subject)
{
    char prefix[PREFIX_TEXT_SIZE];
    (void)prefix_format(&step->what.prefix, prefix);
    switch (step->kind) {
    case STEP_ROUTE_ADD:
        text_append(text, "the route to %s of %s is missing in table %u", prefix, subject,
                    (unsigned)scene->table);
        return "add it";
    case STEP_ROUTE_DELETE:
        text_append(text, "the route to %s in table %u is nobody's", prefix,
                    (unsigned)scene->table);
        return "remove it";
    case STEP_ADDRESS_ADD:
        text_append(text, "%s lacks the address %s", scene->device, prefix);
        return "add it";
    default:
        text_append(text, "%s has the address %s, which is not its any more", scene->device,
                    prefix);
        return "remove it";
    }
}

static const char *describe_link(const struct drift_scene *scene, struct text *text,
                                 const struct step *step)
{
    const struct device_state *found = scene->found->device;
    switch (step->kind) {
    case STEP_LINK_CREATE:
        text_append(text, "%s is gone, with %u peers and %u routes", scene->device,
                    (unsigned)scene->wanted->peer_count, (unsigned)scene->wanted->route_count);
        return "make it anew";
    case STEP_LINK_NAME:
        text_append(text, "%s was renamed to ", scene->device);
        text_append_escaped(text, scene->found_name);
        return "rename it back";
    case STEP_LINK_ALIAS:
        text_append(text, "%s does not carry the alias that marks it as ours", scene->device);
        return "set it";
    case STEP_LINK_MTU:
        text_append(text, "%s has an MTU of %u instead of %u", scene->device, (unsigned)found->mtu,
                    (unsigned)step->what.mtu);
        return "set it";
    case STEP_LISTEN_PORT:
        text_append(text, "%s listens on port %u instead of %u", scene->device,
                    (unsigned)found->listen_port, (unsigned)step->what.listen_port);
        return "set it";
    case STEP_MARK:
        text_append(text, "%s marks its packets 0x%x instead of 0x%x", scene->device,
                    (unsigned)found->mark, (unsigned)step->what.mark);
        return "set it";
    case STEP_PRIVATE_KEY:
        text_append(text, "%s has not its private key", scene->device);
        return "set it";
    default:
        text_append(text, "%s is down", scene->device);
        return "set it up, with its routes";
    }
}

static const char *describe(const struct drift_scene *scene, struct text *text,
                            const struct step *step, const char *subject)
{
    switch (step->kind) {
    case STEP_PEER:
    case STEP_PEER_WITHDRAW:
        return describe_peer(text, step, subject);
    case STEP_RULE_ADD:
    case STEP_RULE_DELETE:
        return describe_rule(text, step);
    case STEP_ROUTE_ADD:
    case STEP_ROUTE_DELETE:
    case STEP_ADDRESS_ADD:
    case STEP_ADDRESS_DELETE:
        return describe_prefix(scene, text, step, subject);
    default:
        return describe_link(scene, text, step);
    }
}

const char *drift_describe(const struct drift_scene *scene, const struct step *step,
                           const char *subject, enum drift_outcome outcome,
                           char text[DRIFT_TEXT_SIZE])
{
    struct text out = text_over(text, DRIFT_TEXT_SIZE);
    const char *repair = describe(scene, &out, step, subject);
    switch (outcome) {
    case DRIFT_WOULD_REPAIR:
        text_append(&out, ": would %s", repair);
        break;
    case DRIFT_REPAIRED:
        text_append(&out, ": repaired");
        break;
    case DRIFT_FAILED:
        text_append(&out, ": could not %s", repair);
        break;
    case DRIFT_UNTRIED:
        text_append(&out, ": not tried, because another repair failed before");
        break;
    case DRIFT_POSTPONED:
        text_append(&out, ": not repaired yet, because it had to be so often lately");
        break;
    }
    return text;
}
