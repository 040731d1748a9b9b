/* SPDX-License-Identifier: Apache-2.0 */
/* What all connections share: the device, its address, the rules. Made, or taken over. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/identity.h"
#include "wireguard/wanted.h"

#define MTU_DEFAULT 1420u /* an Ethernet path minus the tunnel's overhead, until a path is known */

static bool has_subnet_of(const struct local *local, uint8_t family)
{
    for (uint32_t i = 0; i < local->subnet_count; i++)
        if (local->subnets[i].family == family)
            return true;
    return false;
}

static void tell_missing_source(const struct subwg_instance *instance, const struct wanted *wanted,
                                uint8_t family)
{
    bool there = false;
    for (uint32_t i = 0; i < wanted->state.address_count; i++)
        there = there || wanted->addresses[i].family == family;
    if (!there && instance->settings.source_address_auto && has_subnet_of(&instance->local, family))
        instance_log(instance, SUBWG_LOG_INFO,
                     "no IPv%d address of this host lies in an own subnet: %s has none, and the "
                     "host itself cannot speak to remote subnets",
                     family == FAMILY_IPV4 ? 4 : 6, instance->settings.device);
}

static uint32_t first_mtu(const struct device_state *found)
{
    return found->exists && found->mtu >= LIMIT_MTU_LEAST ? found->mtu : MTU_DEFAULT;
}

/* Peers that an earlier run left: each keeps its subnets until somebody claims it. */
static int32_t adopt_peers(struct subwg_instance *instance, struct subwg_error *error)
{
    uint64_t now_ns = instance_now(instance);
    for (uint32_t i = 0; i < instance->dump.peer_count; i++) {
        const struct wg_peer *peer = &instance->dump.peers[i];
        if (table_find_key(&instance->table, &peer->public_key) != NULL)
            continue;
        struct connection *connection =
            table_reserve(&instance->table) ? connection_from_peer(&instance->dump, peer) : NULL;
        if (connection == NULL)
            return error_no_memory(error, "adopt peers");
        status_start(&connection->status, now_ns, true);
        table_insert(&instance->table, connection);
    }
    return 0;
}

/* Which subnets of adopted peers the kernel has a route of ours to. */
static int32_t adopt_routes(struct subwg_instance *instance, struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t count = 0;
    if (!instance->settings.routes)
        return 0;
    int32_t code = route_list(instance->netlink, instance->settings.table,
                              instance->settings.route_protocol, &routes, &count, error);
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        if (routes[i].ifindex != instance->ifindex)
            continue;
        const struct prefix_node *node =
            prefix_map_find(&instance->table.owners, &routes[i].destination, NULL, NULL);
        if (node == NULL || !prefix_equal(&node->prefix, &routes[i].destination))
            continue;
        struct connection *owner = node->owner;
        for (uint32_t j = 0; j < owner->subnet_count; j++)
            if (&owner->subnets[j].node == node)
                owner->subnets[j].routed = true;
    }
    free(routes);
    return code;
}

static int32_t adopt(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    if (code == 0 && !instance->dump.has_private_key)
        code =
            error_set(error, -EIO, SUBWG_REASON_KERNEL, "read device",
                      "device %s has no private key after one was set", instance->settings.device);
    if (code != 0)
        return code;
    instance->public_key = instance->dump.public_key;
    code = adopt_peers(instance, error);
    if (code == 0)
        code = adopt_routes(instance, error);
    if (code == 0)
        report_take_dump(instance);
    if (code == 0 && instance->table.count > 0)
        instance_log(instance, SUBWG_LOG_INFO, "took over %s with %u peers of an earlier run",
                     instance->settings.device, (unsigned)instance->table.count);
    return code;
}

int32_t device_publish(struct subwg_instance *instance, struct subwg_error *error)
{
    char key[KEY_TEXT_SIZE];
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", (unsigned)instance->settings.port);
    const struct subwg_setting entries[] = {
        {"publicKey", key_format(&instance->public_key, key)},
        {"udp-port", port},
        {"interface-name", instance->settings.device},
    };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        int32_t code =
            instance->host.publish(instance->host.context, entries[i].key, entries[i].value);
        if (code < 0)
            return error_set(error, code, SUBWG_REASON_UNSPECIFIED, "publish",
                             "the engine did not take %s: %s", entries[i].key, error_phrase(code));
    }
    return 0;
}

/* Brings the device to what is wanted; on failure it is as it was. */
static int32_t bring_up(struct subwg_instance *instance, const struct wanted *wanted,
                        const struct found *found, struct subwg_error *error)
{
    const struct state found_state = {
        .device = &found->device,
        .addresses = found->addresses,
        .address_count = found->address_count,
        .rules = found->rules,
        .rule_count = found->rule_count,
    };
    struct target target = instance_target(instance);
    int32_t code = instance_change(instance, &target, &wanted->state, &found_state, error);
    if (code < 0)
        return code;
    instance->ifindex = target.ifindex;
    wanted_note(instance, wanted);
    code = adopt(instance, error);
    if (code == 0)
        code = identity_save(instance, error);
    bool saved = code == 1;
    if (code >= 0)
        code = device_publish(instance, error);
    if (code < 0 && saved)
        identity_unsave(instance);
    if (code < 0 && apply_back(&target, &wanted->state, &found_state) < 0)
        error_state_unknown(error);
    return code;
}

static int32_t look_and_bring_up(struct subwg_instance *instance, struct subwg_error *error)
{
    struct found found = {0};
    struct wanted wanted = {0};
    struct interface_address *addresses = NULL;
    uint32_t address_count = 0;

    int32_t code = found_device(instance, &found, error);
    if (code == 0)
        code = identity_check(
            instance, found.device.has_private_key ? &instance->dump.public_key : NULL, error);
    if (code >= 0)
        code = address_list(instance->netlink, &addresses, &address_count, error);
    if (code == 0 && instance->settings.routes)
        code = found_table_free(instance, error);
    if (code == 0 && instance->settings.routes)
        code = found_rules(instance, &found, error);
    if (code == 0) {
        wanted_device(instance, first_mtu(&found.device), &wanted);
        wanted_addresses(instance, addresses, address_count, &wanted);
        tell_missing_source(instance, &wanted, FAMILY_IPV4);
        tell_missing_source(instance, &wanted, FAMILY_IPV6);
        wanted_rules(instance, true, &wanted);
        code = found_addresses(instance, addresses, address_count, &wanted.state, &found, error);
    }
    if (code == 0)
        code = bring_up(instance, &wanted, &found, error);
    free(addresses);
    found_finish(&found);
    return code;
}

int32_t device_init(struct subwg_instance *instance, struct subwg_error *error)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = lock_device(instance, &failure);
    if (code == 0 && instance->settings.routes)
        code = lock_table(instance, &failure);
    if (code == 0)
        code = look_and_bring_up(instance, &failure);
    if (code < 0) {
        instance_forget(instance);
        lock_release(instance);
        error_copy(error, &failure);
        return code;
    }
    instance->initialized = true;
    return 0;
}
