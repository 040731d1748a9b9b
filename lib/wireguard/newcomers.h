/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of a list of which neither the instance nor the kernel has anything yet, as nearly all of
 * them are when an engine starts. Nothing has to be replaced or moved for them, so many go to the kernel
 * together: peers, then routes, then keepalives, so that no remote is called before the way to it is there.
 */
#ifndef WIREGUARD_NEWCOMERS_H
#define WIREGUARD_NEWCOMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "wireguard/instance.h"

/* What candidates are judged by: read once for a whole list. */
struct newcomers {
    struct interface_address *addresses; /* of this host */
    uint32_t address_count;
    struct key *foreign; /* keys that the last dump had and that are no connection's, sorted */
    uint32_t foreign_count;
};

/* Fills a zeroed one, to be ended in any case. False: nothing can be judged. */
bool newcomers_look(struct subwg_instance *instance, struct newcomers *newcomers);
void newcomers_finish(struct newcomers *newcomers);

/* True if the candidate is new and may stand beside all others. False is no refusal: connect_candidate
 * decides, and says why. */
bool newcomers_accept(const struct subwg_instance *instance, const struct newcomers *newcomers,
                      const struct connection *candidate);

/* Connects candidates that were accepted and do not touch each other: 0 = all, and they belong to the
 * table; otherwise none. A failure leaves the kernel as it was, or all of them doubted. */
int32_t newcomers_connect(struct subwg_instance *instance, struct connection *const *candidates,
                          uint32_t count, struct subwg_error *error);

#endif
