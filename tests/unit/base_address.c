/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and prefixes: strict forms only, total orders, and the ranges that nobody may claim. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

struct spelling {
    const char *text;
    enum address_fault fault;
};

START_TEST(addresses_in_strict_form_only)
{
    static const struct spelling spellings[] = {
        {"10.243.64.7", ADDRESS_OK},
        {"0.0.0.0", ADDRESS_OK},
        {"255.255.255.255", ADDRESS_OK},
        {"2001:db8::7", ADDRESS_OK},
        {"::", ADDRESS_OK},
        {"::ffff:10.0.0.1", ADDRESS_OK},
        {"1:2:3:4:5:6:7:8", ADDRESS_OK},
        {"2001:DB8::A", ADDRESS_OK},
        {"fe80::1%lo", ADDRESS_OK},
        {"", ADDRESS_MALFORMED},
        {" 10.0.0.1", ADDRESS_MALFORMED},
        {"10.0.0.1 ", ADDRESS_MALFORMED},
        {"10.0.0.1\n", ADDRESS_MALFORMED},
        {"10.0.0", ADDRESS_MALFORMED},
        {"10.0.0.0.1", ADDRESS_MALFORMED},
        {"10.0.0.256", ADDRESS_MALFORMED},
        {"10.0.0.01", ADDRESS_MALFORMED},
        {"0x0a.0.0.1", ADDRESS_MALFORMED},
        {"167772161", ADDRESS_MALFORMED},
        {"10.0.0.-1", ADDRESS_MALFORMED},
        {"10.0.0.1/32", ADDRESS_MALFORMED},
        {"10.0.0.1:80", ADDRESS_MALFORMED},
        {"[2001:db8::7]", ADDRESS_MALFORMED},
        {"2001:db8::7::1", ADDRESS_MALFORMED},
        {"2001:db8:::7", ADDRESS_MALFORMED},
        {"1:2:3:4:5:6:7", ADDRESS_MALFORMED},
        {"1:2:3:4:5:6:7:8:9", ADDRESS_MALFORMED},
        {"2001:db8::12345", ADDRESS_MALFORMED},
        {"gateway.example", ADDRESS_MALFORMED},
        {"fe80::1", ADDRESS_NO_SCOPE},
        {"febf::1", ADDRESS_NO_SCOPE},
        {"fe80::1%", ADDRESS_BAD_SCOPE},
        {"fe80::1%no-such-link", ADDRESS_BAD_SCOPE},
        {"fe80::1%lo%lo", ADDRESS_BAD_SCOPE},
        {"fe80::1%0", ADDRESS_BAD_SCOPE},
        {"fe80::1%01", ADDRESS_BAD_SCOPE},
        {"fe80::1%1x", ADDRESS_BAD_SCOPE},
        {"fe80::1%999999999", ADDRESS_BAD_SCOPE},
        {"fe80::1%9999999999", ADDRESS_BAD_SCOPE},
        {"2001:db8::7%lo", ADDRESS_BAD_SCOPE},
        {"10.0.0.1%lo", ADDRESS_BAD_SCOPE},
    };
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        struct address address = {0};
        enum address_fault fault = address_parse(spellings[i].text, &address);
        ck_assert_msg(fault == spellings[i].fault, "'%s' gives %d, not %d", spellings[i].text,
                      (int)fault, (int)spellings[i].fault);
    }
}
END_TEST

START_TEST(a_refused_text_leaves_the_result_alone)
{
    struct address address = address_of("10.0.0.1");
    ck_assert_int_ne(address_parse("10.0.0.256", &address), ADDRESS_OK);
    ck_assert_int_ne(address_parse("fe80::1%no-such-link", &address), ADDRESS_OK);
    struct address same = address_of("10.0.0.1");
    ck_assert(address_equal(&address, &same));

    struct prefix prefix = prefix_of("10.0.0.0/8");
    ck_assert_int_ne(prefix_parse("10.1.0.0/8", &prefix), ADDRESS_OK);
    ck_assert_int_ne(prefix_parse("2001:db8::/129", &prefix), ADDRESS_OK);
    struct prefix same_prefix = prefix_of("10.0.0.0/8");
    ck_assert(prefix_equal(&prefix, &same_prefix));
}
END_TEST

START_TEST(text_of_any_length_is_bounded)
{
    size_t size = 1u << 20;
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '1', size);
    text[size] = '\0';
    struct address address;
    struct prefix prefix;
    ck_assert_int_eq(address_parse(text, &address), ADDRESS_MALFORMED);
    ck_assert_int_eq(prefix_parse(text, &prefix), ADDRESS_MALFORMED);
    memcpy(text, "fe80::1%", 8);
    ck_assert_int_ne(address_parse(text, &address), ADDRESS_OK);
    memcpy(text, "10.0.0.0/", 9);
    ck_assert_int_eq(prefix_parse(text, &prefix), ADDRESS_MALFORMED);
    free(text);
}
END_TEST

START_TEST(the_scope_is_the_interface)
{
    struct address address = address_of("fe80::1%lo");
    ck_assert_uint_eq(address.scope, if_nametoindex("lo"));
    ck_assert_uint_eq(address_of("2001:db8::1").scope, 0);
    char text[ADDRESS_TEXT_SIZE]; /* what is written can be read */
    struct address again = address_of(address_format(&address, text));
    ck_assert(address_equal(&address, &again));
    struct address other = address;
    other.scope++;
    ck_assert(!address_equal(&address, &other));
}
END_TEST

START_TEST(prefixes_in_strict_form_only)
{
    static const struct spelling spellings[] = {
        {"10.0.0.0/8", ADDRESS_OK},
        {"0.0.0.0/0", ADDRESS_OK},
        {"10.1.2.3/32", ADDRESS_OK},
        {"10.1.2.128/25", ADDRESS_OK},
        {"::/0", ADDRESS_OK},
        {"2001:db8::/32", ADDRESS_OK},
        {"2001:db8::1/128", ADDRESS_OK},
        {"fe80::/10", ADDRESS_OK},
        {"10.1.2.3/8", ADDRESS_HOST_BITS},
        {"10.0.0.1/31", ADDRESS_HOST_BITS},
        {"128.0.0.0/0", ADDRESS_HOST_BITS},
        {"2001:db8::1/127", ADDRESS_HOST_BITS},
        {"2001:db8::/28", ADDRESS_HOST_BITS},
        {"8000::/0", ADDRESS_HOST_BITS},
        {"", ADDRESS_MALFORMED},
        {"/", ADDRESS_MALFORMED},
        {"/8", ADDRESS_MALFORMED},
        {"10.0.0.0", ADDRESS_MALFORMED},
        {"10.0.0.0/", ADDRESS_MALFORMED},
        {"10.0.0.0/33", ADDRESS_MALFORMED},
        {"10.0.0.0/256", ADDRESS_MALFORMED},
        {"10.0.0.0/264", ADDRESS_MALFORMED}, /* 8 in eight bits */
        {"10.0.0.0/4294967304", ADDRESS_MALFORMED},
        {"10.0.0.0/-8", ADDRESS_MALFORMED},
        {"10.0.0.0/+8", ADDRESS_MALFORMED},
        {"10.0.0.0/08", ADDRESS_MALFORMED},
        {"10.0.0.0/8 ", ADDRESS_MALFORMED},
        {"10.0.0.0/ 8", ADDRESS_MALFORMED},
        {" 10.0.0.0/8", ADDRESS_MALFORMED},
        {"10.0.0.0/8/8", ADDRESS_MALFORMED},
        {"10.0.0.0/255.0.0.0", ADDRESS_MALFORMED},
        {"10.0.0.0/8,11.0.0.0/8", ADDRESS_MALFORMED},
        {"10/8", ADDRESS_MALFORMED},
        {"2001:db8::/129", ADDRESS_MALFORMED},
        {"2001:db8::/-1", ADDRESS_MALFORMED},
        {"2001:db8::/0x20", ADDRESS_MALFORMED},
        {"fe80::%lo/10", ADDRESS_MALFORMED},
        {"fe80::/10%lo", ADDRESS_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        struct prefix prefix = {0};
        enum address_fault fault = prefix_parse(spellings[i].text, &prefix);
        ck_assert_msg(fault == spellings[i].fault, "'%s' gives %d, not %d", spellings[i].text,
                      (int)fault, (int)spellings[i].fault);
    }
}
END_TEST

START_TEST(texts_of_addresses)
{
    char text[ADDRESS_TEXT_SIZE];
    char prefix_text[PREFIX_TEXT_SIZE];
    char socket_text[SOCKET_ADDRESS_TEXT_SIZE];
    struct address v4 = address_of("10.243.64.7");
    struct address v6 = address_of("2001:0DB8:0:0::7");
    ck_assert_str_eq(address_format(&v4, text), "10.243.64.7");
    ck_assert_str_eq(address_format(&v6, text), "2001:db8::7");
    struct prefix prefix = prefix_of("10.233.0.0/18");
    ck_assert_str_eq(prefix_format(&prefix, prefix_text), "10.233.0.0/18");
    prefix = prefix_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    ck_assert_str_eq(prefix_format(&prefix, prefix_text),
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
    struct socket_address v4_socket = {v4, 65535};
    struct socket_address v6_socket = {v6, 5871};
    ck_assert_str_eq(socket_address_format(&v4_socket, socket_text), "10.243.64.7:65535");
    ck_assert_str_eq(socket_address_format(&v6_socket, socket_text), "[2001:db8::7]:5871");
}
END_TEST

START_TEST(every_number_of_an_ipv4_address)
{
    for (unsigned int i = 0; i < 256; i++) {
        char text[ADDRESS_TEXT_SIZE];
        char wanted[ADDRESS_TEXT_SIZE];
        struct address address = {.family = FAMILY_IPV4};
        for (unsigned int j = 0; j < 4; j++)
            address.bytes[j] = (uint8_t)(i + 77 * j);
        (void)snprintf(wanted, sizeof(wanted), "%u.%u.%u.%u", address.bytes[0], address.bytes[1],
                       address.bytes[2], address.bytes[3]);
        ck_assert_str_eq(address_format(&address, text), wanted);
    }
}
END_TEST

START_TEST(the_longest_address_fits_its_text)
{
    struct socket_address longest = {{FAMILY_IPV6, {0}, UINT32_MAX}, 65535};
    memset(longest.address.bytes, 0xff, sizeof(longest.address.bytes));
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    ck_assert_str_eq(socket_address_format(&longest, text),
                     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}
END_TEST

/* A random prefix out of a narrow space, so that equal, covering and disjoint ones all occur. */
static struct prefix random_prefix(struct chance *chance)
{
    struct prefix prefix = {.family = chance_is(chance, 50) ? FAMILY_IPV4 : FAMILY_IPV6};
    prefix.bytes[0] = (uint8_t)(chance_below(chance, 4) << 6);
    prefix.bytes[1] = (uint8_t)(chance_below(chance, 4) << 3);
    prefix.bytes[3] = (uint8_t)chance_below(chance, 3);
    if (prefix.family == FAMILY_IPV6)
        prefix.bytes[15] = (uint8_t)chance_below(chance, 3);
    prefix.length = (uint8_t)chance_below(chance, prefix.family + 1u);
    return prefix_masked(&prefix);
}

static bool has_bit(const uint8_t *bytes, unsigned bit)
{
    return (bytes[bit / 8] & 0x80u >> bit % 8) != 0;
}

/* By definition, bit by bit. */
static bool overlap_by_definition(const struct prefix *a, const struct prefix *b)
{
    if (a->family != b->family)
        return false;
    for (unsigned bit = 0; bit < a->length && bit < b->length; bit++)
        if (has_bit(a->bytes, bit) != has_bit(b->bytes, bit))
            return false;
    return true;
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

START_TEST(relations_of_random_prefixes)
{
    struct chance chance = chance_start("relations_of_random_prefixes");
    for (int i = 0; i < 100000; i++) {
        struct prefix a = random_prefix(&chance);
        struct prefix b = random_prefix(&chance);
        struct prefix c = random_prefix(&chance);
        bool overlap = overlap_by_definition(&a, &b);
        CHECK(prefix_overlaps(&a, &b) == overlap);
        CHECK(prefix_overlaps(&b, &a) == overlap);
        CHECK(prefix_overlaps(&a, &a));
        CHECK((prefix_compare_disjoint(&a, &b) == 0) == overlap);
        CHECK(sign(prefix_compare(&a, &b)) == -sign(prefix_compare(&b, &a)));
        CHECK(prefix_equal(&a, &b) == (prefix_compare(&a, &b) == 0));
        CHECK(prefix_equal(&a, &b) == (a.family == b.family && a.length == b.length &&
                                       memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0));
        if (prefix_compare(&a, &b) <= 0 && prefix_compare(&b, &c) <= 0)
            CHECK(prefix_compare(&a, &c) <= 0);

        struct address host = prefix_address(&b);
        struct prefix just_host = prefix_of_address(&host);
        CHECK(just_host.length == b.family);
        CHECK(prefix_contains(&a, &host) == overlap_by_definition(&a, &just_host));
    }
}
END_TEST

START_TEST(random_prefixes_survive_their_text)
{
    struct chance chance = chance_start("random_prefixes_survive_their_text");
    for (int i = 0; i < 20000; i++) {
        struct prefix prefix = {.family = chance_is(&chance, 50) ? FAMILY_IPV4 : FAMILY_IPV6};
        for (unsigned byte = 0; byte < prefix.family / 8u; byte++)
            prefix.bytes[byte] = (uint8_t)chance_next(&chance);
        struct prefix whole = prefix;
        prefix.length = (uint8_t)chance_below(&chance, prefix.family + 1u);
        prefix = prefix_masked(&prefix);
        for (unsigned bit = 0; bit < prefix.family; bit++)
            CHECK(has_bit(prefix.bytes, bit) == (bit < prefix.length && has_bit(whole.bytes, bit)));
        char text[PREFIX_TEXT_SIZE];
        struct prefix back = prefix_of(prefix_format(&prefix, text));
        CHECK(prefix_equal(&back, &prefix));
    }
}
END_TEST

static void check_special(const char *first, const char *last, uint8_t length, const char *name)
{
    const char *ends[] = {first, last};
    for (int i = 0; i < 2; i++) {
        struct address end = {0};
        end.family = strchr(ends[i], ':') != NULL ? FAMILY_IPV6 : FAMILY_IPV4;
        ck_assert_int_eq(
            inet_pton(end.family == FAMILY_IPV6 ? AF_INET6 : AF_INET, ends[i], end.bytes), 1);
        struct prefix host = prefix_of_address(&end);
        const char *found = prefix_special_range(&host);
        ck_assert_msg(found != NULL && strcmp(found, name) == 0, "%s is in %s, not in %s", ends[i],
                      found != NULL ? found : "no range", name);
        /* Touching is enough: the whole range, and what covers it. */
        host.length = length;
        host = prefix_masked(&host);
        ck_assert_ptr_nonnull(prefix_special_range(&host));
        host.length--;
        host = prefix_masked(&host);
        ck_assert_ptr_nonnull(prefix_special_range(&host));
    }
}

START_TEST(special_ranges_from_end_to_end)
{
    check_special("0.0.0.0", "0.255.255.255", 8, "this-network");
    check_special("127.0.0.0", "127.255.255.255", 8, "loopback");
    check_special("169.254.0.0", "169.254.255.255", 16, "link-local");
    check_special("169.254.169.254", "169.254.169.254", 32, "link-local");
    check_special("224.0.0.0", "239.255.255.255", 4, "multicast");
    check_special("240.0.0.0", "255.255.255.255", 4, "reserved");
    check_special("::", "::", 128, "unspecified");
    check_special("::1", "::1", 128, "loopback");
    check_special("::ffff:0.0.0.0", "::ffff:255.255.255.255", 96, "IPv4-mapped");
    check_special("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 10, "link-local");
    check_special("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8, "multicast");
}
END_TEST

START_TEST(ordinary_ranges_up_to_the_special_ones)
{
    static const char *const ordinary[] = {
        "1.0.0.0/8",          "10.0.0.0/8",     "11.235.0.0/18",      "100.64.0.0/10",
        "126.255.255.255/32", "128.0.0.0/32",   "169.253.255.255/32", "169.255.0.0/32",
        "172.16.0.0/12",      "192.168.0.0/16", "223.255.255.255/32", "::2/128",
        "::fffe:0:0/96",      "::1:0:0:0/96",   "2001:db8::/32",      "fd00::/8",
        "fec0::/16",          "fe7f:ffff::/32", "fe00::/16",          "2000::/3",
    };
    for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
        struct prefix prefix = prefix_of(ordinary[i]);
        const char *range = prefix_special_range(&prefix);
        ck_assert_msg(range == NULL, "%s is called %s", ordinary[i], range);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        addresses_in_strict_form_only,
        a_refused_text_leaves_the_result_alone,
        text_of_any_length_is_bounded,
        the_scope_is_the_interface,
        prefixes_in_strict_form_only,
        texts_of_addresses,
        every_number_of_an_ipv4_address,
        the_longest_address_fits_its_text,
        relations_of_random_prefixes,
        random_prefixes_survive_their_text,
        special_ranges_from_end_to_end,
        ordinary_ranges_up_to_the_special_ones,
        NULL,
    };
    return unit_run("base_address", tests);
}
