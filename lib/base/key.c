/* SPDX-License-Identifier: Apache-2.0 */
#include "base/key.h"

#include <string.h>

#include <sodium.h>

bool key_decode(const char *text, struct key *ret_key)
{
    size_t length = 0;
    const char *end = NULL;
    /* libsodium 1.0.18 takes bytes beyond ASCII for characters of base64. */
    unsigned char bits = 0;
    for (size_t i = 0; i < KEY_TEXT_SIZE - 1; i++)
        bits |= (unsigned char)text[i];
    return bits < 0x80 &&
           sodium_base642bin(ret_key->bytes, KEY_SIZE, text, KEY_TEXT_SIZE - 1, NULL, &length, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           length == KEY_SIZE && end == text + KEY_TEXT_SIZE - 1;
}

/* Every encoding of the points whose order divides the cofactor, but for the top bit, which X25519
 * ignores: with them every secret is zero. 0, 1, the two of order 8, p - 1, and p and p + 1, which are
 * not reduced. */
static const struct key low_order_points[] = {
    {{0}},
    {{1}},
    {{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
      0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
      0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}},
    {{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
      0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
      0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}},
    {{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    {{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    {{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
};

static bool is_low_order(const struct key *key)
{
    struct key masked = *key;
    masked.bytes[KEY_SIZE - 1] &= 0x7f;
    bool found = false;
    for (size_t i = 0; i < sizeof(low_order_points) / sizeof(low_order_points[0]); i++)
        found = found || memcmp(&masked, &low_order_points[i], sizeof(masked)) == 0;
    return found;
}

enum key_fault key_parse_public(const char *text, struct key *ret_key)
{
    if (strnlen(text, KEY_TEXT_SIZE) != KEY_TEXT_SIZE - 1)
        return KEY_LENGTH;
    struct key key;
    if (!key_decode(text, &key))
        return KEY_ENCODING;
    if (key_is_zero(&key))
        return KEY_ZERO;
    if (is_low_order(&key))
        return KEY_LOW_ORDER;
    *ret_key = key;
    return KEY_OK;
}

const char *key_fault_text(enum key_fault fault)
{
    switch (fault) {
    case KEY_OK:
        return "a valid key";
    case KEY_LENGTH:
        return "not 44 characters long";
    case KEY_ENCODING:
        return "not the base64 form of 32 bytes";
    case KEY_ZERO:
        return "all zero";
    case KEY_LOW_ORDER:
        return "a low-order point, with which there is no secret";
    }
    return "not a key";
}

const char *key_format(const struct key *key, char text[KEY_TEXT_SIZE])
{
    return sodium_bin2base64(text, KEY_TEXT_SIZE, key->bytes, sizeof(key->bytes),
                             sodium_base64_VARIANT_ORIGINAL);
}

bool key_is_zero(const struct key *key)
{
    return sodium_is_zero(key->bytes, sizeof(key->bytes)) == 1;
}

void key_wipe(struct key *key)
{
    sodium_memzero(key, sizeof(*key));
}

void key_generate_private(struct key *ret_private)
{
    randombytes_buf(ret_private->bytes, sizeof(ret_private->bytes));
    ret_private->bytes[0] &= 248;
    ret_private->bytes[31] = (uint8_t)((ret_private->bytes[31] & 127) | 64);
}

int key_derive_public(const struct key *private_key, struct key *ret_public)
{
    return crypto_scalarmult_base(ret_public->bytes, private_key->bytes);
}

void key_generate_throwaway(struct key *ret_public)
{
    randombytes_buf(ret_public->bytes, sizeof(ret_public->bytes));
}

void key_from_passphrase(const char *text, size_t length, struct key *ret_key)
{
    crypto_hash_sha256(ret_key->bytes, (const unsigned char *)text, length);
}
