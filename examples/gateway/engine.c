/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static void log_refused_driver(void *context, const char *path, const struct subwg_error *error)
{
    (void)context;
    if (error != NULL)
        log_line(SUBWG_LOG_WARNING, "%s", error->text);
    else
        log_line(SUBWG_LOG_DEBUG, "loaded %s", path);
}

static int load_drivers(struct engine *engine, const struct config *config,
                        struct subwg_error *error)
{
    if (config->driver_file != NULL)
        return subwg_registry_load_file(engine->registry, config->driver_file, error);
    return subwg_registry_load_directory(engine->registry, config->driver_directory,
                                         log_refused_driver, NULL, error);
}

static void on_log(void *context, const char *driver, uint32_t level, const char *text)
{
    (void)context;
    log_line(level, "%s: %s", driver, text);
}

/* Out of memory nothing is proven, and the caller will notice. */
static bool is_utf8(const char *text)
{
    json_t *checked = json_string(text), *unchecked = json_string_nocheck(text);
    bool valid = checked != NULL || unchecked == NULL;

    json_decref(checked);
    json_decref(unchecked);
    return valid;
}

static int32_t on_publish(void *context, const char *key, const char *value)
{
    struct engine *engine = context;
    const char *old = json_string_value(json_object_get(engine->published, key));

    if (old != NULL && strcmp(old, value) == 0)
        return 0;
    if (!is_utf8(key) || !is_utf8(value))
        return -EINVAL; /* no JSON could hold it */
    if (json_object_set_new(engine->published, key, json_string(value)) != 0)
        return -ENOMEM;
    engine->publish_due = true;
    return 0;
}

/* Reports of reconcile, the driver's own lines and the reads say the rest; here it is detail. */
static void on_event(void *context, const struct subwg_event *event)
{
    struct engine *engine = context;

    engine->status_due |= event->kind == SUBWG_EVENT_STATUS;
    log_line(event->kind == SUBWG_EVENT_CONFLICT ? SUBWG_LOG_WARNING : SUBWG_LOG_DEBUG,
             "event %s: %s", event->cluster_id != NULL ? event->cluster_id : "",
             event->text != NULL ? event->text : "");
}

int engine_create(struct engine *engine, struct config *config, struct subwg_error *error)
{
    const struct subwg_cable_callbacks callbacks = {
        .context = engine, .log = on_log, .publish = on_publish, .event = on_event};
    int result;

    *engine = (struct engine){.published = json_object()};
    if (engine->published == NULL) {
        snprintf(error->text, sizeof error->text, "out of memory");
        return -ENOMEM;
    }
    result = subwg_registry_create(&engine->registry, error);
    if (result >= 0)
        result = load_drivers(engine, config, error);
    if (result >= 0)
        result = subwg_cable_create(engine->registry, config->cable_driver, &callbacks,
                                    &config->local->view, config->settings, config->setting_count,
                                    &engine->cable, error);
    config_forget_settings(config);
    if (result < 0)
        engine_destroy(engine);
    return result;
}

void engine_destroy(struct engine *engine)
{
    subwg_cable_destroy(engine->cable);
    subwg_registry_destroy(engine->registry);
    json_decref(engine->published);
    *engine = (struct engine){0};
}

int engine_print_fatal(const struct config *config, const struct subwg_error *error)
{
    bool misconfigured = error->reason == SUBWG_REASON_BAD_SETTING;
    char text[LOG_TEXT_SIZE];

    log_escape(text, sizeof text, error->text);
    if (misconfigured)
        fprintf(stderr, "%s: settings: %s\n", config->path, text);
    else
        fprintf(stderr, "Fatal error occurred creating engine: %s\n", text);
    if (error->hint[0] != '\0')
        fprintf(stderr, "%s\n", log_escape(text, sizeof text, error->hint));
    return misconfigured ? EXIT_MISCONFIGURED : EXIT_FAILURE;
}
