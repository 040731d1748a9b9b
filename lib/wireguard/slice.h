/* SPDX-License-Identifier: Apache-2.0 */
/* One cluster's slice of the device: what the kernel has of it, and the change to what is asked. */
#ifndef WIREGUARD_SLICE_H
#define WIREGUARD_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/found.h"
#include "wireguard/instance.h"

/* What a candidate takes the place of. */
enum slice_part {
    SLICE_CURRENT,     /* the cluster's connection */
    SLICE_PREDECESSOR, /* the one that the current one has not taken over from yet; without a current
                        * one: a leftover that is held for whoever claims its subnets */
    SLICE_CLAIMED,     /* a leftover with the candidate's key */
    SLICE_PARTS
};

struct slice {
    struct connection *connections[SLICE_PARTS]; /* NULL: none */
    struct connection *actual[SLICE_PARTS];      /* what the kernel has, where it was not known;
                                                  * CLAIMED alone: a foreign peer with the key */
    struct connection *carrier; /* the part that keeps subnets and routes for now; NULL: none */
    struct found foreign; /* routes that are given way to; none, unless slice_yield read them */
};

/* Reads the kernel where it is not known. To be ended with slice_finish, also after a failure. */
int32_t slice_find(struct subwg_instance *instance, const struct connection *candidate,
                   struct slice *ret_slice, struct subwg_error *error);
void slice_finish(struct slice *slice);

/* For what goes on behind the engine's back, where nobody is to be refused: what a foreign route stands in
 * the place of is left without ours, for reconcile to tell and to repair. */
int32_t slice_yield(struct subwg_instance *instance, const struct connection *candidate,
                    struct slice *slice, struct subwg_error *error);

/* The part that has the candidate's key, if the kernel has it. */
const struct connection *slice_same_peer(const struct slice *slice,
                                         const struct connection *candidate);

/* Changes the kernel from what it has of the slice to the candidate, and the carrier beside it.
 * Returns 0 = changed, 1 = nothing had to be, or a negative errno; then it is as it was. */
int32_t slice_install(struct subwg_instance *instance, const struct connection *candidate,
                      struct slice *slice, struct subwg_error *error);

/* Puts the installed candidate in the place of the parts but the carrier. The candidate may be a part
 * itself. Room in the table was reserved; cannot fail. */
void slice_commit(struct subwg_instance *instance, struct connection *candidate,
                  const struct slice *slice);

#endif
