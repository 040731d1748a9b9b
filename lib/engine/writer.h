/* SPDX-License-Identifier: Apache-2.0 */
/* Text towards a subwg_write_fn, collected in a chunk so that writes are few and large; or into memory. */
#ifndef ENGINE_WRITER_H
#define ENGINE_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <subwg/render.h>

#define WRITER_CHUNK_BYTES   16384u
#define WRITER_NUMBER_DIGITS 20u

struct writer {
    subwg_write_fn write; /* takes a full chunk; NULL: the bytes stay, and grow */
    void *context;
    int32_t code; /* the first failure; what follows is dropped */
    char *bytes;
    size_t used;
    size_t size;
};

/* Puts the number's digits, at most WRITER_NUMBER_DIGITS, in front of end; returns the first. */
char *number_format(char *end, uint64_t number);

/* chunk has WRITER_CHUNK_BYTES. */
void writer_init(struct writer *writer, char *chunk, subwg_write_fn write, void *context);
/* Everything stays in writer->bytes, which the caller frees. The size is what is expected. */
int32_t writer_init_memory(struct writer *writer, size_t size);

/* For what does not fit in. */
void writer_bytes_beyond(struct writer *writer, const char *bytes, size_t count);

static inline void writer_bytes(struct writer *writer, const char *bytes, size_t count)
{
    if (count >= writer->size - writer->used) {
        writer_bytes_beyond(writer, bytes, count);
        return;
    }
    memcpy(writer->bytes + writer->used, bytes, count);
    writer->used += count;
}

static inline void writer_text(struct writer *writer, const char *text)
{
    writer_bytes(writer, text, strlen(text));
}

/* In memory: what was written at that place, once more. */
void writer_repeat(struct writer *writer, size_t from, size_t count);
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
