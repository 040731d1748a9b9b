/* SPDX-License-Identifier: Apache-2.0 */
/* What all connections share: the device, its address, the rules. Made, taken over, or removed. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define MTU_DEFAULT 1420u /* an Ethernet path minus the tunnel's overhead, until a path is known */
#define MTU_LEAST   1280u

/*
 * One live owner a device: an abstract unix socket of the network namespace, which the kernel gives
 * back when the process dies, however it dies.
 */
static int32_t take_lock(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->locked)
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "libsubwg/%s",
                          instance->settings.device);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(instance->lock, (const struct sockaddr *)&address, size) == 0) {
        instance->locked = true;
        return 0;
    }
    if (errno != EADDRINUSE)
        return error_set(error, -errno, SUBWG_REASON_UNSPECIFIED, "lock device",
                         "bind the lock @libsubwg/%s: %s", instance->settings.device,
                         error_phrase(errno));
    error_set(error, -EBUSY, SUBWG_REASON_BUSY, "lock device",
              "another live instance owns device %s", instance->settings.device);
    error_hint(error,
               "stop the other gateway, or choose another device (setting device); find it "
               "with: ss -xlp src @libsubwg/%s",
               instance->settings.device);
    return -EBUSY;
}

/* A bound socket cannot be unbound, so it is replaced. */
void device_release(struct subwg_instance *instance)
{
    if (!instance->locked)
        return;
    (void)close(instance->lock);
    instance->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    instance->locked = false;
}

/* Marked by us, or made by us and not marked yet: the group is set with the creation, the alias after. */
static bool is_ours(const struct subwg_instance *instance, const struct link_info *link)
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

/* Everything that is there, in the form that a plan compares. */
struct found {
    struct device_state device;
    struct prefix *addresses;
    struct rule *rules;
    uint32_t address_count;
    uint32_t rule_count;
};

static void found_finish(struct found *found)
{
    free(found->addresses);
    free(found->rules);
}

/* Host addresses of the device alone: those with a network were given by somebody else. */
static int32_t find_addresses(struct subwg_instance *instance,
                              const struct interface_address *addresses, uint32_t count,
                              struct found *found)
{
    found->addresses = calloc((size_t)count + 1, sizeof(struct prefix));
    if (found->addresses == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (instance->ifindex != 0 && addresses[i].ifindex == instance->ifindex &&
            addresses[i].prefix.length == addresses[i].prefix.family)
            found->addresses[found->address_count++] = addresses[i].prefix;
    qsort(found->addresses, found->address_count, sizeof(struct prefix), prefix_order);
    return 0;
}

/* Rules with our protocol that lead to our table. */
static int32_t find_rules(struct subwg_instance *instance, struct found *found,
                          struct subwg_error *error)
{
    struct rule *rules = NULL;
    uint32_t count = 0;
    int32_t code = rule_list(instance->netlink, &rules, &count, error);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].plain && rules[i].protocol == instance->settings.route_protocol &&
            rules[i].table == instance->settings.table)
            rules[found->rule_count++] = rules[i];
    found->rules = rules;
    return 0;
}

/* The device as it is: absent, ours, or somebody else's, which is an error. */
static int32_t find_device(struct subwg_instance *instance, struct found *found,
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
    if (!is_ours(instance, &link))
        return refuse_foreign(&link, error);
    instance->ifindex = link.ifindex;
    code = instance_dump(instance, error);
    if (code != 0)
        return code;
    found->device = (struct device_state){
        .exists = true,
        .alias_set = link.alias[0] != '\0',
        .up = link.up,
        .has_private_key = instance->dump.has_private_key,
        .listen_port = instance->dump.listen_port,
        .mark = instance->dump.mark,
        .mtu = link.mtu,
    };
    return 0;
}

/* The host's first address inside an own subnet, so that the host itself can speak to remote
 * subnets; else the configured one; else none. */
static bool choose_source(const struct subwg_instance *instance, uint8_t family,
                          const struct interface_address *addresses, uint32_t count,
                          struct prefix *ret_source)
{
    const struct settings *settings = &instance->settings;
    for (uint32_t i = 0; i < count && settings->source_address_auto; i++) {
        struct address host = prefix_address(&addresses[i].prefix);
        if (host.family != family || addresses[i].ifindex == instance->ifindex)
            continue;
        for (uint32_t j = 0; j < instance->local.subnet_count; j++)
            if (prefix_contains(&instance->local.subnets[j], &host)) {
                *ret_source = prefix_of_address(&host);
                return true;
            }
    }
    for (uint32_t i = 0; i < SETTINGS_SOURCE_ADDRESSES_MAX; i++)
        if (settings->source_addresses[i].family == family) {
            *ret_source = prefix_of_address(&settings->source_addresses[i]);
            return true;
        }
    return false;
}

struct wanted {
    struct device_state device;
    struct prefix addresses[2];
    struct rule rules[2];
    struct state state;
};

static void want_addresses(const struct subwg_instance *instance,
                           const struct interface_address *addresses, uint32_t count,
                           struct wanted *wanted)
{
    static const uint8_t families[] = {FAMILY_IPV4, FAMILY_IPV6};
    for (size_t i = 0; i < 2; i++) {
        struct prefix *next = &wanted->addresses[wanted->state.address_count];
        if (choose_source(instance, families[i], addresses, count, next))
            wanted->state.address_count++;
        else if (instance->settings.source_address_auto && families[i] == FAMILY_IPV4)
            instance_log(instance, SUBWG_LOG_INFO,
                         "no IPv4 address of this host lies in an own subnet: %s has none, and the "
                         "host itself cannot speak to remote subnets",
                         instance->settings.device);
    }
    wanted->state.addresses = wanted->addresses;
}

/* Whatever does not carry the mark of the tunnel's own packets looks for a remote subnet first. */
static void want_rules(const struct subwg_instance *instance, struct wanted *wanted)
{
    static const uint8_t families[] = {FAMILY_IPV4, FAMILY_IPV6};
    const struct settings *settings = &instance->settings;
    for (size_t i = 0; i < 2 && settings->routes; i++)
        wanted->rules[wanted->state.rule_count++] = (struct rule){
            .family = families[i],
            .invert = true,
            .plain = true,
            .protocol = settings->route_protocol,
            .priority = settings->rule_priority,
            .mark = settings->mark,
            .mask = UINT32_MAX,
            .table = settings->table,
        };
    wanted->state.rules = wanted->rules;
}

static void want_device(const struct subwg_instance *instance, const struct device_state *found,
                        struct wanted *wanted)
{
    const struct settings *settings = &instance->settings;
    uint32_t mtu = found->exists && found->mtu >= MTU_LEAST ? found->mtu : MTU_DEFAULT;
    wanted->device = (struct device_state){
        .exists = true,
        .alias_set = true,
        .up = true,
        .has_private_key = true,
        .listen_port = settings->port,
        .mark = settings->mark,
        .mtu = settings->mtu != 0 ? settings->mtu : mtu,
    };
    wanted->state.device = &wanted->device;
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
            return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "adopt peers", "%s",
                             error_phrase(ENOMEM));
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

/* What the engine must advertise. */
static int32_t publish(struct subwg_instance *instance, struct subwg_error *error)
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

static void forget_all(struct subwg_instance *instance)
{
    table_finish(&instance->table);
    table_start(&instance->table);
    instance->ifindex = 0;
    instance->initialized = false;
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
    int32_t code = apply_difference(&target, &wanted->state, &found_state, error);
    if (code < 0)
        return code;
    instance->ifindex = target.ifindex;
    instance->mtu = wanted->device.mtu;
    code = adopt(instance, error);
    if (code == 0)
        code = publish(instance, error);
    if (code < 0 && apply_difference(&target, &found_state, &wanted->state, NULL) < 0)
        error_state_unknown(error);
    return code;
}

static int32_t look_and_bring_up(struct subwg_instance *instance, struct subwg_error *error)
{
    struct found found = {0};
    struct wanted wanted = {0};
    struct interface_address *addresses = NULL;
    uint32_t address_count = 0;

    int32_t code = find_device(instance, &found, error);
    if (code == 0)
        code = address_list(instance->netlink, &addresses, &address_count, error);
    if (code == 0 && instance->settings.routes)
        code = find_rules(instance, &found, error);
    if (code == 0 && find_addresses(instance, addresses, address_count, &found) != 0)
        code = error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "read addresses", "%s",
                         error_phrase(ENOMEM));
    if (code == 0) {
        want_device(instance, &found.device, &wanted);
        want_addresses(instance, addresses, address_count, &wanted);
        want_rules(instance, &wanted);
        code = bring_up(instance, &wanted, &found, error);
    }
    free(addresses);
    found_finish(&found);
    return code;
}

int32_t device_init(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = take_lock(instance, error);
    if (code == 0)
        code = look_and_bring_up(instance, error);
    if (code < 0) {
        forget_all(instance);
        device_release(instance);
        return code;
    }
    instance->initialized = true;
    return 0;
}

/* Peers first: deleting a link waits for each that is left (one grace period a peer). */
static int32_t remove_peers(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    if (code != 0 || instance->dump.peer_count == 0)
        return code;
    struct wg_peer_change *changes = calloc(instance->dump.peer_count, sizeof(*changes));
    if (changes == NULL)
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "remove peers", "%s",
                         error_phrase(ENOMEM));
    for (uint32_t i = 0; i < instance->dump.peer_count; i++)
        changes[i] = (struct wg_peer_change){.public_key = instance->dump.peers[i].public_key,
                                             .flags = WG_PEER_REMOVE};
    struct wg_device_change change = {.peers = changes, .peer_count = instance->dump.peer_count};
    code = wg_set_device(instance->netlink, instance->ifindex, &change, error);
    free(changes);
    return code;
}

static int32_t remove_device(struct subwg_instance *instance, struct subwg_error *error)
{
    struct link_info link;
    int32_t code = link_find(instance->netlink, instance->settings.device, &link, error);
    if (code == -ENODEV)
        return 0;
    if (code != 0)
        return code;
    if (!is_ours(instance, &link)) {
        instance_log(instance, SUBWG_LOG_WARNING, "%s is not ours and stays",
                     instance->settings.device);
        return 0;
    }
    instance->ifindex = link.ifindex;
    code = remove_peers(instance, error);
    if (code == 0)
        code = link_delete(instance->netlink, instance->ifindex, error);
    return code == -ENODEV ? 0 : code;
}

static int32_t remove_rules(struct subwg_instance *instance, struct subwg_error *error)
{
    struct found found = {0};
    int32_t code = find_rules(instance, &found, error);
    const struct state found_state = {.rules = found.rules, .rule_count = found.rule_count};
    const struct state wanted = {0};
    struct target target = instance_target(instance);
    target.one_way = true;
    if (code == 0)
        code = apply_difference(&target, &wanted, &found_state, error);
    found_finish(&found);
    return code < 0 ? code : 0;
}

int32_t device_cleanup(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = take_lock(instance, error);
    if (code != 0)
        return code;
    code = remove_device(instance, error);
    if (code == 0)
        code = remove_rules(instance, error);
    if (code == 0)
        forget_all(instance);
    if (code == 0 || !instance->initialized)
        device_release(instance);
    return code;
}
