/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile: what is found, what is told of it, and when it is repaired. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>

static void start_connected(struct engine *engine, struct remote *remote)
{
    engine_start(engine);
    remote_make(remote, 1);
    ck_assert_int_eq(engine_connect(engine, remote), 0);
}

START_TEST(nothing_is_found_where_nothing_is_wrong)
{
    struct engine engine;
    struct remote remote;
    start_connected(&engine, &remote);
    char *before = digest_take();
    ck_assert_int_eq(engine_reconcile(&engine, SUBWG_RECONCILE_DRY_RUN), 0);
    ck_assert_int_eq(engine_reconcile(&engine, 0), 0);
    digest_expect(before, "reconcile without drift");
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
    static const uint32_t flags[] = {0x2u, 0x80000000u, SUBWG_RECONCILE_DRY_RUN | 0x100u};
    struct engine engine;
    struct remote remote;
    start_connected(&engine, &remote);
    char *before = digest_take();
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        expect_failure(&engine, engine_reconcile(&engine, flags[i]), -EINVAL,
                       SUBWG_REASON_BAD_ARGUMENT);
    digest_expect(before, "reconcile with unknown flags");
    engine_destroy(&engine);
}
END_TEST

START_TEST(report_is_optional)
{
    struct engine engine;
    struct remote remote;
    start_connected(&engine, &remote);
    operation_begin(&engine);
    int32_t code = driver->reconcile(engine.instance, 0, NULL, NULL, &engine.error);
    ck_assert_int_eq(operation_end(&engine, code), 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(dry_run_only_tells)
{
    struct engine engine;
    struct remote remote;
    start_connected(&engine, &remote);
    subject->remove_peer_by_hand(remote.key);
    char *before = digest_take();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(engine_reconcile(&engine, SUBWG_RECONCILE_DRY_RUN), 1);
        ck_assert_msg(engine.repairs == 0, "a dry run says that it repaired something");
    }
    digest_expect(before, "a dry run");
    engine_destroy(&engine);
}
END_TEST

START_TEST(missing_peer_is_brought_back)
{
    struct engine engine;
    struct remote remote;
    start_connected(&engine, &remote);
    char *before = digest_take();
    subject->remove_peer_by_hand(remote.key);
    ck_assert_int_ge(engine_reconcile(&engine, 0), 1);
    ck_assert_uint_ge(engine.repairs, 1);
    digest_expect(before, "a peer removed by hand and brought back");
    ck_assert_int_eq(engine_reconcile(&engine, 0), 0);
    const struct row *row = engine_row(&engine, "cluster1");
    ck_assert_ptr_nonnull(row);
    ck_assert_uint_ne(row->numbers.status_reason, SUBWG_STATUS_REASON_MISSING);
    engine_destroy(&engine);
}
END_TEST

TCase *drift_tests(void)
{
    TCase *tests = tcase_create("drift");
    if (driver->reconcile == NULL)
        return tests;
    tcase_add_test(tests, nothing_is_found_where_nothing_is_wrong);
    tcase_add_test(tests, unknown_flags_are_refused);
    tcase_add_test(tests, report_is_optional);
    if (subject->remove_peer_by_hand != NULL) {
        tcase_add_test(tests, dry_run_only_tells);
        tcase_add_test(tests, missing_peer_is_brought_back);
    }
    return tests;
}
