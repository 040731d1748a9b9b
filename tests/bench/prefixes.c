/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what keeping the owners of prefixes costs: the library's map beside what else keeps them. All
 * take turns in one run; a figure is the median of the rounds, in nanoseconds of processor time for one
 * prefix. Wrong answers end it. With G_SLICE, GLib's memory is counted like the others'.
 *
 *   G_SLICE=always-malloc prefixes [COUNT...]    1,000, 100,000 and 1,000,000 if none is given
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prefix_keeper.h"

#define ROUNDS       3
#define LEAST_A_TURN 100000u /* prefixes; smaller maps are made so many times more */
#define COUNT_MOST   4000000u
#define NUMBERS      0x7FFFFFu
#define SCATTER      0x5bd1e5u
#define STRIDE       7919u /* a prime: another order than they came in */

static const struct prefix_keeper *const keepers[] = {
    &prefix_keeper_ours,
#ifdef HAVE_BSD_TREE
    &prefix_keeper_bsd,
#endif
#ifdef HAVE_GLIB
    &prefix_keeper_glib,
#endif
#ifdef HAVE_RTRLIB
    &prefix_keeper_rtr,
#endif
};
#define KEEPERS (sizeof(keepers) / sizeof(keepers[0]))

/* What is asked, beside an owned prefix: it, an address in it, a prefix around it, a free one. */
enum operation { ADD, EQUAL, INSIDE, AROUND, FREE, TAKE_OUT, OPERATIONS };
static const char *const operation_names[OPERATIONS] = {
    "add", "find an equal", "find a covering", "find a more specific", "find none", "remove"};

struct cost {
    double ns[OPERATIONS][ROUNDS];
    double bytes;
};

/* A bijection of 23 bits without a pattern: multiplying by an odd number, and folding, can be undone. */
static uint32_t scatter(uint32_t number)
{
    for (int i = 0; i < 3; i++) {
        number = number * SCATTER & NUMBERS;
        number ^= number >> 11;
    }
    return number;
}

/* The number's own /24 or /48. Even numbers are owned, odd ones are free. */
static struct prefix prefix_at(uint32_t number, enum family family)
{
    uint32_t bits = scatter(number);
    struct prefix prefix = {.family = (uint8_t)family, .length = family == FAMILY_IPV4 ? 24 : 48};
    size_t at = 0;
    if (family == FAMILY_IPV6) {
        prefix.bytes[at++] = 0x20;
        prefix.bytes[at++] = 0x01;
        prefix.bytes[at++] = 0x0d;
    }
    prefix.bytes[at++] = (uint8_t)(bits >> 16);
    prefix.bytes[at++] = (uint8_t)(bits >> 8);
    prefix.bytes[at] = (uint8_t)bits;
    return prefix;
}

static struct prefix asked_beside(uint32_t number, enum family family, enum operation operation)
{
    struct prefix prefix = prefix_at(operation == FREE ? number * 2 + 1 : number * 2, family);
    if (operation == INSIDE)
        prefix.length = prefix.family;
    if (operation == AROUND)
        prefix.length = (uint8_t)(prefix.length - 8);
    return operation == AROUND ? prefix_masked(&prefix) : prefix;
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void end_unless(bool good, const char *keeper, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "prefixes: %s: wrong: %s\n", keeper, what);
    exit(EXIT_FAILURE);
}

static double bytes_in_use(void)
{
    struct mallinfo2 use = mallinfo2();
    return (double)use.uordblks + (double)use.hblkhd;
}

static bool do_one(const struct prefix_keeper *keeper, void *state, enum operation operation,
                   uint32_t number, const struct prefix *prefix)
{
    switch (operation) {
    case ADD:
        return keeper->add(state, number, prefix);
    case TAKE_OUT:
        keeper->take_out(state, number, prefix);
        return true;
    default:
        return keeper->overlaps(state, prefix) == (operation != FREE);
    }
}

static void turn(const struct prefix_keeper *keeper, uint32_t count, enum family family,
                 double ns[OPERATIONS], double *ret_bytes)
{
    double before = bytes_in_use();
    void *state = keeper->start(count);
    end_unless(state != NULL, keeper->name, "out of memory");
    for (enum operation operation = ADD; operation < OPERATIONS; operation++) {
        if (operation == AROUND && !keeper->finds_more_specific)
            continue;
        uint32_t wrong = 0;
        double begin = now_ns();
        uint32_t number = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct prefix prefix = asked_beside(number, family, operation);
            wrong += !do_one(keeper, state, operation, number, &prefix);
            number = (uint32_t)((number + (uint64_t)(operation == ADD ? 1 : STRIDE)) % count);
        }
        ns[operation] += now_ns() - begin;
        end_unless(wrong == 0, keeper->name, operation_names[operation]);
        if (operation == ADD)
            *ret_bytes = (bytes_in_use() - before) / count;
    }
    keeper->finish(state);
}

static int by_size(const void *a, const void *b)
{
    const double *first = a;
    const double *second = b;
    return (*first > *second) - (*first < *second);
}

static void print(const struct cost costs[KEEPERS], uint32_t count, const char *family)
{
    for (size_t k = 0; k < KEEPERS; k++) {
        printf("| %" PRIu32 " %s | %s |", count, family, keepers[k]->name);
        for (enum operation operation = ADD; operation < OPERATIONS; operation++) {
            if (operation == AROUND && !keepers[k]->finds_more_specific)
                printf(" – |");
            else
                printf(" %.0f |", costs[k].ns[operation][ROUNDS / 2]);
        }
        printf(" %.0f |\n", costs[k].bytes);
    }
    (void)fflush(stdout);
}

static void measure(uint32_t count, enum family family)
{
    uint32_t times = count < LEAST_A_TURN ? LEAST_A_TURN / count : 1;
    struct cost costs[KEEPERS] = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < KEEPERS; k++) {
            double ns[OPERATIONS] = {0};
            for (uint32_t i = 0; i < times; i++)
                turn(keepers[k], count, family, ns, &costs[k].bytes);
            for (enum operation operation = ADD; operation < OPERATIONS; operation++)
                costs[k].ns[operation][round] = ns[operation] / times / count;
        }
    }
    for (size_t k = 0; k < KEEPERS; k++)
        for (enum operation operation = ADD; operation < OPERATIONS; operation++)
            qsort(costs[k].ns[operation], ROUNDS, sizeof(double), by_size);
    print(costs, count, family == FAMILY_IPV4 ? "IPv4" : "IPv6");
}

int main(int count, char **arguments)
{
    static const char *const usual[] = {"1000", "100000", "1000000"};
    size_t sizes = count > 1 ? (size_t)count - 1 : sizeof(usual) / sizeof(usual[0]);
    printf("| prefixes | kept by |");
    for (enum operation operation = ADD; operation < OPERATIONS; operation++)
        printf(" %s |", operation_names[operation]);
    printf(" bytes |\n|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizes; i++) {
        unsigned long size = strtoul(count > 1 ? arguments[i + 1] : usual[i], NULL, 10);
        end_unless(size > 0 && size <= COUNT_MOST && size % STRIDE != 0, "a number",
                   "1 to 4,000,000 prefixes, and no multiple of 7919");
        measure((uint32_t)size, FAMILY_IPV4);
        measure((uint32_t)size, FAMILY_IPV6);
    }
    return EXIT_SUCCESS;
}
