/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses the connections' endpoints have: whether one of them lies in a prefix is then answered
 * without a look at every connection. */
#ifndef WIREGUARD_ENDPOINTS_H
#define WIREGUARD_ENDPOINTS_H

#include <stdbool.h>

#include "base/prefix_map.h"

struct endpoints {
    struct prefix_map map; /* of hosts */
};

void endpoints_start(struct endpoints *endpoints);

/* One more connection has this address; none (FAMILY_NONE) is not counted. False when out of memory. */
bool endpoints_add(struct endpoints *endpoints, const struct address *address);
/* One less; of an address that none has nothing happens. Nothing is left when all were removed. */
void endpoints_remove(struct endpoints *endpoints, const struct address *address);

bool endpoints_lie_in(const struct endpoints *endpoints, const struct prefix *prefix);

#endif
