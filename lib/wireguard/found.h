/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel has of our device, its addresses and our rules. */
#ifndef WIREGUARD_FOUND_H
#define WIREGUARD_FOUND_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/instance.h"
#include "wireguard/plan.h"

/* In the form that a plan compares. */
struct found {
    struct device_state device;
    struct link_info link;
    struct prefix *addresses;
    struct rule *rules;
    struct peer_state *peers; /* their allowed IPs are the dump's */
    struct prefix *routes;    /* ours, through the device, sorted */
    struct route *others;     /* in our table, whoever made them; sorted by destination */
    uint32_t address_count;
    uint32_t rule_count;
    uint32_t peer_count;
    uint32_t route_count;
    uint32_t other_count;
    bool ipv6;        /* the kernel has rules for it, so it has it */
    bool routes_kept; /* no route is listed, because all are as wanted */
};

/* Marked by us, or made by us and not marked yet: the group is set with the creation, the alias after. */
bool found_is_ours(const struct subwg_instance *instance, const struct link_info *link);

/* Reads the device into a zeroed found and sets the instance's ifindex, 0 if there is none. A link of
 * that name that is not ours is -EEXIST. */
int32_t found_device(struct subwg_instance *instance, struct found *found,
                     struct subwg_error *error);

/* The same for a device that this instance has already: by its index and key, which neither a rename nor
 * a stranger that took its name changes. If it is gone, nothing is found, and the dump is empty. */
int32_t found_own_device(struct subwg_instance *instance, struct found *found,
                         struct subwg_error *error);

/* Those addresses of the device that are wanted or were this instance's choice, among all of the host's.
 * Others on it are left alone: somebody gave them to it. */
int32_t found_addresses(const struct subwg_instance *instance,
                        const struct interface_address *addresses, uint32_t count,
                        const struct state *wanted, struct found *found, struct subwg_error *error);

/* Rules with our protocol that lead to our table, which is ours by lock_table. */
int32_t found_rules(struct subwg_instance *instance, struct found *found,
                    struct subwg_error *error);

/* -EEXIST if our table has routes of an instance with another device, live or not. */
int32_t found_table_free(struct subwg_instance *instance, struct subwg_error *error);

/* The peers of the instance's dump that no settled connection stands for; their allowed IPs are sorted for
 * it. -ENOMEM. */
int32_t found_peers(struct subwg_instance *instance, struct found *found);

/* The routes of our table: ours through the device, and all others. */
int32_t found_routes(struct subwg_instance *instance, uint32_t ifindex, struct found *found,
                     struct subwg_error *error);

/* A route that is not ours and stands where ours to this destination would; NULL if none does. */
const struct route *found_obstacle(const struct found *found, const struct prefix *destination);

/* The connection, claimed or adopted, whose subnet this is; NULL if it is nobody's. */
struct connection *found_owner(const struct subwg_instance *instance, const struct prefix *subnet);

struct state found_to_state(const struct found *found);

void found_finish(struct found *found);

#endif
