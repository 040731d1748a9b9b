/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two WireGuard ends and what their kernels count, second by second: the timers of the kernel's
 * implementation as far as a status can see them. An oracle for tests, not a copy of any code.
 */
#ifndef UNIT_WIREGUARD_TUNNEL_H
#define UNIT_WIREGUARD_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "unit.h"

struct end {
    /* Configured. */
    uint32_t keepalive_s;
    bool deaf;            /* dead, or unreachable: hears nothing */
    bool other_secret;    /* a preshared key that the other end does not have */
    uint32_t data_period; /* sends data about every so many seconds; 0: none */

    /* What a dump shows. */
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t handshake_s; /* 0: never */
    uint32_t handshake_count;

    /* Timers; INT64_MAX is none. */
    int64_t session_at; /* when the current session began; INT64_MIN: there is none */
    bool initiator;     /* of that session */
    int64_t keepalive_at;
    int64_t owed_at; /* a keepalive for data received */
    bool owed_again;
    int64_t retry_at;    /* the next initiation */
    int64_t give_up_at;  /* of initiations */
    int64_t no_reply_at; /* data sent and nothing heard: a new handshake */
    int64_t initiated_at;
    bool staged; /* data that waits for a session */
};

struct tunnel {
    struct end ends[2];
    int64_t now_s;
    int64_t clock_offset_s; /* of the wall clock */
    uint32_t loss_percent;
    struct chance *chance;
};

#define TUNNEL_CLOCK_S 1700000000

void tunnel_start(struct tunnel *tunnel, struct chance *chance, uint32_t keepalive_a,
                  uint32_t keepalive_b);
void tunnel_send(struct tunnel *tunnel, int from); /* one datagram of data */
void tunnel_step(struct tunnel *tunnel);           /* one second */

#endif
