/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

enum kind {
    KIND_NUMBER,
    KIND_YES_NO,
    KIND_DEVICE,
    KIND_PROFILE,
    KIND_PSK,
    KIND_SOURCE,
    KIND_MTU,
    KIND_KEY_FILE
};

enum width { WIDTH_8, WIDTH_16, WIDTH_32 };

struct description {
    const char *key;
    enum kind kind;
    enum width width; /* of the member, for numbers */
    size_t offset;    /* of the member */
    uint64_t least;
    uint64_t most;
};

#define NUMBER(key, width, member, least, most)                                 \
    {                                                                           \
        key, KIND_NUMBER, width, offsetof(struct settings, member), least, most \
    }

/* The settings in the order of the manual. Table and protocol numbers that the kernel uses itself are
 * out of range, so that no cleanup can ever touch what is the system's. */
static const struct description descriptions[] = {
    {"profile", KIND_PROFILE, WIDTH_8, 0, 0, 0},
    {"device", KIND_DEVICE, WIDTH_8, offsetof(struct settings, device), 0, 0},
    NUMBER("port", WIDTH_16, port, 1, 65535),
    NUMBER("remote-port", WIDTH_16, remote_port, 1, 65535),
    NUMBER("keepalive-s", WIDTH_16, keepalive_s, 0, 65535),
    {"psk", KIND_PSK, WIDTH_8, 0, 0, 0},
    {"routes", KIND_YES_NO, WIDTH_8, offsetof(struct settings, routes), 0, 0},
    NUMBER("table", WIDTH_32, table, 1, UINT32_MAX),
    NUMBER("rule-priority", WIDTH_32, rule_priority, 1, 32765),
    NUMBER("mark", WIDTH_32, mark, 0, UINT32_MAX),
    NUMBER("route-protocol", WIDTH_8, route_protocol, 5, 255),
    {"source-address", KIND_SOURCE, WIDTH_8, 0, 0, 0},
    {"mtu", KIND_MTU, WIDTH_32, offsetof(struct settings, mtu), 1280, 65456},
    NUMBER("min-prefix-ipv4", WIDTH_8, min_prefix_ipv4, 0, 32),
    NUMBER("min-prefix-ipv6", WIDTH_8, min_prefix_ipv6, 0, 128),
    NUMBER("max-subnets", WIDTH_32, max_subnets, 1, LIMIT_SUBNETS_MAX),
    NUMBER("status-window-s", WIDTH_32, status_window_s, 1, 86400),
    NUMBER("reply-timeout-ms", WIDTH_32, reply_timeout_ms, 100, 600000),
    {"key-file", KIND_KEY_FILE, WIDTH_8, 0, 0, 0},
};

#define DESCRIPTION_COUNT (sizeof(descriptions) / sizeof(descriptions[0]))

static const struct settings profile_seed = {
    .device = "subwg0",
    .port = 5871,
    .remote_port = 5871,
    .keepalive_s = 10,
    .routes = true,
    .table = 220,
    .rule_priority = 220,
    .mark = 5871,
    .route_protocol = 158,
    .source_address_auto = true,
    .min_prefix_ipv4 = 8,
    .min_prefix_ipv6 = 16,
    .max_subnets = LIMIT_SUBNETS,
    .status_window_s = 195,
    .reply_timeout_ms = LIMIT_REPLY_MS,
};

static void apply_submariner(struct settings *settings)
{
    (void)text_copy(settings->device, sizeof(settings->device), "submariner");
    settings->port = 4500;
    settings->remote_port = 4500;
    settings->routes = false;
    settings->mark = 0;
    settings->source_address_auto = false;
}

bool settings_device_name_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strnlen(name, 16);
    return length >= 1 && length <= 15 && strspn(name, allowed) == length &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool number_parse(const char *text, uint64_t *ret_number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] != '\0')
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    *ret_number = number;
    return true;
}

static void number_store(struct settings *settings, const struct description *description,
                         uint64_t number)
{
    char *member = (char *)settings + description->offset;
    uint8_t narrow = (uint8_t)number;
    uint16_t middle = (uint16_t)number;
    uint32_t wide = (uint32_t)number;
    switch (description->width) {
    case WIDTH_8:
        memcpy(member, &narrow, sizeof(narrow));
        break;
    case WIDTH_16:
        memcpy(member, &middle, sizeof(middle));
        break;
    case WIDTH_32:
        memcpy(member, &wide, sizeof(wide));
        break;
    }
}

/* "auto", "none", or one address a family, separated by a comma. */
static bool source_parse(struct settings *settings, const char *value)
{
    struct address found[SETTINGS_SOURCE_ADDRESSES_MAX] = {0};
    bool automatic = strcmp(value, "none") != 0;
    if (automatic && strcmp(value, "auto") != 0) {
        char list[2 * ADDRESS_TEXT_SIZE];
        if (!text_copy(list, sizeof(list), value))
            return false;
        char *second = strchr(list, ',');
        if (second != NULL)
            *second++ = '\0';
        if (address_parse(list, &found[0]) != ADDRESS_OK)
            return false;
        if (second != NULL &&
            (address_parse(second, &found[1]) != ADDRESS_OK || found[0].family == found[1].family))
            return false;
    }
    settings->source_address_auto = automatic;
    memcpy(settings->source_addresses, found, sizeof(found));
    return true;
}

static bool key_file_parse(struct settings *settings, const char *value)
{
    if (value[0] != '/')
        return false;
    for (const char *next = value; *next != '\0';) {
        size_t length = utf8_sequence(next, strnlen(next, 4));
        if (length == 0 || utf8_is_control(next, length))
            return false;
        next += length;
    }
    return text_copy(settings->key_file, sizeof(settings->key_file), value);
}

/* One value; false if it is not allowed. */
static bool value_read(struct settings *settings, struct secret_page *secrets,
                       const struct description *description, const char *value)
{
    uint64_t number = 0;
    switch (description->kind) {
    case KIND_MTU:
        if (strcmp(value, "auto") == 0) {
            settings->mtu = 0;
            return true;
        }
        /* fall through */
    case KIND_NUMBER:
        if (!number_parse(value, &number) || number < description->least ||
            number > description->most)
            return false;
        /* 253 to 255 are default, main and local. */
        if (strcmp(description->key, "table") == 0 && number >= 253 && number <= 255)
            return false;
        number_store(settings, description, number);
        return true;
    case KIND_YES_NO:
        settings->routes = strcmp(value, "yes") == 0;
        return settings->routes || strcmp(value, "no") == 0;
    case KIND_DEVICE:
        return settings_device_name_valid(value) &&
               text_copy(settings->device, sizeof(settings->device), value);
    case KIND_PSK:
        key_from_passphrase(value, strlen(value), &secrets->preshared_key);
        secrets->has_preshared_key = value[0] != '\0';
        settings->well_known_psk = strcmp(value, "default psk") == 0;
        return secrets->has_preshared_key;
    case KIND_SOURCE:
        return source_parse(settings, value);
    case KIND_KEY_FILE:
        return key_file_parse(settings, value);
    case KIND_PROFILE:
        return true; /* read before all others */
    }
    return false;
}

static void describe_allowed(struct text *report, const struct description *description)
{
    switch (description->kind) {
    case KIND_MTU:
        text_append(report, "auto, or ");
        /* fall through */
    case KIND_NUMBER:
        text_append(report, "%" PRIu64 " to %" PRIu64, description->least, description->most);
        if (strcmp(description->key, "table") == 0)
            text_append(report, " except 253 to 255");
        break;
    case KIND_YES_NO:
        text_append(report, "yes or no");
        break;
    case KIND_DEVICE:
        text_append(report, "1 to 15 characters of A-Z a-z 0-9 _ . -");
        break;
    case KIND_PSK:
        text_append(report, "any text but the empty one; leave it out for no preshared key");
        break;
    case KIND_SOURCE:
        text_append(report, "auto, none, or an address a family separated by a comma");
        break;
    case KIND_KEY_FILE:
        text_append(report, "an absolute path of at most %u bytes, without control characters",
                    LIMIT_KEY_FILE_PATH - 1);
        break;
    case KIND_PROFILE:
        text_append(report, "seed or submariner");
        break;
    }
}

#define FAULT_SIZE 256
#define REST_SIZE  40 /* "; further faults: 4294967295" */

struct reader {
    struct settings settings;
    struct secret_page *secrets;
    struct text report;
    uint32_t faults;
    uint32_t omitted; /* faults that did not fit */
    bool unknown_key;
    bool seen[DESCRIPTION_COUNT];
};

/* Whole faults only; those that do not fit are counted. */
static void report_fault(struct reader *reader, const struct text *fault)
{
    const char *separator = reader->faults++ > 0 ? "; " : "";
    if (reader->report.length + strlen(separator) + fault->length < reader->report.size)
        text_append(&reader->report, "%s%s", separator, fault->bytes);
    else
        reader->omitted++;
}

static void report_bad_value(struct reader *reader, const struct description *description,
                             const struct setting_source *source)
{
    char bytes[FAULT_SIZE];
    struct text fault = text_over(bytes, sizeof(bytes));
    if (source->variable != NULL)
        text_append(&fault, "environment variable %s", source->variable);
    else
        text_append(&fault, "setting %s", description->key);
    if (strlen(source->setting.value) > LIMIT_SETTING_VALUE) {
        text_append(&fault, " is longer than %u bytes", LIMIT_SETTING_VALUE);
    } else if (description->kind == KIND_PSK) {
        text_append(&fault, " is empty");
    } else {
        char shown[64];
        struct text value = text_over(shown, sizeof(shown));
        text_append_escaped(&value, source->setting.value);
        text_append(&fault, " is '%s'%s", shown, value.cut ? "..." : "");
    }
    text_append(&fault, "; allowed: ");
    describe_allowed(&fault, description);
    report_fault(reader, &fault);
}

static void report_unknown(struct reader *reader, const char *key)
{
    char bytes[FAULT_SIZE];
    struct text fault = text_over(bytes, sizeof(bytes));
    char shown[64];
    struct text text = text_over(shown, sizeof(shown));
    text_append_escaped(&text, key);
    text_append(&fault, "unknown setting '%s'", shown);
    report_fault(reader, &fault);
    reader->unknown_key = true;
}

static void report_twice(struct reader *reader, const char *key)
{
    char bytes[FAULT_SIZE];
    struct text fault = text_over(bytes, sizeof(bytes));
    text_append(&fault, "setting %s is given twice; allowed: once", key);
    report_fault(reader, &fault);
}

/* The tunnels would route their own packets into themselves. */
static void check_mark(struct reader *reader)
{
    if (!reader->settings.routes || reader->settings.mark != 0)
        return;
    char bytes[FAULT_SIZE];
    struct text fault = text_over(bytes, sizeof(bytes));
    text_append(&fault,
                "setting mark is '0'; allowed with routes=yes: 1 to 4294967295, or the tunnels "
                "would route their own packets into themselves");
    report_fault(reader, &fault);
}

static int32_t finish_report(struct reader *reader, struct subwg_error *error)
{
    if (reader->faults == 0)
        return 0;
    char rest[REST_SIZE] = "";
    struct text text = text_over(rest, sizeof(rest));
    if (reader->omitted > 0)
        text_append(&text, "; further faults: %u", (unsigned)reader->omitted);
    error_set(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "read settings", "%s%s",
              reader->report.bytes, rest);
    if (reader->unknown_key) {
        char bytes[SUBWG_ERROR_HINT_SIZE];
        struct text known = text_over(bytes, sizeof(bytes));
        for (size_t i = 0; i < DESCRIPTION_COUNT; i++)
            text_append(&known, " %s", descriptions[i].key);
        error_hint(error, "settings are:%s", bytes);
    }
    return -EINVAL;
}

static size_t find_description(const char *key)
{
    size_t i = 0;
    while (i < DESCRIPTION_COUNT && strcmp(descriptions[i].key, key) != 0)
        i++;
    return i;
}

static void read_one(struct reader *reader, const struct setting_source *source)
{
    size_t index = find_description(source->setting.key);
    if (index == DESCRIPTION_COUNT) {
        report_unknown(reader, source->setting.key);
        return;
    }
    const struct description *description = &descriptions[index];
    if (source->variable == NULL) {
        if (reader->seen[index]) {
            report_twice(reader, description->key);
            return;
        }
        reader->seen[index] = true;
    }
    if (strlen(source->setting.value) > LIMIT_SETTING_VALUE ||
        !value_read(&reader->settings, reader->secrets, description, source->setting.value))
        report_bad_value(reader, description, source);
}

/* The profile comes first, because the others are read over it. */
static void read_profile(struct reader *reader, const struct subwg_setting *settings,
                         uint32_t setting_count)
{
    reader->settings = profile_seed;
    for (uint32_t i = 0; i < setting_count; i++) {
        if (strcmp(settings[i].key, "profile") != 0)
            continue;
        struct setting_source source = {settings[i], NULL};
        if (strcmp(settings[i].value, "submariner") == 0)
            apply_submariner(&reader->settings);
        else if (strcmp(settings[i].value, "seed") != 0)
            report_bad_value(reader, &descriptions[0], &source);
    }
}

/* What an explicit setting overrides is not even looked at. */
static bool is_overridden(const struct setting_source *source, const struct subwg_setting *settings,
                          uint32_t setting_count)
{
    for (uint32_t i = 0; i < setting_count; i++)
        if (strcmp(settings[i].key, source->setting.key) == 0)
            return true;
    return false;
}

int32_t settings_read(const struct subwg_setting *settings, uint32_t setting_count,
                      const struct setting_source *environment, uint32_t environment_count,
                      struct settings *ret_settings, struct secret_page *secrets,
                      struct subwg_error *error)
{
    if (setting_count > LIMIT_SETTINGS)
        return error_set(error, -EINVAL, SUBWG_REASON_LIMIT, "read settings",
                         "%u settings, at most %u are allowed", (unsigned)setting_count,
                         LIMIT_SETTINGS);
    for (uint32_t i = 0; i < setting_count; i++)
        if (settings[i].key == NULL || settings[i].value == NULL)
            return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "read settings",
                             "setting number %u has no %s", (unsigned)i,
                             settings[i].key == NULL ? "key" : "value");

    char report[SUBWG_ERROR_TEXT_SIZE - REST_SIZE];
    struct reader reader = {.secrets = secrets, .report = text_over(report, sizeof(report))};
    read_profile(&reader, settings, setting_count);
    for (uint32_t i = 0; i < environment_count; i++)
        if (!is_overridden(&environment[i], settings, setting_count))
            read_one(&reader, &environment[i]);
    for (uint32_t i = 0; i < setting_count; i++) {
        struct setting_source source = {settings[i], NULL};
        read_one(&reader, &source);
    }
    check_mark(&reader);
    int32_t code = finish_report(&reader, error);
    if (code == 0)
        *ret_settings = reader.settings;
    return code;
}
