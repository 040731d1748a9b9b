/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/writer.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

void writer_init(struct writer *writer, subwg_write_fn write, void *context)
{
    writer->write = write;
    writer->context = context;
    writer->code = 0;
    writer->used = 0;
}

static void flush(struct writer *writer)
{
    if (writer->used > 0 && writer->code == 0)
        writer->code = writer->write(writer->context, writer->chunk, writer->used);
    writer->used = 0;
}

int32_t writer_finish(struct writer *writer)
{
    flush(writer);
    return writer->code;
}

static void write_parts(struct writer *writer, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t room = sizeof(writer->chunk) - writer->used;
        size_t part = count < room ? count : room;
        memcpy(writer->chunk + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
        if (writer->used == sizeof(writer->chunk))
            flush(writer);
    }
}

void writer_bytes(struct writer *writer, const char *bytes, size_t count)
{
    if (count >= sizeof(writer->chunk) - writer->used) {
        write_parts(writer, bytes, count);
        return;
    }
    memcpy(writer->chunk + writer->used, bytes, count);
    writer->used += count;
}

void writer_text(struct writer *writer, const char *text)
{
    writer_bytes(writer, text, strlen(text));
}

char *number_format(char *end, uint64_t number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
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

/* Characters that need no thought in any output: visible ASCII but " and \\. A bit for each. */
static const uint64_t plain[4] = {UINT64_C(0xfffffffb00000000), UINT64_C(0x7fffffffefffffff)};

static size_t plain_run(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while ((plain[*at / 64] >> *at % 64 & 1) != 0)
        at++;
    return (size_t)(at - (const unsigned char *)text);
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

void writer_label_value(struct writer *writer, const char *value)
{
    size_t run = plain_run(value);
    writer_bytes(writer, value, run);
    value += run;
    if (*value == '\0') /* as nearly always */
        return;
    size_t left = strlen(value);
    while (left > 0) {
        size_t length;
        bool visible = is_visible(value, left, &length);
        write_label_character(writer, value, length, visible);
        value += length;
        run = plain_run(value);
        writer_bytes(writer, value, run);
        value += run;
        left -= length + run;
    }
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
