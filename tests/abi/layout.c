/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of every struct of the ABI on machines with 64-bit pointers, against shadow structs that
 * were written by hand from plain integers. A field that moves, grows or vanishes shows here. */
#include <stddef.h>
#include <stdint.h>

#include <check.h>
#include <subwg/driver.h>

typedef uint64_t pointer; /* LP64 */

struct shadow_head {
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t magic;
    uint32_t flags;
};

struct shadow_error {
    struct shadow_head head;
    int32_t code;
    uint32_t reason;
    int32_t kernel_errno;
    uint32_t flags;
    char operation[32];
    char text[512];
    char hint[256];
};

struct shadow_setting {
    pointer key;
    pointer value;
};

struct shadow_endpoint {
    struct shadow_head head;
    uint32_t present;
    uint32_t nat_enabled;
    pointer cluster_id;
    pointer cable_name;
    pointer hostname;
    pointer private_ip;
    pointer public_ip;
    pointer backend;
    pointer subnets;
    pointer backend_config;
    uint32_t subnet_count;
    uint32_t backend_config_count;
    pointer use_ip;
    uint32_t use_nat;
    uint32_t reserved;
};

struct shadow_connection {
    struct shadow_head head;
    uint32_t present;
    uint32_t status;
    uint32_t status_reason;
    uint32_t subnet_count;
    pointer status_text;
    pointer cluster_id;
    pointer cable_name;
    pointer hostname;
    pointer private_ip;
    pointer public_ip;
    pointer remote_ip;
    pointer peer;
    pointer subnets;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t lifetime_s;
    uint64_t last_handshake_realtime_s;
    uint64_t established_realtime_s;
    uint64_t latency_ns;
    uint64_t changed_ns;
    uint32_t flap_count;
    uint32_t reconnect_count;
    uint32_t use_nat;
    uint32_t reserved;
    pointer texts;
    uint64_t texts_bytes;
};

struct shadow_metric {
    struct shadow_head head;
    uint32_t present;
    uint32_t status;
    pointer cluster_id;
    pointer cable_name;
    pointer hostname;
    pointer private_ip;
    pointer public_ip;
    pointer remote_ip;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t lifetime_s;
    uint64_t established_realtime_s;
    uint64_t latency_ns;
    pointer texts;
    uint64_t texts_bytes;
};

struct shadow_event {
    struct shadow_head head;
    uint32_t kind;
    uint32_t status;
    pointer cluster_id;
    pointer text;
};

struct shadow_host {
    struct shadow_head head;
    pointer context;
    pointer log;
    pointer publish;
    pointer event;
    pointer add_connection;
    pointer add_metric;
    pointer elapsed_ns;
    pointer realtime_ns;
};

struct shadow_driver {
    struct shadow_head head;
    pointer name;
    pointer version;
    uint32_t thread_model;
    uint32_t min_host_minor;
    uint64_t capabilities;
    pointer create;
    pointer destroy;
    pointer init;
    pointer connect;
    pointer disconnect;
    pointer get_connections;
    pointer metrics_snapshot;
    pointer connect_many;
    pointer disconnect_many;
    pointer list_complete;
    pointer reconcile;
    pointer event_fd;
    pointer dispatch;
    pointer cleanup;
};

struct field {
    const char *name;
    size_t offset;
    size_t wanted_offset;
    size_t size;
    size_t wanted_size;
};

#define FIELD(type, member)                                                                     \
    {                                                                                           \
#type "." #member, offsetof(struct subwg_##type, member),                               \
            offsetof(struct shadow_##type, member), sizeof(((struct subwg_##type *)0)->member), \
            sizeof(((struct shadow_##type *)0)->member)                                         \
    }

static const struct field fields[] = {
    FIELD(head, size),
    FIELD(head, abi_major),
    FIELD(head, abi_minor),
    FIELD(head, magic),
    FIELD(head, flags),

    FIELD(error, head),
    FIELD(error, code),
    FIELD(error, reason),
    FIELD(error, kernel_errno),
    FIELD(error, flags),
    FIELD(error, operation),
    FIELD(error, text),
    FIELD(error, hint),

    FIELD(setting, key),
    FIELD(setting, value),

    FIELD(endpoint, head),
    FIELD(endpoint, present),
    FIELD(endpoint, nat_enabled),
    FIELD(endpoint, cluster_id),
    FIELD(endpoint, cable_name),
    FIELD(endpoint, hostname),
    FIELD(endpoint, private_ip),
    FIELD(endpoint, public_ip),
    FIELD(endpoint, backend),
    FIELD(endpoint, subnets),
    FIELD(endpoint, backend_config),
    FIELD(endpoint, subnet_count),
    FIELD(endpoint, backend_config_count),
    FIELD(endpoint, use_ip),
    FIELD(endpoint, use_nat),
    FIELD(endpoint, reserved),

    FIELD(connection, head),
    FIELD(connection, present),
    FIELD(connection, status),
    FIELD(connection, status_reason),
    FIELD(connection, subnet_count),
    FIELD(connection, status_text),
    FIELD(connection, cluster_id),
    FIELD(connection, cable_name),
    FIELD(connection, hostname),
    FIELD(connection, private_ip),
    FIELD(connection, public_ip),
    FIELD(connection, remote_ip),
    FIELD(connection, peer),
    FIELD(connection, subnets),
    FIELD(connection, rx_bytes),
    FIELD(connection, tx_bytes),
    FIELD(connection, lifetime_s),
    FIELD(connection, last_handshake_realtime_s),
    FIELD(connection, established_realtime_s),
    FIELD(connection, latency_ns),
    FIELD(connection, changed_ns),
    FIELD(connection, flap_count),
    FIELD(connection, reconnect_count),
    FIELD(connection, use_nat),
    FIELD(connection, reserved),
    FIELD(connection, texts),
    FIELD(connection, texts_bytes),

    FIELD(metric, head),
    FIELD(metric, present),
    FIELD(metric, status),
    FIELD(metric, cluster_id),
    FIELD(metric, cable_name),
    FIELD(metric, hostname),
    FIELD(metric, private_ip),
    FIELD(metric, public_ip),
    FIELD(metric, remote_ip),
    FIELD(metric, rx_bytes),
    FIELD(metric, tx_bytes),
    FIELD(metric, lifetime_s),
    FIELD(metric, established_realtime_s),
    FIELD(metric, latency_ns),
    FIELD(metric, texts),
    FIELD(metric, texts_bytes),

    FIELD(event, head),
    FIELD(event, kind),
    FIELD(event, status),
    FIELD(event, cluster_id),
    FIELD(event, text),

    FIELD(host, head),
    FIELD(host, context),
    FIELD(host, log),
    FIELD(host, publish),
    FIELD(host, event),
    FIELD(host, add_connection),
    FIELD(host, add_metric),
    FIELD(host, elapsed_ns),
    FIELD(host, realtime_ns),

    FIELD(driver, head),
    FIELD(driver, name),
    FIELD(driver, version),
    FIELD(driver, thread_model),
    FIELD(driver, min_host_minor),
    FIELD(driver, capabilities),
    FIELD(driver, create),
    FIELD(driver, destroy),
    FIELD(driver, init),
    FIELD(driver, connect),
    FIELD(driver, disconnect),
    FIELD(driver, get_connections),
    FIELD(driver, metrics_snapshot),
    FIELD(driver, connect_many),
    FIELD(driver, disconnect_many),
    FIELD(driver, list_complete),
    FIELD(driver, reconcile),
    FIELD(driver, event_fd),
    FIELD(driver, dispatch),
    FIELD(driver, cleanup),
};

START_TEST(fields_lie_where_they_lay)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        ck_assert_msg(fields[i].offset == fields[i].wanted_offset, "%s lies at %zu, wanted %zu",
                      fields[i].name, fields[i].offset, fields[i].wanted_offset);
        ck_assert_msg(fields[i].size == fields[i].wanted_size, "%s has %zu bytes, wanted %zu",
                      fields[i].name, fields[i].size, fields[i].wanted_size);
    }
}
END_TEST

/* The shadows hold every field of minor 0; whatever comes later may only be appended. */
START_TEST(least_sizes_are_those_of_minor_0)
{
    ck_assert_uint_eq(sizeof(struct subwg_head), 16);
    ck_assert_uint_eq(SUBWG_ERROR_SIZE_1_0, sizeof(struct shadow_error));
    ck_assert_uint_eq(SUBWG_ENDPOINT_SIZE_1_0, sizeof(struct shadow_endpoint));
    ck_assert_uint_eq(SUBWG_CONNECTION_SIZE_1_0, sizeof(struct shadow_connection));
    ck_assert_uint_eq(SUBWG_METRIC_SIZE_1_0, sizeof(struct shadow_metric));
    ck_assert_uint_eq(SUBWG_EVENT_SIZE_1_0, sizeof(struct shadow_event));
    ck_assert_uint_eq(SUBWG_HOST_SIZE_1_0, sizeof(struct shadow_host));
    ck_assert_uint_eq(SUBWG_DRIVER_SIZE_1_0, sizeof(struct shadow_driver));
    ck_assert_uint_eq(sizeof(struct subwg_setting), sizeof(struct shadow_setting));
}
END_TEST

/* While minor is 0 nothing has been appended. */
START_TEST(nothing_is_appended_without_a_new_minor)
{
    ck_assert_uint_eq(SUBWG_ABI_MINOR, 0);
    ck_assert_uint_eq(sizeof(struct subwg_error), SUBWG_ERROR_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_endpoint), SUBWG_ENDPOINT_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_connection), SUBWG_CONNECTION_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_metric), SUBWG_METRIC_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_event), SUBWG_EVENT_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_host), SUBWG_HOST_SIZE_1_0);
    ck_assert_uint_eq(sizeof(struct subwg_driver), SUBWG_DRIVER_SIZE_1_0);
}
END_TEST

/* Numbers that compiled drivers carry in them. */
START_TEST(numbers_keep_their_meaning)
{
    ck_assert_uint_eq(SUBWG_MAGIC_DRIVER, 0x73776472);
    ck_assert_uint_eq(SUBWG_MAGIC_HOST, 0x73776873);
    ck_assert_uint_eq(SUBWG_MAGIC_ENDPOINT, 0x73776570);
    ck_assert_uint_eq(SUBWG_MAGIC_CONNECTION, 0x7377636e);
    ck_assert_uint_eq(SUBWG_MAGIC_METRIC, 0x73776d74);
    ck_assert_uint_eq(SUBWG_MAGIC_EVENT, 0x73776576);
    ck_assert_uint_eq(SUBWG_MAGIC_ERROR, 0x73776572);
    ck_assert_uint_eq(SUBWG_REASON_UNKNOWN_DRIVER, 21);
    ck_assert_uint_eq(SUBWG_STATUS_ERROR, 2);
    ck_assert_uint_eq(SUBWG_STATUS_REASON_CONFLICT, 8);
    ck_assert_uint_eq(SUBWG_STATUS_REASON_CLOCK_BACK, 9);
    ck_assert_uint_eq(SUBWG_THREADS_PARALLEL, 2);
    ck_assert_uint_eq(SUBWG_LOG_DEBUG, 3);
    ck_assert_uint_eq(SUBWG_EVENT_CONFLICT, 4);
    ck_assert_uint_eq(SUBWG_HAS_USE_NAT, 0x20);
    ck_assert_str_eq(SUBWG_DRIVER_ENTRY, "subwg_driver_v1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *tests = tcase_create("layout");
    suite_add_tcase(suite, tests);
    /* Elsewhere the shadows, which have 64-bit pointers, say nothing. */
    if (sizeof(void *) == sizeof(pointer)) {
        tcase_add_test(tests, fields_lie_where_they_lay);
        tcase_add_test(tests, least_sizes_are_those_of_minor_0);
        tcase_add_test(tests, nothing_is_appended_without_a_new_minor);
    }
    tcase_add_test(tests, numbers_keep_their_meaning);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
