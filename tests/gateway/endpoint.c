/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints as JSON: what other clusters publish is hostile until it has been read here. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint_json.h"
#include "log.h"

#define GOOD                                                                                 \
    "{\"cluster_id\": \"cluster2\", \"cable_name\": \"cable2\", \"hostname\": \"worker2\", " \
    "\"subnets\": [\"10.234.0.0/18\"], \"private_ip\": \"10.243.64.7\", \"public_ip\": "     \
    "\"192.0.2.7\", \"nat_enabled\": true, \"backend\": \"wireguard\", \"backend_config\": " \
    "{\"publicKey\": \"key\", \"udp-port\": \"5871\"}, \"health_check_ip\": \"10.234.0.1\"}"

static struct faults faults;

static struct endpoint *parse(const char *text)
{
    faults_begin(&faults, NULL);
    return endpoint_parse(text, strlen(text), &faults);
}

static const char *config_value(const struct endpoint *endpoint, const char *key)
{
    for (uint32_t i = 0; i < endpoint->view.backend_config_count; i++)
        if (strcmp(endpoint->view.backend_config[i].key, key) == 0)
            return endpoint->view.backend_config[i].value;
    return "(absent)";
}

START_TEST(all_fields_are_read_and_unknown_ones_ignored)
{
    struct endpoint *endpoint = parse(GOOD);

    ck_assert_msg(endpoint != NULL, "%s", faults.text);
    ck_assert_uint_eq(endpoint->view.head.magic, SUBWG_MAGIC_ENDPOINT);
    ck_assert_str_eq(endpoint->view.cluster_id, "cluster2");
    ck_assert_str_eq(endpoint->view.cable_name, "cable2");
    ck_assert_str_eq(endpoint->view.hostname, "worker2");
    ck_assert_str_eq(endpoint->view.private_ip, "10.243.64.7");
    ck_assert_str_eq(endpoint->view.public_ip, "192.0.2.7");
    ck_assert_uint_eq(endpoint->view.nat_enabled, 1);
    ck_assert_str_eq(endpoint->view.backend, "wireguard");
    ck_assert_uint_eq(endpoint->view.subnet_count, 1);
    ck_assert_str_eq(endpoint->view.subnets[0], "10.234.0.0/18");
    ck_assert_uint_eq(endpoint->view.backend_config_count, 2);
    ck_assert_str_eq(config_value(endpoint, "publicKey"), "key");
    ck_assert_str_eq(config_value(endpoint, "udp-port"), "5871");
    endpoint_unref(endpoint);
}
END_TEST

START_TEST(what_the_driver_published_is_added)
{
    struct endpoint *endpoint = parse(GOOD), *again;
    json_t *published = json_pack("{s:s, s:s}", "publicKey", "new", "interface-name", "subwg0");
    char *text = endpoint_format(endpoint, published);

    again = parse(text);
    ck_assert_msg(again != NULL, "%s", faults.text);
    ck_assert_str_eq(config_value(again, "publicKey"), "new");
    ck_assert_str_eq(config_value(again, "udp-port"), "5871");
    ck_assert_str_eq(config_value(again, "interface-name"), "subwg0");
    ck_assert_str_eq(config_value(endpoint, "publicKey"), "key");
    ck_assert(!endpoint_equal(endpoint, again));
    free(text);
    json_decref(published);
    endpoint_unref(endpoint);
    endpoint_unref(again);
}
END_TEST

START_TEST(equal_is_by_content)
{
    struct endpoint *a = parse(GOOD), *b = parse(GOOD);

    ck_assert(endpoint_equal(a, b));
    ck_assert(endpoint_equal(NULL, NULL));
    ck_assert(!endpoint_equal(a, NULL));
    ck_assert(!endpoint_equal(NULL, b));
    ck_assert_ptr_eq(endpoint_ref(a), a);
    endpoint_unref(a);
    ck_assert(endpoint_equal(a, b));
    endpoint_unref(a);
    endpoint_unref(b);
    endpoint_unref(NULL);
}
END_TEST

#define MEMBERS(cluster, subnets, more)                                   \
    "{\"cluster_id\": " cluster                                           \
    ", \"cable_name\": \"c\", \"hostname\": \"h\", \"subnets\": " subnets \
    ", \"private_ip\": \"10.0.0.1\"" more "}"

static const struct {
    const char *text;
    const char *fault;
} hostile[] = {
    {"", "not valid JSON"},
    {"{", "not valid JSON"},
    {"[]", "not a JSON object"},
    {"\"text\"", "not valid JSON"},
    {GOOD "x", "not valid JSON"},
    {"{}", "cluster_id: missing"},
    {MEMBERS("\"\"", "[]", ""), "cluster_id: \"\" is not allowed"},
    {MEMBERS("7", "[]", ""), "cluster_id: 7 is not allowed"},
    {MEMBERS("null", "[]", ""), "cluster_id: null is not allowed"},
    {MEMBERS("{\"a\": 1}", "[]", ""), "cluster_id: an object is not allowed"},
    {MEMBERS("\"a\\u0000b\"", "[]", ""), "not valid JSON"},
    {MEMBERS("\"\xff\"", "[]", ""), "not valid JSON"},
    {MEMBERS("\"\\ud800\"", "[]", ""), "not valid JSON"},
    {MEMBERS("\"a\", \"cluster_id\": \"b\"", "[]", ""), "not valid JSON"},
    {MEMBERS("\"a\"", "\"10.0.0.0/8\"", ""), "subnets: \"10.0.0.0/8\" is not allowed"},
    {MEMBERS("\"a\"", "[[\"10.0.0.0/8\"]]", ""), "subnets[0]: an array is not allowed"},
    {MEMBERS("\"a\"", "[]", ", \"nat_enabled\": 1"), "nat_enabled: 1 is not allowed"},
    {MEMBERS("\"a\"", "[]", ", \"public_ip\": false"), "public_ip: false is not allowed"},
    {MEMBERS("\"a\"", "[]", ", \"backend_config\": []"), "backend_config: an array is not allowed"},
    {MEMBERS("\"a\"", "[]", ", \"backend_config\": {\"udp-port\": 5871}"),
     "backend_config.udp-port: 5871 is not allowed; allowed: a string"},
    {MEMBERS("\"a\"", "[]", ", \"backend_config\": {\"\\n\": null}"),
     "backend_config.\\x0a: null is not allowed"},
};

START_TEST(hostile_documents_are_refused_with_the_reason)
{
    ck_assert_ptr_null(parse(hostile[_i].text));
    ck_assert_msg(strstr(faults.text, hostile[_i].fault) != NULL, "%s", faults.text);
}
END_TEST

START_TEST(depth_is_bounded)
{
    enum { DEPTH = 200000 };
    char *text = malloc(DEPTH + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    ck_assert_ptr_null(parse(text));
    free(text);
}
END_TEST

START_TEST(a_log_line_cannot_be_steered)
{
    char text[64], small[6];

    ck_assert_str_eq(log_escape(text, sizeof text, "plain ~"), "plain ~");
    ck_assert_str_eq(log_escape(text, sizeof text, "a\n\x1b[31m\x7f\xe2\x80\xae"),
                     "a\\x0a\\x1b[31m\\x7f\\xe2\\x80\\xae");
    ck_assert_str_eq(log_escape(small, sizeof small, "abcdefgh"), "abcde");
    ck_assert_str_eq(log_escape(small, sizeof small, "ab\n"), "ab");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-endpoint");
    TCase *tests = tcase_create("endpoint");
    tcase_add_test(tests, all_fields_are_read_and_unknown_ones_ignored);
    tcase_add_test(tests, what_the_driver_published_is_added);
    tcase_add_test(tests, equal_is_by_content);
    tcase_add_loop_test(tests, hostile_documents_are_refused_with_the_reason, 0,
                        sizeof hostile / sizeof hostile[0]);
    tcase_add_test(tests, depth_is_bounded);
    tcase_add_test(tests, a_log_line_cannot_be_steered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
