/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#define VALUE_TEXT_SIZE 96
#define PATH_SIZE       320
#define ELEMENT_SIZE    (PATH_SIZE + 256)
#define ALLOWED_SIZE    64

void faults_begin(struct faults *faults, const char *source)
{
    *faults = (struct faults){.source = source};
}

void faults_add(struct faults *faults, const char *field, const char *format, ...)
{
    char what[768], line[1536], escaped[1536];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "%s%s%s%s%s", faults->source != NULL ? faults->source : "",
             faults->source != NULL ? ": " : "", field, field[0] != '\0' ? ": " : "", what);
    log_escape(escaped, sizeof escaped, line);

    faults->count++;
    size_t room = sizeof faults->text - faults->length;
    size_t needed = strlen(escaped) + (faults->length > 0 ? 1 : 0);
    if (needed >= room)
        return;
    snprintf(faults->text + faults->length, room, "%s%s", faults->length > 0 ? "\n" : "", escaped);
    faults->length += needed;
}

/* A value as the file has it, if it is short and no container. */
static const char *describe(const json_t *value, char text[VALUE_TEXT_SIZE])
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        snprintf(text, VALUE_TEXT_SIZE, "\"%.80s\"", json_string_value(value));
        return text;
    case JSON_INTEGER:
        snprintf(text, VALUE_TEXT_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text;
    case JSON_REAL:
        snprintf(text, VALUE_TEXT_SIZE, "%g", json_real_value(value));
        return text;
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (const char *at = choices; length > 0 && at != NULL; at = strchr(at, '|')) {
        at += *at == '|' ? 1 : 0;
        if (strncmp(at, value, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static const char *allowed_text(const struct field *field, char text[ALLOWED_SIZE])
{
    if (field->kind != FIELD_NUMBER)
        return field->allowed;
    snprintf(text, ALLOWED_SIZE, "%lld to %lld", (long long)field->least, (long long)field->most);
    return text;
}

static void check_list(json_t *list, const char *path, struct faults *faults)
{
    char element[ELEMENT_SIZE], text[VALUE_TEXT_SIZE];
    json_t *value;
    size_t index;

    json_array_foreach(list, index, value)
    {
        if (json_is_string(value))
            continue;
        snprintf(element, sizeof element, "%s[%zu]", path, index);
        faults_add(faults, element, "%s is not allowed; allowed: a string", describe(value, text));
    }
}

static void check_map(json_t *map, const char *path, bool scalars, struct faults *faults)
{
    char element[ELEMENT_SIZE], text[VALUE_TEXT_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
    {
        if (json_is_string(value) || (scalars && is_scalar(value)))
            continue;
        snprintf(element, sizeof element, "%s.%s", path, key);
        faults_add(faults, element, "%s is not allowed; allowed: %s", describe(value, text),
                   scalars ? "a string, a number, true or false" : "a string");
    }
}

static bool has_right_type(const struct field *field, const json_t *value)
{
    switch (field->kind) {
    case FIELD_TEXT:
        return json_is_string(value) && (!field->required || json_string_length(value) > 0);
    case FIELD_CHOICE:
        return json_is_string(value) && is_choice(field->allowed, json_string_value(value));
    case FIELD_FLAG:
        return json_is_boolean(value);
    case FIELD_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= field->least &&
               json_integer_value(value) <= field->most;
    case FIELD_TEXT_LIST:
        return json_is_array(value);
    case FIELD_TEXT_MAP:
    case FIELD_SCALAR_MAP:
    case FIELD_OBJECT:
        return json_is_object(value);
    }
    return false;
}

static void check_field(json_t *object, const char *path, const struct field *field,
                        struct faults *faults)
{
    json_t *value = json_object_get(object, field->name);
    char full[PATH_SIZE], text[VALUE_TEXT_SIZE], allowed[ALLOWED_SIZE];

    snprintf(full, sizeof full, "%s%s%s", path, path[0] != '\0' ? "." : "", field->name);
    if (value == NULL) {
        if (field->required)
            faults_add(faults, full, "missing; allowed: %s", allowed_text(field, allowed));
        return;
    }
    if (!has_right_type(field, value))
        faults_add(faults, full, "%s is not allowed; allowed: %s",
                   field->kind == FIELD_SCALAR_MAP ? "this" : describe(value, text),
                   allowed_text(field, allowed));
    else if (field->kind == FIELD_TEXT_LIST)
        check_list(value, full, faults);
    else if (field->kind == FIELD_TEXT_MAP || field->kind == FIELD_SCALAR_MAP)
        check_map(value, full, field->kind == FIELD_SCALAR_MAP, faults);
}

static bool is_known(const char *name, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static void refuse_unknown(json_t *object, const char *path, const struct field *fields,
                           size_t count, struct faults *faults)
{
    char full[PATH_SIZE], names[512] = "";
    size_t used = 0;
    const char *key;
    json_t *value;

    for (size_t i = 0; i < count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                 fields[i].name);
    json_object_foreach(object, key, value)
    {
        if (is_known(key, fields, count))
            continue;
        snprintf(full, sizeof full, "%s%s%s", path, path[0] != '\0' ? "." : "", key);
        faults_add(faults, full, "unknown field; allowed: %s", names);
    }
}

void fields_check(json_t *object, const char *path, const struct field *fields, size_t count,
                  enum fields_unknown unknown, struct faults *faults)
{
    if (!json_is_object(object)) {
        faults_add(faults, path, "not a JSON object");
        return;
    }
    for (size_t i = 0; i < count; i++)
        check_field(object, path, &fields[i], faults);
    if (unknown == FIELDS_UNKNOWN_REFUSED)
        refuse_unknown(object, path, fields, count, faults);
}

json_t *fields_parse(const char *bytes, size_t count, struct faults *faults)
{
    json_error_t error;
    json_t *document = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &error);

    if (document == NULL) {
        char *quoted = strstr(error.text, " near ");
        if (quoted != NULL)
            *quoted = '\0';
        faults_add(faults, "", "line %d, column %d: not valid JSON: %s", error.line, error.column,
                   error.text);
    }
    explicit_bzero(&error, sizeof error);
    return document;
}

const char *fields_text(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : fallback;
}
