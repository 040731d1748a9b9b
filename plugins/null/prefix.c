/* SPDX-License-Identifier: Apache-2.0 */
#include "null.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool address_parse(const char *text, struct prefix *ret_address)
{
    struct prefix address = {.bits = 32, .length = 32};
    if (inet_pton(AF_INET, text, address.bytes) != 1) {
        address.bits = address.length = 128;
        if (inet_pton(AF_INET6, text, address.bytes) != 1)
            return false;
    }
    *ret_address = address;
    return true;
}

static bool length_parse(const char *text, uint8_t most, uint8_t *ret_length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 3 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
        return false;
    unsigned long length = strtoul(text, NULL, 10);
    if (length > most)
        return false;
    *ret_length = (uint8_t)length;
    return true;
}

/* Bits are numbered from the left, as a prefix's length counts them. */
static unsigned int bit(const struct prefix *prefix, unsigned int number)
{
    return (unsigned int)prefix->bytes[number / 8] >> (7 - number % 8) & 1u;
}

const char *prefix_parse(const char *text, struct prefix *ret_prefix)
{
    char address[PREFIX_TEXT_SIZE];
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return "is not a prefix (address/length)";
    size_t length = (size_t)(slash - text);
    if (length >= sizeof(address))
        return "is not a prefix (address/length)";
    memcpy(address, text, length);
    address[length] = '\0';
    struct prefix prefix;
    if (!address_parse(address, &prefix) || !length_parse(slash + 1, prefix.bits, &prefix.length))
        return "is not a prefix (address/length)";
    for (unsigned int i = prefix.length; i < prefix.bits; i++)
        if (bit(&prefix, i) != 0)
            return "has bits set beyond its length";
    *ret_prefix = prefix;
    return NULL;
}

const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
    char address[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(prefix->bits == 32 ? AF_INET : AF_INET6, prefix->bytes, address,
                    sizeof(address));
    (void)snprintf(text, PREFIX_TEXT_SIZE, "%s/%u", address, prefix->length);
    return text;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
    if (a->bits != b->bits)
        return false;
    unsigned int common = a->length < b->length ? a->length : b->length;
    for (unsigned int i = 0; i < common; i++)
        if (bit(a, i) != bit(b, i))
            return false;
    return true;
}

int prefix_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct prefix));
}

/* Ranges with a meaning of their own (RFC 6890): traffic to them must never enter a tunnel. */
static const char *special_range(const struct prefix *prefix)
{
    static const struct {
        const char *range;
        const char *refusal;
    } ranges[] = {
        {"0.0.0.0/8", "touches the range of this network"},
        {"127.0.0.0/8", "touches the loopback range"},
        {"169.254.0.0/16", "touches the link-local range"},
        {"224.0.0.0/4", "touches the multicast range"},
        {"240.0.0.0/4", "touches the reserved range"},
        {"::/128", "touches the unspecified address"},
        {"::1/128", "touches the loopback address"},
        {"::ffff:0:0/96", "touches the range of IPv4 within IPv6"},
        {"fe80::/10", "touches the link-local range"},
        {"ff00::/8", "touches the multicast range"},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct prefix range;
        if (prefix_parse(ranges[i].range, &range) == NULL && prefix_overlaps(&range, prefix))
            return ranges[i].refusal;
    }
    return NULL;
}

const char *prefix_refusal(const struct prefix *prefix)
{
    if (prefix->bits == 32 && prefix->length < 8)
        return "is shorter than /8";
    if (prefix->bits == 128 && prefix->length < 16)
        return "is shorter than /16";
    return special_range(prefix);
}

const char *address_refusal(const struct prefix *address)
{
    return special_range(address);
}
