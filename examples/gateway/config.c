/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <subwg/render.h>

#include "wipe.h"

static const struct field config_fields[] = {
    {"cable-driver", FIELD_TEXT, true, "a driver's name, such as \"wireguard\"", 0, 0},
    {"driver-directory", FIELD_TEXT, false, "an absolute path of a directory of drivers", 0, 0},
    {"driver-file", FIELD_TEXT, false, "an absolute path of one driver", 0, 0},
    {"broker", FIELD_OBJECT, true, "{\"type\": \"directory\", \"path\": \"...\"}", 0, 0},
    {"listen", FIELD_TEXT, false, "ADDRESS:PORT, such as \"10.243.64.6:8080\" or \"[::1]:8080\"", 0,
     0},
    {"title", FIELD_TEXT, false, "a text", 0, 0},
    {"metrics-profile", FIELD_CHOICE, false, "seed|submariner", 0, 0},
    {"log-level", FIELD_CHOICE, false, "error|warning|info|debug", 0, 0},
    {"reconcile-s", FIELD_NUMBER, false, NULL, 1, 86400},
    {"repair", FIELD_FLAG, false, "true or false", 0, 0},
    {"status-s", FIELD_NUMBER, false, NULL, 1, 60},
    {"use-ip", FIELD_TEXT_MAP, false, "an object: cluster to address", 0, 0},
    {"endpoint", FIELD_OBJECT, true, "an object: the own cluster's endpoint", 0, 0},
    {"settings", FIELD_SCALAR_MAP, false, "an object: the driver's settings", 0, 0},
};

static const struct field broker_fields[] = {
    {"type", FIELD_CHOICE, true, "directory", 0, 0},
    {"path", FIELD_TEXT, true, "an absolute path of a directory", 0, 0},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint32_t choice_index(const json_t *object, const char *name, const char *const *choices,
                             uint32_t fallback)
{
    const char *value = fields_text(object, name, "");

    for (uint32_t i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], value) == 0)
            return i;
    return fallback;
}

static uint32_t number(const json_t *object, const char *name, uint32_t fallback)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (uint32_t)json_integer_value(value) : fallback;
}

static void check_absolute(const json_t *object, const char *path, const char *name,
                           struct faults *faults)
{
    const char *value = fields_text(object, name, "/");
    char field[64];

    if (value[0] == '/')
        return;
    snprintf(field, sizeof field, "%s%s", path, name);
    faults_add(faults, field, "\"%s\" is not allowed; allowed: an absolute path", value);
}

/* The driver takes text: numbers and booleans become what they look like in the file. */
/* Drivers say yes and no where JSON says true and false. */
static char *setting_text(const json_t *value)
{
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    return json_dumps(value, JSON_ENCODE_ANY);
}

static int make_settings(struct config *config)
{
    json_t *settings = json_object_get(config->document, "settings");
    void *at;

    config->settings = calloc(json_object_size(settings) + 1, sizeof *config->settings);
    if (config->settings == NULL)
        return -ENOMEM;
    for (at = json_object_iter(settings); at != NULL; at = json_object_iter_next(settings, at)) {
        if (!json_is_string(json_object_iter_value(at))) {
            char *text = setting_text(json_object_iter_value(at));
            int failed = json_object_iter_set_new(settings, at, json_string(text));
            wipe_and_free(text);
            if (failed != 0)
                return -ENOMEM;
        }
        config->settings[config->setting_count++] =
            (struct subwg_setting){.key = json_object_iter_key(at),
                                   .value = json_string_value(json_object_iter_value(at))};
    }
    return 0;
}

static void decide_listen(struct config *config, struct faults *faults)
{
    const char *text = fields_text(config->document, "listen", NULL);
    const char *own = config->local != NULL ? config->local->view.private_ip : "";

    if (text != NULL) {
        if (!listen_address_parse(text, &config->listen))
            faults_add(faults, "listen",
                       "\"%s\" is not allowed; allowed: ADDRESS:PORT with a numeric address, such "
                       "as 10.243.64.6:8080 or [::1]:8080",
                       text);
    } else if (config->local != NULL &&
               !listen_address_from(own, LISTEN_PORT_DEFAULT, &config->listen)) {
        faults_add(faults, "endpoint.private_ip", "\"%s\" is not allowed; allowed: an IP address",
                   own);
    }
}

static void check_use_ip(const struct config *config, struct faults *faults)
{
    struct listen_address ignored;
    const char *cluster;
    json_t *value;
    char field[320];

    json_object_foreach(config->use_ip, cluster, value)
    {
        if (!json_is_string(value) || listen_address_from(json_string_value(value), 1, &ignored))
            continue;
        snprintf(field, sizeof field, "use-ip.%s", cluster);
        faults_add(faults, field, "\"%s\" is not allowed; allowed: an IP address",
                   json_string_value(value));
    }
}

static void check_values(struct config *config, struct faults *faults)
{
    json_t *document = config->document, *broker = json_object_get(document, "broker");
    json_t *endpoint = json_object_get(document, "endpoint");

    if (json_is_object(broker)) {
        fields_check(broker, "broker", broker_fields, COUNT(broker_fields), FIELDS_UNKNOWN_REFUSED,
                     faults);
        check_absolute(broker, "broker.", "path", faults);
    }
    check_absolute(document, "", "driver-directory", faults);
    check_absolute(document, "", "driver-file", faults);
    if (json_object_get(document, "driver-file") != NULL &&
        json_object_get(document, "driver-directory") != NULL)
        faults_add(faults, "driver-file", "allowed only without driver-directory");
    config->use_ip = json_object_get(document, "use-ip");
    check_use_ip(config, faults);
    if (json_is_object(endpoint)) {
        /* The own endpoint is reached by the own driver, unless it says otherwise. */
        if (json_object_get(endpoint, "backend") == NULL &&
            json_is_string(json_object_get(document, "cable-driver")))
            json_object_set(endpoint, "backend", json_object_get(document, "cable-driver"));
        config->local = endpoint_decode(endpoint, "endpoint", FIELDS_UNKNOWN_REFUSED, faults);
    }
    decide_listen(config, faults);
}

static void take_values(struct config *config)
{
    static const char *const profiles[] = {"seed", "submariner", NULL};
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    const json_t *document = config->document;

    config->cable_driver = fields_text(document, "cable-driver", "");
    config->driver_file = fields_text(document, "driver-file", NULL);
    config->driver_directory = fields_text(document, "driver-directory", DRIVER_DIRECTORY);
    config->broker_path = fields_text(json_object_get(document, "broker"), "path", "");
    config->title = fields_text(document, "title", config->local->view.cluster_id);
    config->metrics_profile =
        choice_index(document, "metrics-profile", profiles, SUBWG_PROFILE_SEED);
    config->log_level = choice_index(document, "log-level", levels, SUBWG_LOG_INFO);
    config->reconcile_s = number(document, "reconcile-s", 30);
    config->repair = !json_is_false(json_object_get(document, "repair"));
    config->status_s = number(document, "status-s", 5);
}

int config_parse(struct config *config, const char *bytes, size_t count, struct faults *faults)
{
    *config = (struct config){.document = fields_parse(bytes, count, faults)};
    if (config->document != NULL) {
        fields_check(config->document, "", config_fields, COUNT(config_fields),
                     FIELDS_UNKNOWN_REFUSED, faults);
        check_values(config, faults);
    }
    if (faults->count == 0) {
        take_values(config);
        if (make_settings(config) < 0)
            faults_add(faults, "settings", "out of memory");
    }
    if (faults->count == 0)
        return 0;
    config_free(config);
    return -EINVAL;
}

int config_read(struct config *config, const char *path, struct faults *faults)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = malloc(CONFIG_FILE_BYTES_MAX + 1);
    size_t count = 0;

    *config = (struct config){0};
    if (file == NULL || bytes == NULL) {
        faults_add(faults, "", "cannot read it: %s", strerror(errno));
        goto end;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy that stays unwiped */
    count = fread(bytes, 1, CONFIG_FILE_BYTES_MAX + 1, file);
    if (ferror(file) != 0)
        faults_add(faults, "", "cannot read it: %s", strerror(errno));
    else if (count > CONFIG_FILE_BYTES_MAX)
        faults_add(faults, "", "it is larger than %u bytes", CONFIG_FILE_BYTES_MAX);
    else
        config_parse(config, bytes, count, faults);
end:
    if (bytes != NULL)
        explicit_bzero(bytes, count);
    free(bytes);
    if (file != NULL)
        fclose(file);
    config->path = path;
    return faults->count == 0 ? 0 : -EINVAL;
}

void config_forget_settings(struct config *config)
{
    free(config->settings); /* the texts are the document's */
    config->settings = NULL;
    config->setting_count = 0;
    json_object_del(config->document, "settings");
}

void config_free(struct config *config)
{
    endpoint_unref(config->local);
    free(config->settings);
    json_decref(config->document);
    *config = (struct config){0};
}
