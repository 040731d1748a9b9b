/* SPDX-License-Identifier: Apache-2.0 */
#include "cast.h"

#include <string.h>

#define ADDRESS_BASE  0xC6120001u /* 198.18.0.1 */
#define ADDRESS_COUNT 131000u
#define PREFIX_BASE   0x0A000000u /* 10.0.0.0 */
#define PREFIX_STEP   16u

/* SplitMix64: any 32 bytes are a public key for the kernel, these have no pattern. */
static uint64_t scatter(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

struct cast cast_remote(uint32_t number)
{
    struct cast remote = {.address = ADDRESS_BASE + number % ADDRESS_COUNT};
    for (uint32_t i = 0; i < CAST_KEY_SIZE / 8; i++) {
        uint64_t word = scatter(number * 4u + (uint64_t)i);
        memcpy(remote.key + i * 8u, &word, sizeof(word));
    }
    remote.key[CAST_KEY_SIZE - 1] &= 0x7F;
    for (uint32_t i = 0; i < CAST_PREFIXES; i++)
        remote.prefixes[i] = PREFIX_BASE + (number * CAST_PREFIXES + i) * PREFIX_STEP;
    return remote;
}
