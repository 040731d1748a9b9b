/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share. Each target is one function from bytes to nothing: libFuzzer calls it in a
 * build with -Dfuzz=true, replay.c with the files of its corpus in every other.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code under test. */
#define FUZZ_CHECK(expression)                                                             \
    do {                                                                                   \
        if (!(expression)) {                                                               \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expression); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* The input, taken from the front. At its end come zeros and empty strings. */
struct input {
    const uint8_t *next;
    size_t left;
};

struct input input_over(const uint8_t *data, size_t size);
uint8_t input_byte(struct input *input);
uint16_t input_short(struct input *input);
uint64_t input_long(struct input *input);
uint32_t input_below(struct input *input, uint32_t limit); /* of one byte */
/* Up to length bytes; *ret_length says how many there were. */
const uint8_t *input_bytes(struct input *input, size_t length, size_t *ret_length);

/* The input as strings, each ended by a NUL or by the end. */
struct strings {
    char *memory;
    size_t length;
    size_t next;
};
struct strings strings_of(struct input *input);
const char *strings_take(struct strings *strings); /* "" at the end */
bool strings_end(const struct strings *strings);
void strings_free(struct strings *strings);

/* True for valid UTF-8 without control characters and without those that reorder or hide text; line
 * breaks are allowed if asked. */
bool text_is_clean(const char *text, size_t length, bool line_breaks);

#endif
