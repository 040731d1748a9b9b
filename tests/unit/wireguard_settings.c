/* SPDX-License-Identifier: Apache-2.0 */
/* The settings: defaults, profiles, every limit, and reports that a person can act on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "unit.h"
#include "wireguard/settings.h"

static struct settings settings;
static struct secret_page *secrets;
static struct subwg_error error;

/* Reads a list that ends with a NULL key. */
static int32_t read_list(const struct subwg_setting *list, const struct setting_source *environment,
                         uint32_t environment_count)
{
    uint32_t count = 0;
    while (list[count].key != NULL)
        count++;
    if (secrets == NULL)
        secrets = secret_page_create();
    ck_assert_ptr_nonnull(secrets);
    secrets->has_preshared_key = false;
    key_wipe(&secrets->preshared_key);
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    return settings_read(list, count, environment, environment_count, &settings, secrets, &error);
}

static int32_t read_one(const char *key, const char *value)
{
    const struct subwg_setting list[] = {{key, value}, {NULL, NULL}};
    return read_list(list, NULL, 0);
}

static bool report_has(const char *text)
{
    return strstr(error.text, text) != NULL || strstr(error.hint, text) != NULL;
}

static void check_taken(const char *key, const char *value)
{
    if (read_one(key, value) != 0)
        ck_abort_msg("%s=%s is refused: %s", key, value, error.text);
}

static void check_refused(const char *key, const char *value)
{
    if (read_one(key, value) != -EINVAL)
        ck_abort_msg("%s=%s is taken", key, value);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
    ck_assert_int_eq(error.code, -EINVAL);
    ck_assert_msg(report_has(key), "%s=%s: %s", key, value, error.text);
    ck_assert_msg(report_has("allowed"), "%s=%s: %s", key, value, error.text);
    if (strlen(value) < 40 && strcmp(key, "psk") != 0)
        ck_assert_msg(report_has(value), "%s=%s: %s", key, value, error.text);
}

START_TEST(the_default_is_the_seeds)
{
    static const char *const profiles[] = {NULL, "seed"};
    for (int i = 0; i < 2; i++) {
        const struct subwg_setting list[] = {{i == 0 ? NULL : "profile", profiles[i]},
                                             {NULL, NULL}};
        ck_assert_int_eq(read_list(list, NULL, 0), 0);
        ck_assert_str_eq(settings.device, "subwg0");
        ck_assert_uint_eq(settings.port, 5871);
        ck_assert_uint_eq(settings.remote_port, 5871);
        ck_assert_uint_eq(settings.keepalive_s, 10);
        ck_assert(settings.routes);
        ck_assert_uint_eq(settings.table, 220);
        ck_assert_uint_eq(settings.rule_priority, 220);
        ck_assert_uint_eq(settings.mark, 5871);
        ck_assert_uint_eq(settings.route_protocol, 158);
        ck_assert(settings.source_address_auto);
        ck_assert_uint_eq(settings.mtu, 0);
        ck_assert_uint_eq(settings.min_prefix_ipv4, 8);
        ck_assert_uint_eq(settings.min_prefix_ipv6, 16);
        ck_assert_uint_eq(settings.max_subnets, 1024);
        ck_assert_uint_eq(settings.status_window_s, 195);
        ck_assert_uint_eq(settings.reply_timeout_ms, 5000);
        ck_assert(!settings.well_known_psk);
        ck_assert(!secrets->has_preshared_key); /* fault 14: no default key */
    }
}
END_TEST

START_TEST(the_profile_of_submariner)
{
    ck_assert_int_eq(read_one("profile", "submariner"), 0);
    ck_assert_str_eq(settings.device, "submariner");
    ck_assert_uint_eq(settings.port, 4500);
    ck_assert_uint_eq(settings.remote_port, 4500);
    ck_assert_uint_eq(settings.keepalive_s, 10);
    ck_assert(!settings.routes);
    ck_assert_uint_eq(settings.mark, 0);
    ck_assert(!settings.source_address_auto);
    ck_assert(!secrets->has_preshared_key);
}
END_TEST

START_TEST(settings_go_over_the_profile_in_any_order)
{
    const struct subwg_setting before[] = {
        {"port", "1000"}, {"profile", "submariner"}, {"device", "wg7"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(before, NULL, 0), 0);
    ck_assert_uint_eq(settings.port, 1000);
    ck_assert_str_eq(settings.device, "wg7");
    ck_assert_uint_eq(settings.remote_port, 4500);
    check_refused("profile", "Seed");
    check_refused("profile", "");
}
END_TEST

struct range {
    const char *key;
    uint64_t least;
    uint64_t most;
    size_t offset;
    size_t size;
};

#define RANGE(key, member, least, most)                                              \
    {                                                                                \
        key, least, most, offsetof(struct settings, member), sizeof(settings.member) \
    }

static const struct range ranges[] = {
    RANGE("port", port, 1, 65535),
    RANGE("remote-port", remote_port, 1, 65535),
    RANGE("keepalive-s", keepalive_s, 0, 65535),
    RANGE("table", table, 1, 4294967295),
    RANGE("rule-priority", rule_priority, 1, 32765),
    RANGE("mark", mark, 1, 4294967295), /* 0 without routes only */
    RANGE("route-protocol", route_protocol, 5, 255),
    RANGE("mtu", mtu, 1280, 65456),
    RANGE("min-prefix-ipv4", min_prefix_ipv4, 0, 32),
    RANGE("min-prefix-ipv6", min_prefix_ipv6, 0, 128),
    RANGE("max-subnets", max_subnets, 1, LIMIT_SUBNETS_MAX),
    RANGE("status-window-s", status_window_s, 1, 86400),
    RANGE("reply-timeout-ms", reply_timeout_ms, 100, 600000),
};

static uint64_t member_of(const struct range *range)
{
    uint16_t middle = 0;
    uint32_t wide = 0;
    const char *member = (const char *)&settings + range->offset;
    if (range->size == sizeof(wide))
        memcpy(&wide, member, sizeof(wide));
    else if (range->size == sizeof(middle))
        memcpy(&middle, member, sizeof(middle));
    else
        wide = *(const uint8_t *)member;
    return wide + middle;
}

static void check_number(const struct range *range, uint64_t number, bool allowed)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    if (!allowed) {
        check_refused(range->key, text);
        return;
    }
    check_taken(range->key, text);
    ck_assert_msg(member_of(range) == number, "%s=%s is read as %" PRIu64, range->key, text,
                  member_of(range));
}

START_TEST(numbers_at_their_limits)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *range = &ranges[i];
        if (range->least > 0)
            check_number(range, range->least - 1, false);
        check_number(range, range->least, true);
        check_number(range, range->least + 1, true);
        check_number(range, range->most - 1, true);
        check_number(range, range->most, true);
        check_number(range, range->most + 1, false);
        check_number(range, range->most + 256, false);
        check_number(range, UINT64_C(4294967296) + range->least, false);
        check_number(range, UINT64_MAX, false);
    }
}
END_TEST

START_TEST(numbers_are_digits_only)
{
    static const char *const texts[] = {"",
                                        " 20",
                                        "20 ",
                                        "+20",
                                        "-1",
                                        "0x20",
                                        "2e3",
                                        "20s",
                                        "2,0",
                                        "20.0",
                                        "18446744073709551636",
                                        "x",
                                        "20\n",
                                        "\xd9\xa2"};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
            if (read_one(ranges[i].key, texts[j]) != -EINVAL)
                ck_abort_msg("%s='%s' is taken", ranges[i].key, texts[j]);
}
END_TEST

START_TEST(the_systems_own_tables_are_out_of_reach)
{
    check_taken("table", "252");
    check_refused("table", "253"); /* default */
    check_refused("table", "254"); /* main */
    check_refused("table", "255"); /* local */
    check_taken("table", "256");
}
END_TEST

START_TEST(without_a_mark_there_are_no_routes)
{
    check_refused("mark", "0");
    const struct subwg_setting no_routes[] = {{"mark", "0"}, {"routes", "no"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(no_routes, NULL, 0), 0);
    ck_assert_uint_eq(settings.mark, 0);
    const struct subwg_setting routes[] = {
        {"profile", "submariner"}, {"routes", "yes"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(routes, NULL, 0), -EINVAL);
    ck_assert(report_has("mark"));
    const struct subwg_setting both[] = {
        {"profile", "submariner"}, {"routes", "yes"}, {"mark", "7"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(both, NULL, 0), 0);
    ck_assert(settings.routes);
}
END_TEST

START_TEST(yes_or_no)
{
    check_taken("routes", "yes");
    ck_assert(settings.routes);
    check_taken("routes", "no");
    ck_assert(!settings.routes);
    check_refused("routes", "true");
    check_refused("routes", "Yes");
    check_refused("routes", "1");
    check_refused("routes", "");
}
END_TEST

START_TEST(device_names_that_every_tool_can_show)
{
    static const char *const good[] = {"a", "subwg0", "wg-1.2_3", "A23456789012345", "...", ".a"};
    static const char *const bad[] = {
        "",     "A234567890123456", ".",         "..",    "a/b",  "a b",
        "wg%d", "wg\x1b[0m",        "w\xc3\xa9", "wg0\n", "wg:1", "wg0@if2"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(settings_device_name_valid(good[i]), "'%s' is refused", good[i]);
        check_taken("device", good[i]);
        ck_assert_str_eq(settings.device, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!settings_device_name_valid(bad[i]), "number %zu is taken", i);
        ck_assert_int_eq(read_one("device", bad[i]), -EINVAL);
        for (const char *byte = error.text; *byte != '\0'; byte++)
            ck_assert_msg((unsigned char)*byte >= ' ', "a control character gets through");
    }
}
END_TEST

START_TEST(source_addresses)
{
    check_taken("source-address", "none");
    ck_assert(!settings.source_address_auto);
    check_taken("source-address", "auto");
    ck_assert(settings.source_address_auto);
    ck_assert_uint_eq(settings.source_addresses[0].family, FAMILY_NONE);
    struct address v4 = address_of("10.0.0.1");
    struct address v6 = address_of("2001:db8::1");
    check_taken("source-address", "10.0.0.1");
    ck_assert(address_equal(&settings.source_addresses[0], &v4));
    check_taken("source-address", "2001:db8::1,10.0.0.1");
    ck_assert(address_equal(&settings.source_addresses[0], &v6));
    ck_assert(address_equal(&settings.source_addresses[1], &v4));
    check_refused("source-address", "");
    check_refused("source-address", "automatic");
    check_refused("source-address", "10.0.0.1,10.0.0.2");
    check_refused("source-address", "10.0.0.1,");
    check_refused("source-address", ",10.0.0.1");
    check_refused("source-address", "10.0.0.1/24");
    check_refused("source-address", "10.0.0.1,2001:db8::1,10.0.0.3");
    check_refused("source-address", "10.0.0.1, 2001:db8::1");
    check_refused("source-address", "none,10.0.0.1");
}
END_TEST

START_TEST(the_mtu_may_be_automatic)
{
    check_taken("mtu", "1400");
    ck_assert_uint_eq(settings.mtu, 1400);
    check_taken("mtu", "auto");
    ck_assert_uint_eq(settings.mtu, 0);
    check_refused("mtu", "0");
}
END_TEST

static void check_key_of(const char *text)
{
    struct key expected;
    key_from_passphrase(text, strlen(text), &expected);
    ck_assert(secrets->has_preshared_key);
    ck_assert(key_equal(&secrets->preshared_key, &expected));
}

START_TEST(the_preshared_key_stays_in_its_page)
{
    check_taken("psk", "correct horse");
    check_key_of("correct horse");
    ck_assert(!settings.well_known_psk);
    check_taken("psk", "default psk");
    check_key_of("default psk");
    ck_assert(settings.well_known_psk); /* taken when set explicitly, for a warning */
    check_refused("psk", "");
}
END_TEST

START_TEST(values_have_a_longest_length)
{
    char value[LIMIT_SETTING_VALUE + 2];
    memset(value, 's', sizeof(value));
    value[LIMIT_SETTING_VALUE] = '\0';
    check_taken("psk", value);
    check_key_of(value);
    value[LIMIT_SETTING_VALUE] = 's';
    value[LIMIT_SETTING_VALUE + 1] = '\0';
    check_refused("psk", value);
    ck_assert_msg(!report_has("is empty"), "%s", error.text);
    ck_assert_msg(!report_has("sss"), "%s", error.text);
    check_refused("device", value);
    check_refused("source-address", value);
}
END_TEST

START_TEST(at_most_so_many)
{
    static struct subwg_setting many[LIMIT_SETTINGS + 2];
    for (uint32_t i = 0; i <= LIMIT_SETTINGS; i++)
        many[i] = (struct subwg_setting){"no-such-key", "x"};
    ck_assert_int_eq(read_list(many, NULL, 0), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_LIMIT);
    ck_assert(report_has("128"));
    many[LIMIT_SETTINGS] = (struct subwg_setting){NULL, NULL};
    ck_assert_int_eq(read_list(many, NULL, 0), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
}
END_TEST

START_TEST(a_key_or_value_that_is_null)
{
    const struct subwg_setting lists[][2] = {{{"port", "1"}, {NULL, "1"}},
                                             {{"port", "1"}, {"table", NULL}}};
    (void)read_one("port", "1");
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
        ck_assert_int_eq(read_one(unknown[i], "1"), -EINVAL);
        ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
        char quoted[32];
        snprintf(quoted, sizeof(quoted), "'%s'", unknown[i]);
        ck_assert_msg(report_has(quoted), "%s", error.text);
        ck_assert(report_has("profile") && report_has("psk") && report_has("status-window-s"));
        for (size_t j = 0; j < sizeof(ranges) / sizeof(ranges[0]); j++)
            ck_assert(report_has(ranges[j].key));
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
        ck_assert_int_eq(read_list(list, NULL, 0), -EINVAL);
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
    ck_assert_int_eq(read_list(list, NULL, 0), -EINVAL);
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
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        list[i] = (struct subwg_setting){ranges[i].key, "this is not at all a number, is it"};
    ck_assert_int_eq(read_list(list, NULL, 0), -EINVAL);
    unsigned named = 0;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        char setting[64];
        snprintf(setting, sizeof(setting), "setting %s is", ranges[i].key);
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
    check_taken("device", "before0");
    ck_assert_int_eq(read_one("port", "0"), -EINVAL);
    ck_assert_str_eq(settings.device, "before0");
    const struct subwg_setting list[] = {{"device", "after0"}, {"mtu", "7"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(list, NULL, 0), -EINVAL);
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
    ck_assert_int_eq(read_list(profile, environment, 2), 0);
    ck_assert_uint_eq(settings.port, 1234);
    check_key_of("from the environment");
    const struct subwg_setting explicit[] = {{"psk", "explicit"}, {"port", "4321"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(explicit, environment, 2), 0);
    ck_assert_uint_eq(settings.port, 4321);
    check_key_of("explicit");
}
END_TEST

START_TEST(the_well_known_key_of_the_environment_is_overridden)
{
    const struct setting_source environment[] = {
        {{"psk", "default psk"}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting none[] = {{NULL, NULL}};
    ck_assert_int_eq(read_list(none, environment, 1), 0);
    ck_assert(settings.well_known_psk);
    const struct subwg_setting explicit[] = {{"psk", "own"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(explicit, environment, 1), 0);
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
    ck_assert_int_eq(read_list(none, environment, 2), -EINVAL);
    ck_assert(report_has("CE_IPSEC_NATTPORT") && report_has("65536"));
    ck_assert(report_has("CE_IPSEC_PSK"));
}
END_TEST

START_TEST(no_report_holds_a_secret)
{
    /* The passphrase, wherever it comes from and whatever else is wrong. */
    const struct setting_source environment[] = {{{"psk", "canary-e"}, SETTINGS_ENVIRONMENT_PSK}};
    const struct subwg_setting list[] = {{"psk", "canary-s"}, {"psk", "canary-t"},  {"port", "0"},
                                         {"mark", "0"},       {"profile", "other"}, {NULL, NULL}};
    ck_assert_int_eq(read_list(list, environment, 1), -EINVAL);
    ck_assert_msg(!report_has("canary"), "%s", error.text);
    char key[KEY_TEXT_SIZE];
    (void)key_format(&secrets->preshared_key, key);
    ck_assert(!report_has(key));
}
END_TEST

START_TEST(hostile_values_are_shown_as_text)
{
    ck_assert_int_eq(read_one("port", "\x1b[31m5871\n\xff"), -EINVAL);
    ck_assert(is_utf8(error.text));
    ck_assert(report_has("\\x1b") && report_has("\\x0a") && report_has("\\xff"));
    ck_assert_int_eq(read_one("po\x1brt\n", "5871"), -EINVAL);
    ck_assert(report_has("po\\x1brt\\x0a"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_default_is_the_seeds,
        the_profile_of_submariner,
        settings_go_over_the_profile_in_any_order,
        numbers_at_their_limits,
        numbers_are_digits_only,
        the_systems_own_tables_are_out_of_reach,
        without_a_mark_there_are_no_routes,
        yes_or_no,
        device_names_that_every_tool_can_show,
        source_addresses,
        the_mtu_may_be_automatic,
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
        no_report_holds_a_secret,
        hostile_values_are_shown_as_text,
        NULL,
    };
    int failed = unit_run("wireguard_settings", tests);
    secret_page_destroy(secrets);
    return failed;
}
