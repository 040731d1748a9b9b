/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_settings_read.h"

#include <errno.h>
#include <string.h>

struct settings settings;
struct secret_page *secrets;
struct subwg_error error;

int32_t settings_of_list(const struct subwg_setting *list, const struct setting_source *environment,
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

int32_t settings_of_one(const char *key, const char *value)
{
    const struct subwg_setting list[] = {{key, value}, {NULL, NULL}};
    return settings_of_list(list, NULL, 0);
}

bool report_has(const char *text)
{
    return strstr(error.text, text) != NULL || strstr(error.hint, text) != NULL;
}

void settings_check_taken(const char *key, const char *value)
{
    if (settings_of_one(key, value) != 0)
        ck_abort_msg("%s=%s is refused: %s", key, value, error.text);
}

void settings_check_refused(const char *key, const char *value)
{
    if (settings_of_one(key, value) != -EINVAL)
        ck_abort_msg("%s=%s is taken", key, value);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
    ck_assert_int_eq(error.code, -EINVAL);
    ck_assert_msg(report_has(key), "%s=%s: %s", key, value, error.text);
    ck_assert_msg(report_has("allowed"), "%s=%s: %s", key, value, error.text);
    if (strlen(value) < 40 && strcmp(key, "psk") != 0)
        ck_assert_msg(report_has(value), "%s=%s: %s", key, value, error.text);
}
