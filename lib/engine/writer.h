/* SPDX-License-Identifier: Apache-2.0 */
/* Text towards a subwg_write_fn: collected in a chunk on the stack, so that writes are few and large. */
#ifndef ENGINE_WRITER_H
#define ENGINE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <subwg/render.h>

#define WRITER_CHUNK_BYTES   16384u
#define WRITER_NUMBER_DIGITS 20u

struct writer {
    subwg_write_fn write;
    void *context;
    int32_t code; /* the first failure; what follows is dropped */
    size_t used;
    char chunk[WRITER_CHUNK_BYTES];
};

/* Puts the number's digits, at most WRITER_NUMBER_DIGITS, in front of end; returns the first. */
char *number_format(char *end, uint64_t number);

void writer_init(struct writer *writer, subwg_write_fn write, void *context);
void writer_bytes(struct writer *writer, const char *bytes, size_t count);
void writer_text(struct writer *writer, const char *text);
void writer_number(struct writer *writer, uint64_t number);
void writer_spaces(struct writer *writer, size_t count);

/* Between the quotes of a Prometheus label. Injective, so that different strings never become the
 * same series: what is no visible UTF-8 becomes \xNN, and a backslash that would read like the start
 * of such an escape does too. */
void writer_label_value(struct writer *writer, const char *value);

/* For a terminal: what is no visible UTF-8 becomes \xNN. */
void writer_visible(struct writer *writer, const char *text);
/* How many characters writer_visible() writes. */
size_t writer_visible_width(const char *text);

/* Writes what is left and returns the first failure. */
int32_t writer_finish(struct writer *writer);

#endif
