/* SPDX-License-Identifier: Apache-2.0 */
/* The driver at work: loaded by dlopen, created from the configuration. Used by run and cleanup. */
#ifndef GATEWAY_ENGINE_H
#define GATEWAY_ENGINE_H

#include <stdbool.h>

#include <jansson.h>
#include <subwg/cable.h>
#include <subwg/registry.h>

#include "config.h"

struct engine {
    struct subwg_registry *registry;
    struct subwg_cable *cable;
    json_t *published; /* what the driver wants in the own endpoint's backend_config */
    bool publish_due;  /* that has changed */
    bool status_due;   /* the driver says that a connection's status changed */
};

/* Returns 0 or a negative errno with the error filled; the engine is empty then. The engine must stay
 * where it is until engine_destroy(), because the cable refers to it. The configuration's settings are
 * forgotten: the driver has what it needs of them. */
int engine_create(struct engine *engine, struct config *config, struct subwg_error *error);

/* Leaves tunnels up. */
void engine_destroy(struct engine *engine);

/* The lines that end a program whose engine did not start. Returns its exit status. */
int engine_print_fatal(const struct config *config, const struct subwg_error *error);

#endif
