/* SPDX-License-Identifier: Apache-2.0 */
#include "debounce.h"

void debounce_note(struct debounce *debounce, uint64_t now_ms)
{
    if (!debounce->pending)
        debounce->first_ms = now_ms;
    debounce->pending = true;
    debounce->last_ms = now_ms;
}

uint64_t debounce_at_ms(const struct debounce *debounce)
{
    uint64_t quiet_ms = debounce->last_ms + DEBOUNCE_QUIET_MS;
    uint64_t most_ms = debounce->first_ms + DEBOUNCE_MOST_MS;

    if (!debounce->pending)
        return UINT64_MAX;
    return quiet_ms < most_ms ? quiet_ms : most_ms;
}

void debounce_clear(struct debounce *debounce)
{
    debounce->pending = false;
}
