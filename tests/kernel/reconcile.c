/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift as only a real kernel makes it: what falls with a link, an address or an MTU, whom it takes a
 * rule or a route for, what it lets nobody rename. Each test in a network namespace of its own.
 * T30, T37, T39, T40, T40b, T40d, T49, T52, T91.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/subwg.h>

#define DEVICE "subwg0"
#define PEER_2 "9tWjZYY5vSURNyuDODfE2lHzupqNrZf3bHE4fRAHswc="
#define PEER_3 "HE1RlIqTXrBDJRfQRaZY0/AJz/+fk1sbJosEgKJj43Q="

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct subwg_error error = SUBWG_ERROR_INIT;
static char published_key[64];
static char sentences[4096]; /* of the last reconcile, one a line */

/* One shell command, which must succeed. */
__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    int status = system(command);
    ck_assert_msg(status == 0, "%s: status 0x%x", command, status);
}

static void take_log(void *context, const char *driver, uint32_t level, const char *text)
{
    (void)context;
    (void)driver;
    (void)level;
    (void)text;
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    (void)context;
    if (strcmp(key, "publicKey") == 0)
        (void)snprintf(published_key, sizeof(published_key), "%s", value);
    return 0;
}

static void connect_cluster(const char *cluster_id, const char *key, const char *address,
                            const char *const subnets[2])
{
    const struct subwg_setting config[] = {{"publicKey", key}};
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    endpoint.cluster_id = cluster_id;
    endpoint.cable_name = cluster_id;
    endpoint.hostname = cluster_id;
    endpoint.private_ip = address;
    endpoint.backend = "wireguard";
    endpoint.subnets = subnets;
    endpoint.subnet_count = 2;
    endpoint.backend_config = config;
    endpoint.backend_config_count = 1;
    ck_assert_msg(subwg_cable_connect(cable, &endpoint, NULL, &error) == 0, "%s", error.text);
}

static void take_report(void *context, uint32_t repaired, const char *text)
{
    (void)context;
    size_t used = strlen(sentences);
    (void)snprintf(sentences + used, sizeof(sentences) - used, "%c %s\n", repaired ? '+' : '-',
                   text);
}

static int32_t reconcile(uint32_t flags)
{
    sentences[0] = '\0';
    return subwg_cable_reconcile(cable, flags, take_report, NULL, &error);
}

/* Until the routes are known without a list: what is lost then has to be noticed. */
static void become_quiet(void)
{
    for (int i = 0; i < 3; i++)
        ck_assert_msg(reconcile(0) == 0, "%s", sentences);
}

static void start(void)
{
    const struct subwg_cable_callbacks callbacks = {.log = take_log, .publish = take_published};
    const char *const own_subnets[] = {"10.233.0.0/18", "fd00:233::/48"};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    shell("printf '%%s\\n' 'link set lo up' 'link add eth7 type dummy' "
          "'link set eth7 addrgenmode none' 'link set eth7 up' "
          "'address add 10.243.64.6/24 dev eth7' 'address add 10.233.0.1/24 dev eth7' "
          "'address add fd00:64::6/64 dev eth7 nodad' | ip -batch -");
    local.cluster_id = "cluster1";
    local.cable_name = "cluster1";
    local.hostname = "worker1";
    local.private_ip = "10.243.64.6";
    local.backend = "wireguard";
    local.subnets = own_subnets;
    local.subnet_count = 2;
    ck_assert_int_eq(subwg_registry_create(&registry, &error), 0);
    ck_assert_int_eq(subwg_registry_add(registry, subwg_wireguard_driver(), &error), 0);
    ck_assert_int_eq(
        subwg_cable_create(registry, "wireguard", &callbacks, &local, NULL, 0, &cable, &error), 0);
    ck_assert_msg(subwg_cable_init(cable, &error) == 0, "%s", error.text);
    connect_cluster("cluster2", PEER_2, "10.243.64.7",
                    (const char *const[]){"10.234.0.0/18", "fd00:234::/48"});
    connect_cluster("cluster3", PEER_3, "fd00:64::8",
                    (const char *const[]){"10.235.0.0/18", "fd00:235::/48"});
    ck_assert_int_ge(subwg_cable_list_complete(cable, &error), 0);
    become_quiet();
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}

/* So many differences, each of which is repaired, and then there is none. */
static void expect_repair(int32_t count, const char *sentence)
{
    int32_t code = reconcile(0);
    ck_assert_msg(code == count && strstr(sentences, sentence) != NULL &&
                      strstr(sentences, "\n- ") == NULL && sentences[0] == '+',
                  "%d, %s:\n%s", code, code < 0 ? error.text : "", sentences);
    code = reconcile(SUBWG_RECONCILE_DRY_RUN);
    ck_assert_msg(code == 0, "%d, then:\n%s", code, sentences);
    become_quiet();
}

/* All that the driver has in the kernel: routes, rules, the source address, peers; and no more. */
static void expect_whole(void)
{
    unsigned int lines = 0;
    int byte;
    FILE *listing = popen("ip -4 route show table 220 proto 158 dev " DEVICE
                          "; ip -6 route show table 220 proto 158 dev " DEVICE
                          "; ip -4 rule list table 220; ip -6 rule list table 220"
                          "; ip -4 -o address show dev " DEVICE " to 10.233.0.1/32"
                          "; wg show " DEVICE " peers",
                          "r");
    ck_assert_ptr_nonnull(listing);
    while ((byte = fgetc(listing)) != EOF)
        lines += byte == '\n';
    ck_assert_int_eq(pclose(listing), 0);
    ck_assert_uint_eq(lines, 2 + 2 + 1 + 1 + 1 + 2);
}

/* Of the device, or NULL: of all links. */
static FILE *open_rp_filter(const char *link, const char *mode)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter",
                   link != NULL ? link : "all");
    FILE *file = fopen(path, mode);
    ck_assert_ptr_nonnull(file);
    return file;
}

static void set_rp_filter(const char *link, int value)
{
    FILE *file = open_rp_filter(link, "we");
    ck_assert_int_ge(fprintf(file, "%d", value), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static int read_rp_filter(const char *link)
{
    FILE *file = open_rp_filter(link, "re");
    int value = fgetc(file) - '0';
    ck_assert_int_eq(fclose(file), 0);
    return value;
}

START_TEST(without_drift_nothing_is_found)
{
    ck_assert_msg(reconcile(0) == 0, "%s", sentences);
    expect_whole();
}
END_TEST

START_TEST(what_falls_with_a_link_comes_back)
{
    shell("ip link set " DEVICE " down");
    expect_repair(1, DEVICE " is down: repaired");
    expect_whole();
    shell("ip link set " DEVICE " down && ip link set " DEVICE " up");
    expect_repair(4, "the route to fd00:235::/48 of cluster 'cluster3' is missing");
    expect_whole();
    shell("ip address del 10.233.0.1/32 dev " DEVICE);
    expect_repair(3,
                  DEVICE " lacks the address 10.233.0.1/32"); /* the last one, so its routes go */
    expect_whole();
}
END_TEST

/* T91. Each by a process of its own, which has got its answer when reconcile begins. */
START_TEST(a_lost_route_is_noticed_at_once)
{
    for (int i = 0; i < 3; i++) {
        shell("ip route del 10.234.0.0/18 table 220");
        expect_repair(1, "the route to 10.234.0.0/18 of cluster 'cluster2' is missing");
        shell("ip -6 route del fd00:235::/48 table 220");
        expect_repair(1, "the route to fd00:235::/48 of cluster 'cluster3' is missing");
    }
    shell("ip route flush table 220 && ip -6 route flush table 220");
    expect_repair(4, "the route to fd00:234::/48 of cluster 'cluster2' is missing");
    shell("ip route add 10.99.0.0/16 dev " DEVICE " table 220 proto 158");
    expect_repair(1, "the route to 10.99.0.0/16 in table 220 is nobody's");
    expect_whole();
}
END_TEST

/* T91: more notices than wait in a socket, and in their midst the two that count. */
START_TEST(a_route_lost_in_a_storm_of_notices_is_noticed)
{
    shell("seq 0 9999 | awk '{ print \"route add 172.16.\" int($1 / 256) \".\" $1 %% 256 "
          "\"/32 dev eth7 table 221\"; "
          "if ($1 == 5000) print \"route del 10.235.0.0/18 table 220\\n"
          "route del fd00:234::/48 table 220\" }' | ip -batch -");
    expect_repair(2, "the route to fd00:234::/48 of cluster 'cluster2' is missing");
    expect_whole();
}
END_TEST

START_TEST(ipv6_comes_back_after_an_mtu_that_is_too_small)
{
    shell("ip link set " DEVICE " mtu 1279");
    expect_repair(3, DEVICE " has an MTU of 1279 instead of 1420");
    expect_whole();
    shell("ip link set " DEVICE " mtu 1279 && ip link set " DEVICE " mtu 1420");
    expect_repair(2, "the route to fd00:234::/48 of cluster 'cluster2' is missing");
    expect_whole();
}
END_TEST

START_TEST(the_mtu_follows_the_smallest_path)
{
    shell("ip link set eth7 mtu 1400");
    expect_repair(1, DEVICE " has an MTU of 1420 instead of 1320");
    shell("ip route add 10.243.64.7/32 dev eth7 mtu lock 1380");
    expect_repair(1, "instead of 1300");
    shell("ip route del 10.243.64.7/32 dev eth7 && ip link set eth7 mtu 1500");
    expect_repair(1, "instead of 1420");
}
END_TEST

/* iproute2 adds exclusively; the second of a pair differs in who made it. */
START_TEST(exactly_one_rule_of_ours_stays)
{
    shell("ip rule del table 220 && ip -6 rule del table 220");
    expect_repair(2, "the IPv6 rule 220 'not fwmark 0x16ef lookup 220' is missing");
    shell("ip rule add not fwmark 5871 lookup 220 priority 220 protocol 4");
    ck_assert_msg(reconcile(0) == 0, "%s", sentences);
    shell("ip rule del not fwmark 5871 lookup 220 priority 220 protocol 158");
    expect_repair(1, "the IPv4 rule 220 'not fwmark 0x16ef lookup 220' is missing");
    shell("test $(ip rule list table 220 | wc -l) = 2");
    shell("ip rule del not fwmark 5871 lookup 220 priority 220 protocol 4");
    expect_whole();
}
END_TEST

START_TEST(a_foreign_route_in_the_way_is_told_and_left)
{
    shell("ip route del 10.234.0.0/18 table 220 && "
          "ip route add 10.234.0.0/18 dev eth7 table 220 proto static && "
          "ip -6 route del fd00:234::/48 table 220 && "
          "ip -6 route add fd00:234::/48 dev eth7 table 220 proto static metric 1");
    ck_assert_int_eq(reconcile(0), 2);
    ck_assert_ptr_nonnull(strstr(sentences, "- a foreign route to 10.234.0.0/18 stands in table"));
    ck_assert_ptr_nonnull(strstr(sentences, "- a foreign route to fd00:234::/48 stands in table"));
    shell("ip route show table 220 | grep -q '10.234.0.0/18 dev eth7 proto static'");
    shell("test $(ip -6 route show table 220 fd00:234::/48 | wc -l) = 1");
    shell("ip route del 10.234.0.0/18 table 220 && ip -6 route del fd00:234::/48 table 220");
    expect_repair(2, "the route to fd00:234::/48 of cluster 'cluster2' is missing");
    expect_whole();
}
END_TEST

/* The larger of both counts, and only strict (1) is told. */
START_TEST(a_strict_reverse_path_filter_is_told)
{
    for (int all = 0; all < 3; all++)
        for (int own = 0; own < 3; own++) {
            set_rp_filter(NULL, all);
            set_rp_filter(DEVICE, own);
            int32_t expected = (all > own ? all : own) == 1;
            ck_assert_msg(reconcile(0) == expected, "all %d, own %d: %s", all, own, sentences);
            ck_assert_int_eq(read_rp_filter(DEVICE), own);
        }
}
END_TEST

START_TEST(what_wg_changes_is_repaired)
{
    shell("wg set " DEVICE " peer " PEER_2 " remove");
    expect_repair(1, "the peer of cluster 'cluster2' is missing");
    shell("wg set " DEVICE " peer " PEER_3 " allowed-ips 10.234.0.0/18,10.235.0.0/18");
    expect_repair(2, "the peer of cluster 'cluster2' has not its subnet 10.234.0.0/18");
    shell("wg set " DEVICE " peer " PEER_2 " persistent-keepalive 99 peer " PEER_3
          " allowed-ips 10.235.0.0/18,fd00:235::/48,10.99.0.0/16");
    expect_repair(2, "the peer of cluster 'cluster3' has what is not its subnet: 10.99.0.0/16");
    shell("wg set " DEVICE " listen-port 4711 fwmark 7");
    expect_repair(2, DEVICE " listens on port 4711 instead of 5871");
    shell("wg genkey | wg pubkey | xargs -I KEY wg set " DEVICE
          " peer KEY allowed-ips 10.98.0.0/16");
    expect_repair(1, "a foreign peer");
    shell("ip link set " DEVICE " alias mine");
    expect_repair(1, "does not carry the alias");
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", published_key);
    shell("wg genkey | wg set " DEVICE " private-key /dev/stdin");
    expect_repair(1, "has another private key");
    ck_assert_str_ne(before, published_key);
    shell("test $(wg show " DEVICE " public-key) = %s", published_key);
    expect_whole();
}
END_TEST

START_TEST(a_deleted_device_is_made_anew)
{
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", published_key);
    shell("ip link del " DEVICE);
    expect_repair(1, DEVICE " is gone, with 2 peers and 4 routes");
    ck_assert_str_ne(before, published_key);
    shell("test $(wg show " DEVICE " public-key) = %s", published_key);
    expect_whole();
}
END_TEST

/* Old kernels rename no device that is up. */
START_TEST(a_renamed_device_is_followed_and_a_stranger_left_alone)
{
    shell("ip link set " DEVICE " down && ip link set " DEVICE " name wg7 && ip link set wg7 up && "
          "ip link add " DEVICE " type wireguard && wg show " DEVICE " dump >/tmp/subwg-stranger");
    shell("wg set wg7 peer " PEER_2 " remove");
    ck_assert_int_eq(reconcile(0), 6);
    ck_assert_ptr_nonnull(
        strstr(sentences, "- " DEVICE " was renamed to wg7: could not rename it back"));
    ck_assert_ptr_nonnull(strstr(sentences, "+ the peer of cluster 'cluster2' is missing"));
    shell("wg show wg7 peers | grep -q " PEER_2);
    shell("wg show " DEVICE " dump | cmp - /tmp/subwg-stranger");
    shell("test $(ip route show table 220 dev wg7 | wc -l) = 2");
    shell("ip link del " DEVICE " && ip link set wg7 down");
    ck_assert_int_eq(reconcile(0), 2);
    ck_assert_ptr_nonnull(strstr(sentences, "+ " DEVICE " was renamed to wg7: repaired"));
    expect_whole();
}
END_TEST

START_TEST(a_device_that_was_moved_away_is_made_anew)
{
    shell("ip netns add subwg-away && ip link set " DEVICE " netns subwg-away");
    expect_repair(1, DEVICE " is gone, with 2 peers and 4 routes");
    expect_whole();
    shell("ip netns del subwg-away");
}
END_TEST

/* T37: after all of this by hand, too. */
START_TEST(cleanup_leaves_nothing_of_ours_and_all_of_others)
{
    shell("ip route add 10.1.0.0/16 dev eth7 table 220 proto static && "
          "ip rule add fwmark 5871 lookup 221 priority 219");
    shell("ip rule del table 220 && ip route del 10.234.0.0/18 table 220 && ip link set " DEVICE
          " down && ip link set " DEVICE " name wg7");
    ck_assert_int_eq(subwg_cable_cleanup(cable, &error), 0);
    ck_assert_int_eq(subwg_cable_cleanup(cable, &error), 0);
    shell(
        "test -z \"$(ip -o link show type wireguard)\" && test $(ip route show table 220 | wc -l) "
        "= 1 && "
        "test $(ip rule list table 220 | wc -l) = 0 && test $(ip rule list table 221 | wc -l) = 1");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        without_drift_nothing_is_found,
        what_falls_with_a_link_comes_back,
        a_lost_route_is_noticed_at_once,
        a_route_lost_in_a_storm_of_notices_is_noticed,
        ipv6_comes_back_after_an_mtu_that_is_too_small,
        the_mtu_follows_the_smallest_path,
        exactly_one_rule_of_ours_stays,
        a_foreign_route_in_the_way_is_told_and_left,
        a_strict_reverse_path_filter_is_told,
        what_wg_changes_is_repaired,
        a_deleted_device_is_made_anew,
        a_renamed_device_is_followed_and_a_stranger_left_alone,
        a_device_that_was_moved_away_is_made_anew,
        cleanup_leaves_nothing_of_ours_and_all_of_others,
    };
    Suite *suite = suite_create("reconcile");
    TCase *cases = tcase_create("reconcile");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, start, stop);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
