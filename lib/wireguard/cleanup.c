/* SPDX-License-Identifier: Apache-2.0 */
/* The end of everything that is ours, whether this run made it or an earlier one. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "wireguard/found.h"
#include "wireguard/instance.h"

/* Peers first: deleting a link waits for each that is left (one grace period a peer). */
static int32_t remove_peers(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    if (code != 0 || instance->dump.peer_count == 0)
        return code;
    struct wg_peer_change *changes = calloc(instance->dump.peer_count, sizeof(*changes));
    if (changes == NULL)
        return error_no_memory(error, "remove peers");
    for (uint32_t i = 0; i < instance->dump.peer_count; i++)
        changes[i] = (struct wg_peer_change){.public_key = instance->dump.peers[i].public_key,
                                             .flags = WG_PEER_REMOVE};
    struct wg_device_change change = {.peers = changes, .peer_count = instance->dump.peer_count};
    code = wg_set_device(instance->netlink, instance->ifindex, &change, error);
    free(changes);
    return code;
}

/* Somebody may have renamed it. */
static int32_t find_device(const struct subwg_instance *instance, struct link_info *link,
                           struct subwg_error *error)
{
    int32_t code = instance->ifindex == 0
                       ? -ENODEV
                       : link_by_index(instance->netlink, instance->ifindex, link, error);
    if (code == -ENODEV || (code == 0 && !found_is_ours(instance, link)))
        code = link_find(instance->netlink, instance->settings.device, link, error);
    return code;
}

static int32_t remove_device(struct subwg_instance *instance, struct subwg_error *error)
{
    struct link_info link;
    int32_t code = find_device(instance, &link, error);
    if (code == -ENODEV)
        return 0;
    if (code != 0)
        return code;
    if (!found_is_ours(instance, &link)) {
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

/* Only what leads to a table that is ours alone: another device's traffic would lose its way. */
static int32_t remove_rules(struct subwg_instance *instance, struct subwg_error *error)
{
    if (!instance->settings.routes)
        return 0;
    int32_t code = lock_table(instance, error);
    if (code == 0)
        code = found_table_free(instance, error);
    if (code == -EBUSY || code == -EEXIST) {
        instance_log(instance, SUBWG_LOG_WARNING, "rules to table %u stay: another device uses it",
                     (unsigned)instance->settings.table);
        return 0;
    }
    struct found found = {0};
    if (code == 0)
        code = found_rules(instance, &found, error);
    const struct state found_state = {.rules = found.rules, .rule_count = found.rule_count};
    const struct state wanted = {0};
    struct target target = instance_target(instance);
    target.one_way = true;
    if (code == 0)
        code = instance_change(instance, &target, &wanted, &found_state, error);
    found_finish(&found);
    return code < 0 ? code : 0;
}

int32_t device_cleanup(struct subwg_instance *instance, struct subwg_error *error)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = lock_device(instance, &failure);
    if (code == 0)
        code = remove_device(instance, &failure);
    if (code == 0)
        code = remove_rules(instance, &failure);
    if (code == 0)
        instance_forget(instance);
    if (!instance->initialized)
        lock_release(instance);
    if (code < 0)
        error_copy(error, &failure);
    return code;
}
