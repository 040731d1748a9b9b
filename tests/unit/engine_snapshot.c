/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: whole or none, in order, bounded, and alive after everything else is gone. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine_fixture.h"

static struct subwg_driver table;
static struct subwg_registry *registry;
static struct subwg_cable *cable;

static void set_up(void)
{
    script = (struct fixture_script){0};
    table = fixture_table();
    registry = fixture_registry(&table);
    cable = fixture_cable(registry, NULL);
}

static void tear_down(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}

static int32_t push(const struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                    const struct subwg_connection *row)
{
    return instance->host->add_connection(instance->host->context, snapshot, row);
}

/* Rows whose text is gone as soon as they are pushed. */
static int32_t push_many(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                         struct subwg_error *error)
{
    (void)error;
    for (uint32_t i = 0; i < 20000; i++) {
        char cluster[32];
        char first[32];
        char second[32];
        const char *const subnets[] = {first, second};
        snprintf(cluster, sizeof(cluster), "cluster%u", (unsigned)i);
        snprintf(first, sizeof(first), "10.%u.0.0/18", (unsigned)(i % 256));
        snprintf(second, sizeof(second), "fd00:%x::/64", (unsigned)i);
        struct subwg_connection row = SUBWG_CONNECTION_INIT;
        row.cluster_id = cluster;
        row.rx_bytes = i;
        row.subnets = subnets;
        row.subnet_count = i % 3;
        ck_assert_int_eq(push(instance, snapshot, &row), 0);
        memset(cluster, 'x', sizeof(cluster));
        memset(first, 'x', sizeof(first));
        memset(second, 'x', sizeof(second));
    }
    return 0;
}

static void check_many(const struct subwg_snapshot *snapshot)
{
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), 20000);
    for (uint32_t i = 0; i < 20000; i++) {
        char wanted[32];
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, i);
        snprintf(wanted, sizeof(wanted), "cluster%u", (unsigned)i);
        ck_assert_str_eq(row->cluster_id, wanted);
        ck_assert_uint_eq(row->rx_bytes, i);
        ck_assert_uint_eq(row->subnet_count, i % 3);
        snprintf(wanted, sizeof(wanted), "fd00:%x::/64", (unsigned)i);
        if (i % 3 == 2)
            ck_assert_str_eq(row->subnets[1], wanted);
        ck_assert_str_eq(row->hostname, "");
        ck_assert_str_eq(row->status_text, "");
    }
    ck_assert_ptr_null(subwg_snapshot_connection(snapshot, 20000));
    ck_assert_ptr_null(subwg_snapshot_metric(snapshot, 0));
}

START_TEST(outlives_cable_and_registry)
{
    struct subwg_snapshot *snapshot = NULL;
    script.read = push_many;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    tear_down();
    cable = NULL;
    registry = NULL;
    check_many(snapshot);
    ck_assert_str_eq(subwg_snapshot_driver(snapshot), "wireguard");
    const struct subwg_endpoint *local = subwg_snapshot_local(snapshot);
    ck_assert_str_eq(local->cluster_id, "cluster1");
    ck_assert_str_eq(local->hostname, "gateway1");
    ck_assert_str_eq(local->private_ip, "10.243.64.6");
    ck_assert_str_eq(local->public_ip, "");
    ck_assert_uint_eq(local->subnet_count, 0);
    subwg_snapshot_unref(snapshot);
    subwg_snapshot_unref(NULL);
    ck_assert_ptr_null(subwg_snapshot_ref(NULL));
}
END_TEST

/* Returns NULL if all was well; a failed assertion must not jump out of its thread. */
static void *share(void *context)
{
    struct subwg_snapshot *snapshot = context;
    void *wrong = NULL;
    for (int i = 0; i < 20000; i++) {
        struct subwg_snapshot *again = subwg_snapshot_ref(snapshot);
        if (again != snapshot || subwg_snapshot_connection_count(again) != 0)
            wrong = snapshot;
        subwg_snapshot_unref(again);
    }
    subwg_snapshot_unref(snapshot);
    return wrong;
}

/* The address or thread sanitizer sees a count that is wrong by one. */
START_TEST(references_across_threads)
{
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share, subwg_snapshot_ref(snapshot)), 0);
    subwg_snapshot_unref(snapshot);
    for (size_t i = 0; i < 4; i++) {
        void *wrong = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

static struct subwg_connection pushed;
static int32_t returned;

static int32_t push_one(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                        struct subwg_error *error)
{
    (void)error;
    struct subwg_connection good = SUBWG_CONNECTION_INIT;
    ck_assert_int_eq(push(instance, snapshot, &good), 0);
    int32_t code = push(instance, snapshot, &pushed);
    if (code != 0)
        ck_assert_int_eq(push(instance, snapshot, &good), code);
    return returned;
}

static void read_fails(const char *words)
{
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    script.read = push_one;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, &error), -EINVAL);
    ck_assert_str_eq(error.text, words);
    ck_assert_ptr_null(snapshot);
}

START_TEST(refused_row_fails_the_read)
{
    static char longest[SUBWG_SNAPSHOT_STRING_MAX + 2];
    memset(longest, 'a', SUBWG_SNAPSHOT_STRING_MAX);
    struct subwg_snapshot *snapshot = NULL;
    pushed = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    pushed.peer = longest;
    script.read = push_one;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    ck_assert_str_eq(subwg_snapshot_connection(snapshot, 1)->peer, longest);
    subwg_snapshot_unref(snapshot);

    /* The driver hides the refusal by returning 0, and cannot. */
    longest[SUBWG_SNAPSHOT_STRING_MAX] = 'a';
    read_fails(
        "get_connections by driver \"wireguard\" failed: a string is longer than 4096 bytes");
    returned = -EINVAL;
    read_fails(
        "get_connections by driver \"wireguard\" failed: a string is longer than 4096 bytes");
    returned = 0;

    pushed = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    pushed.subnet_count = SUBWG_SNAPSHOT_SUBNETS_MAX + 1;
    read_fails("get_connections by driver \"wireguard\" failed: a row has more than 65536 subnets");
    pushed.subnet_count = 1;
    read_fails("get_connections by driver \"wireguard\" failed: a row counts subnets and has none");
}
END_TEST

/* A string at each end of the texts, an empty one, two that overlap, and one that lies elsewhere. */
static int32_t push_texts(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                          struct subwg_error *error)
{
    (void)error;
    char texts[] = "cluster2\0gateway2\0\0"
                   "10.0.0.0/8\0fd00::/8";
    char elsewhere[] = "10.243.64.7";
    const char *const subnets[] = {texts + 19, texts + 30, elsewhere};
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.texts = texts;
    row.texts_bytes = sizeof(texts);
    row.cluster_id = texts;
    row.cable_name = texts + 7;
    row.hostname = texts + 9;
    row.public_ip = texts + 18;
    row.private_ip = elsewhere;
    row.subnets = subnets;
    row.subnet_count = 3;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(push(instance, snapshot, &row), 0);
    memset(texts, 'x', sizeof(texts));
    memset(elsewhere, 'x', sizeof(elsewhere));
    return 0;
}

START_TEST(texts_are_copied_at_once)
{
    struct subwg_snapshot *snapshot = NULL;
    script.read = push_texts;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, i);
        ck_assert_str_eq(row->cluster_id, "cluster2");
        ck_assert_str_eq(row->cable_name, "2");
        ck_assert_str_eq(row->hostname, "gateway2");
        ck_assert_str_eq(row->public_ip, "");
        ck_assert_str_eq(row->private_ip, "10.243.64.7");
        ck_assert_str_eq(row->peer, "");
        ck_assert_str_eq(row->subnets[0], "10.0.0.0/8");
        ck_assert_str_eq(row->subnets[1], "fd00::/8");
        ck_assert_str_eq(row->subnets[2], "10.243.64.7");
        ck_assert_ptr_eq(row->texts, row->cluster_id);
        ck_assert_uint_eq(row->texts_bytes, 39);
    }
    subwg_snapshot_unref(snapshot);
}
END_TEST

static void texts_are_refused(const char *texts, uint64_t bytes)
{
    pushed = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    pushed.texts = texts;
    pushed.texts_bytes = bytes;
    read_fails("get_connections by driver \"wireguard\" failed: the texts of a row are not valid");
}

START_TEST(bad_texts_fail_the_read)
{
    static char large[SUBWG_SNAPSHOT_TEXTS_MAX + 1];
    struct subwg_snapshot *snapshot = NULL;
    texts_are_refused("ab", 2); /* without its NUL */
    texts_are_refused("", 0);
    texts_are_refused(NULL, 1);
    texts_are_refused(large, sizeof(large));
    texts_are_refused(large, UINT64_MAX);

    pushed = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    pushed.texts = large;
    pushed.texts_bytes = sizeof(large) - 1;
    pushed.cluster_id = large;
    memset(large, 'a', SUBWG_SNAPSHOT_STRING_MAX);
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    ck_assert_str_eq(subwg_snapshot_connection(snapshot, 1)->cluster_id, large);
    subwg_snapshot_unref(snapshot);
    large[SUBWG_SNAPSHOT_STRING_MAX] = 'a';
    read_fails(
        "get_connections by driver \"wireguard\" failed: a string is longer than 4096 bytes");
}
END_TEST

static int32_t push_connection_anyway(struct subwg_instance *instance,
                                      struct subwg_snapshot_builder *snapshot,
                                      struct subwg_error *error)
{
    (void)error;
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    return push(instance, snapshot, &row);
}

static int32_t push_metric_anyway(struct subwg_instance *instance,
                                  struct subwg_snapshot_builder *snapshot,
                                  struct subwg_error *error)
{
    (void)error;
    struct subwg_metric row = SUBWG_METRIC_INIT;
    return instance->host->add_metric(instance->host->context, snapshot, &row);
}

START_TEST(kinds_do_not_mix)
{
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    script.read = push_connection_anyway;
    ck_assert_int_eq(subwg_cable_metrics_snapshot(cable, &snapshot, &error), -EINVAL);
    ck_assert_str_eq(error.text,
                     "metrics_snapshot by driver \"wireguard\" failed: a connection row "
                     "in metrics_snapshot");
    script.read = push_metric_anyway;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, &error), -EINVAL);
    ck_assert_str_eq(
        error.text,
        "get_connections by driver \"wireguard\" failed: a metric row in get_connections");
    ck_assert_ptr_null(snapshot);
}
END_TEST

static struct subwg_snapshot_builder *kept;

static int32_t keep_builder(struct subwg_instance *instance,
                            struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    (void)instance, (void)error;
    kept = snapshot;
    return 0;
}

static int32_t init_pushes(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    return push(instance, kept, &row);
}

START_TEST(rows_outside_of_a_read)
{
    struct subwg_snapshot *snapshot = NULL;
    script.read = keep_builder;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    subwg_snapshot_unref(snapshot);
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    ck_assert_int_eq(push(script.instance, kept, &row), -EINVAL);
    ck_assert_int_eq(push(script.instance, NULL, &row), -EINVAL);
    script.init = init_pushes;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), -EINVAL);
}
END_TEST

static void *push_elsewhere(void *context)
{
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    ck_assert_int_eq(push(script.instance, context, &row), -EINVAL);
    return NULL;
}

static int32_t read_on_another_thread(struct subwg_instance *instance,
                                      struct subwg_snapshot_builder *snapshot,
                                      struct subwg_error *error)
{
    (void)instance, (void)error;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, push_elsewhere, snapshot), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return 0;
}

START_TEST(rows_from_another_thread)
{
    struct subwg_snapshot *snapshot = NULL;
    script.read = read_on_another_thread;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), 0);
    subwg_snapshot_unref(snapshot);
}
END_TEST

static int32_t fail_after_rows(struct subwg_instance *instance,
                               struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    ck_assert_int_eq(push(instance, snapshot, &row), 0);
    memcpy(error->text, "the dump broke", sizeof("the dump broke"));
    return -EINTR;
}

START_TEST(failed_read_yields_nothing)
{
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    script.read = fail_after_rows;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, &error), -EINTR);
    ck_assert_str_eq(error.text, "the dump broke");
    ck_assert_ptr_null(snapshot);
}
END_TEST

START_TEST(status_names)
{
    ck_assert_str_eq(subwg_status_name(SUBWG_STATUS_CONNECTING), "connecting");
    ck_assert_str_eq(subwg_status_name(SUBWG_STATUS_CONNECTED), "connected");
    ck_assert_str_eq(subwg_status_name(SUBWG_STATUS_ERROR), "error");
    ck_assert_str_eq(subwg_status_name(3), "unknown");
    ck_assert_str_eq(subwg_status_name(UINT32_MAX), "unknown");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("snapshot");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, outlives_cable_and_registry);
    tcase_add_test(tests, references_across_threads);
    tcase_add_test(tests, refused_row_fails_the_read);
    tcase_add_test(tests, texts_are_copied_at_once);
    tcase_add_test(tests, bad_texts_fail_the_read);
    tcase_add_test(tests, kinds_do_not_mix);
    tcase_add_test(tests, rows_outside_of_a_read);
    tcase_add_test(tests, rows_from_another_thread);
    tcase_add_test(tests, failed_read_yields_nothing);
    tcase_add_test(tests, status_names);
    return fixture_run(tests, "engine-snapshot");
}
