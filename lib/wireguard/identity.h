/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key the device has. The kernel keeps it while the device lives; with the setting key-file a
 * file keeps it beyond that. A device that has none gets the file's key, or a new one where there is no
 * file; the key of a device whose file is missing is saved. A device and a file that differ are an
 * error: to change either would silently throw an identity away that somebody may want.
 */
#ifndef WIREGUARD_IDENTITY_H
#define WIREGUARD_IDENTITY_H

#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/instance.h"

/* Whether the key file can be used with a device of this public key (NULL: it has none yet). Changes
 * nothing. 0, 1 if the file is wanted but missing, or a negative errno. */
int32_t identity_check(struct subwg_instance *instance, const struct key *public_key,
                       struct subwg_error *error);

/* Saves the device's key, instance->public_key, if its file is missing. 1: the file was made. */
int32_t identity_save(struct subwg_instance *instance, struct subwg_error *error);

/* Takes back what identity_save made. */
void identity_unsave(struct subwg_instance *instance);

#endif
