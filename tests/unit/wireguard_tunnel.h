/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two WireGuard ends and what their kernels count, event by event in milliseconds: sessions, handshakes
 * and the five timers of the kernel's implementation, the path between them, and what can happen to
 * hosts. An oracle for tests, not a copy of any code; wireguard_traces.c holds it to measured kernels.
 */
#ifndef UNIT_WIREGUARD_TUNNEL_H
#define UNIT_WIREGUARD_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "unit.h"

#define TUNNEL_CLOCK_S 1700000000 /* the wall clock at the start */
#define TUNNEL_DATA    128        /* bytes of a small packet in the tunnel, as it is counted */
#define TUNNEL_PROBE   64         /* of an empty datagram */

struct session {
    uint64_t id; /* 0: none */
    int64_t born_ms;
    bool initiator;
};

enum timer {
    TIMER_KEEPALIVE,     /* persistent */
    TIMER_OWED,          /* a keepalive for data received */
    TIMER_RETRY,         /* the next initiation */
    TIMER_NEW_HANDSHAKE, /* data was sent and nothing came back */
    TIMER_DATA,          /* the applications' next packet */
    TIMER_COUNT
};

struct end {
    /* Configured. */
    uint32_t keepalive_s;
    uint32_t data_period_s; /* sends data about that often; 0: none */
    bool deaf;              /* dead: neither hears nor says anything */
    bool muted;             /* nothing that it sends arrives */
    bool talks_back;   /* answers a probe by an error message from an address that is not allowed */
    bool other_secret; /* a preshared key that the other end does not have */
    int64_t clock_offset_s; /* of its wall clock */
    int64_t wheel_ms;       /* how far its timers' wheel is turned against the other end's */

    /* What a dump shows. */
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t handshake_s; /* 0: never */
    uint32_t handshake_count;

    /* What only an oracle knows. */
    uint32_t heard_count;     /* handshakes completed and packets of a session received */
    int64_t heard_ms;         /* when the last of those came */
    bool refused;             /* its last initiation looked replayed to the other end */
    int64_t asleep_ms;        /* suspended so long in all */
    int64_t asleep_until_ms;  /* in the past: awake */
    int64_t newest_timestamp; /* of the other end's initiations */

    struct session current;
    struct session previous;
    struct session next;
    uint64_t handshake_id; /* of its initiation that may be answered; 0: none */
    int64_t initiated_ms;
    uint32_t attempts;
    uint32_t staged; /* data that waits for a session */
    bool staged_keepalive;
    bool owed_again;
    bool sent_last_minute;
    int64_t timers[TIMER_COUNT];
};

#define TUNNEL_FLIGHT 64 /* packets on their way */

struct packet {
    int64_t at_ms;
    int64_t timestamp;
    uint64_t id; /* of the session, or of the handshake */
    uint32_t bytes;
    uint8_t kind;
    uint8_t to;
};

struct tunnel {
    struct end ends[2];
    int64_t now_ms;
    uint32_t loss_permille;
    uint32_t latency_ms;
    bool forgetful; /* nobody minds an initiation that seems older than the one before */
    struct chance *chance;
    uint64_t last_id;
    struct packet flight[TUNNEL_FLIGHT]; /* a ring: the latency is the same for all */
    uint32_t first;
    uint32_t count;
};

void tunnel_start(struct tunnel *tunnel, struct chance *chance, uint32_t keepalive_a,
                  uint32_t keepalive_b);
void tunnel_run(struct tunnel *tunnel, int64_t until_ms);
void tunnel_step(struct tunnel *tunnel);                           /* one second */
void tunnel_send(struct tunnel *tunnel, int from, uint32_t bytes); /* one datagram of data */
/* A probe, counted or from an address that is not allowed. */
void tunnel_probe(struct tunnel *tunnel, int from, bool counted);
void tunnel_speak(struct tunnel *tunnel, int at, uint32_t period_s); /* again and again */

/* The device is made anew with the same key: sessions and counters are gone. */
void tunnel_restart(struct tunnel *tunnel, int at);
/* Sessions are gone, counters stay: as after a link was down. */
void tunnel_forget_sessions(struct tunnel *tunnel, int at);
void tunnel_suspend(struct tunnel *tunnel, int at, int64_t for_ms);
void tunnel_step_clock(struct tunnel *tunnel, int64_t seconds); /* at both ends */
bool tunnel_is_asleep(const struct tunnel *tunnel, int at);
int64_t tunnel_now_s(const struct tunnel *tunnel);

#endif
