/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of any keys and values, from the host and from the environment, in pairs of strings. */
#include "wireguard/settings.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "fuzz.h"

#define PAIRS_MAX 24

static void check_taken(const struct settings *settings)
{
    FUZZ_CHECK(settings_device_name_valid(settings->device));
    FUZZ_CHECK(settings->port != 0 && settings->remote_port != 0);
    FUZZ_CHECK(settings->table != 0);
    FUZZ_CHECK(settings->mark != 0 || !settings->routes);
    FUZZ_CHECK(settings->min_prefix_ipv4 <= 32 && settings->min_prefix_ipv6 <= 128);
    FUZZ_CHECK(settings->mtu == 0 || settings->mtu >= LIMIT_MTU_LEAST);
    FUZZ_CHECK(settings->max_subnets >= 1 && settings->max_subnets <= LIMIT_SUBNETS_MAX);
    FUZZ_CHECK(settings->reply_timeout_ms > 0 && settings->status_window_s > 0);
    FUZZ_CHECK(strnlen(settings->key_file, sizeof(settings->key_file)) <
               sizeof(settings->key_file));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    uint32_t from_environment = input_below(&input, 3);
    struct strings strings = strings_of(&input);
    struct setting_source environment[2] = {{.variable = SETTINGS_ENVIRONMENT_PORT},
                                            {.variable = SETTINGS_ENVIRONMENT_PSK}};
    struct subwg_setting pairs[PAIRS_MAX];
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct settings settings;
    uint32_t count = 0;
    environment[0].setting = (struct subwg_setting){"port", strings_take(&strings)};
    environment[1].setting = (struct subwg_setting){"psk", strings_take(&strings)};
    while (!strings_end(&strings) && count < PAIRS_MAX) {
        pairs[count].key = strings_take(&strings);
        pairs[count++].value = strings_take(&strings);
    }
    FUZZ_CHECK(sodium_init() >= 0);
    struct secret_page *secrets = secret_page_create();
    FUZZ_CHECK(secrets != NULL);
    int32_t code =
        settings_read(pairs, count, environment, from_environment, &settings, secrets, &error);
    if (code == 0) {
        check_taken(&settings);
    } else {
        FUZZ_CHECK(code == -EINVAL && error.reason == SUBWG_REASON_BAD_SETTING);
        FUZZ_CHECK(text_is_clean(error.text, strlen(error.text), false));
    }
    secret_page_destroy(secrets);
    strings_free(&strings);
    return 0;
}
