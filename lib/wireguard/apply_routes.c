/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/apply_routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/error.h"

/* The kernel gives an IPv6 route that names no metric 1024, and then a foreign one with less would go
 * before ours. 1 is the least. */
#define IPV6_ROUTE_METRIC 1u

uint32_t apply_route_metric(const struct prefix *destination)
{
    return destination->family == FAMILY_IPV6 ? IPV6_ROUTE_METRIC : 0;
}

/* Where those with this destination begin among the sorted routes. */
static uint32_t find_first(const struct prefix *destination, const struct route *routes,
                           uint32_t count)
{
    uint32_t first = 0;
    for (uint32_t beyond = count; first < beyond;) {
        uint32_t middle = first + (beyond - first) / 2;
        if (prefix_compare(&routes[middle].destination, destination) < 0)
            first = middle + 1;
        else
            beyond = middle;
    }
    return first;
}

/* A route to this prefix is there already: ours from before, or somebody else's? */
static int32_t judge_existing(const struct route *route, const struct route *routes, uint32_t count,
                              struct subwg_error *error)
{
    const struct route *other = NULL;
    for (uint32_t i = find_first(&route->destination, routes, count);
         i < count && prefix_equal(&routes[i].destination, &route->destination); i++) {
        if (routes[i].ifindex == route->ifindex && routes[i].protocol == route->protocol)
            return 0;
        other = &routes[i];
    }
    char text[PREFIX_TEXT_SIZE];
    error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, "add route",
              "a foreign route to %s stands in table %u (interface %u, protocol %u)",
              prefix_format(&route->destination, text), (unsigned)route->table,
              other != NULL ? (unsigned)other->ifindex : 0,
              other != NULL ? (unsigned)other->protocol : 0);
    error_hint(error,
               "see: ip route show table %u; remove it, or choose another table "
               "(setting table)",
               (unsigned)route->table);
    return -EEXIST;
}

static int32_t report_route(const struct route_change *change, int32_t code,
                            struct subwg_error *error)
{
    char text[PREFIX_TEXT_SIZE];
    error_set(error, code, SUBWG_REASON_UNSPECIFIED, change->remove ? "delete route" : "add route",
              "%s route %s %s table %u: %s", change->remove ? "delete" : "add",
              prefix_format(&change->route.destination, text), change->remove ? "from" : "to",
              (unsigned)change->route.table, error_phrase(code));
    error_kernel(error, -code);
    return code;
}

/* What became of each route. */
static void judge_route_steps(struct step *steps, const int32_t *results, uint32_t count,
                              bool answered)
{
    for (uint32_t i = 0; i < count; i++)
        steps[i].result = results[i] == 0 ? STEP_DONE : answered ? STEP_UNCHANGED : STEP_UNKNOWN;
}

/* A route that is there or gone already counts as done if it is ours. Returns the first result that
 * does not. */
static int32_t judge_results(struct target *target, const struct route_change *changes,
                             const int32_t *results, struct step *steps, uint32_t count,
                             struct subwg_error *error)
{
    struct route *routes = NULL;
    uint32_t route_count = 0;
    int32_t listed = 1; /* not yet; a kernel that did not tell is not asked again */
    int32_t code = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct subwg_error *first = code == 0 ? error : NULL;
        int32_t result = changes[i].remove && results[i] == -ESRCH ? 0 : results[i];
        if (result == -EEXIST && !changes[i].remove) {
            if (listed == 1)
                listed = route_list_sorted(target->netlink, target->settings->table, &routes,
                                           &route_count, first);
            result = listed;
            if (result == 0)
                result = judge_existing(&changes[i].route, routes, route_count, first);
            if (result == 0)
                steps[i].result = STEP_DONE;
        } else if (result != 0) {
            (void)report_route(&changes[i], result, first);
        }
        code = code == 0 ? result : code;
    }
    free(routes);
    return code;
}

int32_t apply_routes(struct target *target, struct step *steps, uint32_t count,
                     struct subwg_error *error)
{
    struct route_change *changes = calloc(count, sizeof(*changes));
    int32_t *results = calloc(count, sizeof(*results));
    int32_t code = 0;
    if (changes == NULL || results == NULL) {
        code = error_no_memory(error, "set routes");
        goto out;
    }
    for (uint32_t i = 0; i < count; i++)
        changes[i] = (struct route_change){
            .remove = steps[i].kind == STEP_ROUTE_DELETE,
            .route = {.destination = steps[i].what.prefix,
                      .table = target->settings->table,
                      .ifindex = target->ifindex,
                      .metric = apply_route_metric(&steps[i].what.prefix),
                      .protocol = target->settings->route_protocol,
                      .type = RTN_UNICAST},
        };
    code = route_apply(target->netlink, changes, count, results, error);
    judge_route_steps(steps, results, count,
                      error != NULL && (error->flags & SUBWG_ERROR_STATE_UNKNOWN) == 0);
    if (code == -EEXIST || code == -ESRCH)
        code = judge_results(target, changes, results, steps, count, error);
out:
    free(results);
    free(changes);
    return code;
}
