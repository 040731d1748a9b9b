/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may happen while a call waits for the kernel's answer: the cable's end (T71), a fork (T68); and
 * what a callback may do (T70).
 */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"

#define DEADLINE_MS 200u
/* Of a call: several requests may each wait for theirs. Far beyond them, for a busy machine. */
#define WHOLE_CALL_S 30

static struct subwg_cable *cable;
static struct crowd_remote remotes[2];
static const struct subwg_endpoint *const list[] = {&remotes[0].endpoint, &remotes[1].endpoint};

static int32_t call_init(struct subwg_error *error)
{
    return subwg_cable_init(cable, error);
}

static int32_t call_connect(struct subwg_error *error)
{
    return subwg_cable_connect(cable, list[1], NULL, error);
}

static int32_t call_disconnect(struct subwg_error *error)
{
    return subwg_cable_disconnect(cable, list[0], error);
}

static int32_t call_connect_many(struct subwg_error *error)
{
    return subwg_cable_connect_many(cable, list, 2, NULL, NULL, error);
}

static int32_t call_get_connections(struct subwg_error *error)
{
    struct subwg_snapshot *snapshot = NULL;
    int32_t code = subwg_cable_get_connections(cable, &snapshot, error);
    subwg_snapshot_unref(snapshot);
    return code;
}

static int32_t call_metrics_snapshot(struct subwg_error *error)
{
    struct subwg_snapshot *snapshot = NULL;
    int32_t code = subwg_cable_metrics_snapshot(cable, &snapshot, error);
    subwg_snapshot_unref(snapshot);
    return code;
}

static int32_t call_list_complete(struct subwg_error *error)
{
    return subwg_cable_list_complete(cable, error);
}

static int32_t call_cleanup(struct subwg_error *error)
{
    return subwg_cable_cleanup(cable, error);
}

static const struct call {
    int32_t (*make)(struct subwg_error *error);
    int32_t code; /* when no answer comes; connect_many says it for each endpoint */
} calls[] = {
    {call_connect, -ETIMEDOUT},
    {call_disconnect, -ETIMEDOUT},
    {call_connect_many, 0},
    {call_get_connections, -ETIMEDOUT},
    {call_metrics_snapshot, -ETIMEDOUT},
    {call_list_complete, -ETIMEDOUT},
    {call_cleanup, -ETIMEDOUT},
    {call_init, -ETIMEDOUT},
};
#define CALL_COUNT ((int)(sizeof(calls) / sizeof(calls[0])))

static const struct call *call;
static int32_t returned;

static void *make_call(void *context)
{
    (void)context;
    struct subwg_error error = SUBWG_ERROR_INIT;
    returned = call->make(&error);
    return NULL;
}

/* Until the thread has asked the kernel something that is not answered. */
static pthread_t begin_call_that_waits(void)
{
    pthread_t thread;
    fake_kernel_hold_replies(true);
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(pthread_create(&thread, NULL, make_call, NULL), 0);
    while (fake_kernel_counters().requests == before)
        usleep(1000);
    return thread;
}

static void begin(uint32_t reply_timeout_ms, bool initialized)
{
    crowd_remote(&remotes[0], 0, 1);
    crowd_remote(&remotes[1], 1, 1);
    cable = crowd_cable(1, reply_timeout_ms, NULL);
    if (initialized) {
        ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
        ck_assert_int_eq(subwg_cable_connect(cable, list[0], NULL, NULL), 0);
    }
}

START_TEST(destroy_waits_no_longer_than_the_call_may)
{
    call = &calls[_i];
    begin(DEADLINE_MS, call->make != call_init);
    time_t start = time(NULL);
    pthread_t thread = begin_call_that_waits();
    subwg_cable_destroy(cable);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_le(time(NULL) - start, WHOLE_CALL_S);
    ck_assert_int_eq(returned, call->code);
    fake_kernel_hold_replies(false);
    ck_assert_uint_eq(fake_kernel_counters().sockets, 0);
    ck_assert_uint_eq(fake_kernel_counters().hangs, 0);
}
END_TEST

/* The number of the first call that was not refused, or 0. */
static char use_in_child(void)
{
    for (int i = 0; i < CALL_COUNT; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        if (calls[i].make(&error) != -ESTALE)
            return (char)(i + 1);
    }
    subwg_cable_destroy(cable);
    return 0;
}

START_TEST(a_fork_meanwhile_is_the_childs_loss_alone)
{
    call = &calls[3];
    begin(600000, true);
    pthread_t thread = begin_call_that_waits();
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char wrong = use_in_child();
        (void)!write(ends[1], &wrong, 1);
        _exit(0);
    }
    char wrong = -1;
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &wrong, 1), 1);
    ck_assert_int_eq(wrong, 0);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);

    fake_kernel_hold_replies(false);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(returned, 0);
    ck_assert_int_eq(subwg_cable_connect(cable, list[1], NULL, NULL), 0);
    ck_assert_int_eq(subwg_cable_disconnect(cable, list[0], NULL), 0);
    subwg_cable_destroy(cable);
}
END_TEST

/* What each call from within a callback said; the driver under it is the real one. */
static int32_t inside_codes[CALL_COUNT];
static uint32_t published;

static int32_t call_everything(void *context, const char *key, const char *value)
{
    (void)context, (void)key, (void)value;
    for (int i = 0; i < CALL_COUNT; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        inside_codes[i] = calls[i].make(&error);
    }
    subwg_cable_destroy(cable);
    usleep(20000);
    published++;
    return 0;
}

START_TEST(a_callback_cannot_re_enter)
{
    const struct subwg_cable_callbacks callbacks = {.publish = call_everything};
    crowd_remote(&remotes[0], 0, 1);
    crowd_remote(&remotes[1], 1, 1);
    cable = crowd_cable(1, 600000, &callbacks);
    ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
    ck_assert_uint_eq(published, 3);
    for (int i = 0; i < CALL_COUNT; i++)
        ck_assert_int_eq(inside_codes[i], -EDEADLK);
    ck_assert_int_eq(subwg_cable_connect_many(cable, list, 2, NULL, NULL, NULL), 0);
    subwg_cable_destroy(cable);
}
END_TEST

int main(void)
{
    TCase *tests = crowd_case("waits");
    tcase_add_loop_test(tests, destroy_waits_no_longer_than_the_call_may, 0, CALL_COUNT);
    tcase_add_test(tests, a_fork_meanwhile_is_the_childs_loss_alone);
    tcase_add_test(tests, a_callback_cannot_re_enter);
    return crowd_main("waits", tests);
}
