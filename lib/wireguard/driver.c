/* SPDX-License-Identifier: Apache-2.0 */
/* The driver table: each operation checks that it may run at all, then does it. */
#include "wireguard/driver.h"

#include <errno.h>

#include "base/error.h"
#include "wireguard/create.h"
#include "wireguard/instance.h"
#include "wireguard/reconcile.h"

static int32_t check_alive(const struct subwg_instance *instance, const char *operation,
                           struct subwg_error *error)
{
    if (instance == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation,
                         "the instance is NULL");
    if (instance->secrets->alive == 0)
        return error_set(error, -ESTALE, SUBWG_REASON_BAD_ARGUMENT, operation,
                         "the instance belongs to the process that was forked");
    return 0;
}

static int32_t check_initialized(const struct subwg_instance *instance, const char *operation,
                                 struct subwg_error *error)
{
    int32_t code = check_alive(instance, operation, error);
    if (code == 0 && !instance->initialized)
        code = error_set(error, -ENOTCONN, SUBWG_REASON_BAD_ARGUMENT, operation,
                         "the instance is not initialized: init has not succeeded");
    return code;
}

static int32_t wireguard_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                                const struct subwg_setting *settings, uint32_t setting_count,
                                struct subwg_instance **ret_instance, struct subwg_error *error)
{
    return instance_create(host, local, settings, setting_count, NULL, 0, ret_instance, error);
}

void wireguard_destroy(struct subwg_instance *instance)
{
    instance_destroy(instance);
}

int32_t wireguard_init(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = check_alive(instance, "init", error);
    if (code != 0)
        return code;
    if (instance->initialized)
        return 1;
    code = device_init(instance, error);
    if (code == 0)
        dispatch_begin(instance);
    return code;
}

int32_t wireguard_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          char *ret_address, struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "connect", error);
    if (code != 0)
        return code;
    code = connect_endpoint(instance, remote, ret_address, error);
    dispatch_attend(instance);
    return code;
}

int32_t wireguard_disconnect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                             struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "disconnect", error);
    return code != 0 ? code : disconnect_endpoint(instance, remote, error);
}

int32_t wireguard_get_connections(struct subwg_instance *instance,
                                  struct subwg_snapshot_builder *snapshot,
                                  struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "get connections", error);
    return code != 0 ? code : report_connections(instance, snapshot, error);
}

int32_t wireguard_metrics_snapshot(struct subwg_instance *instance,
                                   struct subwg_snapshot_builder *snapshot,
                                   struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "read metrics", error);
    return code != 0 ? code : report_metrics(instance, snapshot, error);
}

int32_t wireguard_connect_many(struct subwg_instance *instance,
                               const struct subwg_endpoint *const *remotes, uint32_t count,
                               subwg_result_fn result, void *result_context,
                               struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "connect many", error);
    if (code != 0)
        return code;
    code = connect_list(instance, remotes, count, result, result_context, error);
    dispatch_attend(instance);
    return code;
}

int32_t wireguard_disconnect_many(struct subwg_instance *instance,
                                  const struct subwg_endpoint *const *remotes, uint32_t count,
                                  subwg_result_fn result, void *result_context,
                                  struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "disconnect many", error);
    return code != 0 ? code
                     : disconnect_list(instance, remotes, count, result, result_context, error);
}

int32_t wireguard_list_complete(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "remove leftovers", error);
    return code != 0 ? code : remove_leftovers(instance, error);
}

int32_t wireguard_reconcile(struct subwg_instance *instance, uint32_t flags, subwg_report_fn report,
                            void *report_context, struct subwg_error *error)
{
    int32_t code = check_initialized(instance, "reconcile", error);
    if (code == 0 && (flags & ~SUBWG_RECONCILE_DRY_RUN) != 0)
        code = error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "reconcile",
                         "the flags 0x%x are not known", (unsigned)flags);
    return code != 0 ? code : reconcile_run(instance, flags, report, report_context, error);
}

int32_t wireguard_event_fd(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = check_alive(instance, "event_fd", error);
    return code != 0 ? code : dispatch_event_fd(instance, error);
}

int32_t wireguard_dispatch(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = check_alive(instance, "dispatch", error);
    return code != 0 ? code : dispatch_run(instance, error);
}

int32_t wireguard_cleanup(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = check_alive(instance, "cleanup", error);
    return code != 0 ? code : device_cleanup(instance, error);
}

const struct subwg_driver wireguard_driver = {
    WIREGUARD_DRIVER_TABLE,
    .create = wireguard_create,
};
