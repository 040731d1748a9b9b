/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out a plan, and goes back when a step fails. */
#ifndef WIREGUARD_APPLY_H
#define WIREGUARD_APPLY_H

#include <stdint.h>

#include <subwg/driver.h>

#include "netlink/netlink.h"
#include "wireguard/plan.h"
#include "wireguard/settings.h"

/* What the steps work on. */
struct target {
    struct netlink *netlink;
    const struct settings *settings;
    const struct key *preshared_key; /* what EXPECTED means in states */
    struct key *private_key;         /* room for it while it is set; zero otherwise */
    uint32_t ifindex;                /* 0 until the link is there; set by STEP_LINK_CREATE */
    bool one_way;                    /* after a failure leave what was done */
};

/*
 * Goes from found to wanted. When a step fails, what was done is undone by planning the way back and
 * taking those of its steps that answer a step that was tried; the error then tells of the failed step,
 * and says SUBWG_ERROR_STATE_UNKNOWN only if the way back failed, too, or was not gone.
 * Returns 0 = something was changed, 1 = nothing had to be, or a negative errno.
 */
int32_t apply_difference(struct target *target, const struct state *wanted,
                         const struct state *found, struct subwg_error *error);

/* Goes back from wanted to found, as far as it gets: each step is tried. 0 if all succeeded. */
int32_t apply_back(struct target *target, const struct state *wanted, const struct state *found);

/* How many steps from the first on go out together: changes of peers, or of routes. */
uint32_t apply_group_length(const struct step *steps, uint32_t count);

/* Carries out such a group, and notes in each step what became of it. error must not be NULL. */
int32_t apply_group(struct target *target, struct step *steps, uint32_t count,
                    struct subwg_error *error);

/* The text that marks a link as ours: apply_alias("subwg0") is "libsubwg:subwg0". */
#define APPLY_ALIAS_SIZE 32
const char *apply_alias(const char *device, char alias[APPLY_ALIAS_SIZE]);

/* A link's group, given at its creation: tells a link that was not marked yet from a stranger's. */
#define APPLY_LINK_GROUP 0x5757u

#endif
