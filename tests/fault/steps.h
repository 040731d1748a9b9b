/* SPDX-License-Identifier: Apache-2.0 */
/* One operation under faults: what it may leave behind, and what must come of the next attempt. */
#ifndef FAULT_STEPS_H
#define FAULT_STEPS_H

#include <check.h>

#include "operations.h"

enum fault_kind { FAULT_CALL, FAULT_REQUEST, FAULT_REPLY, FAULT_ALLOCATION, FAULT_KINDS };

struct fault {
    enum fault_kind kind;
    uint64_t number; /* of the call, request, reply or allocation, from 1 */
    int what;        /* which of the errnos or ways that suit it; taken modulo */
};

/* How an operation goes without a fault; texts are the caller's to free with steps_forget. */
struct steps_reference {
    const struct operation *operation;
    int32_t code;
    char *wanted; /* the kernel's state after it */
    uint64_t counts[FAULT_KINDS];
    const char **names[FAULT_KINDS]; /* of calls and requests, from 0 */
};
void steps_measure(const struct operation *operation, struct steps_reference *ret_reference);
void steps_forget(struct steps_reference *reference);

/* The operation in a fresh world with these faults (at most two), then without. Complains of all that
 * is not as it must be. Returns how many of the faults happened. */
uint32_t steps_try(const struct steps_reference *reference, const struct fault *faults,
                   uint32_t count);

/* How many errnos, or ways to spoil, suit what this number is in the reference. */
int steps_variants(const struct steps_reference *reference, enum fault_kind kind, uint64_t number);

uint64_t steps_complaints(void); /* so far, in this process */

/* Tells the parent, across the fork of each test, how many faults happened. */
void steps_count_start(void);
void steps_count_add(uint64_t points);
uint64_t steps_count(void);

/* The rest of a program that runs one test for each operation: its exit status. */
int steps_run(const char *suite_name, const TTest *test, int timeout_s);

#endif
