/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches one page of a running gateway. */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include "listen_address.h"

/* Prints /connections as the gateway at an address shows it to people. Returns 0, or a negative errno
 * after saying on stderr what went wrong. */
int client_show_connections(const struct listen_address *address);

#endif
