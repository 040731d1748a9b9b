/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/slice.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/wanted.h"

/* The slice as a plan sees it, wanted or found. */
struct view {
    struct state state;
    struct peer_state peers[SLICE_PARTS];
    struct prefix *routes;
    struct device_state device;
};

/* Adds the destinations of a connection's subnets that are routed. */
static void add_routes(struct view *view, const struct connection *connection)
{
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        if (connection->subnets[i].routed)
            view->routes[view->state.route_count++] = connection->allowed_ips[i];
}

/* Sorts, and drops equal ones: two connections may know of the same route. */
static void order_routes(struct view *view)
{
    if (view->state.route_count < 2)
        return;
    qsort(view->routes, view->state.route_count, sizeof(struct prefix), prefix_order);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < view->state.route_count; i++)
        if (!prefix_equal(&view->routes[kept - 1], &view->routes[i]))
            view->routes[kept++] = view->routes[i];
    view->state.route_count = kept;
}

static bool view_start(struct view *view, const struct slice *slice,
                       const struct connection *candidate)
{
    size_t room = (size_t)candidate->subnet_count + 1;
    for (size_t i = 0; i < SLICE_PARTS; i++)
        if (slice->connections[i] != NULL)
            room += slice->connections[i]->subnet_count;
    *view = (struct view){.routes = calloc(room, sizeof(struct prefix))};
    view->state.peers = view->peers;
    view->state.routes = view->routes;
    view->state.device = &view->device;
    return view->routes != NULL;
}

const struct connection *slice_same_peer(const struct slice *slice,
                                         const struct connection *candidate)
{
    for (size_t i = 0; i < SLICE_PARTS; i++) {
        const struct connection *connection = slice->connections[i];
        if (connection != NULL && key_equal(&connection->public_key, &candidate->public_key) &&
            (connection->installed == INSTALLED_AS_WANTED || slice->actual[i] != NULL))
            return connection;
    }
    return NULL;
}

/* A peer that is heard has an endpoint that works, perhaps not the one it was given: unless the engine
 * now asks for another one, it stays. */
static bool may_keep_endpoint(const struct slice *slice, const struct connection *candidate)
{
    const struct connection *same = slice_same_peer(slice, candidate);
    return same != NULL && same->status.status == SUBWG_STATUS_CONNECTED &&
           same->installed_endpoint.address.family != FAMILY_NONE &&
           (same->adopted || socket_address_equal(&same->endpoint, &candidate->endpoint));
}

_Static_assert(SLICE_PARTS <= WANTED_MTU_EXCEPT_MAX, "the parts of a slice may be left out");

static uint32_t device_mtu(const struct subwg_instance *instance,
                           const struct connection *candidate, const struct slice *slice)
{
    const struct connection *replaced[SLICE_PARTS];
    uint32_t count = 0;
    for (size_t i = 0; i < SLICE_PARTS; i++)
        if (slice->connections[i] != NULL && slice->connections[i] != slice->carrier)
            replaced[count++] = slice->connections[i];
    return wanted_mtu(instance, candidate->path_mtu, replaced, count);
}

static void fill_found(struct view *found, const struct slice *slice)
{
    for (size_t i = 0; i < SLICE_PARTS; i++) {
        const struct connection *connection = slice->connections[i];
        if (connection != NULL)
            add_routes(found, connection);
        if (connection == NULL || connection->installed != INSTALLED_AS_WANTED)
            connection = slice->actual[i];
        if (connection == NULL)
            continue;
        found->peers[found->state.peer_count++] = (struct peer_state){
            .public_key = connection->public_key,
            .endpoint = connection->installed_endpoint,
            .preshared_key = connection->installed_preshared_key,
            .keepalive_s = connection_keepalive_s(connection),
            .allowed_ips = connection->allowed_ips,
            .allowed_ip_count = connection_carried_count(connection),
        };
    }
    order_routes(found);
}

/* The carrier goes on as it was found, and the candidate's peer comes without subnets. */
static void keep_carrier(struct view *wanted, const struct view *found,
                         const struct connection *carrier)
{
    wanted->peers[0].allowed_ip_count = 0;
    if (wanted->peers[0].keepalive_s == 0)
        wanted->peers[0].keepalive_s = LIMIT_MOVE_KEEPALIVE_S;
    for (uint32_t i = 0; i < found->state.peer_count; i++)
        if (key_equal(&found->peers[i].public_key, &carrier->public_key))
            wanted->peers[wanted->state.peer_count++] = found->peers[i];
    add_routes(wanted, carrier);
}

static void fill_wanted(struct view *wanted, const struct view *found,
                        const struct subwg_instance *instance, const struct connection *candidate,
                        const struct slice *slice)
{
    wanted->peers[0] = (struct peer_state){
        .public_key = candidate->public_key,
        .endpoint = candidate->endpoint,
        .endpoint_may_roam = may_keep_endpoint(slice, candidate),
        .preshared_key = instance_preshared_key(instance),
        .keepalive_s = candidate->keepalive_s,
        .allowed_ips = candidate->allowed_ips,
        .allowed_ip_count = candidate->subnet_count,
    };
    wanted->state.peer_count = 1;
    if (slice->carrier != NULL) {
        keep_carrier(wanted, found, slice->carrier);
    } else if (instance->settings.routes) {
        for (uint32_t i = 0; i < candidate->subnet_count; i++)
            if (found_obstacle(&slice->foreign, &candidate->allowed_ips[i]) == NULL)
                wanted->routes[wanted->state.route_count++] = candidate->allowed_ips[i];
    }
}

int32_t slice_install(struct subwg_instance *instance, const struct connection *candidate,
                      struct slice *slice, struct subwg_error *error)
{
    struct view wanted = {0};
    struct view found = {0};
    int32_t code = -ENOMEM;
    if (!view_start(&found, slice, candidate) || !view_start(&wanted, slice, candidate)) {
        error_set(error, code, SUBWG_REASON_NO_MEMORY, "connect", "%s", error_phrase(code));
        goto out;
    }
    fill_found(&found, slice);
    fill_wanted(&wanted, &found, instance, candidate, slice);
    found.device =
        (struct device_state){.exists = true, .alias_set = true, .up = true, .mtu = instance->mtu};
    wanted.device = found.device;
    wanted.device.mtu = device_mtu(instance, candidate, slice);

    struct target target = instance_target(instance);
    code = instance_change(instance, &target, &wanted.state, &found.state, error);
    if (code >= 0)
        instance->mtu = wanted.device.mtu;
    /* The way back may have failed, too: the kernel is to be read again. */
    for (size_t i = 0; i < SLICE_PARTS && code < 0; i++)
        if (slice->connections[i] != NULL)
            connection_doubt(slice->connections[i]);
out:
    free(wanted.routes);
    free(found.routes);
    return code;
}

/* The history that goes on in the candidate: that of the one with the subnets, whose counters take up
 * what the peers that go have counted. */
static void inherit_status(struct connection *candidate, const struct slice *slice, uint64_t now_ns)
{
    const struct connection *current = slice->connections[SLICE_CURRENT];
    const struct connection *predecessor = slice->connections[SLICE_PREDECESSOR];
    const struct connection *same = slice_same_peer(slice, candidate);
    const struct connection *before = predecessor != NULL ? predecessor
                                      : current != NULL   ? current
                                                          : slice->connections[SLICE_CLAIMED];
    struct status_state own = {0};
    status_start(&own, now_ns, false);
    if (same != NULL)
        own = same->status;
    struct status_state history = before != NULL ? before->status : own;
    if (predecessor != NULL && current != NULL && same != current)
        status_add_counters(&history, &current->status);
    if (slice->carrier != NULL) {
        slice->carrier->status = history;
    } else if (same == before) {
        own = history;
    } else {
        status_continue(&own, &history, now_ns);
    }
    candidate->status = own;
    if (before != NULL)
        candidate->repairs = before->repairs;
}

void slice_commit(struct subwg_instance *instance, struct connection *candidate,
                  const struct slice *slice)
{
    const struct connection *same = slice_same_peer(slice, candidate);
    struct socket_address endpoint =
        may_keep_endpoint(slice, candidate) ? same->installed_endpoint : candidate->endpoint;
    inherit_status(candidate, slice, instance_now(instance));
    candidate->installed = INSTALLED_AS_WANTED;
    candidate->routes_doubtful = false;
    candidate->installed_preshared_key = instance_preshared_key(instance);
    candidate->installed_endpoint = endpoint;
    for (uint32_t i = 0; i < candidate->subnet_count; i++)
        candidate->subnets[i].routed =
            instance->settings.routes && slice->carrier == NULL &&
            found_obstacle(&slice->foreign, &candidate->allowed_ips[i]) == NULL;
    for (size_t i = 0; i < SLICE_PARTS; i++) {
        struct connection *connection = slice->connections[i];
        if (connection == NULL || connection == slice->carrier)
            continue;
        table_remove(&instance->table, connection);
        if (connection != candidate)
            connection_destroy(connection);
    }
    if (slice->carrier != NULL)
        table_insert_beside(&instance->table, candidate, slice->carrier);
    else
        table_insert(&instance->table, candidate);
}
