/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints as JSON, in the names that the ecosystem's brokers use. */
#ifndef GATEWAY_ENDPOINT_JSON_H
#define GATEWAY_ENDPOINT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <subwg/driver.h>

#include "fields.h"

/* An endpoint and what its view points into: the document's strings and two arrays. Immutable and
 * reference-counted. */
struct endpoint {
    struct subwg_endpoint view;
    json_t *document;
    const char **subnets;
    struct subwg_setting *backend_config;
    unsigned references;
};

/* Checks the document and takes a reference of it. NULL if there are faults, which say why; fields
 * that this program does not know are refused or ignored as asked. */
struct endpoint *endpoint_decode(json_t *document, const char *path, enum fields_unknown unknown,
                                 struct faults *faults);

/* As endpoint_decode(), from the bytes of a broker's file. */
struct endpoint *endpoint_parse(const char *bytes, size_t count, struct faults *faults);

/* The endpoint as text, with what the driver published merged into its backend_config. To be freed;
 * NULL when out of memory. */
char *endpoint_format(const struct endpoint *endpoint, json_t *published);

struct endpoint *endpoint_ref(struct endpoint *endpoint);
void endpoint_unref(struct endpoint *endpoint);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
