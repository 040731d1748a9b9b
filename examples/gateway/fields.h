/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a JSON object against a table of its fields and collects every fault, not just the first. */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define FAULTS_TEXT_SIZE 8192

/* Lines "SOURCE: FIELD: what is wrong; allowed: ..."; what does not fit is counted but not kept. */
struct faults {
    const char *source; /* a file's name; NULL leaves it out */
    unsigned count;
    size_t length;
    char text[FAULTS_TEXT_SIZE];
};

void faults_begin(struct faults *faults, const char *source);
__attribute__((format(printf, 3, 4))) void faults_add(struct faults *faults, const char *field,
                                                      const char *format, ...);

enum field_kind {
    FIELD_TEXT,       /* a string; not empty if required */
    FIELD_CHOICE,     /* one of the strings in `allowed`, which are separated by '|' */
    FIELD_FLAG,       /* true or false */
    FIELD_NUMBER,     /* an integer from least to most */
    FIELD_TEXT_LIST,  /* an array of strings */
    FIELD_TEXT_MAP,   /* an object whose values are strings */
    FIELD_SCALAR_MAP, /* an object of strings, numbers and booleans; its values are never shown */
    FIELD_OBJECT      /* an object, checked by a table of its own */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    const char *allowed; /* for people; FIELD_CHOICE reads it, FIELD_NUMBER does not need it */
    json_int_t least, most;
};

enum fields_unknown { FIELDS_UNKNOWN_REFUSED, FIELDS_UNKNOWN_IGNORED };

/* path names the object inside its document, "" for the document itself. */
void fields_check(json_t *object, const char *path, const struct field *fields, size_t count,
                  enum fields_unknown unknown, struct faults *faults);

/* Reads a document; a syntax error is a fault that never quotes the text around it, which may be a
 * secret. NULL on failure. */
json_t *fields_parse(const char *bytes, size_t count, struct faults *faults);

/* A checked text field, or the fallback where it is absent. */
const char *fields_text(const json_t *object, const char *name, const char *fallback);

#endif
