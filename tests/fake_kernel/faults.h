/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong by order of the test, and what was counted. Used with the lock held. */
#ifndef FAKE_FAULTS_H
#define FAKE_FAULTS_H

#include "fake_kernel.h"

struct fake_faults {
    uint64_t call_number; /* counted down; 0: off */
    int call_error;
    uint64_t request_number;
    int request_error;
    uint64_t reply_number;
    enum fake_kernel_spoil reply_spoil;
    uint32_t interrupted_dumps;
    bool hold_replies;
};

extern struct fake_faults fake_faults;
extern struct fake_kernel_counters fake_counters;

/* Counts a call; returns the errno with which it is to fail, or 0. */
int fake_faults_call(void);

/* Counts one down and says whether this is the one. */
bool fake_faults_due(uint64_t *number);

#endif
