/* SPDX-License-Identifier: Apache-2.0 */
/* lib/netlink's links, addresses, routes and rules on the machine's own kernel, each test in a network
 * namespace of its own, checked with the ip command. */
#include <check.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "netlink/netlink.h"

#define TABLE    220u
#define PROTOCOL 158u
#define MARK     0x16efu

static struct netlink *netlink;
static struct subwg_error error;
static uint32_t ifindex;

#define ASSERT_DONE(call)                                                                 \
    do {                                                                                  \
        int32_t done = (call);                                                            \
        ck_assert_msg(done == 0, "%s: %d: %s (%s)", #call, done, error.text, error.hint); \
    } while (0)

/* The output of a shell command; it must succeed. */
static const char *shell(const char *command)
{
    static char output[8192];
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    size_t length = fread(output, 1, sizeof(output) - 1, pipe);
    output[length] = '\0';
    ck_assert_msg(pclose(pipe) == 0, "%s: %s", command, output);
    return output;
}

static void open_namespace(void)
{
    struct link_info link;
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    shell("ip link set lo up && ip link add left type veth peer name right && ip link set left up "
          "&& ip link set right up");
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    ASSERT_DONE(netlink_open(LIMIT_REPLY_MS, &netlink, &error));
    ASSERT_DONE(link_find(netlink, "left", &link, &error));
    ifindex = link.ifindex;
}

static void close_namespace(void)
{
    netlink_close(netlink);
}

static struct prefix prefix(const char *text)
{
    struct prefix parsed;
    ck_assert_int_eq(prefix_parse(text, &parsed), ADDRESS_OK);
    return parsed;
}

static struct address address(const char *text)
{
    struct address parsed;
    ck_assert_int_eq(address_parse(text, &parsed), ADDRESS_OK);
    return parsed;
}

/* Links. */

START_TEST(a_link_is_described)
{
    struct link_info link;
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert_str_eq(link.name, "left");
    ck_assert_str_eq(link.kind, "veth");
    ck_assert_str_eq(link.alias, "");
    ck_assert_uint_eq(link.mtu, 1500);
    ck_assert(link.up);
    ASSERT_DONE(link_find(netlink, "lo", &link, &error));
    ck_assert_str_eq(link.kind, "");
    ck_assert_uint_eq(link.ifindex, 1);
}
END_TEST

START_TEST(a_missing_link_is_no_device)
{
    struct link_info link;
    ck_assert_int_eq(link_find(netlink, "nothing", &link, &error), -ENODEV);
    ck_assert_int_eq(link_by_index(netlink, 4711, &link, &error), -ENODEV);
    ck_assert_str_eq(error.text, "");
    ck_assert_int_eq(link_set_mtu(netlink, 4711, 1400, &error), -ENODEV);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NO_DEVICE);
    ck_assert_int_eq(error.kernel_errno, ENODEV);
    ck_assert_str_eq(error.text, "set MTU of link 4711 to 1400: no such device");
}
END_TEST

START_TEST(alias_mtu_and_state_change_alone)
{
    struct link_info link;
    ASSERT_DONE(link_set_alias(netlink, ifindex, "libsubwg:test", &error));
    ASSERT_DONE(link_set_mtu(netlink, ifindex, 1400, &error));
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert_str_eq(link.alias, "libsubwg:test");
    ck_assert_uint_eq(link.mtu, 1400);
    ck_assert(link.up);
    ASSERT_DONE(link_set_up(netlink, ifindex, false, &error));
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert(!link.up);
    ck_assert_str_eq(link.alias, "libsubwg:test");
    ASSERT_DONE(link_set_up(netlink, ifindex, true, &error));
    ASSERT_DONE(link_by_index(netlink, ifindex, &link, &error));
    ck_assert(link.up);
    /* The flags that nobody asked to change. */
    ck_assert_ptr_nonnull(strstr(shell("ip link show left"), "BROADCAST,MULTICAST,UP"));
}
END_TEST

START_TEST(the_kernels_sentence_is_told)
{
    ck_assert_int_eq(link_set_mtu(netlink, ifindex, 1u << 20, &error), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_KERNEL);
    ck_assert_msg(strstr(error.text, "invalid argument (kernel: ") != NULL, "%s", error.text);
}
END_TEST

START_TEST(a_deleted_link_is_gone)
{
    struct link_info link;
    ASSERT_DONE(link_delete(netlink, ifindex, &error));
    ck_assert_int_eq(link_find(netlink, "left", &link, &error), -ENODEV);
    ck_assert_int_eq(link_delete(netlink, ifindex, &error), -ENODEV);
}
END_TEST

/* On a kernel without WireGuard: the words of the operator's manual. */
START_TEST(no_wireguard_in_the_kernel)
{
    struct link_info link;
    int32_t code = link_create_wireguard(netlink, "subwg0", 7, &error);
    if (code == 0) { /* this kernel has it: then it must be whole */
        ASSERT_DONE(link_find(netlink, "subwg0", &link, &error));
        ck_assert_str_eq(link.kind, "wireguard");
        ck_assert_uint_eq(link.group, 7);
        return;
    }
    ck_assert_int_eq(code, -EOPNOTSUPP);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_SUPPORTED);
    ck_assert_str_eq(error.text, "failed to add wireguard device: operation not supported");
    ck_assert_msg(strstr(error.hint, "Unknown device type") != NULL, "%s", error.hint);
    ck_assert_msg(strstr(error.hint, "install") != NULL, "%s", error.hint);
    ck_assert_int_eq(error.kernel_errno, EOPNOTSUPP);
    ck_assert_int_eq(link_find(netlink, "subwg0", &link, &error), -ENODEV);

    struct wg_device device = {0};
    ck_assert_int_eq(wg_get_device(netlink, ifindex, NULL, &device, &error), -ENOENT);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_SUPPORTED);
    wg_device_finish(&device);
}
END_TEST

/* Addresses. */

static uint32_t count_among(const struct interface_address *wanted,
                            const struct interface_address *addresses, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        if (addresses[i].ifindex == wanted->ifindex &&
            prefix_equal(&addresses[i].prefix, &wanted->prefix))
            found++;
    return found;
}

/* In a new list, and in the one that is kept while the kernel tells of no change. */
static uint32_t count_address(const struct interface_address *wanted)
{
    struct interface_address *addresses;
    const struct interface_address *current;
    uint32_t count;
    uint32_t current_count;
    ASSERT_DONE(address_list(netlink, &addresses, &count, &error));
    ASSERT_DONE(address_current(netlink, &current, &current_count, &error));
    uint32_t found = count_among(wanted, addresses, count);
    free(addresses);
    ck_assert_uint_eq(count_among(wanted, current, current_count), found);
    return found;
}

START_TEST(an_address_comes_and_goes)
{
    static const char *const texts[] = {"10.1.2.3/32", "fd00::1/128", "fd00:1::/48"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct interface_address wanted = {.ifindex = ifindex, .prefix = prefix(texts[i])};
        ck_assert_uint_eq(count_address(&wanted), 0);
        ASSERT_DONE(address_add(netlink, &wanted, &error));
        ck_assert_uint_eq(count_address(&wanted), 1);
        ck_assert_int_eq(address_add(netlink, &wanted, &error), -EEXIST);
        ck_assert_uint_eq(count_address(&wanted), 1);
        ASSERT_DONE(address_delete(netlink, &wanted, &error));
        ck_assert_uint_eq(count_address(&wanted), 0);
        ck_assert_int_eq(address_delete(netlink, &wanted, &error), -EADDRNOTAVAIL);
        ck_assert_ptr_nonnull(strstr(error.text, texts[i]));
    }
}
END_TEST

/* An IPv6 address as well, although it is tentative for a while. */
START_TEST(an_address_that_somebody_else_adds_is_seen_at_once)
{
    static const char *const texts[] = {"10.1.2.3/32", "fd00::1/128", "2001:db8::/64"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char command[96];
        struct interface_address wanted = {.ifindex = ifindex, .prefix = prefix(texts[i])};
        (void)snprintf(command, sizeof(command), "ip addr add %s dev left", texts[i]);
        (void)shell(command);
        ck_assert_uint_eq(count_address(&wanted), 1);
        (void)snprintf(command, sizeof(command), "ip addr del %s dev left", texts[i]);
        (void)shell(command);
        ck_assert_uint_eq(count_address(&wanted), 0);
    }
}
END_TEST

START_TEST(an_address_with_host_bits_keeps_them)
{
    struct interface_address wanted = {
        .ifindex = ifindex,
        .prefix = {.family = FAMILY_IPV4, .length = 18, .bytes = {10, 1, 2, 3}}};
    ASSERT_DONE(address_add(netlink, &wanted, &error));
    ck_assert_uint_eq(count_address(&wanted), 1);
    ck_assert_ptr_nonnull(strstr(shell("ip addr show left"), "inet 10.1.2.3/18"));
}
END_TEST

/* Routes. */

static struct route_change route_change(bool remove, const char *destination)
{
    return (struct route_change){.remove = remove,
                                 .route = {.destination = prefix(destination),
                                           .table = TABLE,
                                           .ifindex = ifindex,
                                           .protocol = PROTOCOL,
                                           .type = RTN_UNICAST}};
}

static int32_t apply_one(bool remove, const char *destination)
{
    struct route_change change = route_change(remove, destination);
    int32_t result = 1;
    int32_t code = route_apply(netlink, &change, 1, &result, &error);
    ck_assert_int_eq(code, result);
    return code;
}

static uint32_t count_routes(uint32_t table, uint8_t protocol)
{
    struct route *routes;
    uint32_t count;
    ASSERT_DONE(route_list(netlink, table, protocol, &routes, &count, &error));
    free(routes);
    return count;
}

START_TEST(a_route_reads_back_as_it_was_made)
{
    static const char *const destinations[] = {"10.1.0.0/18", "0.0.0.0/0", "10.1.2.3/32",
                                               "fd00:1::/48", "::/0",      "fd00::1/128"};
    for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++) {
        for (uint32_t metric = 0; metric < 100; metric += 50) {
            struct route_change change = route_change(false, destinations[i]);
            struct route *routes;
            uint32_t count;
            int32_t result;
            change.route.metric = metric;
            ASSERT_DONE(route_apply(netlink, &change, 1, &result, &error));
            ASSERT_DONE(route_list(netlink, TABLE, PROTOCOL, &routes, &count, &error));
            ck_assert_uint_eq(count, 1);
            ck_assert(prefix_equal(&routes[0].destination, &change.route.destination));
            ck_assert_uint_eq(routes[0].table, TABLE);
            ck_assert_uint_eq(routes[0].ifindex, ifindex);
            ck_assert_uint_eq(routes[0].metric, metric);
            ck_assert_uint_eq(routes[0].protocol, PROTOCOL);
            ck_assert_uint_eq(routes[0].type, RTN_UNICAST);
            free(routes);
            change.remove = true;
            ASSERT_DONE(route_apply(netlink, &change, 1, &result, &error));
            ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), 0);
        }
    }
}
END_TEST

START_TEST(a_failure_in_the_middle_names_its_route)
{
    static const char *const families[][3] = {
        {"10.%u.0.0/16", "10.70.0.0/16", "ip route add 10.70.0.0/16 dev right table 220"},
        {"fd00:%u::/32", "fd00:70::/32", "ip -6 route add fd00:70::/32 dev right table 220"}};
    enum { COUNT = 150 };
    for (size_t family = 0; family < 2; family++) {
        struct route_change changes[COUNT];
        int32_t results[COUNT];
        char text[64], wanted[128];
        shell(families[family][2]);
        for (uint32_t i = 0; i < COUNT; i++) {
            (void)snprintf(text, sizeof(text), family == 0 ? "10.%u.0.0/16" : "fd00:%u::/32", i);
            changes[i] = route_change(false, text);
        }
        ck_assert_int_eq(route_apply(netlink, changes, COUNT, results, &error), -EEXIST);
        for (uint32_t i = 0; i < COUNT; i++)
            ck_assert_int_eq(results[i], i == 70 ? -EEXIST : 0);
        (void)snprintf(wanted, sizeof(wanted), "add route %s to table 220: file exists",
                       families[family][1]);
        ck_assert_str_eq(error.text, wanted);
        ck_assert_uint_eq(error.reason, SUBWG_REASON_CONFLICT);
        ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), COUNT - 1);

        for (uint32_t i = 0; i < COUNT; i++)
            changes[i].remove = true;
        ck_assert_int_eq(route_apply(netlink, changes, COUNT, results, &error), -ESRCH);
        (void)snprintf(wanted, sizeof(wanted), "delete route %s from table 220: no such entry",
                       families[family][1]);
        ck_assert_str_eq(error.text, wanted);
        for (uint32_t i = 0; i < COUNT; i++)
            ck_assert_int_eq(results[i], i == 70 ? -ESRCH : 0);
        /* The other's route has our prefix and table; it stays. */
        ck_assert_uint_eq(count_routes(TABLE, 0), family + 1);
    }
}
END_TEST

START_TEST(a_list_holds_one_table_and_one_protocol)
{
    shell("ip route add 10.1.0.0/16 dev left table 220 proto static &&"
          "ip route add 10.2.0.0/16 dev left table 221 proto 158 &&"
          "ip route add blackhole 10.3.0.0/16 table 220 proto 158 &&"
          "ip -6 route add fd00:4::/32 dev left table 220 proto 158 metric 7 &&"
          "ip route add 10.5.0.0/16 table 1000 proto 158 "
          "nexthop dev left weight 1 nexthop dev right weight 1");
    ck_assert_uint_eq(count_routes(220, 158), 2);
    ck_assert_uint_eq(count_routes(220, 0), 3);
    ck_assert_uint_eq(count_routes(0, 158), 4);
    ck_assert_uint_eq(count_routes(999, 158), 0);

    struct route *routes;
    uint32_t count;
    ASSERT_DONE(route_list(netlink, 1000, 158, &routes, &count, &error));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(routes[0].ifindex, 0); /* it has two */
    ck_assert_uint_eq(routes[0].table, 1000);
    free(routes);
}
END_TEST

/* Nobody changed anything, but for so many routes more by ourselves. */
static void expect_unchanged(int32_t expected_ours)
{
    int32_t ours;
    ck_assert(route_unchanged(netlink, TABLE, ifindex, &ours));
    ck_assert_int_eq(ours, expected_ours);
}

/* The kernel has told of it when the command ends. */
static void expect_noticed(const char *command)
{
    int32_t ours;
    shell(command);
    ck_assert_msg(!route_unchanged(netlink, TABLE, ifindex, &ours), "%s", command);
}

START_TEST(whoever_changes_a_route_is_noticed_at_once)
{
    static const char *const changes[] = {
        "ip route add 10.1.0.0/16 dev left table 220",
        "ip route replace 10.1.0.0/16 dev right table 220",
        "ip route del 10.1.0.0/16 table 220",
        "ip route add 10.1.0.0/16 dev left table 220 && ip route flush table 220",
        "ip -6 route add fd00:1::/32 dev left table 220",
        "ip -6 route replace fd00:1::/32 dev right table 220",
        "ip -6 route del fd00:1::/32 table 220",
        "ip route add 10.5.0.0/16 table 220 nexthop dev left weight 1 nexthop dev right weight 1",
    };
    int32_t ours;
    ck_assert(!route_unchanged(netlink, TABLE, ifindex, &ours)); /* nobody listened before */
    expect_unchanged(0);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        expect_noticed(changes[i]);
        expect_unchanged(0);
        shell("ip route add 172.16.0.0/16 dev right table 221 && "
              "ip route del 172.16.0.0/16 table 221");
        expect_unchanged(0);
    }
}
END_TEST

/* With which routes may go that are not told of. More is told of a link later on. */
START_TEST(a_change_to_the_link_counts_as_one)
{
    static const char *const changes[] = {
        "ip link set left down",
        "ip link set left up",
        "ip addr add 10.1.2.3/32 dev left",
        "ip addr del 10.1.2.3/32 dev left",
        "ip link set left mtu 1200",
        "ip link del left",
    };
    int32_t ours;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        (void)route_unchanged(netlink, TABLE, ifindex, &ours);
        expect_noticed(changes[i]);
    }
}
END_TEST

START_TEST(own_routes_are_told_from_others)
{
    static const char *const destinations[] = {"10.1.0.0/16", "fd00:1::/32"};
    int32_t ours;
    (void)route_unchanged(netlink, TABLE, ifindex, &ours);
    for (size_t i = 0; i < 2; i++) {
        ASSERT_DONE(apply_one(false, destinations[i]));
        expect_unchanged(1);
        ck_assert_int_eq(apply_one(false, destinations[i]), -EEXIST);
        expect_unchanged(0);
        ASSERT_DONE(apply_one(true, destinations[i]));
        expect_unchanged(-1);
        ck_assert_int_eq(apply_one(true, destinations[i]), -ESRCH);
        expect_unchanged(0);
    }
}
END_TEST

/* More notices than wait in a socket, of others' routes, and one of ours in their midst. */
START_TEST(a_lost_notice_counts_as_a_change)
{
    int32_t ours;
    (void)route_unchanged(netlink, TABLE, ifindex, &ours);
    expect_noticed("ip route add 10.1.0.0/16 dev left table 220");
    expect_unchanged(0);
    expect_noticed("seq 0 4999 | awk '{ print \"route add 172.16.\" int($1 / 256) \".\" $1 % 256 "
                   "\"/32 dev right table 221\"; "
                   "if ($1 == 2500) print \"route del 10.1.0.0/16 table 220\" }' | ip -batch -");
    expect_unchanged(0);
    expect_noticed("ip route add 10.1.0.0/16 dev left table 220");
}
END_TEST

/* Others may put into the table what libnl cannot read. */
START_TEST(exotic_routes_do_not_spoil_the_list)
{
    static const char *const exotic[] = {
        "ip route add 10.7.0.0/16 encap ip id 5 dst 10.9.9.9 dev left table 220",
        "ip -6 route add fd07::/32 encap seg6 mode encap segs fd01::1 dev left table 220",
        "ip route add 10.9.0.0/16 via inet6 fe80::1 dev left table 220",
        "ip nexthop add id 7 dev left && ip route add 10.10.0.0/16 nhid 7 table 220"};
    char command[256];
    uint32_t taken = 0;
    for (size_t i = 0; i < sizeof(exotic) / sizeof(exotic[0]); i++) {
        (void)snprintf(command, sizeof(command), "{ %s; } 2>/dev/null && echo taken || true",
                       exotic[i]);
        taken += strstr(shell(command), "taken") != NULL;
    }
    ck_assert_uint_gt(taken, 0); /* kernels differ in what they are built with */
    ck_assert_int_eq(apply_one(false, "10.1.0.0/16"), 0);
    ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), 1);
    ck_assert_uint_eq(count_routes(TABLE, 0), taken + 1);
}
END_TEST

START_TEST(many_routes_come_and_go)
{
    enum { COUNT = 3000 };
    struct route_change *changes = calloc(COUNT, sizeof(*changes));
    int32_t *results = calloc(COUNT, sizeof(*results));
    ck_assert(changes != NULL && results != NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        changes[i] = route_change(false, "10.0.0.0/24");
        changes[i].route.destination.bytes[1] = (uint8_t)(i >> 8);
        changes[i].route.destination.bytes[2] = (uint8_t)i;
    }
    ASSERT_DONE(route_apply(netlink, changes, COUNT, results, &error));
    ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        changes[i].remove = true;
    ASSERT_DONE(route_apply(netlink, changes, COUNT, results, &error));
    ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), 0);
    free(changes);
    free(results);
}
END_TEST

START_TEST(routes_need_a_link_that_is_up)
{
    shell("ip link set left down");
    ck_assert_int_eq(apply_one(false, "10.1.0.0/16"), -ENETDOWN);
    ck_assert_int_eq(error.kernel_errno, ENETDOWN);
    ck_assert_int_eq(apply_one(false, "fd00:1::/48"), -ENETDOWN);
    ck_assert_uint_eq(error.flags, 0);
}
END_TEST

START_TEST(what_cannot_be_sent_stops_the_rest)
{
    struct route_change changes[3] = {route_change(false, "10.1.0.0/16"),
                                      route_change(false, "10.2.0.0/16"),
                                      route_change(false, "10.3.0.0/16")};
    int32_t results[3] = {1, 1, 1};
    changes[1].route.destination.family = 7;
    ck_assert_int_eq(route_apply(netlink, changes, 3, results, &error), -EAFNOSUPPORT);
    ck_assert_int_eq(results[0], 0);
    ck_assert_int_eq(results[1], -EAFNOSUPPORT);
    ck_assert_int_eq(results[2], -EAFNOSUPPORT);
    ck_assert_uint_eq(count_routes(TABLE, PROTOCOL), 1);
}
END_TEST

START_TEST(the_way_to_an_address)
{
    static const char *const hosts[] = {"192.0.2.1", "2001:db8::1"};
    shell("ip addr add 10.9.0.1/24 dev left && ip -6 addr add fd00:9::1/64 dev left nodad &&"
          "ip link set right mtu 1300 &&"
          "ip route add default via 10.9.0.2 && ip -6 route add default via fd00:9::2 &&"
          "ip route add 192.0.2.0/24 dev right table 9 &&"
          "ip -6 route add 2001:db8::/32 dev right table 9 &&"
          "ip rule add fwmark 9 lookup 9 && ip -6 rule add fwmark 9 lookup 9 &&"
          "ip route add 192.0.2.1/32 dev left mtu 1234 table 10 &&"
          "ip -6 route add 2001:db8::1/128 dev left mtu 1284 table 10 &&"
          "ip rule add fwmark 10 lookup 10 && ip -6 rule add fwmark 10 lookup 10");
    for (size_t i = 0; i < 2; i++) {
        struct address host = address(hosts[i]);
        struct route_lookup way;
        ASSERT_DONE(route_lookup(netlink, &host, 0, &way, &error));
        ck_assert_uint_eq(way.ifindex, ifindex);
        ck_assert_uint_eq(way.mtu, 1500);
        ck_assert_uint_eq(way.type, RTN_UNICAST);
        ASSERT_DONE(route_lookup(netlink, &host, 9, &way, &error));
        ck_assert_uint_ne(way.ifindex, ifindex);
        ck_assert_uint_eq(way.mtu, 1300);
        ASSERT_DONE(route_lookup(netlink, &host, 10, &way, &error));
        ck_assert_uint_eq(way.mtu, i == 0 ? 1234 : 1284);
    }
    struct address own = address("10.9.0.1");
    struct address own6 = address("fd00:9::1");
    struct route_lookup way;
    ASSERT_DONE(route_lookup(netlink, &own, 0, &way, &error));
    ck_assert_uint_eq(way.type, RTN_LOCAL);
    ASSERT_DONE(route_lookup(netlink, &own6, 0, &way, &error));
    ck_assert_uint_eq(way.type, RTN_LOCAL);
}
END_TEST

START_TEST(no_way_to_an_address)
{
    static const char *const hosts[] = {"192.0.2.1", "2001:db8::1"};
    for (size_t i = 0; i < 2; i++) {
        struct address host = address(hosts[i]);
        struct route_lookup way = {.mtu = 7};
        char text[128];
        ck_assert_int_eq(route_lookup(netlink, &host, 0, &way, &error), -ENETUNREACH);
        (void)snprintf(text, sizeof(text), "look up the route to %s: network is unreachable",
                       hosts[i]);
        ck_assert_str_eq(error.text, text);
        ck_assert_uint_eq(way.mtu, 7);
    }
    shell("ip -6 route add unreachable 2001:db8::/32 && ip route add prohibit 192.0.2.0/24");
    struct address host6 = address(hosts[1]);
    struct address host = address(hosts[0]);
    struct route_lookup way;
    ck_assert_int_lt(route_lookup(netlink, &host6, 0, &way, &error), 0);
    ck_assert_int_eq(route_lookup(netlink, &host, 0, &way, &error), -EACCES);
}
END_TEST

/* What is asked together is answered as if each were asked alone. */
START_TEST(the_ways_to_many_addresses)
{
    struct address hosts[LIMIT_LOOKUPS_A_SEND + 1];
    struct route_lookup ways[LIMIT_LOOKUPS_A_SEND + 1];
    int32_t results[LIMIT_LOOKUPS_A_SEND + 1];
    shell("ip addr add 10.9.0.1/24 dev left && ip -6 addr add fd00:9::1/64 dev left nodad &&"
          "ip link set right mtu 1300 &&"
          "ip route add 192.0.2.0/25 via 10.9.0.2 && ip -6 route add 2001:db8::/32 via fd00:9::2 &&"
          "ip route add 192.0.2.5/32 dev left mtu 1234 && ip route add 192.0.2.8/30 dev right &&"
          "ip route add prohibit 192.0.2.16/28");
    for (unsigned int i = 0; i <= LIMIT_LOOKUPS_A_SEND; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), i % 4 == 3 ? "2001:db8::%u" : "192.0.2.%u", i * 3);
        hosts[i] = address(text);
    }
    ASSERT_DONE(route_lookup_many(netlink, hosts, LIMIT_LOOKUPS_A_SEND, 0, ways, results, &error));
    unsigned int refused = 0;
    for (unsigned int i = 0; i < LIMIT_LOOKUPS_A_SEND; i++) {
        struct route_lookup way = {0};
        ck_assert_int_eq(results[i], route_lookup(netlink, &hosts[i], 0, &way, &error));
        refused += results[i] != 0;
        if (results[i] != 0)
            continue;
        ck_assert_uint_eq(ways[i].ifindex, way.ifindex);
        ck_assert_uint_eq(ways[i].mtu, way.mtu);
        ck_assert_uint_eq(ways[i].type, way.type);
    }
    ck_assert_uint_gt(refused, 4); /* behind 192.0.2.127 and where it is prohibited */
    ck_assert_uint_eq(ways[3].mtu, 1500);
    ck_assert_uint_eq(ways[1].mtu, 1500);
    ck_assert_int_eq(
        route_lookup_many(netlink, hosts, LIMIT_LOOKUPS_A_SEND + 1, 0, ways, results, &error),
        -EINVAL);
    hosts[1].family = 7;
    ck_assert_int_eq(route_lookup_many(netlink, hosts, 2, 0, ways, results, &error), -EAFNOSUPPORT);
}
END_TEST

/* Rules. */

static uint32_t count_rule(const struct rule *wanted)
{
    struct rule *rules;
    uint32_t count, found = 0;
    ASSERT_DONE(rule_list(netlink, &rules, &count, &error));
    for (uint32_t i = 0; i < count; i++)
        if (rules[i].family == wanted->family && rules[i].invert == wanted->invert &&
            rules[i].plain && rules[i].protocol == wanted->protocol &&
            rules[i].priority == wanted->priority && rules[i].mark == wanted->mark &&
            rules[i].mask == wanted->mask && rules[i].table == wanted->table)
            found++;
    free(rules);
    return found;
}

static struct rule our_rule(uint8_t family)
{
    return (struct rule){.family = family,
                         .invert = true,
                         .protocol = PROTOCOL,
                         .priority = 220,
                         .mark = MARK,
                         .mask = UINT32_MAX,
                         .table = TABLE};
}

START_TEST(a_rule_comes_and_goes)
{
    for (int i = 0; i < 2; i++) {
        struct rule rule = our_rule(i == 0 ? FAMILY_IPV4 : FAMILY_IPV6);
        const char *show = i == 0 ? "ip rule show" : "ip -6 rule show";
        ck_assert_uint_eq(count_rule(&rule), 0);
        ASSERT_DONE(rule_add(netlink, &rule, &error));
        ck_assert_uint_eq(count_rule(&rule), 1);
        ck_assert_ptr_nonnull(
            strstr(shell(show), "220:\tnot from all fwmark 0x16ef lookup 220 proto 158"));
        ck_assert_int_eq(rule_add(netlink, &rule, &error), -EEXIST);
        ck_assert_uint_eq(count_rule(&rule), 1);
        ASSERT_DONE(rule_delete(netlink, &rule, &error));
        ck_assert_uint_eq(count_rule(&rule), 0);
        ck_assert_int_eq(rule_delete(netlink, &rule, &error), -ENOENT);
        ck_assert_str_eq(error.text,
                         i == 0 ? "delete rule 220 (IPv4, not fwmark 0x16ef/0xffffffff lookup 220)"
                                  ": no such file or directory"
                                : "delete rule 220 (IPv6, not fwmark 0x16ef/0xffffffff lookup 220)"
                                  ": no such file or directory");
    }
}
END_TEST

START_TEST(the_invert_bit_tells_rules_apart)
{
    struct rule rule = our_rule(FAMILY_IPV4);
    struct rule straight = rule;
    straight.invert = false;
    ASSERT_DONE(rule_add(netlink, &straight, &error));
    ck_assert_uint_eq(count_rule(&straight), 1);
    ck_assert_uint_eq(count_rule(&rule), 0);
}
END_TEST

START_TEST(rules_that_ask_for_more_are_not_plain)
{
    static const char *const more[] = {
        "from 10.0.0.0/8", "to 10.0.0.0/8", "iif left",   "oif left",   "tos 0x10",
        "uidrange 0-7",    "ipproto udp",   "dport 5871", "sport 5871", "suppress_prefixlength 0"};
    static const char *const ours = "not fwmark 0x16ef/0xffffffff priority 220 protocol 158";
    struct rule rule = our_rule(FAMILY_IPV4);
    char command[256];
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        (void)snprintf(command, sizeof(command), "ip rule add %s lookup 220 %s", ours, more[i]);
        shell(command);
        ck_assert_msg(count_rule(&rule) == 0, "%s", command);
        shell("ip rule del priority 220");
    }
    (void)snprintf(command, sizeof(command), "ip rule add %s blackhole", ours);
    shell(command);
    ck_assert_uint_eq(count_rule(&rule), 0);
    (void)snprintf(command, sizeof(command), "ip rule add %s lookup 220", ours);
    shell(command);
    ck_assert_uint_eq(count_rule(&rule), 1);
}
END_TEST

START_TEST(the_kernels_own_rules_are_listed)
{
    struct rule local = {.family = FAMILY_IPV4, .protocol = RTPROT_KERNEL, .table = RT_TABLE_LOCAL};
    struct rule main6 = {.family = FAMILY_IPV6,
                         .protocol = RTPROT_KERNEL,
                         .priority = 32766,
                         .table = RT_TABLE_MAIN};
    ck_assert_uint_eq(count_rule(&local), 1);
    ck_assert_uint_eq(count_rule(&main6), 1);
}
END_TEST

/* Permission. */

START_TEST(without_the_capability_it_is_named)
{
    ck_assert_int_eq(setgid(65534), 0);
    ck_assert_int_eq(setuid(65534), 0);
    ck_assert_int_eq(link_set_mtu(netlink, ifindex, 1400, &error), -EPERM);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
    ck_assert_ptr_nonnull(strstr(error.hint, "CAP_NET_ADMIN"));
    ck_assert_int_eq(apply_one(false, "10.1.0.0/16"), -EPERM);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
    struct rule rule = our_rule(FAMILY_IPV4);
    ck_assert_int_eq(rule_add(netlink, &rule, &error), -EPERM);
    ck_assert_int_eq(link_create_wireguard(netlink, "subwg0", 0, &error), -EPERM);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_PERMISSION);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *test_case = tcase_create(name);
    tcase_add_checked_fixture(test_case, open_namespace, close_namespace);
    tcase_set_timeout(test_case, 30);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(test_case, tests[i]);
    suite_add_tcase(suite, test_case);
}

#define ADD_CASE(suite, name, ...)                                      \
    do {                                                                \
        const TTest *const tests[] = {__VA_ARGS__};                     \
        add_case(suite, name, tests, sizeof(tests) / sizeof(tests[0])); \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("netlink_route");
    ADD_CASE(suite, "link", a_link_is_described, a_missing_link_is_no_device,
             alias_mtu_and_state_change_alone, the_kernels_sentence_is_told, a_deleted_link_is_gone,
             no_wireguard_in_the_kernel);
    ADD_CASE(suite, "address", an_address_comes_and_goes,
             an_address_that_somebody_else_adds_is_seen_at_once,
             an_address_with_host_bits_keeps_them);
    ADD_CASE(suite, "route", a_route_reads_back_as_it_was_made,
             a_failure_in_the_middle_names_its_route, whoever_changes_a_route_is_noticed_at_once,
             a_change_to_the_link_counts_as_one, own_routes_are_told_from_others,
             a_lost_notice_counts_as_a_change, a_list_holds_one_table_and_one_protocol,
             exotic_routes_do_not_spoil_the_list, many_routes_come_and_go,
             routes_need_a_link_that_is_up, what_cannot_be_sent_stops_the_rest,
             the_way_to_an_address, no_way_to_an_address, the_ways_to_many_addresses);
    ADD_CASE(suite, "rule", a_rule_comes_and_goes, the_invert_bit_tells_rules_apart,
             rules_that_ask_for_more_are_not_plain, the_kernels_own_rules_are_listed);
    ADD_CASE(suite, "permission", without_the_capability_it_is_named);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
