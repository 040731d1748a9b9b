/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/repeats.h"

#include <string.h>

/* FNV-1a. Who finds two sentences of one hash keeps one of them out of a log. */
static uint64_t hash(const char *sentence)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *sentence != '\0'; sentence++)
        value = (value ^ (uint8_t)*sentence) * UINT64_C(0x100000001b3);
    return value;
}

static bool has(const uint64_t *hashes, uint32_t count, uint64_t value)
{
    uint32_t i = 0;
    while (i < count && hashes[i] != value)
        i++;
    return i < count;
}

void repeats_begin(struct repeats *repeats)
{
    memcpy(repeats->before, repeats->now, repeats->now_count * sizeof(repeats->now[0]));
    repeats->before_count = repeats->now_count;
    repeats->now_count = 0;
}

bool repeats_is_new(struct repeats *repeats, const char *sentence)
{
    uint64_t value = hash(sentence);
    if (repeats->now_count == LIMIT_REPEATS)
        return false;
    repeats->now[repeats->now_count++] = value;
    return !has(repeats->before, repeats->before_count, value);
}
