/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/apply_routes.h"

bool found_is_ours(const struct subwg_instance *instance, const struct link_info *link)
{
    char alias[APPLY_ALIAS_SIZE];
    if (strcmp(link->kind, "wireguard") != 0)
        return false;
    if (strcmp(link->alias, apply_alias(instance->settings.device, alias)) == 0)
        return true;
    return link->alias[0] == '\0' && link->group == APPLY_LINK_GROUP && !link->up;
}

static int32_t refuse_foreign(const struct link_info *link, struct subwg_error *error)
{
    char alias[64];
    struct text text = text_over(alias, sizeof(alias));
    text_append_escaped(&text, link->alias);
    const char *kind = link->kind[0] != '\0' ? link->kind : "hardware or loopback";
    error_set(error, -EEXIST, SUBWG_REASON_NAME_TAKEN, "take over device",
              "the name %s belongs to a %s interface that is not ours (alias '%s')", link->name,
              kind, alias);
    error_hint(error,
               "it is left untouched; remove it with: ip link del %s, or choose another "
               "device (setting device)",
               link->name);
    return -EEXIST;
}

void found_finish(struct found *found)
{
    free(found->addresses);
    free(found->rules);
    free(found->peers);
    free(found->routes);
    free(found->others);
}

struct state found_to_state(const struct found *found)
{
    return (struct state){
        .device = &found->device,
        .addresses = found->addresses,
        .rules = found->rules,
        .peers = found->peers,
        .routes = found->routes,
        .address_count = found->address_count,
        .rule_count = found->rule_count,
        .peer_count = found->peer_count,
        .route_count = found->route_count,
    };
}

/* Wanted, or what this instance chose before; sorted, each once. */
static uint32_t gather_addresses(const struct subwg_instance *instance, const struct state *wanted,
                                 struct prefix *addresses)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < wanted->address_count; i++)
        addresses[count++] = wanted->addresses[i];
    for (uint32_t i = 0; i < instance->address_count; i++) {
        bool there = false;
        for (uint32_t j = 0; j < wanted->address_count && !there; j++)
            there = prefix_equal(&instance->addresses[i], &wanted->addresses[j]);
        if (!there)
            addresses[count++] = instance->addresses[i];
    }
    if (count > 1)
        qsort(addresses, count, sizeof(*addresses), prefix_order);
    return count;
}

int32_t found_addresses(const struct subwg_instance *instance,
                        const struct interface_address *addresses, uint32_t count,
                        const struct state *wanted, struct found *found, struct subwg_error *error)
{
    found->addresses =
        calloc((size_t)wanted->address_count + INSTANCE_ADDRESSES_MAX + 1, sizeof(struct prefix));
    if (found->addresses == NULL)
        return error_no_memory(error, "read addresses");
    uint32_t candidates = gather_addresses(instance, wanted, found->addresses);
    for (uint32_t i = 0; i < candidates; i++)
        for (uint32_t j = 0; j < count; j++)
            if (found->link.ifindex != 0 && addresses[j].ifindex == found->link.ifindex &&
                prefix_equal(&addresses[j].prefix, &found->addresses[i])) {
                found->addresses[found->address_count++] = found->addresses[i];
                break;
            }
    return 0;
}

int32_t found_table_free(struct subwg_instance *instance, struct subwg_error *error)
{
    const struct settings *settings = &instance->settings;
    struct route *routes = NULL;
    uint32_t count = 0;
    int32_t code = route_list(instance->netlink, settings->table, settings->route_protocol, &routes,
                              &count, error);
    for (uint32_t i = 0; i < count && code == 0; i++) {
        if (routes[i].ifindex == instance->ifindex)
            continue;
        code = error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, "take table",
                         "routing table %u has routes of another device (interface %u) with "
                         "protocol %u",
                         (unsigned)settings->table, (unsigned)routes[i].ifindex,
                         (unsigned)settings->route_protocol);
        error_hint(error, "give each device a table, mark, rule-priority and port of its own "
                          "(settings of these names), or clean the other one up first");
    }
    free(routes);
    return code;
}

int32_t found_rules(struct subwg_instance *instance, struct found *found, struct subwg_error *error)
{
    struct rule *rules = NULL;
    uint32_t count = 0;
    int32_t code = rule_list(instance->netlink, &rules, &count, error);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < count; i++) {
        found->ipv6 = found->ipv6 || rules[i].family == FAMILY_IPV6;
        if (rules[i].plain && rules[i].protocol == instance->settings.route_protocol &&
            rules[i].table == instance->settings.table)
            rules[found->rule_count++] = rules[i];
    }
    found->rules = rules;
    return 0;
}

static void found_describe(const struct subwg_instance *instance, const struct link_info *link,
                           struct found *found)
{
    char alias[APPLY_ALIAS_SIZE];
    found->link = *link;
    found->device = (struct device_state){
        .exists = true,
        .name_set = strcmp(link->name, instance->settings.device) == 0,
        .alias_set = strcmp(link->alias, apply_alias(instance->settings.device, alias)) == 0,
        .up = link->up,
        .has_private_key = instance->dump.has_private_key,
        .listen_port = instance->dump.listen_port,
        .mark = instance->dump.mark,
        .mtu = link->mtu,
    };
}

/* The device as it is: absent, ours, or somebody else's, which is an error. */
int32_t found_device(struct subwg_instance *instance, struct found *found,
                     struct subwg_error *error)
{
    struct link_info link;
    int32_t code = link_find(instance->netlink, instance->settings.device, &link, error);
    if (code == -ENODEV) {
        instance->ifindex = 0;
        return 0;
    }
    if (code != 0)
        return code;
    if (!found_is_ours(instance, &link))
        return refuse_foreign(&link, error);
    instance->ifindex = link.ifindex;
    code = instance_dump(instance, error);
    if (code == 0)
        found_describe(instance, &link, found);
    return code;
}

/* The link with our index, if it is still the one that we had: a WireGuard device with our mark or our
 * key. */
static int32_t find_by_index(struct subwg_instance *instance, struct link_info *link,
                             struct subwg_error *error)
{
    int32_t code = link_by_index(instance->netlink, instance->ifindex, link, error);
    if (code == 0 && strcmp(link->kind, "wireguard") != 0)
        code = -ENODEV;
    if (code == 0)
        code = instance_dump(instance, error);
    if (code == 0 && !found_is_ours(instance, link) &&
        !key_equal(&instance->dump.public_key, &instance->public_key))
        code = -ENODEV;
    return code;
}

int32_t found_own_device(struct subwg_instance *instance, struct found *found,
                         struct subwg_error *error)
{
    struct link_info link;
    uint32_t ifindex = instance->ifindex;
    int32_t code = find_by_index(instance, &link, error);
    if (code == 0)
        found_describe(instance, &link, found);
    if (code != -ENODEV)
        return code;
    code = found_device(instance, found, error);
    if (code == 0 && !found->device.exists) {
        /* It answers for a device that is gone, until there is another one. */
        instance->ifindex = ifindex;
        instance->dump.peer_count = 0;
        instance->dump.allowed_ip_count = 0;
        instance->dump_taken = false;
    }
    return code;
}

/* Which peers of the dump are settled. */
static bool *mark_settled(const struct subwg_instance *instance, uint32_t *ret_count)
{
    bool *settled = calloc((size_t)instance->dump.peer_count + 1, sizeof(*settled));
    uint32_t count = 0;
    for (uint32_t i = 0; i < instance->table.count && settled != NULL; i++) {
        const struct connection *connection = instance->table.connections[i];
        if (!connection->settled)
            continue;
        settled[connection->place] = true;
        count++;
    }
    *ret_count = count;
    return settled;
}

static void describe_peer(struct wg_device *dump, const struct wg_peer *peer,
                          struct peer_state *ret_peer)
{
    struct prefix *allowed_ips =
        peer->allowed_ip_count > 0 ? &dump->allowed_ips[peer->allowed_ip_first] : NULL;
    if (peer->allowed_ip_count > 1)
        qsort(allowed_ips, peer->allowed_ip_count, sizeof(*allowed_ips), prefix_order);
    *ret_peer = (struct peer_state){
        .public_key = peer->public_key,
        .endpoint = peer->endpoint,
        .preshared_key = peer->preshared_key,
        .keepalive_s = peer->keepalive_s,
        .allowed_ips = allowed_ips,
        .allowed_ip_count = peer->allowed_ip_count,
    };
}

int32_t found_peers(struct subwg_instance *instance, struct found *found)
{
    struct wg_device *dump = &instance->dump;
    uint32_t settled_count = 0;
    bool *settled = mark_settled(instance, &settled_count);
    if (settled != NULL)
        found->peers = calloc((size_t)dump->peer_count - settled_count + 1, sizeof(*found->peers));
    for (uint32_t i = 0; i < dump->peer_count && found->peers != NULL; i++)
        if (!settled[i])
            describe_peer(dump, &dump->peers[i], &found->peers[found->peer_count++]);
    free(settled);
    return found->peers != NULL ? 0 : -ENOMEM;
}

/* Splits the sorted list: ours are copied away, the others move together. */
static void sort_out(const struct settings *settings, uint32_t ifindex, uint32_t count,
                     struct found *found)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct route *route = &found->others[i];
        bool ours = ifindex != 0 && route->ifindex == ifindex &&
                    route->protocol == settings->route_protocol;
        bool again = found->route_count > 0 &&
                     prefix_equal(&found->routes[found->route_count - 1], &route->destination);
        if (!ours)
            found->others[found->other_count++] = *route;
        else if (!again)
            found->routes[found->route_count++] = route->destination;
    }
}

int32_t found_routes(struct subwg_instance *instance, uint32_t ifindex, struct found *found,
                     struct subwg_error *error)
{
    uint32_t count = 0;
    int32_t code = route_list_sorted(instance->netlink, instance->settings.table, &found->others,
                                     &count, error);
    if (code != 0)
        return code;
    found->routes = calloc((size_t)count + 1, sizeof(*found->routes));
    if (found->routes == NULL)
        return error_no_memory(error, "read routes");
    sort_out(&instance->settings, ifindex, count, found);
    return 0;
}

const struct route *found_obstacle(const struct found *found, const struct prefix *destination)
{
    if (found->other_count == 0)
        return NULL;
    struct route key = {.destination = *destination, .metric = apply_route_metric(destination)};
    return bsearch(&key, found->others, found->other_count, sizeof(*found->others), route_order);
}

struct connection *found_owner(const struct subwg_instance *instance, const struct prefix *subnet)
{
    const struct prefix_node *node = prefix_map_find(&instance->table.owners, subnet, NULL, NULL);
    return node != NULL && prefix_equal(&node->prefix, subnet) ? node->owner : NULL;
}
