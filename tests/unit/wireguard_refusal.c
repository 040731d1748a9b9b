/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a remote cluster may not announce. All of it is hostile until it is checked, and the kernel is no
 * help: it takes nearly all of this.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "wireguard_sample.h"

#define ORDER_KEY "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA="

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
    sample_fill(&sample);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample.config[0].value = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", bad[i]);
    }
    sample.config[0].key = "PublicKey";
    sample.config[0].value = SAMPLE_KEY;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", "no publicKey");
    sample.endpoint.backend_config_count = 0;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "publicKey", "no publicKey");
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
            sample_fill(&sample);
            sample.subnets[at] = refusals[i].value;
            sample_check_refused(&sample, refusals[i].reason, "subnet", refusals[i].value);
            ck_assert_msg(strstr(error.text, refusals[i].word) != NULL, "no word of %s: %s",
                          refusals[i].word, error.text);
        }
    sample_fill(&sample);
    sample.subnets[1] = "";
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "subnet", "''");
    sample.subnets[1] = NULL;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "subnet", "NULL");
    sample.endpoint.subnets = NULL;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "subnets", "NULL");
}
END_TEST

START_TEST(the_shortest_prefix_is_a_setting)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.subnet_count = 1;
    static const char *const at_default[] = {"10.0.0.0/8", "11.0.0.0/8", "fd00::/16"};
    for (int i = 0; i < 3; i++) {
        sample.subnets[0] = at_default[i];
        sample_check_taken(&sample);
    }
    settings.min_prefix_ipv4 = 16;
    settings.min_prefix_ipv6 = 48;
    sample.subnets[0] = "10.0.0.0/15";
    sample_check_refused(&sample, SUBWG_REASON_REFUSED, "min-prefix-ipv4", "10.0.0.0/15");
    sample.subnets[0] = "10.0.0.0/16";
    sample_check_taken(&sample);
    sample.subnets[0] = "fd00::/47";
    sample_check_refused(&sample, SUBWG_REASON_REFUSED, "min-prefix-ipv6", "fd00::/47");
    sample.subnets[0] = "fd00::/48";
    sample_check_taken(&sample);
    settings.min_prefix_ipv4 = 0;
    settings.min_prefix_ipv6 = 0;
    sample.subnets[0] = "0.0.0.0/0";
    sample_check_taken(&sample);
    sample.subnets[0] = "::/0";
    sample_check_taken(&sample);
    sample.subnets[0] = "127.0.0.0/8"; /* still nobody's */
    sample_check_refused(&sample, SUBWG_REASON_REFUSED, "subnet", "127.0.0.0/8");
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
        sample_fill(&sample);
        sample.endpoint.private_ip = refusal->value;
        sample_check_refused(&sample, refusal->reason, "private_ip", refusal->value);
        ck_assert_msg(strstr(error.text, refusal->word) != NULL, "%s: %s", refusal->word,
                      error.text);
        sample_fill(&sample);
        sample.endpoint.nat_enabled = 1;
        sample.endpoint.public_ip = refusal->value;
        sample_check_refused(&sample, refusal->reason, "public_ip", refusal->value);
        sample_fill(&sample);
        sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
        sample.endpoint.use_ip = refusal->value;
        sample_check_refused(&sample, refusal->reason, "use_ip", refusal->value);
    }
}
END_TEST

START_TEST(an_address_that_is_needed_and_missing)
{
    static const char *const missing[] = {NULL, ""};
    for (int i = 0; i < 2; i++) {
        struct sample sample;
        sample_fill(&sample);
        sample.endpoint.private_ip = missing[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "private_ip", "empty");
        sample.endpoint.private_ip = "10.243.64.7";
        sample.endpoint.nat_enabled = 1;
        sample.endpoint.public_ip = missing[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "public_ip", "empty");
        sample.endpoint.present = SUBWG_ENDPOINT_USE_IP;
        sample.endpoint.use_ip = missing[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "use_ip", "empty");
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
            sample_check_taken(sample);
        } else {
            char number[24];
            snprintf(number, sizeof(number), "%zu", limit);
            sample_check_refused(sample, SUBWG_REASON_LIMIT, name, number);
        }
        *field = before;
        free(text);
    }
}

START_TEST(names_at_their_limits)
{
    struct sample sample;
    sample_fill(&sample);
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
        sample_fill(&sample);
        sample.endpoint.cluster_id = good[i];
        sample.endpoint.cable_name = good[i];
        sample.endpoint.hostname = good[i];
        sample_check_taken(&sample);
        ck_assert_str_eq(connection->cluster_id, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample_fill(&sample);
        sample.endpoint.cluster_id = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "\\x");
        sample_fill(&sample);
        sample.endpoint.cable_name = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cable_name", "\\x");
        sample_fill(&sample);
        sample.endpoint.hostname = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "hostname", "\\x");
        sample_fill(&sample);
        sample.endpoint.public_ip = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "public_ip", "\\x");
        sample_fill(&sample);
        sample.subnets[0] = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "subnet", "\\x");
        sample_fill(&sample);
        sample.config[1].value = bad[i];
        sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "udp-port", "\\x");
    }
}
END_TEST

START_TEST(a_cluster_needs_an_id)
{
    struct sample sample;
    sample_fill(&sample);
    sample.endpoint.cluster_id = "";
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "empty");
    sample.endpoint.cluster_id = NULL;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ENDPOINT, "cluster_id", "empty");
    sample_fill(&sample);
    sample.endpoint.cable_name = NULL;
    sample.endpoint.hostname = NULL;
    sample.endpoint.public_ip = NULL;
    sample.endpoint.backend = NULL;
    sample_check_taken(&sample); /* the others may be absent, and read as empty */
    ck_assert_str_eq(connection->cable_name, "");
    ck_assert_str_eq(connection->hostname, "");
    ck_assert_str_eq(connection->public_ip, "");
}
END_TEST

START_TEST(counts_at_their_limits)
{
    struct sample sample;
    static struct subwg_setting config[LIMIT_BACKEND_CONFIG + 1];
    sample_fill(&sample);
    for (uint32_t i = 0; i <= LIMIT_BACKEND_CONFIG; i++)
        config[i] = (struct subwg_setting){"other", "x"};
    config[0] = sample.config[0];
    sample.endpoint.backend_config = config;
    sample.endpoint.backend_config_count = 63;
    sample_check_taken(&sample);
    sample.endpoint.backend_config_count = 64;
    sample_check_taken(&sample);
    sample.endpoint.backend_config_count = 65;
    sample_check_refused(&sample, SUBWG_REASON_LIMIT, "backend_config", "64");
    sample.endpoint.backend_config_count = UINT32_MAX; /* must not be looked at */
    sample_check_refused(&sample, SUBWG_REASON_LIMIT, "backend_config", "64");
    sample.endpoint.backend_config_count = 1;
    sample.endpoint.backend_config = NULL;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "backend_config", "NULL");
    config[1].value = NULL;
    sample.endpoint.backend_config = config;
    sample.endpoint.backend_config_count = 2;
    sample_check_refused(&sample, SUBWG_REASON_BAD_ARGUMENT, "backend_config", "1");
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
    sample_fill(&sample);
    sample.endpoint.subnets = texts;
    const uint32_t counts[] = {1023, 1024};
    for (int i = 0; i < 2; i++) {
        sample.endpoint.subnet_count = counts[i];
        sample_check_taken(&sample);
        ck_assert_uint_eq(connection->subnet_count, counts[i]);
        ck_assert_uint_eq(connection->subnet_text_count, counts[i]);
    }
    sample.endpoint.subnet_count = 1025;
    sample_check_refused(&sample, SUBWG_REASON_LIMIT, "1025 subnets", "max-subnets");
    sample.endpoint.subnet_count = 100000;
    sample_check_refused(&sample, SUBWG_REASON_LIMIT, "100000 subnets", "1024");
    sample.endpoint.subnet_count = UINT32_MAX;
    sample_check_refused(&sample, SUBWG_REASON_LIMIT, "subnets", "1024");
    settings.max_subnets = LIMIT_SUBNETS_MAX;
    sample.endpoint.subnet_count = LIMIT_SUBNETS_MAX;
    sample_check_taken(&sample);
    ck_assert_uint_eq(connection->subnet_count, LIMIT_SUBNETS_MAX);
    free((void *)(uintptr_t)texts[0]);
    free((void *)texts);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_that_no_honest_peer_has,
        subnets_that_harm,
        the_shortest_prefix_is_a_setting,
        addresses_where_no_gateway_can_be,
        an_address_that_is_needed_and_missing,
        names_at_their_limits,
        names_of_every_script_but_no_control,
        a_cluster_needs_an_id,
        counts_at_their_limits,
        subnets_at_their_limit,
        NULL,
    };
    return unit_run("wireguard_refusal", tests);
}
