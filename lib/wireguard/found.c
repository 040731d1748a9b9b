/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

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
}

int32_t found_addresses(const struct subwg_instance *instance,
                        const struct interface_address *addresses, uint32_t count,
                        const struct state *wanted, struct found *found, struct subwg_error *error)
{
    found->addresses = calloc((size_t)wanted->address_count + 1, sizeof(struct prefix));
    if (found->addresses == NULL)
        return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, "read addresses", "%s",
                         error_phrase(ENOMEM));
    for (uint32_t i = 0; i < wanted->address_count; i++)
        for (uint32_t j = 0; j < count; j++)
            if (instance->ifindex != 0 && addresses[j].ifindex == instance->ifindex &&
                prefix_equal(&addresses[j].prefix, &wanted->addresses[i])) {
                found->addresses[found->address_count++] = wanted->addresses[i];
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
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].plain && rules[i].protocol == instance->settings.route_protocol &&
            rules[i].table == instance->settings.table)
            rules[found->rule_count++] = rules[i];
    found->rules = rules;
    return 0;
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
