/* SPDX-License-Identifier: Apache-2.0 */
/* The version matrix: each class of struct between sides that know fewer and more fields. The newer
 * versions are shadow structs written by hand, as a later header would have them. */
#include <errno.h>
#include <string.h>

#include "engine/head.h"
#include "engine/snapshot.h"
#include "engine_fixture.h"

struct newer_driver {
    struct subwg_driver known;
    int32_t (*one_more)(struct subwg_instance *instance);
};
struct newer_connection {
    struct subwg_connection known;
    uint64_t one_more;
};
struct newer_metric {
    struct subwg_metric known;
    const char *one_more;
};
struct newer_endpoint {
    struct subwg_endpoint known;
    uint64_t one_more;
};
struct newer_error {
    struct subwg_error known;
    char one_more[40];
};

/* Two versions of one struct, for the copy rule itself. */
struct shadow_1_0 {
    struct subwg_head head;
    uint64_t first;
};
struct shadow_1_1 {
    struct subwg_head head;
    uint64_t first;
    uint64_t second;
};

START_TEST(table_of_a_newer_driver)
{
    struct newer_driver newer = {.known = fixture_table()};
    newer.known.head.size = sizeof(newer);
    newer.known.head.abi_minor = 4;
    memset(&newer.one_more, 0xff, sizeof(newer.one_more));
    struct subwg_driver copy;
    ck_assert_int_eq(subwg_driver_admit(&newer.known, &copy, NULL), 0);
    ck_assert_uint_eq(copy.head.size, sizeof(copy));
    ck_assert_uint_eq(copy.head.abi_minor, 4);
    ck_assert(copy.connect == newer.known.connect);
}
END_TEST

START_TEST(copying_both_ways)
{
    struct shadow_1_1 newer = {{sizeof(newer), 1, 1, 7, 0}, 11, 22};
    struct shadow_1_0 own_older;
    head_copy_known(&own_older, sizeof(own_older), &newer);
    ck_assert_uint_eq(own_older.first, 11);
    ck_assert_uint_eq(own_older.head.size, sizeof(own_older));

    struct shadow_1_0 older = {{sizeof(older), 1, 0, 7, 0}, 33};
    struct shadow_1_1 own_newer = {{0}, 99, 99};
    head_copy_known(&own_newer, sizeof(own_newer), &older);
    ck_assert_uint_eq(own_newer.first, 33);
    ck_assert_uint_eq(own_newer.second, 0);
    ck_assert_uint_eq(own_newer.head.size, sizeof(own_newer));
}
END_TEST

START_TEST(operation_exists_if_covered_and_set)
{
    struct subwg_driver table = fixture_table();
    ck_assert(SUBWG_HAS(&table, struct subwg_driver, connect));
    ck_assert(!SUBWG_HAS(&table, struct subwg_driver, reconcile));
    table.head.size = SUBWG_END_OF(struct subwg_driver, connect) - 1;
    ck_assert(!SUBWG_HAS(&table, struct subwg_driver, connect));
}
END_TEST

static struct subwg_snapshot_builder start(enum snapshot_kind kind)
{
    struct subwg_endpoint local = fixture_local();
    struct subwg_snapshot_builder builder;
    snapshot_builder_init(&builder, kind, "wireguard", &local, 0);
    return builder;
}

START_TEST(rows_of_a_newer_driver)
{
    struct newer_connection newer = {SUBWG_CONNECTION_INIT, UINT64_MAX};
    newer.known.head.size = sizeof(newer);
    newer.known.head.abi_minor = 1;
    newer.known.cluster_id = "cluster2";
    newer.known.present = UINT32_MAX;
    newer.known.reserved = 5;
    struct subwg_snapshot_builder builder = start(SNAPSHOT_CONNECTIONS);
    ck_assert_int_eq(snapshot_add_connection(&builder, &newer.known), 0);
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(snapshot_finish(&builder, &snapshot), 0);
    snapshot_builder_release(&builder);
    const struct subwg_connection *row = subwg_snapshot_connection(snapshot, 0);
    ck_assert_str_eq(row->cluster_id, "cluster2");
    ck_assert_uint_eq(row->head.size, sizeof(*row));
    /* A bit for a field that the copy does not have would be a lie. */
    ck_assert_uint_eq(row->present, 0x3f);
    subwg_snapshot_unref(snapshot);

    struct newer_metric metric = {SUBWG_METRIC_INIT, NULL};
    metric.known.head.size = sizeof(metric);
    metric.known.rx_bytes = 7;
    memset(&metric.one_more, 0xff, sizeof(metric.one_more));
    builder = start(SNAPSHOT_METRICS);
    ck_assert_int_eq(snapshot_add_metric(&builder, &metric.known), 0);
    ck_assert_int_eq(snapshot_finish(&builder, &snapshot), 0);
    snapshot_builder_release(&builder);
    ck_assert_uint_eq(subwg_snapshot_metric(snapshot, 0)->rx_bytes, 7);
    subwg_snapshot_unref(snapshot);
}
END_TEST

static void row_refused(struct subwg_connection row)
{
    struct subwg_snapshot_builder builder = start(SNAPSHOT_CONNECTIONS);
    ck_assert_int_eq(snapshot_add_connection(&builder, &row), -EINVAL);
    ck_assert_str_eq(builder.fault, "the head of a connection row is not valid");
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(snapshot_finish(&builder, &snapshot), -EINVAL);
    ck_assert_ptr_null(snapshot);
    snapshot_builder_release(&builder);
}

START_TEST(rows_with_a_bad_head)
{
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.head.size = SUBWG_CONNECTION_SIZE_1_0 - 1;
    row_refused(row);
    row = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    row.head.size = SUBWG_STRUCT_SIZE_MAX + 1;
    row_refused(row);
    row = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    row.head.magic = SUBWG_MAGIC_METRIC;
    row_refused(row);
    row = (struct subwg_connection)SUBWG_CONNECTION_INIT;
    row.head.abi_major = 2;
    row_refused(row);
}
END_TEST

static int32_t create_with(const struct subwg_endpoint *local, struct subwg_error *error)
{
    struct subwg_driver table = fixture_table();
    struct subwg_registry *registry = fixture_registry(&table);
    struct subwg_cable *cable = NULL;
    int32_t code = subwg_cable_create(registry, "wireguard", NULL, local, NULL, 0, &cable, error);
    ck_assert(code == 0 || cable == NULL);
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    return code;
}

START_TEST(inputs_of_a_newer_engine)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct newer_endpoint newer = {.known = fixture_local()};
    newer.known.head.size = sizeof(newer);
    ck_assert_int_eq(create_with(&newer.known, &error), 0);
    newer.one_more = 1;
    ck_assert_int_eq(create_with(&newer.known, &error), -E2BIG);
    ck_assert_str_eq(error.text, "the local endpoint sets fields that this library does not know");
}
END_TEST

START_TEST(inputs_with_a_bad_head)
{
    struct subwg_endpoint local = fixture_local();
    local.head.size = SUBWG_ENDPOINT_SIZE_1_0 - 1;
    ck_assert_int_eq(create_with(&local, NULL), -EINVAL);
    local = fixture_local();
    local.head.magic = 0;
    ck_assert_int_eq(create_with(&local, NULL), -EINVAL);
    ck_assert_int_eq(create_with(NULL, NULL), -EINVAL);
}
END_TEST

static int32_t init_fails(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance;
    ck_assert_uint_eq(error->head.size, sizeof(*error));
    error->reason = SUBWG_REASON_BUSY;
    memcpy(error->text, "someone else", sizeof("someone else"));
    return -EBUSY;
}

START_TEST(error_record_of_a_newer_engine)
{
    struct subwg_driver table = fixture_table();
    struct subwg_registry *registry = fixture_registry(&table);
    script.init = init_fails;
    struct subwg_cable *cable = fixture_cable(registry, NULL);
    struct newer_error error = {SUBWG_ERROR_INIT, {0}};
    error.known.head.size = sizeof(error);
    error.known.head.abi_minor = 3;
    memset(error.one_more, 'x', sizeof(error.one_more));
    ck_assert_int_eq(subwg_cable_init(cable, &error.known), -EBUSY);
    ck_assert_str_eq(error.known.text, "someone else");
    ck_assert_uint_eq(error.known.head.size, sizeof(error));
    ck_assert_uint_eq(error.known.head.abi_minor, 3);
    for (size_t i = 0; i < sizeof(error.one_more); i++)
        ck_assert_int_eq(error.one_more[i], 0);

    /* What is no record, or too short for one, is left alone. */
    struct subwg_error bad = SUBWG_ERROR_INIT;
    bad.head.magic = 1;
    ck_assert_int_eq(subwg_cable_init(cable, &bad), -EBUSY);
    ck_assert_int_eq(bad.code, 0);
    bad = (struct subwg_error)SUBWG_ERROR_INIT;
    bad.head.size = SUBWG_ERROR_SIZE_1_0 - 1;
    ck_assert_int_eq(subwg_cable_init(cable, &bad), -EBUSY);
    ck_assert_int_eq(bad.code, 0);
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("versions");
    tcase_add_test(tests, table_of_a_newer_driver);
    tcase_add_test(tests, copying_both_ways);
    tcase_add_test(tests, operation_exists_if_covered_and_set);
    tcase_add_test(tests, rows_of_a_newer_driver);
    tcase_add_test(tests, rows_with_a_bad_head);
    tcase_add_test(tests, inputs_of_a_newer_engine);
    tcase_add_test(tests, inputs_with_a_bad_head);
    tcase_add_test(tests, error_record_of_a_newer_engine);
    return fixture_run(tests, "engine-versions");
}
