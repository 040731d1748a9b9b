/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a cable, and the calls that go to its driver one by one. */
#include "engine/cable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/head.h"
#include "engine/operation.h"
#include "engine/snapshot.h"

static int32_t check_local(const struct subwg_endpoint *local, struct subwg_error *error)
{
    if (local == NULL || !head_is(&local->head, SUBWG_MAGIC_ENDPOINT, SUBWG_ENDPOINT_SIZE_1_0))
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "create",
                         "the local endpoint is missing, or its head is not valid");
    if (head_has_unknown_tail(local, sizeof(*local)))
        return error_set(error, -E2BIG, SUBWG_REASON_INCOMPATIBLE, "create",
                         "the local endpoint sets fields that this library does not know");
    return 0;
}

static int32_t take_identity(struct subwg_cable *cable, const struct subwg_endpoint *local,
                             struct subwg_error *error)
{
    struct subwg_snapshot_builder builder;
    snapshot_builder_init(&builder, SNAPSHOT_METRICS, cable->driver->name, local, 0);
    int32_t code = snapshot_finish(&builder, &cable->identity);
    if (code != 0)
        (void)error_set(error, code,
                        code == -ENOMEM ? SUBWG_REASON_NO_MEMORY : SUBWG_REASON_BAD_ENDPOINT,
                        "create", "cannot keep the local endpoint: %s", builder.fault);
    snapshot_builder_release(&builder);
    return code;
}

/* Everything of a cable but its instance. */
static int32_t cable_allocate(struct registry_driver *driver,
                              const struct subwg_cable_callbacks *callbacks,
                              const struct subwg_endpoint *local, struct subwg_cable **ret_cable,
                              struct subwg_error *error)
{
    int32_t code = -ENOMEM;
    struct subwg_cable *cable = calloc(1, sizeof(*cable));
    if (cable == NULL ||
        gate_init(&cable->gate, driver->table.thread_model, &driver->serial) != 0) {
        (void)error_set(error, code, SUBWG_REASON_NO_MEMORY, "create",
                        "cannot make a cable of driver \"%s\": %s", driver->table.name,
                        error_phrase(code));
        goto no_gate;
    }
    cable->driver = &driver->table;
    if (callbacks != NULL)
        cable->callbacks = *callbacks;
    host_init(cable);
    code = take_identity(cable, local, error);
    if (code != 0)
        goto no_identity;
    *ret_cable = cable;
    return 0;

no_identity:
    gate_release(&cable->gate);
no_gate:
    free(cable);
    return code;
}

static void cable_free(struct subwg_cable *cable)
{
    subwg_snapshot_unref(cable->identity);
    gate_release(&cable->gate);
    free(cable);
}

static int32_t create_instance(struct subwg_cable *cable, const struct subwg_endpoint *local,
                               const struct subwg_setting *settings, uint32_t setting_count,
                               struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "create");
    if (code == 0)
        code = cable->driver->create(&cable->host, local, settings, setting_count, &cable->instance,
                                     &operation.found);
    if (code >= 0 && cable->instance == NULL)
        code =
            error_set(&operation.found, -EPROTO, SUBWG_REASON_INCOMPATIBLE, "create",
                      "driver \"%s\" reported success but made no instance", cable->driver->name);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_create(struct subwg_registry *registry, const char *driver,
                           const struct subwg_cable_callbacks *callbacks,
                           const struct subwg_endpoint *local, const struct subwg_setting *settings,
                           uint32_t setting_count, struct subwg_cable **ret_cable,
                           struct subwg_error *error)
{
    if (ret_cable == NULL || (settings == NULL && setting_count > 0))
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "create",
                         "no place for the cable, or settings are counted but missing");
    struct registry_driver *found = registry_lookup(registry, driver, error);
    if (found == NULL)
        return registry == NULL || driver == NULL ? -EINVAL : -ENOENT;
    int32_t code = check_local(local, error);
    if (code != 0)
        return code;
    struct subwg_cable *cable = NULL;
    code = cable_allocate(found, callbacks, local, &cable, error);
    if (code != 0)
        return code;
    code = create_instance(cable, local, settings, setting_count, error);
    if (code < 0) {
        cable_free(cable);
        return code;
    }
    *ret_cable = cable;
    return 0;
}

void subwg_cable_destroy(struct subwg_cable *cable)
{
    if (cable == NULL)
        return;
    struct operation operation;
    int32_t code = operation_begin_alone(&operation, cable, "destroy");
    if (code == -EDEADLK)
        return;
    if (code == 0)
        cable->driver->destroy(cable->instance);
    (void)operation_end(&operation, code, NULL);
    cable_free(cable);
}

int32_t subwg_cable_init(struct subwg_cable *cable, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "init");
    if (code == 0)
        code = cable->driver->init(cable->instance, &operation.found);
    return operation_end(&operation, code, error);
}

static int32_t refuse_no_remote(struct operation *operation)
{
    return error_set(&operation->found, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation->name,
                     "%s refused: no endpoint", operation->name);
}

int32_t subwg_cable_connect(struct subwg_cable *cable, const struct subwg_endpoint *remote,
                            char *ret_address, struct subwg_error *error)
{
    struct operation operation;
    char address[SUBWG_ADDRESS_TEXT_SIZE] = {0};
    int32_t code = operation_begin(&operation, cable, "connect");
    if (code == 0)
        code = remote == NULL
                   ? refuse_no_remote(&operation)
                   : cable->driver->connect(cable->instance, remote, address, &operation.found);
    address[sizeof(address) - 1] = '\0';
    if (code >= 0 && ret_address != NULL)
        (void)text_copy(ret_address, SUBWG_ADDRESS_TEXT_SIZE, address);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_disconnect(struct subwg_cable *cable, const struct subwg_endpoint *remote,
                               struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "disconnect");
    if (code == 0)
        code = remote == NULL
                   ? refuse_no_remote(&operation)
                   : cable->driver->disconnect(cable->instance, remote, &operation.found);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_list_complete(struct subwg_cable *cable, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "list_complete");
    if (code == 0)
        code = cable->driver->list_complete == NULL
                   ? operation_lacking(&operation)
                   : cable->driver->list_complete(cable->instance, &operation.found);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_reconcile(struct subwg_cable *cable, uint32_t flags, subwg_report_fn report,
                              void *report_context, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "reconcile");
    if (code == 0)
        code = cable->driver->reconcile == NULL
                   ? operation_lacking(&operation)
                   : cable->driver->reconcile(cable->instance, flags, report, report_context,
                                              &operation.found);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_event_fd(struct subwg_cable *cable, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "event_fd");
    if (code == 0)
        code = cable->driver->event_fd == NULL
                   ? operation_lacking(&operation)
                   : cable->driver->event_fd(cable->instance, &operation.found);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_dispatch(struct subwg_cable *cable, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "dispatch");
    if (code == 0)
        code = cable->driver->dispatch == NULL
                   ? operation_lacking(&operation)
                   : cable->driver->dispatch(cable->instance, &operation.found);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_cleanup(struct subwg_cable *cable, struct subwg_error *error)
{
    struct operation operation;
    int32_t code = operation_begin(&operation, cable, "cleanup");
    if (code == 0)
        code = cable->driver->cleanup == NULL
                   ? operation_lacking(&operation)
                   : cable->driver->cleanup(cable->instance, &operation.found);
    return operation_end(&operation, code, error);
}
