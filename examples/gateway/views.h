/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP paths show: /metrics, /connections, /healthz, each from one read of the driver. */
#ifndef GATEWAY_VIEWS_H
#define GATEWAY_VIEWS_H

#include <stdint.h>

#include <subwg/cable.h>

#include "http.h"

struct views {
    struct subwg_cable *cable;
    const char *title;
    uint32_t profile;
    char read_fault
        [SUBWG_ERROR_TEXT_SIZE]; /* of the last read, whoever asked for it; empty: it worked */
};

/* Routes over a struct views as context. */
extern const struct http_route views_routes[];

/* Reads the connections and notes whether that worked. NULL on failure. */
struct subwg_snapshot *views_read_connections(struct views *views);

#endif
