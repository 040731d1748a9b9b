/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile, and the sentences that it tells. */
#ifndef FAULT_TOLD_H
#define FAULT_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#define TOLD_MAX 32u

/* What the last reconcile told. */
struct told {
    char sentences[TOLD_MAX][512];
    bool repaired[TOLD_MAX];
    uint32_t count;
};
extern struct told told;

/* Asserts that what is returned is the number of sentences, unless it failed. */
int32_t reconcile(uint32_t flags);
void expect_sentence(const char *part, bool repaired);

/* There is one difference: told by a dry run, which changes nothing, and repaired by a second run, so that
 * the third one finds nothing and sends no change. */
void expect_repair(const char *part);

#endif
