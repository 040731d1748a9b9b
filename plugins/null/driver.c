/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an instance, and the table with which a host finds all the rest. */
#include "null.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int32_t instance_check(const struct call *call, const struct subwg_instance *instance)
{
    if (instance == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "there is no instance");
    if (instance->process != getpid())
        return fail(call, -ESTALE, SUBWG_REASON_BAD_ARGUMENT,
                    "the instance belongs to the process that forked this one");
    return 0;
}

int32_t instance_ready(const struct call *call, const struct subwg_instance *instance)
{
    int32_t code = instance_check(call, instance);
    if (code == 0 && !instance->initialized)
        code = fail(call, -ENOTCONN, SUBWG_REASON_BAD_ARGUMENT, "init has not succeeded yet");
    return code;
}

/* Create and destroy. */

/* The rule for tables: zero our copy, copy the smaller size, ignore what lies beyond. */
static int32_t copy_host(const struct call *call, const struct subwg_host *host,
                         struct subwg_host *ret_host)
{
    if (!head_accepted(host == NULL ? NULL : &host->head, SUBWG_MAGIC_HOST, SUBWG_HOST_SIZE_1_0))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the host table is missing, or its head is not one of this ABI");
    struct subwg_host copy = {.context = NULL};
    memcpy(&copy, host, host->head.size < sizeof(copy) ? host->head.size : sizeof(copy));
    if (copy.log == NULL || copy.publish == NULL || copy.add_connection == NULL ||
        copy.add_metric == NULL || copy.elapsed_ns == NULL || copy.realtime_ns == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the host table lacks a callback; only event may be NULL");
    *ret_host = copy;
    return 0;
}

/* A made-up public key: the same for a cluster and device at each start, another for any other. */
static void make_key(struct subwg_instance *instance)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    char source[NAME_SIZE + DEVICE_SIZE];
    int length = snprintf(source, sizeof(source), "%s/%s", instance->local.cluster_id,
                          instance->settings.device);
    for (int i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)source[i]) * UINT64_C(1099511628211);
    (void)snprintf(instance->key, sizeof(instance->key), "null-%016" PRIx64, hash);
}

static int32_t null_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                           const struct subwg_setting *settings, uint32_t setting_count,
                           struct subwg_instance **ret_instance, struct subwg_error *error)
{
    const struct call call = {"create", error};
    if (ret_instance == NULL)
        return fail(&call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "there is no place for the instance");
    struct subwg_instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL)
        return fail(&call, -ENOMEM, SUBWG_REASON_NO_MEMORY, "no memory for an instance");
    instance->process = getpid();
    instance->event_fd = -1;
    int32_t code = copy_host(&call, host, &instance->host);
    if (code == 0)
        code = endpoint_check(&call, local);
    if (code == 0)
        code = endpoint_read_local(&call, local, &instance->local);
    if (code == 0)
        code = settings_read(&call, settings, setting_count, &instance->settings);
    if (code < 0) {
        free(instance);
        return code;
    }
    make_key(instance);
    *ret_instance = instance;
    return 0;
}

/* A driver with a kernel leaves its tunnels up here; this one's live in the instance and go with it. */
static void null_destroy(struct subwg_instance *instance)
{
    if (instance == NULL)
        return;
    if (instance->event_fd >= 0)
        (void)close(instance->event_fd);
    free(instance->connections);
    free(instance);
}

/* Init and cleanup. */

static int32_t publish_all(const struct call *call, const struct subwg_instance *instance)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", instance->settings.port);
    const struct subwg_setting published[] = {
        {CONFIG_KEY, instance->key},
        {CONFIG_PORT, port},
        {CONFIG_INTERFACE, instance->settings.device},
    };
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        int32_t code =
            instance->host.publish(instance->host.context, published[i].key, published[i].value);
        if (code < 0)
            return fail(call, code, SUBWG_REASON_UNSPECIFIED, "the host did not take '%s'",
                        published[i].key);
    }
    return 0;
}

static int32_t null_init(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"init", error};
    int32_t code = instance_check(&call, instance);
    if (code < 0)
        return code;
    if (instance->initialized)
        return 1;
    code = publish_all(&call, instance);
    if (code < 0)
        return code;
    instance->initialized = true;
    char line[64];
    (void)snprintf(line, sizeof(line), "null device '%s' is ready", instance->settings.device);
    instance->host.log(instance->host.context, SUBWG_LOG_INFO, line);
    return 0;
}

static int32_t null_cleanup(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"cleanup", error};
    int32_t code = instance_check(&call, instance);
    if (code < 0)
        return code;
    instance->connection_count = 0;
    instance->initialized = false;
    return 0;
}

/* Leftovers and drift: a driver without a kernel has none. */

static int32_t null_list_complete(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"list complete", error};
    return instance_ready(&call, instance);
}

static int32_t null_reconcile(struct subwg_instance *instance, uint32_t flags,
                              subwg_report_fn report, void *report_context,
                              struct subwg_error *error)
{
    const struct call call = {"reconcile", error};
    (void)report;
    (void)report_context;
    int32_t code = instance_ready(&call, instance);
    if (code == 0 && (flags & ~SUBWG_RECONCILE_DRY_RUN) != 0)
        code = fail(&call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "unknown flags 0x%" PRIx32, flags);
    return code;
}

/* Events: here nothing happens unless the host asks for it, so the descriptor never becomes readable. */

static int32_t null_event_fd(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"event_fd", error};
    int32_t code = instance_check(&call, instance);
    if (code < 0)
        return code;
    if (instance->event_fd < 0)
        instance->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (instance->event_fd < 0)
        return fail(&call, -errno, SUBWG_REASON_NO_MEMORY, "no descriptor for events");
    return instance->event_fd;
}

static int32_t null_dispatch(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"dispatch", error};
    return instance_check(&call, instance);
}

/* The table. */

static const struct subwg_driver driver = {
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
    .name = "null",
    .version = "1",
    .thread_model = SUBWG_THREADS_INSTANCE,
    .create = null_create,
    .destroy = null_destroy,
    .init = null_init,
    .connect = null_connect,
    .disconnect = null_disconnect,
    .get_connections = null_get_connections,
    .metrics_snapshot = null_metrics_snapshot,
    .connect_many = null_connect_many,
    .disconnect_many = null_disconnect_many,
    .list_complete = null_list_complete,
    .reconcile = null_reconcile,
    .event_fd = null_event_fd,
    .dispatch = null_dispatch,
    .cleanup = null_cleanup,
};

const struct subwg_driver *subwg_driver_v1(void)
{
    return &driver;
}
