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
#include "wireguard/overlap.h"

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
        return shorten(buffer, 80, connection_cluster_id(owner));
    char key[KEY_TEXT_SIZE];
    struct text text = text_over(buffer, 80);
    text_append(&text, "(unclaimed peer %.8s... of an earlier run)",
                key_format(&owner->public_key, key));
    return buffer;
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

/* Remembers a refused claim, and tells both sides of a new one: the owner's people want to know who
 * reaches for its subnet (owned NULL: its key). */
static void note_claim(struct subwg_instance *instance, const struct connection *candidate,
                       const struct prefix *subnet, struct connection *owner,
                       const struct prefix *owned)
{
    char cluster[80];
    char what[96];
    char own_text[PREFIX_TEXT_SIZE];
    char line[256];
    owner->claimed = owner->claimed || (owner->adopted && owned != NULL);
    if (!claims_note(&instance->claims, candidate, subnet))
        return;
    struct text text = text_over(what, sizeof(what));
    if (owned != NULL)
        text_append(&text, "what overlaps the subnet %s", prefix_format(owned, own_text));
    else
        text_append(&text, "the key");
    text = text_over(line, sizeof(line));
    text_append(&text, "cluster '%s' claims %s",
                shorten(cluster, sizeof(cluster), candidate->cluster_id), what);
    policy_announce_conflict(instance, connection_cluster_id(owner), line);
    text = text_over(line, sizeof(line));
    text_append(&text, "it claims %s, which has an owner", what);
    policy_announce_conflict(instance, candidate->cluster_id, line);
}

static int32_t check_own_key(const struct subwg_instance *instance,
                             const struct connection *candidate, struct subwg_error *error)
{
    char cluster[80];
    if (!key_equal(&candidate->public_key, &instance->public_key))
        return 0;
    return error_set(error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
                     "endpoint of cluster '%s': publicKey is this gateway's own",
                     shorten(cluster, sizeof(cluster), candidate->cluster_id));
}

/* The old peer of a move belongs to the cluster that moves, unless it is a leftover: its true owner is to
 * be told that it is one. */
static const char *key_owner(const struct connection *owner, char text[96])
{
    char cluster[80];
    struct text out = text_over(text, 96);
    if (owner->cluster_id[0] == '\0')
        text_append(&out, "a peer of an earlier run");
    else
        text_append(&out, "cluster '%s'",
                    shorten(cluster, sizeof(cluster), connection_cluster_id(owner)));
    return text;
}

/* A key belongs to one cluster. */
static int32_t check_key(struct subwg_instance *instance, const struct connection *candidate,
                         struct subwg_error *error)
{
    char cluster[80];
    char other[96];
    struct connection *owner = table_find_key(&instance->table, &candidate->public_key);
    if (owner == NULL || owner->adopted ||
        strcmp(connection_cluster_id(owner), candidate->cluster_id) == 0)
        return 0;
    note_claim(instance, candidate, NULL, owner, NULL);
    return error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, OPERATION,
                     "endpoint of cluster '%s': publicKey is the one of %s",
                     shorten(cluster, sizeof(cluster), candidate->cluster_id),
                     key_owner(owner, other));
}

static int32_t check_overlap(const struct subwg_instance *instance,
                             const struct connection *candidate,
                             const struct interface_address *addresses, uint32_t count,
                             struct subwg_error *error)
{
    char cluster[80];
    char text[OVERLAP_TEXT_SIZE];
    struct overlap overlap = overlap_find(instance, candidate, addresses, count);
    if (overlap.kind == OVERLAP_NONE)
        return 0;
    return error_set(error, -EPERM, SUBWG_REASON_REFUSED, OPERATION, "endpoint of cluster '%s': %s",
                     shorten(cluster, sizeof(cluster), candidate->cluster_id),
                     overlap_describe(&overlap, candidate, text));
}

/* An installed or adopted owner keeps its prefix. */
static int32_t check_owners(struct subwg_instance *instance, const struct connection *candidate,
                            struct subwg_error *error)
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
        note_claim(instance, candidate, subnet, node->owner, &node->prefix);
        return -EEXIST;
    }
    return 0;
}

/* Without a mark the tunnel's own packets would be routed into the tunnel. */
static int32_t check_loop(struct subwg_instance *instance, const struct connection *candidate,
                          struct subwg_error *error)
{
    if (instance->settings.mark != 0)
        return 0;
    struct prefix host = prefix_of_address(&candidate->endpoint.address);
    bool inside = prefix_map_find(&instance->table.owners, &host, NULL, NULL) != NULL;
    for (uint32_t i = 0; i < candidate->subnet_count && !inside; i++)
        inside = prefix_overlaps(&candidate->allowed_ips[i], &host) ||
                 table_has_endpoint_in(&instance->table, &candidate->allowed_ips[i]);
    if (!inside)
        return 0;
    char cluster[80];
    return error_set(
        error, -EPERM, SUBWG_REASON_REFUSED, OPERATION,
        "endpoint of cluster '%s': a gateway's address lies inside remote subnets, and "
        "no mark takes it out (setting mark)",
        shorten(cluster, sizeof(cluster), candidate->cluster_id));
}

int32_t policy_check_owners(struct subwg_instance *instance, const struct connection *candidate,
                            struct subwg_error *error)
{
    int32_t code = check_key(instance, candidate, error);
    if (code == 0)
        code = check_owners(instance, candidate, error);
    if (code == 0)
        claims_withdraw(&instance->claims, candidate->cluster_id);
    return code;
}

int32_t policy_check(struct subwg_instance *instance, const struct connection *candidate,
                     struct subwg_error *error)
{
    const struct interface_address *addresses = NULL;
    uint32_t count = 0;
    int32_t code = address_current(instance->netlink, &addresses, &count, error);
    if (code == 0)
        code = check_own_key(instance, candidate, error);
    if (code == 0)
        code = check_overlap(instance, candidate, addresses, count, error);
    if (code == 0)
        code = check_loop(instance, candidate, error);
    if (code == 0)
        code = policy_check_owners(instance, candidate, error);
    else if (code == -EPERM) /* for itself: whoever has what it asks for need not care */
        claims_withdraw(&instance->claims, candidate->cluster_id);
    return code;
}
