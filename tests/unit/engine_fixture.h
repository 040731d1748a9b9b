/* SPDX-License-Identifier: Apache-2.0 */
/* A driver inside the test: it does what the test tells it. And what every engine test needs. */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <check.h>
#include <subwg/cable.h>
#include <subwg/registry.h>
#include <subwg/snapshot.h>

struct subwg_instance {
    const struct subwg_host *host;
};

/* The instance that was created last, and what the operations do; NULL: nothing, and return 0. */
struct fixture_script {
    struct subwg_instance *instance;
    uint32_t destroyed; /* how often destroy ran */
    int32_t (*create)(struct subwg_error *error);
    int32_t (*init)(struct subwg_instance *instance, struct subwg_error *error);
    int32_t (*connect)(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                       char *ret_address, struct subwg_error *error);
    int32_t (*read)(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                    struct subwg_error *error);
};
extern struct fixture_script script;

/* A table with the mandatory operations only; the test may change its copy. */
struct subwg_driver fixture_table(void);

/* A local endpoint: cluster1, gateway1, 10.243.64.6. */
struct subwg_endpoint fixture_local(void);

/* A registry with that driver, and a cable of it. */
struct subwg_registry *fixture_registry(const struct subwg_driver *table);
struct subwg_cable *fixture_cable(struct subwg_registry *registry,
                                  const struct subwg_cable_callbacks *callbacks);

/* Text that a render function wrote, and how often it wrote. */
struct fixture_text {
    char *bytes;
    size_t length;
    uint32_t writes;
};
int32_t fixture_write(void *context, const char *bytes, size_t count);

int fixture_run(TCase *tests, const char *name);

#endif
