/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that obeys lines (serve.h): the library's engine side with the plugin loaded from its file,
 * so that every operation goes the way that an engine's goes. Times are those of the operation alone.
 *
 *   open PLUGIN DEVICE       create and init, without keepalives
 *   connect N / disconnect N one remote
 *   connect-many FIRST COUNT, disconnect-many FIRST COUNT
 *   get                      get_connections, and the snapshot's end; tells the rows
 *   metrics                  metrics_snapshot and the Prometheus text; tells rows and bytes
 *   decode DEVICE            the netlink layer's dump alone; tells peers and allowed IPs
 *   reconcile                tells the differences
 *   memory                   tells the resident bytes
 *   cleanup                  and the instance's end
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <subwg/subwg.h>

#include "base/limits.h"
#include "netlink/netlink.h"
#include "remote.h"
#include "serve.h"

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct netlink *netlink;
static struct wg_device device;

static int fail(struct order *order, const char *what, int32_t code,
                const struct subwg_error *error)
{
    return serve_fail(order, "%s: %d %s %s", what, (int)code, error->operation, error->text);
}

static int open_plugin(struct order *order)
{
    const struct subwg_setting settings[] = {{"device", order->arguments[1]}, {"keepalive-s", "0"}};
    const char *const subnets[] = {"172.20.0.0/16"};
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    local.cluster_id = "bench";
    local.cable_name = "bench-cable";
    local.hostname = "gateway";
    local.private_ip = "198.19.255.254";
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 1;
    uint64_t begin_ns = serve_now_ns();
    int32_t code = subwg_registry_create(&registry, &error);
    if (code == 0)
        code = subwg_registry_load_file(registry, order->arguments[0], &error);
    if (code == 0)
        code = subwg_cable_create(registry, "wireguard", NULL, &local, settings, 2, &cable, &error);
    if (code == 0)
        code = subwg_cable_init(cable, &error);
    order->ns = serve_now_ns() - begin_ns;
    return code < 0 ? fail(order, "open", code, &error) : 0;
}

static int change_one(struct order *order, bool gone)
{
    struct remote remote;
    struct subwg_error error = SUBWG_ERROR_INIT;
    remote_describe(&remote, serve_number(order, 0));
    uint64_t begin_ns = serve_now_ns();
    int32_t code = gone ? subwg_cable_disconnect(cable, &remote.endpoint, &error)
                        : subwg_cable_connect(cable, &remote.endpoint, NULL, &error);
    order->ns = serve_now_ns() - begin_ns;
    return code != 0 ? fail(order, gone ? "disconnect" : "connect", code, &error) : 0;
}

static int connect_one(struct order *order)
{
    return change_one(order, false);
}

static int disconnect_one(struct order *order)
{
    return change_one(order, true);
}

struct many {
    struct order *order;
    uint32_t done;
};

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    struct many *many = context;
    (void)address;
    if (code == 0)
        many->done++;
    else if (many->order->failure[0] == '\0')
        (void)serve_fail(many->order, "remote %u: %d %s", (unsigned)index, (int)code,
                         error == NULL ? "" : error->text);
}

static int change_many(struct order *order, bool gone)
{
    const uint32_t first = serve_number(order, 0);
    const uint32_t count = serve_number(order, 1);
    struct many many = {.order = order};
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct remote *remotes = calloc(count, sizeof(*remotes));
    const struct subwg_endpoint **endpoints = calloc(count, sizeof(*endpoints));
    if (remotes == NULL || endpoints == NULL)
        return serve_fail(order, "no memory");
    for (uint32_t i = 0; i < count; i++) {
        remote_describe(&remotes[i], first + i);
        endpoints[i] = &remotes[i].endpoint;
    }
    uint64_t begin_ns = serve_now_ns();
    int32_t code =
        gone ? subwg_cable_disconnect_many(cable, endpoints, count, take_result, &many, &error)
             : subwg_cable_connect_many(cable, endpoints, count, take_result, &many, &error);
    order->ns = serve_now_ns() - begin_ns;
    free(remotes);
    free(endpoints);
    if (code != 0)
        return fail(order, "list", code, &error);
    return many.done == count ? 0 : -1;
}

static int connect_many(struct order *order)
{
    return change_many(order, false);
}

static int disconnect_many(struct order *order)
{
    return change_many(order, true);
}

static int get(struct order *order)
{
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t begin_ns = serve_now_ns();
    int32_t code = subwg_cable_get_connections(cable, &snapshot, &error);
    order->numbers[0] = code == 0 ? subwg_snapshot_connection_count(snapshot) : 0;
    subwg_snapshot_unref(snapshot);
    order->ns = serve_now_ns() - begin_ns;
    order->number_count = 1;
    return code != 0 ? fail(order, "get_connections", code, &error) : 0;
}

static int32_t count_bytes(void *context, const char *bytes, size_t count)
{
    (void)bytes;
    *(uint64_t *)context += count;
    return 0;
}

static int metrics(struct order *order)
{
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t begin_ns = serve_now_ns();
    int32_t code = subwg_cable_metrics_snapshot(cable, &snapshot, &error);
    if (code == 0) {
        order->numbers[0] = subwg_snapshot_metric_count(snapshot);
        code = subwg_write_exposition(SUBWG_PROFILE_SEED, &snapshot, 1, count_bytes,
                                      &order->numbers[1]);
    }
    subwg_snapshot_unref(snapshot);
    order->ns = serve_now_ns() - begin_ns;
    order->number_count = 2;
    return code != 0 ? fail(order, "metrics", code, &error) : 0;
}

static int decode(struct order *order)
{
    struct link_info link;
    struct subwg_error error = SUBWG_ERROR_INIT;
    int32_t code = netlink == NULL ? netlink_open(LIMIT_REPLY_MS, &netlink, &error) : 0;
    if (code == 0)
        code = link_find(netlink, order->arguments[0], &link, &error);
    uint64_t begin_ns = serve_now_ns();
    if (code == 0)
        code = wg_get_device(netlink, link.ifindex, NULL, &device, &error);
    order->ns = serve_now_ns() - begin_ns;
    order->numbers[0] = device.peer_count;
    order->numbers[1] = device.allowed_ip_count;
    order->number_count = 2;
    return code != 0 ? fail(order, "decode", code, &error) : 0;
}

static void note_difference(void *context, uint32_t repaired, const char *text)
{
    struct order *order = context;
    (void)repaired;
    if (order->failure[0] == '\0')
        (void)serve_fail(order, "a difference: %s", text);
}

static int reconcile(struct order *order)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t begin_ns = serve_now_ns();
    int32_t code = subwg_cable_reconcile(cable, 0, note_difference, order, &error);
    order->ns = serve_now_ns() - begin_ns;
    if (code < 0)
        return fail(order, "reconcile", code, &error);
    return code == 0 ? 0 : -1;
}

/* What the allocator keeps for later is nobody's. */
static int memory(struct order *order)
{
    unsigned long pages = 0;
    unsigned long resident = 0;
    (void)malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu %lu", &pages, &resident) != 2)
        return serve_fail(order, "/proc/self/statm: %s", strerror(errno));
    (void)fclose(file);
    order->numbers[0] = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
    order->number_count = 1;
    return 0;
}

static int cleanup(struct order *order)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t begin_ns = serve_now_ns();
    int32_t code = subwg_cable_cleanup(cable, &error);
    order->ns = serve_now_ns() - begin_ns;
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    cable = NULL;
    registry = NULL;
    return code != 0 ? fail(order, "cleanup", code, &error) : 0;
}

int main(void)
{
    static const struct verb verbs[] = {{"open", open_plugin},
                                        {"connect", connect_one},
                                        {"disconnect", disconnect_one},
                                        {"connect-many", connect_many},
                                        {"disconnect-many", disconnect_many},
                                        {"get", get},
                                        {"metrics", metrics},
                                        {"decode", decode},
                                        {"reconcile", reconcile},
                                        {"memory", memory},
                                        {"cleanup", cleanup},
                                        {NULL, NULL}};
    int status = serve(verbs);
    wg_device_finish(&device);
    netlink_close(netlink);
    return status;
}
