/* SPDX-License-Identifier: Apache-2.0 */
/* What still is repaired when something cannot be. The steps are carried out by the test. */
#include "wireguard/repair.h"

#include <errno.h>

#include "base/error.h"
#include "base/limits.h"
#include "unit.h"

#define STEPS 40

/* The kernel of the test. */
static struct {
    bool refused[STEPS]; /* of the steps */
    int32_t code;        /* with which */
    int kernel_errno;    /* 0: it did not answer */
    uint32_t requests;
} kernel;

static struct step steps[STEPS];

uint32_t apply_group_length(const struct step *first, uint32_t count)
{
    bool peers = first->kind == STEP_PEER || first->kind == STEP_PEER_WITHDRAW;
    uint32_t length = 1;
    while (peers && length < count &&
           (first[length].kind == STEP_PEER || first[length].kind == STEP_PEER_WITHDRAW))
        length++;
    return length;
}

int32_t apply_group(struct target *target, struct step *first, uint32_t count,
                    struct subwg_error *error)
{
    (void)target;
    kernel.requests++;
    int32_t code = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool refused = kernel.refused[&first[i] - steps];
        if (refused && code == 0) {
            code = error_set(error, kernel.code, SUBWG_REASON_UNSPECIFIED, "test", "refused");
            error_kernel(error, kernel.kernel_errno);
        }
        first[i].result = code == 0 ? STEP_DONE : STEP_UNCHANGED;
    }
    return code;
}

static void start(int32_t code, int kernel_errno)
{
    for (int i = 0; i < STEPS; i++) {
        steps[i] = (struct step){.kind = STEP_PEER};
        kernel.refused[i] = false;
    }
    kernel.code = code;
    kernel.kernel_errno = kernel_errno;
    kernel.requests = 0;
}

static uint32_t count_done(uint32_t count)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < count; i++)
        done += steps[i].result == STEP_DONE;
    return done;
}

START_TEST(one_refused_peer_stops_no_other)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EINVAL, EINVAL);
    kernel.refused[7] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, 20, &error), -EINVAL);
    ck_assert_int_eq(error.code, -EINVAL);
    ck_assert_uint_eq(count_done(20), 19);
    ck_assert_int_eq(steps[7].result, STEP_UNCHANGED);
    ck_assert_uint_eq(kernel.requests, 1 + 20);
}
END_TEST

START_TEST(without_a_failure_a_group_is_one_request)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EINVAL, EINVAL);
    ck_assert_int_eq(repair_steps(NULL, steps, STEPS, &error), 0);
    ck_assert_int_eq(error.code, 0);
    ck_assert_uint_eq(count_done(STEPS), STEPS);
    ck_assert_uint_eq(kernel.requests, 1);
}
END_TEST

/* A kernel that refuses everything is not asked about each of thousands. */
START_TEST(after_some_refusals_the_rest_waits)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-ENOMEM, ENOMEM);
    for (int i = 0; i < STEPS; i++)
        kernel.refused[i] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, STEPS, &error), -ENOMEM);
    ck_assert_uint_eq(count_done(STEPS), 0);
    ck_assert_uint_eq(kernel.requests, 1 + LIMIT_REPAIR_REFUSALS);
}
END_TEST

START_TEST(a_kernel_that_does_not_answer_is_not_asked_further)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-ETIMEDOUT, 0);
    steps[0].kind = STEP_RULE_ADD;
    steps[1].kind = STEP_RULE_ADD;
    kernel.refused[1] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, STEPS, &error), -ETIMEDOUT);
    ck_assert_uint_eq(kernel.requests, 2);
    ck_assert_int_eq(steps[2].result, STEP_UNTRIED);
}
END_TEST

START_TEST(without_the_device_nothing_is_tried)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EEXIST, EEXIST);
    steps[0].kind = STEP_LINK_CREATE;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, STEPS, &error), -EEXIST);
    ck_assert_uint_eq(kernel.requests, 1);
    start(-ENODEV, ENODEV); /* it vanished meanwhile */
    steps[0].kind = STEP_LINK_MTU;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, STEPS, &error), -ENODEV);
    ck_assert_uint_eq(kernel.requests, 1);
}
END_TEST

START_TEST(without_the_link_up_no_route_is_tried_but_all_else)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EADDRINUSE, EADDRINUSE);
    steps[0].kind = STEP_LINK_UP;
    steps[1].kind = STEP_RULE_ADD;
    steps[3].kind = STEP_ROUTE_ADD;
    steps[4].kind = STEP_RULE_DELETE;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, 5, &error), -EADDRINUSE);
    ck_assert_int_eq(steps[1].result, STEP_DONE);
    ck_assert_int_eq(steps[2].result, STEP_DONE);
    ck_assert_int_eq(steps[3].result, STEP_UNTRIED);
    ck_assert_int_eq(steps[4].result, STEP_DONE);
}
END_TEST

/* The first of several failures is returned; a name that cannot be had is none. */
START_TEST(the_first_failure_is_told)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EBUSY, EBUSY);
    steps[0].kind = STEP_LINK_NAME;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, 3, &error), 0);
    ck_assert_uint_eq(count_done(3), 2);
    start(-EPERM, EPERM);
    steps[0].kind = STEP_LISTEN_PORT;
    steps[1].kind = STEP_MARK;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, 3, &error), -EPERM);
    ck_assert_uint_eq(count_done(3), 2);
}
END_TEST

/* What a peer gives away goes to one that is removed by the next step: never one without the other. */
START_TEST(giving_away_stays_one_request)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    start(-EINVAL, EINVAL);
    steps[1].kind = STEP_PEER_WITHDRAW;
    steps[2].kind = STEP_PEER_WITHDRAW;
    steps[2].what.peer.flags = WG_PEER_REMOVE;
    kernel.refused[0] = true;
    ck_assert_int_eq(repair_steps(NULL, steps, 3, &error), -EINVAL);
    ck_assert_uint_eq(kernel.requests, 1 + 2);
    ck_assert_uint_eq(count_done(3), 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_refused_peer_stops_no_other,
        without_a_failure_a_group_is_one_request,
        after_some_refusals_the_rest_waits,
        a_kernel_that_does_not_answer_is_not_asked_further,
        without_the_device_nothing_is_tried,
        without_the_link_up_no_route_is_tried_but_all_else,
        the_first_failure_is_told,
        giving_away_stays_one_request,
        NULL,
    };
    return unit_run("wireguard_repair", tests);
}
