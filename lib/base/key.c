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

enum key_fault key_parse_public(const char *text, struct key *ret_key)
{
    if (strnlen(text, KEY_TEXT_SIZE) != KEY_TEXT_SIZE - 1)
        return KEY_LENGTH;
    struct key key;
    if (!key_decode(text, &key))
        return KEY_ENCODING;
    if (key_is_zero(&key))
        return KEY_ZERO;
    /* With any clamped scalar a low-order point gives the all-zero secret, which libsodium reports. */
    static const unsigned char scalar[crypto_scalarmult_SCALARBYTES] = {8};
    unsigned char product[crypto_scalarmult_BYTES];
    if (crypto_scalarmult(product, scalar, key.bytes) != 0)
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

bool key_equal(const struct key *a, const struct key *b)
{
    return sodium_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
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
