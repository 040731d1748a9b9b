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

void writer_bytes(struct writer *writer, const char *bytes, size_t count)
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

void writer_text(struct writer *writer, const char *text)
{
    writer_bytes(writer, text, strlen(text));
}

void writer_number(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    writer_bytes(writer, digits + start, sizeof(digits) - start);
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

/* The number of bytes from text on that need no thought in any output. */
static size_t plain_run(const char *text)
{
    size_t length = 0;
    while (text[length] >= 0x20 && text[length] < 0x7f && text[length] != '"' &&
           text[length] != '\\')
        length++;
    return length;
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
    size_t left = strlen(value);
    while (left > 0) {
        size_t run = plain_run(value);
        writer_bytes(writer, value, run);
        value += run;
        left -= run;
        if (left == 0)
            break;
        size_t length;
        bool visible = is_visible(value, left, &length);
        write_label_character(writer, value, length, visible);
        value += length;
        left -= length;
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
