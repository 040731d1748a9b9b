/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from a plan that failed: pure decisions on what of it to take. */
#ifndef WIREGUARD_WAY_BACK_H
#define WIREGUARD_WAY_BACK_H

#include <stdbool.h>

#include "wireguard/plan.h"

/* Did any step change something, or may it have? */
bool way_back_is_needed(const struct plan *taken);

/* A peer is gone, or may be, and with it a session that nobody can give back. What replaces it is there
 * already: then what was done stays, for the next connect or reconcile to go on from. */
bool way_back_is_closed(const struct plan *taken, const struct state *found);

/* A preshared key was replaced that only the kernel knew. */
bool way_back_lacks_key(const struct plan *taken, const struct state *found);

/* Keeps of a whole way back what answers steps that were done, or may have been. */
void way_back_trim(const struct plan *taken, struct plan *back);

#endif
