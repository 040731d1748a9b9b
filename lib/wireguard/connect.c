/* SPDX-License-Identifier: Apache-2.0 */
/* connect: one connection's slice of the device, from what it is to what is asked. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/announcement.h"
#include "wireguard/instance.h"
#include "wireguard/moves.h"
#include "wireguard/slice.h"

static int32_t check_room(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->table.count >= LIMIT_CONNECTIONS)
        return error_set(error, -ENOSPC, SUBWG_REASON_LIMIT, "connect",
                         "%u connections are the most that a device takes", LIMIT_CONNECTIONS);
    if (!table_reserve(&instance->table))
        return error_no_memory(error, "connect");
    return 0;
}

int32_t connect_candidate(struct subwg_instance *instance, struct connection *candidate,
                          struct subwg_error *error)
{
    struct slice slice = {0};
    int32_t code = announcement_check_rate(instance, candidate, error);
    if (code == 0)
        code = policy_check(instance, candidate, error);
    if (code == 0)
        code = check_room(instance, error);
    if (code == 0)
        code = slice_find(instance, candidate, &slice, error);
    if (code == 0)
        code = path_find_mtu(instance, candidate, error);
    if (code == 0) {
        moves_stage(instance, candidate, &slice);
        code = slice_install(instance, candidate, &slice, error);
    }
    const struct connection *current = slice.connections[SLICE_CURRENT];
    if (code == 1 && current != NULL && !announcement_equal(current, candidate))
        code = 0;
    if (code >= 0 && current != NULL)
        candidate->changes = current->changes;
    if (code >= 0) {
        slice_commit(instance, candidate, &slice);
        leftover_unname(instance, candidate->cluster_id, NULL);
    } else {
        leftover_name(instance, candidate->cluster_id, &candidate->public_key);
    }
    slice_finish(&slice);
    return code;
}

/* Refused for itself, it may still be the one whose tunnel an earlier run left. */
static void name_leftover_of(struct subwg_instance *instance, const struct subwg_endpoint *remote)
{
    struct key key;
    bool named = false;
    if (connection_key_of_endpoint(remote, &key, &named, NULL) == 0 && named)
        leftover_name(instance, remote->cluster_id != NULL ? remote->cluster_id : "", &key);
}

/* The instance's interfaces, wherever the calling thread is by now. */
struct lookup {
    struct netlink *netlink;
    struct subwg_error failure; /* code 0: the kernel answered, if only that there is none */
};

static uint32_t interface_index(void *context, const char *name)
{
    struct lookup *lookup = context;
    struct link_info link = {0};
    size_t length = strnlen(name, LINK_NAME_SIZE);
    if (length == 0 || length == LINK_NAME_SIZE)
        return 0; /* no link can have this name */
    (void)link_find(lookup->netlink, name, &link, &lookup->failure);
    return link.ifindex;
}

static bool interface_exists(void *context, uint32_t index)
{
    struct lookup *lookup = context;
    struct link_info link;
    return link_by_index(lookup->netlink, index, &link, &lookup->failure) == 0;
}

int32_t connect_parse(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                      struct connection **ret_candidate, struct subwg_error *error)
{
    int32_t code = endpoint_check_head(remote, error);
    if (code != 0)
        return code;
    if (remote->cluster_id != NULL && strcmp(remote->cluster_id, instance->local.cluster_id) == 0)
        return 1;
    struct lookup lookup = {instance->netlink, SUBWG_ERROR_INIT};
    const struct interfaces interfaces = {interface_index, interface_exists, &lookup};
    code = connection_from_endpoint(&interfaces, remote, &instance->settings, ret_candidate, error);
    if (code < 0 && lookup.failure.code < 0 && lookup.failure.code != -ENODEV) {
        code = lookup.failure.code; /* nobody knows whether there is such an interface */
        error_copy(error, &lookup.failure);
    }
    if (code < 0) {
        name_leftover_of(instance, remote);
        claims_withdraw(&instance->claims, remote->cluster_id != NULL ? remote->cluster_id : "");
    }
    return code;
}

int32_t connect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                         char *ret_address, struct subwg_error *error)
{
    struct connection *candidate = NULL;
    int32_t code = connect_parse(instance, remote, &candidate, error);
    if (code == 0)
        code = connect_candidate(instance, candidate, error);
    if (code < 0)
        connection_destroy(candidate);
    else if (ret_address != NULL)
        (void)text_copy(ret_address, SUBWG_ADDRESS_TEXT_SIZE,
                        candidate != NULL ? candidate->remote_ip : "");
    return code;
}
