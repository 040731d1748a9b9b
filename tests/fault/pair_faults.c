/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two faults in one operation, of any kind and at any step, by chance (T59). PAIR_SEED=N repeats a run,
 * PAIR_COUNT=N makes so many of them.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "allocator.h"
#include "plausible.h"
#include "steps.h"
#include "world.h"

#define PAIRS   10000u /* over all operations */
#define SECONDS 3600

static uint64_t seed;
static uint64_t pairs = PAIRS;

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* After the first fault an operation takes other steps, and more of them, than in the reference. */
static struct fault choose(const struct steps_reference *reference, uint64_t *state)
{
    uint64_t kinds = allocator_is_ours() ? FAULT_KINDS : FAULT_KINDS - 1;
    enum fault_kind kind = (enum fault_kind)(next_random(state) % kinds);
    uint64_t steps = reference->counts[kind] + reference->counts[kind] / 2 + 1;
    return (struct fault){kind, 1 + next_random(state) % steps, (int)(next_random(state) % 720720)};
}

/* Of a batch the kernel answers what it refuses, and the last request. It never loses such an answer
 * without saying so; if it did, the request would pass for done. */
static void spare_answers(struct fault *one, const struct fault *other)
{
    if (one->kind != FAULT_REPLY || other->kind != FAULT_REQUEST)
        return;
    while (plausible_spoil(one->what) != FAKE_KERNEL_OVERRUN &&
           plausible_spoil(one->what) != FAKE_KERNEL_TRUNCATE)
        one->what++;
}

START_TEST(two_faults_in_one_operation)
{
    struct steps_reference reference;
    uint64_t state = seed + (uint64_t)_i;
    uint64_t points = 0;
    steps_measure(&operations[_i], &reference); /* the first one also warms up */
    steps_forget(&reference);
    steps_measure(&operations[_i], &reference);
    for (uint64_t pair = 0; pair < pairs / operation_count; pair++) {
        struct fault first = choose(&reference, &state);
        struct fault second = choose(&reference, &state);
        spare_answers(&first, &second);
        spare_answers(&second, &first);
        points += steps_try(&reference, (const struct fault[]){first, second}, 2);
    }
    steps_count_add(points);
    steps_forget(&reference);
    ck_assert_uint_eq(steps_complaints(), 0);
}
END_TEST

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    seed = number_of("PAIR_SEED", 1);
    pairs = number_of("PAIR_COUNT", PAIRS);
    printf("# PAIR_SEED=%" PRIu64 " PAIR_COUNT=%" PRIu64 "\n", seed, pairs);
    (void)fflush(stdout);
    return steps_run("pair-faults", two_faults_in_one_operation, SECONDS);
}
