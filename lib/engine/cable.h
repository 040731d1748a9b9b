/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_CABLE_H
#define ENGINE_CABLE_H

#include <stdatomic.h>

#include <subwg/cable.h>

#include "engine/gate.h"
#include "engine/registry.h"
#include "engine/snapshot.h"

/* What the last snapshot of a kind took. Reads in parallel may mix two: it is an expectation. */
struct cable_sizes {
    _Atomic uint32_t rows;
    _Atomic size_t text_bytes;
};

struct subwg_cable {
    const struct subwg_driver *driver; /* the registry's copy */
    struct subwg_instance *instance;
    struct gate gate;
    struct subwg_host host; /* what the driver got */
    struct subwg_cable_callbacks callbacks;
    struct cable_sizes sizes[SNAPSHOT_KINDS];
    struct subwg_snapshot *identity; /* an empty one: it keeps the local endpoint's text */
};

/* Fills the host table: the services that driver.h promises an instance. */
void host_init(struct subwg_cable *cable);

#endif
