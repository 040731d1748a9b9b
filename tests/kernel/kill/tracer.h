/* SPDX-License-Identifier: Apache-2.0 */
/* A process that is killed at a system call of the caller's choice. */
#ifndef KILL_TRACER_H
#define KILL_TRACER_H

#include <stdbool.h>
#include <stdint.h>

struct traced {
    void (*prepare)(void); /* as it is */
    void (*run)(void);     /* its system calls count, but for those that ask for random numbers */
};

/*
 * Kills it right before its number-th system call, or, if it makes fewer, when it has made the last one.
 * What it did before that call stands, as does all that the kernel does for a process that is gone.
 * Returns how many calls it began to make before, or -1 if it ended otherwise. *ret_ended tells that it
 * had made its last.
 */
int64_t tracer_kill(const struct traced *traced, uint64_t number, bool *ret_ended);

#endif
