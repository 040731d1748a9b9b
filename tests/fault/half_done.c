/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new connection that failed and whose undoing failed, too, leaves a peer or a route that the table knows
 * nothing of. Whoever connects next finds it, whatever was read before.
 */
#include <errno.h>

#include "told.h"
#include "world.h"

#define FAULTS 12 /* more requests than a connect and its undoing have */

static const char *const other_subnets[] = {"10.201.0.0/16"};
static struct remote two;
static struct remote three;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&three, 3);
    world_init();
    (void)world_table(); /* a dump that knows of no stranger */
}

/* Requests number first and second of a connect fail. */
static int32_t connect_with_faults(uint64_t first, uint64_t second)
{
    const struct fake_kernel_fault faults[] = {
        {.kind = FAKE_KERNEL_FAIL_REQUEST, .number = first, .what = ENOMEM},
        {.kind = FAKE_KERNEL_FAIL_REQUEST, .number = second, .what = ENOMEM}};
    fake_kernel_order(faults, 2);
    int32_t code = world_connect(&two);
    fake_kernel_order(NULL, 0);
    return code;
}

/* Cluster2 has other subnets now; cluster3 makes it a list. */
static void connect_again(bool as_list)
{
    const struct subwg_endpoint *list[] = {&two.endpoint, &three.endpoint};
    two.endpoint.subnets = other_subnets;
    two.endpoint.subnet_count = 1;
    world_pass(2);
    if (as_list) {
        ck_assert_int_eq(subwg_cable_connect_many(world.cable, list, 2, NULL, NULL, &world.error),
                         0);
        return;
    }
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_int_eq(world_connect(&three), 0);
}

static void settle(void)
{
    ck_assert_int_ge(subwg_cable_list_complete(world.cable, &world.error), 0);
    ck_assert_int_ge(reconcile(0), 0);
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 0);
}

/* What is left is gone when the next connect returns, but for a route, which reconcile removes. */
START_TEST(what_a_newcomer_left_is_found)
{
    unsigned half_done = 0;
    for (uint64_t first = 1; first < FAULTS; first++)
        for (uint64_t second = first + 1; second <= FAULTS; second++) {
            world_stop();
            start();
            bool failed = connect_with_faults(first, second) < 0;
            if (failed && (world.error.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0) {
                half_done++;
                connect_again(_i == 1);
                assert_kernel_lacks("allowed 10.234");
                settle();
                assert_kernel_lacks("10.234.");
            }
        }
    ck_assert_uint_ge(half_done, 4);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {{what_a_newcomer_left_is_found, 2}};
    return world_run("half_done", start, tests, sizeof(tests) / sizeof(tests[0]));
}
