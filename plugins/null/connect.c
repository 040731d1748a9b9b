/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect, and to what. Pure functions decide; store() and remove_at() are the only ones
 * that change the table. A connection is recorded when nothing can fail any more.
 */
#include "null.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decisions. */

static bool is_own_cluster(const struct subwg_instance *instance, const char *cluster_id)
{
    return strcmp(cluster_id, instance->local.cluster_id) == 0;
}

static struct connection *find(const struct subwg_instance *instance, const char *cluster_id)
{
    for (uint32_t i = 0; i < instance->connection_count; i++)
        if (strcmp(instance->connections[i].gateway.cluster_id, cluster_id) == 0)
            return &instance->connections[i];
    return NULL;
}

/* The subnet of a that overlaps one of b's, or NULL. */
static const struct prefix *common_subnet(const struct gateway *a, const struct gateway *b)
{
    for (uint32_t i = 0; i < a->subnet_count; i++)
        for (uint32_t j = 0; j < b->subnet_count; j++)
            if (prefix_overlaps(&a->subnets[i], &b->subnets[j]))
                return &a->subnets[i];
    return NULL;
}

static bool gateway_equal(const struct gateway *a, const struct gateway *b)
{
    return strcmp(a->cable_name, b->cable_name) == 0 && strcmp(a->hostname, b->hostname) == 0 &&
           strcmp(a->private_ip, b->private_ip) == 0 && strcmp(a->public_ip, b->public_ip) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->key, b->key) == 0 &&
           a->port == b->port && a->path_chosen == b->path_chosen && a->use_nat == b->use_nat &&
           a->subnet_count == b->subnet_count &&
           memcmp(a->subnets, b->subnets, a->subnet_count * sizeof(a->subnets[0])) == 0;
}

/* What would turn our own traffic, or our own gateway, against us. */
static int32_t check_against_local(const struct call *call, const struct subwg_instance *instance,
                                   const struct gateway *wanted)
{
    char text[PREFIX_TEXT_SIZE];
    const struct prefix *subnet = common_subnet(wanted, &instance->local);
    if (subnet != NULL)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                    "subnet '%s' of cluster '%s' overlaps a subnet of the own cluster",
                    prefix_format(subnet, text), wanted->cluster_id);
    if (strcmp(wanted->key, instance->key) == 0)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED, "%s of cluster '%s' is our own", CONFIG_KEY,
                    wanted->cluster_id);
    if (wanted->port == instance->settings.port &&
        strcmp(wanted->address, instance->local.private_ip) == 0)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                    "the address '%s' (use_ip) and port of cluster '%s' are our own",
                    wanted->address, wanted->cluster_id);
    return 0;
}

static void notify_conflict(const struct subwg_instance *instance, const char *cluster_id,
                            const char *text)
{
    struct subwg_event event = SUBWG_EVENT_INIT;
    event.kind = SUBWG_EVENT_CONFLICT;
    event.cluster_id = cluster_id;
    event.text = text;
    if (instance->host.event != NULL)
        instance->host.event(instance->host.context, &event);
}

/* Refuses wanted if rival, another cluster's, claims what it claims. Both hear of it. */
static int32_t check_against_rival(const struct call *call, const struct subwg_instance *instance,
                                   const struct gateway *wanted, const struct gateway *rival)
{
    char text[PREFIX_TEXT_SIZE];
    if (strcmp(wanted->cluster_id, rival->cluster_id) == 0)
        return 0;
    const struct prefix *subnet = common_subnet(wanted, rival);
    bool same_key = strcmp(wanted->key, rival->key) == 0;
    if (subnet == NULL && !same_key)
        return 0;
    notify_conflict(instance, wanted->cluster_id, "a claim was refused: another cluster has it");
    notify_conflict(instance, rival->cluster_id, "another cluster claimed the same");
    if (same_key)
        return fail(call, -EEXIST, SUBWG_REASON_CONFLICT,
                    "%s of cluster '%s' is also that of cluster '%s'", CONFIG_KEY,
                    wanted->cluster_id, rival->cluster_id);
    return fail(call, -EEXIST, SUBWG_REASON_CONFLICT,
                "subnet '%s' of cluster '%s' overlaps a subnet of cluster '%s'",
                prefix_format(subnet, text), wanted->cluster_id, rival->cluster_id);
}

static int32_t check_against_owners(const struct call *call, const struct subwg_instance *instance,
                                    const struct gateway *wanted)
{
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < instance->connection_count; i++)
        code = check_against_rival(call, instance, wanted, &instance->connections[i].gateway);
    return code;
}

/* Changes. */

static int32_t make_room(const struct call *call, struct subwg_instance *instance)
{
    if (instance->connection_count < instance->connection_capacity)
        return 0;
    if (instance->connection_count == CONNECTIONS_MAX)
        return fail(call, -ENOSPC, SUBWG_REASON_LIMIT,
                    "there are %u connections, which is the most", CONNECTIONS_MAX);
    uint32_t capacity = instance->connection_capacity == 0 ? 8 : instance->connection_capacity * 2;
    struct connection *connections =
        reallocarray(instance->connections, capacity, sizeof(instance->connections[0]));
    if (connections == NULL)
        return fail(call, -ENOMEM, SUBWG_REASON_NO_MEMORY, "no memory for another connection");
    instance->connections = connections;
    instance->connection_capacity = capacity;
    return 0;
}

static int32_t store(const struct call *call, struct subwg_instance *instance,
                     const struct gateway *wanted)
{
    struct connection *connection = find(instance, wanted->cluster_id);
    if (connection != NULL && gateway_equal(&connection->gateway, wanted))
        return 1;
    bool is_new = connection == NULL;
    if (is_new) {
        int32_t code = make_room(call, instance);
        if (code < 0)
            return code;
        connection = &instance->connections[instance->connection_count++];
    }
    /* A new key is a new remote; other changes leave the connection what it was. */
    if (is_new || strcmp(connection->gateway.key, wanted->key) != 0) {
        connection->since_ns = instance->host.elapsed_ns(instance->host.context);
        connection->since_realtime_s =
            instance->host.realtime_ns(instance->host.context) / UINT64_C(1000000000);
    }
    connection->gateway = *wanted;
    return 0;
}

static void remove_at(struct subwg_instance *instance, struct connection *connection)
{
    *connection = instance->connections[--instance->connection_count];
}

/* Connect. */

/* Reads the endpoint into wanted and decides all that needs no other endpoint. 1 = the own cluster. */
static int32_t consider(const struct call *call, const struct subwg_instance *instance,
                        const struct subwg_endpoint *remote, struct gateway *wanted)
{
    int32_t code = endpoint_check(call, remote);
    if (code < 0)
        return code;
    if (is_own_cluster(instance, remote->cluster_id))
        return 1;
    code = endpoint_read_remote(call, remote, (uint16_t)DEFAULT_PORT, wanted);
    if (code == 0)
        code = check_against_local(call, instance, wanted);
    if (code == 0)
        code = check_against_owners(call, instance, wanted);
    return code;
}

int32_t null_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                     char *ret_address, struct subwg_error *error)
{
    const struct call call = {"connect", error};
    struct gateway wanted;
    wanted.address[0] = '\0';
    int32_t code = instance_ready(&call, instance);
    if (code == 0)
        code = consider(&call, instance, remote, &wanted);
    if (code == 0)
        code = store(&call, instance, &wanted);
    if (code >= 0 && ret_address != NULL)
        (void)snprintf(ret_address, SUBWG_ADDRESS_TEXT_SIZE, "%s", wanted.address);
    return code;
}

/* Connect_many. */

struct candidate {
    struct gateway gateway;
    int32_t code; /* of consider() */
    struct subwg_error error;
};

/* An owner keeps what it has: only a claim that is new to its cluster can lose to another new one. */
static bool owns_already(const struct subwg_instance *instance, const struct gateway *wanted,
                         const struct gateway *rival)
{
    const struct connection *connection = find(instance, wanted->cluster_id);
    if (connection == NULL)
        return false;
    bool owns_key = strcmp(connection->gateway.key, rival->key) == 0;
    return owns_key || common_subnet(&connection->gateway, rival) != NULL;
}

static int32_t check_against_list(const struct call *call, const struct subwg_instance *instance,
                                  const struct candidate *candidates, uint32_t count,
                                  uint32_t index)
{
    const struct gateway *wanted = &candidates[index].gateway;
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < count; i++)
        if (i != index && candidates[i].code == 0 &&
            !owns_already(instance, wanted, &candidates[i].gateway))
            code = check_against_rival(call, instance, wanted, &candidates[i].gateway);
    return code;
}

static void connect_candidate(struct subwg_instance *instance, struct candidate *candidates,
                              uint32_t count, uint32_t index, subwg_result_fn result,
                              void *result_context)
{
    struct candidate *candidate = &candidates[index];
    const struct call call = {"connect", &candidate->error};
    int32_t code = candidate->code;
    if (code == 0)
        code = check_against_list(&call, instance, candidates, count, index);
    if (code == 0)
        code = store(&call, instance, &candidate->gateway);
    result(result_context, index, code, code < 0 ? "" : candidate->gateway.address,
           code < 0 ? &candidate->error : NULL);
}

static int32_t check_list(const struct call *call, const struct subwg_endpoint *const *remotes,
                          uint32_t count, subwg_result_fn result)
{
    if (result == NULL || (count > 0 && remotes == NULL))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the list of endpoints or the result callback is missing");
    if (count > CONNECTIONS_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT, "%u endpoints at once, at most %u are taken",
                    count, CONNECTIONS_MAX);
    return 0;
}

int32_t null_connect_many(struct subwg_instance *instance,
                          const struct subwg_endpoint *const *remotes, uint32_t count,
                          subwg_result_fn result, void *result_context, struct subwg_error *error)
{
    const struct call call = {"connect_many", error};
    int32_t code = instance_ready(&call, instance);
    if (code == 0)
        code = check_list(&call, remotes, count, result);
    if (code < 0 || count == 0)
        return code;
    struct candidate *candidates = calloc(count, sizeof(candidates[0]));
    if (candidates == NULL)
        return fail(&call, -ENOMEM, SUBWG_REASON_NO_MEMORY, "no memory for %u endpoints", count);
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].error = (struct subwg_error)SUBWG_ERROR_INIT;
        const struct call one = {"connect", &candidates[i].error};
        candidates[i].code = consider(&one, instance, remotes[i], &candidates[i].gateway);
    }
    for (uint32_t i = 0; i < count; i++)
        connect_candidate(instance, candidates, count, i, result, result_context);
    free(candidates);
    return 0;
}

/* Disconnect. */

static int32_t disconnect(const struct call *call, struct subwg_instance *instance,
                          const struct subwg_endpoint *remote)
{
    int32_t code = endpoint_check(call, remote);
    if (code < 0)
        return code;
    struct connection *connection = find(instance, remote->cluster_id);
    if (connection == NULL)
        return 1;
    /* A late farewell to a key that was replaced since must not end the connection of today. */
    const char *key = endpoint_config(remote, CONFIG_KEY);
    if (key != NULL && strcmp(key, connection->gateway.key) != 0)
        return 1;
    remove_at(instance, connection);
    return 0;
}

int32_t null_disconnect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                        struct subwg_error *error)
{
    const struct call call = {"disconnect", error};
    int32_t code = instance_ready(&call, instance);
    return code < 0 ? code : disconnect(&call, instance, remote);
}

int32_t null_disconnect_many(struct subwg_instance *instance,
                             const struct subwg_endpoint *const *remotes, uint32_t count,
                             subwg_result_fn result, void *result_context,
                             struct subwg_error *error)
{
    const struct call call = {"disconnect_many", error};
    int32_t code = instance_ready(&call, instance);
    if (code == 0)
        code = check_list(&call, remotes, count, result);
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        struct subwg_error one_error = SUBWG_ERROR_INIT;
        const struct call one = {"disconnect", &one_error};
        int32_t one_code = disconnect(&one, instance, remotes[i]);
        result(result_context, i, one_code, "", one_code < 0 ? &one_error : NULL);
    }
    return code;
}
