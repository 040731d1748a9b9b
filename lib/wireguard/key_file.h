/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that keeps a device's private key over a reboot: its base64 form and a newline, for the
 * owner's eyes alone. A file is replaced as a whole or not at all, whenever the power goes.
 */
#ifndef WIREGUARD_KEY_FILE_H
#define WIREGUARD_KEY_FILE_H

#include <stdint.h>

#include <subwg/driver.h>

#include "base/key.h"

#define KEY_FILE_BYTES 45 /* 44 characters and the newline */

/* What a file under construction is called: the path and this. */
#define KEY_FILE_TEMPORARY ".subwg-new"

/* 0, or 1 if there is no such file. Refused with -EINVAL: what is not a regular file, what anyone but
 * its owner may open, an owner who is neither root nor the process's user, and what is not one key. The
 * caller wipes the key. */
int32_t key_file_read(const char *path, struct key *ret_private_key, struct subwg_error *error);

/* After a failure the path has what it had before; only where its folder could not be synchronized may
 * it have the new key already. */
int32_t key_file_write(const char *path, const struct key *private_key, struct subwg_error *error);

#endif
