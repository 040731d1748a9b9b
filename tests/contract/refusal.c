/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints that are refused before anything is changed. Each is a valid one with one field spoilt;
 * each refusal has the right reason, names the field and the value, and leaves no trace.
 */
#include "suite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MALFORMED (1u << SUBWG_REASON_BAD_ENDPOINT)
#define POLICY    (1u << SUBWG_REASON_REFUSED)
#define CONFLICT  (1u << SUBWG_REASON_CONFLICT)
#define LIMIT     (1u << SUBWG_REASON_LIMIT)

enum field { SUBNET, USE_IP, PRIVATE_IP, KEY, PORT, CLUSTER_ID, HOSTNAME, CABLE_NAME };

static const char *const field_names[] = {"subnet",   "use_ip",     "private_ip", "publicKey",
                                          "udp-port", "cluster_id", "hostname",   "cable_name"};

struct refusal {
    enum field field;
    const char *value;
    uint32_t reasons; /* the bits of those that are right */
};

static void spoil(struct remote *remote, const struct refusal *refusal)
{
    switch (refusal->field) {
    case SUBNET:
        remote->subnets[1] = refusal->value;
        break;
    case USE_IP:
        if (subject->port != NULL)
            remote->config[REMOTE_CONFIG_PORT].value = subject->port;
        remote->endpoint.use_ip = refusal->value;
        break;
    case PRIVATE_IP:
        remote->endpoint.present = 0;
        remote->endpoint.use_ip = NULL;
        remote->endpoint.private_ip = refusal->value;
        break;
    case KEY:
        remote->config[REMOTE_CONFIG_KEY].value = refusal->value;
        break;
    case PORT:
        remote->config[REMOTE_CONFIG_PORT].value = refusal->value;
        break;
    case CLUSTER_ID:
        remote->endpoint.cluster_id = refusal->value;
        break;
    case HOSTNAME:
        remote->endpoint.hostname = refusal->value;
        break;
    case CABLE_NAME:
        remote->endpoint.cable_name = refusal->value;
        break;
    }
}

/* Complaints of one test, so that one run shows all of them. */
struct complaints {
    char text[8192];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void complain(struct complaints *complaints,
                                                           const char *format, ...)
{
    size_t room = sizeof(complaints->text) - complaints->length;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(complaints->text + complaints->length, room, format, arguments);
    va_end(arguments);
    if (written > 0)
        complaints->length += (size_t)written < room ? (size_t)written : room - 1;
}

/* A value is quoted if a person can read it; a driver may escape, cut or leave out any other. */
static bool is_quotable(enum field field, const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return field != KEY && strlen(value) < 64;
}

/* Which of the address fields was in use, the value tells. */
static bool names_field(const char *text, enum field field)
{
    return strstr(text, field_names[field]) != NULL ||
           ((field == USE_IP || field == PRIVATE_IP) && strstr(text, "address") != NULL);
}

static void judge(struct complaints *complaints, const struct engine *engine,
                  const struct refusal *refusal, int32_t code)
{
    const char *field = field_names[refusal->field];
    const char *text = engine->error.text;
    if (code >= 0) {
        complain(complaints, "%s '%.64s' was accepted\n", field, refusal->value);
        return;
    }
    if (engine->error.reason >= 32 || ((1u << engine->error.reason) & refusal->reasons) == 0)
        complain(complaints, "%s '%.64s' has reason %u: \"%s\"\n", field, refusal->value,
                 engine->error.reason, text);
    if (!names_field(text, refusal->field))
        complain(complaints, "%s '%.64s': the text does not name the field: \"%s\"\n", field,
                 refusal->value, text);
    if (is_quotable(refusal->field, refusal->value) && strstr(text, refusal->value) == NULL)
        complain(complaints, "%s '%.64s': the text does not name the value: \"%s\"\n", field,
                 refusal->value, text);
}

/* Cluster 1 is connected; cluster 2 tries every spoilt endpoint, and at last its valid one. */
static void expect_refusals(struct engine *engine, const struct refusal *refusals, size_t count)
{
    static struct complaints complaints;
    struct remote remote;
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(engine, &remote), 0);
    char *before = digest_take();
    for (size_t i = 0; i < count; i++) {
        remote_make(&remote, 2);
        spoil(&remote, &refusals[i]);
        judge(&complaints, engine, &refusals[i], engine_connect(engine, &remote));
        if (engine_row_count(engine) != 1 || engine_metric_count(engine) != 1) {
            complain(&complaints, "%s '%.64s' left a row\n", field_names[refusals[i].field],
                     refusals[i].value);
            (void)engine_disconnect(engine, &remote);
        }
    }
    ck_assert_msg(complaints.length == 0, "%s", complaints.text);
    digest_expect(before, "a refused endpoint");
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(engine, &remote), 1);
    remote_make(&remote, 2);
    int32_t code = engine_connect(engine, &remote);
    ck_assert_msg(code == 0, "the valid endpoint was refused as well: \"%s\"", engine->error.text);
}

#define EXPECT_REFUSALS(engine, refusals) \
    expect_refusals(engine, refusals, sizeof(refusals) / sizeof((refusals)[0]))

START_TEST(malformed_subnets)
{
    static const struct refusal refusals[] = {
        {SUBNET, "", MALFORMED},
        {SUBNET, "10.2.0.0", MALFORMED},
        {SUBNET, "10.2.0.0/", MALFORMED},
        {SUBNET, "10.2.0.0/33", MALFORMED},
        {SUBNET, "10.2.0.0/-1", MALFORMED},
        {SUBNET, "10.2.0.0/+16", MALFORMED},
        {SUBNET, "10.2.0.0/16x", MALFORMED},
        {SUBNET, "10.2.0.0/16/16", MALFORMED},
        {SUBNET, "10.2.0.0/4294967312", MALFORMED},
        {SUBNET, "10.2.0.0/255.255.0.0", MALFORMED},
        {SUBNET, "10.2/16", MALFORMED},
        {SUBNET, "010.2.0.0/16", MALFORMED},
        {SUBNET, "0x0a.2.0.0/16", MALFORMED},
        {SUBNET, "300.2.0.0/16", MALFORMED},
        {SUBNET, " 10.2.0.0/16", MALFORMED},
        {SUBNET, "10.2.0.0/16 ", MALFORMED},
        {SUBNET, "10.2.0.0/16\n", MALFORMED},
        {SUBNET, "/16", MALFORMED},
        {SUBNET, "pods", MALFORMED},
        {SUBNET, "fd00::2::/48", MALFORMED},
        {SUBNET, "fd00:2::/129", MALFORMED},
        {SUBNET, "fd00:2::%1/48", MALFORMED},
        {SUBNET, "10.2.0.1/16", MALFORMED},
        {SUBNET, "10.2.0.0/14", MALFORMED},
        {SUBNET, "fd00:2::1/48", MALFORMED},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(harmful_subnets)
{
    static const struct refusal refusals[] = {
        {SUBNET, "0.0.0.0/0", POLICY},
        {SUBNET, "::/0", POLICY},
        {SUBNET, "10.0.0.0/7", POLICY},
        {SUBNET, "fc00::/15", POLICY},
        {SUBNET, "0.0.0.0/8", POLICY},
        {SUBNET, "127.0.0.0/8", POLICY},
        {SUBNET, "127.0.0.1/32", POLICY},
        {SUBNET, "169.254.0.0/16", POLICY},
        {SUBNET, "169.254.169.254/32", POLICY},
        {SUBNET, "224.0.0.0/8", POLICY},
        {SUBNET, "239.1.0.0/16", POLICY},
        {SUBNET, "240.0.0.0/8", POLICY},
        {SUBNET, "255.255.255.255/32", POLICY},
        {SUBNET, "::/128", POLICY},
        {SUBNET, "::1/128", POLICY},
        {SUBNET, "::ffff:10.2.0.0/112", POLICY},
        {SUBNET, "fe80::/64", POLICY},
        {SUBNET, "ff02::/16", POLICY},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(subnets_of_the_own_cluster)
{
    static const struct refusal refusals[] = {
        {SUBNET, "10.200.0.0/16", POLICY | CONFLICT},
        {SUBNET, "10.200.77.0/24", POLICY | CONFLICT},
        {SUBNET, "10.192.0.0/12", POLICY | CONFLICT},
        {SUBNET, "fd00:200::/48", POLICY | CONFLICT},
        {SUBNET, "fd00:200:0:7::/64", POLICY | CONFLICT},
        {SUBNET, "fd00:200::/40", POLICY | CONFLICT},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(bad_addresses)
{
    static const struct refusal refusals[] = {
        {USE_IP, "", MALFORMED},
        {USE_IP, "gateway.example", MALFORMED},
        {USE_IP, "192.0.2", MALFORMED},
        {USE_IP, "192.0.2.256", MALFORMED},
        {USE_IP, "192.0.2.3/32", MALFORMED},
        {USE_IP, "192.0.2.3:5871", MALFORMED},
        {USE_IP, "[2001:db8::2]", MALFORMED},
        {USE_IP, "192.0.2.3 ", MALFORMED},
        {USE_IP, "192.0.2.3\n", MALFORMED},
        {USE_IP, "0.0.0.0", POLICY},
        {USE_IP, "127.0.0.1", POLICY},
        {USE_IP, "169.254.1.1", POLICY},
        {USE_IP, "224.0.0.1", POLICY},
        {USE_IP, "255.255.255.255", POLICY},
        {USE_IP, "::", POLICY},
        {USE_IP, "::1", POLICY},
        {USE_IP, "::ffff:192.0.2.3", POLICY},
        {USE_IP, "ff02::1", POLICY},
        {USE_IP, "fe80::1", POLICY | MALFORMED}, /* its scope is missing, too */
        {PRIVATE_IP, "", MALFORMED},
        {PRIVATE_IP, "gateway.example", MALFORMED},
        {PRIVATE_IP, "127.0.0.1", POLICY},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

/* What the host is connected to, beyond what the own endpoint says. */
START_TEST(networks_of_the_host)
{
    static const struct refusal refusals[] = {
        {SUBNET, "192.0.2.0/24", POLICY | CONFLICT},  {SUBNET, "192.0.2.77/32", POLICY | CONFLICT},
        {SUBNET, "192.0.0.0/16", POLICY | CONFLICT},  {SUBNET, "2001:db8::/64", POLICY | CONFLICT},
        {SUBNET, "2001:db8::/32", POLICY | CONFLICT},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

/* An address of the host that the own endpoint does not name. */
START_TEST(endpoint_is_another_address_of_the_host)
{
    static const struct refusal refusals[] = {{USE_IP, CONTRACT_LOCAL_IPV6, POLICY | CONFLICT}};
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

/* Our own address with our own port. */
START_TEST(endpoint_of_ourselves)
{
    static const struct refusal refusals[] = {{USE_IP, CONTRACT_LOCAL_IP, POLICY | CONFLICT}};
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(bad_ports)
{
    static const struct refusal refusals[] = {
        {PORT, "0", MALFORMED},     {PORT, "65536", MALFORMED},  {PORT, "4294973167", MALFORMED},
        {PORT, "-1", MALFORMED},    {PORT, "+5871", MALFORMED},  {PORT, "5871x", MALFORMED},
        {PORT, " 5871", MALFORMED}, {PORT, "0x16ef", MALFORMED}, {PORT, "5871\n", MALFORMED},
        {PORT, "port", MALFORMED},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(keys_that_any_driver_refuses)
{
    char own[KEY_TEXT_SIZE];
    char of_cluster_1[KEY_TEXT_SIZE];
    struct engine engine;
    engine_start(&engine);
    (void)snprintf(own, sizeof(own), "%s", host_published(&engine.host, "publicKey"));
    remote_key(1, of_cluster_1);
    const struct refusal refusals[] = {
        {KEY, "", MALFORMED},
        {KEY, own, POLICY | CONFLICT},
        {KEY, of_cluster_1, CONFLICT},
    };
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

/* The points of small order are those that RFC 7748 and the literature on Curve25519 list. */
START_TEST(keys_that_wireguard_refuses)
{
    static const struct refusal refusals[] = {
        {KEY, "key", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFw==", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFwAA", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFw", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFx=", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFwA=\n", MALFORMED},
        {KEY, "sLwj2jQcd1bT-QkLqOSwTGCqBsyYP0R2A9pAxkBqFwA=", MALFORMED},
        {KEY, "sLwj2jQcd1bTyQkLqOSwTGCqBsyYP0R2A9pAxkBqFwB=", MALFORMED},
        {KEY, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", MALFORMED | POLICY},
        {KEY, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", MALFORMED | POLICY},
        {KEY, "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", MALFORMED | POLICY},
        {KEY, "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=", MALFORMED | POLICY},
        {KEY, "7P///////////////////////////////////////38=", MALFORMED | POLICY},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

START_TEST(hostile_names)
{
    char long_text[5000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    const struct refusal refusals[] = {
        {CLUSTER_ID, "", MALFORMED},
        {CLUSTER_ID, "clu\nster", MALFORMED},
        {CLUSTER_ID, "clu\033[31mster", MALFORMED},
        {CLUSTER_ID, "clu\x7fster", MALFORMED},
        {CLUSTER_ID, "clu\xc2\x9bster", MALFORMED},
        {CLUSTER_ID, "clu\xe2\x80\xaester", MALFORMED},
        {CLUSTER_ID, "clu\xffster", MALFORMED},
        {CLUSTER_ID, long_text, MALFORMED | LIMIT},
        {HOSTNAME, "gate\nway", MALFORMED},
        {HOSTNAME, "gate\033way", MALFORMED},
        {HOSTNAME, long_text, MALFORMED | LIMIT},
        {CABLE_NAME, "ca\nble", MALFORMED},
        {CABLE_NAME, "ca\xff\xfe", MALFORMED},
        {CABLE_NAME, long_text, MALFORMED | LIMIT},
        {USE_IP, long_text, MALFORMED | LIMIT},
        {SUBNET, long_text, MALFORMED | LIMIT},
        {KEY, long_text, MALFORMED | LIMIT},
        {PORT, long_text, MALFORMED | LIMIT},
    };
    struct engine engine;
    engine_start(&engine);
    EXPECT_REFUSALS(&engine, refusals);
    engine_destroy(&engine);
}
END_TEST

/* An update may be refused too; the connection then stays what it was. */
START_TEST(refused_update_changes_nothing)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    char *before = digest_take();
    remote.endpoint.use_ip = "192.0.2.140";
    remote.subnets[1] = "0.0.0.0/0";
    ck_assert_int_eq(engine_connect(&engine, &remote), -EPERM);
    remote.subnets[1] = remote.subnets_text[1];
    remote.config[REMOTE_CONFIG_PORT].value = "0";
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    digest_expect(before, "a refused update");
    ck_assert_str_eq(engine_row(&engine, "cluster1")->remote_ip, remote.address);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

TCase *refusal_tests(void)
{
    TCase *tests = tcase_create("refusal");
    tcase_add_test(tests, malformed_subnets);
    tcase_add_test(tests, harmful_subnets);
    tcase_add_test(tests, subnets_of_the_own_cluster);
    tcase_add_test(tests, bad_addresses);
    if (subject->port != NULL)
        tcase_add_test(tests, endpoint_of_ourselves);
    if ((subject->traits & CONTRACT_KNOWS_NETWORKS) != 0) {
        tcase_add_test(tests, networks_of_the_host);
        tcase_add_test(tests, endpoint_is_another_address_of_the_host);
    }
    tcase_add_test(tests, bad_ports);
    tcase_add_test(tests, keys_that_any_driver_refuses);
    if ((subject->traits & CONTRACT_WIREGUARD_KEYS) != 0)
        tcase_add_test(tests, keys_that_wireguard_refuses);
    tcase_add_test(tests, hostile_names);
    tcase_add_test(tests, refused_update_changes_nothing);
    return tests;
}
