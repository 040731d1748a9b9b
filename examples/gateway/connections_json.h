/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot's connections as JSON, in the ecosystem's field names. */
#ifndef GATEWAY_CONNECTIONS_JSON_H
#define GATEWAY_CONNECTIONS_JSON_H

#include <stdint.h>
#include <stdio.h>

#include <subwg/snapshot.h>

/* The name of an enum subwg_status_reason. Never NULL. */
const char *connections_reason_name(uint32_t reason);

/* Whatever a driver pushed, the output is valid JSON in ASCII. Returns 0 or -ENOMEM. */
int32_t connections_write_json(const char *title, const struct subwg_snapshot *snapshot,
                               FILE *stream);

#endif
