/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the remote there? Decided by what was received, on elapsed time only. Pure: the same samples give
 * the same verdict, whatever the wall clock does and however often somebody asks. Who only looks waits
 * for as long as a session can live; who also asks (status_probed) knows sooner.
 */
#ifndef WIREGUARD_STATUS_H
#define WIREGUARD_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subwg/driver.h>

/* What one dump says of a peer, and when it said it. */
struct status_sample {
    uint64_t now_ns;      /* elapsed clock */
    uint64_t realtime_ns; /* wall clock */
    uint64_t asleep_ns;   /* how long the host has been suspended since some moment, in all */
    uint64_t handshake_s; /* the kernel's, wall clock; 0 = never */
    uint32_t handshake_ns;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
};

struct status_state {
    bool started;     /* started_ns is set */
    bool adopted;     /* the peer was there before this instance */
    bool sampled;     /* a sample has been taken, the fields below are set */
    bool heard;       /* heard_ns is set: something proves the remote's life */
    bool established; /* established_ns is set */
    uint8_t status;   /* enum subwg_status */
    uint8_t reason;   /* enum subwg_status_reason */
    uint8_t told;     /* the status that the engine last had an event of */
    uint32_t flap_count;
    uint32_t reconnect_count;
    uint32_t probes;         /* sent since something was received */
    uint32_t handshake_ns;   /* with handshake_s */
    uint64_t started_ns;     /* when the connection was made or adopted */
    uint64_t sampled_ns;     /* of the last sample */
    uint64_t heard_ns;       /* last proof of life */
    uint64_t session_ns;     /* when the handshake last changed; 0: not known */
    uint64_t asked_ns;       /* since when the remote owes an answer, without any keepalive */
    uint64_t first_probe_ns; /* when those probes went out */
    uint64_t second_probe_ns;
    uint64_t last_probe_ns;
    uint64_t asleep_ns;      /* of the last sample */
    uint64_t slept_ns;       /* of the time since the last proof of life: nobody could hear */
    uint64_t established_ns; /* first handshake seen or adopted */
    uint64_t established_realtime_s;
    uint64_t changed_ns;
    uint64_t handshake_s; /* token of the last sample */
    uint64_t rx_bytes;    /* of the last sample, as the kernel counts */
    uint64_t tx_bytes;
    uint64_t unanswered_bytes; /* sent since something was heard */
    uint64_t rx_before;        /* of peers of this connection that were made anew */
    uint64_t tx_before;
};

/* The connection begins now; adopted: the kernel had it already. */
void status_start(struct status_state *state, uint64_t now_ns, bool adopted);

/* Takes a sample and decides. window_s: silence that is an error for who only looks; keepalive_s: the
 * own one. */
void status_sample(struct status_state *state, const struct status_sample *sample,
                   uint32_t window_s, uint16_t keepalive_s);

/* Takes a sample of a connection whose status is decided elsewhere. */
void status_learn(struct status_state *state, const struct status_sample *sample, uint32_t window_s,
                  uint16_t keepalive_s);

/* What the remote's kernel has to answer was sent into the tunnel. */
void status_probed(struct status_state *state, uint64_t now_ns);

/* For how long a remote that is asked may be silent. */
uint64_t status_probing_window_ns(uint16_t keepalive_s);

/* The last proof of life, or the beginning where there is none. */
uint64_t status_heard_ns(const struct status_state *state);

/* The kernel has no such peer. */
void status_missing(struct status_state *state, uint64_t now_ns);

/* Policy keeps it out of the kernel. */
void status_withheld(struct status_state *state, uint64_t now_ns);

/* The peer was made anew or with another key: counters and handshake begin again at 0. */
void status_restart(struct status_state *state, uint64_t now_ns);

/* The peer of state takes over from the one of history: one connection, whose counters, lifetime and
 * changes of status go on. */
void status_continue(struct status_state *state, const struct status_state *history,
                     uint64_t now_ns);

/* Keeps what another peer of this connection, which is going, has counted. */
void status_add_counters(struct status_state *state, const struct status_state *gone);

/* Two counters that together never decrease. */
static inline uint64_t status_sum(uint64_t a, uint64_t b)
{
    return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

/* Counters over all peers that this connection had; they never decrease. */
static inline uint64_t status_rx_bytes(const struct status_state *state)
{
    return status_sum(state->rx_before, state->rx_bytes);
}

static inline uint64_t status_tx_bytes(const struct status_state *state)
{
    return status_sum(state->tx_before, state->tx_bytes);
}

uint64_t status_lifetime_s(const struct status_state *state, uint64_t now_ns);

#define STATUS_TEXT_SIZE 128

/* A sentence for the reason, in text where it is none of the fixed ones; empty where there is nothing
 * to say. */
const char *status_describe(const struct status_state *state, uint64_t now_ns,
                            char text[STATUS_TEXT_SIZE]);

#endif
