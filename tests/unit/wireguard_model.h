/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel makes of the steps of a plan: a small, pure model, which moves allowed IPs as the real
 * one does. An oracle for tests. */
#ifndef UNIT_WIREGUARD_MODEL_H
#define UNIT_WIREGUARD_MODEL_H

#include "unit.h"
#include "wireguard/plan.h"

#define MODEL_PEERS    24
#define MODEL_PREFIXES 64 /* of a peer, and of routes and addresses each */
#define MODEL_RULES    8

struct model_peer {
    struct peer_state state; /* allowed_ips points to the list below */
    struct prefix allowed_ips[MODEL_PREFIXES];
};

struct model {
    struct device_state device;
    struct model_peer peers[MODEL_PEERS];
    struct prefix routes[MODEL_PREFIXES];
    struct prefix addresses[MODEL_PREFIXES];
    struct rule rules[MODEL_RULES];
    uint32_t peer_count;
    uint32_t route_count;
    uint32_t address_count;
    uint32_t rule_count;
};

/* The equal preshared key that EXPECTED stands for in the model. */
extern const struct key model_preshared_key;

/* Sorts the lists and points a state to them; peers needs MODEL_PEERS entries. */
struct state model_state(struct model *model, struct peer_state *peers);

/* The plan from found to wanted; plan_finish ends it. */
struct plan model_plan(struct model *wanted, struct model *found);

/* Is called whenever the kernel's data path could look. */
typedef void (*model_look_fn)(const struct model *model, void *context);

/* Fails the test where a kernel would refuse the step, or where a step would do nothing. */
void model_apply(struct model *model, const struct step *step, model_look_fn look, void *context);

/* The peer that has exactly this allowed IP; NULL if none has. */
const struct model_peer *model_owner(const struct model *model, const struct prefix *prefix);
/* The peer that packets to this address go to. */
const struct model_peer *model_route(const struct model *model, const struct address *address);
struct model_peer *model_find(struct model *model, const struct key *key);

void model_give(struct model *model, struct model_peer *peer, const struct prefix *prefix);
bool model_equal(struct model *a, struct model *b);

#endif
