/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: each thread model is kept, callbacks cannot re-enter, a fork cannot enter. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine_fixture.h"

#define THREADS_EACH 3
#define CALLS_EACH   40

static struct subwg_driver table;
static struct subwg_registry *registry;
static struct subwg_cable *cables[2];
static struct subwg_cable_callbacks callbacks;

static void start(uint32_t thread_model)
{
    table = fixture_table();
    table.thread_model = thread_model;
    registry = fixture_registry(&table);
    cables[0] = fixture_cable(registry, &callbacks);
    cables[1] = fixture_cable(registry, &callbacks);
}

static void stop(void)
{
    subwg_cable_destroy(cables[0]);
    subwg_cable_destroy(cables[1]);
    subwg_registry_destroy(registry);
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[2 * THREADS_EACH];
    for (size_t i = 0; i < 2 * THREADS_EACH; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, cables[i % 2]), 0);
    for (size_t i = 0; i < 2 * THREADS_EACH; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* How many calls are inside; per instance and over the driver. Who comes too many is counted. */
static atomic_int inside_driver;
static atomic_int together_in_driver;
static atomic_int together_in_instance;
static _Atomic(struct subwg_instance *) inside_of[2];

static int32_t init_counts(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    if (atomic_fetch_add(&inside_driver, 1) > 0)
        atomic_fetch_add(&together_in_driver, 1);
    struct subwg_instance *nobody = NULL;
    size_t slot = 0;
    while (slot < 2 && !atomic_compare_exchange_strong(&inside_of[slot], &nobody, instance)) {
        if (nobody == instance)
            atomic_fetch_add(&together_in_instance, 1);
        nobody = NULL;
        slot++;
    }
    usleep(200);
    if (slot < 2)
        atomic_store(&inside_of[slot], NULL);
    atomic_fetch_sub(&inside_driver, 1);
    return 0;
}

static void *call_often(void *context)
{
    for (int i = 0; i < CALLS_EACH; i++)
        ck_assert_int_eq(subwg_cable_init(context, NULL), 0);
    return NULL;
}

START_TEST(serial_is_one_call_over_all_instances)
{
    start(SUBWG_THREADS_SERIAL);
    script.init = init_counts;
    run_threads(call_often);
    ck_assert_int_eq(atomic_load(&together_in_driver), 0);
    stop();
}
END_TEST

START_TEST(instance_is_one_call_for_each_instance)
{
    start(SUBWG_THREADS_INSTANCE);
    script.init = init_counts;
    run_threads(call_often);
    ck_assert_int_eq(atomic_load(&together_in_instance), 0);
    stop();
}
END_TEST

/* Returns 0 once two calls are inside at the same time, -ETIMEDOUT if that never comes. */
static sem_t arrivals[2];
static atomic_int arrived;

static int32_t init_meets_another(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance, (void)error;
    int own = atomic_fetch_add(&arrived, 1) % 2;
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 5;
    sem_post(&arrivals[own]);
    return sem_timedwait(&arrivals[1 - own], &deadline) == 0 ? 0 : -ETIMEDOUT;
}

static void *call_once(void *context)
{
    ck_assert_int_eq(subwg_cable_init(context, NULL), 0);
    return NULL;
}

static void meet(struct subwg_cable *first, struct subwg_cable *second)
{
    script.init = init_meets_another;
    ck_assert_int_eq(sem_init(&arrivals[0], 0, 0), 0);
    ck_assert_int_eq(sem_init(&arrivals[1], 0, 0), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_once, first), 0);
    ck_assert_int_eq(subwg_cable_init(second, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(instances_run_side_by_side)
{
    start(SUBWG_THREADS_INSTANCE);
    meet(cables[0], cables[1]);
    stop();
}
END_TEST

START_TEST(parallel_runs_side_by_side_in_one_instance)
{
    start(SUBWG_THREADS_PARALLEL);
    meet(cables[0], cables[0]);
    stop();
}
END_TEST

static sem_t entered;
static sem_t may_leave;
static atomic_uint destroyed_before_leaving;

static int32_t init_stays(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance, (void)error;
    sem_post(&entered);
    sem_wait(&may_leave);
    usleep(20000);
    atomic_store(&destroyed_before_leaving, script.destroyed);
    return 0;
}

START_TEST(destroy_waits_until_it_is_alone)
{
    start((uint32_t)_i);
    script.init = init_stays;
    ck_assert_int_eq(sem_init(&entered, 0, 0), 0);
    ck_assert_int_eq(sem_init(&may_leave, 0, 0), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_once, cables[0]), 0);
    sem_wait(&entered);
    sem_post(&may_leave);
    subwg_cable_destroy(cables[0]);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(atomic_load(&destroyed_before_leaving), 0);
    ck_assert_uint_eq(script.destroyed, 1);
    cables[0] = NULL;
    stop();
}
END_TEST

static int32_t codes[4];
static char text[SUBWG_ERROR_TEXT_SIZE];

static void call_back_in(void *context, const char *driver, uint32_t level, const char *line)
{
    (void)context, (void)driver, (void)level, (void)line;
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;
    codes[0] = subwg_cable_init(cables[0], &error);
    snprintf(text, sizeof(text), "%s", error.text);
    codes[1] = subwg_cable_get_connections(cables[0], &snapshot, NULL);
    codes[2] = subwg_cable_connect_many(cables[0], NULL, 0, NULL, NULL, NULL);
    codes[3] = subwg_cable_init(cables[1], NULL);
    subwg_cable_destroy(cables[0]);
}

static int32_t init_logs_once(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    static bool logged;
    if (!logged) {
        logged = true;
        instance->host->log(instance->host->context, SUBWG_LOG_INFO, "hello");
    }
    return 0;
}

START_TEST(callbacks_cannot_re_enter)
{
    callbacks.log = call_back_in;
    start((uint32_t)_i);
    script.init = init_logs_once;
    ck_assert_int_eq(subwg_cable_init(cables[0], NULL), 0);
    ck_assert_int_eq(codes[0], -EDEADLK);
    ck_assert_str_eq(text, "init refused: called from within one of the cable's own callbacks");
    ck_assert_int_eq(codes[1], -EDEADLK);
    ck_assert_int_eq(codes[2], -EDEADLK);
    /* Another instance is another matter, unless the driver takes one call at a time over all. */
    ck_assert_int_eq(codes[3], _i == SUBWG_THREADS_SERIAL ? -EDEADLK : 0);
    ck_assert_uint_eq(script.destroyed, 0);
    ck_assert_int_eq(subwg_cable_init(cables[0], NULL), 0);
    stop();
    ck_assert_uint_eq(script.destroyed, 2);
}
END_TEST

/* The linker leads the calls of madvise and getpid here. */
int __real_madvise(void *address, size_t size, int advice);
int __wrap_madvise(void *address, size_t size, int advice);
pid_t __real_getpid(void);
pid_t __wrap_getpid(void);

static bool wipes_on_fork = true;
static atomic_uint getpid_calls;

int __wrap_madvise(void *address, size_t size, int advice)
{
    if (wipes_on_fork || advice != MADV_WIPEONFORK)
        return __real_madvise(address, size, advice);
    errno = EINVAL;
    return -1;
}

pid_t __wrap_getpid(void)
{
    getpid_calls++;
    return __real_getpid();
}

/* Where the kernel wipes, the process is not asked for in each call. */
START_TEST(the_process_is_known_without_asking)
{
    for (int i = 0; i < 2; i++) {
        wipes_on_fork = i == 0;
        start(SUBWG_THREADS_SERIAL);
        getpid_calls = 0;
        ck_assert_int_eq(subwg_cable_init(cables[0], NULL), 0);
        ck_assert_uint_eq(getpid_calls, wipes_on_fork ? 0 : 1);
        stop();
    }
}
END_TEST

/* Returns what the child found wrong; 0 is nothing. */
static char child(void)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_endpoint remote = SUBWG_ENDPOINT_INIT;
    if (subwg_cable_init(cables[0], &error) != -ESTALE || error.code != -ESTALE)
        return 1;
    if (subwg_cable_connect(cables[0], &remote, NULL, NULL) != -ESTALE ||
        subwg_cable_disconnect(cables[0], &remote, NULL) != -ESTALE)
        return 2;
    if (subwg_cable_metrics_snapshot(cables[0], &snapshot, NULL) != -ESTALE || snapshot != NULL)
        return 3;
    if (subwg_cable_connect_many(cables[0], NULL, 0, NULL, NULL, NULL) != -ESTALE ||
        subwg_cable_cleanup(cables[0], NULL) != -ESTALE)
        return 4;
    subwg_cable_destroy(cables[0]);
    return script.destroyed == 0 ? 0 : 5;
}

/* Another thread is inside when the process forks: the child's copy of the lock stays taken. The second
 * time on a kernel that cannot wipe a page on fork. */
START_TEST(fork_cannot_enter)
{
    wipes_on_fork = _i < 3;
    start((uint32_t)_i % 3);
    script.init = init_stays;
    ck_assert_int_eq(sem_init(&entered, 0, 0), 0);
    ck_assert_int_eq(sem_init(&may_leave, 0, 0), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_once, cables[0]), 0);
    sem_wait(&entered);
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char wrong = child();
        (void)!write(ends[1], &wrong, 1);
        _exit(0);
    }
    /* Not by the child's status: what is the parent's is a leak there, which valgrind would report. */
    char wrong = -1;
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &wrong, 1), 1);
    ck_assert_int_eq(wrong, 0);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    sem_post(&may_leave);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    stop();
    ck_assert_uint_eq(script.destroyed, 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, serial_is_one_call_over_all_instances);
    tcase_add_test(tests, instance_is_one_call_for_each_instance);
    tcase_add_test(tests, instances_run_side_by_side);
    tcase_add_test(tests, parallel_runs_side_by_side_in_one_instance);
    tcase_add_loop_test(tests, destroy_waits_until_it_is_alone, 0, 3);
    tcase_add_loop_test(tests, callbacks_cannot_re_enter, 0, 3);
    tcase_add_test(tests, the_process_is_known_without_asking);
    tcase_add_loop_test(tests, fork_cannot_enter, 0, 6);
    return fixture_run(tests, "engine-threads");
}
