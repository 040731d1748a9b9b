/* SPDX-License-Identifier: Apache-2.0 */
/* The settings: defaults, profiles, and every value at its limits. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "wireguard_settings_read.h"

START_TEST(the_default_is_the_seeds)
{
    static const char *const profiles[] = {NULL, "seed"};
    for (int i = 0; i < 2; i++) {
        const struct subwg_setting list[] = {{i == 0 ? NULL : "profile", profiles[i]},
                                             {NULL, NULL}};
        ck_assert_int_eq(settings_of_list(list, NULL, 0), 0);
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
    ck_assert_int_eq(settings_of_one("profile", "submariner"), 0);
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
    ck_assert_int_eq(settings_of_list(before, NULL, 0), 0);
    ck_assert_uint_eq(settings.port, 1000);
    ck_assert_str_eq(settings.device, "wg7");
    ck_assert_uint_eq(settings.remote_port, 4500);
    settings_check_refused("profile", "Seed");
    settings_check_refused("profile", "");
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
        settings_check_refused(range->key, text);
        return;
    }
    settings_check_taken(range->key, text);
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
            if (settings_of_one(ranges[i].key, texts[j]) != -EINVAL)
                ck_abort_msg("%s='%s' is taken", ranges[i].key, texts[j]);
}
END_TEST

START_TEST(the_systems_own_tables_are_out_of_reach)
{
    settings_check_taken("table", "252");
    settings_check_refused("table", "253"); /* default */
    settings_check_refused("table", "254"); /* main */
    settings_check_refused("table", "255"); /* local */
    settings_check_taken("table", "256");
}
END_TEST

START_TEST(without_a_mark_there_are_no_routes)
{
    settings_check_refused("mark", "0");
    const struct subwg_setting no_routes[] = {{"mark", "0"}, {"routes", "no"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(no_routes, NULL, 0), 0);
    ck_assert_uint_eq(settings.mark, 0);
    const struct subwg_setting routes[] = {
        {"profile", "submariner"}, {"routes", "yes"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(routes, NULL, 0), -EINVAL);
    ck_assert(report_has("mark"));
    const struct subwg_setting both[] = {
        {"profile", "submariner"}, {"routes", "yes"}, {"mark", "7"}, {NULL, NULL}};
    ck_assert_int_eq(settings_of_list(both, NULL, 0), 0);
    ck_assert(settings.routes);
}
END_TEST

START_TEST(yes_or_no)
{
    settings_check_taken("routes", "yes");
    ck_assert(settings.routes);
    settings_check_taken("routes", "no");
    ck_assert(!settings.routes);
    settings_check_refused("routes", "true");
    settings_check_refused("routes", "Yes");
    settings_check_refused("routes", "1");
    settings_check_refused("routes", "");
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
        settings_check_taken("device", good[i]);
        ck_assert_str_eq(settings.device, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!settings_device_name_valid(bad[i]), "number %zu is taken", i);
        ck_assert_int_eq(settings_of_one("device", bad[i]), -EINVAL);
        for (const char *byte = error.text; *byte != '\0'; byte++)
            ck_assert_msg((unsigned char)*byte >= ' ', "a control character gets through");
    }
}
END_TEST

START_TEST(source_addresses)
{
    settings_check_taken("source-address", "none");
    ck_assert(!settings.source_address_auto);
    settings_check_taken("source-address", "auto");
    ck_assert(settings.source_address_auto);
    ck_assert_uint_eq(settings.source_addresses[0].family, FAMILY_NONE);
    struct address v4 = address_of("10.0.0.1");
    struct address v6 = address_of("2001:db8::1");
    settings_check_taken("source-address", "10.0.0.1");
    ck_assert(address_equal(&settings.source_addresses[0], &v4));
    settings_check_taken("source-address", "2001:db8::1,10.0.0.1");
    ck_assert(address_equal(&settings.source_addresses[0], &v6));
    ck_assert(address_equal(&settings.source_addresses[1], &v4));
    settings_check_refused("source-address", "");
    settings_check_refused("source-address", "automatic");
    settings_check_refused("source-address", "10.0.0.1,10.0.0.2");
    settings_check_refused("source-address", "10.0.0.1,");
    settings_check_refused("source-address", ",10.0.0.1");
    settings_check_refused("source-address", "10.0.0.1/24");
    settings_check_refused("source-address", "10.0.0.1,2001:db8::1,10.0.0.3");
    settings_check_refused("source-address", "10.0.0.1, 2001:db8::1");
    settings_check_refused("source-address", "none,10.0.0.1");
}
END_TEST

START_TEST(a_key_file_is_an_absolute_path)
{
    char longest[LIMIT_KEY_FILE_PATH + 1];
    memset(longest, 'k', sizeof(longest));
    longest[0] = '/';
    longest[LIMIT_KEY_FILE_PATH - 1] = '\0';
    settings_check_taken("key-file", longest);
    ck_assert_str_eq(settings.key_file, longest);
    longest[LIMIT_KEY_FILE_PATH - 1] = 'k';
    longest[LIMIT_KEY_FILE_PATH] = '\0';
    settings_check_refused("key-file", longest);
    settings_check_taken("key-file", "/var/lib/subwg/schl\303\274ssel");
    settings_check_refused("key-file", "");
    settings_check_refused("key-file", "key");
    settings_check_refused("key-file", "../key");
    ck_assert_int_eq(settings_of_one("key-file", "/a\nb"), -EINVAL);
    ck_assert_int_eq(settings_of_one("key-file", "/a\377"), -EINVAL);
}
END_TEST

START_TEST(the_mtu_may_be_automatic)
{
    settings_check_taken("mtu", "1400");
    ck_assert_uint_eq(settings.mtu, 1400);
    settings_check_taken("mtu", "auto");
    ck_assert_uint_eq(settings.mtu, 0);
    settings_check_refused("mtu", "0");
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
        a_key_file_is_an_absolute_path,
        the_mtu_may_be_automatic,
        NULL,
    };
    int failed = unit_run("wireguard_settings", tests);
    secret_page_destroy(secrets);
    return failed;
}
