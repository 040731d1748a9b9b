/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest in somebody's process does not do. */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* All the operations once, with success and with failure. */
static void lead_a_life(void)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    ck_assert_uint_eq(engine_metric_count(&engine), 1);
    remote.subnets[0] = "0.0.0.0/0";
    ck_assert_int_lt(engine_connect(&engine, &remote), 0);
    if (driver->list_complete != NULL)
        ck_assert_int_eq(engine_list_complete(&engine), 0);
    if (driver->reconcile != NULL)
        ck_assert_int_eq(engine_reconcile(&engine, 0), 0);
    if (driver->event_fd != NULL) {
        ck_assert_int_ge(engine_event_fd(&engine), 0);
        ck_assert_int_eq(engine_dispatch(&engine), 0);
    }
    ck_assert_int_eq(engine_disconnect(&engine, &remote), 0);
    if (driver->cleanup != NULL)
        ck_assert_int_eq(engine_cleanup(&engine), 0);
    engine_destroy(&engine);
    const struct subwg_setting unknown = {"no-such-setting", "17"};
    engine_prepare(&engine);
    ck_assert_int_lt(engine_create_with(&engine, &unknown, 1), 0);
}

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    int count = 0;
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

START_TEST(nothing_is_printed)
{
    int captured = memfd_create("output", MFD_CLOEXEC);
    int saved_out = dup(STDOUT_FILENO);
    int saved_error = dup(STDERR_FILENO);
    ck_assert(captured >= 0 && saved_out >= 0 && saved_error >= 0);
    (void)fflush(NULL);
    ck_assert(dup2(captured, STDOUT_FILENO) >= 0 && dup2(captured, STDERR_FILENO) >= 0);
    lead_a_life();
    (void)fflush(NULL);
    ck_assert(dup2(saved_out, STDOUT_FILENO) >= 0 && dup2(saved_error, STDERR_FILENO) >= 0);
    ck_assert_int_eq(lseek(captured, 0, SEEK_END), 0);
    (void)close(captured);
    (void)close(saved_out);
    (void)close(saved_error);
}
END_TEST

START_TEST(descriptors_and_threads_are_given_back)
{
    lead_a_life(); /* what libc opens once for the process does not count */
    int descriptors = count_entries("/proc/self/fd");
    int threads = count_entries("/proc/self/task");
    for (int i = 0; i < 3; i++)
        lead_a_life();
    ck_assert_int_eq(count_entries("/proc/self/fd"), descriptors);
    ck_assert_int_eq(count_entries("/proc/self/task"), threads);
}
END_TEST

START_TEST(descriptors_close_on_exec)
{
    struct engine engine;
    bool open_before[256];
    for (int i = 0; i < 256; i++)
        open_before[i] = fcntl(i, F_GETFD) >= 0;
    engine_start(&engine);
    for (int i = 0; i < 256; i++) {
        int flags = fcntl(i, F_GETFD);
        ck_assert_msg(flags < 0 || open_before[i] || (flags & FD_CLOEXEC) != 0,
                      "descriptor %d would be inherited by programs", i);
    }
    engine_destroy(&engine);
}
END_TEST

struct process_state {
    char directory[4096];
    char locale[256];
    mode_t mask;
    sigset_t blocked;
    struct sigaction actions[32];
    struct stat network;
    size_t environment_hash;
};

static void note_state(struct process_state *state)
{
    memset(state, 0, sizeof(*state));
    ck_assert_ptr_nonnull(getcwd(state->directory, sizeof(state->directory)));
    (void)snprintf(state->locale, sizeof(state->locale), "%s", setlocale(LC_ALL, NULL));
    state->mask = umask(0);
    (void)umask(state->mask);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &state->blocked), 0);
    for (int i = 1; i < 32; i++)
        (void)sigaction(i, NULL, &state->actions[i]);
    ck_assert_int_eq(stat("/proc/thread-self/ns/net", &state->network), 0);
    for (char **entry = environ; *entry != NULL; entry++)
        for (const char *c = *entry; *c != '\0'; c++)
            state->environment_hash = state->environment_hash * 31 + (unsigned char)*c;
}

START_TEST(process_stays_as_it_is)
{
    static struct process_state before;
    static struct process_state after;
    note_state(&before);
    lead_a_life();
    note_state(&after);
    ck_assert_str_eq(after.directory, before.directory);
    ck_assert_str_eq(after.locale, before.locale);
    ck_assert_uint_eq(after.mask, before.mask);
    for (int i = 1; i < 32; i++) {
        ck_assert_int_eq(sigismember(&after.blocked, i), sigismember(&before.blocked, i));
        ck_assert_msg(after.actions[i].sa_handler == before.actions[i].sa_handler,
                      "the handler of signal %d was changed", i);
    }
    ck_assert_msg(after.network.st_ino == before.network.st_ino, "the network namespace changed");
    ck_assert_uint_eq(after.environment_hash, before.environment_hash);
}
END_TEST

/* A wrong errno or locale must not change what the driver understands. */
START_TEST(surroundings_do_not_matter)
{
    struct engine engine;
    struct remote remote;
    errno = ERANGE;
    engine_start(&engine);
    remote_make(&remote, 1);
    errno = ERANGE;
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    errno = EINVAL;
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

/* Does the suite's own search find what it looks for? */
START_TEST(suite_finds_a_planted_secret)
{
    transcript_add("a line that holds " CANARY " by mistake");
    ck_assert(transcript_holds(CANARY));
    transcript_clear();
    ck_assert(!transcript_holds(CANARY));
}
END_TEST

TCase *manners_tests(void)
{
    TCase *tests = tcase_create("manners");
    tcase_add_test(tests, nothing_is_printed);
    tcase_add_test(tests, descriptors_and_threads_are_given_back);
    tcase_add_test(tests, descriptors_close_on_exec);
    tcase_add_test(tests, process_stays_as_it_is);
    tcase_add_test(tests, surroundings_do_not_matter);
    tcase_add_test(tests, suite_finds_a_planted_secret);
    return tests;
}
