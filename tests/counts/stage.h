/* SPDX-License-Identifier: Apache-2.0 */
/* The crowd over the model of the kernel. */
#ifndef COUNTS_STAGE_H
#define COUNTS_STAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Before all else. Chance is the same in each run from now on: the seeds of hashes and trees, by which an
 * operation's instructions differ, are no reason to fail. */
bool stage_open(void);

/* A fresh kernel, a gateway, and so many connections whose tunnels are all up. */
void stage_crowd(uint32_t count);

/* A program's results, a line each, and its exit status. */
void stage_expect(bool so, const char *what);
int stage_end(void);

#endif
