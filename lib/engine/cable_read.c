/* SPDX-License-Identifier: Apache-2.0 */
/* The two reads: a whole snapshot or none. */
#include <errno.h>

#include "base/error.h"
#include "engine/operation.h"
#include "engine/snapshot.h"

static struct snapshot_sizes expect_sizes(struct cable_sizes *sizes)
{
    return (struct snapshot_sizes){
        .rows = atomic_load_explicit(&sizes->rows, memory_order_relaxed),
        .text_bytes = atomic_load_explicit(&sizes->text_bytes, memory_order_relaxed)};
}

static void remember_sizes(struct cable_sizes *sizes, struct snapshot_sizes taken)
{
    atomic_store_explicit(&sizes->rows, taken.rows, memory_order_relaxed);
    atomic_store_explicit(&sizes->text_bytes, taken.text_bytes, memory_order_relaxed);
}

static int32_t run(struct operation *operation, struct subwg_snapshot_builder *builder)
{
    struct subwg_cable *cable = operation->cable;
    int32_t (*read)(struct subwg_instance *, struct subwg_snapshot_builder *,
                    struct subwg_error *) = builder->kind == SNAPSHOT_CONNECTIONS
                                                ? cable->driver->get_connections
                                                : cable->driver->metrics_snapshot;
    gate_begin_read(&cable->gate, &operation->call, builder);
    int32_t code = read(cable->instance, builder, &operation->found);
    gate_end_read(&cable->gate, &operation->call);
    return code;
}

static int32_t explain(struct operation *operation, const struct subwg_snapshot_builder *builder)
{
    uint32_t reason = builder->code == -ENOMEM ? SUBWG_REASON_NO_MEMORY : SUBWG_REASON_INCOMPATIBLE;
    return error_set(&operation->found, builder->code, reason, operation->name,
                     "%s by driver \"%s\" failed: %s", operation->name,
                     operation->cable->driver->name, builder->fault);
}

static int32_t read_rows(struct subwg_cable *cable, enum snapshot_kind kind, const char *name,
                         struct subwg_snapshot **ret_snapshot, struct subwg_error *error)
{
    struct operation operation;
    struct subwg_snapshot *snapshot = NULL;
    int32_t code = operation_begin(&operation, cable, name);
    if (code == 0 && ret_snapshot == NULL) {
        (void)error_set(&operation.found, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, name,
                        "%s refused: no place for the snapshot", name);
        code = -EINVAL;
    } else if (code == 0) {
        struct subwg_snapshot_builder builder;
        snapshot_builder_init_sized(
            &builder, kind, cable->driver->name, subwg_snapshot_local(cable->identity),
            cable->host.realtime_ns(cable), expect_sizes(&cable->sizes[kind]));
        code = run(&operation, &builder);
        if (code >= 0)
            code = snapshot_finish(&builder, &snapshot);
        if (snapshot != NULL)
            remember_sizes(&cable->sizes[kind], snapshot_builder_sizes(&builder));
        if (builder.code != 0)
            code = explain(&operation, &builder);
        snapshot_builder_release(&builder);
    }
    if (snapshot != NULL)
        *ret_snapshot = snapshot;
    code = operation_end(&operation, code, error);
    return code < 0 ? code : 0;
}

int32_t subwg_cable_get_connections(struct subwg_cable *cable, struct subwg_snapshot **ret_snapshot,
                                    struct subwg_error *error)
{
    return read_rows(cable, SNAPSHOT_CONNECTIONS, "get_connections", ret_snapshot, error);
}

int32_t subwg_cable_metrics_snapshot(struct subwg_cable *cable,
                                     struct subwg_snapshot **ret_snapshot,
                                     struct subwg_error *error)
{
    return read_rows(cable, SNAPSHOT_METRICS, "metrics_snapshot", ret_snapshot, error);
}
