/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wanted against found: one pure function yields the least list of steps from one to the other, for a
 * whole device and for the slice of one connection alike. The way back is the same function with its
 * arguments exchanged.
 */
#ifndef WIREGUARD_PLAN_H
#define WIREGUARD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/key.h"
#include "netlink/netlink.h"

struct device_state {
    bool exists;
    bool name_set;  /* has the name that it should have */
    bool alias_set; /* carries our mark */
    bool up;
    bool has_private_key;
    uint16_t listen_port;
    uint32_t mark;
    uint32_t mtu;
};

struct peer_state {
    struct key public_key;
    struct socket_address endpoint;
    bool endpoint_may_roam; /* wanted: any endpoint that is there may stay */
    uint8_t preshared_key;  /* enum wg_preshared_key; wanted, OTHER means: as it is */
    uint16_t keepalive_s;
    const struct prefix *allowed_ips; /* sorted by prefix_compare */
    uint32_t allowed_ip_count;
};

/* What the kernel should have, or has. Prefixes are sorted by prefix_compare; peers are matched by key,
 * in any order. A NULL device says nothing about it. */
struct state {
    const struct device_state *device;
    const struct prefix *addresses; /* on the device, with host bits */
    const struct rule *rules;
    const struct peer_state *peers;
    const struct prefix *routes; /* destinations through the device */
    uint32_t address_count;
    uint32_t rule_count;
    uint32_t peer_count;
    uint32_t route_count;
};

/* In the order in which a plan has them: what a step needs comes before it, and traffic loses its
 * route last, so that nothing leaves in the clear. */
enum step_kind {
    STEP_LINK_CREATE,
    STEP_LINK_NAME,
    STEP_LINK_ALIAS,
    STEP_LINK_MTU,
    STEP_LISTEN_PORT,
    STEP_MARK,
    STEP_PRIVATE_KEY,
    STEP_ADDRESS_ADD,
    STEP_LINK_UP,
    STEP_RULE_ADD,
    STEP_PEER,
    STEP_ROUTE_ADD,
    STEP_PEER_WITHDRAW, /* takes allowed IPs from a peer, or the peer itself */
    STEP_ROUTE_DELETE,
    STEP_RULE_DELETE,
    STEP_ADDRESS_DELETE,
    STEP_LINK_DOWN,
    STEP_LINK_DELETE,
    STEP_KINDS
};

/* What became of a step. */
enum step_result {
    STEP_UNTRIED = 0,
    STEP_DONE,
    STEP_UNCHANGED, /* refused, or it was so already */
    STEP_UNKNOWN    /* it may be done, wholly or in part */
};

struct step {
    enum step_kind kind;
    enum step_result result;
    const struct peer_state *found_peer; /* of steps for peers: what is there; NULL: nothing yet */
    union {
        uint32_t mtu;
        uint16_t listen_port;
        uint32_t mark;
        struct prefix prefix; /* of an address or a route */
        struct rule rule;
        struct wg_peer_change peer;
    } what;
};

struct plan {
    struct step *steps;
    uint32_t count;
    struct prefix *prefixes; /* what the peers' changes point to */
};

static inline bool step_is_peer(enum step_kind kind)
{
    return kind == STEP_PEER || kind == STEP_PEER_WITHDRAW;
}

static inline bool step_is_route(enum step_kind kind)
{
    return kind == STEP_ROUTE_ADD || kind == STEP_ROUTE_DELETE;
}

/* Fills a zeroed plan; 0 or -ENOMEM. preshared_key is what EXPECTED means; the plan points to it, to
 * the lists of wanted and found, and to found's peers. */
int32_t plan_make(const struct state *wanted, const struct state *found,
                  const struct key *preshared_key, struct plan *plan);
void plan_finish(struct plan *plan);

bool plan_same_rule(const struct rule *a, const struct rule *b);

#endif
