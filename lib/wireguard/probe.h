/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a remote that has been silent whether it lives: one empty datagram into the tunnel. Data obliges
 * the remote's kernel to send something within 10 s, whatever runs there; a keepalive does not.
 */
#ifndef WIREGUARD_PROBE_H
#define WIREGUARD_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "base/address.h"
#include "wireguard/status.h"

/* Pure: is it time to ask? After max(keepalive, 10 s) of silence, then every 5 s. */
bool probe_due(const struct status_state *status, uint64_t now_ns, uint16_t keepalive_s);

/* Pure: whom to ask within a remote subnet; always the same host, and never the network's own address
 * unless there is no other. It need not exist. */
struct address probe_target(const struct prefix *subnet);

/*
 * Pure: from where? Only what comes from an own subnet is counted as received over there. But then it may
 * provoke an error message whose source is no address of a subnet: not counted here, and instead of
 * what that kernel owed. From elsewhere its WireGuard takes a probe for obliging and drops it. But two
 * that only ask each other so, every 5 s, owe nothing any more and count nothing. So the first probe of six
 * comes from an own subnet, twice, because nothing makes up for its loss; the others come from the target.
 */
bool probe_is_counted(const struct status_state *status);

/* What probes are sent with. */
struct probe;

/* Opens the sockets, in the calling thread's network namespace, which must be the instance's. */
int32_t probe_open(struct subwg_instance *instance, struct subwg_error *error);
void probe_close(struct probe *probe); /* accepts NULL */

/* Asks whom it is time to ask, by the last dump taken, within a bound for one call. Never waits. Without
 * probe_open it does nothing. Returns how many are still to be asked. */
uint32_t probe_send_due(struct subwg_instance *instance);

#endif
