/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/status.h"

#include <inttypes.h>

#include "base/text.h"

#define NS_PER_S 1000000000u

static uint64_t elapsed(uint64_t since_ns, uint64_t now_ns)
{
    return now_ns > since_ns ? now_ns - since_ns : 0;
}

void status_start(struct status_state *state, uint64_t now_ns, bool adopted)
{
    *state = (struct status_state){
        .started = true,
        .adopted = adopted,
        .started_ns = now_ns,
        .changed_ns = now_ns,
        .status = SUBWG_STATUS_CONNECTING,
        .reason = adopted ? SUBWG_STATUS_REASON_ADOPTED : SUBWG_STATUS_REASON_STARTING,
    };
}

static void decide(struct status_state *state, uint64_t now_ns, enum subwg_status status,
                   enum subwg_status_reason reason)
{
    if (status != state->status) {
        state->changed_ns = now_ns;
        if (state->status == SUBWG_STATUS_CONNECTED)
            state->flap_count++;
        else if (status == SUBWG_STATUS_CONNECTED && state->flap_count > 0)
            state->reconnect_count++;
    }
    state->status = (uint8_t)status;
    state->reason = (uint8_t)reason;
}

/* The wall-clock age of the handshake, where it can be believed: within the window. */
static bool believable_age(const struct status_sample *sample, uint64_t window_ns,
                           uint64_t *ret_age_ns)
{
    uint64_t limit_s = UINT64_MAX / NS_PER_S - 1;
    if (sample->handshake_s == 0 || sample->handshake_s > limit_s)
        return false;
    uint64_t handshake_ns = sample->handshake_s * NS_PER_S + sample->handshake_ns;
    if (handshake_ns > sample->realtime_ns || sample->realtime_ns - handshake_ns > window_ns)
        return false;
    *ret_age_ns = sample->realtime_ns - handshake_ns;
    return true;
}

static void note_heard(struct status_state *state, uint64_t heard_ns)
{
    if (!state->heard || heard_ns > state->heard_ns)
        state->heard_ns = heard_ns;
    state->heard = true;
}

static void note_established(struct status_state *state, const struct status_sample *sample,
                             uint64_t age_ns)
{
    if (state->established || sample->handshake_s == 0)
        return;
    state->established = true;
    state->established_ns = sample->now_ns > age_ns ? sample->now_ns - age_ns : 0;
    state->established_realtime_s = sample->handshake_s;
}

/* A peer that was made anew counts from 0 again: what it had counted before is kept. */
static void follow_counters(struct status_state *state, const struct status_sample *sample)
{
    if (sample->rx_bytes < state->rx_bytes || sample->tx_bytes < state->tx_bytes) {
        state->rx_before += state->rx_bytes;
        state->tx_before += state->tx_bytes;
    }
    if (sample->tx_bytes != state->tx_bytes)
        state->spoken_ns = sample->now_ns;
    state->rx_bytes = sample->rx_bytes;
    state->tx_bytes = sample->tx_bytes;
}

/* What this sample proves, compared with the one before. */
static void learn(struct status_state *state, const struct status_sample *sample,
                  uint64_t window_ns)
{
    uint64_t age_ns = 0;
    bool believable = believable_age(sample, window_ns, &age_ns);
    bool handshake = sample->handshake_s != 0 && (sample->handshake_s != state->handshake_s ||
                                                  sample->handshake_ns != state->handshake_ns);
    bool gap = state->sampled && elapsed(state->sampled_ns, sample->now_ns) > window_ns;
    bool first = !state->sampled && state->adopted;

    if (first || gap) {
        /* Counters say nothing of when: only the handshake's own age does. */
        if (believable)
            note_heard(state, sample->now_ns > age_ns ? sample->now_ns - age_ns : 0);
        else
            state->heard = false;
        if (first || !believable) {
            state->started_ns = sample->now_ns;
            state->adopted = true;
        }
    } else if (handshake || sample->rx_bytes > state->rx_bytes) {
        note_heard(state, sample->now_ns);
    }
    if (handshake)
        note_established(state, sample, believable ? age_ns : 0);
    follow_counters(state, sample);
    state->handshake_s = sample->handshake_s;
    state->handshake_ns = sample->handshake_ns;
    state->sampled_ns = sample->now_ns;
    state->sampled = true;
}

void status_sample(struct status_state *state, const struct status_sample *sample,
                   uint32_t window_s, uint16_t keepalive_s)
{
    uint64_t window_ns = (uint64_t)window_s * NS_PER_S;
    learn(state, sample, window_ns);

    uint64_t now_ns = sample->now_ns;
    if (state->heard) {
        state->adopted = false;
        bool silent = elapsed(state->heard_ns, now_ns) >= window_ns;
        /* Without a keepalive of our own, and nothing said since it was heard, silence says nothing. */
        bool asked = keepalive_s != 0 || state->spoken_ns > state->heard_ns;
        if (!silent)
            decide(state, now_ns, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_NONE);
        else if (!asked)
            decide(state, now_ns, SUBWG_STATUS_CONNECTED, SUBWG_STATUS_REASON_IDLE);
        else
            decide(state, now_ns, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_SILENT);
    } else if (elapsed(state->started_ns, now_ns) >= window_ns) {
        decide(state, now_ns, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_NO_HANDSHAKE);
    } else {
        decide(state, now_ns, SUBWG_STATUS_CONNECTING,
               state->adopted ? SUBWG_STATUS_REASON_ADOPTED : SUBWG_STATUS_REASON_STARTING);
    }
}

void status_missing(struct status_state *state, uint64_t now_ns)
{
    decide(state, now_ns, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_MISSING);
}

void status_restart(struct status_state *state, uint64_t now_ns)
{
    state->rx_before += state->rx_bytes;
    state->tx_before += state->tx_bytes;
    state->rx_bytes = 0;
    state->tx_bytes = 0;
    state->handshake_s = 0;
    state->handshake_ns = 0;
    state->sampled = false;
    state->adopted = false;
    state->heard = false;
    state->started = true;
    state->started_ns = now_ns;
    decide(state, now_ns, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING);
}

uint64_t status_rx_bytes(const struct status_state *state)
{
    return state->rx_before + state->rx_bytes;
}

uint64_t status_tx_bytes(const struct status_state *state)
{
    return state->tx_before + state->tx_bytes;
}

uint64_t status_lifetime_s(const struct status_state *state, uint64_t now_ns)
{
    return state->established ? elapsed(state->established_ns, now_ns) / NS_PER_S : 0;
}

const char *status_describe(const struct status_state *state, uint64_t now_ns,
                            char text[STATUS_TEXT_SIZE])
{
    struct text out = text_over(text, STATUS_TEXT_SIZE);
    uint64_t waiting_s = elapsed(state->started_ns, now_ns) / NS_PER_S;
    uint64_t silent_s = elapsed(state->heard_ns, now_ns) / NS_PER_S;
    switch ((enum subwg_status_reason)state->reason) {
    case SUBWG_STATUS_REASON_STARTING:
        text_append(&out, "waiting for the first handshake");
        break;
    case SUBWG_STATUS_REASON_ADOPTED:
        text_append(&out, "taken over from an earlier run, not heard since");
        break;
    case SUBWG_STATUS_REASON_IDLE:
        text_append(&out, "idle: no keepalive and no traffic");
        break;
    case SUBWG_STATUS_REASON_NO_HANDSHAKE:
        text_append(&out, "no handshake for %" PRIu64 " s", waiting_s);
        break;
    case SUBWG_STATUS_REASON_SILENT:
        text_append(&out, "nothing received for %" PRIu64 " s", silent_s);
        break;
    case SUBWG_STATUS_REASON_MISSING:
        text_append(&out, "peer is gone from the kernel: somebody removed it");
        break;
    case SUBWG_STATUS_REASON_FOREIGN:
        text_append(&out, "not configured by this gateway");
        break;
    case SUBWG_STATUS_REASON_CONFLICT:
        text_append(&out, "another cluster claims one of its subnets");
        break;
    case SUBWG_STATUS_REASON_NONE:
        break;
    }
    return text;
}
