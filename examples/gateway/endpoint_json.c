/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct field endpoint_fields[] = {
    {"cluster_id", FIELD_TEXT, true, "the cluster's name", 0, 0},
    {"cable_name", FIELD_TEXT, true, "a name of this gateway's cable, unique among all clusters", 0,
     0},
    {"hostname", FIELD_TEXT, true, "the gateway node's name", 0, 0},
    {"subnets", FIELD_TEXT_LIST, true, "an array of prefixes such as \"10.233.0.0/18\"", 0, 0},
    {"private_ip", FIELD_TEXT, true, "the gateway's address in its own network", 0, 0},
    {"public_ip", FIELD_TEXT, false, "the address as seen from outside, or \"\"", 0, 0},
    {"nat_enabled", FIELD_FLAG, false, "true or false", 0, 0},
    {"backend", FIELD_TEXT, false, "a cable driver's name", 0, 0},
    {"backend_config", FIELD_TEXT_MAP, false, "an object of strings", 0, 0},
};

static bool fill_lists(struct endpoint *endpoint)
{
    json_t *subnets = json_object_get(endpoint->document, "subnets");
    json_t *config = json_object_get(endpoint->document, "backend_config");
    size_t subnet_count = json_array_size(subnets), config_count = json_object_size(config);
    const char *key;
    json_t *value;
    size_t index, filled = 0;

    /* One more than needed, because an allocation of nothing may be NULL. */
    endpoint->subnets = calloc(subnet_count + 1, sizeof *endpoint->subnets);
    endpoint->backend_config = calloc(config_count + 1, sizeof *endpoint->backend_config);
    if (endpoint->subnets == NULL || endpoint->backend_config == NULL)
        return false;
    json_array_foreach(subnets, index, value) endpoint->subnets[index] = json_string_value(value);
    json_object_foreach(config, key, value) endpoint->backend_config[filled++] =
        (struct subwg_setting){.key = key, .value = json_string_value(value)};
    endpoint->view.subnets = endpoint->subnets;
    endpoint->view.subnet_count = (uint32_t)subnet_count;
    endpoint->view.backend_config = endpoint->backend_config;
    endpoint->view.backend_config_count = (uint32_t)config_count;
    return true;
}

static struct endpoint *endpoint_new(json_t *document)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);

    if (endpoint == NULL)
        return NULL;
    endpoint->references = 1;
    endpoint->document = json_incref(document);
    endpoint->view = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    endpoint->view.cluster_id = fields_text(document, "cluster_id", "");
    endpoint->view.cable_name = fields_text(document, "cable_name", "");
    endpoint->view.hostname = fields_text(document, "hostname", "");
    endpoint->view.private_ip = fields_text(document, "private_ip", "");
    endpoint->view.public_ip = fields_text(document, "public_ip", "");
    endpoint->view.backend = fields_text(document, "backend", "");
    endpoint->view.nat_enabled = json_is_true(json_object_get(document, "nat_enabled"));
    if (!fill_lists(endpoint)) {
        endpoint_unref(endpoint);
        return NULL;
    }
    return endpoint;
}

struct endpoint *endpoint_decode(json_t *document, const char *path, enum fields_unknown unknown,
                                 struct faults *faults)
{
    unsigned before = faults->count;
    struct endpoint *endpoint;

    fields_check(document, path, endpoint_fields,
                 sizeof endpoint_fields / sizeof endpoint_fields[0], unknown, faults);
    if (faults->count != before)
        return NULL;
    endpoint = endpoint_new(document);
    if (endpoint == NULL)
        faults_add(faults, path, "out of memory");
    return endpoint;
}

struct endpoint *endpoint_parse(const char *bytes, size_t count, struct faults *faults)
{
    json_t *document = fields_parse(bytes, count, faults);
    struct endpoint *endpoint = NULL;

    if (document != NULL)
        endpoint = endpoint_decode(document, "", FIELDS_UNKNOWN_IGNORED, faults);
    json_decref(document);
    return endpoint;
}

/* Sets a member that is absent. */
static int set_default(json_t *object, const char *name, json_t *value)
{
    if (json_object_get(object, name) == NULL)
        return json_object_set_new(object, name, value);
    json_decref(value);
    return 0;
}

static char *format_document(const json_t *document)
{
    char *text = NULL;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    int failed;

    if (stream == NULL)
        return NULL;
    failed = json_dumpf(document, stream, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 ||
             fputc('\n', stream) == EOF;
    if (fclose(stream) != 0 || failed != 0) {
        free(text);
        text = NULL;
    }
    return text;
}

char *endpoint_format(const struct endpoint *endpoint, json_t *published)
{
    json_t *whole = json_deep_copy(endpoint->document);
    char *text = NULL;

    /* Readers find every field, also those that this program can do without. */
    if (set_default(whole, "public_ip", json_string("")) == 0 &&
        set_default(whole, "nat_enabled", json_false()) == 0 &&
        set_default(whole, "backend", json_string("")) == 0 &&
        set_default(whole, "backend_config", json_object()) == 0 &&
        json_object_update(json_object_get(whole, "backend_config"), published) == 0)
        text = format_document(whole);
    json_decref(whole);
    return text;
}

struct endpoint *endpoint_ref(struct endpoint *endpoint)
{
    if (endpoint != NULL)
        endpoint->references++;
    return endpoint;
}

void endpoint_unref(struct endpoint *endpoint)
{
    if (endpoint == NULL || --endpoint->references > 0)
        return;
    free(endpoint->subnets);
    free(endpoint->backend_config);
    json_decref(endpoint->document);
    free(endpoint);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return json_equal(a->document, b->document) != 0;
}
