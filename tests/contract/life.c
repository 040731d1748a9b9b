/* SPDX-License-Identifier: Apache-2.0 */
/* init, cleanup, destroy: in every order that an engine may come to. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(init_publishes_what_remotes_need)
{
    struct engine engine;
    engine_start(&engine);
    const char *key = host_published(&engine.host, "publicKey");
    ck_assert_ptr_nonnull(key);
    if ((subject->traits & CONTRACT_WIREGUARD_KEYS) != 0)
        ck_assert_uint_eq(strlen(key), 44);
    ck_assert_ptr_nonnull(host_published(&engine.host, "udp-port"));
    if (subject->port != NULL)
        ck_assert_str_eq(host_published(&engine.host, "udp-port"), subject->port);
    ck_assert_ptr_nonnull(host_published(&engine.host, "interface-name"));
    if (subject->device != NULL)
        ck_assert_str_eq(host_published(&engine.host, "interface-name"), subject->device);
    engine_destroy(&engine);
}
END_TEST

START_TEST(init_is_idempotent)
{
    struct engine engine;
    engine_start(&engine);
    char *before = digest_take();
    ck_assert_int_eq(engine_init(&engine), 1);
    ck_assert_int_eq(engine_init(&engine), 1);
    digest_expect(before, "a repeated init");
    engine_destroy(&engine);
}
END_TEST

START_TEST(failed_init_leaves_nothing_and_may_be_repeated)
{
    struct engine engine;
    char *before = digest_take();
    engine_create(&engine);
    engine.host.publish_code = -ENOMEM;
    ck_assert_int_eq(engine_init(&engine), -ENOMEM);
    digest_expect(before, "an init that failed");
    ck_assert_int_eq(engine_read(&engine), -ENOTCONN);
    engine.host.publish_code = 0;
    ck_assert_int_eq(engine_init(&engine), 0);
    ck_assert_ptr_nonnull(host_published(&engine.host, "publicKey"));
    engine_destroy(&engine);
}
END_TEST

START_TEST(destroy_accepts_anything)
{
    struct engine engine;
    driver->destroy(NULL);
    engine_create(&engine);
    engine_destroy(&engine);
    engine_create(&engine);
    engine.host.publish_code = -ENOMEM;
    ck_assert_int_eq(engine_init(&engine), -ENOMEM);
    engine_destroy(&engine);
    engine_start(&engine);
    engine_destroy(&engine);
}
END_TEST

static void *init_on_thread(void *engine)
{
    ck_assert_int_eq(engine_init(engine), 0);
    return NULL;
}

START_TEST(operations_may_change_their_thread)
{
    struct engine engine;
    struct remote remote;
    pthread_t thread;
    engine_create(&engine);
    ck_assert_int_eq(pthread_create(&thread, NULL, init_on_thread, &engine), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    engine_destroy(&engine);
}
END_TEST

/* Fork. */

/* In the child: 0 if every operation knows that it may not run here. */
static int use_in_child(struct engine *engine, const struct remote *remote)
{
    engine->host.in_operation = true;
    struct subwg_instance *instance = engine->instance;
    const int32_t codes[] = {
        driver->init(instance, NULL),
        driver->connect(instance, &remote->endpoint, NULL, NULL),
        driver->disconnect(instance, &remote->endpoint, NULL),
        driver->get_connections(instance, host_snapshot(), NULL),
        driver->metrics_snapshot(instance, host_snapshot(), NULL),
        driver->list_complete == NULL ? -ESTALE : driver->list_complete(instance, NULL),
        driver->reconcile == NULL ? -ESTALE : driver->reconcile(instance, 0, NULL, NULL, NULL),
        driver->event_fd == NULL ? -ESTALE : driver->event_fd(instance, NULL),
        driver->dispatch == NULL ? -ESTALE : driver->dispatch(instance, NULL),
        driver->cleanup == NULL ? -ESTALE : driver->cleanup(instance, NULL),
    };
    for (int i = 0; i < (int)(sizeof(codes) / sizeof(codes[0])); i++)
        if (codes[i] != -ESTALE)
            return i + 1;
    return 0;
}

START_TEST(child_may_not_use_the_instance)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    char *before = digest_take();
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int wrong = use_in_child(&engine, &remote);
        (void)!write(ends[1], &wrong, sizeof(wrong));
        _exit(0);
    }
    /* Not by the child's status: what is the parent's is a leak there, for those who look for leaks. */
    int wrong = -1;
    close(ends[1]);
    ck_assert_msg(read(ends[0], &wrong, sizeof(wrong)) == sizeof(wrong), "the child crashed");
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ends[0]);
    ck_assert_msg(wrong == 0, "in the child, operation %d was not refused", wrong);
    digest_expect(before, "a child");
    ck_assert_int_eq(engine_connect(&engine, &remote), 1);
    engine_destroy(&engine);
}
END_TEST

/* Cleanup. */

START_TEST(cleanup_removes_all_and_is_idempotent)
{
    struct engine engine;
    struct remote remote;
    char *before = digest_take();
    engine_start(&engine);
    for (unsigned int number = 1; number <= 3; number++) {
        remote_make(&remote, number);
        ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    }
    ck_assert_int_eq(engine_cleanup(&engine), 0);
    ck_assert_int_eq(engine_cleanup(&engine), 0);
    ck_assert_int_eq(engine_read(&engine), -ENOTCONN);
    ck_assert_int_eq(engine_connect(&engine, &remote), -ENOTCONN);
    engine_destroy(&engine);
    digest_expect(before, "a whole life with cleanup");
}
END_TEST

START_TEST(cleanup_works_without_init)
{
    struct engine engine;
    char *before = digest_take();
    engine_create(&engine);
    ck_assert_int_eq(engine_cleanup(&engine), 0);
    engine_destroy(&engine);
    digest_expect(before, "cleanup where nothing is");
}
END_TEST

START_TEST(life_begins_again_after_cleanup)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_int_eq(engine_cleanup(&engine), 0);
    ck_assert_int_eq(engine_init(&engine), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    engine_destroy(&engine);
}
END_TEST

/* Two instances. */

START_TEST(instances_never_meet)
{
    struct engine first;
    struct engine second;
    struct remote remote;
    struct remote other;
    engine_start(&first);
    engine_create_other(&second);
    int32_t code = engine_init(&second);
    ck_assert_msg(code == 0, "init beside another returned %d: \"%s\"", code, second.error.text);
    ck_assert_str_ne(host_published(&first.host, "publicKey"),
                     host_published(&second.host, "publicKey"));
    ck_assert_str_ne(host_published(&first.host, "interface-name"),
                     host_published(&second.host, "interface-name"));
    remote_make(&remote, 1);
    remote_make(&other, 2);
    ck_assert_int_eq(engine_connect(&first, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&second), 0);
    /* The same key and address, known to one and new to the other. */
    remote.endpoint.subnet_count = 0;
    ck_assert_int_eq(engine_connect(&second, &remote), 0);
    ck_assert_int_eq(engine_connect(&second, &other), 0);
    ck_assert_uint_eq(engine_row_count(&first), 1);
    ck_assert_uint_eq(engine_row_count(&second), 2);
    ck_assert_int_eq(engine_disconnect(&first, &other), 1);
    if (driver->cleanup != NULL)
        ck_assert_int_eq(engine_cleanup(&second), 0);
    engine_destroy(&second);
    ck_assert_uint_eq(engine_row_count(&first), 1);
    remote_make(&remote, 1);
    ck_assert_int_eq(engine_connect(&first, &remote), 1);
    engine_destroy(&first);
}
END_TEST

TCase *life_tests(void)
{
    TCase *tests = tcase_create("life");
    tcase_add_test(tests, init_publishes_what_remotes_need);
    tcase_add_test(tests, init_is_idempotent);
    tcase_add_test(tests, failed_init_leaves_nothing_and_may_be_repeated);
    tcase_add_test(tests, destroy_accepts_anything);
    tcase_add_test(tests, operations_may_change_their_thread);
    tcase_add_test(tests, child_may_not_use_the_instance);
    if (driver->cleanup != NULL) {
        tcase_add_test(tests, cleanup_removes_all_and_is_idempotent);
        tcase_add_test(tests, cleanup_works_without_init);
        tcase_add_test(tests, life_begins_again_after_cleanup);
    }
    if (subject->other_settings != NULL)
        tcase_add_test(tests, instances_never_meet);
    return tests;
}
