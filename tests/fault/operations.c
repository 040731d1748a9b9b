/* SPDX-License-Identifier: Apache-2.0 */
#include "operations.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "hand.h"
#include "world.h"

static struct remote two;
static struct remote three;
static struct remote four;

static int32_t create(void)
{
    static const struct subwg_setting settings[] = {{"psk", OPERATIONS_PSK}};
    return world_create(settings, 1);
}

static int32_t init(void)
{
    return subwg_cable_init(world.cable, &world.error);
}

static int32_t reconcile(void)
{
    world.published_count = 0;
    return subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error);
}

static int32_t dry_run(void)
{
    return subwg_cable_reconcile(world.cable, SUBWG_RECONCILE_DRY_RUN, NULL, NULL, &world.error);
}

static int32_t event_fd(void)
{
    return subwg_cable_event_fd(world.cable, &world.error);
}

/* At a time when all its work is due, and late enough for another try. */
static int32_t dispatch(void)
{
    world.published_count = 0;
    world_pass(31);
    return subwg_cable_dispatch(world.cable, &world.error);
}

static void must(int32_t code)
{
    ck_assert_msg(code >= 0, "%s", world.error.text);
}

/* Nothing, and a remote behind a narrow path. */
static void arrange_nothing(void)
{
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.243.64.7/32", .link = "eth0", .mtu = 1400});
}

static void arrange_created(void)
{
    arrange_nothing();
    must(create());
}

static void arrange_initialized(void)
{
    arrange_created();
    must(init());
}

static void arrange_connected(void)
{
    arrange_initialized();
    must(world_connect(&two));
    must(world_connect(&three));
    world_hear(&two);
    world_hear(&three);
    (void)world_row("cluster2");
}

/* Where each one's endpoint matters to all others. */
static void arrange_unmarked(void)
{
    static const struct subwg_setting settings[] = {{"mark", "0"}, {"routes", "no"}};
    arrange_nothing();
    must(world_create(settings, 2));
    must(init());
    must(world_connect(&two));
    must(world_connect(&three));
}

/* What an earlier run left, and something that nobody stands for. */
static void arrange_left_behind(void)
{
    uint8_t stranger[32] = {9, 9, 9};
    arrange_connected();
    fake_kernel_add_peer(WORLD_DEVICE, stranger, "10.250.0.0/16");
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "10.250.0.0/16", .link = WORLD_DEVICE, .table = 220, .protocol = 158});
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    must(create());
}

static void arrange_adopted(void)
{
    arrange_left_behind();
    must(init());
    must(world_connect(&two));
}

/* A run that was killed between making the device and marking it. */
static void arrange_half_made(void)
{
    arrange_created();
    must(init());
    must(world_connect(&two));
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    fake_kernel_set_link_up(WORLD_DEVICE, false); /* takes the routes along */
    fake_kernel_set_link_alias(WORLD_DEVICE, "");
    (void)fake_kernel_delete_rules(2, 220);
    must(create());
}

/* Engines that look after the device. */

static void arrange_complete(void)
{
    arrange_connected();
    must(subwg_cable_list_complete(world.cable, &world.error));
    world.published_count = 0;
}

/* Sockets of somebody else's, which stay open from round to round. */
static void lend_a_hand(void)
{
    static bool open;
    if (!open)
        hand_open();
    open = true;
}

static void arrange_without_link(void)
{
    arrange_complete();
    fake_kernel_delete_link(WORLD_DEVICE);
}

static void arrange_link_down(void)
{
    arrange_complete();
    fake_kernel_set_link_up(WORLD_DEVICE, false);
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1300);
}

static void arrange_without_rules(void)
{
    arrange_complete();
    (void)fake_kernel_delete_rules(AF_INET, 220);
    (void)fake_kernel_delete_rules(AF_INET6, 220);
    (void)fake_kernel_delete_routes("10.234.64.0/18", 220);
    (void)fake_kernel_delete_routes("10.235.0.0/18", 220);
}

static void arrange_without_peer(void)
{
    arrange_complete();
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
}

static void arrange_robbed(void)
{
    uint8_t stranger[32] = {9, 9, 9};
    arrange_complete();
    fake_kernel_add_peer(WORLD_DEVICE, stranger, "10.234.0.0/18");
    fake_kernel_add_peer(WORLD_DEVICE, two.public_key, "10.235.64.0/18");
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "10.250.0.0/16", .link = WORLD_DEVICE, .table = 220, .protocol = 158});
}

static void arrange_device_changed(void)
{
    lend_a_hand();
    arrange_complete();
    hand_set_port(5999);
    hand_set_mark(7);
}

static void arrange_keys_changed(void)
{
    lend_a_hand();
    arrange_complete();
    hand_set_private_key();
    hand_set_preshared_key(two.public_key);
    hand_set_keepalive(three.public_key, 3);
}

/* An own network appears where a remote one is. */
static void arrange_overlap(void)
{
    arrange_complete();
    fake_kernel_add_address("eth0", "10.234.0.9/24");
}

static void arrange_overlap_over(void)
{
    arrange_overlap();
    must(reconcile());
    fake_kernel_delete_address("eth0", "10.234.0.9/24");
}

static void arrange_attended(void)
{
    arrange_complete();
    must(subwg_cable_event_fd(world.cable, &world.error));
}

static void arrange_attended_drift(void)
{
    arrange_attended();
    fake_kernel_set_link_up(WORLD_DEVICE, false); /* takes the routes along */
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    (void)fake_kernel_delete_rules(AF_INET, 220);
}

static void arrange_attended_key(void)
{
    arrange_attended();
    two.config[0].value = four.key;
}

static void arrange_moving(void)
{
    arrange_attended_key();
    must(world_connect(&two));
    world_hear(&four);
}

static void arrange_changed_subnets(void)
{
    arrange_connected();
    two.subnets[1] = "10.240.0.0/16";
    two.subnets[2] = "10.241.0.0/16";
    two.endpoint.subnet_count = 3;
}

static void arrange_changed_endpoint(void)
{
    arrange_connected();
    two.endpoint.private_ip = "10.243.64.77";
}

static void arrange_changed_key(void)
{
    arrange_connected();
    two.config[0].value = four.key;
}

/* A new key, a new address and other subnets at once, as a remote that was made anew. */
static void arrange_changed_everything(void)
{
    arrange_changed_key();
    two.subnets[0] = "10.240.0.0/16";
    two.endpoint.private_ip = "10.243.64.77";
}

/* Another cluster takes over the key of one that an earlier run left. */
static void arrange_claimed_leftover(void)
{
    arrange_left_behind();
    must(init());
    must(world_connect(&two));
    two.config[0].value = three.key;
    two.subnets[0] = three.subnets[0];
}

static void arrange_refused(void)
{
    arrange_connected();
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.236.64.0/18", .link = "eth0", .table = 220});
}

static void arrange_refused_by_policy(void)
{
    arrange_connected();
    four.subnets[0] = "10.234.0.0/20";
}

static void arrange_three(void)
{
    arrange_connected();
    must(world_connect(&four));
}

static void arrange_narrow_path(void)
{
    arrange_connected();
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.243.64.9/32", .link = "eth0", .mtu = 1300});
}

static int32_t connect_two(void)
{
    return world_connect(&two);
}

static int32_t connect_four(void)
{
    return world_connect(&four);
}

static int32_t disconnect_two(void)
{
    return world_disconnect(&two);
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    int32_t *first = context;
    (void)index;
    (void)address;
    if (code >= 0 || *first < 0)
        return;
    *first = code;
    world.error = *error;
}

/* One changed, one as it is, one new. */
static int32_t connect_many(void)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    const struct subwg_endpoint *const remotes[] = {&two.endpoint, &three.endpoint, &four.endpoint};
    int32_t first = 0;
    int32_t code = subwg_cable_connect_many(world.cable, remotes, 3, take_result, &first, &error);
    if (code >= 0)
        return first;
    world.error = error;
    return code;
}

static int32_t disconnect_many(void)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    const struct subwg_endpoint *const remotes[] = {&two.endpoint, &three.endpoint, &four.endpoint};
    int32_t first = 0;
    int32_t code =
        subwg_cable_disconnect_many(world.cable, remotes, 3, take_result, &first, &error);
    if (code >= 0)
        return first;
    world.error = error;
    return code;
}

static int32_t disconnect_all(void)
{
    struct remote *remotes[] = {&two, &three, &four};
    struct subwg_error first = SUBWG_ERROR_INIT;
    for (size_t i = 0; i < 3; i++)
        if (world_disconnect(remotes[i]) < 0 && first.code == 0)
            first = world.error;
    if (first.code < 0)
        world.error = first;
    return first.code;
}

static int32_t list_complete(void)
{
    return subwg_cable_list_complete(world.cable, &world.error);
}

static int32_t read_with(int32_t (*read)(struct subwg_cable *, struct subwg_snapshot **,
                                         struct subwg_error *))
{
    struct subwg_snapshot *snapshot = NULL;
    int32_t code = read(world.cable, &snapshot, &world.error);
    if ((code == 0) != (snapshot != NULL)) /* asserting would allocate */
        code = -ENOTRECOVERABLE;
    subwg_snapshot_unref(snapshot);
    return code;
}

static int32_t get_connections(void)
{
    return read_with(subwg_cable_get_connections);
}

static int32_t metrics_snapshot(void)
{
    return read_with(subwg_cable_metrics_snapshot);
}

static int32_t cleanup(void)
{
    return subwg_cable_cleanup(world.cable, &world.error);
}

static int32_t destroy(void)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    return 0;
}

#define REPAIR (OPERATION_AGAIN | OPERATION_ONE_WAY | OPERATION_STEPWISE)

const struct operation operations[] = {
    {"create", arrange_nothing, create, 0},
    {"init", arrange_created, init, 0},
    {"init, adopting", arrange_left_behind, init, 0},
    {"init, half made", arrange_half_made, init, 0},
    {"connect", arrange_initialized, connect_two, OPERATION_AGAIN},
    {"connect, a second one", arrange_connected, connect_four, OPERATION_AGAIN},
    {"connect, without a mark", arrange_unmarked, connect_four, OPERATION_AGAIN},
    {"connect, narrow path", arrange_narrow_path, connect_four, OPERATION_AGAIN},
    {"connect, nothing new", arrange_connected, connect_two, OPERATION_AGAIN},
    {"connect, other subnets", arrange_changed_subnets, connect_two, OPERATION_AGAIN},
    {"connect, other endpoint", arrange_changed_endpoint, connect_two, OPERATION_AGAIN},
    {"connect, other key", arrange_changed_key, connect_two, OPERATION_AGAIN},
    {"connect, all other", arrange_changed_everything, connect_two, OPERATION_AGAIN},
    {"connect, a leftover's key", arrange_claimed_leftover, connect_two, 0},
    {"connect, refused", arrange_refused, connect_four, OPERATION_AGAIN},
    {"connect, refused by policy", arrange_refused_by_policy, connect_four, OPERATION_AGAIN},
    {"connect many", arrange_changed_subnets, connect_many, OPERATION_MANY | OPERATION_AGAIN},
    {"connect many, new ones", arrange_initialized, connect_many, OPERATION_MANY | OPERATION_AGAIN},
    {"disconnect", arrange_connected, disconnect_two, OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"disconnect each", arrange_three, disconnect_all,
     OPERATION_MANY | OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"disconnect many", arrange_three, disconnect_many,
     OPERATION_MANY | OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"list complete", arrange_adopted, list_complete,
     OPERATION_MANY | OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"get connections", arrange_connected, get_connections, OPERATION_AGAIN},
    {"metrics snapshot", arrange_connected, metrics_snapshot, OPERATION_AGAIN},
    {"reconcile, nothing", arrange_complete, reconcile, OPERATION_AGAIN},
    {"reconcile, no link", arrange_without_link, reconcile, REPAIR},
    {"reconcile, link down", arrange_link_down, reconcile, REPAIR},
    {"reconcile, no rules", arrange_without_rules, reconcile, REPAIR},
    {"reconcile, no peer", arrange_without_peer, reconcile, REPAIR},
    {"reconcile, robbed", arrange_robbed, reconcile, REPAIR},
    {"reconcile, other device", arrange_device_changed, reconcile, REPAIR},
    {"reconcile, other keys", arrange_keys_changed, reconcile, REPAIR},
    {"reconcile, overlap", arrange_overlap, reconcile, REPAIR},
    {"reconcile, overlap over", arrange_overlap_over, reconcile, REPAIR},
    {"reconcile, dry run", arrange_without_link, dry_run, OPERATION_AGAIN},
    {"event fd", arrange_complete, event_fd, OPERATION_AGAIN},
    {"connect, staged", arrange_attended_key, connect_two, OPERATION_AGAIN},
    {"dispatch, nothing", arrange_attended, dispatch, 0},
    {"dispatch, drift", arrange_attended_drift, dispatch, OPERATION_STEPWISE},
    {"dispatch, move", arrange_moving, dispatch, OPERATION_STEPWISE},
    {"cleanup", arrange_connected, cleanup, OPERATION_MANY | OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"cleanup, without init", arrange_left_behind, cleanup,
     OPERATION_MANY | OPERATION_AGAIN | OPERATION_ONE_WAY},
    {"destroy", arrange_connected, destroy, 0},
};
const size_t operation_count = sizeof(operations) / sizeof(operations[0]);
