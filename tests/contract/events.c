/* SPDX-License-Identifier: Apache-2.0 */
/* event_fd and dispatch: one descriptor, and what an engine's loop may rely upon. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define LOOPS_MAX 100 /* of a driver that has nothing to do */

static int event_fd_or_fail(struct engine *engine)
{
    int32_t fd = engine_event_fd(engine);
    ck_assert_msg(fd >= 0, "event_fd returned %d: \"%s\"", fd, engine->error.text);
    return fd;
}

static bool is_readable(int fd)
{
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};
    ck_assert_int_ge(poll(&descriptor, 1, 0), 0);
    ck_assert_msg((descriptor.revents & ~POLLIN) == 0, "poll says 0x%x of the descriptor",
                  descriptor.revents);
    return descriptor.revents != 0;
}

/* As an engine's loop does; a descriptor that stays readable would make it spin. */
static void dispatch_until_quiet(struct engine *engine, int fd)
{
    ck_assert_int_eq(engine_dispatch(engine), 0);
    for (int i = 0; is_readable(fd); i++) {
        ck_assert_msg(i < LOOPS_MAX, "the descriptor stays readable");
        ck_assert_int_eq(engine_dispatch(engine), 0);
    }
}

START_TEST(descriptor_is_one)
{
    struct engine engine;
    engine_create(&engine);
    int fd = event_fd_or_fail(&engine);
    ck_assert_int_eq(event_fd_or_fail(&engine), fd);
    ck_assert_int_eq(engine_init(&engine), 0);
    ck_assert_int_eq(event_fd_or_fail(&engine), fd);
    if (driver->cleanup != NULL) {
        ck_assert_int_eq(engine_cleanup(&engine), 0);
        ck_assert_int_eq(event_fd_or_fail(&engine), fd);
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(descriptor_is_closed_on_exec_and_can_be_polled)
{
    struct engine engine;
    engine_start(&engine);
    int fd = event_fd_or_fail(&engine);
    int flags = fcntl(fd, F_GETFD);
    ck_assert_int_ge(flags, 0);
    ck_assert_msg((flags & FD_CLOEXEC) != 0, "the descriptor would stay open in programs started");
    (void)is_readable(fd);
    engine_destroy(&engine);
}
END_TEST

/* With init and without. */
START_TEST(descriptor_is_the_instances)
{
    for (int round = 0; round < 2; round++) {
        struct engine engine;
        engine_create(&engine);
        int fd = event_fd_or_fail(&engine);
        if (round == 1)
            ck_assert_int_eq(engine_init(&engine), 0);
        engine_destroy(&engine);
        ck_assert_msg(fcntl(fd, F_GETFD) == -1 && errno == EBADF, "destroy left it open");
    }
}
END_TEST

START_TEST(each_instance_has_its_own)
{
    struct engine first;
    struct engine second;
    engine_start(&first);
    engine_create_other(&second);
    ck_assert_int_eq(engine_init(&second), 0);
    int fd = event_fd_or_fail(&first);
    ck_assert_int_ne(event_fd_or_fail(&second), fd);
    if (driver->cleanup != NULL)
        ck_assert_int_eq(engine_cleanup(&second), 0);
    engine_destroy(&second);
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    dispatch_until_quiet(&first, fd);
    engine_destroy(&first);
}
END_TEST

START_TEST(dispatch_works_at_any_time)
{
    struct engine engine;
    char *before = digest_take();
    engine_create(&engine);
    ck_assert_int_eq(engine_dispatch(&engine), 0);
    int fd = event_fd_or_fail(&engine);
    dispatch_until_quiet(&engine, fd);
    digest_expect(before, "dispatch before init");
    ck_assert_int_eq(engine_init(&engine), 0);
    dispatch_until_quiet(&engine, fd);
    if (driver->cleanup != NULL) {
        ck_assert_int_eq(engine_cleanup(&engine), 0);
        before = digest_take();
        dispatch_until_quiet(&engine, fd);
        digest_expect(before, "dispatch after cleanup");
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(dispatch_without_an_event_changes_nothing)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    int fd = event_fd_or_fail(&engine);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    dispatch_until_quiet(&engine, fd);
    char *before = digest_take();
    for (int i = 0; i < 3; i++)
        dispatch_until_quiet(&engine, fd);
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    digest_expect(before, "dispatch with nothing to do");
    engine_destroy(&engine);
}
END_TEST

/* What the engine itself asks for is no news to the driver. */
START_TEST(own_operations_keep_it_busy_for_a_moment_only)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    int fd = event_fd_or_fail(&engine);
    for (unsigned int number = 1; number <= 5; number++) {
        remote_make(&remote, number);
        ck_assert_int_eq(engine_connect(&engine, &remote), 0);
        dispatch_until_quiet(&engine, fd);
    }
    ck_assert_int_eq(engine_disconnect(&engine, &remote), 0);
    dispatch_until_quiet(&engine, fd);
    ck_assert_uint_eq(engine_row_count(&engine), 4);
    engine_destroy(&engine);
}
END_TEST

START_TEST(descriptor_belongs_to_the_namespace_of_create)
{
    struct engine engine;
    engine_start(&engine);
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    expect_failure(&engine, engine_event_fd(&engine), -ENONET, SUBWG_REASON_NAMESPACE);
    engine_destroy(&engine);
}
END_TEST

TCase *event_tests(void)
{
    TCase *tests = tcase_create("events");
    if (driver->event_fd == NULL)
        return tests;
    tcase_add_test(tests, descriptor_is_one);
    tcase_add_test(tests, descriptor_is_closed_on_exec_and_can_be_polled);
    tcase_add_test(tests, descriptor_is_the_instances);
    tcase_add_test(tests, dispatch_works_at_any_time);
    tcase_add_test(tests, dispatch_without_an_event_changes_nothing);
    tcase_add_test(tests, own_operations_keep_it_busy_for_a_moment_only);
    if (subject->other_settings != NULL)
        tcase_add_test(tests, each_instance_has_its_own);
    if ((subject->traits & CONTRACT_NAMESPACE) != 0)
        tcase_add_test(tests, descriptor_belongs_to_the_namespace_of_create);
    return tests;
}
