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
    struct prefix *addresses;
    struct rule *rules;
    uint32_t address_count;
    uint32_t rule_count;
};

/* Marked by us, or made by us and not marked yet: the group is set with the creation, the alias after. */
bool found_is_ours(const struct subwg_instance *instance, const struct link_info *link);

/* Reads the device into a zeroed found and sets the instance's ifindex, 0 if there is none. A link of
 * that name that is not ours is -EEXIST. */
int32_t found_device(struct subwg_instance *instance, struct found *found,
                     struct subwg_error *error);

/* Those of the wanted addresses that the device has, among all of the host's. Others on it are left
 * alone: somebody gave them to it. */
int32_t found_addresses(const struct subwg_instance *instance,
                        const struct interface_address *addresses, uint32_t count,
                        const struct state *wanted, struct found *found, struct subwg_error *error);

/* Rules with our protocol that lead to our table, which is ours by lock_table. */
int32_t found_rules(struct subwg_instance *instance, struct found *found,
                    struct subwg_error *error);

/* -EEXIST if our table has routes of an instance with another device, live or not. */
int32_t found_table_free(struct subwg_instance *instance, struct subwg_error *error);

void found_finish(struct found *found);

#endif
