/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quick look for many connections at once: which of them cannot overlap what is this host's own. Its
 * networks are asked for their owners, and not each connection for all networks, so that the cost does not
 * grow with their product. Who is not cleared need not overlap: overlap_find decides.
 */
#ifndef WIREGUARD_SCREEN_H
#define WIREGUARD_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "netlink/netlink.h"

struct connection;
struct subwg_instance;

struct screen {
    struct prefix *hosts; /* the host's addresses, sorted */
    uint32_t host_count;
    bool owners_clear; /* nothing of the host's lies among what the table's connections own */
};

/* Fills a zeroed screen, to be ended in any case. -ENOMEM. */
int32_t screen_make(const struct subwg_instance *instance,
                    const struct interface_address *addresses, uint32_t count,
                    struct screen *screen);
void screen_finish(struct screen *screen);

/* Of a connection in the instance's table, for as long as neither it nor the addresses change. */
bool screen_clears(const struct subwg_instance *instance, const struct screen *screen,
                   const struct connection *connection);

#endif
