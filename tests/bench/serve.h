/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that obeys lines: "VERB ARGUMENT..." in, "ok NANOSECONDS NUMBER..." or "failed TEXT" out.
 * So one script can let several programs take turns on one kernel, and none of them pays for its start.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <stdint.h>

#define SERVE_ARGUMENTS_MAX 8

struct order {
    char *arguments[SERVE_ARGUMENTS_MAX]; /* empty strings where there are none */
    uint64_t ns;                          /* what was timed */
    uint64_t numbers[4];                  /* what else is to be told */
    uint32_t number_count;
    char failure[1024];
};

struct verb {
    const char *name;
    int (*obey)(struct order *order); /* 0, or -1 with the failure said */
};

uint64_t serve_now_ns(void);
uint32_t serve_number(const struct order *order, uint32_t index);
int serve_fail(struct order *order, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Obeys until the end of the input; verbs end with one without a name. Returns the exit status. */
int serve(const struct verb *verbs);

#endif
