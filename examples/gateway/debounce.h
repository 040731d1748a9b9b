/* SPDX-License-Identifier: Apache-2.0 */
/* Many changes in a short time are worth one look: when they pause, or when the first of them has waited
 * long enough. */
#ifndef GATEWAY_DEBOUNCE_H
#define GATEWAY_DEBOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#define DEBOUNCE_QUIET_MS 100u
#define DEBOUNCE_MOST_MS  1000u

struct debounce {
    bool pending;
    uint64_t first_ms; /* of the changes that nobody has looked at */
    uint64_t last_ms;
};

/* Something changed. */
void debounce_note(struct debounce *debounce, uint64_t now_ms);

/* When it is time to look; UINT64_MAX: there is nothing to look at. */
uint64_t debounce_at_ms(const struct debounce *debounce);

/* Somebody looks now. */
void debounce_clear(struct debounce *debounce);

#endif
