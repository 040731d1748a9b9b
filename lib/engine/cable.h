/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_CABLE_H
#define ENGINE_CABLE_H

#include <subwg/cable.h>

#include "engine/gate.h"
#include "engine/registry.h"

struct subwg_cable {
    const struct subwg_driver *driver; /* the registry's copy */
    struct subwg_instance *instance;
    struct gate gate;
    struct subwg_host host; /* what the driver got */
    struct subwg_cable_callbacks callbacks;
    struct subwg_snapshot *identity; /* an empty one: it keeps the local endpoint's text */
};

/* Fills the host table: the services that driver.h promises an instance. */
void host_init(struct subwg_cable *cable);

#endif
