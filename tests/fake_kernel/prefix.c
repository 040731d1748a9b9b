/* SPDX-License-Identifier: Apache-2.0 */
#include "prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_misuse(const char *what, const char *about)
{
    fprintf(stderr, "fake kernel: %s: %s\n", what, about);
    abort();
}

size_t fake_address_size(int family)
{
    return family == AF_INET6 ? 16 : 4;
}

struct fake_prefix fake_prefix_from(int family, const void *address, uint8_t length)
{
    struct fake_prefix prefix = {.family = family, .length = length};

    if (address != NULL)
        memcpy(prefix.bytes, address, fake_address_size(family));
    return prefix;
}

struct fake_prefix fake_prefix_parse(const char *text)
{
    struct fake_prefix prefix = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};
    unsigned int longest = prefix.family == AF_INET6 ? 128 : 32, length = longest;
    char address[INET6_ADDRSTRLEN] = "";

    if (sscanf(text, "%45[^/]/%u", address, &length) < 1 || length > longest ||
        inet_pton(prefix.family, address, prefix.bytes) != 1)
        fake_misuse("not a prefix", text);
    prefix.length = (uint8_t)length;
    return prefix;
}

struct fake_prefix fake_prefix_masked(struct fake_prefix prefix)
{
    for (unsigned int bit = prefix.length; bit < 128; bit++)
        prefix.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    return prefix;
}

bool fake_address_equal(const struct fake_prefix *one, const struct fake_prefix *other)
{
    return one->family == other->family && memcmp(one->bytes, other->bytes, 16) == 0;
}

bool fake_prefix_equal(const struct fake_prefix *one, const struct fake_prefix *other)
{
    return one->length == other->length && fake_address_equal(one, other);
}

bool fake_prefix_contains(const struct fake_prefix *prefix, const struct fake_prefix *address)
{
    struct fake_prefix network = fake_prefix_masked(*prefix), cut = *address;

    cut.length = prefix->length;
    cut = fake_prefix_masked(cut);
    return fake_address_equal(&network, &cut);
}

struct fake_prefix fake_prefix_broadcast(struct fake_prefix prefix)
{
    for (unsigned int bit = prefix.length; bit < 32; bit++)
        prefix.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
    prefix.length = 32;
    return prefix;
}

void fake_address_text(const struct fake_prefix *address, char text[FAKE_PREFIX_TEXT])
{
    if (inet_ntop(address->family, address->bytes, text, FAKE_PREFIX_TEXT) == NULL)
        snprintf(text, FAKE_PREFIX_TEXT, "none");
}

void fake_prefix_text(const struct fake_prefix *prefix, char text[FAKE_PREFIX_TEXT])
{
    size_t used;

    fake_address_text(prefix, text);
    used = strlen(text);
    snprintf(text + used, FAKE_PREFIX_TEXT - used, "/%u", prefix->length);
}
