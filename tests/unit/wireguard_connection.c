/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a remote cluster may announce. Everything of it is hostile until it is checked, and the kernel
 * is no help: it takes nearly all of this.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"
#include "wireguard/connection.h"

#define KEY       "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define ZERO_KEY  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ORDER_KEY "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA="

static struct settings settings;
static struct subwg_error error;
static struct connection *connection;

/* An endpoint with all that it points to. */
struct sample {
    struct subwg_endpoint endpoint;
    struct subwg_setting config[4];
    const char *subnets[4];
};

static void fill(struct sample *sample)
{
    *sample = (struct sample){
        .config = {{"publicKey", KEY}, {"udp-port", "5872"}},
        .subnets = {"10.234.0.0/18", "10.234.64.0/18"},
    };
    sample->endpoint = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    sample->endpoint.cluster_id = "cluster2";
    sample->endpoint.cable_name = "submariner-cable-cluster2-10-243-64-7";
    sample->endpoint.hostname = "worker2";
    sample->endpoint.private_ip = "10.243.64.7";
    sample->endpoint.public_ip = "";
    sample->endpoint.backend = "wireguard";
    sample->endpoint.subnets = sample->subnets;
    sample->endpoint.subnet_count = 2;
    sample->endpoint.backend_config = sample->config;
    sample->endpoint.backend_config_count = 2;
}

static void use_defaults(void)
{
    struct secret_page *secrets = secret_page_create();
    ck_assert_ptr_nonnull(secrets);
    ck_assert_int_eq(settings_read(NULL, 0, NULL, 0, &settings, secrets, NULL), 0);
    secret_page_destroy(secrets);
}

static int32_t check(const struct sample *sample)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    connection_destroy(connection);
    connection = NULL;
    if (settings.port == 0)
        use_defaults();
    int32_t code = connection_from_endpoint(&sample->endpoint, &settings, &connection, &error);
    ck_assert((code == 0) == (connection != NULL));
    ck_assert_int_eq(error.code, code);
    return code;
}

static void check_taken(const struct sample *sample)
{
    int32_t code = check(sample);
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
}

static void check_refused(const struct sample *sample, enum subwg_reason reason, const char *field,
                          const char *value)
{
    int32_t code = check(sample);
    ck_assert_msg(code == (reason == SUBWG_REASON_REFUSED ? -EPERM : -EINVAL), "%s %s: %d", field,
                  value, code);
    ck_assert_msg(error.reason == reason, "%s %s: reason %u, %s", field, value, error.reason,
                  error.text);
    ck_assert_msg(strstr(error.text, field) != NULL, "no word of %s: %s", field, error.text);
    ck_assert_msg(strstr(error.text, value) != NULL, "no word of %s: %s", value, error.text);
    ck_assert_msg(is_utf8(error.text), "%s %s", field, value);
    for (const char *byte = error.text; *byte != '\0'; byte++)
        ck_assert((unsigned char)*byte >= ' ');
}

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
    fill(&sample);
    check_taken(&sample);
    /* All of it is a copy: the endpoint is borrowed for the call. */
    char *id = strdup("cluster2");
    sample.endpoint.cluster_id = id;
    check_taken(&sample);
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
    ck_assert_int_eq(key_parse_public(KEY, &key), KEY_OK);
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
        fill(&sample);
        sample.endpoint.private_ip = outside[i / 2];
        sample.subnets[0] = inside[i % 2];
        sample.subnets[1] = inside[1];
        check_taken(&sample);
        ck_assert_str_eq(connection->remote_ip, outside[i / 2]);
        ck_assert(has_prefix(inside[i % 2]) && has_prefix(inside[1]));
        ck_assert_uint_eq(connection->subnet_count, i % 2 == 0 ? 2 : 1);
    }
}
END_TEST

START_TEST(the_port_of_the_remote_or_the_default)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.backend_config_count = 1;
    check_taken(&sample);
    ck_assert_uint_eq(connection->endpoint.port, settings.remote_port);
    static const char *const good[] = {"1", "2", "65534", "65535"};
    static const uint16_t ports[] = {1, 2, 65534, 65535};
    fill(&sample);
    for (int i = 0; i < 4; i++) {
        sample.config[1].value = good[i];
        check_taken(&sample);
        ck_assert_uint_eq(connection->endpoint.port, ports[i]);
    }
    static const char *const bad[] = {"0",   "65536", "70000", "4294967297",
                                      "-1",  "+1",    " 1",    "1 ",
                                      "0x1", "5871x", "http",  "99999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample.config[1].value = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", bad[i]);
    }
    sample.config[1].value = "";
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", "''");
}
END_TEST

START_TEST(keys_that_no_honest_peer_has)
{
    static const char *const bad[] = {
        "",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg",
        ZERO_KEY,
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg==",
        ORDER_KEY,
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dh=",
        "c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038"};
    struct sample sample;
    fill(&sample);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample.config[0].value = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", bad[i]);
    }
    sample.config[0].key = "PublicKey";
    sample.config[0].value = KEY;
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", "no publicKey");
    sample.endpoint.backend_config_count = 0;
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", "no publicKey");
}
END_TEST

struct refusal {
    const char *value;
    enum subwg_reason reason;
    const char *word; /* of the sentence */
};

START_TEST(subnets_that_harm)
{
    static const struct refusal refusals[] = {
        {"0.0.0.0/0", SUBWG_REASON_REFUSED, "/8"},
        {"::/0", SUBWG_REASON_REFUSED, "/16"},
        {"0.0.0.0/1", SUBWG_REASON_REFUSED, "/8"},
        {"128.0.0.0/1", SUBWG_REASON_REFUSED, "/8"},
        {"10.0.0.0/7", SUBWG_REASON_REFUSED, "/8"},
        {"2000::/15", SUBWG_REASON_REFUSED, "/16"},
        {"127.0.0.0/8", SUBWG_REASON_REFUSED, "loopback"},
        {"127.0.0.1/32", SUBWG_REASON_REFUSED, "loopback"},
        {"0.0.0.0/8", SUBWG_REASON_REFUSED, "this-network"},
        {"169.254.0.0/16", SUBWG_REASON_REFUSED, "link-local"},
        {"169.254.169.254/32", SUBWG_REASON_REFUSED, "link-local"},
        {"169.0.0.0/8", SUBWG_REASON_REFUSED, "link-local"},
        {"224.0.0.0/8", SUBWG_REASON_REFUSED, "multicast"},
        {"239.255.255.255/32", SUBWG_REASON_REFUSED, "multicast"},
        {"240.0.0.0/8", SUBWG_REASON_REFUSED, "reserved"},
        {"255.255.255.255/32", SUBWG_REASON_REFUSED, "reserved"},
        {"::/128", SUBWG_REASON_REFUSED, "unspecified"},
        {"::1/128", SUBWG_REASON_REFUSED, "loopback"},
        {"::/16", SUBWG_REASON_REFUSED, "range"},
        {"::ffff:10.0.0.0/104", SUBWG_REASON_REFUSED, "IPv4-mapped"},
        {"fe80::/16", SUBWG_REASON_REFUSED, "link-local"},
        {"ff02::/16", SUBWG_REASON_REFUSED, "multicast"},
        {"10.1.2.3/8", SUBWG_REASON_BAD_ENDPOINT, "bits"},
        {"2001:db8::1/64", SUBWG_REASON_BAD_ENDPOINT, "bits"},
        {"10.0.0.0/33", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"2001:db8::/129", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"10.0.0.0", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"10.0.0.0/8,11.0.0.0/8", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"everything", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"fe80::%lo/64", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
    };
    struct sample sample;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        for (int at = 0; at < 2; at++) {
            fill(&sample);
            sample.subnets[at] = refusals[i].value;
            check_refused(&sample, refusals[i].reason, "subnet", refusals[i].value);
            ck_assert_msg(strstr(error.text, refusals[i].word) != NULL, "no word of %s: %s",
                          refusals[i].word, error.text);
        }
    fill(&sample);
    sample.subnets[1] = "";
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "subnet", "''");
    sample.subnets[1] = NULL;
    check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "subnet", "NULL");
    sample.endpoint.subnets = NULL;
    check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "subnets", "NULL");
}
END_TEST

START_TEST(no_subnets_at_all_is_fine)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.subnet_count = 0;
    sample.endpoint.subnets = NULL;
    check_taken(&sample);
    ck_assert_uint_eq(connection->subnet_count, 0);
    ck_assert_uint_eq(connection->subnet_text_count, 0);
}
END_TEST

START_TEST(the_shortest_prefix_is_a_setting)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.subnet_count = 1;
    static const char *const at_default[] = {"10.0.0.0/8", "11.0.0.0/8", "fd00::/16"};
    for (int i = 0; i < 3; i++) {
        sample.subnets[0] = at_default[i];
        check_taken(&sample);
    }
    settings.min_prefix_ipv4 = 16;
    settings.min_prefix_ipv6 = 48;
    sample.subnets[0] = "10.0.0.0/15";
    check_refused(&sample, SUBWG_REASON_REFUSED, "min-prefix-ipv4", "10.0.0.0/15");
    sample.subnets[0] = "10.0.0.0/16";
    check_taken(&sample);
    sample.subnets[0] = "fd00::/47";
    check_refused(&sample, SUBWG_REASON_REFUSED, "min-prefix-ipv6", "fd00::/47");
    sample.subnets[0] = "fd00::/48";
    check_taken(&sample);
    settings.min_prefix_ipv4 = 0;
    settings.min_prefix_ipv6 = 0;
    sample.subnets[0] = "0.0.0.0/0";
    check_taken(&sample);
    sample.subnets[0] = "::/0";
    check_taken(&sample);
    sample.subnets[0] = "127.0.0.0/8"; /* still nobody's */
    check_refused(&sample, SUBWG_REASON_REFUSED, "subnet", "127.0.0.0/8");
}
END_TEST

START_TEST(addresses_where_no_gateway_can_be)
{
    static const struct refusal refusals[] = {
        {"127.0.0.1", SUBWG_REASON_REFUSED, "loopback"},
        {"0.0.0.0", SUBWG_REASON_REFUSED, "this-network"},
        {"169.254.169.254", SUBWG_REASON_REFUSED, "link-local"},
        {"224.0.0.1", SUBWG_REASON_REFUSED, "multicast"},
        {"255.255.255.255", SUBWG_REASON_REFUSED, "reserved"},
        {"240.0.0.1", SUBWG_REASON_REFUSED, "reserved"},
        {"::", SUBWG_REASON_REFUSED, "unspecified"},
        {"::1", SUBWG_REASON_REFUSED, "loopback"},
        {"::ffff:192.0.2.7", SUBWG_REASON_REFUSED, "IPv4-mapped"},
        {"ff02::1", SUBWG_REASON_REFUSED, "multicast"},
        {"fe80::1", SUBWG_REASON_BAD_ENDPOINT, "interface"},
        {"fe80::1%no-such-link", SUBWG_REASON_BAD_ENDPOINT, "interface"},
        {"192.0.2.7%lo", SUBWG_REASON_BAD_ENDPOINT, "interface"},
        {"192.0.2", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"192.0.2.7/24", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"192.0.2.7:5871", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
        {"gateway.example", SUBWG_REASON_BAD_ENDPOINT, "malformed"},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct sample sample;
        const struct refusal *refusal = &refusals[i];
        fill(&sample);
        sample.endpoint.private_ip = refusal->value;
        check_refused(&sample, refusal->reason, "private_ip", refusal->value);
        ck_assert_msg(strstr(error.text, refusal->word) != NULL, "%s: %s", refusal->word,
                      error.text);
        fill(&sample);
        sample.endpoint.nat_enabled = 1;
        sample.endpoint.public_ip = refusal->value;
        check_refused(&sample, refusal->reason, "public_ip", refusal->value);
        fill(&sample);
        sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
        sample.endpoint.use_ip = refusal->value;
        check_refused(&sample, refusal->reason, "use_ip", refusal->value);
    }
}
END_TEST

START_TEST(a_link_local_gateway_needs_its_interface)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.private_ip = "fe80::1%lo";
    check_taken(&sample);
    ck_assert_uint_eq(connection->endpoint.address.scope, if_nametoindex("lo"));
}
END_TEST

START_TEST(the_address_the_engine_chose_wins)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.public_ip = "192.0.2.7";
    check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "10.243.64.7");
    sample.endpoint.nat_enabled = 1;
    check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "192.0.2.7");
    ck_assert(connection->use_nat);
    sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
    sample.endpoint.use_ip = "198.51.100.7";
    check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "198.51.100.7");
    ck_assert(!connection->use_nat);
    sample.endpoint.use_nat = 1;
    check_taken(&sample);
    ck_assert(connection->use_nat);
    /* Absent, whatever it points to. */
    sample.endpoint.present = 0;
    check_taken(&sample);
    ck_assert_str_eq(connection->remote_ip, "192.0.2.7");
}
END_TEST

START_TEST(an_address_that_is_needed_and_missing)
{
    static const char *const missing[] = {NULL, ""};
    for (int i = 0; i < 2; i++) {
        struct sample sample;
        fill(&sample);
        sample.endpoint.private_ip = missing[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "private_ip", "empty");
        sample.endpoint.private_ip = "10.243.64.7";
        sample.endpoint.nat_enabled = 1;
        sample.endpoint.public_ip = missing[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "public_ip", "empty");
        sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
        sample.endpoint.use_ip = missing[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "use_ip", "empty");
    }
}
END_TEST

static char *letters(size_t length)
{
    char *text = malloc(length + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void check_length(const char **field, struct sample *sample, const char *name, size_t limit)
{
    const size_t lengths[] = {limit - 1, limit, limit + 1, 1u << 20};
    const char *before = *field;
    for (int i = 0; i < 4; i++) {
        char *text = letters(lengths[i]);
        *field = text;
        if (lengths[i] <= limit) {
            check_taken(sample);
        } else {
            char number[24];
            snprintf(number, sizeof(number), "%zu", limit);
            check_refused(sample, SUBWG_REASON_LIMIT, name, number);
        }
        *field = before;
        free(text);
    }
}

START_TEST(names_at_their_limits)
{
    struct sample sample;
    fill(&sample);
    check_length(&sample.endpoint.cluster_id, &sample, "cluster_id", 253);
    check_length(&sample.endpoint.cable_name, &sample, "cable_name", 253);
    check_length(&sample.endpoint.hostname, &sample, "hostname", 253);
    check_length(&sample.endpoint.public_ip, &sample, "public_ip", 63);
    sample.config[2] = (struct subwg_setting){"other", "x"};
    sample.endpoint.backend_config_count = 3;
    check_length(&sample.config[2].value, &sample, "backend_config", 1024);
    check_length(&sample.config[2].key, &sample, "backend_config", 1024);
}
END_TEST

START_TEST(names_of_every_script_but_no_control)
{
    static const char *const good[] = {"cluster-2.example_A", "clust\xc3\xa9r",   "\xe4\xb8\xad",
                                       "a\"b\\c{}",           "\xf0\x9f\x98\x80", " "};
    static const char *const bad[] = {"a\nb",      "a\tb",         "\x1b[31m",      "\x7f",
                                      "a\xc2\x9b", "\xff",         "a\xe2\x80\xae", "\xe2\x82",
                                      "\xc0\x80",  "\xef\xbb\xbf-"};
    struct sample sample;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        fill(&sample);
        sample.endpoint.cluster_id = good[i];
        sample.endpoint.cable_name = good[i];
        sample.endpoint.hostname = good[i];
        check_taken(&sample);
        ck_assert_str_eq(connection->cluster_id, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fill(&sample);
        sample.endpoint.cluster_id = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "\\x");
        fill(&sample);
        sample.endpoint.cable_name = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cable_name", "\\x");
        fill(&sample);
        sample.endpoint.hostname = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "hostname", "\\x");
        fill(&sample);
        sample.endpoint.public_ip = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "public_ip", "\\x");
        fill(&sample);
        sample.subnets[0] = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "subnet", "\\x");
        fill(&sample);
        sample.config[1].value = bad[i];
        check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", "\\x");
    }
}
END_TEST

START_TEST(a_cluster_needs_an_id)
{
    struct sample sample;
    fill(&sample);
    sample.endpoint.cluster_id = "";
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "empty");
    sample.endpoint.cluster_id = NULL;
    check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "empty");
    fill(&sample);
    sample.endpoint.cable_name = NULL;
    sample.endpoint.hostname = NULL;
    sample.endpoint.public_ip = NULL;
    sample.endpoint.backend = NULL;
    check_taken(&sample); /* the others may be absent, and read as empty */
    ck_assert_str_eq(connection->cable_name, "");
    ck_assert_str_eq(connection->hostname, "");
    ck_assert_str_eq(connection->public_ip, "");
}
END_TEST

START_TEST(counts_at_their_limits)
{
    struct sample sample;
    static struct subwg_setting config[LIMIT_BACKEND_CONFIG + 1];
    fill(&sample);
    for (uint32_t i = 0; i <= LIMIT_BACKEND_CONFIG; i++)
        config[i] = (struct subwg_setting){"other", "x"};
    config[0] = sample.config[0];
    sample.endpoint.backend_config = config;
    sample.endpoint.backend_config_count = 63;
    check_taken(&sample);
    sample.endpoint.backend_config_count = 64;
    check_taken(&sample);
    sample.endpoint.backend_config_count = 65;
    check_refused(&sample, SUBWG_REASON_LIMIT, "backend_config", "64");
    sample.endpoint.backend_config_count = UINT32_MAX; /* must not be looked at */
    check_refused(&sample, SUBWG_REASON_LIMIT, "backend_config", "64");
    sample.endpoint.backend_config_count = 1;
    sample.endpoint.backend_config = NULL;
    check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "backend_config", "NULL");
    config[1].value = NULL;
    sample.endpoint.backend_config = config;
    sample.endpoint.backend_config_count = 2;
    check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "backend_config", "1");
}
END_TEST

static const char **many_subnets(uint32_t count)
{
    const char **texts = calloc(count, sizeof(*texts));
    char *bytes = calloc(count, 24);
    ck_assert(texts != NULL && bytes != NULL);
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = bytes + 24 * (size_t)i;
        snprintf(bytes + 24 * (size_t)i, 24, "10.%u.%u.0/24", i / 2 >> 8, i / 2 & 255);
        if (i % 2 == 1)
            snprintf(bytes + 24 * (size_t)i, 24, "fd00:%x::/48", i);
    }
    return texts;
}

START_TEST(subnets_at_their_limit)
{
    struct sample sample;
    const char **texts = many_subnets(100000);
    fill(&sample);
    sample.endpoint.subnets = texts;
    const uint32_t counts[] = {1023, 1024};
    for (int i = 0; i < 2; i++) {
        sample.endpoint.subnet_count = counts[i];
        check_taken(&sample);
        ck_assert_uint_eq(connection->subnet_count, counts[i]);
        ck_assert_uint_eq(connection->subnet_text_count, counts[i]);
    }
    sample.endpoint.subnet_count = 1025;
    check_refused(&sample, SUBWG_REASON_LIMIT, "1025 subnets", "max-subnets");
    sample.endpoint.subnet_count = 100000;
    check_refused(&sample, SUBWG_REASON_LIMIT, "100000 subnets", "1024");
    sample.endpoint.subnet_count = UINT32_MAX;
    check_refused(&sample, SUBWG_REASON_LIMIT, "subnets", "1024");
    settings.max_subnets = LIMIT_SUBNETS_MAX;
    sample.endpoint.subnet_count = LIMIT_SUBNETS_MAX;
    check_taken(&sample);
    ck_assert_uint_eq(connection->subnet_count, LIMIT_SUBNETS_MAX);
    free((void *)(uintptr_t)texts[0]);
    free((void *)texts);
}
END_TEST

START_TEST(nested_subnets_collapse_into_the_widest)
{
    struct sample sample;
    fill(&sample);
    sample.subnets[0] = "10.234.5.0/24";
    sample.subnets[1] = "10.234.0.0/16";
    sample.subnets[2] = "10.234.5.7/32";
    sample.subnets[3] = "10.234.0.0/16";
    sample.endpoint.subnet_count = 4;
    check_taken(&sample);
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
    fill(&sample);
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
        check_taken(&sample);
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
    fill(&sample);
    struct subwg_endpoint *endpoint = &sample.endpoint;
    ck_assert_int_eq(check_head(endpoint), 0);
    ck_assert_int_eq(check_head(NULL), -EINVAL);
    endpoint->head.magic = SUBWG_MAGIC_CONNECTION;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
    fill(&sample);
    endpoint->head.abi_major = 2;
    ck_assert_int_eq(check_head(endpoint), -EINVAL);
    fill(&sample);
    endpoint->head.abi_minor = 7; /* of a newer host: only what it uses counts */
    ck_assert_int_eq(check_head(endpoint), 0);
    fill(&sample);
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
        fill(&sample);
        sample.endpoint.head.flags = 1u << bit;
        ck_assert_int_eq(check_head(&sample.endpoint), -EINVAL);
        fill(&sample);
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
        fill(&sample);
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
    fill(&sample);
    ck_assert_int_eq(key_parse_public(KEY, &expected), KEY_OK);
    ck_assert_int_eq(connection_key_of_endpoint(&sample.endpoint, &key, &named, &error), 0);
    ck_assert(named && key_equal(&key, &expected));
    sample.config[0].key = "other";
    ck_assert_int_eq(connection_key_of_endpoint(&sample.endpoint, &key, &named, &error), 0);
    ck_assert(!named);
    fill(&sample);
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
        keys_that_no_honest_peer_has,
        subnets_that_harm,
        no_subnets_at_all_is_fine,
        the_shortest_prefix_is_a_setting,
        addresses_where_no_gateway_can_be,
        a_link_local_gateway_needs_its_interface,
        the_address_the_engine_chose_wins,
        an_address_that_is_needed_and_missing,
        names_at_their_limits,
        names_of_every_script_but_no_control,
        a_cluster_needs_an_id,
        counts_at_their_limits,
        subnets_at_their_limit,
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
