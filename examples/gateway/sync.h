/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the broker and the driver together: own endpoint out, the others in. */
#ifndef GATEWAY_SYNC_H
#define GATEWAY_SYNC_H

#include "gateway.h"

/* Scans the broker, publishes the own endpoint where it is due or gone, and connects or disconnects. */
void sync_broker(struct gateway *gateway);

/* Publishes the own endpoint again where somebody else wrote over it. */
void sync_own_file(struct gateway *gateway);

/* Connects and disconnects what is due now, retries included. */
void sync_connections(struct gateway *gateway);

/* Writes the own endpoint to the broker if something changed. */
void sync_own_endpoint(struct gateway *gateway);

#endif
