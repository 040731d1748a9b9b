/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_model.h"

#include <stdlib.h>
#include <string.h>

const struct key model_preshared_key = {{0x70, 0x73, 0x6b}};

static int by_key(const void *a, const void *b)
{
    const struct model_peer *first = a;
    const struct model_peer *second = b;
    return memcmp(first->state.public_key.bytes, second->state.public_key.bytes, KEY_SIZE);
}

static int by_prefix(const void *a, const void *b)
{
    return prefix_compare(a, b);
}

static void order(struct model *model)
{
    qsort(model->peers, model->peer_count, sizeof(model->peers[0]), by_key);
    qsort(model->routes, model->route_count, sizeof(model->routes[0]), by_prefix);
    qsort(model->addresses, model->address_count, sizeof(model->addresses[0]), by_prefix);
    for (uint32_t i = 0; i < model->peer_count; i++)
        qsort(model->peers[i].allowed_ips, model->peers[i].state.allowed_ip_count,
              sizeof(struct prefix), by_prefix);
}

struct state model_state(struct model *model, struct peer_state *peers)
{
    order(model);
    for (uint32_t i = 0; i < model->peer_count; i++) {
        peers[i] = model->peers[i].state;
        peers[i].allowed_ips = model->peers[i].allowed_ips;
    }
    return (struct state){.device = &model->device,
                          .addresses = model->addresses,
                          .rules = model->rules,
                          .peers = peers,
                          .routes = model->routes,
                          .address_count = model->address_count,
                          .rule_count = model->rule_count,
                          .peer_count = model->peer_count,
                          .route_count = model->route_count};
}

struct model_peer *model_find(struct model *model, const struct key *key)
{
    for (uint32_t i = 0; i < model->peer_count; i++)
        if (key_equal(&model->peers[i].state.public_key, key))
            return &model->peers[i];
    return NULL;
}

const struct model_peer *model_owner(const struct model *model, const struct prefix *prefix)
{
    for (uint32_t i = 0; i < model->peer_count; i++)
        for (uint32_t j = 0; j < model->peers[i].state.allowed_ip_count; j++)
            if (prefix_equal(&model->peers[i].allowed_ips[j], prefix))
                return &model->peers[i];
    return NULL;
}

const struct model_peer *model_route(const struct model *model, const struct address *address)
{
    const struct model_peer *best = NULL;
    int length = -1;
    for (uint32_t i = 0; i < model->peer_count; i++)
        for (uint32_t j = 0; j < model->peers[i].state.allowed_ip_count; j++) {
            const struct prefix *prefix = &model->peers[i].allowed_ips[j];
            if (prefix->length > length && prefix_contains(prefix, address)) {
                best = &model->peers[i];
                length = prefix->length;
            }
        }
    return best;
}

/* Position of a prefix in a list, or the count. */
static uint32_t position(const struct prefix *list, uint32_t count, const struct prefix *prefix)
{
    uint32_t i = 0;
    while (i < count && !prefix_equal(&list[i], prefix))
        i++;
    return i;
}

static void take(struct prefix *list, uint32_t *count, const struct prefix *prefix)
{
    uint32_t at = position(list, *count, prefix);
    CHECK(at < *count); /* the kernel would refuse: no such thing */
    list[at] = list[--*count];
}

static void put(struct prefix *list, uint32_t *count, const struct prefix *prefix)
{
    CHECK(position(list, *count, prefix) == *count); /* the kernel would refuse: it exists */
    CHECK(*count < MODEL_PREFIXES);
    list[(*count)++] = *prefix;
}

void model_give(struct model *model, struct model_peer *peer, const struct prefix *prefix)
{
    for (uint32_t i = 0; i < model->peer_count; i++) {
        struct model_peer *other = &model->peers[i];
        if (position(other->allowed_ips, other->state.allowed_ip_count, prefix) <
            other->state.allowed_ip_count)
            take(other->allowed_ips, &other->state.allowed_ip_count, prefix);
    }
    put(peer->allowed_ips, &peer->state.allowed_ip_count, prefix);
}

static void change_peer(struct model *model, const struct wg_peer_change *change,
                        model_look_fn look, void *context)
{
    struct model_peer *peer = model_find(model, &change->public_key);
    if ((change->flags & WG_PEER_REMOVE) != 0) {
        CHECK(peer != NULL);
        *peer = model->peers[--model->peer_count];
        look(model, context);
        return;
    }
    /* Updates are for peers that are there, and what is not an update makes a new one. */
    CHECK((peer != NULL) == ((change->flags & WG_PEER_UPDATE_ONLY) != 0));
    if (peer == NULL) {
        CHECK(model->peer_count < MODEL_PEERS);
        peer = &model->peers[model->peer_count++];
        *peer = (struct model_peer){.state = {.public_key = change->public_key}};
    }
    if (change->preshared_key != NULL)
        peer->state.preshared_key = key_is_zero(change->preshared_key) ? WG_PRESHARED_KEY_NONE
                                    : key_equal(change->preshared_key, &model_preshared_key)
                                        ? WG_PRESHARED_KEY_EXPECTED
                                        : WG_PRESHARED_KEY_OTHER;
    if (change->endpoint.address.family != FAMILY_NONE)
        peer->state.endpoint = change->endpoint;
    look(model, context);
    for (uint32_t i = 0; i < change->allowed_ip_count; i++) {
        model_give(model, peer, &change->allowed_ips[i]);
        look(model, context);
    }
    if (change->set_keepalive)
        peer->state.keepalive_s = change->keepalive_s;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
    return a->family == b->family && a->invert == b->invert && a->protocol == b->protocol &&
           a->priority == b->priority && a->mark == b->mark && a->mask == b->mask &&
           a->table == b->table;
}

static void change_rule(struct model *model, const struct step *step)
{
    uint32_t at = 0;
    while (at < model->rule_count && !same_rule(&model->rules[at], &step->what.rule))
        at++;
    CHECK((at < model->rule_count) == (step->kind == STEP_RULE_DELETE));
    if (step->kind == STEP_RULE_DELETE)
        model->rules[at] = model->rules[--model->rule_count];
    else
        model->rules[model->rule_count++] = step->what.rule;
}

static void change_link(struct device_state *device, const struct step *step)
{
    struct device_state before = *device;
    switch (step->kind) {
    case STEP_LINK_CREATE:
        CHECK(!device->exists);
        *device = (struct device_state){.exists = true, .mtu = 1420};
        return;
    case STEP_LINK_ALIAS:
        device->alias_set = true;
        break;
    case STEP_LINK_MTU:
        device->mtu = step->what.mtu;
        return; /* a new link may have it already */
    case STEP_LISTEN_PORT:
        device->listen_port = step->what.listen_port;
        break;
    case STEP_MARK:
        device->mark = step->what.mark;
        break;
    case STEP_PRIVATE_KEY:
        device->has_private_key = true;
        break;
    case STEP_LINK_UP:
        device->up = true;
        break;
    default:
        CHECK(step->kind == STEP_LINK_DELETE);
        *device = (struct device_state){0};
        break;
    }
    CHECK(before.exists);
    CHECK(memcmp(&before, device, sizeof(before)) != 0);
}

void model_apply(struct model *model, const struct step *step, model_look_fn look, void *context)
{
    const struct prefix *prefix = &step->what.prefix;
    switch (step->kind) {
    case STEP_PEER:
    case STEP_PEER_WITHDRAW:
        change_peer(model, &step->what.peer, look, context);
        break;
    case STEP_ROUTE_ADD:
        put(model->routes, &model->route_count, prefix);
        break;
    case STEP_ROUTE_DELETE:
        take(model->routes, &model->route_count, prefix);
        break;
    case STEP_ADDRESS_ADD:
        put(model->addresses, &model->address_count, prefix);
        break;
    case STEP_ADDRESS_DELETE:
        take(model->addresses, &model->address_count, prefix);
        break;
    case STEP_RULE_ADD:
    case STEP_RULE_DELETE:
        change_rule(model, step);
        break;
    default:
        change_link(&model->device, step);
        break;
    }
    look(model, context);
}

static bool same_prefixes(const struct prefix *a, uint32_t a_count, const struct prefix *b,
                          uint32_t b_count)
{
    bool same = a_count == b_count;
    for (uint32_t i = 0; same && i < a_count; i++)
        same = prefix_equal(&a[i], &b[i]);
    return same;
}

static bool same_peer(const struct model_peer *a, const struct model_peer *b)
{
    return key_equal(&a->state.public_key, &b->state.public_key) &&
           socket_address_equal(&a->state.endpoint, &b->state.endpoint) &&
           a->state.preshared_key == b->state.preshared_key &&
           a->state.keepalive_s == b->state.keepalive_s &&
           same_prefixes(a->allowed_ips, a->state.allowed_ip_count, b->allowed_ips,
                         b->state.allowed_ip_count);
}

bool model_equal(struct model *a, struct model *b)
{
    order(a);
    order(b);
    bool same = a->peer_count == b->peer_count && a->rule_count == b->rule_count &&
                same_prefixes(a->routes, a->route_count, b->routes, b->route_count) &&
                same_prefixes(a->addresses, a->address_count, b->addresses, b->address_count);
    for (uint32_t i = 0; same && i < a->peer_count; i++)
        same = same_peer(&a->peers[i], &b->peers[i]);
    for (uint32_t i = 0; same && i < a->rule_count; i++) {
        bool there = false;
        for (uint32_t j = 0; j < b->rule_count; j++)
            there = there || same_rule(&a->rules[i], &b->rules[j]);
        same = there;
    }
    return same;
}

struct plan model_plan(struct model *wanted, struct model *found)
{
    struct peer_state wanted_peers[MODEL_PEERS];
    struct peer_state found_peers[MODEL_PEERS];
    struct plan plan = {0};
    struct state to = model_state(wanted, wanted_peers);
    struct state from = model_state(found, found_peers);
    CHECK(plan_make(&to, &from, &model_preshared_key, &plan) == 0);
    return plan;
}
