/* SPDX-License-Identifier: Apache-2.0 */
/* get_connections and metrics_snapshot: what rows say, and that reading changes nothing. */
#include "suite.h"

#include <errno.h>
#include <string.h>

static struct remote remotes[3];

static void start_connected(struct engine *engine)
{
    engine_start(engine);
    for (unsigned int i = 0; i < 3; i++) {
        remote_make(&remotes[i], i + 1);
        ck_assert_int_eq(engine_connect(engine, &remotes[i]), 0);
    }
}

static bool names_subnet(const struct row *row, const char *subnet)
{
    for (uint32_t i = 0; i < row->numbers.subnet_count; i++)
        if (strcmp(row->subnets[i], subnet) == 0)
            return true;
    return false;
}

START_TEST(no_connection_no_row)
{
    struct engine engine;
    engine_start(&engine);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    ck_assert_uint_eq(engine_metric_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(row_echoes_the_endpoint)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.public_ip = "203.0.113.9";
    remote.endpoint.nat_enabled = 1;
    remote.endpoint.use_nat = 1;
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_ptr_nonnull(row);
    ck_assert_str_eq(row->cable_name, remote.cable_name);
    ck_assert_str_eq(row->hostname, remote.hostname);
    ck_assert_str_eq(row->private_ip, remote.address);
    ck_assert_str_eq(row->public_ip, "203.0.113.9");
    ck_assert_str_eq(row->remote_ip, remote.address);
    ck_assert_str_eq(row->peer, remote.key);
    ck_assert_uint_eq(row->numbers.subnet_count, 2);
    ck_assert(names_subnet(row, "10.1.0.0/16"));
    ck_assert(names_subnet(row, "fd00:1::/48"));
    ck_assert((row->numbers.present & SUBWG_HAS_USE_NAT) != 0);
    ck_assert_uint_eq(row->numbers.use_nat, 1);
    ck_assert_uint_ne(row->numbers.status, SUBWG_STATUS_ERROR);
    engine_destroy(&engine);
}
END_TEST

START_TEST(metric_echoes_the_endpoint)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.endpoint.public_ip = "203.0.113.9";
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    const struct row *row = engine_row(&engine, "cluster1");
    const struct row *metric = engine_metric(&engine, "cluster1");
    ck_assert_ptr_nonnull(metric);
    ck_assert_str_eq(metric->cable_name, remote.cable_name);
    ck_assert_str_eq(metric->hostname, remote.hostname);
    ck_assert_str_eq(metric->private_ip, remote.address);
    ck_assert_str_eq(metric->public_ip, "203.0.113.9");
    ck_assert_str_eq(metric->remote_ip, remote.address);
    ck_assert((metric->numbers.present & SUBWG_HAS_COUNTERS) != 0);
    ck_assert_uint_eq(metric->numbers.status, row->numbers.status);
    engine_destroy(&engine);
}
END_TEST

/* Nobody answers here: whatever is received is nothing, and no lifetime is longer than the test. */
START_TEST(figures_are_plausible)
{
    struct engine engine;
    start_connected(&engine);
    for (int i = 0; i < 3; i++) {
        const struct row *metric = engine_metric(&engine, remotes[i].cluster_id);
        ck_assert_ptr_nonnull(metric);
        ck_assert_uint_eq(metric->numbers.rx_bytes, 0);
        if ((metric->numbers.present & SUBWG_HAS_LIFETIME) != 0)
            ck_assert_uint_lt(metric->numbers.lifetime_s, 600);
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(reads_are_pure)
{
    struct engine engine;
    start_connected(&engine);
    char *before = digest_take();
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(engine_row_count(&engine), 3);
        ck_assert_uint_eq(engine_metric_count(&engine), 3);
    }
    digest_expect(before, "a read");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(engine_connect(&engine, &remotes[i]), 1);
    engine_destroy(&engine);
}
END_TEST

/* A host that cannot take a row. */

START_TEST(refused_row_fails_the_read)
{
    struct engine engine;
    start_connected(&engine);
    static const int32_t codes[] = {-ENOMEM, -EINVAL};
    for (int i = 0; i < 2; i++) {
        engine.host.add_connection_code = codes[i];
        ck_assert_int_eq(engine_read(&engine), codes[i]);
        engine.host.add_connection_code = 0;
        engine.host.add_metric_code = codes[i];
        ck_assert_int_eq(engine_read_metrics(&engine), codes[i]);
        engine.host.add_metric_code = 0;
    }
    ck_assert_uint_eq(engine_row_count(&engine), 3);
    ck_assert_uint_eq(engine_metric_count(&engine), 3);
    engine_destroy(&engine);
}
END_TEST

/* Behind the driver's back. */

START_TEST(peer_removed_by_hand_is_shown_and_repaired)
{
    struct engine engine;
    start_connected(&engine);
    subject->remove_peer_by_hand(remotes[1].key);
    char *before = digest_take();
    const struct row *row = engine_row(&engine, "cluster2");
    ck_assert_msg(row != NULL, "the row of the missing peer is gone");
    ck_assert_uint_eq(row->numbers.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(row->numbers.status_reason, SUBWG_STATUS_REASON_MISSING);
    ck_assert_ptr_null(engine_metric(&engine, "cluster2"));
    ck_assert_uint_eq(engine_row_count(&engine), 3);
    ck_assert_uint_eq(engine_metric_count(&engine), 2);
    digest_expect(before, "a read with a peer missing");

    ck_assert_int_eq(engine_connect(&engine, &remotes[1]), 0);
    row = engine_row(&engine, "cluster2");
    ck_assert_uint_ne(row->numbers.status, SUBWG_STATUS_ERROR);
    ck_assert_ptr_nonnull(engine_metric(&engine, "cluster2"));
    ck_assert_int_eq(engine_connect(&engine, &remotes[1]), 1);
    engine_destroy(&engine);
}
END_TEST

/* The figures alone tell the driver as well. */
START_TEST(missing_peer_has_no_figures)
{
    struct engine engine;
    start_connected(&engine);
    ck_assert_uint_eq(engine_metric_count(&engine), 3);
    subject->remove_peer_by_hand(remotes[2].key);
    ck_assert_uint_eq(engine_metric_count(&engine), 2);
    ck_assert_int_eq(engine_connect(&engine, &remotes[2]), 0);
    ck_assert_uint_eq(engine_metric_count(&engine), 3);
    engine_destroy(&engine);
}
END_TEST

START_TEST(missing_peer_can_be_disconnected)
{
    struct engine engine;
    start_connected(&engine);
    subject->remove_peer_by_hand(remotes[1].key);
    ck_assert_int_ge(engine_disconnect(&engine, &remotes[1]), 0);
    ck_assert_ptr_null(engine_row(&engine, "cluster2"));
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    engine_destroy(&engine);
}
END_TEST

START_TEST(foreign_peer_is_shown_without_figures)
{
    struct engine engine;
    char key[KEY_TEXT_SIZE];
    start_connected(&engine);
    remote_key(77, key);
    subject->add_peer_by_hand(key);
    char *before = digest_take();
    ck_assert_uint_eq(engine_row_count(&engine), 3);
    ck_assert_uint_eq(engine.host.connection_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct row *row = &engine.host.connections[i];
        bool foreign = row->numbers.status_reason == SUBWG_STATUS_REASON_FOREIGN;
        ck_assert_msg(foreign == (strcmp(row->peer, key) == 0), "peer %s is taken for foreign",
                      row->peer);
    }
    ck_assert_uint_eq(engine_metric_count(&engine), 3);
    digest_expect(before, "a read with a foreign peer");
    engine_destroy(&engine);
}
END_TEST

TCase *read_tests(void)
{
    TCase *tests = tcase_create("read");
    tcase_add_test(tests, no_connection_no_row);
    tcase_add_test(tests, row_echoes_the_endpoint);
    tcase_add_test(tests, metric_echoes_the_endpoint);
    tcase_add_test(tests, figures_are_plausible);
    tcase_add_test(tests, reads_are_pure);
    tcase_add_test(tests, refused_row_fails_the_read);
    if (subject->remove_peer_by_hand != NULL) {
        tcase_add_test(tests, peer_removed_by_hand_is_shown_and_repaired);
        tcase_add_test(tests, missing_peer_has_no_figures);
        tcase_add_test(tests, missing_peer_can_be_disconnected);
    }
    if (subject->add_peer_by_hand != NULL)
        tcase_add_test(tests, foreign_peer_is_shown_without_figures);
    return tests;
}
