/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new key for a known cluster, make before break: the new peer comes without subnets and shakes hands
 * by itself; the subnets move to it, each atomically, when it answers, at once when the old peer is
 * dead, at a deadline otherwise; the old peer goes last. Until then the cluster has two connections in
 * the table: the new one, found by cluster, and its predecessor, which has subnets and routes.
 */
#ifndef WIREGUARD_MOVES_H
#define WIREGUARD_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/instance.h"
#include "wireguard/slice.h"

/* What is known of a cluster with an old and a new peer. */
struct move_view {
    bool attended;    /* the engine comes back to finish what is begun */
    bool old_works;   /* the kernel has the old peer with subnets, and it is not in error */
    bool new_answers; /* the new peer was heard */
    bool new_carries; /* it has subnets already, from elsewhere */
    uint64_t now_ns;
    uint64_t deadline_ns;
};

/* Whether the old peer keeps the subnets for now, or why not. */
enum move_verdict {
    MOVE_WAIT,
    MOVE_UNATTENDED,
    MOVE_CARRIES,
    MOVE_ANSWERED,
    MOVE_OLD_DEAD,
    MOVE_OVERDUE
};
enum move_verdict move_decide(const struct move_view *view);

/* The engine dispatches, or has promised to; it reconciles. Either means that it comes back, for a while. */
void moves_dispatched(struct subwg_instance *instance);
void moves_reconciled(struct subwg_instance *instance);

/* True if the engine comes back to finish what is begun now. */
bool moves_attended(const struct subwg_instance *instance);

/* For connect: names the part of the slice that keeps the subnets while the candidate's peer comes, if
 * one does. */
void moves_stage(const struct subwg_instance *instance, struct connection *candidate,
                 struct slice *slice);

/* Finishes the moves that need not wait longer. To be called when the table has just taken a dump. One
 * that fails stays as it is and is tried again at the next call. Returns how many were finished, or the
 * first failure. */
int32_t moves_advance(struct subwg_instance *instance, struct subwg_error *error);

/* When the next dump and moves_advance are due, on the host's elapsed clock; UINT64_MAX: no move. */
uint64_t moves_due_ns(const struct subwg_instance *instance);

/* True if a move's old peer, or a leftover that is held for one, has this subnet, and with it a route. */
bool moves_carry(const struct subwg_instance *instance, const struct prefix *subnet);

#endif
