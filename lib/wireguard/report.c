/* SPDX-License-Identifier: Apache-2.0 */
/* The two reads: a dump against the table, and a row for each connection. Nothing is changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/instance.h"

/* A set of as many distinct members that is part of the other is the other. The kernel lists them in the
 * order in which the peer got them. */
static bool same_allowed_ips(const struct subwg_instance *instance, const struct wg_peer *peer,
                             const struct connection *connection)
{
    uint32_t count = peer->allowed_ip_count;
    if (count != connection_carried_count(connection))
        return false;
    if (count == 0)
        return true;
    const struct prefix *found = &instance->dump.allowed_ips[peer->allowed_ip_first];
    const struct prefix *wanted = connection->allowed_ips;
    if (memcmp(found, wanted, count * sizeof(*found)) == 0)
        return true;
    for (uint32_t i = 0; i < count; i++)
        if (bsearch(&found[i], wanted, count, sizeof(*found), prefix_order) == NULL)
            return false;
    return true;
}

static bool installed_as_wanted(const struct subwg_instance *instance, const struct wg_peer *peer,
                                const struct connection *connection)
{
    uint8_t preshared_key = connection->adopted ? connection->installed_preshared_key
                                                : instance_preshared_key(instance);
    return peer->preshared_key == preshared_key &&
           peer->keepalive_s == connection_keepalive_s(connection) &&
           same_allowed_ips(instance, peer, connection);
}

/* A cluster as a whole, also while its key changes. */
static bool is_withheld(const struct connection *connection)
{
    const struct connection *current =
        connection->successor != NULL ? connection->successor : connection;
    return current->withheld.kind != OVERLAP_NONE;
}

static void take_peer(struct subwg_instance *instance, const struct wg_peer *peer,
                      struct connection *connection, struct status_sample *sample)
{
    sample->handshake_s = peer->handshake_s;
    sample->handshake_ns = peer->handshake_ns;
    sample->rx_bytes = peer->rx_bytes;
    sample->tx_bytes = peer->tx_bytes;
    if (is_withheld(connection)) {
        status_learn(&connection->status, sample, instance->settings.status_window_s,
                     peer->keepalive_s);
        status_withheld(&connection->status, sample->now_ns);
    } else {
        status_sample(&connection->status, sample, instance->settings.status_window_s,
                      peer->keepalive_s);
    }
    connection->installed =
        installed_as_wanted(instance, peer, connection) ? INSTALLED_AS_WANTED : INSTALLED_OTHERWISE;
}

static void take_missing(struct connection *connection, uint64_t now_ns)
{
    connection->installed = INSTALLED_NOTHING;
    if (is_withheld(connection))
        status_withheld(&connection->status, now_ns);
    else
        status_missing(&connection->status, now_ns);
}

void report_take_dump(struct subwg_instance *instance)
{
    struct table *table = &instance->table;
    struct status_sample sample = {
        .now_ns = instance_now(instance),
        .realtime_ns = instance->host.realtime_ns(instance->host.context),
        .asleep_ns = instance_asleep_ns(),
    };
    uint32_t seen_count = 0;
    table_begin_dump(table);
    instance->stranger_count = 0;
    instance->dump_taken = true;
    for (uint32_t i = 0; i < instance->dump.peer_count; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        struct connection *connection = table_find_dumped(table, i, &peer->public_key);
        if (connection == NULL) {
            if (instance->stranger_count < INSTANCE_STRANGERS_MAX)
                instance->strangers[instance->stranger_count] = i;
            instance->stranger_count++;
            continue;
        }
        seen_count += !table_has_seen(table, connection);
        connection->seen_in = table->dump_number;
        take_peer(instance, peer, connection, &sample);
    }
    for (uint32_t i = 0; i < table->count && seen_count < table->count; i++)
        if (!table_has_seen(table, table->connections[i])) {
            take_missing(table->connections[i], sample.now_ns);
            seen_count++;
        }
}

static void tell_status(const struct subwg_instance *instance, struct connection *connection,
                        uint64_t now_ns)
{
    struct status_state *status = &connection->status;
    char text[STATUS_TEXT_SIZE];
    if (status->told == status->status)
        return;
    status->told = status->status;
    if (instance->host.event == NULL)
        return;
    struct subwg_event event = SUBWG_EVENT_INIT;
    event.kind = SUBWG_EVENT_STATUS;
    event.status = status->status;
    event.cluster_id = connection_cluster_id(connection);
    event.text = status_describe(status, now_ns, text);
    if (event.text[0] == '\0')
        event.text = "the remote is heard";
    instance->host.event(instance->host.context, &event);
}

/* While a cluster's key changes the one with the subnets counts. */
void report_status_changes(const struct subwg_instance *instance)
{
    uint64_t now_ns = instance_now(instance);
    for (uint32_t i = 0; i < instance->table.count; i++) {
        struct connection *connection = instance->table.connections[i];
        if (!connection->adopted && connection->predecessor == NULL)
            tell_status(instance, connection, now_ns);
    }
}

static int32_t read_kernel(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    if (code == 0)
        report_take_dump(instance);
    return code;
}

/* While a cluster's key changes: the one with the subnets, whose status counts. */
static const struct connection *carrier_of(const struct connection *connection)
{
    return connection->predecessor != NULL ? connection->predecessor : connection;
}

/* Of both its peers, while its key changes. */
static uint64_t received_bytes(const struct connection *connection)
{
    uint64_t bytes = status_rx_bytes(&connection->status);
    return connection->predecessor == NULL
               ? bytes
               : bytes + status_rx_bytes(&connection->predecessor->status);
}

static uint64_t sent_bytes(const struct connection *connection)
{
    uint64_t bytes = status_tx_bytes(&connection->status);
    return connection->predecessor == NULL
               ? bytes
               : bytes + status_tx_bytes(&connection->predecessor->status);
}

/* One for each cluster: neither leftovers nor the other one of a cluster whose key changes. */
static bool has_row(const struct connection *connection)
{
    return !connection->adopted && connection->successor == NULL;
}

#define ROW_TEXT_SIZE (STATUS_TEXT_SIZE + OVERLAP_TEXT_SIZE + CLAIMS_TEXT_SIZE)

/* What all rows of one call share, and the row that each of them is in its turn: what no connection has a
 * value for is set once. */
struct pushing {
    struct subwg_instance *instance;
    struct subwg_snapshot_builder *snapshot;
    struct claim_owners claim_owners;
    uint64_t now_ns;
    struct subwg_connection row;
    struct subwg_metric metric;
};

/* How it is doing, or why it is withheld. */
static const char *describe_state(const struct pushing *pushing,
                                  const struct connection *connection, char row_text[ROW_TEXT_SIZE])
{
    if (!is_withheld(connection))
        return status_describe(&carrier_of(connection)->status, pushing->now_ns, row_text);
    char overlap[OVERLAP_TEXT_SIZE];
    struct text text = text_over(row_text, ROW_TEXT_SIZE);
    text_append(&text, "withheld: %s",
                overlap_describe(&connection->withheld, connection, overlap));
    return row_text;
}

/* True of most: it is heard, not withheld, and nobody else wants what it has. */
static bool needs_no_words(const struct pushing *pushing, const struct connection *connection)
{
    return carrier_of(connection)->status.reason == SUBWG_STATUS_REASON_NONE &&
           pushing->instance->claims.count == 0 && !is_withheld(connection);
}

/* And who else wants what it has. */
static const char *describe(const struct pushing *pushing, const struct connection *connection,
                            char row_text[ROW_TEXT_SIZE])
{
    const struct claims *claims = &pushing->instance->claims;
    if (claims->count == 0)
        return describe_state(pushing, connection, row_text);
    char state_text[ROW_TEXT_SIZE];
    char claims_text[CLAIMS_TEXT_SIZE];
    const char *state = describe_state(pushing, connection, state_text);
    (void)claims_describe(claims, &pushing->claim_owners, connection, claims_text);
    struct text text = text_over(row_text, ROW_TEXT_SIZE);
    text_append_string(&text, state);
    if (text.length > 0 && claims_text[0] != '\0')
        text_append_string(&text, "; ");
    text_append_string(&text, claims_text);
    return row_text;
}

static int32_t push_connection(struct pushing *pushing, const struct connection *connection)
{
    const struct connection *carrier = carrier_of(connection);
    const struct status_state *status = &carrier->status;
    char row_text[ROW_TEXT_SIZE];
    struct subwg_connection *row = &pushing->row;
    row->present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME | SUBWG_HAS_USE_NAT;
    if (status->handshake_s != 0)
        row->present |= SUBWG_HAS_HANDSHAKE;
    if (status->established)
        row->present |= SUBWG_HAS_ESTABLISHED;
    row->status = status->status;
    row->status_reason = status->reason;
    row->status_text =
        needs_no_words(pushing, connection) ? "" : describe(pushing, connection, row_text);
    row->cluster_id = connection->cluster_id;
    row->cable_name = connection->cable_name;
    row->hostname = connection->hostname;
    row->private_ip = connection->private_ip;
    row->public_ip = connection->public_ip;
    row->remote_ip = connection->remote_ip;
    row->peer = connection_key_text(carrier);
    row->subnets = connection->subnet_texts;
    row->subnet_count = connection->subnet_text_count;
    row->texts = connection->cluster_id;
    row->texts_bytes = connection->texts_bytes;
    row->rx_bytes = received_bytes(connection);
    row->tx_bytes = sent_bytes(connection);
    row->lifetime_s = status_lifetime_s(status, pushing->now_ns);
    row->last_handshake_realtime_s = status->handshake_s;
    row->established_realtime_s = status->established_realtime_s;
    row->changed_ns = status->changed_ns;
    row->flap_count = status->flap_count;
    row->reconnect_count = status->reconnect_count;
    row->use_nat = connection->use_nat;
    const struct subwg_host *host = &pushing->instance->host;
    return host->add_connection(host->context, pushing->snapshot, row);
}

static const char *foreign_text(const struct connection *leftover)
{
    if (leftover == NULL)
        return "a peer that this gateway did not configure";
    return leftover->named ? "left by an earlier run, the endpoint with its key was refused"
                           : "left by an earlier run, no endpoint has its key";
}

/* A peer on our device that no endpoint of this run stands for. */
static int32_t push_foreign(struct subwg_instance *instance,
                            struct subwg_snapshot_builder *snapshot, const struct wg_peer *peer,
                            const struct connection *leftover)
{
    char key[KEY_TEXT_SIZE];
    char remote_ip[ADDRESS_TEXT_SIZE] = "";
    if (peer->endpoint.address.family != FAMILY_NONE)
        (void)address_format(&peer->endpoint.address, remote_ip);
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.present = SUBWG_HAS_COUNTERS;
    row.status = SUBWG_STATUS_ERROR;
    row.status_reason = SUBWG_STATUS_REASON_FOREIGN;
    row.status_text = foreign_text(leftover);
    row.cluster_id = "";
    row.cable_name = "";
    row.hostname = "";
    row.private_ip = "";
    row.public_ip = "";
    row.remote_ip = remote_ip;
    row.peer = key_format(&peer->public_key, key);
    row.rx_bytes = peer->rx_bytes;
    row.tx_bytes = peer->tx_bytes;
    return instance->host.add_connection(instance->host.context, snapshot, &row);
}

static int32_t refused_by_host(int32_t code, struct subwg_error *error)
{
    return error_set(error, code, SUBWG_REASON_UNSPECIFIED, "push rows",
                     "the engine did not take a row: %s", error_phrase(code));
}

/* Reads the kernel; what is pushed then is in the clusters' order. */
static int32_t begin_pushing(struct pushing *pushing, struct subwg_error *error)
{
    struct subwg_instance *instance = pushing->instance;
    int32_t code = read_kernel(instance, error);
    if (code != 0)
        return code;
    table_order(&instance->table);
    pushing->now_ns = instance_now(instance);
    pushing->claim_owners = claims_find_owners(&instance->claims, &instance->table);
    return 0;
}

/* The peers that no endpoint stands for. */
static int32_t push_others(const struct pushing *pushing)
{
    struct subwg_instance *instance = pushing->instance;
    int32_t code = 0;
    if (instance->stranger_count == 0 && instance->table.adopted_count == 0)
        return 0;
    for (uint32_t i = 0; i < instance->dump.peer_count && code == 0; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        const struct connection *connection =
            table_find_dumped(&instance->table, i, &peer->public_key);
        if (connection == NULL || connection->adopted)
            code = push_foreign(instance, pushing->snapshot, peer, connection);
    }
    return code;
}

int32_t report_connections(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                           struct subwg_error *error)
{
    struct pushing pushing = {
        .instance = instance, .snapshot = snapshot, .row = SUBWG_CONNECTION_INIT};
    int32_t code = begin_pushing(&pushing, error);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < instance->table.count && code == 0; i++)
        if (has_row(instance->table.connections[i]))
            code = push_connection(&pushing, instance->table.connections[i]);
    if (code == 0)
        code = push_others(&pushing);
    return code < 0 ? refused_by_host(code, error) : 0;
}

static int32_t push_metric(struct pushing *pushing, const struct connection *connection)
{
    const struct status_state *status = &carrier_of(connection)->status;
    struct subwg_metric *row = &pushing->metric;
    row->present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME;
    if (status->established)
        row->present |= SUBWG_HAS_ESTABLISHED;
    row->status = status->status;
    row->cluster_id = connection->cluster_id;
    row->cable_name = connection->cable_name;
    row->hostname = connection->hostname;
    row->private_ip = connection->private_ip;
    row->public_ip = connection->public_ip;
    row->remote_ip = connection->remote_ip;
    row->rx_bytes = received_bytes(connection);
    row->tx_bytes = sent_bytes(connection);
    row->texts = connection->cluster_id;
    row->texts_bytes = connection->metric_texts_bytes;
    row->lifetime_s = status_lifetime_s(status, pushing->now_ns);
    row->established_realtime_s = status->established_realtime_s;
    const struct subwg_host *host = &pushing->instance->host;
    return host->add_metric(host->context, pushing->snapshot, row);
}

int32_t report_metrics(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                       struct subwg_error *error)
{
    struct pushing pushing = {
        .instance = instance, .snapshot = snapshot, .metric = SUBWG_METRIC_INIT};
    int32_t code = begin_pushing(&pushing, error);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < instance->table.count && code == 0; i++) {
        const struct connection *connection = instance->table.connections[i];
        bool there = table_has_seen(&instance->table, connection) ||
                     table_has_seen(&instance->table, carrier_of(connection));
        if (has_row(connection) && there && !is_withheld(connection))
            code = push_metric(&pushing, connection);
    }
    return code < 0 ? refused_by_host(code, error) : 0;
}
