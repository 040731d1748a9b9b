/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many peers are searched one by one: the slice of a connection needs no order. */
#define FEW_PEERS 4u

/* The peers of a state, to be found by key. */
struct directory {
    const struct state *state;
    const struct peer_state **sorted; /* NULL: they are few */
};

/* A plan being made: room is measured before, so that adding cannot fail. */
struct maker {
    struct plan *plan;
    const struct key *preshared_key;
    struct prefix *next_prefix;
    struct directory wanted;
    struct directory found;
    struct prefix *claimed; /* all that wanted peers have, sorted; made when it is needed first */
    size_t claimed_count;
    bool failed; /* no memory for it */
};

static struct step *add(struct maker *maker, enum step_kind kind)
{
    struct step *step = &maker->plan->steps[maker->plan->count++];
    memset(step, 0, sizeof(*step));
    step->kind = kind;
    return step;
}

/* Puts what is in a and not in b behind next_prefix; both are sorted. Returns how many. */
static uint32_t subtract(struct maker *maker, const struct prefix *a, uint32_t a_count,
                         const struct prefix *b, uint32_t b_count)
{
    uint32_t count = 0;
    uint32_t j = 0;
    for (uint32_t i = 0; i < a_count; i++) {
        while (j < b_count && prefix_compare(&b[j], &a[i]) < 0)
            j++;
        if (j == b_count || prefix_compare(&b[j], &a[i]) != 0)
            maker->next_prefix[count++] = a[i];
    }
    return count;
}

static void add_prefixes(struct maker *maker, enum step_kind kind, const struct prefix *a,
                         uint32_t a_count, const struct prefix *b, uint32_t b_count)
{
    uint32_t count = subtract(maker, a, a_count, b, b_count);
    for (uint32_t i = 0; i < count; i++)
        add(maker, kind)->what.prefix = maker->next_prefix[i];
}

bool plan_same_rule(const struct rule *a, const struct rule *b)
{
    return a->family == b->family && a->invert == b->invert && a->protocol == b->protocol &&
           a->priority == b->priority && a->mark == b->mark && a->mask == b->mask &&
           a->table == b->table;
}

/* How many of the first count rules are this one: the kernel takes the same rule twice. */
static uint32_t count_rule(const struct rule *rules, uint32_t count, const struct rule *rule)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; i++)
        same += plan_same_rule(&rules[i], rule);
    return same;
}

static void add_rules(struct maker *maker, enum step_kind kind, const struct rule *a,
                      uint32_t a_count, const struct rule *b, uint32_t b_count)
{
    for (uint32_t i = 0; i < a_count; i++)
        if (count_rule(a, i, &a[i]) >= count_rule(b, b_count, &a[i]))
            add(maker, kind)->what.rule = a[i];
}

static int by_key(const void *a, const void *b)
{
    const struct peer_state *const *first = a;
    const struct peer_state *const *second = b;
    return memcmp((*first)->public_key.bytes, (*second)->public_key.bytes, KEY_SIZE);
}

static int key_against(const void *key, const void *entry)
{
    const struct peer_state *const *peer = entry;
    return memcmp(((const struct key *)key)->bytes, (*peer)->public_key.bytes, KEY_SIZE);
}

static bool directory_make(struct directory *directory, const struct state *state)
{
    directory->state = state;
    if (state->peer_count <= FEW_PEERS)
        return true;
    directory->sorted = calloc(state->peer_count, sizeof(*directory->sorted));
    if (directory->sorted == NULL)
        return false;
    for (uint32_t i = 0; i < state->peer_count; i++)
        directory->sorted[i] = &state->peers[i];
    qsort((void *)directory->sorted, state->peer_count, sizeof(*directory->sorted), by_key);
    return true;
}

static const struct peer_state *find_peer(const struct directory *directory, const struct key *key)
{
    const struct state *state = directory->state;
    if (directory->sorted != NULL) {
        const struct peer_state *const *entry =
            bsearch(key, (const void *)directory->sorted, state->peer_count,
                    sizeof(*directory->sorted), key_against);
        return entry != NULL ? *entry : NULL;
    }
    for (uint32_t i = 0; i < state->peer_count; i++)
        if (key_equal(&state->peers[i].public_key, key))
            return &state->peers[i];
    return NULL;
}

static void set_preshared_key(struct maker *maker, struct wg_peer_change *change, uint8_t wanted)
{
    static const struct key none = {{0}};
    change->preshared_key = wanted == WG_PRESHARED_KEY_NONE ? &none : maker->preshared_key;
}

static void add_peer(struct maker *maker, const struct peer_state *wanted)
{
    struct wg_peer_change *change = &add(maker, STEP_PEER)->what.peer;
    change->public_key = wanted->public_key;
    if (wanted->preshared_key == WG_PRESHARED_KEY_EXPECTED)
        set_preshared_key(maker, change, wanted->preshared_key);
    change->endpoint = wanted->endpoint;
    change->set_keepalive = wanted->keepalive_s != 0;
    change->keepalive_s = wanted->keepalive_s;
    change->allowed_ips = wanted->allowed_ips;
    change->allowed_ip_count = wanted->allowed_ip_count;
}

/* Just what differs, and never what would touch the session or the counters. */
static void update_peer(struct maker *maker, const struct peer_state *wanted,
                        const struct peer_state *found)
{
    struct wg_peer_change change = {.public_key = wanted->public_key, .flags = WG_PEER_UPDATE_ONLY};
    bool differs = false;
    if (wanted->preshared_key != found->preshared_key &&
        wanted->preshared_key != WG_PRESHARED_KEY_OTHER) {
        set_preshared_key(maker, &change, wanted->preshared_key);
        differs = true;
    }
    bool may_stay = wanted->endpoint_may_roam && found->endpoint.address.family != FAMILY_NONE;
    if (!may_stay && wanted->endpoint.address.family != FAMILY_NONE &&
        !socket_address_equal(&wanted->endpoint, &found->endpoint)) {
        change.endpoint = wanted->endpoint;
        differs = true;
    }
    if (wanted->keepalive_s != found->keepalive_s) {
        change.set_keepalive = true;
        change.keepalive_s = wanted->keepalive_s;
        differs = true;
    }
    change.allowed_ip_count = subtract(maker, wanted->allowed_ips, wanted->allowed_ip_count,
                                       found->allowed_ips, found->allowed_ip_count);
    if (change.allowed_ip_count > 0) {
        change.allowed_ips = maker->next_prefix;
        maker->next_prefix += change.allowed_ip_count;
        differs = true;
    }
    if (!differs)
        return;
    struct step *step = add(maker, STEP_PEER);
    step->found_peer = found;
    step->what.peer = change;
}

/* Every prefix of every wanted peer, sorted. */
static bool gather_claimed(struct maker *maker)
{
    const struct state *wanted = maker->wanted.state;
    size_t room = 1;
    for (uint32_t i = 0; i < wanted->peer_count; i++)
        room += wanted->peers[i].allowed_ip_count;
    maker->claimed = calloc(room, sizeof(*maker->claimed));
    maker->failed = maker->claimed == NULL;
    for (uint32_t i = 0; i < wanted->peer_count && !maker->failed; i++)
        for (uint32_t j = 0; j < wanted->peers[i].allowed_ip_count; j++)
            maker->claimed[maker->claimed_count++] = wanted->peers[i].allowed_ips[j];
    if (maker->claimed_count > 1)
        qsort(maker->claimed, maker->claimed_count, sizeof(*maker->claimed), prefix_order);
    return !maker->failed;
}

/*
 * Takes allowed IPs from a live peer. Replacing its list would open a gap for all the others, so they
 * go to a peer that exists only within the request.
 */
static void withdraw_allowed_ips(struct maker *maker, const struct peer_state *wanted,
                                 const struct peer_state *found)
{
    uint32_t count = subtract(maker, found->allowed_ips, found->allowed_ip_count,
                              wanted->allowed_ips, wanted->allowed_ip_count);
    if (count == 0 || (maker->claimed == NULL && !gather_claimed(maker)))
        return;
    /* One that another wanted peer has has moved there already. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (bsearch(&maker->next_prefix[i], maker->claimed, maker->claimed_count,
                    sizeof(struct prefix), prefix_order) == NULL)
            maker->next_prefix[kept++] = maker->next_prefix[i];
    if (kept == 0)
        return;
    struct step *step = add(maker, STEP_PEER_WITHDRAW);
    struct wg_peer_change *taker = &step->what.peer;
    step->found_peer = found;
    key_generate_throwaway(&taker->public_key);
    taker->allowed_ips = maker->next_prefix;
    taker->allowed_ip_count = kept;
    maker->next_prefix += kept;
    struct wg_peer_change *removal = &add(maker, STEP_PEER_WITHDRAW)->what.peer;
    removal->public_key = taker->public_key;
    removal->flags = WG_PEER_REMOVE;
}

static void add_peers(struct maker *maker)
{
    const struct state *wanted = maker->wanted.state;
    for (uint32_t i = 0; i < wanted->peer_count; i++) {
        const struct peer_state *there = find_peer(&maker->found, &wanted->peers[i].public_key);
        if (there == NULL)
            add_peer(maker, &wanted->peers[i]);
        else
            update_peer(maker, &wanted->peers[i], there);
    }
}

/* Whole peers last: if the kernel refuses anything of the request, they are still there. */
static void withdraw_peers(struct maker *maker)
{
    const struct state *found = maker->found.state;
    for (uint32_t i = 0; i < found->peer_count; i++) {
        const struct peer_state *kept = find_peer(&maker->wanted, &found->peers[i].public_key);
        if (kept != NULL)
            withdraw_allowed_ips(maker, kept, &found->peers[i]);
    }
    for (uint32_t i = 0; i < found->peer_count; i++) {
        if (find_peer(&maker->wanted, &found->peers[i].public_key) != NULL)
            continue;
        struct step *step = add(maker, STEP_PEER_WITHDRAW);
        step->found_peer = &found->peers[i];
        step->what.peer.public_key = found->peers[i].public_key;
        step->what.peer.flags = WG_PEER_REMOVE;
    }
}

/* Everything of the device up to its being up. */
static void raise_device(struct maker *maker, const struct device_state *wanted,
                         const struct device_state *found)
{
    if (!wanted->exists)
        return;
    if (!found->exists)
        add(maker, STEP_LINK_CREATE);
    else if (wanted->name_set && !found->name_set)
        add(maker, STEP_LINK_NAME);
    if (!found->alias_set)
        add(maker, STEP_LINK_ALIAS);
    if (wanted->mtu != found->mtu)
        add(maker, STEP_LINK_MTU)->what.mtu = wanted->mtu;
    /* Alone and first: it is what can fail, and a request is not undone by the kernel. */
    if (wanted->listen_port != found->listen_port)
        add(maker, STEP_LISTEN_PORT)->what.listen_port = wanted->listen_port;
    if (wanted->mark != found->mark)
        add(maker, STEP_MARK)->what.mark = wanted->mark;
    if (wanted->has_private_key && !found->has_private_key)
        add(maker, STEP_PRIVATE_KEY);
}

static int32_t reserve(struct plan *plan, const struct state *wanted, const struct state *found)
{
    size_t steps = 9 + (size_t)wanted->address_count + found->address_count + wanted->rule_count +
                   found->rule_count + wanted->route_count + found->route_count +
                   wanted->peer_count + 2 * (size_t)found->peer_count;
    size_t prefixes = 1 + (size_t)wanted->route_count + found->route_count + wanted->address_count +
                      found->address_count;
    for (uint32_t i = 0; i < wanted->peer_count; i++)
        prefixes += wanted->peers[i].allowed_ip_count;
    for (uint32_t i = 0; i < found->peer_count; i++)
        prefixes += found->peers[i].allowed_ip_count;
    plan->steps = calloc(steps, sizeof(*plan->steps));
    plan->prefixes = calloc(prefixes, sizeof(*plan->prefixes));
    return plan->steps != NULL && plan->prefixes != NULL ? 0 : -ENOMEM;
}

static void fill(struct maker *maker, const struct state *wanted, const struct state *found)
{
    bool with_device = wanted->device != NULL && found->device != NULL;
    if (with_device)
        raise_device(maker, wanted->device, found->device);
    add_prefixes(maker, STEP_ADDRESS_ADD, wanted->addresses, wanted->address_count,
                 found->addresses, found->address_count);
    if (with_device && wanted->device->up && !found->device->up)
        add(maker, STEP_LINK_UP);
    add_rules(maker, STEP_RULE_ADD, wanted->rules, wanted->rule_count, found->rules,
              found->rule_count);
    add_peers(maker);
    add_prefixes(maker, STEP_ROUTE_ADD, wanted->routes, wanted->route_count, found->routes,
                 found->route_count);
    withdraw_peers(maker);
    add_prefixes(maker, STEP_ROUTE_DELETE, found->routes, found->route_count, wanted->routes,
                 wanted->route_count);
    add_rules(maker, STEP_RULE_DELETE, found->rules, found->rule_count, wanted->rules,
              wanted->rule_count);
    add_prefixes(maker, STEP_ADDRESS_DELETE, found->addresses, found->address_count,
                 wanted->addresses, wanted->address_count);
    if (with_device && wanted->device->exists && found->device->up && !wanted->device->up)
        add(maker, STEP_LINK_DOWN);
    if (with_device && found->device->exists && !wanted->device->exists)
        add(maker, STEP_LINK_DELETE);
}

int32_t plan_make(const struct state *wanted, const struct state *found,
                  const struct key *preshared_key, struct plan *plan)
{
    struct maker maker = {.plan = plan, .preshared_key = preshared_key};
    bool made = reserve(plan, wanted, found) == 0 && directory_make(&maker.wanted, wanted) &&
                directory_make(&maker.found, found);
    if (made) {
        maker.next_prefix = plan->prefixes;
        fill(&maker, wanted, found);
        made = !maker.failed;
    }
    free((void *)maker.wanted.sorted);
    free((void *)maker.found.sorted);
    free(maker.claimed);
    if (!made)
        plan_finish(plan);
    return made ? 0 : -ENOMEM;
}

void plan_finish(struct plan *plan)
{
    free(plan->steps);
    free(plan->prefixes);
    *plan = (struct plan){0};
}
