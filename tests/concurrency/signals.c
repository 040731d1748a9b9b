/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T69: a signal each millisecond, whose handler does not ask for calls to be restarted, while every
 * operation waits for late answers. Nothing may be lost, and nothing done twice: the same operations
 * without signals ask the kernel as often, return the same, and leave the same. With an argument, on
 * the real kernel, whose requests nobody counts and whose answers nobody delays.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "crowd.h"

#define ROUNDS    24u
#define CODES_MAX 512u

static volatile sig_atomic_t signals_taken;
static atomic_bool finished;
static bool is_real;

static void take_signal(int number)
{
    (void)number;
    signals_taken++;
}

static void set_storm(suseconds_t period_us)
{
    const struct sigaction action = {.sa_handler = take_signal};
    const struct itimerval timer = {{0, period_us}, {0, period_us}};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Answers come late, so that there is something to interrupt; the signals are the other thread's. */
static void *delay_answers(void *context)
{
    (void)context;
    while (!is_real && !atomic_load(&finished)) {
        fake_kernel_hold_replies(true);
        usleep(3000);
        fake_kernel_hold_replies(false);
        usleep(200);
    }
    return NULL;
}

static pthread_t begin_delays(void)
{
    pthread_t thread;
    sigset_t alarm;
    sigset_t before;
    (void)sigemptyset(&alarm);
    (void)sigaddset(&alarm, SIGALRM);
    atomic_store(&finished, false);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &alarm, &before), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, delay_answers, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    return thread;
}

struct outcome {
    int32_t codes[CODES_MAX];
    uint32_t rows[CODES_MAX];
    unsigned count;
    uint64_t requests;
    uint64_t changes;
    char *kernel;
};

static void note(struct outcome *outcome, int32_t code, uint32_t rows)
{
    ck_assert_uint_lt(outcome->count, CODES_MAX);
    outcome->codes[outcome->count] = code;
    outcome->rows[outcome->count++] = rows;
}

static void note_reads(struct outcome *outcome, struct subwg_cable *cable)
{
    struct subwg_snapshot *snapshot = NULL;
    int32_t code = subwg_cable_get_connections(cable, &snapshot, NULL);
    note(outcome, code, code == 0 ? subwg_snapshot_connection_count(snapshot) : 0);
    subwg_snapshot_unref(snapshot);
    snapshot = NULL;
    code = subwg_cable_metrics_snapshot(cable, &snapshot, NULL);
    note(outcome, code, code == 0 ? subwg_snapshot_metric_count(snapshot) : 0);
    subwg_snapshot_unref(snapshot);
}

static void note_round(struct outcome *outcome, struct subwg_cable *cable, unsigned round)
{
    struct crowd_remote remotes[3];
    const struct subwg_endpoint *list[3];
    for (unsigned i = 0; i < 3; i++) {
        crowd_remote(&remotes[i], i, round);
        list[i] = &remotes[i].endpoint;
    }
    note(outcome, subwg_cable_init(cable, NULL), 0);
    note(outcome, subwg_cable_connect(cable, list[0], NULL, NULL), 0);
    note(outcome, subwg_cable_connect_many(cable, list, 3, NULL, NULL, NULL), 0);
    note_reads(outcome, cable);
    note(outcome, subwg_cable_list_complete(cable, NULL), 0);
    note(outcome, subwg_cable_reconcile(cable, 0, NULL, NULL, NULL), 0);
    note(outcome, subwg_cable_disconnect(cable, list[round % 3], NULL), 0);
    note_reads(outcome, cable);
    if (round % 4 == 0)
        note(outcome, subwg_cable_cleanup(cable, NULL), 0);
}

/* The device's key is made at random, and so is left out. */
static void cut_keys(char *text)
{
    for (char *key = strstr(text, "key "); key != NULL; key = strstr(key + 1, "key "))
        for (char *at = key + 4; *at != '\0' && *at != ' ' && *at != '\n'; at++)
            *at = '.';
}

static struct outcome live(void)
{
    struct outcome outcome = {0};
    struct fake_kernel_counters before = fake_kernel_counters();
    struct subwg_cable *cable = crowd_cable(1, 600000, NULL);
    for (unsigned round = 1; round <= ROUNDS + 1; round++)
        note_round(&outcome, cable, round);
    subwg_cable_destroy(cable);
    struct fake_kernel_counters after = fake_kernel_counters();
    outcome.requests = after.requests - before.requests;
    outcome.changes = after.changes - before.changes;
    outcome.kernel = fake_kernel_dump_text();
    cut_keys(outcome.kernel);
    return outcome;
}

static struct outcome live_anew(void)
{
    if (is_real)
        crowd_take_real_kernel();
    struct outcome outcome = live();
    fake_kernel_bypass(false);
    return outcome;
}

START_TEST(a_storm_of_signals_changes_nothing)
{
    struct outcome calm = live_anew();
    crowd_stop();
    crowd_start();
    pthread_t thread = begin_delays();
    set_storm(1000);
    struct outcome stormy = live_anew();
    set_storm(0);
    atomic_store(&finished, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);

    ck_assert_int_gt(signals_taken, 12);
    ck_assert_uint_eq(stormy.count, calm.count);
    for (unsigned i = 0; i < calm.count; i++) {
        ck_assert_int_eq(stormy.codes[i], calm.codes[i]);
        ck_assert_uint_eq(stormy.rows[i], calm.rows[i]);
    }
    ck_assert_uint_eq(stormy.changes, calm.changes);
    ck_assert_uint_eq(stormy.requests, calm.requests);
    ck_assert_str_eq(stormy.kernel, calm.kernel);
    free(calm.kernel);
    free(stormy.kernel);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argv;
    is_real = argc > 1;
    TCase *tests = crowd_case("signals");
    tcase_add_test(tests, a_storm_of_signals_changes_nothing);
    return crowd_main("signals", tests);
}
