/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand endpoint documents of a hostile broker (T75; T74, T76, T80, T82, T83, T85, T86): each is
 * refused with its own reason, and the kernel is as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault/world.h"
#include "documents.h"

static struct remote two;
static struct remote three;
static struct document_world documents_world;

static void start(void)
{
    world_start();
    fake_kernel_add_address("eth0", "2001:db8:64::6/64");
    remote_make(&two, 2);
    remote_make(&three, 3);
    two.subnets[2] = "fd02::/48";
    two.endpoint.subnet_count = 3;
}

/* The gateway that the documents are meant for. */
static void connect_two(bool marked)
{
    const struct subwg_setting unmarked[] = {{"profile", "submariner"},
                                             {"port", "5871"},
                                             {"device", WORLD_DEVICE},
                                             {"remote-port", "5871"}};
    ck_assert_int_eq(world_create(marked ? NULL : unmarked, marked ? 0 : 4), 0);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
    ck_assert_msg(world_connect(&two) == 0, "%s", world.error.text);
    world_hear(&two);
    documents_world = (struct document_world){
        .own_key = world.published_key, .cluster2_key = two.key, .marked = marked};
}

struct tally {
    char *kernel;
    uint64_t changes;
    uint32_t refused;
    uint32_t taken;
};

static struct tally tally_start(void)
{
    return (struct tally){.kernel = world_kernel(), .changes = fake_kernel_counters().changes};
}

/* What a terminal, a log and a browser can be given. */
static bool is_clean(const char *text)
{
    for (const char *byte = text; *byte != '\0'; byte++)
        if ((unsigned char)*byte < ' ' || (unsigned char)*byte == 0x7f)
            return false;
    return strstr(text, "\xe2\x80\xae") == NULL && strstr(text, "\xc2\x9b") == NULL;
}

static void complain(const struct document *document, const char *what, int32_t code)
{
    ck_abort_msg("document %u, %s '%.60s' %s: %d, reason %u, %s", (unsigned)document->number,
                 document->field, document->value, what, code, world.error.reason,
                 world.error.text);
}

static void check_kernel(struct tally *tally, const struct document *document)
{
    if (fake_kernel_counters().changes != tally->changes)
        complain(document, "changed the kernel", 0);
    char *kernel = world_kernel();
    if (strcmp(kernel, tally->kernel) != 0)
        complain(document, "left a trace in the kernel", 0);
    free(kernel);
}

static void check_refused(const struct document *document, void *context)
{
    struct tally *tally = context;
    char address[SUBWG_ADDRESS_TEXT_SIZE] = "untouched";
    world.error = (struct subwg_error)SUBWG_ERROR_INIT;
    int32_t code = subwg_cable_connect(world.cable, &document->endpoint, address, &world.error);
    int32_t right = document->reason == SUBWG_REASON_REFUSED    ? -EPERM
                    : document->reason == SUBWG_REASON_CONFLICT ? -EEXIST
                                                                : -EINVAL;
    if (code != right || world.error.code != code || world.error.reason != document->reason)
        complain(document, "was not refused as it should", code);
    if (strstr(world.error.text, document->word) == NULL || !is_clean(world.error.text))
        complain(document, "was refused with the wrong words", code);
    if (strcmp(address, "untouched") != 0)
        complain(document, "got an address", code);
    check_kernel(tally, document);
    tally->refused++;
}

START_TEST(each_is_refused_with_its_reason_and_leaves_no_trace)
{
    connect_two(_i == 0);
    struct tally tally = tally_start();
    uint32_t count = documents_hostile(&documents_world, check_refused, &tally);
    ck_assert_uint_eq(tally.refused, count);
    ck_assert_uint_ge(count, 1000);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    ck_assert_int_eq(world_connect(&two), 1);
    free(tally.kernel);
    if (_i == 0) { /* the others are the same ones */
        printf("figure hostile-documents-refused %u\n", (unsigned)tally.refused);
        (void)fflush(stdout);
    }
}
END_TEST

/* What the restarted gateway took over is not for the taking either, though nobody claimed it yet. */
START_TEST(leftovers_are_as_safe_as_connections)
{
    connect_two(true);
    world_restart();
    documents_world.own_key = world.published_key;
    documents_world.cluster2_key = NULL;
    struct tally tally = tally_start();
    uint32_t count = documents_hostile(&documents_world, check_refused, &tally);
    ck_assert_uint_eq(tally.refused, count);
    ck_assert_int_ge(world_connect(&two), 0);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    free(tally.kernel);
}
END_TEST

struct list {
    struct document *documents;
    const struct subwg_endpoint **endpoints;
    uint32_t count;
    uint32_t refused;
};

#define LIST_MAX 4096u

static void gather(const struct document *document, void *context)
{
    struct list *list = context;
    ck_assert_uint_lt(list->count, LIST_MAX);
    struct document *copy = &list->documents[list->count];
    *copy = *document;
    if (document->endpoint.cluster_id == document->cluster_id)
        copy->endpoint.cluster_id = copy->cluster_id;
    copy->endpoint.subnets = copy->subnets;
    copy->endpoint.backend_config = copy->config;
    for (uint32_t i = 0; i < 3; i++)
        if (document->subnets[i] == document->spelling)
            copy->subnets[i] = copy->spelling;
    if (document->endpoint.private_ip == document->spelling)
        copy->endpoint.private_ip = copy->spelling;
    list->endpoints[list->count++] = &copy->endpoint;
}

static void count_refused(void *context, uint32_t index, int32_t code, const char *address,
                          const struct subwg_error *error)
{
    struct list *list = context;
    (void)index;
    if (code < 0 && error != NULL && error->reason == list->documents[index].reason &&
        address[0] == '\0')
        list->refused++;
}

/* All in one list: who is refused for himself is nobody's rival. */
START_TEST(a_whole_broker_of_them_leaves_no_trace)
{
    struct list list = {.documents = calloc(LIST_MAX, sizeof(struct document)),
                        .endpoints = calloc(LIST_MAX, sizeof(struct subwg_endpoint *))};
    ck_assert(list.documents != NULL && list.endpoints != NULL);
    connect_two(true);
    struct tally tally = tally_start();
    (void)documents_hostile(&documents_world, gather, &list);
    ck_assert_int_eq(subwg_cable_connect_many(world.cable, list.endpoints, list.count,
                                              count_refused, &list, &world.error),
                     0);
    assert_kernel_equals(tally.kernel);
    ck_assert_uint_eq(fake_kernel_counters().changes, tally.changes);
    ck_assert_uint_ge(list.refused, 1000);
    free(tally.kernel);
    free((void *)list.endpoints);
    free(list.documents);
}
END_TEST

static void check_taken(const struct document *document, void *context)
{
    struct tally *tally = context;
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    world.error = (struct subwg_error)SUBWG_ERROR_INIT;
    int32_t code = subwg_cable_connect(world.cable, &document->endpoint, address, &world.error);
    if (code != 0 || fake_kernel_counters().changes == tally->changes)
        complain(document, "was not taken", code);
    code = subwg_cable_disconnect(world.cable, &document->endpoint, &world.error);
    if (code != 0)
        complain(document, "could not be disconnected", code);
    tally->changes = fake_kernel_counters().changes;
    check_kernel(tally, document);
    tally->taken++;
}

START_TEST(their_harmless_neighbours_are_taken)
{
    connect_two(_i == 0);
    struct tally tally = tally_start();
    uint32_t count = documents_harmless(&documents_world, check_taken, &tally);
    ck_assert_uint_eq(tally.taken, count);
    ck_assert_uint_ge(count, 100);
    free(tally.kernel);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {each_is_refused_with_its_reason_and_leaves_no_trace, 2},
        {leftovers_are_as_safe_as_connections, 0},
        {a_whole_broker_of_them_leaves_no_trace, 0},
        {their_harmless_neighbours_are_taken, 2},
    };
    return world_run("hostile", start, tests, sizeof(tests) / sizeof(tests[0]));
}
