/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_REGISTRY_H
#define ENGINE_REGISTRY_H

#include <pthread.h>

#include <subwg/registry.h>

/* An admitted driver. serial is the one lock of all its instances where it asks for that. */
struct registry_driver {
    struct subwg_driver table;
    pthread_mutex_t serial;
};

struct registry_driver *registry_lookup(const struct subwg_registry *registry, const char *name,
                                        struct subwg_error *error);

#endif
