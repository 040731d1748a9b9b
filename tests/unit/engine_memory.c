/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of the engine fails once: a clean error each time, nothing half made, nothing lost.
 * The linker leads the calls of malloc, calloc, realloc and free to the functions below. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/render.h>

#include "engine_fixture.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static uint32_t until_failure; /* 0: none fails */
static bool failed;
static uint32_t allocations;
static int64_t outstanding;
static bool half_made; /* libcheck allocates too, so it is asked only afterwards */

static bool fails(void)
{
    allocations++;
    failed = failed || until_failure == 1;
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    void *memory = fails() ? NULL : __real_malloc(size);
    outstanding += memory != NULL;
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *memory = fails() ? NULL : __real_calloc(count, size);
    outstanding += memory != NULL;
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    void *moved = fails() ? NULL : __real_realloc(memory, size);
    outstanding += memory == NULL && moved != NULL;
    return moved;
}

void __wrap_free(void *memory)
{
    outstanding -= memory != NULL;
    __real_free(memory);
}

static uint32_t row_count = 200;

static int32_t push_rows(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                         struct subwg_error *error)
{
    (void)error;
    static const char *const subnets[] = {"10.234.0.0/18", "10.234.64.0/18"};
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < row_count; i++) {
        struct subwg_connection row = SUBWG_CONNECTION_INIT;
        row.cluster_id = "cluster2";
        row.subnets = subnets;
        row.subnet_count = 2;
        code = instance->host->add_connection(instance->host->context, snapshot, &row);
    }
    return code;
}

/* Labels beyond what is expected of that many rows. */
static const char *long_text(void)
{
    static char text[SUBWG_SNAPSHOT_STRING_MAX + 1];
    memset(text, '\n', sizeof(text) - 1);
    return text;
}

static int32_t push_metrics(struct subwg_instance *instance,
                            struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    (void)error;
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < row_count; i++) {
        char cluster[20];
        (void)snprintf(cluster, sizeof(cluster), "cluster%05u", (unsigned)i);
        struct subwg_metric row = SUBWG_METRIC_INIT;
        row.cluster_id = cluster;
        if (i % 50 == 0)
            row.hostname = row.public_ip = row.private_ip = long_text();
        code = instance->host->add_metric(instance->host->context, snapshot, &row);
    }
    return code;
}

static int32_t ignore(void *context, const char *bytes, size_t count)
{
    (void)context, (void)bytes, (void)count;
    return 0;
}

static int32_t render(struct subwg_cable *cable, struct subwg_error *error)
{
    struct subwg_snapshot *connections = NULL;
    struct subwg_snapshot *metrics = NULL;
    script.read = push_rows;
    int32_t code = subwg_cable_get_connections(cable, &connections, error);
    script.read = push_metrics;
    if (code == 0)
        code = subwg_cable_metrics_snapshot(cable, &metrics, error);
    half_made = half_made || (code == 0) != (metrics != NULL);
    if (code == 0)
        code = subwg_write_connection_table("", &connections, 1, ignore, NULL);
    for (uint32_t profile = 0; code == 0 && profile <= SUBWG_PROFILE_SUBMARINER; profile++)
        code = subwg_write_exposition(profile, &metrics, 1, ignore, NULL);
    subwg_snapshot_unref(connections);
    subwg_snapshot_unref(metrics);
    return code;
}

/* From the registry to the exposition. */
static int32_t whole_life(struct subwg_error *error)
{
    struct subwg_driver table = fixture_table();
    struct subwg_endpoint local = fixture_local();
    struct subwg_registry *registry = NULL;
    struct subwg_cable *cable = NULL;
    int32_t code = subwg_registry_create(&registry, error);
    if (code == 0)
        code = subwg_registry_add(registry, &table, error);
    if (code == 0)
        code = subwg_cable_create(registry, "wireguard", NULL, &local, NULL, 0, &cable, error);
    half_made = half_made || (code == 0) != (cable != NULL);
    if (code == 0)
        code = render(cable, error);
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    return code;
}

START_TEST(every_allocation_fails_once)
{
    uint32_t count = 0;
    int32_t code;
    do {
        struct subwg_error error = SUBWG_ERROR_INIT;
        failed = false;
        outstanding = 0;
        until_failure = ++count;
        code = whole_life(&error);
        int64_t left = outstanding;
        until_failure = 0;
        ck_assert_int_eq(code, failed ? -ENOMEM : 0);
        ck_assert(!half_made);
        ck_assert_msg(left == 0, "allocation %u: %lld are left", (unsigned)count, (long long)left);
        /* The render functions, which come last, take no record. */
        if (error.code != 0) {
            ck_assert_int_eq(error.code, -ENOMEM);
            ck_assert_ptr_nonnull(strstr(error.text, "memory"));
        }
    } while (failed);
    ck_assert_uint_gt(count, 15);
}
END_TEST

static uint32_t read_and_count(struct subwg_cable *cable)
{
    struct subwg_snapshot *snapshot = NULL;
    uint32_t before = allocations;
    int32_t code = subwg_cable_get_connections(cable, &snapshot, NULL);
    uint32_t made = allocations - before;
    ck_assert_int_eq(code, 0);
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), row_count);
    for (uint32_t i = 0; i < row_count; i++)
        ck_assert_str_eq(subwg_snapshot_connection(snapshot, i)->subnets[1], "10.234.64.0/18");
    subwg_snapshot_unref(snapshot);
    return made;
}

START_TEST(a_steady_snapshot_is_one_allocation)
{
    struct subwg_driver table = fixture_table();
    struct subwg_registry *registry = fixture_registry(&table);
    struct subwg_cable *cable = fixture_cable(registry, NULL);
    script.read = push_rows;
    ck_assert_uint_gt(read_and_count(cable), 2);
    ck_assert_uint_eq(read_and_count(cable), 1);
    row_count += row_count / 20; /* as a few more come, or texts grow */
    ck_assert_uint_eq(read_and_count(cable), 1);
    row_count *= 4;
    ck_assert_uint_gt(read_and_count(cable), 1);
    ck_assert_uint_eq(read_and_count(cable), 1);
    row_count = 0;
    ck_assert_uint_eq(read_and_count(cable), 1);
    row_count = 200;
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}
END_TEST

static uint32_t write_and_count(struct subwg_cable *cable, uint32_t profile)
{
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_metrics_snapshot(cable, &snapshot, NULL), 0);
    uint32_t before = allocations;
    int32_t code = subwg_write_exposition(profile, &snapshot, 1, ignore, NULL);
    uint32_t made = allocations - before;
    ck_assert_int_eq(code, 0);
    subwg_snapshot_unref(snapshot);
    return made;
}

/* Memory that doubles: a few more for sixteen times the rows. */
START_TEST(an_exposition_allocates_nothing_for_a_row)
{
    struct subwg_driver table = fixture_table();
    struct subwg_registry *registry = fixture_registry(&table);
    struct subwg_cable *cable = fixture_cable(registry, NULL);
    script.read = push_metrics;
    for (uint32_t profile = 0; profile <= SUBWG_PROFILE_SUBMARINER; profile++) {
        row_count = 200;
        uint32_t few = write_and_count(cable, profile);
        row_count *= 16;
        ck_assert_uint_le(write_and_count(cable, profile), few + 6);
    }
    row_count = 200;
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("memory");
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_add_test(tests, a_steady_snapshot_is_one_allocation);
    tcase_add_test(tests, an_exposition_allocates_nothing_for_a_row);
    return fixture_run(tests, "engine-memory");
}
