/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/writer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/text.h"

void writer_init(struct writer *writer, char *chunk, subwg_write_fn write, void *context)
{
    *writer = (struct writer){
        .write = write, .context = context, .bytes = chunk, .size = WRITER_CHUNK_BYTES};
}

int32_t writer_init_memory(struct writer *writer, size_t size)
{
    *writer = (struct writer){.size = size > 0 ? size : 1};
    writer->bytes = malloc(writer->size);
    return writer->bytes == NULL ? -ENOMEM : 0;
}

static void flush(struct writer *writer)
{
    if (writer->used > 0 && writer->code == 0)
        writer->code = writer->write(writer->context, writer->bytes, writer->used);
    writer->used = 0;
}

int32_t writer_finish(struct writer *writer)
{
    if (writer->write != NULL)
        flush(writer);
    return writer->code;
}

/* In memory: room for so many bytes and one more. */
static bool grow(struct writer *writer, size_t count)
{
    size_t size = 2 * writer->size + count;
    char *grown = writer->code == 0 ? realloc(writer->bytes, size) : NULL;
    if (grown == NULL) {
        writer->code = -ENOMEM;
        return false;
    }
    writer->bytes = grown;
    writer->size = size;
    return true;
}

static void write_parts(struct writer *writer, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t room = writer->size - writer->used;
        size_t part = count < room ? count : room;
        memcpy(writer->bytes + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
        if (writer->used == writer->size)
            flush(writer);
    }
}

void writer_bytes_beyond(struct writer *writer, const char *bytes, size_t count)
{
    if (writer->write != NULL) {
        write_parts(writer, bytes, count);
    } else if (grow(writer, count)) {
        memcpy(writer->bytes + writer->used, bytes, count);
        writer->used += count;
    }
}

void writer_repeat(struct writer *writer, size_t from, size_t count)
{
    if (count >= writer->size - writer->used && !grow(writer, count))
        return;
    memcpy(writer->bytes + writer->used, writer->bytes + from, count);
    writer->used += count;
}

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

char *number_format(char *end, uint64_t number)
{
    for (; number >= 100; number /= 100) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * (number % 100), 2);
    }
    if (number < 10) {
        *--end = (char)('0' + number);
        return end;
    }
    end -= 2;
    memcpy(end, digit_pairs + 2 * number, 2);
    return end;
}

void writer_number(struct writer *writer, uint64_t number)
{
    char digits[WRITER_NUMBER_DIGITS];
    char *end = digits + sizeof(digits);
    const char *start = number_format(end, number);
    writer_bytes(writer, start, (size_t)(end - start));
}

void writer_spaces(struct writer *writer, size_t count)
{
    static const char spaces[] = "                                ";
    while (count > 0) {
        size_t part = count < sizeof(spaces) - 1 ? count : sizeof(spaces) - 1;
        writer_bytes(writer, spaces, part);
        count -= part;
    }
}

/* The length of the character at text if it is visible UTF-8, else 0. *ret_length: of the bytes that
 * belong together, at least 1. */
static bool is_visible(const char *text, size_t left, size_t *ret_length)
{
    size_t length = utf8_sequence(text, left);
    *ret_length = length > 0 ? length : 1;
    return length > 0 && !utf8_is_control(text, length);
}

static void write_hex(struct writer *writer, const char *prefix, const char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        writer_text(writer, prefix);
        writer_bytes(writer, &digits[byte >> 4], 1);
        writer_bytes(writer, &digits[byte & 15], 1);
    }
}

/* Visible ASCII but " and \\ needs no thought in any output. Of a word of eight characters: the highest
 * bit of a byte is set if any is another one. */
static inline uint64_t unusual(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ '"' * ones;
    uint64_t backslash = word ^ '\\' * ones;
    return word | (word - ' ' * ones) | (word + ones) | (quote - ones) | (backslash - ones);
}

static inline uint64_t word_at(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

static inline bool is_plain(const char *text, size_t length)
{
    uint64_t found = 0;
    if (length < sizeof(uint64_t)) {
        uint64_t word = UINT64_C(0x2020202020202020);
        for (size_t i = 0; i < length; i++)
            word = word << 8 | (unsigned char)text[i];
        found = unusual(word);
    } else {
        size_t last = length - sizeof(uint64_t); /* overlaps the one before */
        for (size_t at = 0; at < last; at += sizeof(uint64_t))
            found |= unusual(word_at(text + at));
        found |= unusual(word_at(text + last));
    }
    return (found & UINT64_C(0x8080808080808080)) == 0;
}

static void write_label_character(struct writer *writer, const char *character, size_t length,
                                  bool visible)
{
    if (*character == '\n')
        writer_text(writer, "\\n");
    else if (*character == '"')
        writer_text(writer, "\\\"");
    else if (!visible || (*character == '\\' && character[1] == 'x'))
        write_hex(writer, "\\\\x", character, length);
    else if (*character == '\\')
        writer_text(writer, "\\\\");
    else
        writer_bytes(writer, character, length);
}

static __attribute__((noinline)) void write_escaped(struct writer *writer, const char *value,
                                                    size_t left)
{
    while (left > 0) {
        size_t length;
        bool visible = is_visible(value, left, &length);
        write_label_character(writer, value, length, visible);
        value += length;
        left -= length;
    }
}

void writer_label_value(struct writer *writer, const char *value)
{
    if (*value == '\0')
        return;
    size_t length = strlen(value);
    if (is_plain(value, length)) /* as nearly always */
        writer_bytes(writer, value, length);
    else
        write_escaped(writer, value, length);
}

void writer_visible(struct writer *writer, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length;
        if (is_visible(text, left, &length))
            writer_bytes(writer, text, length);
        else
            write_hex(writer, "\\x", text, length);
        text += length;
        left -= length;
    }
}

size_t writer_visible_width(const char *text)
{
    size_t left = strlen(text);
    size_t width = 0;
    while (left > 0) {
        size_t length;
        width += is_visible(text, left, &length) ? 1 : 4 * length;
        text += length;
        left -= length;
    }
    return width;
}
