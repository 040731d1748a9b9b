/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Half an address, as a number of the same order. */
static uint64_t half_of(const uint8_t *bytes)
{
    uint64_t half;
    memcpy(&half, bytes, sizeof(half));
    return be64toh(half);
}

/* True if the first so many (0 to 128) bits of both are the same. */
static bool shares_bits(const uint8_t *a, const uint8_t *b, unsigned count)
{
    uint64_t first = half_of(a) ^ half_of(b);
    uint64_t second = half_of(a + 8) ^ half_of(b + 8);
    if (count == 0)
        return true;
    return count <= 64 ? first >> (64 - count) == 0 : first == 0 && second >> (128 - count) == 0;
}

static void clear_beyond(uint8_t bytes[16], unsigned length)
{
    unsigned byte = length / 8;
    if (length % 8 != 0) {
        bytes[byte] = (uint8_t)(bytes[byte] & (0xffu << (8 - length % 8)));
        byte++;
    }
    memset(bytes + byte, 0, 16 - byte);
}

static bool is_link_local_ipv6(const struct address *address)
{
    return address->family == FAMILY_IPV6 && address->bytes[0] == 0xfe &&
           (address->bytes[1] & 0xc0) == 0x80;
}

static uint32_t index_here(void *context, const char *name)
{
    (void)context;
    return if_nametoindex(name);
}

static bool exists_here(void *context, uint32_t index)
{
    (void)context;
    char name[IF_NAMESIZE];
    return if_indextoname(index, name) != NULL;
}

const struct interfaces interfaces_here = {.index = index_here, .exists = exists_here};

/* The interface of this name, or of this number, which is what address_format writes. 0: there is none. */
static uint32_t scope_parse(const struct interfaces *interfaces, const char *text)
{
    uint32_t scope = interfaces->index(interfaces->context, text);
    size_t digits = strspn(text, "0123456789");
    if (scope != 0 || digits == 0 || digits > 9 || text[0] == '0' || text[digits] != '\0')
        return scope;
    for (size_t i = 0; i < digits; i++)
        scope = scope * 10 + (uint32_t)(text[i] - '0');
    return interfaces->exists(interfaces->context, scope) ? scope : 0;
}

enum address_fault address_parse(const char *text, struct address *ret_address)
{
    return address_parse_among(&interfaces_here, text, ret_address);
}

enum address_fault address_parse_among(const struct interfaces *interfaces, const char *text,
                                       struct address *ret_address)
{
    char host[ADDRESS_TEXT_SIZE];
    if (!text_copy(host, sizeof(host), text))
        return ADDRESS_MALFORMED;
    char *scope = strchr(host, '%');
    if (scope != NULL)
        *scope++ = '\0';

    struct address address = {0};
    if (inet_pton(AF_INET, host, address.bytes) == 1)
        address.family = FAMILY_IPV4;
    else if (inet_pton(AF_INET6, host, address.bytes) == 1)
        address.family = FAMILY_IPV6;
    else
        return ADDRESS_MALFORMED;

    bool link_local = is_link_local_ipv6(&address);
    if (link_local && scope == NULL)
        return ADDRESS_NO_SCOPE;
    if (scope != NULL) {
        address.scope = link_local ? scope_parse(interfaces, scope) : 0;
        if (address.scope == 0)
            return ADDRESS_BAD_SCOPE;
    }
    *ret_address = address;
    return ADDRESS_OK;
}

/* A decimal number of one to three digits without leading zeros. */
static bool length_parse(const char *text, unsigned limit, uint8_t *ret_length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    *ret_length = (uint8_t)value;
    return value <= limit;
}

enum address_fault prefix_parse(const char *text, struct prefix *ret_prefix)
{
    char host[PREFIX_TEXT_SIZE];
    if (!text_copy(host, sizeof(host), text) || strchr(host, '%') != NULL)
        return ADDRESS_MALFORMED;
    char *length = strchr(host, '/');
    if (length == NULL)
        return ADDRESS_MALFORMED;
    *length++ = '\0';

    struct prefix prefix = {0};
    if (inet_pton(AF_INET, host, prefix.bytes) == 1)
        prefix.family = FAMILY_IPV4;
    else if (inet_pton(AF_INET6, host, prefix.bytes) == 1)
        prefix.family = FAMILY_IPV6;
    else
        return ADDRESS_MALFORMED;
    if (!length_parse(length, prefix.family, &prefix.length))
        return ADDRESS_MALFORMED;
    struct prefix masked = prefix_masked(&prefix);
    if (!prefix_equal(&prefix, &masked))
        return ADDRESS_HOST_BITS;
    *ret_prefix = prefix;
    return ADDRESS_OK;
}

/* As inet_ntop does, which has printf do it. */
static void format_ipv4(const uint8_t bytes[4], char *text)
{
    for (size_t i = 0; i < 4; i++) {
        unsigned int value = bytes[i];
        if (value >= 100)
            *text++ = (char)('0' + value / 100);
        if (value >= 10)
            *text++ = (char)('0' + value / 10 % 10);
        *text++ = (char)('0' + value % 10);
        *text++ = i < 3 ? '.' : '\0';
    }
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    if (address->family == FAMILY_NONE)
        (void)text_copy(text, ADDRESS_TEXT_SIZE, "none");
    else if (address->family == FAMILY_IPV4)
        format_ipv4(address->bytes, text);
    else
        (void)inet_ntop(AF_INET6, address->bytes, text, ADDRESS_TEXT_SIZE);
    if (address->scope != 0) {
        size_t used = strlen(text);
        (void)snprintf(text + used, ADDRESS_TEXT_SIZE - used, "%%%u", (unsigned)address->scope);
    }
    return text;
}

const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    struct address address = prefix_address(prefix);
    (void)snprintf(text, PREFIX_TEXT_SIZE, "%.*s/%u", PREFIX_TEXT_SIZE - 6,
                   address_format(&address, host), (unsigned)prefix->length);
    return text;
}

const char *socket_address_format(const struct socket_address *address,
                                  char text[SOCKET_ADDRESS_TEXT_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    struct text out = text_over(text, SOCKET_ADDRESS_TEXT_SIZE);
    if (address->address.family == FAMILY_IPV6)
        text_append(&out, "[%s]:%u", address_format(&address->address, host),
                    (unsigned)address->port);
    else
        text_append(&out, "%s:%u", address_format(&address->address, host),
                    (unsigned)address->port);
    return text;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool socket_address_equal(const struct socket_address *a, const struct socket_address *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return prefix_compare(a, b) == 0;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    for (size_t i = 0; i < sizeof(a->bytes); i += 8) {
        uint64_t first = half_of(a->bytes + i);
        uint64_t second = half_of(b->bytes + i);
        if (first != second)
            return first < second ? -1 : 1;
    }
    return (int)a->length - (int)b->length;
}

int prefix_order(const void *a, const void *b)
{
    return prefix_compare(a, b);
}

int prefix_compare_disjoint(const struct prefix *a, const struct prefix *b)
{
    if (prefix_overlaps(a, b))
        return 0;
    return prefix_compare(a, b);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
    unsigned shorter = a->length < b->length ? a->length : b->length;
    return a->family == b->family && shares_bits(a->bytes, b->bytes, shorter);
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
    return prefix->family == address->family &&
           shares_bits(prefix->bytes, address->bytes, prefix->length);
}

struct prefix prefix_of_address(const struct address *address)
{
    struct prefix prefix = {.family = address->family, .length = address->family};
    memcpy(prefix.bytes, address->bytes, sizeof(prefix.bytes));
    return prefix;
}

struct prefix prefix_masked(const struct prefix *prefix)
{
    struct prefix masked = *prefix;
    clear_beyond(masked.bytes, masked.length);
    return masked;
}

struct address prefix_address(const struct prefix *prefix)
{
    struct address address = {.family = prefix->family};
    memcpy(address.bytes, prefix->bytes, sizeof(address.bytes));
    return address;
}

const char *prefix_special_range(const struct prefix *prefix)
{
    static const struct {
        struct prefix range;
        const char *name;
    } ranges[] = {
        {{FAMILY_IPV4, 8, {0}}, "this-network"},
        {{FAMILY_IPV4, 8, {127}}, "loopback"},
        {{FAMILY_IPV4, 16, {169, 254}}, "link-local"},
        {{FAMILY_IPV4, 4, {224}}, "multicast"},
        {{FAMILY_IPV4, 4, {240}}, "reserved"},
        {{FAMILY_IPV6, 128, {0}}, "unspecified"},
        {{FAMILY_IPV6, 128, {[15] = 1}}, "loopback"},
        {{FAMILY_IPV6, 96, {[10] = 0xff, [11] = 0xff}}, "IPv4-mapped"},
        {{FAMILY_IPV6, 10, {0xfe, 0x80}}, "link-local"},
        {{FAMILY_IPV6, 8, {0xff}}, "multicast"},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (prefix_overlaps(&ranges[i].range, prefix))
            return ranges[i].name;
    return NULL;
}
