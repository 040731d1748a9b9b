/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May a connection stand beside all others? The host's addresses are what a test says they are; no
 * kernel is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "wireguard/instance.h"

static struct subwg_instance instance;
static struct subwg_error error;

static struct interface_address host_addresses[4];
static uint32_t host_address_count;
static int32_t host_address_code;

/* Takes the place of the one that asks the kernel. */
int32_t address_current(struct netlink *netlink, const struct interface_address **ret_addresses,
                        uint32_t *ret_count, struct subwg_error *ret_error)
{
    (void)netlink;
    (void)ret_error;
    *ret_addresses = host_addresses;
    *ret_count = host_address_count;
    return host_address_code;
}

static uint32_t conflicts;
static char conflict_clusters[64];

static void take_event(void *context, const struct subwg_event *event)
{
    (void)context;
    ck_assert_uint_eq(event->kind, SUBWG_EVENT_CONFLICT);
    ck_assert(strlen(conflict_clusters) + strlen(event->cluster_id) + 2 <
              sizeof(conflict_clusters));
    strncat(conflict_clusters, event->cluster_id, 20);
    strncat(conflict_clusters, " ", 2);
    conflicts++;
}

/* An address with its length, host bits and all. */
static struct prefix interface_prefix(const char *address, uint8_t length)
{
    struct address parsed = address_of(address);
    struct prefix prefix = prefix_of_address(&parsed);
    prefix.length = length;
    return prefix;
}

static void start(void)
{
    static struct prefix local[2];
    static char own[] = "cluster1";
    local[0] = prefix_of("10.233.0.0/18");
    local[1] = prefix_of("fd00:1::/48");
    instance = (struct subwg_instance){
        .settings = {.port = 5871,
                     .remote_port = 5871,
                     .keepalive_s = 10,
                     .mark = 5871,
                     .min_prefix_ipv4 = 8,
                     .min_prefix_ipv6 = 16,
                     .max_subnets = 1024},
        .ifindex = 7,
        .public_key = key_of(1000),
        .local = {.cluster_id = own,
                  .private_address = address_of("10.243.64.6"),
                  .public_address = address_of("198.51.100.6"),
                  .subnets = local,
                  .subnet_count = 2},
    };
    instance.host.event = take_event;
    host_addresses[0] = (struct interface_address){2, interface_prefix("10.243.64.6", 24)};
    host_addresses[1] = (struct interface_address){2, interface_prefix("2001:db8:64::6", 64)};
    host_addresses[2] = (struct interface_address){1, interface_prefix("127.0.0.1", 8)};
    host_addresses[3] = (struct interface_address){7, interface_prefix("10.233.0.1", 32)};
    host_address_count = 4;
    conflicts = 0;
    table_start(&instance.table);
}

static struct connection *make(const char *cluster_id, uint32_t key_number, const char *address,
                               const char *subnet)
{
    char key_text[KEY_TEXT_SIZE];
    struct key key = key_of(key_number);
    const struct subwg_setting config[] = {{"publicKey", key_format(&key, key_text)}};
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    struct connection *connection = NULL;
    endpoint.cluster_id = cluster_id;
    endpoint.private_ip = address;
    endpoint.subnets = &subnet;
    endpoint.subnet_count = 1;
    endpoint.backend_config = config;
    endpoint.backend_config_count = 1;
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    int32_t code = connection_from_endpoint(&interfaces_here, &endpoint, &instance.settings,
                                            &connection, &error);
    ck_assert_msg(code == 0, "%s", error.text);
    return connection;
}

static void install(struct connection *connection)
{
    ck_assert(table_reserve(&instance.table));
    table_insert(&instance.table, connection);
}

/* Checks a candidate and forgets it. */
static int32_t check(struct connection *candidate)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    int32_t code = policy_check(&instance, candidate, &error);
    ck_assert_int_eq(error.code, code);
    connection_destroy(candidate);
    return code;
}

static void check_refused(struct connection *candidate, int32_t code, enum subwg_reason reason,
                          const char *word)
{
    int32_t found = check(candidate);
    ck_assert_msg(found == code && error.reason == reason, "%d, reason %u: %s", found, error.reason,
                  error.text);
    ck_assert_msg(strstr(error.text, word) != NULL, "no word of %s: %s", word, error.text);
}

START_TEST(an_ordinary_connection_may_stand)
{
    start();
    ck_assert_int_eq(check(make("cluster2", 2, "10.243.64.7", "10.234.0.0/18")), 0);
    install(make("cluster2", 2, "10.243.64.7", "10.234.0.0/18"));
    ck_assert_int_eq(check(make("cluster3", 3, "10.243.64.9", "11.235.0.0/18")), 0);
    ck_assert_int_eq(check(make("cluster3", 3, "2001:db8:64::9", "fd00:3::/48")), 0);
    ck_assert_uint_eq(conflicts, 0);
    table_finish(&instance.table);
}
END_TEST

START_TEST(our_own_key_is_refused)
{
    start();
    check_refused(make("cluster2", 1000, "10.243.64.7", "10.234.0.0/18"), -EPERM,
                  SUBWG_REASON_REFUSED, "own");
    table_finish(&instance.table);
}
END_TEST

START_TEST(a_key_belongs_to_one_cluster)
{
    start();
    install(make("cluster2", 2, "10.243.64.7", "10.234.0.0/18"));
    check_refused(make("cluster3", 2, "10.243.64.9", "11.235.0.0/18"), -EEXIST,
                  SUBWG_REASON_CONFLICT, "'cluster2'");
    ck_assert_int_eq(check(make("cluster2", 2, "10.243.64.9", "11.235.0.0/18")), 0);
    ck_assert_int_eq(check(make("cluster2", 3, "10.243.64.7", "10.234.0.0/18")), 0);
    table_finish(&instance.table);
}
END_TEST

START_TEST(an_owner_keeps_its_prefix)
{
    static const char *const claims[] = {"10.234.0.0/18", "10.234.1.0/24", "10.234.0.1/32",
                                         "10.234.0.0/16", "10.0.0.0/8"};
    for (int i = 0; i < 5; i++) {
        start();
        instance.local.subnet_count = 0;
        host_address_count = 0;
        conflict_clusters[0] = '\0';
        install(make("cluster2", 2, "10.243.64.7", "10.234.0.0/18"));
        check_refused(make("cluster3", 3, "10.243.64.9", claims[i]), -EEXIST, SUBWG_REASON_CONFLICT,
                      "'cluster2'");
        ck_assert_msg(strstr(error.text, claims[i]) != NULL, "%s", error.text);
        ck_assert_uint_eq(conflicts, 2); /* reported on both */
        ck_assert_ptr_nonnull(strstr(conflict_clusters, "cluster2 "));
        ck_assert_ptr_nonnull(strstr(conflict_clusters, "cluster3 "));
        ck_assert_int_eq(check(make("cluster2", 2, "10.243.64.7", claims[i])), 0);
        table_finish(&instance.table);
    }
}
END_TEST

START_TEST(behind_its_own_prefixes_the_others_are_seen)
{
    start();
    install(make("cluster2", 2, "10.243.64.7", "11.0.1.0/24"));
    install(make("cluster3", 3, "10.243.64.9", "11.0.2.0/24"));
    check_refused(make("cluster2", 2, "10.243.64.7", "11.0.0.0/16"), -EEXIST, SUBWG_REASON_CONFLICT,
                  "'cluster3'");
    table_finish(&instance.table);
}
END_TEST

START_TEST(a_leftover_is_claimed_with_its_key_and_not_without)
{
    start();
    struct prefix prefix = prefix_of("10.234.0.0/18");
    const struct wg_peer peer = {.public_key = key_of(2), .allowed_ip_count = 1};
    const struct wg_device device = {.allowed_ips = &prefix, .allowed_ip_count = 1};
    struct connection *leftover = connection_from_peer(&device, &peer);
    ck_assert_ptr_nonnull(leftover);
    install(leftover);
    ck_assert_int_eq(check(make("cluster2", 2, "10.243.64.7", "10.234.0.0/18")), 0);
    check_refused(make("cluster3", 3, "10.243.64.9", "10.234.1.0/24"), -EEXIST,
                  SUBWG_REASON_CONFLICT, "earlier run");
    table_finish(&instance.table);
}
END_TEST

START_TEST(our_own_networks_are_ours)
{
    static const char *const subnets[][2] = {
        {"10.233.0.0/18", "own cluster's"}, {"10.233.1.0/24", "own cluster's"},
        {"10.232.0.0/15", "own cluster's"}, {"fd00:1:0:7::/64", "own cluster's"},
        {"10.243.64.0/24", "this host"},    {"10.243.64.0/25", "this host"},
        {"10.243.0.0/16", "this host"},     {"10.243.64.6/32", "this host"},
        {"2001:db8:64::/48", "this host"},  {"2001:db8:64::/80", "this host"},
    };
    for (size_t i = 0; i < sizeof(subnets) / sizeof(subnets[0]); i++) {
        start();
        check_refused(make("cluster2", 2, "192.0.2.7", subnets[i][0]), -EPERM, SUBWG_REASON_REFUSED,
                      subnets[i][1]);
        ck_assert_msg(strstr(error.text, subnets[i][0]) != NULL, "%s", error.text);
        if (strcmp(subnets[i][1], "this host") == 0) /* the network, not the address in it */
            ck_assert_msg(strstr(error.text, "::6/") == NULL && strstr(error.text, ".6/24") == NULL,
                          "%s", error.text);
        table_finish(&instance.table);
    }
}
END_TEST

START_TEST(an_address_that_appears_later_counts_too)
{
    start();
    host_address_count = 1;
    ck_assert_int_eq(check(make("cluster2", 2, "192.0.2.7", "2001:db8:64::/64")), 0);
    host_address_count = 2;
    check_refused(make("cluster2", 2, "192.0.2.7", "2001:db8:64::/64"), -EPERM,
                  SUBWG_REASON_REFUSED, "this host");
    table_finish(&instance.table);
}
END_TEST

START_TEST(the_tunnel_itself_is_no_network_of_the_host)
{
    start();
    host_addresses[3].prefix = interface_prefix("10.240.0.1", 16);
    ck_assert_int_eq(check(make("cluster2", 2, "192.0.2.7", "10.240.0.0/24")), 0);
    table_finish(&instance.table);
}
END_TEST

START_TEST(we_are_no_remote)
{
    static const char *const ours[] = {"10.243.64.6", "2001:db8:64::6", "198.51.100.6"};
    for (int i = 0; i < 3; i++) {
        start();
        check_refused(make("cluster2", 2, ours[i], "10.234.0.0/18"), -EPERM, SUBWG_REASON_REFUSED,
                      ours[i]);
        table_finish(&instance.table);
    }
    /* Behind one public address another gateway may listen on another port. */
    start();
    struct connection *neighbour = make("cluster2", 2, "198.51.100.6", "10.234.0.0/18");
    neighbour->endpoint.port = 5872;
    ck_assert_int_eq(check(neighbour), 0);
    table_finish(&instance.table);
}
END_TEST

START_TEST(without_a_mark_no_gateway_may_lie_in_a_tunnel)
{
    for (int marked = 0; marked < 2; marked++) {
        start();
        instance.settings.mark = marked ? 5871 : 0;
        install(make("cluster2", 2, "192.0.2.7", "11.0.0.0/16"));
        struct connection *candidates[] = {
            make("cluster3", 3, "192.0.2.9", "192.0.2.0/24"),    /* its own gateway */
            make("cluster3", 3, "198.51.100.9", "192.0.2.0/28"), /* another's */
            make("cluster3", 3, "11.0.0.9", "11.1.0.0/16"),      /* in another's tunnel */
        };
        for (int i = 0; i < 3; i++) {
            if (marked)
                ck_assert_int_eq(check(candidates[i]), 0);
            else
                check_refused(candidates[i], -EPERM, SUBWG_REASON_REFUSED, "mark");
        }
        table_finish(&instance.table);
    }
}
END_TEST

START_TEST(what_cannot_be_read_is_not_allowed)
{
    start();
    host_address_code = -ETIMEDOUT;
    struct connection *candidate = make("cluster2", 2, "10.243.64.7", "10.234.0.0/18");
    ck_assert_int_eq(policy_check(&instance, candidate, &error), -ETIMEDOUT);
    host_address_code = 0;
    connection_destroy(candidate);
    table_finish(&instance.table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_ordinary_connection_may_stand,
        our_own_key_is_refused,
        a_key_belongs_to_one_cluster,
        an_owner_keeps_its_prefix,
        behind_its_own_prefixes_the_others_are_seen,
        a_leftover_is_claimed_with_its_key_and_not_without,
        our_own_networks_are_ours,
        an_address_that_appears_later_counts_too,
        the_tunnel_itself_is_no_network_of_the_host,
        we_are_no_remote,
        without_a_mark_no_gateway_may_lie_in_a_tunnel,
        what_cannot_be_read_is_not_allowed,
        NULL,
    };
    return unit_run("wireguard_policy", tests);
}
