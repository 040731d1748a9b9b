/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel should have: of the device itself, and of all connections. */
#ifndef WIREGUARD_WANTED_H
#define WIREGUARD_WANTED_H

#include <stdint.h>

#include "wireguard/found.h"
#include "wireguard/instance.h"
#include "wireguard/plan.h"

struct wanted {
    struct device_state device;
    struct prefix addresses[INSTANCE_ADDRESSES_MAX];
    struct rule rules[2];
    struct peer_state *peers;
    struct prefix *routes;
    struct state state; /* points to all of these: a wanted is not copied */
};

void wanted_device(const struct subwg_instance *instance, uint32_t mtu, struct wanted *wanted);

/* The host's first address inside an own subnet, so that the host itself can speak to remote subnets;
 * else the configured one; else the one that this instance had chosen; else none. addresses are all of
 * the host's. */
void wanted_addresses(const struct subwg_instance *instance,
                      const struct interface_address *addresses, uint32_t count,
                      struct wanted *wanted);

/* ipv6: the kernel has IPv6. */
void wanted_rules(const struct subwg_instance *instance, bool ipv6, struct wanted *wanted);

/* True if the kernel should have its peer, and the routes to what it carries. */
bool wanted_has(const struct connection *connection);

/* True if the kernel has that peer, by the dump that was taken last, and nothing of it is to be changed. */
bool wanted_is_peer_found(const struct subwg_instance *instance,
                          const struct connection *connection, uint64_t now_ns);

/* The peers of all connections but settled ones, the routes to subnets that have none, and what of found
 * stays although no connection stands for it. -ENOMEM. */
int32_t wanted_connections(const struct subwg_instance *instance, const struct found *found,
                           uint64_t now_ns, struct wanted *wanted);

/* The MTU that fits the smallest path: path_mtu (0: not known) and those of all connections but some, at
 * most WANTED_MTU_EXCEPT_MAX different ones of the table. Of leftovers it is not known: while there
 * are some, the device's MTU does not grow. */
#define WANTED_MTU_EXCEPT_MAX 3u
uint32_t wanted_mtu(const struct subwg_instance *instance, uint32_t path_mtu,
                    const struct connection *const *except, uint32_t except_count);

/* Remembers in the instance what the device has got of this. */
void wanted_note(struct subwg_instance *instance, const struct wanted *wanted);

void wanted_finish(struct wanted *wanted);

#endif
