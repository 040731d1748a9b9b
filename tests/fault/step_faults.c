/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step N of every operation fails, for N = 1, 2, ... until none is left, in every plausible way: each
 * call, each request, each reply, each allocation (T54 to T58, T60, T62). STEP_OPERATION=NAME takes
 * one operation alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"
#include "steps.h"
#include "world.h"

#define SECONDS 300

static bool is_chosen(const struct operation *operation)
{
    const char *chosen = getenv("STEP_OPERATION");
    return chosen == NULL || strcmp(chosen, operation->name) == 0;
}

/* Until there is no such step any more; the operation may take more of them when one fails. */
static uint64_t try_all(const struct steps_reference *reference, enum fault_kind kind)
{
    uint64_t tried = 0;
    for (uint64_t number = 1; number <= reference->counts[kind]; number++)
        for (int what = 0; what < steps_variants(reference, kind, number); what++)
            tried += steps_try(reference, &(struct fault){kind, number, what}, 1);
    return tried;
}

START_TEST(each_step_fails_once)
{
    const struct operation *operation = &operations[_i];
    struct steps_reference reference;
    if (!is_chosen(operation))
        return;
    steps_measure(operation, &reference); /* the first one also warms up */
    steps_forget(&reference);
    steps_measure(operation, &reference);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        if (kind != FAULT_ALLOCATION || allocator_is_ours())
            steps_count_add(try_all(&reference, (enum fault_kind)kind));
    steps_forget(&reference);
    ck_assert_uint_eq(steps_complaints(), 0);
}
END_TEST

int main(void)
{
    return steps_run("step-faults", each_step_fails_once, SECONDS);
}
