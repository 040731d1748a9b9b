/* SPDX-License-Identifier: Apache-2.0 */
/* When dispatch does what: not too late, not too often, and quiet when nothing happens. */
#include "base/limits.h"
#include "unit.h"
#include "wireguard/schedule.h"

#define S     UINT64_C(1000000000)
#define START (1000 * S)

static struct schedule schedule;

static void start(void)
{
    schedule_start(&schedule, START);
}

/* Runs what is due; each run takes so long. Returns what ran. */
static uint32_t run(uint64_t now_ns, uint64_t reconcile_ns, uint64_t poll_ns, bool failed)
{
    uint32_t due = schedule_due(&schedule, now_ns);
    if ((due & SCHEDULE_RECONCILE) != 0) {
        schedule_begin(&schedule, SCHEDULE_RECONCILE);
        schedule_end(&schedule, SCHEDULE_RECONCILE, now_ns, now_ns + reconcile_ns, failed);
    }
    if ((due & SCHEDULE_POLL) != 0) {
        schedule_begin(&schedule, SCHEDULE_POLL);
        schedule_end(&schedule, SCHEDULE_POLL, now_ns, now_ns + poll_ns, failed);
    }
    return due;
}

START_TEST(nothing_is_due_at_first)
{
    ck_assert_uint_eq(schedule_due(&schedule, START), 0);
    ck_assert_uint_eq(schedule_next_ns(&schedule), START + LIMIT_POLL_S * S);
}
END_TEST

/* An hour in which nothing happens, woken exactly when the schedule says. */
START_TEST(periods_are_kept)
{
    uint32_t reconciles = 0;
    uint32_t polls = 0;
    for (uint64_t now_ns = START; now_ns <= START + 3600 * S;
         now_ns = schedule_next_ns(&schedule)) {
        uint32_t due = run(now_ns, 0, 0, false);
        reconciles += (due & SCHEDULE_RECONCILE) != 0;
        polls += (due & SCHEDULE_POLL) != 0;
        CHECK(schedule_next_ns(&schedule) > now_ns);
    }
    ck_assert_uint_eq(reconciles, 3600 / LIMIT_RECONCILE_S);
    ck_assert_uint_eq(polls, 3600 / LIMIT_POLL_S);
}
END_TEST

START_TEST(change_is_looked_at_at_once)
{
    schedule_changed(&schedule);
    ck_assert_uint_eq(schedule_due(&schedule, START + 4 * S), SCHEDULE_RECONCILE);
    ck_assert_uint_le(schedule_next_ns(&schedule), START + S);
}
END_TEST

START_TEST(change_is_looked_at_once)
{
    schedule_changed(&schedule);
    ck_assert_uint_eq(run(START + 2 * S, 0, 0, false), SCHEDULE_RECONCILE);
    ck_assert_uint_eq(run(START + 4 * S, 0, 0, false), 0);
}
END_TEST

/* What changes while a reconcile runs may have come after it looked. */
START_TEST(change_during_a_reconcile_is_not_forgotten)
{
    schedule_changed(&schedule);
    schedule_begin(&schedule, SCHEDULE_RECONCILE);
    schedule_changed(&schedule);
    schedule_end(&schedule, SCHEDULE_RECONCILE, START + 2 * S, START + 2 * S, false);
    ck_assert_uint_eq(schedule_next_ns(&schedule), START + 3 * S);
}
END_TEST

/* An adversary changes something every millisecond. */
START_TEST(changes_without_end_cost_a_reconcile_a_second)
{
    uint32_t reconciles = 0;
    for (uint64_t ms = 0; ms <= 60000; ms++) {
        schedule_changed(&schedule);
        reconciles += (run(START + ms * 1000000, 0, 0, false) & SCHEDULE_RECONCILE) != 0;
    }
    ck_assert_uint_eq(reconciles, 60);
}
END_TEST

START_TEST(long_reconciles_leave_half_of_the_time)
{
    uint64_t busy_ns = 0;
    uint64_t now_ns = START;
    while (now_ns < START + 600 * S) {
        schedule_changed(&schedule);
        uint32_t due = run(now_ns, 3 * S, 0, false);
        busy_ns += (due & SCHEDULE_RECONCILE) != 0 ? 3 * S : 0;
        now_ns =
            schedule_next_ns(&schedule) > now_ns ? schedule_next_ns(&schedule) : now_ns + 3 * S;
    }
    ck_assert_uint_le(busy_ns, 303 * S);
    ck_assert_uint_ge(busy_ns, 290 * S);
}
END_TEST

START_TEST(dumps_take_a_twentieth_of_the_time_at_most)
{
    static const uint64_t costs_ms[] = {0, 1, 200, 250, 300, 1000, 4000};
    for (size_t i = 0; i < sizeof(costs_ms) / sizeof(costs_ms[0]); i++) {
        uint64_t cost_ns = costs_ms[i] * 1000000;
        uint64_t busy_ns = 0;
        uint64_t now_ns = START;
        start();
        while (now_ns < START + 3600 * S) {
            schedule_ask(&schedule, now_ns); /* whoever asks gets no more */
            if ((run(now_ns, 0, cost_ns, false) & SCHEDULE_POLL) != 0) {
                busy_ns += cost_ns;
                now_ns += cost_ns;
            }
            now_ns += 10 * 1000000;
        }
        CHECK(busy_ns <= 3600 * S / LIMIT_POLL_SHARE + cost_ns);
    }
}
END_TEST

START_TEST(poll_comes_when_asked_for)
{
    schedule_ask(&schedule, START + 3 * S);
    schedule_ask(&schedule, START + 2 * S);
    schedule_ask(&schedule, START + 4 * S);
    ck_assert_uint_eq(schedule_next_ns(&schedule), START + 2 * S);
    ck_assert_uint_eq(run(START + 2 * S, 0, 0, false), SCHEDULE_POLL);
    ck_assert_uint_eq(schedule_next_ns(&schedule), START + 7 * S);
    schedule_ask(&schedule, START + 60 * S);
    ck_assert_uint_eq(schedule_next_ns(&schedule), START + 7 * S);
}
END_TEST

/* T38's half of it: tried again, ever later, and at once back to normal. */
START_TEST(failure_is_retried_with_patience)
{
    static const uint64_t waits_s[] = {1, 2, 4, 8, 16, 30, 30};
    uint64_t now_ns = START + LIMIT_RECONCILE_S * S;
    ck_assert_uint_ne(run(now_ns, 0, 0, true) & SCHEDULE_RECONCILE, 0);
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        CHECK((schedule_due(&schedule, now_ns + waits_s[i] * S - 1) & SCHEDULE_RECONCILE) == 0);
        now_ns += waits_s[i] * S;
        CHECK((run(now_ns, 0, 0, true) & SCHEDULE_RECONCILE) != 0);
    }
    now_ns += 30 * S;
    schedule_changed(&schedule);
    ck_assert_uint_ne(run(now_ns, 0, 0, false) & SCHEDULE_RECONCILE, 0);
    schedule_changed(&schedule);
    ck_assert_uint_ne(schedule_due(&schedule, now_ns + S) & SCHEDULE_RECONCILE, 0);
}
END_TEST

/* One thing that fails for ever holds up nothing else; and what fails and causes notices itself is not
 * tried all the time. */
START_TEST(change_after_a_failure_waits_a_few_seconds)
{
    static const uint64_t waits_s[] = {1, 2, 4, 4, 4, 4, 4, 4};
    uint64_t now_ns = START + LIMIT_RECONCILE_S * S;
    ck_assert_uint_ne(run(now_ns, 0, 0, true) & SCHEDULE_RECONCILE, 0);
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        schedule_changed(&schedule);
        CHECK((schedule_due(&schedule, now_ns + waits_s[i] * S - 1) & SCHEDULE_RECONCILE) == 0);
        now_ns += waits_s[i] * S;
        CHECK((run(now_ns, 0, 0, true) & SCHEDULE_RECONCILE) != 0);
    }
    /* Without a change there is no hurry; one that comes late is seen to at once. */
    CHECK((schedule_due(&schedule, now_ns + LIMIT_RETRY_MOST_S * S - 1) & SCHEDULE_RECONCILE) == 0);
    schedule_changed(&schedule);
    CHECK((schedule_due(&schedule, now_ns + 20 * S) & SCHEDULE_RECONCILE) != 0);
}
END_TEST

START_TEST(long_failures_leave_half_of_the_time)
{
    uint64_t now_ns = START + LIMIT_RECONCILE_S * S;
    for (int i = 0; i < 6; i++) {
        CHECK((run(now_ns, 10 * S, 0, true) & SCHEDULE_RECONCILE) != 0);
        schedule_changed(&schedule);
        now_ns += 10 * S + (i < 5 ? LIMIT_RETRY_MOST_S : 10) * S;
    }
    CHECK((schedule_due(&schedule, now_ns - 1) & SCHEDULE_RECONCILE) == 0);
    CHECK((schedule_due(&schedule, now_ns) & SCHEDULE_RECONCILE) != 0);
}
END_TEST

/* A clock at its end, absurd durations: no overflow, nothing due for ever. */
START_TEST(numbers_do_not_overflow)
{
    schedule_start(&schedule, UINT64_MAX - 1);
    ck_assert_uint_eq(schedule_due(&schedule, 5), 0);
    ck_assert_uint_eq(schedule_next_ns(&schedule), UINT64_MAX);
    schedule_end(&schedule, SCHEDULE_POLL, 0, UINT64_MAX / 2, false);
    schedule_end(&schedule, SCHEDULE_RECONCILE, 100, 50, true);
    ck_assert_uint_eq(schedule.reconcile.cost_ns, 0);
    ck_assert_uint_eq(schedule_next_ns(&schedule), 50 + S);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wireguard_schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, nothing_is_due_at_first);
    tcase_add_test(tests, periods_are_kept);
    tcase_add_test(tests, change_is_looked_at_at_once);
    tcase_add_test(tests, change_is_looked_at_once);
    tcase_add_test(tests, change_during_a_reconcile_is_not_forgotten);
    tcase_add_test(tests, changes_without_end_cost_a_reconcile_a_second);
    tcase_add_test(tests, long_reconciles_leave_half_of_the_time);
    tcase_add_test(tests, dumps_take_a_twentieth_of_the_time_at_most);
    tcase_add_test(tests, poll_comes_when_asked_for);
    tcase_add_test(tests, failure_is_retried_with_patience);
    tcase_add_test(tests, change_after_a_failure_waits_a_few_seconds);
    tcase_add_test(tests, long_failures_leave_half_of_the_time);
    tcase_add_test(tests, numbers_do_not_overflow);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
