/* SPDX-License-Identifier: Apache-2.0 */
/* What connect knows of the host without asking again, and that no change to it goes unseen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static struct remote two;
static struct remote three;
static struct remote four;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    remote_make(&four, 4);
    world_init();
}

/* How many of the requests since then have this name. */
static unsigned asked(const char *name, uint64_t since)
{
    unsigned count = 0;
    for (uint64_t i = since + 1; i <= fake_kernel_counters().requests; i++)
        count += strcmp(fake_kernel_request_name(i), name) == 0;
    return count;
}

START_TEST(what_does_not_change_is_asked_once)
{
    uint64_t before = fake_kernel_counters().requests;
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_uint_eq(asked("RTM_GETADDR", before), 1);
    ck_assert_uint_eq(asked("RTM_GETLINK", before), 1);
    before = fake_kernel_counters().requests;
    ck_assert_int_eq(world_connect(&three), 0);
    ck_assert_int_eq(world_disconnect(&two), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_uint_eq(asked("RTM_GETADDR", before), 0);
    ck_assert_uint_eq(asked("RTM_GETLINK", before), 0);
}
END_TEST

/* Of cluster3's subnet. */
#define OVERLAPPING "10.235.0.9/24"

static void check_refused(void)
{
    ck_assert_int_eq(world_connect(&three), -EPERM);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_REFUSED);
    ck_assert_msg(strstr(world.error.text, "10.235.0.0/24") != NULL, "%s", world.error.text);
}

START_TEST(an_address_that_comes_or_goes_counts_at_once)
{
    ck_assert_int_eq(world_connect(&two), 0);
    for (int i = 0; i < 3; i++) {
        fake_kernel_add_address("eth0", OVERLAPPING);
        check_refused();
        fake_kernel_delete_address("eth0", OVERLAPPING);
        ck_assert_int_eq(world_connect(&three), 0);
        ck_assert_int_eq(world_disconnect(&three), 0);
    }
}
END_TEST

START_TEST(an_address_whose_notice_was_lost_counts_too)
{
    ck_assert_int_eq(world_connect(&two), 0);
    for (uint32_t i = 0; i < 1000; i++)
        fake_kernel_set_link_mtu("eth0", 1400 + i % 2);
    fake_kernel_add_address("eth0", OVERLAPPING);
    check_refused();
    fake_kernel_delete_address("eth0", OVERLAPPING);
    ck_assert_int_eq(world_connect(&three), 0);
}
END_TEST

START_TEST(an_address_whose_notice_cannot_be_read_counts_too)
{
    static const int errors[] = {EIO, ENOBUFS, EINTR, ENOMEM};
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_address("eth0", OVERLAPPING);
    fake_kernel_fail_call(1, errors[_i]);
    check_refused();
    fake_kernel_delete_address("eth0", OVERLAPPING);
    ck_assert_int_eq(world_connect(&three), 0);
}
END_TEST

START_TEST(what_was_not_read_is_not_kept)
{
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_add_address("eth0", OVERLAPPING);
    for (uint64_t request = 1; request <= 3; request++) {
        fake_kernel_fail_request(request, ENOBUFS);
        (void)world_connect(&three);
        fake_kernel_fail_request(0, 0);
        check_refused();
    }
}
END_TEST

START_TEST(a_link_whose_mtu_changes_is_asked_again)
{
    ck_assert_int_eq(world_connect(&two), 0);
    assert_kernel_has("mtu 1420");
    fake_kernel_set_link_mtu("eth0", 1400);
    ck_assert_int_eq(world_connect(&three), 0);
    assert_kernel_has("mtu 1320");
    ck_assert_int_eq(world_connect(&four), 0);
    assert_kernel_has("mtu 1320");
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {what_does_not_change_is_asked_once, 0},
        {an_address_that_comes_or_goes_counts_at_once, 0},
        {an_address_whose_notice_was_lost_counts_too, 0},
        {an_address_whose_notice_cannot_be_read_counts_too, 4},
        {what_was_not_read_is_not_kept, 0},
        {a_link_whose_mtu_changes_is_asked_again, 0},
    };
    return world_run("host_cache", start, tests, sizeof(tests) / sizeof(tests[0]));
}
