/* SPDX-License-Identifier: Apache-2.0 */
/* From an announcement, or from a peer of an earlier run, to a connection in checked form. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "wireguard_sample.h"

static bool has_prefix(const char *text)
{
    struct prefix prefix = prefix_of(text);
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        if (prefix_equal(&connection->allowed_ips[i], &prefix))
            return prefix_equal(&connection->subnets[i].node.prefix, &prefix);
    return false;
}

START_TEST(a_good_endpoint_becomes_a_connection)
{
    struct sample sample;
    struct key key;
    sample_fill(&sample);
    sample_check_taken(&sample);
    /* All of it is a copy: the endpoint is borrowed for the call. */
    char *id = strdup("cluster2");
    sample.endpoint.cluster_id = id;
    sample_check_taken(&sample);
    memset(id, '#', 8);
    free(id);
    memset(&sample, '#', sizeof(sample));

    ck_assert_str_eq(connection->cluster_id, "cluster2");
    ck_assert_str_eq(connection->cable_name, "submariner-cable-cluster2-10-243-64-7");
    ck_assert_str_eq(connection->hostname, "worker2");
    ck_assert_str_eq(connection->private_ip, "10.243.64.7");
    ck_assert_str_eq(connection->public_ip, "");
    ck_assert_str_eq(connection->remote_ip, "10.243.64.7");
    ck_assert_uint_eq(connection->subnet_text_count, 2);
    ck_assert_str_eq(connection->subnet_texts[0], "10.234.0.0/18");
    ck_assert_str_eq(connection->subnet_texts[1], "10.234.64.0/18");
    ck_assert_int_eq(key_parse_public(SAMPLE_KEY, &key), KEY_OK);
    ck_assert(key_equal(&connection->public_key, &key));
    struct socket_address remote = {address_of("10.243.64.7"), 5872};
    ck_assert(socket_address_equal(&connection->endpoint, &remote));
    ck_assert_uint_eq(connection->keepalive_s, 10);
    ck_assert_uint_eq(connection->subnet_count, 2);
    ck_assert(has_prefix("10.234.0.0/18") && has_prefix("10.234.64.0/18"));
    ck_assert(!connection->use_nat && !connection->adopted);
    ck_assert_uint_eq(connection->installed, INSTALLED_NOTHING);
}
END_TEST

START_TEST(both_families_inside_and_outside_and_mixed)
{
    static const char *const outside[] = {"192.0.2.7", "2001:db8::7"};
    static const char *const inside[] = {"10.234.0.0/18", "fd00:2::/48"};
    for (int i = 0; i < 4; i++) {
        struct sample sample;
        sample_fill(&sample);
        sample.endpoint.private_ip = outside[i / 2];
        sample.subnets[0] = inside[i % 2];
        sample.subnets[1] = inside[1];
        sample_check_taken(&sample);
        ck_assert_str_eq(connection->remote_ip, outside[i / 2]);
        ck_assert(has_prefix(inside[i % 2]) && has_prefix(inside[1]));
        ck_assert_uint_eq(connection->subnet_count, i % 2 == 0 ? 2 : 1);
    }
}
END_TEST

START_TEST(the_port_of_the_remote_or_the_default)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.backend_config_count = 1;
    sample_check_taken(&sample);
    ck_assert_uint_eq(connection->endpoint.port, settings.remote_port);
    static const char *const good[] = {"1", "2", "65534", "65535"};
    static const uint16_t ports[] = {1, 2, 65534, 65535};
    sample_fill(&sample);
    for (int i = 0; i < 4; i++) {
        sample.config[1].value = good[i];
        sample_check_taken(&sample);
        ck_assert_uint_eq(connection->endpoint.port, ports[i]);
    }
    static const char *const bad[] = {"0",   "65536", "70000", "4294967297",
                                      "-1",  "+1",    " 1",    "1 ",
                                      "0x1", "5871x", "http",  "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample.config[1].value = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", bad[i]);
    }
    sample.config[1].value = "";
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", "''");
}
END_TEST

START_TEST(no_subnets_at_all_is_fine)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.subnet_count = 0;
    sample.endpoint.subnets = NULL;
    sample_check_taken(&sample);
    ck_assert_uint_eq(connection->subnet_count, 0);
    ck_assert_uint_eq(connection->subnet_text_count, 0);
}
END_TEST

START_TEST(a_link_local_gateway_needs_its_interface)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.private_ip = "fe80::1%lo";
    sample_check_taken(&sample);
    ck_assert_uint_eq(connection->endpoint.address.scope, if_nametoindex("lo"));
}
END_TEST

START_TEST(the_address_the_engine_chose_wins)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.public_ip = "192.0.2.7";
    sample_check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "10.243.64.7");
    sample.endpoint.nat_enabled = 1;
    sample_check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "192.0.2.7");
    ck_assert(connection->use_nat);
    sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
    sample.endpoint.use_ip = "198.51.100.7";
    sample_check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "198.51.100.7");
    ck_assert(!connection->use_nat);
    sample.endpoint.use_nat = 1;
    sample_check_taken(&sample);
    ck_assert(connection->use_nat);
    /* Absent, whatever it points to. */
    sample.endpoint.present = 0;
    sample_check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "192.0.2.7");
}
END_TEST

START_TEST(nested_subnets_collapse_into_the_widest)
{
    struct sample sample;
    sample_fill(&sample);
    sample.subnets[0] = "10.234.5.0/24";
    sample.subnets[1] = "10.234.0.0/16";
    sample.subnets[2] = "10.234.5.7/32";
    sample.subnets[3] = "10.234.0.0/16";
    sample.endpoint.subnet_count = 4;
    sample_check_taken(&sample);
    ck_assert_uint_eq(connection->subnet_count, 1);
    ck_assert(has_prefix("10.234.0.0/16"));
    ck_assert_uint_eq(connection->subnet_text_count, 4); /* shown as announced */
    ck_assert_str_eq(connection->subnet_texts[2], "10.234.5.7/32");
}
END_TEST

START_TEST(random_subnets_are_normal_and_cover_the_same)
{
    struct chance chance = chance_start("random_subnets_are_normal_and_cover_the_same");
    struct sample sample;
    sample_fill(&sample);
    for (int run = 0; run < 300; run++) {
        enum { MOST = 40 };
        static char bytes[MOST][PREFIX_TEXT_SIZE];
        const char *texts[MOST];
        struct prefix announced[MOST];
        uint32_t count = 1 + chance_below(&chance, MOST);
        for (uint32_t i = 0; i < count; i++) {
            bool v4 = chance_is(&chance, 50);
            announced[i] = prefix_of(v4 ? "10.0.0.0/8" : "fd00::/16");
            announced[i].length =
                (uint8_t)(announced[i].length + chance_below(&chance, v4 ? 24 : 32));
            announced[i].bytes[2] = (uint8_t)(chance_next(&chance) & 0xe0);
            announced[i].bytes[v4 ? 1 : 3] = (uint8_t)(chance_next(&chance) & 0xc3);
            announced[i] = prefix_masked(&announced[i]);
            texts[i] = prefix_format(&announced[i], bytes[i]);
        }
        sample.endpoint.subnets = texts;
        sample.endpoint.subnet_count = count;
        sample_check_taken(&sample);
        for (uint32_t i = 0; i < connection->subnet_count; i++) {
            const struct prefix *kept = &connection->allowed_ips[i];
            bool was_announced = false;
            for (uint32_t j = 0; j < count; j++)
                was_announced = was_announced || prefix_equal(kept, &announced[j]);
            CHECK(was_announced);
            for (uint32_t j = 0; j < i; j++)
                CHECK(!prefix_overlaps(kept, &connection->allowed_ips[j]));
            CHECK(i == 0 || prefix_compare(&connection->allowed_ips[i - 1], kept) < 0);
            CHECK(prefix_equal(&connection->subnets[i].node.prefix, kept));
        }
        for (uint32_t j = 0; j < count; j++) {
            bool covered = false;
            for (uint32_t i = 0; i < connection->subnet_count; i++) {
                const struct prefix *kept = &connection->allowed_ips[i];
                covered = covered || (kept->length <= announced[j].length &&
                                      prefix_overlaps(kept, &announced[j]));
            }
            CHECK(covered);
        }
    }
}
END_TEST

static int32_t check_head(const struct subwg_endpoint *endpoint)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    int32_t code = endpoint_check_head(endpoint, &error);
    ck_assert_int_eq(error.code, code);
    if (code != 0)
        ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_ARGUMENT);
    return code;
}

START_TEST(heads_that_are_none)
{
    struct sample sample;
    sample_fill(&sample);
    struct subwg_endpoint *endpoint = &sample.endpoint;
    ck_assert_int_eq(check_head(endpoint), 0);
    ck_assert_int_eq(check_head(NULL), -EINVAL);
    endpoint->head.magic = SUBWG_MAGIC_CONNECTION;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
    sample_fill(&sample);
    endpoint->head.abi_major = 2;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
    sample_fill(&sample);
    endpoint->head.abi_minor = 7; /* of a newer host: only what it uses counts */
    ck_assert_int_eq(check_head(endpoint), 0);
    sample_fill(&sample);
    endpoint->head.size = SUBWG_ENDPOINT_SIZE_1_0 - 1;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
    endpoint->head.size = SUBWG_STRUCT_SIZE_MAX + 1;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
    struct sample sample;
    for (unsigned bit = 0; bit < 32; bit++) {
        sample_fill(&sample);
        sample.endpoint.head.flags = 1u << bit;
        ck_assert_int_eq(check_head(&sample.endpoint), -EINVAL);
        sample_fill(&sample);
        sample.endpoint.present = 1u << bit;
        ck_assert_int_eq(check_head(&sample.endpoint),
                         1u << bit == SUBWG_ENDPOINT_USE_IP ? 0 : -EINVAL);
    }
}
END_TEST

START_TEST(a_field_from_the_future_may_only_be_zero)
{
    static const size_t more[] = {1, 8, 64, SUBWG_STRUCT_SIZE_MAX - sizeof(struct subwg_endpoint)};
    for (int i = 0; i < 4; i++) {
        size_t size = sizeof(struct subwg_endpoint) + more[i];
        unsigned char *bytes = calloc(1, size);
        ck_assert_ptr_nonnull(bytes);
        struct sample sample;
        sample_fill(&sample);
        memcpy(bytes, &sample.endpoint, sizeof(sample.endpoint));
        struct subwg_endpoint *endpoint = (struct subwg_endpoint *)(void *)bytes;
        endpoint->head.size = (uint32_t)size;
        ck_assert_int_eq(check_head(endpoint), 0);
        const size_t places[] = {sizeof(struct subwg_endpoint), size - 1};
        for (int j = 0; j < 2; j++) {
            bytes[places[j]] = 1;
            ck_assert_int_eq(check_head(endpoint), -E2BIG);
            bytes[places[j]] = 0;
        }
        free(bytes);
    }
}
END_TEST

START_TEST(the_key_that_an_endpoint_names)
{
    struct sample sample;
    struct key key;
    struct key expected;
    bool named = true;
    sample_fill(&sample);
    ck_assert_int_eq(key_parse_public(SAMPLE_KEY, &expected), KEY_OK);
    ck_assert_int_eq(connection_key_of_endpoint(&sample.endpoint, &key, &named, &error), 0);
    ck_assert(named && key_equal(&key, &expected));
    sample.config[0].key = "other";
    ck_assert_int_eq(connection_key_of_endpoint(&sample.endpoint, &key, &named, &error), 0);
    ck_assert(!named);
    sample_fill(&sample);
    sample.config[0].value = ZERO_KEY;
    ck_assert_int_eq(connection_key_of_endpoint(&sample.endpoint, &key, &named, &error), -EINVAL);
}
END_TEST

START_TEST(a_peer_of_an_earlier_run)
{
    struct prefix allowed_ips[] = {prefix_of("10.9.0.0/16"), prefix_of("fd00:3::/48"),
                                   prefix_of("10.3.0.0/16"), prefix_of("10.4.0.0/16")};
    struct wg_peer peer = {.public_key = key_of(3),
                           .endpoint = {address_of("192.0.2.3"), 5871},
                           .keepalive_s = 25,
                           .preshared_key = WG_PRESHARED_KEY_OTHER,
                           .allowed_ip_first = 1,
                           .allowed_ip_count = 3};
    const struct wg_device device = {
        .peers = &peer, .peer_count = 1, .allowed_ips = allowed_ips, .allowed_ip_count = 4};
    connection = connection_from_peer(&device, &peer);
    ck_assert_ptr_nonnull(connection);
    ck_assert(connection->adopted);
    ck_assert_uint_eq(connection->installed, INSTALLED_AS_WANTED);
    ck_assert_uint_eq(connection->installed_preshared_key, WG_PRESHARED_KEY_OTHER);
    ck_assert_uint_eq(connection->keepalive_s, 25);
    ck_assert(key_equal(&connection->public_key, &peer.public_key));
    ck_assert(socket_address_equal(&connection->endpoint, &peer.endpoint));
    ck_assert_str_eq(connection->cluster_id, "");
    ck_assert_uint_eq(connection->subnet_count, 3);
    ck_assert(has_prefix("10.3.0.0/16") && has_prefix("10.4.0.0/16") && has_prefix("fd00:3::/48"));
    for (uint32_t i = 1; i < 3; i++)
        ck_assert(prefix_compare(&connection->allowed_ips[i - 1], &connection->allowed_ips[i]) < 0);
    connection_destroy(connection);

    peer.allowed_ip_count = 0;
    peer.endpoint = (struct socket_address){0};
    connection = connection_from_peer(&device, &peer);
    ck_assert_ptr_nonnull(connection);
    ck_assert_uint_eq(connection->subnet_count, 0);
    ck_assert_str_eq(connection->remote_ip, "");
    connection_destroy(connection);
    connection = NULL;
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_good_endpoint_becomes_a_connection,
        both_families_inside_and_outside_and_mixed,
        the_port_of_the_remote_or_the_default,
        no_subnets_at_all_is_fine,
        a_link_local_gateway_needs_its_interface,
        the_address_the_engine_chose_wins,
        nested_subnets_collapse_into_the_widest,
        random_subnets_are_normal_and_cover_the_same,
        heads_that_are_none,
        unknown_flags_are_refused,
        a_field_from_the_future_may_only_be_zero,
        the_key_that_an_endpoint_names,
        a_peer_of_an_earlier_run,
        NULL,
    };
    return unit_run("wireguard_connection", tests);
}
