/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text and UTF-8. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "unit.h"

/* The encoding by its definition: value to bytes. */
static size_t encode(uint32_t value, char bytes[4])
{
    if (value < 0x80) {
        bytes[0] = (char)value;
        return 1;
    }
    size_t length = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    static const unsigned first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        bytes[i] = (char)(0x80u | (value & 0x3fu));
        value >>= 6;
    }
    bytes[0] = (char)(first[length] | value);
    return length;
}

START_TEST(every_code_point_and_no_surrogate)
{
    for (uint32_t value = 0; value <= 0x10ffff; value++) {
        char bytes[4];
        size_t length = encode(value, bytes);
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        CHECK(utf8_sequence(bytes, 4) == (surrogate ? 0 : length));
        CHECK(utf8_sequence(bytes, length) == (surrogate ? 0 : length));
        if (length > 1)
            CHECK(utf8_sequence(bytes, length - 1) == 0);
    }
}
END_TEST

START_TEST(no_two_bytes_are_taken_for_more_than_they_are)
{
    /* All pairs of bytes: valid are ASCII, and the two-byte forms from U+0080 to U+07FF. */
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            const char bytes[2] = {(char)a, (char)b};
            bool two = a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf;
            CHECK(utf8_sequence(bytes, 2) == (a < 0x80 ? 1u : two ? 2u : 0u));
        }
}
END_TEST

START_TEST(overlong_and_too_large_forms_are_none)
{
    static const char *const bad[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80",
        "\xfe",
        "\xff",
        "\x80",
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xf0\x28\x8c\xbc",
        "\xed\xa0\x80",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(utf8_sequence(bad[i], strlen(bad[i])) == 0, "number %zu is taken", i);
}
END_TEST

static bool is_control(uint32_t value)
{
    char bytes[4];
    size_t length = encode(value, bytes);
    return utf8_is_control(bytes, length);
}

START_TEST(what_reorders_or_hides_text_is_a_control)
{
    static const uint32_t controls[] = {0x00,   0x09,   0x0a,   0x0d,   0x1b,   0x1f,
                                        0x7f,   0x80,   0x85,   0x9b,   0x9f,   0x200b,
                                        0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e,
                                        0x2066, 0x2069, 0xfeff, 0xad,   0x61c,  0xe0001};
    static const uint32_t ordinary[] = {' ', '~', 0xa0, 0xe9, 0x5e9, 0x2010, 0x4e2d, 0x1f600};
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        ck_assert_msg(is_control(controls[i]), "U+%04x passes", (unsigned)controls[i]);
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
        ck_assert_msg(!is_control(ordinary[i]), "U+%04x does not pass", (unsigned)ordinary[i]);
}
END_TEST

START_TEST(what_is_plain_needs_no_second_look)
{
    for (unsigned int value = 0; value < 256; value++) {
        char bytes[3] = {'a', (char)value, 'z'};
        bool plain = value < 0x80 && !is_control(value);
        ck_assert_uint_eq(utf8_plain(bytes, 3), plain ? 3 : 1);
        ck_assert_uint_eq(utf8_plain(bytes, 1), 1);
        ck_assert_uint_eq(utf8_plain(bytes, 0), 0);
    }
}
END_TEST

START_TEST(strange_bytes_are_shown_as_numbers)
{
    char buffer[128];
    struct text text = text_over(buffer, sizeof(buffer));
    text_append_escaped(&text, "a\x1b[31m\n\xff\xe2\x80\xae"
                               "caf\xc3\xa9\x7f\xe2\x82");
    ck_assert_str_eq(buffer, "a\\x1b[31m\\x0a\\xff\\xe2\\x80\\xae"
                             "caf\xc3\xa9\\x7f\\xe2\\x82");
    ck_assert(!text.cut);
    ck_assert_uint_eq(text.length, strlen(buffer));
}
END_TEST

START_TEST(appending_fits_or_is_cut_at_every_size)
{
    static const char whole[] = "interface subwg0 has 12 peers";
    for (size_t size = 1; size <= sizeof(whole) + 2; size++) {
        char buffer[64];
        memset(buffer, '#', sizeof(buffer));
        struct text text = text_over(buffer, size);
        ck_assert_str_eq(buffer, "");
        text_append(&text, "interface %s", "subwg0");
        text_append(&text, " has %d peers", 12);
        ck_assert(text.cut == (size < sizeof(whole)));
        ck_assert_uint_eq(text.length, strlen(buffer));
        ck_assert(strncmp(buffer, whole, text.length) == 0);
        ck_assert_uint_eq(text.length, size < sizeof(whole) ? size - 1 : sizeof(whole) - 1);
        ck_assert_int_eq(buffer[size], '#');
        text_append(&text, "%s", ""); /* a cut is not forgotten */
        ck_assert(text.cut == (size < sizeof(whole)));
    }
}
END_TEST

START_TEST(strings_and_numbers_fit_or_are_cut_at_every_size)
{
    static const char whole[] = "caf\xc3\xa9 0, 18446744073709551615";
    for (size_t size = 1; size <= sizeof(whole) + 2; size++) {
        char buffer[64];
        memset(buffer, '#', sizeof(buffer));
        struct text text = text_over(buffer, size);
        text_append_string(&text, "caf\xc3\xa9 ");
        text_append_number(&text, 0);
        text_append_string(&text, ", ");
        text_append_number(&text, UINT64_MAX);
        ck_assert(text.cut == (size < sizeof(whole)));
        ck_assert_uint_eq(text.length, strlen(buffer));
        ck_assert(strncmp(buffer, whole, text.length) == 0);
        /* The cut character has two bytes. */
        ck_assert_uint_eq(text.length, size == 5              ? 3
                                       : size < sizeof(whole) ? size - 1
                                                              : sizeof(whole) - 1);
        ck_assert_int_eq(buffer[size], '#');
    }
}
END_TEST

START_TEST(a_cut_leaves_valid_utf8)
{
    static const char whole[] = "\xf0\x9f\x98\x80"
                                "caf\xc3\xa9 \xe4\xb8\xad\xe5\x9b\xbd";
    for (size_t size = 1; size <= sizeof(whole); size++) {
        char buffer[64];
        struct text escaped = text_over(buffer, size);
        text_append_escaped(&escaped, whole);
        ck_assert_msg(is_utf8(buffer), "escaped, cut to %zu bytes", size);
        ck_assert_uint_eq(escaped.length, strlen(buffer));
        struct text plain = text_over(buffer, size);
        text_append(&plain, "%s", whole);
        ck_assert_msg(is_utf8(buffer), "cut to %zu bytes", size);
        ck_assert_uint_eq(plain.length, strlen(buffer));
    }
}
END_TEST

START_TEST(escaping_reads_no_further_than_what_fits)
{
    /* A mebibyte that a remote sends must cost no more than what is shown of it: behind the first
     * bytes nothing can be read. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    char *hostile = pages + page - 90;
    memset(hostile, 'x', 90);
    char buffer[80];
    struct text text = text_over(buffer, sizeof(buffer));
    text_append_escaped(&text, hostile);
    ck_assert(text.cut);
    ck_assert_uint_eq(text.length, sizeof(buffer) - 1);
    munmap(pages, 2 * page);
}
END_TEST

START_TEST(copies_end_with_a_nul)
{
    char buffer[5] = "####";
    ck_assert(text_copy(buffer, 5, "four"));
    ck_assert_str_eq(buffer, "four");
    ck_assert(!text_copy(buffer, 4, "fours"));
    ck_assert_str_eq(buffer, "fou");
    ck_assert(!text_copy(buffer, 1, "x"));
    ck_assert_str_eq(buffer, "");
    ck_assert(text_copy(buffer, 1, ""));
    ck_assert_str_eq(buffer, "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_code_point_and_no_surrogate,
        no_two_bytes_are_taken_for_more_than_they_are,
        overlong_and_too_large_forms_are_none,
        what_reorders_or_hides_text_is_a_control,
        strange_bytes_are_shown_as_numbers,
        appending_fits_or_is_cut_at_every_size,
        strings_and_numbers_fit_or_are_cut_at_every_size,
        what_is_plain_needs_no_second_look,
        a_cut_leaves_valid_utf8,
        escaping_reads_no_further_than_what_fits,
        copies_end_with_a_nul,
        NULL,
    };
    return unit_run("base_text", tests);
}
