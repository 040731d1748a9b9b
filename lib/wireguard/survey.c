/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/survey.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/identity.h"

/* The link that the last way led to: nearly all lead to the same one. */
struct way_out {
    uint32_t ifindex;
    uint32_t mtu;
};

static int32_t find_path_mtu(struct subwg_instance *instance, const struct address *address,
                             struct way_out *way_out, uint32_t *ret_mtu, struct subwg_error *error)
{
    struct route_lookup way;
    struct link_info link;
    int32_t code = route_find_way(instance->netlink, address, instance->settings.mark, &way, error);
    if (code == 0 && way.mtu == 0 && way.ifindex != way_out->ifindex) {
        code = link_by_index(instance->netlink, way.ifindex, &link, error);
        if (code == 0)
            *way_out = (struct way_out){way.ifindex, link.mtu};
    }
    if (code == 0)
        *ret_mtu = way.mtu != 0 ? way.mtu : way_out->mtu;
    return code;
}

/* A path may have shrunk or grown since connect; some are looked up each time, all of them in turn: each is
 * an exchange with the kernel, and of thousands they would cost more than all the rest. Where there is no
 * way at the moment, what was known stays. */
static int32_t look_at_paths(struct subwg_instance *instance, struct subwg_error *error)
{
    struct table *table = &instance->table;
    struct way_out way_out = {0};
    for (uint32_t i = 0; i < table->count && i < LIMIT_PATHS_A_RECONCILE; i++) {
        struct connection *connection = table->connections[instance->next_path++ % table->count];
        struct subwg_error failure = SUBWG_ERROR_INIT;
        /* A leftover that keeps subnets for its cluster's new key may never have had an endpoint. */
        if (connection->adopted || connection->endpoint.address.family == FAMILY_NONE)
            continue;
        uint32_t mtu = 0;
        int32_t code =
            find_path_mtu(instance, &connection->endpoint.address, &way_out, &mtu, &failure);
        if (code == 0) {
            table_set_path_mtu(table, connection, mtu);
        } else if (failure.kernel_errno == 0 && code != -ENETUNREACH) {
            error_copy(error, &failure);
            return code;
        }
    }
    return 0;
}

/* Which subnets have their route, whoever put it there or took it away. */
static void correct_routes(struct subwg_instance *instance, const struct found *found)
{
    for (uint32_t i = 0; i < instance->table.count; i++) {
        struct connection *connection = instance->table.connections[i];
        for (uint32_t j = 0; j < connection->subnet_count; j++)
            connection->subnets[j].routed =
                j < connection_carried_count(connection) && found->route_count > 0 &&
                bsearch(&connection->allowed_ips[j], found->routes, found->route_count,
                        sizeof(struct prefix), prefix_order) != NULL;
    }
}

/* A key that somebody else set: where a file keeps ours it is set again, otherwise ours cannot be got
 * back, and the device's is ours from now on. */
static void judge_key(struct subwg_instance *instance, struct survey *survey)
{
    struct device_state *device = &survey->found.device;
    bool differs =
        device->has_private_key && !key_equal(&instance->dump.public_key, &instance->public_key);
    if (!differs)
        return;
    if (instance->settings.key_file[0] != '\0' && identity_check(instance, NULL, NULL) == 0)
        device->has_private_key = false;
    else
        survey->key_changed = true;
}

static int32_t read_found(struct subwg_instance *instance, struct survey *survey,
                          struct subwg_error *error)
{
    struct found *found = &survey->found;
    int32_t code = found_own_device(instance, found, error);
    if (code == 0 && instance->settings.routes)
        code = found_routes(instance, found->link.ifindex, found, error);
    if (code == 0 && instance->settings.routes)
        code = found_rules(instance, found, error);
    if (code == 0 && instance->settings.mtu == 0)
        code = look_at_paths(instance, error);
    if (code != 0)
        return code;
    judge_key(instance, survey);
    report_take_dump(instance);
    correct_routes(instance, found);
    return found_peers(instance, found) == 0 ? 0 : error_no_memory(error, "reconcile");
}

int32_t survey_take(struct subwg_instance *instance, const struct interface_address *addresses,
                    uint32_t address_count, uint64_t now_ns, struct survey *survey,
                    struct subwg_error *error)
{
    struct found *found = &survey->found;
    struct wanted *wanted = &survey->wanted;
    int32_t code = read_found(instance, survey, error);
    if (code == 0) {
        wanted_device(instance, wanted_mtu(instance, 0, NULL, 0), wanted);
        wanted_addresses(instance, addresses, address_count, wanted);
        wanted_rules(instance, found->ipv6, wanted);
        code = found_addresses(instance, addresses, address_count, &wanted->state, found, error);
    }
    if (code == 0 && wanted_connections(instance, found, now_ns, wanted) != 0)
        code = error_no_memory(error, "reconcile");
    survey->found_state = found_to_state(found);
    if (code == 0 && plan_make(&wanted->state, &survey->found_state,
                               &instance->secrets->preshared_key, &survey->plan) != 0)
        code = error_no_memory(error, "reconcile");
    survey->scene =
        (struct drift_scene){instance->settings.device, found->link.name, instance->settings.table,
                             &wanted->state, &survey->found_state};
    survey->rp_filter = 0;
    if (code == 0 && found->device.exists)
        (void)netconf_rp_filter(instance->netlink, found->link.ifindex, &survey->rp_filter, NULL);
    return code;
}

void survey_finish(struct survey *survey)
{
    plan_finish(&survey->plan);
    wanted_finish(&survey->wanted);
    found_finish(&survey->found);
}
