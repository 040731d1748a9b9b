/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: what it means, and every fault of it in one report. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <subwg/render.h>
#include <unistd.h>

#include "config.h"

#define BROKER "\"broker\": {\"type\": \"directory\", \"path\": \"/run/broker\"}"
#define ENDPOINT                                                                              \
    "\"endpoint\": {\"cluster_id\": \"cluster1\", \"cable_name\": \"cable1\", \"hostname\": " \
    "\"worker1\", \"subnets\": [\"10.233.0.0/18\", \"10.233.64.0/18\"], \"private_ip\": "     \
    "\"10.243.64.6\"}"
#define DRIVER "\"cable-driver\": \"wireguard\""

static struct config config;
static struct faults faults;

static int parse(const char *text)
{
    faults_begin(&faults, "gateway.json");
    return config_parse(&config, text, strlen(text), &faults);
}

static void assert_parsed(const char *text)
{
    ck_assert_msg(parse(text) == 0, "%s", faults.text);
}

static void assert_fault(const char *line)
{
    ck_assert_msg(strstr(faults.text, line) != NULL, "no '%s' in:\n%s", line, faults.text);
}

static const char *setting(const char *key)
{
    for (uint32_t i = 0; i < config.setting_count; i++)
        if (strcmp(config.settings[i].key, key) == 0)
            return config.settings[i].value;
    return "(absent)";
}

START_TEST(the_least_that_is_needed_has_defaults)
{
    assert_parsed("{" DRIVER ", " BROKER ", " ENDPOINT "}");
    ck_assert_str_eq(config.cable_driver, "wireguard");
    ck_assert_ptr_null(config.driver_file);
    ck_assert_int_eq(config.driver_directory[0], '/');
    ck_assert_str_eq(config.broker_path, "/run/broker");
    ck_assert_str_eq(config.title, "cluster1");
    ck_assert_str_eq(config.listen.text, "10.243.64.6:8080");
    ck_assert_uint_eq(config.metrics_profile, SUBWG_PROFILE_SEED);
    ck_assert_uint_eq(config.log_level, SUBWG_LOG_INFO);
    ck_assert_uint_eq(config.local->view.subnet_count, 2);
    ck_assert_str_eq(config.local->view.subnets[1], "10.233.64.0/18");
    ck_assert_str_eq(config.local->view.public_ip, "");
    ck_assert_str_eq(config.local->view.backend, "wireguard");
    ck_assert_uint_eq(config.setting_count, 0);
    config_free(&config);
}
END_TEST

START_TEST(everything_can_be_said)
{
    assert_parsed("{" DRIVER ", " BROKER ", " ENDPOINT
                  ", \"driver-directory\": \"/opt/drivers\", \"listen\": \"[::1]:9090\", "
                  "\"title\": \"kubernetes-admin@cluster.local\", \"metrics-profile\": "
                  "\"submariner\", \"log-level\": \"debug\", \"reconcile-s\": 60, \"status-s\": 2, "
                  "\"repair\": false, "
                  "\"use-ip\": {\"cluster2\": \"10.0.0.5\"}}");
    ck_assert_str_eq(config.driver_directory, "/opt/drivers");
    ck_assert_str_eq(config.listen.text, "[::1]:9090");
    ck_assert_str_eq(config.title, "kubernetes-admin@cluster.local");
    ck_assert_uint_eq(config.metrics_profile, SUBWG_PROFILE_SUBMARINER);
    ck_assert_uint_eq(config.log_level, SUBWG_LOG_DEBUG);
    ck_assert_uint_eq(config.reconcile_s, 60);
    ck_assert_uint_eq(config.status_s, 2);
    ck_assert(!config.repair);
    ck_assert_str_eq(json_string_value(json_object_get(config.use_ip, "cluster2")), "10.0.0.5");
    config_free(&config);
}
END_TEST

START_TEST(settings_reach_the_driver_as_text)
{
    assert_parsed("{" DRIVER ", " BROKER ", " ENDPOINT
                  ", \"settings\": {\"port\": \"5871\", \"mtu\": 1380, \"routes\": true, "
                  "\"mark\": false}}");
    ck_assert_uint_eq(config.setting_count, 4);
    ck_assert_str_eq(setting("port"), "5871");
    ck_assert_str_eq(setting("mtu"), "1380");
    ck_assert_str_eq(setting("routes"), "yes");
    ck_assert_str_eq(setting("mark"), "no");
    config_free(&config);
}
END_TEST

START_TEST(all_faults_come_at_once)
{
    ck_assert_int_eq(
        parse(
            "{\"cable-driver\": 7, \"broker\": {\"type\": \"etcd\", \"path\": \"run\", \"x\": 1}, "
            "\"colour\": \"red\", \"metrics-profile\": \"sea\", \"status-s\": 61, "
            "\"driver-file\": \"a.so\", \"driver-directory\": \"/d\", \"listen\": \"here:1\", "
            "\"use-ip\": {\"cluster2\": \"ten\"}, \"log-level\": \"\", "
            "\"endpoint\": {\"cluster_id\": \"\", \"subnets\": [\"10.0.0.0/8\", 5], "
            "\"nat_enabled\": \"yes\", \"privateIp\": \"10.0.0.1\"}}"),
        -EINVAL);
    assert_fault("gateway.json: cable-driver: 7 is not allowed; allowed: a driver's name");
    assert_fault("gateway.json: broker.type: \"etcd\" is not allowed; allowed: directory");
    assert_fault("gateway.json: broker.path: \"run\" is not allowed; allowed: an absolute path");
    assert_fault("gateway.json: broker.x: unknown field; allowed: type, path");
    assert_fault("gateway.json: colour: unknown field; allowed: cable-driver, ");
    assert_fault("metrics-profile: \"sea\" is not allowed; allowed: seed|submariner");
    assert_fault("log-level: \"\" is not allowed; allowed: error|warning|info|debug");
    assert_fault("status-s: 61 is not allowed; allowed: 1 to 60");
    assert_fault("driver-file: \"a.so\" is not allowed; allowed: an absolute path");
    assert_fault("driver-file: allowed only without driver-directory");
    assert_fault("listen: \"here:1\" is not allowed; allowed: ADDRESS:PORT");
    assert_fault("use-ip.cluster2: \"ten\" is not allowed; allowed: an IP address");
    assert_fault("endpoint.cluster_id: \"\" is not allowed; allowed: the cluster's name");
    assert_fault("endpoint.cable_name: missing; allowed: ");
    assert_fault("endpoint.subnets[1]: 5 is not allowed; allowed: a string");
    assert_fault("endpoint.nat_enabled: \"yes\" is not allowed; allowed: true or false");
    assert_fault("endpoint.privateIp: unknown field; allowed: cluster_id, ");
    assert_fault("endpoint.private_ip: missing; ");
    assert_fault("endpoint.hostname: missing; ");
    ck_assert_uint_eq(faults.count, 19);
    ck_assert_ptr_null(config.document);
}
END_TEST

START_TEST(a_private_address_that_is_none_is_refused_where_it_is_listened_on)
{
    ck_assert_int_eq(parse("{" DRIVER ", " BROKER
                           ", \"endpoint\": {\"cluster_id\": \"a\", \"cable_name\": \"b\", "
                           "\"hostname\": \"c\", \"subnets\": [], \"private_ip\": \"gateway\"}}"),
                     -EINVAL);
    assert_fault("endpoint.private_ip: \"gateway\" is not allowed; allowed: an IP address");
}
END_TEST

static const char *const bad_documents[] = {
    "",
    "[]",
    "{",
    "null",
    "{\"cable-driver\": \"a\", \"cable-driver\": \"b\"}",
    "\xff{}",
    "{} {}",
    "{\"title\": \"\\u0000\"}",
};

START_TEST(what_is_no_configuration_is_refused)
{
    ck_assert_int_eq(parse(bad_documents[_i]), -EINVAL);
    ck_assert_uint_ge(faults.count, 1);
}
END_TEST

START_TEST(secrets_are_never_in_a_fault)
{
    ck_assert_int_eq(parse("{\"settings\": {\"psk\": \"hush-hush\" \"hush-hush\" }}"), -EINVAL);
    ck_assert_ptr_null(strstr(faults.text, "hush"));
    ck_assert_int_eq(parse("{\"settings\": {\"psk\": [\"hush-hush\"]}}"), -EINVAL);
    assert_fault("settings.psk: an array is not allowed; allowed: a string, a number");
    ck_assert_ptr_null(strstr(faults.text, "hush"));
    ck_assert_int_eq(parse("{\"settings\": \"hush-hush\"}"), -EINVAL);
    assert_fault("settings: ");
    ck_assert_ptr_null(strstr(faults.text, "hush"));
}
END_TEST

START_TEST(faults_stay_one_line_each_and_bounded)
{
    char text[32768] = "{";
    size_t used = 1;

    for (int i = 0; i < 1000; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "\"a\\n\\u001b%d\": 1,", i);
    snprintf(text + used, sizeof text - used, "\"z\": 1}");
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_uint_gt(faults.count, 1000);
    ck_assert_uint_lt(strlen(faults.text), sizeof faults.text);
    ck_assert_ptr_null(strchr(faults.text, '\x1b'));
    assert_fault("gateway.json: a\\x0a\\x1b0: unknown field");
}
END_TEST

START_TEST(a_file_is_read_or_the_reason_given)
{
    char path[] = "/tmp/subwg-config-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    ck_assert_ptr_nonnull(file);
    fputs("{" DRIVER ", " BROKER ", " ENDPOINT "}", file);
    fclose(file);
    faults_begin(&faults, path);
    ck_assert_int_eq(config_read(&config, path, &faults), 0);
    config_free(&config);
    ck_assert_int_eq(truncate(path, CONFIG_FILE_BYTES_MAX + 1), 0);
    ck_assert_int_eq(config_read(&config, path, &faults), -EINVAL);
    assert_fault("larger than");
    unlink(path);
    faults_begin(&faults, path);
    ck_assert_int_eq(config_read(&config, path, &faults), -EINVAL);
    assert_fault("cannot read it: No such file");
}
END_TEST

static const struct {
    const char *text;
    const char *shown; /* NULL: refused */
} addresses[] = {
    {"127.0.0.1:8080", "127.0.0.1:8080"},
    {"0.0.0.0:65535", "0.0.0.0:65535"},
    {"[fd00::6]:80", "[fd00::6]:80"},
    {"127.0.0.1", NULL},
    {"127.0.0.1:", NULL},
    {"127.0.0.1:0", NULL},
    {"127.0.0.1:65536", NULL},
    {"127.0.0.1:80808080", NULL},
    {"127.0.0.1:8x", NULL},
    {":8080", NULL},
    {"::1:8080", NULL},
    {"[127.0.0.1]:80", NULL},
    {"[]:80", NULL},
    {"localhost:80", NULL},
    {"", NULL},
};

START_TEST(addresses_to_listen_on_are_numeric)
{
    struct listen_address address;
    bool taken = listen_address_parse(addresses[_i].text, &address);

    ck_assert_msg(taken == (addresses[_i].shown != NULL), "%s", addresses[_i].text);
    if (taken)
        ck_assert_str_eq(address.text, addresses[_i].shown);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-config");
    TCase *tests = tcase_create("config");
    tcase_add_test(tests, the_least_that_is_needed_has_defaults);
    tcase_add_test(tests, everything_can_be_said);
    tcase_add_test(tests, settings_reach_the_driver_as_text);
    tcase_add_test(tests, all_faults_come_at_once);
    tcase_add_test(tests, a_private_address_that_is_none_is_refused_where_it_is_listened_on);
    tcase_add_loop_test(tests, what_is_no_configuration_is_refused, 0,
                        sizeof bad_documents / sizeof bad_documents[0]);
    tcase_add_test(tests, secrets_are_never_in_a_fault);
    tcase_add_test(tests, faults_stay_one_line_each_and_bounded);
    tcase_add_test(tests, a_file_is_read_or_the_reason_given);
    tcase_add_loop_test(tests, addresses_to_listen_on_are_numeric, 0,
                        sizeof addresses / sizeof addresses[0]);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
