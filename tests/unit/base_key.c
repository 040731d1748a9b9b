/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: what no honest peer can have is refused; what is made is sound. */
#include <string.h>

#include <sodium.h>

#include "unit.h"

static const char good[] = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

START_TEST(a_key_survives_its_text)
{
    struct key key;
    char text[KEY_TEXT_SIZE];
    ck_assert_int_eq(key_parse_public(good, &key), KEY_OK);
    ck_assert_str_eq(key_format(&key, text), good);
    ck_assert_uint_eq(strlen(text), 44);
    for (uint32_t i = 0; i < 1000; i++) {
        struct key number = key_of(i);
        ck_assert_int_eq(key_parse_public(key_format(&number, text), &key), KEY_OK);
        ck_assert(key_equal(&key, &number));
    }
}
END_TEST

START_TEST(other_lengths_are_refused)
{
    static const char *const texts[] = {
        "",
        "=",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg==",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n",
        " xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
        "c5 3201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038",
        "c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038",
    };
    struct key key = key_of(7);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(key_parse_public(texts[i], &key) == KEY_LENGTH, "'%s'", texts[i]);
    struct key same = key_of(7);
    ck_assert(key_equal(&key, &same)); /* untouched */
}
END_TEST

START_TEST(other_encodings_are_refused)
{
    static const char *const texts[] = {
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dgg", /* 33 bytes, no padding */
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D==", /* 31 bytes */
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dh=", /* bits beyond the last byte */
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Di=",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D-=", /* the URL alphabet */
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp_Dg=",
        "xTIBA5rboUvnH4htodjb 6e697QjLERt1NAB4mZqp8D=", /* white space */
        "xTIBA5rboUvnH4htodjb\n6e697QjLERt1NAB4mZqp8D=",
        "=xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg",
        "xTIBA5rboUvnH4htodjb6e=97QjLERt1NAB4mZqp8Dg=",
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg\xff",
        "============================================",
        "xTIBA5rboUvnH4htodjb6e69\xfeQjLERt1NAB4mZqp8Dg=", /* libsodium 1.0.18 takes these */
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8\x80g=",
    };
    struct key key = key_of(7);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(key_parse_public(texts[i], &key) == KEY_ENCODING, "'%s'", texts[i]);
    struct key same = key_of(7);
    ck_assert(key_equal(&key, &same));
}
END_TEST

/* The seven points of small order on Curve25519, and 2^255 - 19 and its neighbours among them. */
static const char *const low_order[] = {
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=",
    "7P///////////////////////////////////////38=", "7f///////////////////////////////////////38=",
    "7v///////////////////////////////////////38=",
};

START_TEST(points_without_a_secret_are_refused)
{
    struct key key = key_of(7);
    ck_assert_int_eq(key_parse_public(low_order[0], &key), KEY_ZERO);
    for (size_t i = 1; i < 7; i++)
        ck_assert_msg(key_parse_public(low_order[i], &key) == KEY_LOW_ORDER, "point %zu", i);
    struct key same = key_of(7);
    ck_assert(key_equal(&key, &same));
}
END_TEST

START_TEST(the_ignored_bit_does_not_hide_such_a_point)
{
    for (size_t i = 0; i < 7; i++) {
        struct key key;
        char text[KEY_TEXT_SIZE];
        ck_assert_int_eq(sodium_base642bin(key.bytes, sizeof(key.bytes), low_order[i], 44, NULL,
                                           NULL, NULL, sodium_base64_VARIANT_ORIGINAL),
                         0);
        key.bytes[31] |= 0x80; /* which X25519 masks */
        ck_assert_int_eq(key_parse_public(key_format(&key, text), &key), KEY_LOW_ORDER);
    }
}
END_TEST

/* The product with a clamped scalar is zero for these points alone, which libsodium reports. */
static void check_against_product(const struct key *key)
{
    static const unsigned char scalar[crypto_scalarmult_SCALARBYTES] = {8};
    unsigned char product[crypto_scalarmult_BYTES];
    char text[KEY_TEXT_SIZE];
    struct key parsed;
    bool has_secret = crypto_scalarmult(product, scalar, key->bytes) == 0;
    enum key_fault fault = key_parse_public(key_format(key, text), &parsed);
    ck_assert_msg((fault == KEY_OK) == has_secret, "%s: %s", text, key_fault_text(fault));
}

START_TEST(the_list_of_such_points_agrees_with_the_multiplication)
{
    for (size_t i = 0; i < 7; i++) {
        struct key point;
        ck_assert(key_decode(low_order[i], &point));
        check_against_product(&point);
        for (int bit = 0; bit < 256; bit++) {
            struct key other = point;
            other.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            check_against_product(&other);
        }
    }
    for (int first = 0; first < 256; first++) {
        struct key low = {{(uint8_t)first}};
        struct key high;
        memset(&high, 0xff, sizeof(high));
        high.bytes[0] = (uint8_t)first;
        high.bytes[31] = 0x7f;
        check_against_product(&low);
        check_against_product(&high);
    }
}
END_TEST

START_TEST(each_fault_has_its_own_words)
{
    for (int a = KEY_OK; a <= KEY_LOW_ORDER; a++)
        for (int b = KEY_OK; b < a; b++)
            ck_assert_str_ne(key_fault_text((enum key_fault)a), key_fault_text((enum key_fault)b));
}
END_TEST

START_TEST(private_keys_are_clamped_and_differ)
{
    struct key keys[32];
    for (int i = 0; i < 32; i++) {
        key_generate_private(&keys[i]);
        ck_assert_uint_eq(keys[i].bytes[0] & 7, 0);
        ck_assert_uint_eq(keys[i].bytes[31] & 0xc0, 0x40);
        for (int j = 0; j < i; j++)
            ck_assert(!key_equal(&keys[i], &keys[j]));
    }
}
END_TEST

static void hex(struct key *key, const char *text)
{
    size_t length = 0;
    ck_assert_int_eq(sodium_hex2bin(key->bytes, KEY_SIZE, text, strlen(text), NULL, &length, NULL),
                     0);
    ck_assert_uint_eq(length, KEY_SIZE);
}

/* RFC 7748, 6.1: Bob's keys. */
START_TEST(the_public_key_is_the_curves)
{
    struct key private_key;
    struct key expected;
    struct key public_key;
    hex(&private_key, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    hex(&expected, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    ck_assert_int_eq(key_derive_public(&private_key, &public_key), 0);
    ck_assert(key_equal(&public_key, &expected));
}
END_TEST

START_TEST(throwaway_keys_differ_and_are_not_zero)
{
    struct key a;
    struct key b;
    key_generate_throwaway(&a);
    key_generate_throwaway(&b);
    ck_assert(!key_equal(&a, &b));
    ck_assert(!key_is_zero(&a));
}
END_TEST

START_TEST(the_preshared_key_is_the_texts_sha256)
{
    struct key key;
    char text[KEY_TEXT_SIZE];
    /* As real gateways have it: sha256("abc") by FIPS 180, and the well-known default. */
    key_from_passphrase("abc", 3, &key);
    ck_assert_str_eq(key_format(&key, text), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    key_from_passphrase("default psk", 11, &key);
    ck_assert_str_eq(key_format(&key, text), "iDiacu9g3CLyI2r1jtb22B9Ly/ASOgll2vv9GSFZPJw=");
}
END_TEST

START_TEST(wiping_leaves_zero)
{
    struct key key = key_of(7);
    struct key zero = {{0}};
    ck_assert(!key_is_zero(&key));
    key_wipe(&key);
    ck_assert(key_is_zero(&key));
    ck_assert(key_equal(&key, &zero));
    for (unsigned byte = 0; byte < KEY_SIZE; byte++) {
        struct key other = {{0}};
        other.bytes[byte] = 0x80;
        ck_assert(!key_is_zero(&other));
        ck_assert(!key_equal(&other, &zero));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_key_survives_its_text,
        other_lengths_are_refused,
        other_encodings_are_refused,
        points_without_a_secret_are_refused,
        the_ignored_bit_does_not_hide_such_a_point,
        the_list_of_such_points_agrees_with_the_multiplication,
        each_fault_has_its_own_words,
        private_keys_are_clamped_and_differ,
        the_public_key_is_the_curves,
        throwaway_keys_differ_and_are_not_zero,
        the_preshared_key_is_the_texts_sha256,
        wiping_leaves_zero,
        NULL,
    };
    return unit_run("base_key", tests);
}
