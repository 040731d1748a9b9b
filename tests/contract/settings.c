/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: refused by name, all faults in one report, and no secret in it. */
#include "suite.h"

#include <errno.h>
#include <string.h>

static void expect_named(const struct engine *engine, const char *what)
{
    ck_assert_msg(strstr(engine->error.text, what) != NULL, "the report does not name '%s': \"%s\"",
                  what, engine->error.text);
}

static void expect_bad_settings(struct engine *engine, const struct subwg_setting *settings,
                                uint32_t count)
{
    engine_prepare(engine);
    int32_t code = engine_create_with(engine, settings, count);
    expect_failure(engine, code, -EINVAL, SUBWG_REASON_BAD_SETTING);
}

START_TEST(unknown_key_is_refused)
{
    struct engine engine;
    const struct subwg_setting setting = {"no-such-setting", "17"};
    expect_bad_settings(&engine, &setting, 1);
    expect_named(&engine, "no-such-setting");
}
END_TEST

START_TEST(bad_value_is_refused_by_key_and_value)
{
    struct engine engine;
    for (int i = 0; i < 2; i++) {
        expect_bad_settings(&engine, &subject->bad_settings[i], 1);
        expect_named(&engine, subject->bad_settings[i].key);
        expect_named(&engine, subject->bad_settings[i].value);
    }
}
END_TEST

START_TEST(all_faults_are_in_one_report)
{
    struct engine engine;
    const struct subwg_setting settings[] = {
        subject->bad_settings[0],
        {"no-such-setting", "17"},
        subject->bad_settings[1],
    };
    expect_bad_settings(&engine, settings, 3);
    expect_named(&engine, subject->bad_settings[0].key);
    expect_named(&engine, subject->bad_settings[0].value);
    expect_named(&engine, "no-such-setting");
    expect_named(&engine, subject->bad_settings[1].key);
    expect_named(&engine, subject->bad_settings[1].value);
}
END_TEST

START_TEST(key_given_twice_is_refused)
{
    struct engine engine;
    const struct subwg_setting settings[] = {subject->settings[0], subject->settings[0]};
    expect_bad_settings(&engine, settings, 2);
    expect_named(&engine, subject->settings[0].key);
}
END_TEST

START_TEST(missing_key_or_value_is_refused)
{
    struct engine engine;
    const struct subwg_setting no_key = {NULL, "17"};
    const struct subwg_setting no_value = {"no-such-setting", NULL};
    engine_prepare(&engine);
    ck_assert_int_eq(engine_create_with(&engine, &no_key, 1), -EINVAL);
    ck_assert_int_eq(engine_create_with(&engine, &no_value, 1), -EINVAL);
}
END_TEST

START_TEST(hostile_settings_give_a_clean_report)
{
    struct engine engine;
    char long_text[6000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    const struct subwg_setting settings[] = {
        {"key\n\033[31m", "17"},
        {"\xff\xfe", "17"},
        {long_text, long_text},
        {subject->bad_settings[0].key, "value\n\033[31m"},
        {subject->bad_settings[1].key, long_text},
    };
    uint32_t count = subject->bad_settings[0].key != NULL ? 5 : 3;
    for (uint32_t i = 0; i < count; i++)
        expect_bad_settings(&engine, &settings[i], 1);
    expect_bad_settings(&engine, settings, count);
}
END_TEST

/* The record is not searched for the canary here: every text is, when the test ends. */
START_TEST(report_never_shows_a_secret)
{
    struct engine engine;
    char misspelt[64] = "x";
    strncat(misspelt, subject->secret_setting, sizeof(misspelt) - 2);
    const struct subwg_setting settings[] = {
        {subject->secret_setting, CANARY},
        {misspelt, CANARY},
    };
    expect_bad_settings(&engine, settings, 2);
    const struct subwg_setting twice[] = {settings[0], settings[0]};
    expect_bad_settings(&engine, twice, 2);
    ck_assert(transcript_holds(misspelt));
}
END_TEST

TCase *settings_tests(void)
{
    TCase *tests = tcase_create("settings");
    tcase_add_test(tests, unknown_key_is_refused);
    if (subject->bad_settings[0].key != NULL) {
        tcase_add_test(tests, bad_value_is_refused_by_key_and_value);
        tcase_add_test(tests, all_faults_are_in_one_report);
    }
    if (subject->settings[0].key != NULL)
        tcase_add_test(tests, key_given_twice_is_refused);
    tcase_add_test(tests, missing_key_or_value_is_refused);
    tcase_add_test(tests, hostile_settings_give_a_clean_report);
    if (subject->secret_setting != NULL)
        tcase_add_test(tests, report_never_shows_a_secret);
    return tests;
}
