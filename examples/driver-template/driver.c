/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a cable driver must be, to copy and fill in.
 *
 * It needs one header, <subwg/driver.h>, and links nothing of the host. It keeps its connections in
 * memory and moves no packet: "DATA PLANE" marks the four places where a real driver would act.
 * Everything else is the contract, and stays as it is. What a driver with a data plane refuses besides
 * (harmful subnets, two claims on one prefix) is shown by plugins/null, and asked for by tests/contract.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <subwg/driver.h>
#include <sys/types.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define NAME_SIZE       254

struct connection {
    int used;
    char cluster_id[NAME_SIZE];
    char cable_name[NAME_SIZE];
    char hostname[NAME_SIZE];
    char private_ip[SUBWG_ADDRESS_TEXT_SIZE];
    char public_ip[SUBWG_ADDRESS_TEXT_SIZE];
    char remote_ip[SUBWG_ADDRESS_TEXT_SIZE];
};

/* All state lives in the instance: no globals, so that two instances never meet. */
struct subwg_instance {
    struct subwg_host host;
    char cluster_id[NAME_SIZE];
    pid_t process;
    int initialized;
    struct connection connections[CONNECTIONS_MAX];
};

/* Errors: a negative errno, and a record for people if the caller wants one. */

static int32_t fail(struct subwg_error *error, int32_t code, uint32_t reason, const char *operation,
                    const char *text)
{
    if (error != NULL && error->head.size >= SUBWG_ERROR_SIZE_1_0) {
        error->code = code;
        error->reason = reason;
        error->kernel_errno = 0;
        error->flags = 0;
        snprintf(error->operation, sizeof(error->operation), "%s", operation);
        snprintf(error->text, sizeof(error->text), "%s", text);
        error->hint[0] = '\0';
    }
    return code;
}

/* What comes in: the head first, then nothing but what this driver was compiled to know. */

static int head_fits(const struct subwg_head *head, uint32_t magic, size_t least)
{
    return head->magic == magic && head->abi_major == SUBWG_ABI_MAJOR && head->size >= least &&
           head->size <= SUBWG_STRUCT_SIZE_MAX;
}

/* An input that says more than this driver understands must not be half understood. */
static int32_t check_endpoint(const struct subwg_endpoint *endpoint, const char *operation,
                              struct subwg_error *error)
{
    const unsigned char *bytes = (const unsigned char *)endpoint;

    if (endpoint == NULL ||
        !head_fits(&endpoint->head, SUBWG_MAGIC_ENDPOINT, SUBWG_ENDPOINT_SIZE_1_0)) {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation, "no endpoint");
    }
    for (size_t i = sizeof(*endpoint); i < endpoint->head.size; i++) {
        if (bytes[i] != 0) {
            return fail(error, -E2BIG, SUBWG_REASON_INCOMPATIBLE, operation,
                        "the endpoint asks for something newer than this driver");
        }
    }
    if (endpoint->head.flags != 0 || (endpoint->present & ~SUBWG_ENDPOINT_USE_IP) != 0) {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation, "unknown endpoint flag");
    }
    if (endpoint->cluster_id == NULL || endpoint->cluster_id[0] == '\0') {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, operation, "cluster_id is missing");
    }
    return 0;
}

/* Inputs are borrowed for the call, so they are copied; a remote's text is hostile, so it is bounded. */
static int copy_text(char *target, size_t size, const char *source)
{
    return snprintf(target, size, "%s", source == NULL ? "" : source) < (int)size;
}

/* The address that the engine chose; without a choice, the public one behind a translation. */
static const char *remote_address(const struct subwg_endpoint *remote)
{
    if ((remote->present & SUBWG_ENDPOINT_USE_IP) != 0) {
        return remote->use_ip;
    }
    return remote->nat_enabled ? remote->public_ip : remote->private_ip;
}

static int32_t parse_connection(const struct subwg_endpoint *remote, struct connection *parsed,
                                struct subwg_error *error)
{
    memset(parsed, 0, sizeof(*parsed));
    parsed->used = 1;
    if (!copy_text(parsed->cluster_id, sizeof(parsed->cluster_id), remote->cluster_id) ||
        !copy_text(parsed->cable_name, sizeof(parsed->cable_name), remote->cable_name) ||
        !copy_text(parsed->hostname, sizeof(parsed->hostname), remote->hostname) ||
        !copy_text(parsed->private_ip, sizeof(parsed->private_ip), remote->private_ip) ||
        !copy_text(parsed->public_ip, sizeof(parsed->public_ip), remote->public_ip) ||
        !copy_text(parsed->remote_ip, sizeof(parsed->remote_ip), remote_address(remote))) {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "connect", "a field is too long");
    }
    return 0;
}

/* The life of an instance. */

static int32_t template_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                               const struct subwg_setting *settings, uint32_t setting_count,
                               struct subwg_instance **ret_instance, struct subwg_error *error)
{
    struct subwg_instance *instance;
    int32_t result;

    if (host == NULL || !head_fits(&host->head, SUBWG_MAGIC_HOST, SUBWG_HOST_SIZE_1_0) ||
        host->log == NULL || host->publish == NULL || host->add_connection == NULL ||
        host->add_metric == NULL || ret_instance == NULL ||
        (settings == NULL && setting_count > 0)) {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "create",
                    "no host table, no settings, or no place for the instance");
    }
    result = check_endpoint(local, "create", error);
    if (result < 0) {
        return result;
    }
    if (setting_count > 0) {
        char text[SUBWG_ERROR_TEXT_SIZE];
        snprintf(text, sizeof(text), "setting '%.100s' is not known; this driver has none",
                 settings[0].key);
        return fail(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "create", text);
    }
    instance = calloc(1, sizeof(*instance));
    if (instance == NULL) {
        return fail(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "create", "out of memory");
    }
    /* A newer host's table is longer, an older one's never shorter than minor 0: take what both know. */
    memcpy(&instance->host, host,
           host->head.size < sizeof(*host) ? host->head.size : sizeof(*host));
    if (!copy_text(instance->cluster_id, sizeof(instance->cluster_id), local->cluster_id)) {
        free(instance);
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "create", "cluster_id is too long");
    }
    instance->process = getpid();
    *ret_instance = instance;
    return 0;
}

static void template_destroy(struct subwg_instance *instance)
{
    free(instance); /* the tunnels keep running, so that an engine can restart */
}

static int32_t check_alive(const struct subwg_instance *instance, const char *operation,
                           struct subwg_error *error)
{
    if (instance == NULL) {
        return fail(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation, "no instance");
    }
    if (instance->process != getpid()) {
        return fail(error, -ESTALE, SUBWG_REASON_BAD_ARGUMENT, operation,
                    "the instance belongs to the process before fork");
    }
    return 0;
}

/* What each operation but init asks first. */
static int32_t check_instance(const struct subwg_instance *instance, const char *operation,
                              struct subwg_error *error)
{
    int32_t result = check_alive(instance, operation, error);

    if (result < 0) {
        return result;
    }
    if (!instance->initialized) {
        return fail(error, -ENOTCONN, SUBWG_REASON_BAD_ARGUMENT, operation, "init comes first");
    }
    return 0;
}

static int32_t template_init(struct subwg_instance *instance, struct subwg_error *error)
{
    /* DATA PLANE: what remotes need to reach this gateway. */
    static const struct subwg_setting published[] = {
        {"publicKey", "none"}, {"udp-port", "4789"}, {"interface-name", "none"}};
    int32_t result = check_alive(instance, "init", error);

    if (result < 0 || instance->initialized) {
        return result < 0 ? result : 1;
    }
    /* DATA PLANE: make the device, or take over the one that an earlier run left. */
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        result =
            instance->host.publish(instance->host.context, published[i].key, published[i].value);
        if (result < 0) {
            return fail(error, result, SUBWG_REASON_UNSPECIFIED, "init",
                        "the host took no publication");
        }
    }
    instance->host.log(instance->host.context, SUBWG_LOG_INFO, "ready; moves no packets");
    instance->initialized = 1;
    return 0;
}

/* Connections. Their identity is the cluster. */

static struct connection *find(struct subwg_instance *instance, const char *cluster_id)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &instance->connections[i];
        if (connection->used && strcmp(connection->cluster_id, cluster_id) == 0) {
            return connection;
        }
    }
    return NULL;
}

static struct connection *find_free(struct subwg_instance *instance)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (!instance->connections[i].used) {
            return &instance->connections[i];
        }
    }
    return NULL;
}

/* 0 = made or changed, 1 = already so. */
static int32_t apply(struct subwg_instance *instance, const struct connection *wanted,
                     struct subwg_error *error)
{
    struct connection *connection = find(instance, wanted->cluster_id);

    if (connection != NULL && memcmp(connection, wanted, sizeof(*wanted)) == 0) {
        return 1;
    }
    if (connection == NULL) {
        connection = find_free(instance);
    }
    if (connection == NULL) {
        return fail(error, -ENOSPC, SUBWG_REASON_LIMIT, "connect", "no room for another cluster");
    }
    /* DATA PLANE: set the tunnel up. It is recorded only after the kernel has accepted it. */
    memcpy(connection, wanted, sizeof(*wanted));
    return 0;
}

static int32_t template_connect(struct subwg_instance *instance,
                                const struct subwg_endpoint *remote, char *ret_address,
                                struct subwg_error *error)
{
    struct connection wanted;
    int32_t result = check_instance(instance, "connect", error);

    if (result >= 0) {
        result = check_endpoint(remote, "connect", error);
    }
    if (result >= 0) {
        result = parse_connection(remote, &wanted, error);
    }
    if (result < 0) {
        return result;
    }
    if (strcmp(wanted.cluster_id, instance->cluster_id) == 0) {
        wanted.remote_ip[0] = '\0'; /* our own cluster: nothing to do, and no address */
        result = 1;
    } else {
        result = apply(instance, &wanted, error);
    }
    if (result >= 0 && ret_address != NULL) {
        memcpy(ret_address, wanted.remote_ip, sizeof(wanted.remote_ip));
    }
    return result;
}

static int32_t template_disconnect(struct subwg_instance *instance,
                                   const struct subwg_endpoint *remote, struct subwg_error *error)
{
    struct connection *connection;
    int32_t result = check_instance(instance, "disconnect", error);

    if (result >= 0) {
        result = check_endpoint(remote, "disconnect", error);
    }
    if (result < 0) {
        return result;
    }
    connection = find(instance, remote->cluster_id);
    if (connection == NULL) {
        return 1;
    }
    /* DATA PLANE: take the tunnel down. */
    memset(connection, 0, sizeof(*connection));
    return 0;
}

/* Reads. They push rows into the host's snapshot, and change nothing. */

static int32_t template_get_connections(struct subwg_instance *instance,
                                        struct subwg_snapshot_builder *snapshot,
                                        struct subwg_error *error)
{
    int32_t result = check_instance(instance, "get_connections", error);

    for (int i = 0; result >= 0 && i < CONNECTIONS_MAX; i++) {
        const struct connection *connection = &instance->connections[i];
        if (connection->used) {
            struct subwg_connection row = SUBWG_CONNECTION_INIT;
            row.status = SUBWG_STATUS_CONNECTING;
            row.status_reason = SUBWG_STATUS_REASON_STARTING;
            row.status_text = "this driver moves no packets";
            row.cluster_id = connection->cluster_id;
            row.cable_name = connection->cable_name;
            row.hostname = connection->hostname;
            row.private_ip = connection->private_ip;
            row.public_ip = connection->public_ip;
            row.remote_ip = connection->remote_ip;
            result = instance->host.add_connection(instance->host.context, snapshot, &row);
        }
    }
    return result;
}

static int32_t template_metrics_snapshot(struct subwg_instance *instance,
                                         struct subwg_snapshot_builder *snapshot,
                                         struct subwg_error *error)
{
    int32_t result = check_instance(instance, "metrics_snapshot", error);

    for (int i = 0; result >= 0 && i < CONNECTIONS_MAX; i++) {
        const struct connection *connection = &instance->connections[i];
        if (connection->used) {
            struct subwg_metric row = SUBWG_METRIC_INIT;
            /* DATA PLANE: read the counters. A figure that is not known has no bit in present. */
            row.present = SUBWG_HAS_COUNTERS;
            row.status = SUBWG_STATUS_CONNECTING;
            row.cluster_id = connection->cluster_id;
            row.cable_name = connection->cable_name;
            row.hostname = connection->hostname;
            row.private_ip = connection->private_ip;
            row.public_ip = connection->public_ip;
            row.remote_ip = connection->remote_ip;
            result = instance->host.add_metric(instance->host.context, snapshot, &row);
        }
    }
    return result;
}

/* The table, and the one symbol that the file exports. */

static const struct subwg_driver template_driver = {
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
    .name = "template",
    .version = "0.1.0",
    .thread_model = SUBWG_THREADS_INSTANCE,
    .min_host_minor = 0,
    .create = template_create,
    .destroy = template_destroy,
    .init = template_init,
    .connect = template_connect,
    .disconnect = template_disconnect,
    .get_connections = template_get_connections,
    .metrics_snapshot = template_metrics_snapshot,
};

const struct subwg_driver *subwg_driver_v1(void)
{
    return &template_driver;
}
