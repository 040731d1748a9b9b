/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint to spoil, and what the check of it says. */
#ifndef UNIT_WIREGUARD_SAMPLE_H
#define UNIT_WIREGUARD_SAMPLE_H

#include "unit.h"
#include "wireguard/connection.h"

#define SAMPLE_KEY "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define ZERO_KEY   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* An endpoint with all that it points to. */
struct sample {
    struct subwg_endpoint endpoint;
    struct subwg_setting config[4];
    const char *subnets[4];
};

/* One that is fine. */
void sample_fill(struct sample *sample);

extern struct settings settings;      /* the defaults; a test may change them */
extern struct subwg_error error;      /* of the last check */
extern struct connection *connection; /* made by the last check, NULL if it was refused */

int32_t sample_check(const struct sample *sample);
void sample_check_taken(const struct sample *sample);
/* Refused with that reason, and the sentence names field and value. */
void sample_check_refused(const struct sample *sample, enum subwg_reason reason, const char *field,
                          const char *value);

#endif
