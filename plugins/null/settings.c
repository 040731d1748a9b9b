/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: a table of those that there are, and one report of all that is wrong with those given. */
#include "null.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

bool port_parse(const char *text, uint16_t *ret_port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 5 || text[digits] != '\0')
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    if (port < 1 || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool take_device(const char *value, struct settings *settings)
{
    size_t length = strspn(value, NAME_CHARACTERS);
    if (length < 1 || length >= DEVICE_SIZE || value[length] != '\0')
        return false;
    memcpy(settings->device, value, length + 1);
    return true;
}

static bool take_port(const char *value, struct settings *settings)
{
    return port_parse(value, &settings->port);
}

/* Engines pass the preshared key to every driver; this one has no use for it and keeps no copy. */
static bool take_psk(const char *value, struct settings *settings)
{
    (void)settings;
    return value[0] != '\0';
}

static const struct known_setting {
    const char *key;
    const char *allowed;
    bool (*take)(const char *value, struct settings *settings);
    bool secret; /* its value never appears in a text */
} known_settings[] = {
    {"device", "1 to 15 of A-Z a-z 0-9 _ . -", take_device, false},
    {"port", "1 to 65535", take_port, false},
    {"psk", "a text that is not empty", take_psk, true},
};

static const struct known_setting *find_known(const char *key)
{
    for (size_t i = 0; i < sizeof(known_settings) / sizeof(known_settings[0]); i++)
        if (strcmp(known_settings[i].key, key) == 0)
            return &known_settings[i];
    return NULL;
}

/* Faults found so far, joined by semicolons; what does not fit is cut. */
struct faults {
    char text[SUBWG_ERROR_TEXT_SIZE];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add_fault(struct faults *faults,
                                                            const char *format, ...)
{
    char fault[SUBWG_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault, sizeof(fault), format, arguments);
    va_end(arguments);
    size_t room = sizeof(faults->text) - faults->length;
    int written = snprintf(faults->text + faults->length, room, "%s%s",
                           faults->length > 0 ? "; " : "", fault);
    if (written > 0)
        faults->length += (size_t)written < room ? (size_t)written : room - 1;
}

static bool given_before(const struct subwg_setting *settings, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(settings[i].key, settings[index].key) == 0)
            return true;
    return false;
}

static void take_setting(const struct subwg_setting *setting, struct settings *settings,
                         struct faults *faults)
{
    const struct known_setting *known = find_known(setting->key);
    if (known == NULL) {
        /* Without its value: it may be a secret under a misspelt key. */
        add_fault(faults, "setting '%s' is unknown (known: device, port, psk)",
                  show(setting->key).text);
    } else if (strnlen(setting->value, VALUE_MAX + 1) > VALUE_MAX) {
        add_fault(faults, "setting '%s' is longer than %u bytes", known->key, VALUE_MAX);
    } else if (!known->take(setting->value, settings)) {
        if (known->secret)
            add_fault(faults, "setting '%s' must be %s", known->key, known->allowed);
        else
            add_fault(faults, "setting '%s' is '%s', must be %s", known->key,
                      show(setting->value).text, known->allowed);
    }
}

int32_t settings_read(const struct call *call, const struct subwg_setting *settings, uint32_t count,
                      struct settings *ret_settings)
{
    if (count > 0 && settings == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "%u settings, but no list of them",
                    count);
    if (count > SETTINGS_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT, "%u settings, at most %u are taken", count,
                    SETTINGS_MAX);
    struct settings read = {.device = DEFAULT_DEVICE, .port = DEFAULT_PORT};
    struct faults faults = {.length = 0};
    for (uint32_t i = 0; i < count; i++) {
        if (settings[i].key == NULL || settings[i].value == NULL)
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                        "setting number %u has no key or no value", i);
        if (given_before(settings, i))
            add_fault(&faults, "setting '%s' is given twice", show(settings[i].key).text);
        else
            take_setting(&settings[i], &read, &faults);
    }
    if (faults.length > 0)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_SETTING, "%s", faults.text);
    *ret_settings = read;
    return 0;
}
