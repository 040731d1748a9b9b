/* SPDX-License-Identifier: Apache-2.0 */
/* The values that harm, or just do not: one table for each kind of place. */
#ifndef HOSTILE_VALUES_H
#define HOSTILE_VALUES_H

#include <stddef.h>
#include <stdint.h>

struct hostile_value {
    const char *text;
    uint32_t reason; /* enum subwg_reason; UNSPECIFIED: harmless */
    const char *word;
};

struct hostile_values {
    const struct hostile_value *list;
    size_t count;
};

extern const struct hostile_values hostile_subnets;
extern const struct hostile_values hostile_subnets_of_others; /* of cluster2 */
extern const struct hostile_values hostile_subnets_unmarked;  /* hold a gateway's address */
extern const struct hostile_values hostile_addresses;
extern const struct hostile_values hostile_keys;
extern const struct hostile_values hostile_ports;
extern const struct hostile_values hostile_names;

extern const struct hostile_values harmless_subnets;
extern const struct hostile_values harmless_addresses;
extern const struct hostile_values harmless_keys;
extern const struct hostile_values harmless_ports;
extern const struct hostile_values harmless_names;

#endif
