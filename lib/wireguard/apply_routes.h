/* SPDX-License-Identifier: Apache-2.0 */
/* The steps for routes: one batch, and what the kernel's answers mean. */
#ifndef WIREGUARD_APPLY_ROUTES_H
#define WIREGUARD_APPLY_ROUTES_H

#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/apply.h"

/* One that is there or gone already counts as done if it is ours. Notes in each step what became of it, and
 * returns 0 or the first failure. */
int32_t apply_routes(struct target *target, struct step *steps, uint32_t count,
                     struct subwg_error *error);

/* Of our routes: what a foreign one with the same destination must not have, or it is in the way. */
uint32_t apply_route_metric(const struct prefix *destination);

#endif
