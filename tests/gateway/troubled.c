/* SPDX-License-Identifier: Apache-2.0 */
/* A driver for testing a host: it fails when told to, by files in a folder, and pushes what no host
 * should pass on as it is. The null driver is the one to learn from. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <subwg/driver.h>

#define TABLE_SIZE 8

struct subwg_instance {
    struct subwg_host host;
    char folder[256]; /* setting "folder": a file FAULT in it brings that fault */
    char clusters[TABLE_SIZE][64];
    int event_fd;
};

static bool is_told(const struct subwg_instance *instance, const char *fault)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", instance->folder, fault);
    return access(path, F_OK) == 0;
}

static int32_t fail(struct subwg_error *error, int32_t code, uint32_t reason, const char *text,
                    const char *hint)
{
    if (error == NULL)
        return code;
    error->code = code;
    error->reason = reason;
    snprintf(error->text, sizeof error->text, "%s", text);
    snprintf(error->hint, sizeof error->hint, "%s", hint);
    return code;
}

static int32_t troubled_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                               const struct subwg_setting *settings, uint32_t setting_count,
                               struct subwg_instance **ret_instance, struct subwg_error *error)
{
    struct subwg_instance *instance = calloc(1, sizeof *instance);

    (void)local;
    if (instance == NULL)
        return fail(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "out of memory", "");
    instance->host = *host;
    instance->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (uint32_t i = 0; i < setting_count; i++)
        if (strcmp(settings[i].key, "folder") == 0)
            snprintf(instance->folder, sizeof instance->folder, "%s", settings[i].value);
    *ret_instance = instance;
    return 0;
}

static void troubled_destroy(struct subwg_instance *instance)
{
    if (instance == NULL)
        return;
    close(instance->event_fd);
    free(instance);
}

static int32_t troubled_init(struct subwg_instance *instance, struct subwg_error *error)
{
    if (is_told(instance, "init"))
        return fail(error, -EOPNOTSUPP, SUBWG_REASON_NOT_SUPPORTED,
                    "failed to add wireguard device: operation not supported",
                    "install WireGuard on this node");
    eventfd_write(instance->event_fd, 1);
    if (is_told(instance, "binary"))
        return instance->host.publish(instance->host.context, "note", "\xff");
    return instance->host.publish(instance->host.context, "publicKey", "troubled");
}

static char *find(struct subwg_instance *instance, const char *cluster_id)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (strcmp(instance->clusters[i], cluster_id) == 0)
            return instance->clusters[i];
    return NULL;
}

static int32_t troubled_connect(struct subwg_instance *instance,
                                const struct subwg_endpoint *remote, char *ret_address,
                                struct subwg_error *error)
{
    char *place = find(instance, remote->cluster_id);

    if (is_told(instance, "connect"))
        return fail(error, -ETIMEDOUT, SUBWG_REASON_TIMEOUT, "the kernel did not answer", "");
    if (is_told(instance, "often"))
        return fail(error, -EAGAIN, SUBWG_REASON_LIMIT, "changed too often", "");
    if (place == NULL)
        place = find(instance, "");
    if (place == NULL)
        return fail(error, -ENOSPC, SUBWG_REASON_LIMIT, "no place left", "");
    snprintf(place, sizeof instance->clusters[0], "%s", remote->cluster_id);
    snprintf(ret_address, SUBWG_ADDRESS_TEXT_SIZE, "%s", remote->use_ip);
    return 0;
}

static int32_t troubled_disconnect(struct subwg_instance *instance,
                                   const struct subwg_endpoint *remote, struct subwg_error *error)
{
    char *place = find(instance, remote->cluster_id);

    if (is_told(instance, "disconnect"))
        return fail(error, -ETIMEDOUT, SUBWG_REASON_TIMEOUT, "the kernel did not answer", "");
    if (place == NULL)
        return 1;
    place[0] = '\0';
    return 0;
}

static const char hostile[] = "evil\n\"}\\\x1b[31m\xe2\x80\xae\xff\xc0\xaf";

static int32_t troubled_get_connections(struct subwg_instance *instance,
                                        struct subwg_snapshot_builder *snapshot,
                                        struct subwg_error *error)
{
    const char *subnets[] = {hostile};
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    int32_t result;

    if (is_told(instance, "read"))
        return fail(error, -EINTR, SUBWG_REASON_INTERRUPTED, "the dump was interrupted\n\x1b[31m",
                    "");
    row.status = SUBWG_STATUS_ERROR;
    row.status_reason = SUBWG_STATUS_REASON_SILENT;
    row.cluster_id = row.hostname = row.cable_name = row.private_ip = row.public_ip = hostile;
    row.remote_ip = row.peer = row.status_text = hostile;
    row.subnets = subnets;
    row.subnet_count = 1;
    row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LATENCY;
    row.rx_bytes = UINT64_MAX;
    result = instance->host.add_connection(instance->host.context, snapshot, &row);
    for (size_t i = 0; result == 0 && i < TABLE_SIZE; i++) {
        row = (struct subwg_connection)SUBWG_CONNECTION_INIT;
        row.cluster_id = instance->clusters[i];
        row.status = SUBWG_STATUS_CONNECTED;
        if (row.cluster_id[0] != '\0')
            result = instance->host.add_connection(instance->host.context, snapshot, &row);
    }
    return result;
}

static int32_t troubled_metrics_snapshot(struct subwg_instance *instance,
                                         struct subwg_snapshot_builder *snapshot,
                                         struct subwg_error *error)
{
    struct subwg_metric row = SUBWG_METRIC_INIT;

    if (is_told(instance, "read"))
        return fail(error, -EINTR, SUBWG_REASON_INTERRUPTED, "the dump was interrupted\n\x1b[31m",
                    "");
    row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME;
    row.cluster_id = row.hostname = row.private_ip = row.public_ip = hostile;
    return instance->host.add_metric(instance->host.context, snapshot, &row);
}

static int32_t troubled_list_complete(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance;
    (void)error;
    return 2;
}

static int32_t troubled_reconcile(struct subwg_instance *instance, uint32_t flags,
                                  subwg_report_fn report, void *report_context,
                                  struct subwg_error *error)
{
    (void)error;
    if (is_told(instance, "dispatch"))
        eventfd_write(instance->event_fd, 1);
    report(report_context, (flags & SUBWG_RECONCILE_DRY_RUN) == 0, "the mark was missing");
    return 1;
}

static int32_t troubled_event_fd(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    return instance->event_fd;
}

static int32_t troubled_dispatch(struct subwg_instance *instance, struct subwg_error *error)
{
    eventfd_t ignored;

    if (is_told(instance, "dispatch"))
        return fail(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "no memory left", "");
    eventfd_read(instance->event_fd, &ignored);
    instance->host.log(instance->host.context, SUBWG_LOG_INFO, "dispatched\n\x1b[31m");
    return instance->host.publish(instance->host.context, "publicKey", "troubled-2");
}

const struct subwg_driver *subwg_driver_v1(void)
{
    static const struct subwg_driver driver = {
        .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
        .name = "troubled",
        .version = "1",
        .create = troubled_create,
        .destroy = troubled_destroy,
        .init = troubled_init,
        .connect = troubled_connect,
        .disconnect = troubled_disconnect,
        .get_connections = troubled_get_connections,
        .metrics_snapshot = troubled_metrics_snapshot,
        .list_complete = troubled_list_complete,
        .reconcile = troubled_reconcile,
        .event_fd = troubled_event_fd,
        .dispatch = troubled_dispatch,
    };
    return &driver;
}
