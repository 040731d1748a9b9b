/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard keys: 32 bytes, base64 outside. Pure but for the random generator. */
#ifndef BASE_KEY_H
#define BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KEY_SIZE      32
#define KEY_TEXT_SIZE 45 /* 44 characters and the NUL */

struct key {
    uint8_t bytes[KEY_SIZE];
};

enum key_fault {
    KEY_OK = 0,
    KEY_LENGTH,   /* not 44 characters */
    KEY_ENCODING, /* not base64, wrong padding, trailing bits */
    KEY_ZERO,     /* all zero */
    KEY_LOW_ORDER /* a point with which every secret is the same */
};

/* 32 bytes from 44 characters of base64, of which nothing leaks by timing; the caller wipes a secret,
 * also after false. */
bool key_decode(const char *text, struct key *ret_key);

/* A public key from its text; refuses what no honest peer can have. */
enum key_fault key_parse_public(const char *text, struct key *ret_key);
const char *key_fault_text(enum key_fault fault);

const char *key_format(const struct key *key, char text[KEY_TEXT_SIZE]);

/* One of a key's four words, for comparing. */
static inline uint64_t key_word(const uint8_t bytes[KEY_SIZE], unsigned int index)
{
    uint64_t word;
    memcpy(&word, bytes + index * sizeof(word), sizeof(word));
    return word;
}

/* For public keys, nearly all of which differ in their first word: the time it takes says where. */
static inline bool key_equal(const struct key *a, const struct key *b)
{
    return key_word(a->bytes, 0) == key_word(b->bytes, 0) &&
           key_word(a->bytes, 1) == key_word(b->bytes, 1) &&
           key_word(a->bytes, 2) == key_word(b->bytes, 2) &&
           key_word(a->bytes, 3) == key_word(b->bytes, 3);
}

bool key_is_zero(const struct key *key);
void key_wipe(struct key *key);

/* A fresh private key, clamped; the caller wipes it. */
void key_generate_private(struct key *ret_private);
int key_derive_public(const struct key *private_key, struct key *ret_public);
/* A random value in a public key's place, for a peer that lives within one message only. */
void key_generate_throwaway(struct key *ret_public);
/* The preshared key of a configured text: its SHA-256. */
void key_from_passphrase(const char *text, size_t length, struct key *ret_key);

#endif
