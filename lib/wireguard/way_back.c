/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/way_back.h"

#include <string.h>

static bool may_be_done(const struct step *step)
{
    return step->result == STEP_DONE || step->result == STEP_UNKNOWN;
}

bool way_back_is_needed(const struct plan *taken)
{
    bool needed = false;
    for (uint32_t i = 0; i < taken->count && !needed; i++)
        needed = may_be_done(&taken->steps[i]);
    return needed;
}

static const struct peer_state *find_peer(const struct state *state, const struct key *key)
{
    for (uint32_t i = 0; i < state->peer_count; i++)
        if (key_equal(&state->peers[i].public_key, key))
            return &state->peers[i];
    return NULL;
}

/* True if the peer was removed as a whole, or may have been. */
static bool is_gone(const struct plan *taken, const struct key *key)
{
    bool gone = false;
    for (uint32_t i = 0; i < taken->count && !gone; i++) {
        const struct step *step = &taken->steps[i];
        gone = step->kind == STEP_PEER_WITHDRAW && may_be_done(step) &&
               (step->what.peer.flags & WG_PEER_REMOVE) != 0 &&
               key_equal(&step->what.peer.public_key, key);
    }
    return gone;
}

/* A peer without subnets carries nothing that its session could be missed for. */
bool way_back_is_closed(const struct plan *taken, const struct state *found)
{
    for (uint32_t i = 0; i < found->peer_count; i++)
        if (found->peers[i].allowed_ip_count > 0 && is_gone(taken, &found->peers[i].public_key))
            return true;
    return false;
}

bool way_back_lacks_key(const struct plan *taken, const struct state *found)
{
    for (uint32_t i = 0; i < taken->count; i++) {
        const struct step *step = &taken->steps[i];
        if (!step_is_peer(step->kind) || !may_be_done(step) ||
            step->what.peer.preshared_key == NULL)
            continue;
        const struct peer_state *before = find_peer(found, &step->what.peer.public_key);
        if (before != NULL && before->preshared_key == WG_PRESHARED_KEY_OTHER)
            return true;
    }
    return false;
}

/* The kind of step that a step of the way back answers. */
static enum step_kind answered(enum step_kind back)
{
    switch (back) {
    case STEP_LINK_DELETE:
        return STEP_LINK_CREATE;
    case STEP_LINK_DOWN:
        return STEP_LINK_UP;
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

static bool answers(const struct step *back, const struct step *step)
{
    if (step_is_peer(back->kind))
        return step_is_peer(step->kind);
    if (step->kind != answered(back->kind))
        return false;
    switch (step->kind) {
    case STEP_ADDRESS_ADD:
    case STEP_ADDRESS_DELETE:
    case STEP_ROUTE_ADD:
    case STEP_ROUTE_DELETE:
        return prefix_equal(&step->what.prefix, &back->what.prefix);
    case STEP_RULE_ADD:
    case STEP_RULE_DELETE:
        return plan_same_rule(&step->what.rule, &back->what.rule);
    default:
        return true;
    }
}

/* Both plans have the steps of one kind in the same order, so the search mostly ends where it begins:
 * behind the last find. */
static bool answers_done(const struct plan *taken, const struct step *back, uint32_t *next)
{
    for (uint32_t tried = 0; tried < taken->count; tried++) {
        uint32_t at = (*next + tried) % taken->count;
        if (!answers(back, &taken->steps[at]) ||
            (step_is_peer(back->kind) && !may_be_done(&taken->steps[at])))
            continue;
        *next = step_is_peer(back->kind) ? at : at + 1;
        return may_be_done(&taken->steps[at]);
    }
    return false;
}

/* One that is to come back and is not gone is still there, with its session, and perhaps with an
 * endpoint that roamed: all that it lost are allowed IPs. */
static void spare_peer(const struct plan *taken, struct step *back)
{
    struct wg_peer_change *peer = &back->what.peer;
    if (back->kind != STEP_PEER || (peer->flags & WG_PEER_UPDATE_ONLY) != 0 ||
        is_gone(taken, &peer->public_key))
        return;
    *peer = (struct wg_peer_change){.public_key = peer->public_key,
                                    .flags = WG_PEER_UPDATE_ONLY,
                                    .allowed_ips = peer->allowed_ips,
                                    .allowed_ip_count = peer->allowed_ip_count};
}

void way_back_trim(const struct plan *taken, struct plan *back)
{
    uint32_t kept = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < back->count; i++) {
        spare_peer(taken, &back->steps[i]);
        if (answers_done(taken, &back->steps[i], &next))
            back->steps[kept++] = back->steps[i];
    }
    back->count = kept;
}
