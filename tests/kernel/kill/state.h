/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace's state as text: links, addresses, routes, rules, WireGuard devices. */
#ifndef KILL_STATE_H
#define KILL_STATE_H

#include "base/key.h"

/* One thing a line, sorted, without counters and without the device's key, which goes to ret_key (zero:
 * none). folder (may be NULL) is a folder whose files are listed, too. The caller frees the text. */
char *state_text(const char *folder, struct key *ret_key);

/* The device's key alone; zero: there is none. */
void state_device_key(struct key *ret_key);

#endif
