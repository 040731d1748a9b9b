/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hostile documents once more as what they are on a broker: JSON, plain and with every character
 * escaped, through the example gateway's reader. What the reader lets through the driver refuses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/world.h"
#include "documents.h"
#include "endpoint_json.h"

static struct remote two;
static struct document_world documents_world;

static void start(void)
{
    world_start();
    fake_kernel_add_address("eth0", "2001:db8:64::6/64");
    remote_make(&two, 2);
    two.subnets[2] = "fd02::/48";
    two.endpoint.subnet_count = 3;
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    documents_world = (struct document_world){
        .own_key = world.published_key, .cluster2_key = two.key, .marked = true};
}

/* The text of a document, grown as needed. */
struct json {
    char *bytes;
    size_t length;
    size_t size;
    bool escape; /* all of ASCII as \u00XX */
};

static void put(struct json *json, const char *text)
{
    size_t length = strlen(text);
    if (json->length + length + 1 > json->size) {
        json->size = 2 * (json->length + length + 1);
        json->bytes = realloc(json->bytes, json->size);
        ck_assert_ptr_nonnull(json->bytes);
    }
    memcpy(json->bytes + json->length, text, length + 1);
    json->length += length;
}

/* Bytes that are not ASCII go as they are, UTF-8 or not. */
static void put_string(struct json *json, const char *string)
{
    put(json, "\"");
    for (const char *byte = string; *byte != '\0'; byte++) {
        char piece[8] = {*byte, '\0'};
        unsigned char value = (unsigned char)*byte;
        if (value < ' ' || value == '"' || value == '\\' || (json->escape && value < 0x80))
            (void)snprintf(piece, sizeof(piece), "\\u%04x", value);
        put(json, piece);
    }
    put(json, "\"");
}

static void put_member(struct json *json, const char *name, const char *value)
{
    put(json, ",");
    put_string(json, name);
    put(json, ":");
    put_string(json, value);
}

static void put_document(struct json *json, const struct subwg_endpoint *endpoint)
{
    json->length = 0;
    put(json, "{\"health\":null");
    put_member(json, "cluster_id", endpoint->cluster_id);
    put_member(json, "cable_name", endpoint->cable_name);
    put_member(json, "hostname", endpoint->hostname);
    put_member(json, "private_ip", endpoint->private_ip);
    put_member(json, "public_ip", endpoint->public_ip);
    put_member(json, "backend", endpoint->backend);
    put(json, endpoint->nat_enabled != 0 ? ",\"nat_enabled\":true" : "");
    for (uint32_t i = 0; i < endpoint->subnet_count; i++) {
        put(json, i == 0 ? ",\"subnets\":[" : ",");
        put_string(json, endpoint->subnets[i]);
    }
    put(json, "],\"backend_config\":{\"interface-name\":\"x\"");
    for (uint32_t i = 0; i < endpoint->backend_config_count; i++)
        put_member(json, endpoint->backend_config[i].key, endpoint->backend_config[i].value);
    put(json, "}}");
}

struct tally {
    struct json json;
    char *kernel;
    uint64_t changes;
    uint32_t documents;
    uint32_t by_reader;
    uint32_t by_driver;
};

/* An object has each name once, a broker's document is bounded, and the path is the engine's choice. */
static bool can_be_published(const struct document *document)
{
    const struct subwg_endpoint *endpoint = &document->endpoint;
    if ((endpoint->present & SUBWG_ENDPOINT_USE_IP) != 0 ||
        endpoint->subnet_count > DOCUMENT_SUBNETS_MAX || endpoint->backend_config_count > 3)
        return false;
    return endpoint->backend_config_count < 3 || strcmp(document->config[2].key, "other") == 0;
}

static void check_refused(const struct document *document, void *context)
{
    struct tally *tally = context;
    static struct faults faults;
    if (!can_be_published(document))
        return;
    put_document(&tally->json, &document->endpoint);
    faults_begin(&faults, "evil.json");
    struct endpoint *endpoint = endpoint_parse(tally->json.bytes, tally->json.length, &faults);
    tally->documents++;
    if (endpoint == NULL) {
        if (faults.count == 0)
            ck_abort_msg("no fault is named: %.300s", tally->json.bytes);
        tally->by_reader++;
        return;
    }
    int32_t code = subwg_cable_connect(world.cable, &endpoint->view, NULL, &world.error);
    endpoint_unref(endpoint);
    if (code >= 0 || world.error.reason != document->reason ||
        fake_kernel_counters().changes != tally->changes)
        ck_abort_msg("%d, reason %u, %s: %.300s", code, world.error.reason, world.error.text,
                     tally->json.bytes);
    tally->by_driver++;
}

START_TEST(documents_in_json_are_refused_too)
{
    struct tally tally = {.json = {.escape = _i == 1},
                          .kernel = world_kernel(),
                          .changes = fake_kernel_counters().changes};
    (void)documents_hostile(&documents_world, check_refused, &tally);
    assert_kernel_is(tally.kernel);
    ck_assert_uint_ge(tally.documents, 1000);
    ck_assert_uint_eq(tally.by_reader + tally.by_driver, tally.documents);
    ck_assert_uint_gt(tally.by_reader, 20); /* what is not UTF-8, and empty names */
    ck_assert_uint_ge(tally.by_driver, 1000);
    printf("figure hostile-documents-refused %u\n", (unsigned)tally.documents);
    (void)fflush(stdout);
    free(tally.json.bytes);
}
END_TEST

static void check_taken(const struct document *document, void *context)
{
    struct tally *tally = context;
    static struct faults faults;
    if (!can_be_published(document))
        return;
    put_document(&tally->json, &document->endpoint);
    faults_begin(&faults, "cluster.json");
    struct endpoint *endpoint = endpoint_parse(tally->json.bytes, tally->json.length, &faults);
    if (endpoint == NULL ||
        subwg_cable_connect(world.cable, &endpoint->view, NULL, &world.error) != 0)
        ck_abort_msg("%s%s: %.300s", faults.text, world.error.text, tally->json.bytes);
    if (subwg_cable_disconnect(world.cable, &endpoint->view, &world.error) != 0)
        ck_abort_msg("%s: %.300s", world.error.text, tally->json.bytes);
    endpoint_unref(endpoint);
    tally->documents++;
}

START_TEST(harmless_documents_in_json_are_taken)
{
    struct tally tally = {.json = {.escape = _i == 1}, .kernel = world_kernel()};
    (void)documents_harmless(&documents_world, check_taken, &tally);
    ck_assert_uint_ge(tally.documents, 100);
    assert_kernel_is(tally.kernel);
    free(tally.json.bytes);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {documents_in_json_are_refused_too, 2},
        {harmless_documents_in_json_are_taken, 2},
    };
    return world_run("hostile-json", start, tests, sizeof(tests) / sizeof(tests[0]));
}
