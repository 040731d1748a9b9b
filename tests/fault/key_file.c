/* SPDX-License-Identifier: Apache-2.0 */
/* The key file: whatever fails, and whenever the power goes (T46), it holds the old key or the new one. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/error.h"
#include "disk.h"
#include "wireguard/key_file.h"

static struct subwg_error error;
static struct key old_key;
static struct key new_key;
static struct key read_key;

static void start(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    (void)disk_start();
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    key_generate_private(&old_key);
    key_generate_private(&new_key);
}

static void stop(void)
{
    disk_stop();
}

static const char *key_path(void)
{
    return disk_path("key");
}

static int32_t read_it(void)
{
    return key_file_read(key_path(), &read_key, &error);
}

static int32_t write_it(const struct key *key)
{
    return key_file_write(key_path(), key, &error);
}

static void assert_holds(const struct key *key)
{
    ck_assert_msg(read_it() == 0, "%s", error.text);
    ck_assert(key_equal(&read_key, key));
    ck_assert_uint_eq(disk_mode("key"), 0600);
}

START_TEST(what_is_written_is_read_again_by_its_owner_alone)
{
    ck_assert_int_eq(read_it(), 1);
    (void)umask(0777); /* even so */
    ck_assert_msg(write_it(&new_key) == 0, "%s", error.text);
    (void)umask(022);
    assert_holds(&new_key);
    char text[KEY_TEXT_SIZE + 1];
    (void)snprintf(text, sizeof(text), "%.44s\n", key_format(&new_key, (char[KEY_TEXT_SIZE]){0}));
    ck_assert_str_eq(disk_get("key"), text);
    ck_assert_uint_eq(disk_file_count(), 1);
}
END_TEST

START_TEST(a_write_in_pieces_is_whole)
{
    disk_write_bytewise(true);
    ck_assert_int_eq(write_it(&new_key), 0);
    assert_holds(&new_key);
}
END_TEST

/* T46 */
static void cut_power_at(unsigned int call, bool had_old, enum disk_loss loss, bool names_lost,
                         bool *ret_struck)
{
    (void)disk_start();
    if (had_old)
        ck_assert_int_eq(write_it(&old_key), 0);
    disk_cut_power(call);
    int32_t code = write_it(&new_key);
    *ret_struck = disk_struck();
    disk_power_on(loss, names_lost);
    int32_t found = read_it();
    bool is_old = had_old ? found == 0 && key_equal(&read_key, &old_key) : found == 1;
    bool is_new = found == 0 && key_equal(&read_key, &new_key);
    ck_assert_msg(is_new || (code != 0 && is_old),
                  "power cut at call %u, loss %d, names %d: %s, then %s", call, (int)loss,
                  names_lost, code == 0 ? "written" : "failed", found < 0 ? error.text : "another");
    if (found == 0)
        ck_assert_uint_eq(disk_mode("key"), 0600);
    ck_assert_msg(write_it(&new_key) == 0, "after a cut at call %u: %s", call, error.text);
    ck_assert_uint_eq(disk_file_count(), 1);
    disk_stop();
}

START_TEST(a_power_cut_leaves_the_old_key_or_the_new_one)
{
    disk_stop();
    unsigned int tried = 0;
    bool struck = true;
    for (unsigned int call = 1; struck; call++)
        for (int variant = 0; variant < 12; variant++) {
            cut_power_at(call, variant % 2 == 1, (enum disk_loss)(variant / 2 % 3), variant >= 6,
                         &struck);
            tried += struck ? 1 : 0;
        }
    ck_assert_uint_ge(tried, 8 * 12); /* unlink, open, write, fchmod, fsync, rename, open, fsync */
    (void)printf("figure fault-points %u\n", tried);
}
END_TEST

static void fail_at(unsigned int call, int cause, bool *ret_struck)
{
    (void)disk_start();
    ck_assert_int_eq(write_it(&old_key), 0);
    disk_fail_call(call, cause);
    int32_t code = write_it(&new_key);
    *ret_struck = disk_struck();
    disk_fail_call(0, 0);
    if (code != 0) {
        ck_assert_int_eq(code, -cause);
        ck_assert_msg(strstr(error.text, key_path()) != NULL, "%s", error.text);
        ck_assert_msg(strstr(error.text, error_phrase(cause)) != NULL, "%s", error.text);
    }
    ck_assert_int_eq(read_it(), 0);
    ck_assert(key_equal(&read_key, &new_key) || (code != 0 && key_equal(&read_key, &old_key)));
    ck_assert_uint_eq(disk_file_count(), 1);
    disk_stop();
}

START_TEST(a_failed_step_leaves_nothing_half_done)
{
    static const int causes[] = {EIO, ENOSPC, EROFS, EDQUOT, EACCES};
    disk_stop();
    unsigned int tried = 0;
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        bool struck = true;
        for (unsigned int call = 1; struck; call++) {
            fail_at(call, causes[i], &struck);
            tried += struck ? 1 : 0;
        }
    }
    ck_assert_uint_ge(tried, 8 * 5);
    (void)printf("figure fault-points %u\n", tried);
}
END_TEST

START_TEST(an_interrupted_write_goes_on)
{
    ck_assert_int_eq(write_it(&old_key), 0);
    disk_fail_call(3, EINTR); /* after unlink and open */
    ck_assert_int_eq(write_it(&new_key), 0);
    ck_assert(disk_struck());
    assert_holds(&new_key);
}
END_TEST

static const struct {
    const char *content;
    unsigned int mode;
    const char *says;
} refused[] = {
    {"", 0600, "does not hold one base64 key"},
    {"\n", 0600, "does not hold one base64 key"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", 0600, "does not hold"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n\n", 0600, "does not hold"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBm==\n", 0600, "does not hold"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk= ", 0600, "does not hold"},
    {"yAnz5TF+lXXJte14tji3zlMNq*hd2rYUIgJBgB3fBmk=\n", 0600, "does not hold"},
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0600, "zeroes"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0640, "open to others (mode 0640)"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0604, "open to others (mode 0604)"},
    {"yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0620, "open to others (mode 0620)"},
};

#define REFUSED_COUNT (sizeof(refused) / sizeof(refused[0]))

START_TEST(a_file_that_cannot_be_trusted_is_refused)
{
    disk_put("key", refused[_i].content, refused[_i].mode);
    memset(&read_key, 0, sizeof(read_key));
    ck_assert_int_eq(read_it(), -EINVAL);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_BAD_SETTING);
    ck_assert_msg(strstr(error.text, refused[_i].says) != NULL, "%s", error.text);
    ck_assert_msg(strstr(error.text, key_path()) != NULL, "%s", error.text);
    ck_assert_str_ne(error.hint, "");
    ck_assert(key_is_zero(&read_key));
    ck_assert_ptr_null(strstr(error.text, "yAnz5TF"));
    ck_assert_str_eq(disk_get("key"), refused[_i].content);
}
END_TEST

START_TEST(the_length_with_its_newline_and_an_unclamped_key_are_taken)
{
    disk_put("key", "/////////////////////////////////////////w8=\n", 0400);
    ck_assert_msg(read_it() == 0, "%s", error.text);
}
END_TEST

START_TEST(what_is_no_file_is_refused_without_waiting)
{
    disk_put("real", "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0600);
    char target[160];
    (void)snprintf(target, sizeof(target), "%s", disk_path("real"));
    ck_assert_int_eq(symlink(target, key_path()), 0);
    ck_assert_int_eq(read_it(), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "symbolic link"));
    ck_assert_int_eq(unlink(key_path()), 0);
    ck_assert_int_eq(mkfifo(key_path(), 0600), 0);
    ck_assert_int_eq(read_it(), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "not a regular file"));
    ck_assert_int_eq(unlink(key_path()), 0);
    ck_assert_int_eq(mkdir(key_path(), 0700), 0);
    ck_assert_int_eq(read_it(), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "not a regular file"));
    ck_assert_int_eq(write_it(&new_key), -EISDIR);
    ck_assert_uint_eq(disk_file_count(), 2);
    ck_assert_int_eq(rmdir(key_path()), 0);
}
END_TEST

START_TEST(a_link_in_the_temporary_place_is_not_followed)
{
    disk_put("victim", "untouched", 0644);
    char target[160];
    (void)snprintf(target, sizeof(target), "%s", disk_path("victim"));
    ck_assert_int_eq(symlink(target, disk_path("key" KEY_FILE_TEMPORARY)), 0);
    ck_assert_int_eq(write_it(&new_key), 0);
    assert_holds(&new_key);
    ck_assert_str_eq(disk_get("victim"), "untouched");
}
END_TEST

START_TEST(another_users_file_is_refused)
{
    if (geteuid() != 0)
        return; /* only root can give a file away */
    disk_put("key", "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", 0600);
    ck_assert_int_eq(chown(key_path(), 4711, 0), 0);
    ck_assert_int_eq(read_it(), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "belongs to user 4711"));
    ck_assert_ptr_nonnull(strstr(error.hint, "chown 0 "));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/nowhere/key", disk_path("missing"));
    ck_assert_int_eq(key_file_read(path, &read_key, &error), 1);
    ck_assert_int_eq(key_file_write(path, &new_key, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_nonnull(strstr(error.hint, "folder"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key_file");
    TCase *cases = tcase_create("key_file");
    tcase_add_checked_fixture(cases, start, stop);
    tcase_add_test(cases, what_is_written_is_read_again_by_its_owner_alone);
    tcase_add_test(cases, a_write_in_pieces_is_whole);
    tcase_add_test(cases, a_power_cut_leaves_the_old_key_or_the_new_one);
    tcase_add_test(cases, a_failed_step_leaves_nothing_half_done);
    tcase_add_test(cases, an_interrupted_write_goes_on);
    tcase_add_loop_test(cases, a_file_that_cannot_be_trusted_is_refused, 0, (int)REFUSED_COUNT);
    tcase_add_test(cases, the_length_with_its_newline_and_an_unclamped_key_are_taken);
    tcase_add_test(cases, what_is_no_file_is_refused_without_waiting);
    tcase_add_test(cases, a_link_in_the_temporary_place_is_not_followed);
    tcase_add_test(cases, another_users_file_is_refused);
    tcase_add_test(cases, a_folder_that_is_not_there_is_named);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
