/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this connection stand beside all others? The kernel would take it in any case: it moves an
 * allowed IP to the newest peer and ignores a peer with our own key, both without a word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define OPERATION "check endpoint"

static const char *shorten(char *buffer, size_t size, const char *string)
{
    struct text text = text_over(buffer, size);
    text_append_escaped(&text, string);
    return buffer;
}

/* How to speak of the other side of a conflict: its cluster, or what is known of a leftover. */
static const char *owner_name(const struct connection *owner, char buffer[80])
{
    if (!owner->adopted)
        return shorten(buffer, 80, owner->cluster_id);
    char key[KEY_TEXT_SIZE];
    struct text text = text_over(buffer, 80);
    text_append(&text, "(unclaimed peer %.8s... of an earlier run)",
                key_format(&owner->public_key, key));
    return buffer;
}

static int32_t check_key(const struct subwg_instance *instance, const struct connection *candidate,
                         struct subwg_error *error)
{
    char cluster[80];
    char other[80];
    (void)shorten(cluster, sizeof(cluster), candidate->cluster_id);
    if (key_equal(&candidate->public_key, &instance->public_key))
        return error_set(error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
                         "endpoint of cluster '%s': publicKey is this gateway's own", cluster);
    const struct connection *owner = table_find_key(&instance->table, &candidate->public_key);
    if (owner == NULL || owner->adopted || strcmp(owner->cluster_id, candidate->cluster_id) == 0)
        return 0;
    return error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, OPERATION,
                     "endpoint of cluster '%s': publicKey is the one of cluster '%s'", cluster,
                     owner_name(owner, other));
}

/* Ours are the own endpoint's addresses and whatever else this host has at the moment. */
static int32_t check_endpoint_address(const struct subwg_instance *instance,
                                      const struct connection *candidate,
                                      const struct interface_address *addresses, uint32_t count,
                                      struct subwg_error *error)
{
    const struct local *local = &instance->local;
    bool own = address_equal(&candidate->endpoint.address, &local->private_address) ||
               (address_equal(&candidate->endpoint.address, &local->public_address) &&
                candidate->endpoint.port == instance->settings.port);
    for (uint32_t i = 0; i < count && !own; i++) {
        struct address host = prefix_address(&addresses[i].prefix);
        own = host.family == candidate->endpoint.address.family &&
              memcmp(host.bytes, candidate->endpoint.address.bytes, sizeof(host.bytes)) == 0;
    }
    if (!own)
        return 0;
    char cluster[80];
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    return error_set(error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
                     "endpoint of cluster '%s': %s is an address of this gateway itself",
                     shorten(cluster, sizeof(cluster), candidate->cluster_id),
                     socket_address_format(&candidate->endpoint, text));
}

static int32_t refuse_overlap(const struct connection *candidate, const struct prefix *subnet,
                              const char *what, const struct prefix *other,
                              struct subwg_error *error)
{
    char cluster[80];
    char text[PREFIX_TEXT_SIZE];
    char other_text[PREFIX_TEXT_SIZE];
    return error_set(error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
                     "endpoint of cluster '%s': subnet %s overlaps the %s %s",
                     shorten(cluster, sizeof(cluster), candidate->cluster_id),
                     prefix_format(subnet, text), what, prefix_format(other, other_text));
}

/* Neither the own cluster's subnets nor a network that this host is connected to. */
static int32_t check_local(const struct subwg_instance *instance,
                           const struct connection *candidate,
                           const struct interface_address *addresses, uint32_t count,
                           struct subwg_error *error)
{
    for (uint32_t i = 0; i < candidate->subnet_count; i++) {
        const struct prefix *subnet = &candidate->allowed_ips[i];
        for (uint32_t j = 0; j < instance->local.subnet_count; j++)
            if (prefix_overlaps(subnet, &instance->local.subnets[j]))
                return refuse_overlap(candidate, subnet, "own cluster's subnet",
                                      &instance->local.subnets[j], error);
        for (uint32_t j = 0; j < count; j++) {
            struct prefix network = prefix_masked(&addresses[j].prefix);
            if (addresses[j].ifindex != instance->ifindex && prefix_overlaps(subnet, &network) &&
                prefix_special_range(&network) == NULL)
                return refuse_overlap(candidate, subnet, "network of this host", &network, error);
        }
    }
    return 0;
}

void policy_announce_conflict(const struct subwg_instance *instance, const char *cluster_id,
                              const char *text)
{
    struct subwg_event event = SUBWG_EVENT_INIT;
    event.kind = SUBWG_EVENT_CONFLICT;
    event.cluster_id = cluster_id;
    event.text = text;
    if (instance->host.event != NULL)
        instance->host.event(instance->host.context, &event);
}

/* On both sides: the owner's people want to know who reaches for its subnet. */
static void announce_overlap(const struct subwg_instance *instance,
                             const struct connection *candidate, const struct prefix_node *owned)
{
    char cluster[80];
    char own_text[PREFIX_TEXT_SIZE];
    char line[256];
    const struct connection *owner = owned->owner;
    struct text text = text_over(line, sizeof(line));
    text_append(&text, "cluster '%s' claims what overlaps the subnet %s",
                shorten(cluster, sizeof(cluster), candidate->cluster_id),
                prefix_format(&owned->prefix, own_text));
    policy_announce_conflict(instance, owner->cluster_id, line);
    text = text_over(line, sizeof(line));
    text_append(&text, "the claim overlaps the subnet %s, which has an owner", own_text);
    policy_announce_conflict(instance, candidate->cluster_id, line);
}

/* An installed or adopted owner keeps its prefix. */
static int32_t check_owners(const struct subwg_instance *instance,
                            const struct connection *candidate, struct subwg_error *error)
{
    const struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    const struct connection *claimed = table_find_key(&instance->table, &candidate->public_key);
    for (uint32_t i = 0; i < candidate->subnet_count; i++) {
        const struct prefix *subnet = &candidate->allowed_ips[i];
        const struct prefix_node *node =
            prefix_map_find(&instance->table.owners, subnet, current, claimed);
        if (node == NULL)
            continue;
        char cluster[80];
        char other[80];
        char text[PREFIX_TEXT_SIZE];
        char other_text[PREFIX_TEXT_SIZE];
        error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, OPERATION,
                  "endpoint of cluster '%s': subnet %s overlaps %s of cluster '%s'",
                  shorten(cluster, sizeof(cluster), candidate->cluster_id),
                  prefix_format(subnet, text), prefix_format(&node->prefix, other_text),
                  owner_name(node->owner, other));
        error_hint(error, "the owner keeps it; it is free again when the owner disconnects");
        announce_overlap(instance, candidate, node);
        return -EEXIST;
    }
    return 0;
}

/* Without a mark the tunnel's own packets would be routed into the tunnel. */
static int32_t check_loop(const struct subwg_instance *instance, const struct connection *candidate,
                          struct subwg_error *error)
{
    if (instance->settings.mark != 0)
        return 0;
    struct prefix host = prefix_of_address(&candidate->endpoint.address);
    bool inside = prefix_map_find(&instance->table.owners, &host, NULL, NULL) != NULL;
    for (uint32_t i = 0; i < candidate->subnet_count; i++) {
        inside = inside || prefix_overlaps(&candidate->allowed_ips[i], &host);
        for (uint32_t j = 0; j < instance->table.count && !inside; j++) {
            const struct address *other = &instance->table.connections[j]->endpoint.address;
            inside = prefix_contains(&candidate->allowed_ips[i], other);
        }
    }
    if (!inside)
        return 0;
    char cluster[80];
    return error_set(
        error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
        "endpoint of cluster '%s': a gateway's address lies inside remote subnets, and "
        "no mark takes it out (setting mark)",
        shorten(cluster, sizeof(cluster), candidate->cluster_id));
}

int32_t policy_check(struct subwg_instance *instance, const struct connection *candidate,
                     struct subwg_error *error)
{
    struct interface_address *addresses = NULL;
    uint32_t count = 0;
    int32_t code = address_list(instance->netlink, &addresses, &count, error);
    if (code == 0)
        code = check_key(instance, candidate, error);
    if (code == 0)
        code = check_endpoint_address(instance, candidate, addresses, count, error);
    if (code == 0)
        code = check_local(instance, candidate, addresses, count, error);
    if (code == 0)
        code = check_loop(instance, candidate, error);
    if (code == 0)
        code = check_owners(instance, candidate, error);
    free(addresses);
    return code;
}
