/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that a driver hands out: fit for a person, and without a secret. */
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* Length of the UTF-8 sequence at bytes, 0 if it is none. */
static size_t sequence_length(const unsigned char *bytes)
{
    size_t length = bytes[0] < 0x80                        ? 1
                    : bytes[0] >= 0xc2 && bytes[0] <= 0xdf ? 2
                    : (bytes[0] & 0xf0) == 0xe0            ? 3
                    : bytes[0] >= 0xf0 && bytes[0] <= 0xf4 ? 4
                                                           : 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* C0, DEL, C1, and the characters that change the direction of what follows. */
static bool is_control(const unsigned char *sequence, size_t length)
{
    if (length == 1)
        return sequence[0] < 0x20 || sequence[0] == 0x7f;
    if (length == 2)
        return sequence[0] == 0xc2 && sequence[1] < 0xa0;
    if (length != 3 || sequence[0] != 0xe2)
        return false;
    return (sequence[1] == 0x80 && sequence[2] >= 0xaa && sequence[2] <= 0xae) ||
           (sequence[1] == 0x81 && sequence[2] >= 0xa6 && sequence[2] <= 0xa9);
}

const char *text_fault(const char *text)
{
    if (text[0] == '\0')
        return "is empty";
    const unsigned char *c = (const unsigned char *)text;
    while (*c != '\0') {
        size_t length = sequence_length(c);
        if (length == 0)
            return "is not UTF-8";
        if (is_control(c, length))
            return "holds a control character or a line break";
        c += length;
    }
    return NULL;
}

static char *transcript;
static size_t transcript_length;
static pthread_mutex_t transcript_lock = PTHREAD_MUTEX_INITIALIZER;

void transcript_add(const char *text)
{
    (void)pthread_mutex_lock(&transcript_lock);
    size_t length = strlen(text);
    char *grown = realloc(transcript, transcript_length + length + 2);
    if (grown != NULL) {
        transcript = grown;
        memcpy(transcript + transcript_length, text, length);
        memcpy(transcript + transcript_length + length, "\n", 2);
        transcript_length += length + 1;
    }
    (void)pthread_mutex_unlock(&transcript_lock);
}

bool transcript_holds(const char *text)
{
    return transcript != NULL && strstr(transcript, text) != NULL;
}

void transcript_clear(void)
{
    free(transcript);
    transcript = NULL;
    transcript_length = 0;
}

/* A preshared key may leak as it was given, or as what was made of it. */
void transcript_check(void)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    char base64[sodium_base64_ENCODED_LEN(sizeof(hash), sodium_base64_VARIANT_ORIGINAL)];
    (void)crypto_hash_sha256(hash, (const unsigned char *)CANARY, strlen(CANARY));
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    (void)sodium_bin2base64(base64, sizeof(base64), hash, sizeof(hash),
                            sodium_base64_VARIANT_ORIGINAL);
    ck_assert_msg(!transcript_holds(CANARY), "a text shows the secret setting");
    ck_assert_msg(!transcript_holds(hex), "a text shows the secret's hash");
    ck_assert_msg(!transcript_holds(base64), "a text shows the preshared key");
    char private_key[128] = "";
    if (subject->read_private_key != NULL)
        subject->read_private_key(private_key, sizeof(private_key));
    ck_assert_msg(private_key[0] == '\0' || !transcript_holds(private_key),
                  "a text shows the private key");
}
