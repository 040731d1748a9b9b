/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a request: the kernel's acknowledgement, read from its message, and how it is told
 * to people. Pure. */
#ifndef NETLINK_OUTCOME_H
#define NETLINK_OUTCOME_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#define OUTCOME_SENTENCE_SIZE 256

struct outcome {
    int32_t code;       /* 0 or a negative errno */
    bool from_kernel;   /* the kernel said so; else our side of the exchange failed */
    bool state_unknown; /* it failed and may have had an effect all the same */
    char sentence[OUTCOME_SENTENCE_SIZE]; /* the kernel's own words (extended ack), may be empty */
};

/* Reads an NLMSG_ERROR or NLMSG_DONE message, whose nlmsg_len lies within its buffer. -EBADMSG if it
 * is malformed. */
int32_t outcome_parse(const struct nlmsghdr *message, struct outcome *ret_outcome);

/* A failure on our side, before or instead of the kernel's answer. Returns code. */
int32_t outcome_fail(struct outcome *outcome, int32_t code);

/* Fills the caller's record from a failed outcome: "WHAT: PHRASE (kernel: SENTENCE)", where the format
 * says WHAT was attempted, and a reason and hint by the code. Returns the code. */
__attribute__((format(printf, 4, 5))) int32_t outcome_report(const struct outcome *outcome,
                                                             struct subwg_error *error,
                                                             const char *operation,
                                                             const char *format, ...);

#endif
