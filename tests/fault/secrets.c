/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to secrets where the system does not give what they need (T61, T63): defined errors, a
 * word about memory that is not locked, and tunnels all the same. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sodium.h>

#include "base/limits.h"
#include "world.h"

/* A sanitizer's own memory knows no limit, and it makes mlock do nothing. */
#if defined(__has_feature)
#define LIMITS_ARE_REAL (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMITS_ARE_REAL 0
#else
#define LIMITS_ARE_REAL 1
#endif

/* The calls that fail by order: the number-th one from now of this kind. */

enum call { NONE, MMAP, MADVISE, MLOCK, SODIUM_INIT };

static struct {
    enum call call;
    unsigned int number;
    int error;
    bool struck;
} order;

static bool strikes(enum call call)
{
    if (order.call != call || order.number == 0 || --order.number > 0)
        return false;
    order.struck = true;
    errno = order.error;
    return true;
}

static void order_failure(enum call call, unsigned int number, int error)
{
    order.call = call;
    order.number = number;
    order.error = error;
    order.struck = false;
}

__attribute__((visibility("default"))) void *mmap(void *address, size_t size, int protection,
                                                  int flags, int fd, off_t offset)
{
    if (strikes(MMAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

__attribute__((visibility("default"))) int madvise(void *address, size_t size, int advice)
{
    return strikes(MADVISE) ? -1 : (int)syscall(SYS_madvise, address, size, advice);
}

__attribute__((visibility("default"))) int mlock(const void *address, size_t size)
{
    return strikes(MLOCK) ? -1 : (int)syscall(SYS_mlock, address, size);
}

__attribute__((visibility("default"))) int sodium_init(void)
{
    int (*next)(void);
    void *found = dlsym(RTLD_NEXT, "sodium_init");
    memcpy(&next, &found, sizeof(next));
    return strikes(SODIUM_INIT) ? -1 : next();
}

static int32_t create_with_psk(void)
{
    static const struct subwg_setting setting = {"psk", "correct horse"};
    world.log[0] = '\0';
    return world_create(&setting, 1);
}

static void destroy(void)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
}

static void assert_nothing_is_left(void)
{
    ck_assert_ptr_null(world.cable);
    ck_assert_uint_eq(fake_kernel_counters().sockets, 0);
    ck_assert_uint_eq(fake_kernel_counters().changes, 0);
}

static void assert_tunnels_work(void)
{
    struct remote two;
    remote_make(&two, 2);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
    ck_assert_msg(world_connect(&two) >= 0, "%s", world.error.text);
    assert_kernel_has("preshared key yes");
}

static void assert_says_how_to_lock(void)
{
    ck_assert_ptr_nonnull(strstr(world.log, "could not be locked"));
    ck_assert_ptr_nonnull(strstr(world.log, "RLIMIT_MEMLOCK"));
    ck_assert_ptr_nonnull(strstr(world.log, "by 68 KiB an instance"));
    ck_assert_ptr_null(strstr(world.log, "memory for keys is locked"));
}

START_TEST(without_memory_for_secrets_there_is_no_instance)
{
    static const enum call calls[] = {MMAP, MADVISE};
    unsigned int tried = 0;
    for (size_t i = 0; i < 2; i++)
        for (unsigned int number = 1;; number++) {
            destroy();
            order_failure(calls[i], number, ENOMEM);
            int32_t code = create_with_psk();
            bool struck = order.struck;
            order_failure(NONE, 0, 0);
            if (!struck || code == 0) /* sodium_mlock's own advice is its business */
                break;
            tried++;
            ck_assert_int_eq(code, -ENOMEM);
            ck_assert_uint_eq(world.error.reason, SUBWG_REASON_NO_MEMORY);
            ck_assert_ptr_nonnull(strstr(world.error.text, "cannot allocate memory"));
            assert_nothing_is_left();
        }
    ck_assert_uint_ge(tried, 4 + 3); /* the gate's page, too */
    (void)printf("figure fault-points %u\n", tried);
}
END_TEST

START_TEST(what_cannot_be_locked_is_said_and_used)
{
    static const int causes[] = {ENOMEM, EPERM, EAGAIN};
    for (unsigned int number = 1; number <= 3; number++) {
        order_failure(MLOCK, number, causes[number - 1]);
        ck_assert_int_eq(create_with_psk(), 0);
        ck_assert(order.struck);
        assert_says_how_to_lock();
        assert_tunnels_work();
        destroy();
    }
    order_failure(MLOCK, 4, ENOMEM);
    ck_assert_int_eq(create_with_psk(), 0);
    ck_assert(!order.struck); /* three, and no more: each was tried */
}
END_TEST

START_TEST(without_libsodium_there_is_no_instance)
{
    for (unsigned int number = 1; number <= 2; number++) {
        order_failure(SODIUM_INIT, number, EIO);
        ck_assert_int_eq(create_with_psk(), -EIO);
        ck_assert(order.struck);
        ck_assert_ptr_nonnull(strstr(world.error.text, "libsodium"));
        assert_nothing_is_left();
    }
}
END_TEST

/* Descriptors are used up, not forbidden: the model's sockets are real ones inside. */
START_TEST(without_descriptors_there_is_no_instance)
{
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t more = 0; more < 5; more++) {
        int next = dup(0);
        ck_assert_int_ge(next, 0);
        (void)close(next);
        struct rlimit few = {(rlim_t)next + more, before.rlim_max};
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        int32_t code = create_with_psk();
        int32_t later = code == 0 ? subwg_cable_init(world.cable, &world.error) : 0;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert(code == 0 || code == -EMFILE);
        ck_assert(later == 0 || later == -EMFILE);
        if (code < 0 || later < 0) {
            ck_assert_uint_eq(world.error.reason, SUBWG_REASON_NO_MEMORY);
            ck_assert_ptr_nonnull(strstr(world.error.text, "too many open files"));
        }
        destroy();
        if (code < 0 || later < 0)
            assert_nothing_is_left();
        ck_assert(more > 0 || code == -EMFILE);
    }
}
END_TEST

#if LIMITS_ARE_REAL
START_TEST(without_address_space_there_is_no_instance)
{
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit none = {1, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    int32_t code = create_with_psk();
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_int_eq(code, -ENOMEM);
    assert_nothing_is_left();
}
END_TEST

START_TEST(nothing_may_be_locked)
{
    static const struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    uid_t user = geteuid();
    if (user == 0)
        ck_assert_int_eq(seteuid(65534), 0); /* root may lock beyond the limit */
    int32_t code = create_with_psk();
    if (user == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(code, 0);
    assert_says_how_to_lock();
    ck_assert_ptr_nonnull(strstr(world.log, "it is 0 KiB"));
    assert_tunnels_work();
}
END_TEST

START_TEST(what_is_locked_is_said_in_detail)
{
    ck_assert_int_eq(create_with_psk(), 0);
    ck_assert_ptr_nonnull(strstr(world.log, "memory for keys is locked"));
    ck_assert_ptr_null(strstr(world.log, "could not be locked"));
}
END_TEST
#endif

int main(void)
{
    const struct world_test tests[] = {
        {without_memory_for_secrets_there_is_no_instance, 0},
        {what_cannot_be_locked_is_said_and_used, 0},
        {without_libsodium_there_is_no_instance, 0},
        {without_descriptors_there_is_no_instance, 0},
#if LIMITS_ARE_REAL
        {without_address_space_there_is_no_instance, 0},
        {nothing_may_be_locked, 0},
        {what_is_locked_is_said_in_detail, 0},
#endif
    };
    return world_run("secrets", world_start, tests, sizeof(tests) / sizeof(tests[0]));
}
