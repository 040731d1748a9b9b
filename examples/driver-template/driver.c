/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an instance, its connections, and the table with which a host finds all the rest. */
#include "template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64u
#define STATUS_TEXT     "this driver moves no packets"

/* DATA PLANE: what remotes need to reach this gateway; here it is made up. */
#define OWN_KEY    "none"
#define OWN_DEVICE "none"

struct connection {
    struct gateway gateway;
    uint64_t since_ns; /* host's elapsed clock */
};

/* All state lives in the instance: no globals, so that two instances never meet. */
struct subwg_instance {
    struct subwg_host host; /* our copy */
    pid_t process;          /* that made the instance; a child of it may not use it */
    bool initialized;
    struct gateway local;
    uint32_t connection_count;
    struct connection connections[CONNECTIONS_MAX];
};

/* What every operation asks first. */

static int32_t check_instance(const struct call *call, const struct subwg_instance *instance)
{
    if (instance == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "there is no instance");
    if (instance->process != getpid())
        return fail(call, -ESTALE, SUBWG_REASON_BAD_ARGUMENT,
                    "the instance belongs to the process that forked this one");
    return 0;
}

static int32_t check_initialized(const struct call *call, const struct subwg_instance *instance)
{
    int32_t code = check_instance(call, instance);
    if (code == 0 && !instance->initialized)
        code = fail(call, -ENOTCONN, SUBWG_REASON_BAD_ARGUMENT, "init has not succeeded yet");
    return code;
}

/* The life of an instance. */

/* The rule for tables: our copy is zeroed, then the smaller size of both is copied. */
static int32_t copy_host(const struct call *call, const struct subwg_host *host,
                         struct subwg_host *ret_host)
{
    if (host == NULL || !head_fits(&host->head, SUBWG_MAGIC_HOST, SUBWG_HOST_SIZE_1_0))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the host table is missing, or its head is not one of this ABI");
    memset(ret_host, 0, sizeof(*ret_host));
    memcpy(ret_host, host, host->head.size < sizeof(*host) ? host->head.size : sizeof(*host));
    if (ret_host->log == NULL || ret_host->publish == NULL || ret_host->add_connection == NULL ||
        ret_host->add_metric == NULL || ret_host->elapsed_ns == NULL ||
        ret_host->realtime_ns == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the host table lacks a callback; only event may be NULL");
    return 0;
}

/* This driver has no settings, so each is a fault; all are in one report, without their values, which
 * may be secrets under a misspelt key. plugins/null shows how settings are read. */
static int32_t refuse_settings(const struct call *call, const struct subwg_setting *settings,
                               uint32_t count)
{
    char text[SUBWG_ERROR_TEXT_SIZE] = "";
    for (uint32_t i = 0; i < count; i++) {
        if (settings == NULL || settings[i].key == NULL || settings[i].value == NULL)
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                        "setting number %u is missing, or has no key or no value", i);
        size_t length = strlen(text);
        (void)snprintf(text + length, sizeof(text) - length, "%ssetting '%s' is unknown",
                       i > 0 ? "; " : "", show(settings[i].key).text);
    }
    return count > 0 ? fail(call, -EINVAL, SUBWG_REASON_BAD_SETTING, "%s", text) : 0;
}

static int32_t template_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                               const struct subwg_setting *settings, uint32_t setting_count,
                               struct subwg_instance **ret_instance, struct subwg_error *error)
{
    const struct call call = {"create", error};
    if (ret_instance == NULL)
        return fail(&call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "no place for the instance");
    struct subwg_instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL)
        return fail(&call, -ENOMEM, SUBWG_REASON_NO_MEMORY, "no memory for an instance");
    instance->process = getpid();
    int32_t code = copy_host(&call, host, &instance->host);
    if (code == 0)
        code = read_local(&call, local, &instance->local);
    if (code == 0)
        code = refuse_settings(&call, settings, setting_count);
    if (code < 0)
        free(instance);
    else
        *ret_instance = instance;
    return code;
}

/* The tunnels of a driver that has them stay up, so that an engine can restart. */
static void template_destroy(struct subwg_instance *instance)
{
    free(instance);
}

static int32_t publish_all(const struct call *call, const struct subwg_host *host)
{
    static const struct subwg_setting published[] = {
        {CONFIG_KEY, OWN_KEY}, {CONFIG_PORT, DEFAULT_PORT}, {CONFIG_INTERFACE, OWN_DEVICE}};
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
        int32_t code = host->publish(host->context, published[i].key, published[i].value);
        if (code < 0)
            return fail(call, code, SUBWG_REASON_UNSPECIFIED, "the host did not take '%s'",
                        published[i].key);
    }
    return 0;
}

static int32_t template_init(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct call call = {"init", error};
    int32_t code = check_instance(&call, instance);
    if (code < 0)
        return code;
    if (instance->initialized)
        return 1;
    /* DATA PLANE: make the device, or take over the one that an earlier run left, with its tunnels;
     * undo it if a publication fails. */
    code = publish_all(&call, &instance->host);
    if (code < 0)
        return code;
    instance->initialized = true;
    instance->host.log(instance->host.context, SUBWG_LOG_INFO, "ready; " STATUS_TEXT);
    return 0;
}

/* Who may connect. */

static struct connection *find(struct subwg_instance *instance, const char *cluster_id)
{
    for (uint32_t i = 0; i < instance->connection_count; i++)
        if (strcmp(instance->connections[i].gateway.cluster_id, cluster_id) == 0)
            return &instance->connections[i];
    return NULL;
}

/* The subnet of a that overlaps one of b's, or NULL. */
static const struct network *common_subnet(const struct gateway *a, const struct gateway *b)
{
    for (uint32_t i = 0; i < a->subnet_count; i++)
        for (uint32_t j = 0; j < b->subnet_count; j++)
            if (prefix_overlaps(&a->subnets[i].prefix, &b->subnets[j].prefix))
                return &a->subnets[i];
    return NULL;
}

/* What would turn our own traffic, or our own gateway, against us. */
static int32_t check_against_local(const struct call *call, const struct gateway *local,
                                   const struct gateway *wanted)
{
    const struct network *subnet = common_subnet(wanted, local);
    if (subnet != NULL)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                    "subnet '%s' of cluster '%s' overlaps a subnet of the own cluster",
                    subnet->text, wanted->cluster_id);
    if (strcmp(wanted->key, OWN_KEY) == 0)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED, "%s of cluster '%s' is our own", CONFIG_KEY,
                    wanted->cluster_id);
    if (wanted->port == strtoul(DEFAULT_PORT, NULL, 10) &&
        memcmp(&wanted->address.prefix, &local->address.prefix, sizeof(struct prefix)) == 0)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                    "the address '%s' and port of cluster '%s' are our own", wanted->address.text,
                    wanted->cluster_id);
    return 0;
}

/* Who has a prefix or a key keeps it. */
static int32_t check_against_owner(const struct call *call, const struct gateway *owner,
                                   const struct gateway *wanted)
{
    if (strcmp(wanted->cluster_id, owner->cluster_id) == 0)
        return 0;
    if (strcmp(wanted->key, owner->key) == 0)
        return fail(call, -EEXIST, SUBWG_REASON_CONFLICT,
                    "%s of cluster '%s' is also that of cluster '%s'", CONFIG_KEY,
                    wanted->cluster_id, owner->cluster_id);
    const struct network *subnet = common_subnet(wanted, owner);
    if (subnet != NULL)
        return fail(call, -EEXIST, SUBWG_REASON_CONFLICT,
                    "subnet '%s' of cluster '%s' overlaps a subnet of cluster '%s'", subnet->text,
                    wanted->cluster_id, owner->cluster_id);
    return 0;
}

static int32_t check_claims(const struct call *call, const struct subwg_instance *instance,
                            const struct gateway *wanted)
{
    int32_t code = check_against_local(call, &instance->local, wanted);
    for (uint32_t i = 0; code == 0 && i < instance->connection_count; i++)
        code = check_against_owner(call, &instance->connections[i].gateway, wanted);
    return code;
}

/* Connect and disconnect. The connection's identity is the cluster. */

/* 0 = made or changed, 1 = already so. */
static int32_t apply(const struct call *call, struct subwg_instance *instance,
                     const struct gateway *wanted)
{
    struct connection *connection = find(instance, wanted->cluster_id);
    if (connection != NULL && memcmp(&connection->gateway, wanted, sizeof(*wanted)) == 0)
        return 1;
    if (connection == NULL && instance->connection_count == CONNECTIONS_MAX)
        return fail(call, -ENOSPC, SUBWG_REASON_LIMIT,
                    "there are %u connections, which is the most", CONNECTIONS_MAX);
    /* DATA PLANE: set the tunnel up, or change it; with another key the new one is up before the old
     * one goes. It is recorded only after the kernel has accepted it. */
    if (connection == NULL) {
        connection = &instance->connections[instance->connection_count++];
        connection->since_ns = instance->host.elapsed_ns(instance->host.context);
    }
    memcpy(&connection->gateway, wanted, sizeof(*wanted));
    return 0;
}

static int32_t template_connect(struct subwg_instance *instance,
                                const struct subwg_endpoint *remote, char *ret_address,
                                struct subwg_error *error)
{
    const struct call call = {"connect", error};
    struct gateway wanted;
    int32_t code = check_initialized(&call, instance);
    if (code == 0)
        code = read_identity(&call, remote, &wanted);
    bool own = code == 0 && strcmp(wanted.cluster_id, instance->local.cluster_id) == 0;
    if (code == 0 && !own)
        code = read_remote(&call, remote, &wanted);
    if (code == 0 && !own)
        code = check_claims(&call, instance, &wanted);
    if (code == 0)
        code = own ? 1 : apply(&call, instance, &wanted);
    if (code >= 0 && ret_address != NULL)
        memcpy(ret_address, wanted.address.text, SUBWG_ADDRESS_TEXT_SIZE);
    return code;
}

static int32_t template_disconnect(struct subwg_instance *instance,
                                   const struct subwg_endpoint *remote, struct subwg_error *error)
{
    const struct call call = {"disconnect", error};
    struct gateway gone;
    int32_t code = check_initialized(&call, instance);
    if (code == 0)
        code = read_identity(&call, remote, &gone);
    if (code != 0)
        return code;
    struct connection *found = find(instance, gone.cluster_id);
    if (found == NULL)
        return 1;
    /* A late farewell to a key that was replaced since must not end the connection of today. */
    if (gone.key[0] != '\0' && strcmp(gone.key, found->gateway.key) != 0)
        return 1;
    /* DATA PLANE: take the tunnel down. */
    *found = instance->connections[--instance->connection_count];
    return 0;
}

/* Reads. They push rows, which the host copies at once, and change nothing. */

static int32_t push_connection(const struct subwg_host *host,
                               struct subwg_snapshot_builder *snapshot,
                               const struct connection *connection)
{
    const struct gateway *gateway = &connection->gateway;
    const char *subnets[SUBNETS_MAX];
    for (uint32_t i = 0; i < gateway->subnet_count; i++)
        subnets[i] = gateway->subnets[i].text;
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    /* DATA PLANE: the status is what was heard of the remote, and since when. */
    row.present = gateway->path_chosen != 0 ? SUBWG_HAS_USE_NAT : 0;
    row.status = SUBWG_STATUS_CONNECTING;
    row.status_reason = SUBWG_STATUS_REASON_STARTING;
    row.status_text = STATUS_TEXT;
    row.changed_ns = connection->since_ns;
    row.cluster_id = gateway->cluster_id;
    row.cable_name = gateway->cable_name;
    row.hostname = gateway->hostname;
    row.private_ip = gateway->private_ip;
    row.public_ip = gateway->public_ip;
    row.remote_ip = gateway->address.text;
    row.peer = gateway->key;
    row.subnets = subnets;
    row.subnet_count = gateway->subnet_count;
    row.use_nat = gateway->use_nat;
    return host->add_connection(host->context, snapshot, &row);
}

static int32_t push_metric(const struct subwg_host *host, struct subwg_snapshot_builder *snapshot,
                           const struct connection *connection)
{
    const struct gateway *gateway = &connection->gateway;
    struct subwg_metric row = SUBWG_METRIC_INIT;
    /* DATA PLANE: read the counters. A figure that is not known has no bit in present. */
    row.present = SUBWG_HAS_COUNTERS;
    row.status = SUBWG_STATUS_CONNECTING;
    row.cluster_id = gateway->cluster_id;
    row.cable_name = gateway->cable_name;
    row.hostname = gateway->hostname;
    row.private_ip = gateway->private_ip;
    row.public_ip = gateway->public_ip;
    row.remote_ip = gateway->address.text;
    return host->add_metric(host->context, snapshot, &row);
}

typedef int32_t (*push_fn)(const struct subwg_host *host, struct subwg_snapshot_builder *snapshot,
                           const struct connection *connection);

static int32_t push_all(const struct call *call, const struct subwg_instance *instance,
                        struct subwg_snapshot_builder *snapshot, push_fn push)
{
    int32_t code = check_initialized(call, instance);
    if (code < 0)
        return code;
    for (uint32_t i = 0; code == 0 && i < instance->connection_count; i++)
        code = push(&instance->host, snapshot, &instance->connections[i]);
    if (code < 0)
        return fail(call, code, SUBWG_REASON_UNSPECIFIED, "the host did not take a row");
    return 0;
}

static int32_t template_get_connections(struct subwg_instance *instance,
                                        struct subwg_snapshot_builder *snapshot,
                                        struct subwg_error *error)
{
    const struct call call = {"get connections", error};
    return push_all(&call, instance, snapshot, push_connection);
}

static int32_t template_metrics_snapshot(struct subwg_instance *instance,
                                         struct subwg_snapshot_builder *snapshot,
                                         struct subwg_error *error)
{
    const struct call call = {"metrics snapshot", error};
    return push_all(&call, instance, snapshot, push_metric);
}

/* The table, and the one symbol that the driver exports. */

static const struct subwg_driver template_driver = {
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
    .name = "template",
    .version = "0.1.0",
    .thread_model = SUBWG_THREADS_INSTANCE,
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
