/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct text text_over(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct text){.bytes = buffer, .size = size};
}

static bool is_continuation(char byte)
{
    return ((uint8_t)byte & 0xc0u) == 0x80u;
}

/* Takes off the beginning of a character whose end was cut. */
static void drop_half_character(struct text *text, size_t from)
{
    size_t start = text->length;
    while (start > from && text->length - start < 3 && is_continuation(text->bytes[start - 1]))
        start--;
    if (start == from || (uint8_t)text->bytes[start - 1] < 0xc0)
        return;
    start--;
    if (utf8_sequence(text->bytes + start, text->length - start) == 0)
        text->length = start;
}

void text_append_list(struct text *text, const char *format, va_list arguments)
{
    size_t left = text->size - text->length;
    size_t from = text->length;
    if (text->cut)
        return;
    int wanted = vsnprintf(text->bytes + from, left, format, arguments);
    if (wanted >= 0 && (size_t)wanted < left) {
        text->length += (size_t)wanted;
        return;
    }
    text->cut = true;
    if (wanted >= 0) {
        text->length = text->size - 1;
        drop_half_character(text, from);
    }
    text->bytes[text->length] = '\0';
}

void text_append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_append_list(text, format, arguments);
    va_end(arguments);
}

void text_append_cut(struct text *text, const char *bytes, size_t length)
{
    size_t left = text->size - text->length - 1;
    if (text->cut)
        return;
    text->cut = length > left;
    size_t from = text->length;
    memcpy(text->bytes + from, bytes, text->cut ? left : length);
    text->length += text->cut ? left : length;
    if (text->cut)
        drop_half_character(text, from);
    text->bytes[text->length] = '\0';
}

void text_append_number(struct text *text, uint64_t number)
{
    char digits[20];
    char *end = digits + sizeof(digits);
    char *first = end;
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    text_append_bytes(text, first, (size_t)(end - first));
}

bool text_copy(char *buffer, size_t size, const char *string)
{
    size_t length = strlen(string);
    bool whole = length < size;
    if (!whole)
        length = size - 1;
    memcpy(buffer, string, length);
    buffer[length] = '\0';
    return whole;
}

size_t utf8_plain(const char *bytes, size_t limit)
{
    size_t length = 0;
    while (length < limit && bytes[length] >= ' ' && bytes[length] <= '~')
        length++;
    return length;
}

static uint32_t utf8_value(const char *bytes, size_t length)
{
    static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = (uint8_t)bytes[0] & mask[length];
    for (size_t i = 1; i < length; i++)
        value = value << 6 | ((uint8_t)bytes[i] & 0x3fu);
    return value;
}

size_t utf8_sequence(const char *bytes, size_t limit)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = (uint8_t)bytes[0];
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first > 0xf4 || length > limit)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (!is_continuation(bytes[i]))
            return 0;
    uint32_t value = utf8_value(bytes, length);
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[length] || surrogate || value > 0x10ffff ? 0 : length;
}

bool utf8_is_control(const char *sequence, size_t length)
{
    uint32_t value = utf8_value(sequence, length);
    return value < 0x20 || (value >= 0x7f && value < 0xa0) || /* C0, DEL, C1 */
           (value >= 0x200b && value <= 0x200f) ||            /* zero width, direction marks */
           (value >= 0x2028 && value <= 0x202e) ||            /* separators, direction overrides */
           (value >= 0x2060 && value <= 0x206f) || value == 0xfeff || value == 0xad ||
           value == 0x61c || (value >= 0xe0000 && value <= 0xe007f);
}

void text_append_escaped(struct text *text, const char *string)
{
    while (*string != '\0' && !text->cut) {
        size_t length = utf8_sequence(string, strnlen(string, 4));
        bool as_is = length > 0 && !utf8_is_control(string, length);
        if (length == 0)
            length = 1;
        if (as_is)
            text_append(text, "%.*s", (int)length, string);
        else
            for (size_t i = 0; i < length; i++)
                text_append(text, "\\x%02x", (unsigned)(uint8_t)string[i]);
        string += length;
    }
}
