/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

struct input input_over(const uint8_t *data, size_t size)
{
    return (struct input){.next = data, .left = size};
}

uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->next++;
}

uint16_t input_short(struct input *input)
{
    uint16_t low = input_byte(input);
    return (uint16_t)(low | input_byte(input) << 8);
}

uint64_t input_long(struct input *input)
{
    uint64_t value = 0;
    for (unsigned int i = 0; i < 64; i += 8)
        value |= (uint64_t)input_byte(input) << i;
    return value;
}

uint32_t input_below(struct input *input, uint32_t limit)
{
    return input_byte(input) % limit;
}

const uint8_t *input_bytes(struct input *input, size_t length, size_t *ret_length)
{
    const uint8_t *bytes = input->next;
    *ret_length = length < input->left ? length : input->left;
    input->next += *ret_length;
    input->left -= *ret_length;
    return bytes;
}

struct strings strings_of(struct input *input)
{
    struct strings strings = {.memory = malloc(input->left + 1), .length = input->left};
    FUZZ_CHECK(strings.memory != NULL);
    if (input->left > 0)
        memcpy(strings.memory, input->next, input->left);
    strings.memory[input->left] = '\0';
    return strings;
}

bool strings_end(const struct strings *strings)
{
    return strings->next >= strings->length;
}

const char *strings_take(struct strings *strings)
{
    if (strings_end(strings))
        return "";
    const char *string = strings->memory + strings->next;
    strings->next += strlen(string) + 1;
    return string;
}

void strings_free(struct strings *strings)
{
    free(strings->memory);
}

/* By the tables of the Unicode standard, not by the code under test. Returns 0 where there is none. */
static size_t code_point(const unsigned char *bytes, size_t left, uint32_t *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = bytes[0] < 0x80             ? 1
                    : (bytes[0] & 0xe0) == 0xc0 ? 2
                    : (bytes[0] & 0xf0) == 0xe0 ? 3
                    : (bytes[0] & 0xf8) == 0xf0 ? 4
                                                : 0;
    if (length == 0 || length > left)
        return 0;
    uint32_t point = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return length;
}

bool text_is_clean(const char *text, size_t length, bool line_breaks)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        uint32_t point = 0;
        size_t step = code_point(bytes + i, length - i, &point);
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        bool hidden = (point >= 0x200b && point <= 0x200f) ||
                      (point >= 0x2028 && point <= 0x202e) ||
                      (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
        if (step == 0 || hidden || (control && !(line_breaks && point == '\n')))
            return false;
        i += step;
    }
    return true;
}
