/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong by order of the test, and what was counted. Used with the lock held. */
#ifndef FAKE_FAULTS_H
#define FAKE_FAULTS_H

#include <linux/netlink.h>

#include "fake_kernel.h"

#define FAKE_ORDERS 8

struct fake_faults {
    struct fake_kernel_fault orders[FAKE_ORDERS]; /* number: counted down; 0: free entry */
    uint32_t happened;
    uint32_t interrupted_dumps;
    bool hold_replies;
    bool skip_waiting;
    int64_t skipped_ns; /* how far the clocks are ahead */
};

extern struct fake_faults fake_faults;
extern struct fake_kernel_counters fake_counters;

/* Counts a call of this name; returns the errno with which it is to fail, or 0. */
int fake_faults_call(const char *name);

/* Counts a request; returns the errno with which it is to be refused, or 0. */
int fake_faults_request(int protocol, const struct nlmsghdr *head);

/* Counts a datagram; returns the enum fake_kernel_spoil that it is to meet, or -1. */
int fake_faults_reply(void);

void fake_faults_reset(void);

#endif
