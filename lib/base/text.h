/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text: formatted pieces into a buffer of fixed size; what does not fit is cut between two
 * characters, and noted. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *bytes;
    size_t size;   /* of the buffer, NUL included */
    size_t length; /* in use, NUL not included */
    bool cut;
};

/* buffer gets an empty string; size must be at least 1. */
struct text text_over(char *buffer, size_t size);
__attribute__((format(printf, 2, 3))) void text_append(struct text *text, const char *format, ...);
__attribute__((format(printf, 2, 0))) void text_append_list(struct text *text, const char *format,
                                                            va_list arguments);
/* Without a format, for what is told of each connection. */
void text_append_cut(struct text *text, const char *bytes, size_t length); /* what may not fit */
static inline void text_append_bytes(struct text *text, const char *bytes, size_t length)
{
    if (text->cut || length >= text->size - text->length) {
        text_append_cut(text, bytes, length);
        return;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}
static inline void text_append_string(struct text *text, const char *string)
{
    text_append_bytes(text, string, strlen(string));
}
void text_append_number(struct text *text, uint64_t number);
/* Copies a string of unknown origin: control characters and bytes that are not UTF-8 become \xNN. */
void text_append_escaped(struct text *text, const char *string);

/* Copies with a NUL in any case; returns false if it was cut. */
bool text_copy(char *buffer, size_t size, const char *string);

/* How many of the first bytes are printable ASCII: nearly all of nearly every name. */
size_t utf8_plain(const char *bytes, size_t limit);
/* The length of the valid UTF-8 sequence at bytes (1 to 4), 0 if it is none. Needs limit >= 1. */
size_t utf8_sequence(const char *bytes, size_t limit);
/* True for C0 and C1 controls, DEL, and the format characters that reorder or hide text. */
bool utf8_is_control(const char *sequence, size_t length);

#endif
