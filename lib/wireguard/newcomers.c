/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/newcomers.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/error.h"
#include "base/limits.h"
#include "wireguard/apply.h"
#include "wireguard/slice.h"
#include "wireguard/wanted.h"

/* Judging. */

static int key_order(const void *a, const void *b)
{
    return memcmp(a, b, KEY_SIZE);
}

static bool gather_foreign(struct subwg_instance *instance, struct newcomers *newcomers)
{
    const struct wg_device *dump = &instance->dump;
    uint32_t capacity = 0;
    bool may_have_any = !instance->dump_taken || instance->stranger_count > 0;
    for (uint32_t i = 0; i < dump->peer_count && may_have_any; i++) {
        const struct key *key = &dump->peers[i].public_key;
        if (table_find_dumped(&instance->table, i, key) != NULL)
            continue;
        struct key *grown =
            array_grow(newcomers->foreign, &capacity, newcomers->foreign_count, sizeof(*grown));
        if (grown == NULL)
            return false;
        newcomers->foreign = grown;
        newcomers->foreign[newcomers->foreign_count++] = *key;
    }
    if (newcomers->foreign_count > 1)
        qsort(newcomers->foreign, newcomers->foreign_count, sizeof(*newcomers->foreign), key_order);
    return true;
}

/* A copy: what is borrowed lasts until the next look, and the list may be long. */
static bool copy_addresses(struct subwg_instance *instance, struct newcomers *newcomers)
{
    const struct interface_address *addresses;
    if (address_current(instance->netlink, &addresses, &newcomers->address_count, NULL) != 0)
        return false;
    newcomers->addresses =
        calloc((size_t)newcomers->address_count + 1, sizeof(*newcomers->addresses));
    for (uint32_t i = 0; i < newcomers->address_count && newcomers->addresses != NULL; i++)
        newcomers->addresses[i] = addresses[i];
    return newcomers->addresses != NULL;
}

bool newcomers_look(struct subwg_instance *instance, struct newcomers *newcomers)
{
    bool known = !instance->half_done || instance_dump(instance, NULL) == 0;
    return known && copy_addresses(instance, newcomers) && gather_foreign(instance, newcomers);
}

void newcomers_finish(struct newcomers *newcomers)
{
    free(newcomers->addresses);
    free(newcomers->foreign);
    *newcomers = (struct newcomers){0};
}

static bool is_new(const struct subwg_instance *instance, const struct newcomers *newcomers,
                   const struct connection *candidate)
{
    const struct table *table = &instance->table;
    return table_find_cluster(table, candidate->cluster_id) == NULL &&
           table_find_key(table, &candidate->public_key) == NULL &&
           table_find_held(table, candidate) == NULL &&
           (newcomers->foreign_count == 0 ||
            bsearch(&candidate->public_key, newcomers->foreign, newcomers->foreign_count,
                    sizeof(*newcomers->foreign), key_order) == NULL);
}

/* Without a mark everybody's endpoint matters to everybody. */
static bool is_harmless(const struct subwg_instance *instance, const struct newcomers *newcomers,
                        const struct connection *candidate)
{
    bool harmless =
        instance->settings.mark != 0 && !key_equal(&candidate->public_key, &instance->public_key) &&
        overlap_find(instance, candidate, newcomers->addresses, newcomers->address_count).kind ==
            OVERLAP_NONE;
    for (uint32_t i = 0; i < candidate->subnet_count && harmless; i++)
        harmless = prefix_map_find(&instance->table.owners, &candidate->allowed_ips[i], NULL,
                                   NULL) == NULL;
    return harmless;
}

bool newcomers_accept(const struct subwg_instance *instance, const struct newcomers *newcomers,
                      const struct connection *candidate)
{
    return is_new(instance, newcomers, candidate) && is_harmless(instance, newcomers, candidate);
}

/* Connecting. */

/* A state of the device as a plan sees it, with the candidates or without. */
struct view {
    struct state state;
    struct device_state device;
};

/* From nothing, to silent peers with their routes, to peers that call. */
struct stages {
    struct view nothing;
    struct view silent;
    struct view calling;
    struct peer_state *silent_peers;
    struct peer_state *calling_peers;
    struct prefix *routes;
    bool any_calls;
};

static void stages_finish(struct stages *stages)
{
    free(stages->silent_peers);
    free(stages->calling_peers);
    free(stages->routes);
}

static bool stages_reserve(struct stages *stages, struct connection *const *candidates,
                           uint32_t count)
{
    size_t routes = 1;
    for (uint32_t i = 0; i < count; i++)
        routes += candidates[i]->subnet_count;
    stages->silent_peers = calloc((size_t)count + 1, sizeof(*stages->silent_peers));
    stages->calling_peers = calloc((size_t)count + 1, sizeof(*stages->calling_peers));
    stages->routes = calloc(routes, sizeof(*stages->routes));
    return stages->silent_peers != NULL && stages->calling_peers != NULL && stages->routes != NULL;
}

static void add_candidate(struct stages *stages, const struct subwg_instance *instance,
                          const struct connection *candidate)
{
    struct state *state = &stages->silent.state;
    struct peer_state peer = {
        .public_key = candidate->public_key,
        .endpoint = candidate->endpoint,
        .preshared_key = instance_preshared_key(instance),
        .allowed_ips = candidate->allowed_ips,
        .allowed_ip_count = candidate->subnet_count,
    };
    stages->silent_peers[state->peer_count] = peer;
    peer.keepalive_s = candidate->keepalive_s;
    stages->calling_peers[state->peer_count++] = peer;
    stages->any_calls = stages->any_calls || candidate->keepalive_s != 0;
    for (uint32_t i = 0; i < candidate->subnet_count && instance->settings.routes; i++)
        stages->routes[state->route_count++] = candidate->allowed_ips[i];
}

static void stages_fill(struct stages *stages, const struct subwg_instance *instance,
                        struct connection *const *candidates, uint32_t count)
{
    uint32_t path_mtu = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t own = candidates[i]->path_mtu;
        add_candidate(stages, instance, candidates[i]);
        if (own != 0 && (path_mtu == 0 || own < path_mtu))
            path_mtu = own;
    }
    qsort(stages->routes, stages->silent.state.route_count, sizeof(*stages->routes), prefix_order);
    stages->nothing.device =
        (struct device_state){.exists = true, .alias_set = true, .up = true, .mtu = instance->mtu};
    stages->silent.device = stages->nothing.device;
    stages->silent.device.mtu = wanted_mtu(instance, path_mtu, NULL, 0);
    stages->silent.state.peers = stages->silent_peers;
    stages->silent.state.routes = stages->routes;
    stages->calling = stages->silent;
    stages->calling.state.peers = stages->calling_peers;
    stages->nothing.state.device = &stages->nothing.device;
    stages->silent.state.device = &stages->silent.device;
    stages->calling.state.device = &stages->calling.device;
}

/* A failure leaves nothing of either step, or says that it does. */
static int32_t install(struct subwg_instance *instance, struct stages *stages,
                       struct subwg_error *failure)
{
    struct target target = instance_target(instance);
    int32_t code =
        instance_change(instance, &target, &stages->silent.state, &stages->nothing.state, failure);
    if (code < 0 || !stages->any_calls)
        return code < 0 ? code : 0;
    code =
        instance_change(instance, &target, &stages->calling.state, &stages->silent.state, failure);
    if (code < 0) {
        bool undone = apply_back(&target, &stages->silent.state, &stages->nothing.state) == 0;
        failure->flags = undone ? 0 : SUBWG_ERROR_STATE_UNKNOWN;
        instance->half_done = instance->half_done || !undone;
    }
    return code < 0 ? code : 0;
}

static void commit(struct subwg_instance *instance, struct connection *candidate)
{
    static const struct slice nothing = {0};
    claims_withdraw(&instance->claims, candidate->cluster_id);
    slice_commit(instance, candidate, &nothing);
    leftover_unname(instance, candidate->cluster_id, NULL);
}

/* Room for all, so that the table cannot refuse what the kernel has. */
static bool reserve(struct subwg_instance *instance, uint32_t count)
{
    return count <= LIMIT_CONNECTIONS - instance->table.count &&
           table_reserve_more(&instance->table, count);
}

int32_t newcomers_connect(struct subwg_instance *instance, struct connection *const *candidates,
                          uint32_t count, struct subwg_error *error)
{
    struct stages stages = {0};
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = path_find_mtus(instance, candidates, count, &failure);
    if (code == 0 && !(reserve(instance, count) && stages_reserve(&stages, candidates, count)))
        code = error_no_memory(&failure, "connect many");
    if (code == 0) {
        stages_fill(&stages, instance, candidates, count);
        code = install(instance, &stages, &failure);
    }
    if (code == 0)
        instance->mtu = stages.silent.device.mtu;
    for (uint32_t i = 0; i < count; i++) {
        if (code == 0)
            commit(instance, candidates[i]);
        else if ((failure.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0)
            connection_doubt(candidates[i]);
    }
    if (code < 0)
        error_copy(error, &failure);
    stages_finish(&stages);
    return code;
}
