/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests share: chance that can be repeated, values from text, and the end of main. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/key.h"

/* ck_assert for loops: libcheck notes each of its assertions in a file, which takes its time. */
#define CHECK(expression)                            \
    do {                                             \
        if (!(expression))                           \
            ck_abort_msg("not so: %s", #expression); \
    } while (0)

/* Runs a suite of one test case and returns main's value. */
int unit_run(const char *suite_name, const TTest *const *tests);
/* The same for tests that may run so long on a busy machine, or by option. */
int unit_run_for(const char *suite_name, const TTest *const *tests, unsigned int timeout_s);

/* Random numbers that a test draws its operations from. The seed is printed; the environment's
 * SUBWG_TEST_SEED brings a run back. */
struct chance {
    uint64_t state;
};

struct chance chance_start(const char *test);
uint64_t chance_next(struct chance *chance);
uint32_t chance_below(struct chance *chance, uint32_t limit);
bool chance_is(struct chance *chance, uint32_t percent);

/* Parsed values; a fault fails the test. */
struct address address_of(const char *text);
struct prefix prefix_of(const char *text);

/* A key that is different for each number, valid as a public key. */
struct key key_of(uint32_t number);

/* True if the text is valid UTF-8 as a whole. */
bool is_utf8(const char *text);

#endif
