/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out a plan as far as it gets: one repair that fails does not stop those that can do without. */
#ifndef WIREGUARD_REPAIR_H
#define WIREGUARD_REPAIR_H

#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/apply.h"

/*
 * Notes in each step what became of it. What is left out after a failure: all that follows when the kernel
 * does not answer or the device is not there, routes when the device does not come up. Nothing is undone.
 * Returns 0 or the first failure, which the record tells of.
 */
int32_t repair_steps(struct target *target, struct step *steps, uint32_t count,
                     struct subwg_error *error);

#endif
