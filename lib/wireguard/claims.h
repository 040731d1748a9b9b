/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused claims on what another cluster has: remembered, so that the owner's people see who reaches for
 * it. A claim lasts until its cluster announces something else or goes; whether it still meets an owner is
 * looked up whenever somebody asks. Few are kept, the latest ones: a hostile remote can announce many.
 */
#ifndef WIREGUARD_CLAIMS_H
#define WIREGUARD_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "wireguard/table.h"

struct refused_claim {
    char claimant[LIMIT_CLUSTER_ID + 1];
    struct prefix subnet;  /* family none: the key is claimed */
    struct key public_key; /* the claimant's */
};

struct claims {
    struct refused_claim list[LIMIT_CLAIMS]; /* the oldest first */
    uint32_t count;
};

/* In place of any earlier claim of the candidate; subnet NULL: it claims a key. Returns whether it is a
 * new one. */
bool claims_note(struct claims *claims, const struct connection *candidate,
                 const struct prefix *subnet);
void claims_withdraw(struct claims *claims, const char *claimant);

/* Who has what each of them claims; NULL where nobody has it any more. */
struct claim_owners {
    const struct connection *list[LIMIT_CLAIMS];
};
struct claim_owners claims_find_owners(const struct claims *claims, const struct table *table);

#define CLAIMS_TEXT_SIZE 256

/* "cluster 'x' claims 10.0.0.0/24" and how many more there are; empty if nobody claims anything of the
 * owner. */
const char *claims_describe(const struct claims *claims, const struct claim_owners *owners,
                            const struct connection *owner, char text[CLAIMS_TEXT_SIZE]);

#endif
