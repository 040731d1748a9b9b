/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults of the field's drivers that this one must not have: one test each, by the numbers of the
 * table in doc/faults.md. tests/mutants/N.patch brings fault N back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "world.h"

static struct remote two;
static struct remote three;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
}

START_TEST(fault_01_rule_excludes_a_mark_that_the_device_never_gets)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("rule ipv4 220: not fwmark 0x16ef/0xffffffff lookup 220");
    assert_kernel_has("rule ipv6 220: not fwmark 0x16ef/0xffffffff lookup 220");
    assert_kernel_has("wireguard " WORLD_DEVICE " port 5871 mark 0x16ef");
}
END_TEST

START_TEST(fault_02_a_change_under_the_same_key_is_ignored)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    two.subnets[1] = "10.240.0.0/16";
    two.endpoint.private_ip = "10.243.64.77";
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("10.240.0.0/16");
    assert_kernel_has("10.243.64.77");
    assert_kernel_lacks("10.234.64.0/18");
    ck_assert_int_eq(world_connect(&two), 1);
}
END_TEST

START_TEST(fault_03_a_connection_is_recorded_before_the_kernel_has_taken_it)
{
    world_init();
    struct fake_kernel_route foreign = {
        .destination = "10.234.0.0/18", .link = "eth0", .table = 220};
    fake_kernel_add_route(&foreign);
    ck_assert_int_eq(world_connect(&two), -EEXIST);
    ck_assert_ptr_null(strstr(world_table(), "cluster2"));
    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.0.0/18", 220), 1);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
}
END_TEST

START_TEST(fault_04_growing_tx_counts_as_life)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
    for (int i = 0; i < 25; i++) {
        world_pass(10);
        fake_kernel_traffic(WORLD_DEVICE, two.public_key, 0, 148);
        (void)world_row("cluster2");
    }
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_ERROR);
}
END_TEST

START_TEST(fault_05_an_age_that_cannot_be)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    for (int step = 0; step < 4; step++) {
        struct subwg_connection row = world_row("cluster2");
        ck_assert_ptr_null(strstr(row.status_text, "922337"));
        ck_assert_uint_eq(row.lifetime_s, 0);
        world_pass(100);
    }
    ck_assert_str_eq(world_row("cluster2").status_text, "no handshake for 400 s");
    world.realtime_ns = 1; /* the wall clock falls back to 1970 */
    world_hear(&two);
    ck_assert_uint_le(world_row("cluster2").lifetime_s, 1);
}
END_TEST

static uint32_t status_after(unsigned int poll_s, unsigned int seconds)
{
    start();
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    for (unsigned int second = 0; second < seconds; second += poll_s) {
        world_pass(poll_s);
        fake_kernel_traffic(WORLD_DEVICE, two.public_key, 0, 1);
        (void)world_row("cluster2");
    }
    uint32_t status = world_row("cluster2").status;
    world_stop();
    return status;
}

START_TEST(fault_06_the_status_depends_on_the_poll_interval)
{
    world_stop();
    for (unsigned int poll_s = 1; poll_s <= 60; poll_s *= 2) {
        ck_assert_uint_eq(status_after(poll_s, 180 / poll_s * poll_s), SUBWG_STATUS_CONNECTED);
        ck_assert_uint_eq(status_after(poll_s, 260), SUBWG_STATUS_ERROR);
    }
    start();
}
END_TEST

START_TEST(fault_07_a_read_deletes_peers)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_peer(WORLD_DEVICE, three.public_key, "10.99.0.0/16");
    char *before = world_kernel();
    struct fake_kernel_counters counters = fake_kernel_counters();
    const char *table = world_table();
    ck_assert_ptr_nonnull(strstr(table, "did not configure"));
    (void)world_metrics(SUBWG_PROFILE_SEED);
    ck_assert_uint_eq(fake_kernel_counters().changes, counters.changes);
    assert_kernel_is(before);
}
END_TEST

START_TEST(fault_08_a_vanished_peer_is_hidden)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(row.status_reason, SUBWG_STATUS_REASON_MISSING);
    ck_assert_ptr_nonnull(strstr(row.status_text, "gone from the kernel"));
    /* Seen missing, it is sent in full by the next connect. */
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert(fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
    assert_kernel_has("10.234.64.0/18");
}
END_TEST

START_TEST(fault_09_metrics_of_a_peer_removed_by_hand_stay)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_ptr_nonnull(strstr(world_metrics(SUBWG_PROFILE_SEED), "dst_clusterID=\"cluster3\""));
    fake_kernel_remove_peer(WORLD_DEVICE, three.public_key);
    ck_assert_ptr_null(strstr(world_metrics(SUBWG_PROFILE_SEED), "cluster3"));
    ck_assert_ptr_nonnull(strstr(world_metrics(SUBWG_PROFILE_SEED), "dst_clusterID=\"cluster2\""));
}
END_TEST

START_TEST(fault_10_an_existing_route_to_another_device_is_accepted)
{
    world_init();
    struct fake_kernel_route foreign = {
        .destination = "10.234.64.0/18", .link = "eth0", .table = 220};
    fake_kernel_add_route(&foreign);
    char *before = world_kernel();
    ck_assert_int_eq(world_connect(&two), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_CONFLICT);
    ck_assert_ptr_nonnull(strstr(world.error.text, "10.234.64.0/18"));
    assert_kernel_is(before);
}
END_TEST

START_TEST(fault_11_disconnect_fails_on_a_missing_route)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.0.0/18", 220), 1);
    ck_assert_msg(world_disconnect(&two) == 0, "%s", world.error.text);
    ck_assert_int_eq(world_disconnect(&two), 1);
    assert_kernel_lacks("10.234.64.0/18");
}
END_TEST

START_TEST(fault_12_any_link_of_that_name_is_deleted_at_the_start)
{
    (void)fake_kernel_add_link(WORLD_DEVICE, _i == 0 ? "dummy" : "wireguard");
    char *before = world_kernel();
    ck_assert_int_eq(world_create(NULL, 0), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_NAME_TAKEN);
    ck_assert_ptr_nonnull(strstr(world.error.text, _i == 0 ? "dummy" : "wireguard"));
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    assert_kernel_is(before);
}
END_TEST

START_TEST(fault_13_a_failed_start_leaves_rule_and_link)
{
    struct fake_kernel_counters counters;
    ck_assert_int_eq(world_create(NULL, 0), 0);
    char *before = world_kernel();
    fake_kernel_set_port_busy(5871, true);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EADDRINUSE);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_PORT_IN_USE);
    ck_assert_ptr_nonnull(strstr(world.error.text, "5871"));
    assert_kernel_is(before);
    fake_kernel_set_port_busy(5871, false);

    /* Refused at its N-th request, for every N, it leaves nothing either. */
    uint64_t request = 1;
    for (; request < 200; request++) {
        before = world_kernel();
        counters = fake_kernel_counters();
        fake_kernel_fail_request(request, ENOMEM);
        int32_t code = subwg_cable_init(world.cable, &world.error);
        fake_kernel_fail_request(0, 0);
        if (code == 0)
            break;
        assert_kernel_is(before);
    }
    ck_assert_uint_gt(request, 8);
    ck_assert_uint_lt(request, 200);
    ck_assert_uint_gt(fake_kernel_counters().requests, counters.requests);
    free(before);
}
END_TEST

START_TEST(fault_14_preshared_keys_in_texts_and_a_public_default_key)
{
    const struct subwg_setting settings[] = {{"psk", "canary-Zq7"}, {"port", "0"}};
    ck_assert_int_eq(world_create(settings, 2), -EINVAL);
    ck_assert_ptr_null(strstr(world.error.text, "canary"));
    ck_assert_int_eq(world_create(settings, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    fake_kernel_fail_request(1, EINVAL);
    (void)world_connect(&two);
    fake_kernel_fail_request(0, 0);
    ck_assert_ptr_null(strstr(world.error.text, "canary"));
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("preshared key yes");
    ck_assert_ptr_null(strstr(world.log, "canary"));
    ck_assert_ptr_null(strstr(world_table(), "canary"));
    ck_assert_ptr_null(strstr(world_metrics(SUBWG_PROFILE_SEED), "canary"));
    world_stop();

    /* Without the setting there is none, above all not the one that everybody knows. */
    start();
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_lacks("preshared key yes");
    ck_assert_ptr_null(strstr(world.log, "default psk"));
}
END_TEST

START_TEST(fault_15_cleanup_without_a_link_crashes)
{
    char *before = world_kernel();
    ck_assert_int_eq(world_create(NULL, 0), 0);
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_msg(subwg_cable_cleanup(world.cable, &world.error) == 0, "%s", world.error.text);
    assert_kernel_is(before);
}
END_TEST

START_TEST(fault_16_bookkeeping_in_the_published_endpoint)
{
    world_init();
    struct remote before = two;
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_table();
    ck_assert_mem_eq(&two.endpoint, &before.endpoint, sizeof(two.endpoint));
    ck_assert_mem_eq(two.config, before.config, sizeof(two.config));
    ck_assert_uint_eq(world.published_count, 3);
    ck_assert_str_eq(world.published[0][0], "publicKey");
    ck_assert_str_eq(world.published[1][0], "udp-port");
    ck_assert_str_eq(world.published[1][1], "5871");
    ck_assert_str_eq(world.published[2][0], "interface-name");
    ck_assert_str_eq(world.published[2][1], WORLD_DEVICE);
}
END_TEST

START_TEST(fault_17_every_restart_is_a_full_outage)
{
    char key[64];
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    (void)world_row("cluster2");
    memcpy(key, world.published_key, sizeof(key));
    char *before = world_kernel();
    struct fake_kernel_counters counters = fake_kernel_counters();

    world_restart();
    ck_assert_int_eq(world_connect(&two), 1);
    ck_assert_str_eq(world.published_key, key);
    ck_assert_uint_eq(fake_kernel_counters().changes, counters.changes);
    struct subwg_connection row = world_row("cluster2");
    ck_assert_uint_eq(row.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(row.rx_bytes, 1000);
    ck_assert_uint_ne(row.last_handshake_realtime_s, 0);
    assert_kernel_is(before);
}
END_TEST

static unsigned int count_lines(const char *text, const char *first, const char *second)
{
    unsigned int count = 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *end = strchr(line, '\n');
        size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
        if (memmem(line, length, first, strlen(first)) == line &&
            memmem(line, length, second, strlen(second)) != NULL)
            count++;
    }
    return count;
}

START_TEST(fault_18_a_status_change_leaves_the_old_series_behind)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    static const char *const expected[] = {"status=\"connecting\"", "status=\"connected\"",
                                           "status=\"error\""};
    for (int step = 0; step < 3; step++) {
        if (step == 1)
            world_hear(&two);
        if (step == 2)
            for (int i = 0; i < 5; i++) {
                world_pass(50);
                fake_kernel_traffic(WORLD_DEVICE, two.public_key, 0, 148);
                (void)world_row("cluster2");
            }
        const char *text = world_metrics(SUBWG_PROFILE_SUBMARINER);
        ck_assert_uint_eq(count_lines(text, "submariner_connections{", "cluster2"), 1);
        ck_assert_uint_eq(count_lines(text, "submariner_connections{", expected[step]), 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *cases = tcase_create("faults");
    tcase_add_checked_fixture(cases, start, world_stop);
    tcase_add_test(cases, fault_01_rule_excludes_a_mark_that_the_device_never_gets);
    tcase_add_test(cases, fault_02_a_change_under_the_same_key_is_ignored);
    tcase_add_test(cases, fault_03_a_connection_is_recorded_before_the_kernel_has_taken_it);
    tcase_add_test(cases, fault_04_growing_tx_counts_as_life);
    tcase_add_test(cases, fault_05_an_age_that_cannot_be);
    tcase_add_test(cases, fault_06_the_status_depends_on_the_poll_interval);
    tcase_add_test(cases, fault_07_a_read_deletes_peers);
    tcase_add_test(cases, fault_08_a_vanished_peer_is_hidden);
    tcase_add_test(cases, fault_09_metrics_of_a_peer_removed_by_hand_stay);
    tcase_add_test(cases, fault_10_an_existing_route_to_another_device_is_accepted);
    tcase_add_test(cases, fault_11_disconnect_fails_on_a_missing_route);
    tcase_add_loop_test(cases, fault_12_any_link_of_that_name_is_deleted_at_the_start, 0, 2);
    tcase_add_test(cases, fault_13_a_failed_start_leaves_rule_and_link);
    tcase_add_test(cases, fault_14_preshared_keys_in_texts_and_a_public_default_key);
    tcase_add_test(cases, fault_15_cleanup_without_a_link_crashes);
    tcase_add_test(cases, fault_16_bookkeeping_in_the_published_endpoint);
    tcase_add_test(cases, fault_17_every_restart_is_a_full_outage);
    tcase_add_test(cases, fault_18_a_status_change_leaves_the_old_series_behind);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
