/* SPDX-License-Identifier: Apache-2.0 */
/* The reports on bad settings, the preshared key, and the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "wireguard_settings_read.h"

/* Settings with a number for their value. */
static const char *const numbers[] = {"port",
                                      "remote-port",
                                      "keepalive-s",
                                      "table",
                                      "rule-priority",
                                      "mark",
                                      "route-protocol",
                                      "mtu",
                                      "min-prefix-ipv4",
                                      "min-prefix-ipv6",
                                      "max-subnets",
                                      "status-window-s",
                                      "reply-timeout-ms"};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static void check_key_of(const char *text)
{
    struct key expected;
    key_from_passphrase(text, strlen(text), &expected);
    ck_assert(secrets->has_preshared_key);
    ck_assert(key_equal(&secrets->preshared_key, &expected));
}

START_TEST(the_preshared_key_stays_in_its_page)
{
    settings_check_taken("psk", "correct horse");
    check_key_of("correct horse");
    ck_assert(!settings.well_known_psk);
    settings_check_taken("psk", "default psk");
    check_key_of("default psk");
    ck_assert(settings.well_known_psk); /* taken when set explicitly, for a warning */
    settings_check_refused("psk", "");
}
END_TEST

START_TEST(values_have_a_longest_length)
{
    char value[LIMIT_SETTING_VALUE + 2];
    memset(value, 's', sizeof(value));
    value[LIMIT_SETTING_VALUE] = '\0';
    settings_check_taken("psk", value);
    check_key_of(value);
    value[LIMIT_SETTING_VALUE] = 's';
    value[LIMIT_SETTING_VALUE + 1] = '\0';
    settings_check_refused("psk", value);
    ck_assert_msg(!report_has("is empty"), "%s", error.text);
    ck_assert_msg(!report_has("sss"), "%s", error.text);
    settings_check_refused("device", value);
    settings_check_refused("source-address", value);
}
END_TEST

START_TEST(at_most_so_many)
{
    static struct subwg_setting many[LIMIT_SETTINGS + 2];
    for (uint32_t i = 0; i <= LIMIT_SETTINGS; i++)
        many[i] = (struct subwg_setting){"no-such-key", "x"};
    ck_assert_int_eq(settings_of_list(many, NULL, 0), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_LIMIT);
    ck_assert(report_has("128"));
    many[LIMIT_SETTINGS] = (struct subwg_setting){NULL, NULL};
    ck_assert_int_eq(settings_of_list(many, NULL, 0), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
}
END_TEST

START_TEST(a_key_or_value_that_is_null)
{
    const struct subwg_setting lists[][2] = {{{"port", "1"}, {NULL, "1"}},
                                             {{"port", "1"}, {"table", NULL}}};
    (void)settings_of_one("port", "1");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(settings_read(lists[i], 2, NULL, 0, &settings, secrets, &error), -EINVAL);
        ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_ARGUMENT);
    }
}
END_TEST

START_TEST(unknown_keys_are_named_with_those_there_are)
{
    static const char *const unknown[] = {"prot", "PORT",      "port ",
                                          "",     "keepalive", "preshared-key"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        ck_assert_int_eq(settings_of_one(unknown[i], "1"), -EINVAL);
        ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
        char quoted[32];
        snprintf(quoted, sizeof(quoted), "'%s'", unknown[i]);
        ck_assert_msg(report_has(quoted), "%s", error.text);
        ck_assert(report_has("profile") && report_has("psk") && report_has("status-window-s"));
        for (size_t j = 0; j < NUMBERS; j++)
            ck_assert(report_has(numbers[j]));
    }
}
END_TEST

START_TEST(a_key_given_twice_is_refused)
{
    static const char *const twice[][2] = {
        {"port", "5000"}, {"psk", "canary"}, {"profile", "seed"}};
    for (int i = 0; i < 3; i++) {
        const struct subwg_setting list[] = {
            {twice[i][0], twice[i][1]}, {twice[i][0], twice[i][1]}, {NULL, NULL}};
        ck_assert_int_eq(settings_of_list(list, NULL, 0), -EINVAL);
        ck_assert(report_has(twice[i][0]) && report_has("twice"));
        ck_assert(!report_has("canary"));
    }
}
END_TEST

START_TEST(all_faults_come_in_one_report)
{
    const struct subwg_setting list[] = {
        {"port", "70000"},   {"device", "a/b"},     {"prot", "1"},         {"table", "254"},
        {"routes", "maybe"}, {"keepalive-s", "10"}, {"keepalive-s", "20"}, {"mtu", "1279"},
        {"colour", "blue"},  {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(list, NULL, 0), -EINVAL);
    static const char *const named[] = {"port",  "70000", "device", "a/b",    "prot",
                                        "table", "254",   "routes", "maybe",  "keepalive-s",
                                        "twice", "mtu",   "1279",   "colour", "1280"};
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        ck_assert_msg(report_has(named[i]), "no word of %s: %s", named[i], error.text);
}
END_TEST

START_TEST(what_does_not_fit_into_the_report_is_counted)
{
    struct subwg_setting list[16] = {{NULL, NULL}};
    for (size_t i = 0; i < NUMBERS; i++)
        list[i] = (struct subwg_setting){numbers[i], "this is not at all a number, is it"};
    ck_assert_int_eq(settings_of_list(list, NULL, 0), -EINVAL);
    unsigned named = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        char setting[64];
        snprintf(setting, sizeof(setting), "setting %s is", numbers[i]);
        named += strstr(error.text, setting) != NULL;
    }
    static const char further[] = "further faults: ";
    const char *rest = strstr(error.text, further);
    ck_assert_msg(rest != NULL, "%s", error.text);
    ck_assert_uint_eq(named + strtoul(rest + strlen(further), NULL, 10), 13);
    ck_assert_uint_gt(named, 3);
}
END_TEST

START_TEST(a_failure_changes_nothing)
{
    settings_check_taken("device", "before0");
    ck_assert_int_eq(settings_of_one("port", "0"), -EINVAL);
    ck_assert_str_eq(settings.device, "before0");
    const struct subwg_setting list[] = {{"device", "after0"}, {"mtu", "7"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(list, NULL, 0), -EINVAL);
    ck_assert_str_eq(settings.device, "before0");
}
END_TEST

static const struct setting_source port_of_environment = {{"port", "1234"},
                                                          SETTINGS_ENVIRONMENT_PORT};
static const struct setting_source psk_of_environment = {{"psk", "from the environment"},
                                                         SETTINGS_ENVIRONMENT_PSK};

START_TEST(the_environment_is_over_the_profile_and_below_settings)
{
    const struct setting_source environment[] = {port_of_environment, psk_of_environment};
    const struct subwg_setting profile[] = {{"profile", "submariner"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(profile, environment, 2), 0);
    ck_assert_uint_eq(settings.port, 1234);
    check_key_of("from the environment");
    const struct subwg_setting explicit[] = {{"psk", "explicit"}, {"port", "4321"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(explicit, environment, 2), 0);
    ck_assert_uint_eq(settings.port, 4321);
    check_key_of("explicit");
}
END_TEST

START_TEST(the_well_known_key_of_the_environment_is_overridden)
{
    const struct setting_source environment[] = {
        {{"psk", "default psk"}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting none[] = {{NULL, NULL}};
    ck_assert_int_eq(settings_of_list(none, environment, 1), 0);
    ck_assert(settings.well_known_psk);
    const struct subwg_setting explicit[] = {{"psk", "own"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(explicit, environment, 1), 0);
    ck_assert(!settings.well_known_psk);
}
END_TEST

START_TEST(a_bad_value_of_the_environment_names_the_variable)
{
    const struct setting_source environment[] = {{{"port", "65536"}, SETTINGS_ENVIRONMENT_PORT},
                                                 {{"psk", ""}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting none[] = {{NULL, NULL}};
    ck_assert_str_eq(SETTINGS_ENVIRONMENT_PORT, "CE_IPSEC_NATTPORT");
    ck_assert_str_eq(SETTINGS_ENVIRONMENT_PSK, "CE_IPSEC_PSK");
    ck_assert_int_eq(settings_of_list(none, environment, 2), -EINVAL);
    ck_assert(report_has("CE_IPSEC_NATTPORT") && report_has("65536"));
    ck_assert(report_has("CE_IPSEC_PSK"));
}
END_TEST

START_TEST(a_bad_value_of_the_environment_does_not_matter_where_it_is_overridden)
{
    const struct setting_source environment[] = {{{"port", "65536"}, SETTINGS_ENVIRONMENT_PORT},
                                                 {{"psk", ""}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting both[] = {{"port", "4321"}, {"psk", "own"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(both, environment, 2), 0);
    ck_assert_uint_eq(settings.port, 4321);
    check_key_of("own");
    const struct subwg_setting one[] = {{"port", "4321"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(one, environment, 2), -EINVAL);
    ck_assert(report_has("CE_IPSEC_PSK"));
    ck_assert(!report_has("CE_IPSEC_NATTPORT"));
}
END_TEST

START_TEST(no_report_holds_a_secret)
{
    /* The passphrase, wherever it comes from and whatever else is wrong. */
    const struct setting_source environment[] = {{{"psk", "canary-e"}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting list[] = {{"psk", "canary-s"}, {"psk", "canary-t"},  {"port", "0"},
                                         {"mark", "0"},       {"profile", "other"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(list, environment, 1), -EINVAL);
    ck_assert_msg(!report_has("canary"), "%s", error.text);
    char key[KEY_TEXT_SIZE];
    (void)key_format(&secrets->preshared_key, key);
    ck_assert(!report_has(key));
}
END_TEST

START_TEST(hostile_values_are_shown_as_text)
{
    ck_assert_int_eq(settings_of_one("port", "\x1b[31m5871\n\xff"), -EINVAL);
    ck_assert(is_utf8(error.text));
    ck_assert(report_has("\\x1b") && report_has("\\x0a") && report_has("\\xff"));
    ck_assert_int_eq(settings_of_one("po\x1brt\n", "5871"), -EINVAL);
    ck_assert(report_has("po\\x1brt\\x0a"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_preshared_key_stays_in_its_page,
        values_have_a_longest_length,
        at_most_so_many,
        a_key_or_value_that_is_null,
        unknown_keys_are_named_with_those_there_are,
        a_key_given_twice_is_refused,
        all_faults_come_in_one_report,
        what_does_not_fit_into_the_report_is_counted,
        a_failure_changes_nothing,
        the_environment_is_over_the_profile_and_below_settings,
        the_well_known_key_of_the_environment_is_overridden,
        a_bad_value_of_the_environment_names_the_variable,
        a_bad_value_of_the_environment_does_not_matter_where_it_is_overridden,
        no_report_holds_a_secret,
        hostile_values_are_shown_as_text,
        NULL,
    };
    int failed = unit_run("wireguard_settings_report", tests);
    secret_page_destroy(secrets);
    return failed;
}
