/* SPDX-License-Identifier: Apache-2.0 */
#include "operations.h"

#include "base/limits.h"
#include "gateway.h"
#include "netlink/netlink.h"

static struct remote two;
static struct remote three;
static struct remote four;

static void arrange_created(void)
{
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
    gateway_create();
}

static void arrange_initialized(void)
{
    arrange_created();
    gateway_init();
}

static void arrange_connected(void)
{
    arrange_initialized();
    gateway_connect(&two);
    gateway_connect(&three);
}

/* As after the death of a gateway that had three connections. */
static void arrange_left_behind(void)
{
    arrange_connected();
    gateway_connect(&four);
    gateway_leave();
    gateway_create();
}

static void arrange_adopted(void)
{
    arrange_left_behind();
    gateway_init();
    gateway_connect(&two);
}

static void change_subnets(void)
{
    two.subnets[1] = "10.240.0.0/16";
    two.subnets[3] = "fd00:240::/48";
    two.endpoint.subnet_count = 4;
}

static void arrange_other_subnets(void)
{
    arrange_connected();
    change_subnets();
}

static void arrange_other_endpoint(void)
{
    arrange_connected();
    two.endpoint.private_ip = "10.243.64.77";
}

static void arrange_other_key(void)
{
    arrange_connected();
    change_subnets();
    remote_set_key(&two, 12);
}

static void arrange_staged(void)
{
    arrange_connected();
    gateway_attend();
    remote_set_key(&two, 12);
}

static void arrange_many_subnets(void)
{
    arrange_initialized();
    remote_make_large(&two, 2);
}

/* Something of everything is changed by hand. */
static void arrange_drift(void)
{
    struct netlink *netlink;
    struct link_info link;
    arrange_connected();
    gateway_list_complete();
    const struct rule rule = {.family = FAMILY_IPV4,
                              .invert = true,
                              .plain = true,
                              .protocol = 158,
                              .priority = 220,
                              .mark = 5871,
                              .mask = UINT32_MAX,
                              .table = 220};
    struct wg_peer_change peer = {.flags = WG_PEER_REMOVE};
    for (int i = 0; i < KEY_SIZE; i++)
        peer.public_key.bytes[i] = two.public_key[i];
    const struct wg_device_change change = {
        .peers = &peer, .peer_count = 1, .set_mark = true, .mark = 7};
    if (netlink_open(LIMIT_REPLY_MS, &netlink, NULL) != 0 ||
        link_find(netlink, GATEWAY_DEVICE, &link, NULL) != 0 ||
        link_set_up(netlink, link.ifindex, false, NULL) != 0 ||
        wg_set_device(netlink, link.ifindex, &change, NULL) != 0 ||
        rule_delete(netlink, &rule, NULL) != 0)
        gateway_die("the drift could not be made");
    netlink_close(netlink);
}

static void arrange_no_link(void)
{
    struct netlink *netlink;
    struct link_info link;
    arrange_connected();
    gateway_list_complete();
    if (netlink_open(LIMIT_REPLY_MS, &netlink, NULL) != 0 ||
        link_find(netlink, GATEWAY_DEVICE, &link, NULL) != 0 ||
        link_delete(netlink, link.ifindex, NULL) != 0)
        gateway_die("the link could not be deleted");
    netlink_close(netlink);
}

static void connect_two(void)
{
    gateway_connect(&two);
}

static void connect_four(void)
{
    gateway_connect(&four);
}

static void connect_many(void)
{
    const struct remote *const remotes[] = {&two, &three, &four};
    gateway_connect_many(remotes, 3);
}

static void disconnect_two(void)
{
    gateway_disconnect(&two);
}

static void disconnect_many(void)
{
    const struct remote *const remotes[] = {&two, &three};
    gateway_disconnect_many(remotes, 2);
}

/* A gateway that starts, is told the endpoints, and that these are all. One whose subnets a leftover has
 * is told once more, when that is known to be nobody's. */
static void start_with(const struct remote *const *remotes, uint32_t count)
{
    gateway_create();
    gateway_init();
    for (uint32_t i = 0; i < count; i++)
        (void)gateway_try_connect(remotes[i]);
    gateway_list_complete();
    for (uint32_t i = 0; i < count; i++)
        gateway_connect(remotes[i]);
    gateway_leave();
}

static void make_remotes(void)
{
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
}

static void recover_none(void)
{
    start_with(NULL, 0);
}

static void recover_two(void)
{
    make_remotes();
    start_with((const struct remote *const[]){&two}, 1);
}

static void recover_three(void)
{
    make_remotes();
    start_with((const struct remote *const[]){&three}, 1);
}

static void recover_both(void)
{
    make_remotes();
    start_with((const struct remote *const[]){&two, &three}, 2);
}

static void recover_all(void)
{
    make_remotes();
    start_with((const struct remote *const[]){&two, &three, &four}, 3);
}

static void recover_other_subnets(void)
{
    make_remotes();
    change_subnets();
    start_with((const struct remote *const[]){&two, &three}, 2);
}

static void recover_other_endpoint(void)
{
    make_remotes();
    two.endpoint.private_ip = "10.243.64.77";
    start_with((const struct remote *const[]){&two, &three}, 2);
}

static void recover_other_key(void)
{
    make_remotes();
    change_subnets();
    remote_set_key(&two, 12);
    start_with((const struct remote *const[]){&two, &three}, 2);
}

static void recover_staged(void)
{
    make_remotes();
    remote_set_key(&two, 12);
    start_with((const struct remote *const[]){&two, &three}, 2);
}

static void recover_many_changed(void)
{
    make_remotes();
    change_subnets();
    start_with((const struct remote *const[]){&two, &three, &four}, 3);
}

static void recover_many_subnets(void)
{
    remote_make_large(&two, 2);
    start_with((const struct remote *const[]){&two}, 1);
}

static void recover_cleanup(void)
{
    gateway_create();
    gateway_cleanup();
    gateway_leave();
}

const struct operation operations[] = {
    {"connect with many subnets", arrange_many_subnets, connect_two, recover_many_subnets, false},
    {"init", arrange_created, gateway_init, recover_none, false},
    {"init, adopting", arrange_left_behind, gateway_init, recover_all, false},
    {"connect", arrange_initialized, connect_two, recover_two, false},
    {"connect, one more", arrange_connected, connect_four, recover_all, false},
    {"connect, other subnets", arrange_other_subnets, connect_two, recover_other_subnets, false},
    {"connect, other endpoint", arrange_other_endpoint, connect_two, recover_other_endpoint, false},
    {"connect, other key", arrange_other_key, connect_two, recover_other_key, false},
    {"connect, staged key", arrange_staged, connect_two, recover_staged, false},
    {"connect many", arrange_other_subnets, connect_many, recover_many_changed, false},
    {"connect many, new ones", arrange_initialized, connect_many, recover_all, false},
    {"disconnect", arrange_connected, disconnect_two, recover_three, false},
    {"disconnect many", arrange_connected, disconnect_many, recover_none, false},
    {"list complete", arrange_adopted, gateway_list_complete, recover_two, false},
    {"reads", arrange_connected, gateway_read, recover_both, false},
    {"event fd and dispatch", arrange_connected, gateway_attend, recover_both, false},
    {"reconcile", arrange_drift, gateway_reconcile, recover_both, false},
    {"reconcile, no link", arrange_no_link, gateway_reconcile, recover_both, false},
    {"init, key file", arrange_created, gateway_init, recover_none, true},
    {"reconcile, no link, key file", arrange_no_link, gateway_reconcile, recover_both, true},
    {"destroy", arrange_connected, gateway_leave, recover_both, false},
    {"cleanup", arrange_connected, gateway_cleanup, recover_cleanup, false},
    {"cleanup, without init", arrange_left_behind, gateway_cleanup, recover_cleanup, false},
};
const size_t operation_count = sizeof(operations) / sizeof(operations[0]);
