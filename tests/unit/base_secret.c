/* SPDX-License-Identifier: Apache-2.0 */
/* The page of secrets: locked, not dumped, and empty in a child. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "unit.h"

/* The sanitizers make mlock do nothing, and say that it did. */
#if defined(__has_feature)
#define LOCKING_IS_REAL (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKING_IS_REAL 0
#else
#define LOCKING_IS_REAL 1
#endif

static bool all_zero(const struct secret_page *page)
{
    const unsigned char *bytes = (const unsigned char *)page;
    for (size_t i = 0; i < sizeof(*page); i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

START_TEST(a_new_page_is_alive_and_empty)
{
    struct secret_page *page = secret_page_create();
    ck_assert_ptr_nonnull(page);
    ck_assert_uint_ne(page->alive, 0);
    ck_assert(!page->has_preshared_key);
    ck_assert(key_is_zero(&page->preshared_key));
    secret_page_destroy(page);
}
END_TEST

START_TEST(a_child_finds_nothing)
{
    struct secret_page *page = secret_page_create();
    ck_assert_ptr_nonnull(page);
    page->has_preshared_key = true;
    page->preshared_key = key_of(7);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        bool empty = all_zero(page);
        secret_page_destroy(page); /* is allowed there */
        _exit(empty ? 42 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 42);
    struct key same = key_of(7);
    ck_assert(key_equal(&page->preshared_key, &same));
    ck_assert_uint_ne(page->alive, 0);
    secret_page_destroy(page);
}
END_TEST

/* What the kernel says of the mapping: "rd wr mr mw me lo ac dd wf", or "" if there is none. */
static void flags_of(const void *address, char *flags, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(maps);
    char line[512];
    bool inside = false;
    flags[0] = '\0';
    while (fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t first;
        uintptr_t end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2)
            inside = (uintptr_t)address >= first && (uintptr_t)address < end;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%.*s", (int)size - 1, line + 8);
    }
    fclose(maps);
}

START_TEST(the_kernel_knows_what_the_page_is)
{
    struct secret_page *page = secret_page_create();
    ck_assert_ptr_nonnull(page);
    char flags[256];
    flags_of(page, flags, sizeof(flags));
    ck_assert_msg(strstr(flags, " wf") != NULL, "not wiped on fork: %s", flags);
    ck_assert_msg(strstr(flags, " dd") != NULL, "in core dumps: %s", flags);
    if (LOCKING_IS_REAL)
        ck_assert_msg((strstr(flags, " lo") != NULL) == page->locked, "locked: %d,%s", page->locked,
                      flags);
    secret_page_destroy(page);
}
END_TEST

#if LOCKING_IS_REAL
START_TEST(without_leave_to_lock_it_says_so)
{
    static const struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    uid_t user = geteuid();
    if (user == 0)
        ck_assert_int_eq(seteuid(65534), 0); /* root may lock beyond the limit */
    struct secret_page *page = secret_page_create();
    if (user == 0) {
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* as before, for a leak checker */
    }
    ck_assert_ptr_nonnull(page);
    ck_assert(!page->locked);
    ck_assert_uint_ne(page->alive, 0);
    secret_page_destroy(page);
}
END_TEST
#endif

START_TEST(destroying_nothing_is_fine)
{
    secret_page_destroy(NULL);
}
END_TEST

START_TEST(a_destroyed_page_is_gone)
{
    struct secret_page *page = secret_page_create();
    ck_assert_ptr_nonnull(page);
    char flags[256];
    flags_of(page, flags, sizeof(flags));
    ck_assert_ptr_nonnull(strstr(flags, " wf"));
    secret_page_destroy(page);
    flags_of(page, flags, sizeof(flags));
    ck_assert_ptr_null(strstr(flags, " wf"));
}
END_TEST

START_TEST(exactly_what_is_wiped_is_zero)
{
    unsigned char bytes[256];
    for (size_t first = 0; first < 20; first++)
        for (size_t size = 0; first + size < sizeof(bytes); size++) {
            memset(bytes, 0x5a, sizeof(bytes));
            secret_wipe(bytes + first, size);
            for (size_t i = 0; i < sizeof(bytes); i++)
                if (bytes[i] != (i - first < size ? 0 : 0x5a))
                    ck_abort_msg("byte %zu of %zu from %zu on", i, size, first);
        }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_page_is_alive_and_empty,
        exactly_what_is_wiped_is_zero,
        a_child_finds_nothing,
        the_kernel_knows_what_the_page_is,
#if LOCKING_IS_REAL
        without_leave_to_lock_it_says_so,
#endif
        destroying_nothing_is_fine,
        a_destroyed_page_is_gone,
        NULL,
    };
    return unit_run("base_secret", tests);
}
