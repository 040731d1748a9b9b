/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for the host. It copies each before its callback returns, so they can live on the stack. */
#include "null.h"

#include <errno.h>

/* A callback's failure is the operation's: the host knows best why it failed. */
static int32_t pass_on(const struct call *call, int32_t code)
{
    return fail(call, code, code == -ENOMEM ? SUBWG_REASON_NO_MEMORY : SUBWG_REASON_BAD_ARGUMENT,
                "the host did not take a row");
}

static uint64_t lifetime_s(const struct subwg_instance *instance,
                           const struct connection *connection)
{
    uint64_t now_ns = instance->host.elapsed_ns(instance->host.context);
    return (now_ns - connection->since_ns) / UINT64_C(1000000000);
}

static int32_t push_connection(const struct subwg_instance *instance,
                               struct subwg_snapshot_builder *snapshot,
                               const struct connection *connection)
{
    const struct gateway *gateway = &connection->gateway;
    char texts[SUBNETS_MAX][PREFIX_TEXT_SIZE];
    const char *subnets[SUBNETS_MAX];
    for (uint32_t i = 0; i < gateway->subnet_count; i++)
        subnets[i] = prefix_format(&gateway->subnets[i], texts[i]);
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME | SUBWG_HAS_ESTABLISHED |
                  (gateway->path_chosen ? SUBWG_HAS_USE_NAT : 0);
    row.status = SUBWG_STATUS_CONNECTED;
    row.status_reason = SUBWG_STATUS_REASON_NONE;
    row.status_text = "";
    row.cluster_id = gateway->cluster_id;
    row.cable_name = gateway->cable_name;
    row.hostname = gateway->hostname;
    row.private_ip = gateway->private_ip;
    row.public_ip = gateway->public_ip;
    row.remote_ip = gateway->address;
    row.peer = gateway->key;
    row.subnets = subnets;
    row.subnet_count = gateway->subnet_count;
    row.lifetime_s = lifetime_s(instance, connection);
    row.established_realtime_s = connection->since_realtime_s;
    row.changed_ns = connection->since_ns;
    row.use_nat = gateway->use_nat;
    return instance->host.add_connection(instance->host.context, snapshot, &row);
}

static int32_t push_metric(const struct subwg_instance *instance,
                           struct subwg_snapshot_builder *snapshot,
                           const struct connection *connection)
{
    const struct gateway *gateway = &connection->gateway;
    struct subwg_metric row = SUBWG_METRIC_INIT;
    row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME | SUBWG_HAS_ESTABLISHED;
    row.status = SUBWG_STATUS_CONNECTED;
    row.cluster_id = gateway->cluster_id;
    row.cable_name = gateway->cable_name;
    row.hostname = gateway->hostname;
    row.private_ip = gateway->private_ip;
    row.public_ip = gateway->public_ip;
    row.remote_ip = gateway->address;
    row.lifetime_s = lifetime_s(instance, connection);
    row.established_realtime_s = connection->since_realtime_s;
    return instance->host.add_metric(instance->host.context, snapshot, &row);
}

int32_t null_get_connections(struct subwg_instance *instance,
                             struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    const struct call call = {"get connections", error};
    int32_t code = instance_ready(&call, instance);
    if (code < 0)
        return code;
    for (uint32_t i = 0; code == 0 && i < instance->connection_count; i++)
        code = push_connection(instance, snapshot, &instance->connections[i]);
    return code < 0 ? pass_on(&call, code) : 0;
}

int32_t null_metrics_snapshot(struct subwg_instance *instance,
                              struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    const struct call call = {"metrics snapshot", error};
    int32_t code = instance_ready(&call, instance);
    if (code < 0)
        return code;
    for (uint32_t i = 0; code == 0 && i < instance->connection_count; i++)
        code = push_metric(instance, snapshot, &instance->connections[i]);
    return code < 0 ? pass_on(&call, code) : 0;
}
