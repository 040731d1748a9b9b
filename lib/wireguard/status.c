/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/status.h"

#include "base/clock.h"
#include "base/text.h"

/* Data needs a session, and the kernel ends a session 180 s after its handshake. What is received
 * later, or before any, is a remote that asks for a handshake and does not get it: with another
 * preshared key, or over a path that works in one direction only. */
#define SESSION_NS (195 * NS_PER_S)

/* A kernel whose data is not answered sends 18 initiations of 148 bytes within 105 s. One that owes or
 * asks nothing leaves some keepalives of 32 bytes and handshake responses of 92 bytes open at most. */
#define QUESTION_BYTES 1024u

/* A remote that lost its session does not answer a probe, but our kernel asks for a new one 15 s after it
 * and again 5 s later: so long at least must the first probe have been out. Few can be lost. */
#define FIRST_PROBE_NS  (25 * NS_PER_S)
#define SECOND_PROBE_NS (15 * NS_PER_S)
#define PROBES_LEAST    3u

/* The keepalive of which the window for who only looks is the session's life and slack. */
#define USUAL_KEEPALIVE_S 10u

/* Two clocks that are not read at the same moment differ by a little even if nobody slept. */
#define SLEEP_LEAST_NS NS_PER_S

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

/* The wall-clock age of the handshake, where it can be believed: within the limit. */
static bool believable_age(const struct status_sample *sample, uint64_t limit_ns,
                           uint64_t *ret_age_ns)
{
    uint64_t limit_s = UINT64_MAX / NS_PER_S - 1;
    if (sample->handshake_s == 0 || sample->handshake_s > limit_s)
        return false;
    uint64_t handshake_ns = sample->handshake_s * NS_PER_S + sample->handshake_ns;
    if (handshake_ns > sample->realtime_ns || sample->realtime_ns - handshake_ns > limit_ns)
        return false;
    *ret_age_ns = sample->realtime_ns - handshake_ns;
    return true;
}

static void note_heard(struct status_state *state, uint64_t heard_ns)
{
    if (!state->heard || heard_ns > state->heard_ns)
        state->heard_ns = heard_ns;
    state->heard = true;
    state->probes = 0;
    state->slept_ns = 0;
}

/* Since the last sample. While the host is suspended its kernel neither hears nor asks. */
static uint64_t slept_since(const struct status_state *state, const struct status_sample *sample)
{
    uint64_t slept_ns = sample->asleep_ns - state->asleep_ns;
    return state->sampled && slept_ns >= SLEEP_LEAST_NS && slept_ns <= INT64_MAX ? slept_ns : 0;
}

static uint64_t before(uint64_t now_ns, uint64_t age_ns)
{
    return now_ns > age_ns ? now_ns - age_ns : 0;
}

/* A handshake that is new to us, but not always new. */
static void note_handshake(struct status_state *state, const struct status_sample *sample,
                           bool anew)
{
    uint64_t age_ns = 0;
    bool believable = believable_age(sample, SESSION_NS, &age_ns);
    if (!state->established) {
        state->established = true;
        state->established_ns = before(sample->now_ns, age_ns);
        state->established_realtime_s = sample->handshake_s;
    }
    if (!anew)
        state->session_ns = sample->now_ns;
    else
        state->session_ns = believable ? before(sample->now_ns, age_ns) : 0;
}

static void keep_counters(struct status_state *state)
{
    state->rx_before = status_sum(state->rx_before, state->rx_bytes);
    state->tx_before = status_sum(state->tx_before, state->tx_bytes);
    state->rx_bytes = 0;
    state->tx_bytes = 0;
}

/* What is sent without hearing anything, and since when it is more than a kernel sends by itself. */
static void follow_question(struct status_state *state, const struct status_sample *sample,
                            bool answered)
{
    if (answered) {
        state->unanswered_bytes = 0;
        return;
    }
    bool asked = state->unanswered_bytes > QUESTION_BYTES;
    state->unanswered_bytes =
        status_sum(state->unanswered_bytes, sample->tx_bytes - state->tx_bytes);
    if (!asked)
        state->asked_ns = sample->now_ns;
}

/* Counters say nothing of when: after the first look at an adopted peer, and after a long time without
 * a look, only the handshake's own age does. */
static void begin_anew(struct status_state *state, const struct status_sample *sample,
                       uint64_t window_ns, bool first)
{
    uint64_t age_ns = 0;
    uint64_t slept_ns = slept_since(state, sample);
    bool believable = believable_age(sample, window_ns, &age_ns);
    state->heard = believable && state->heard;
    state->probes = 0;
    state->slept_ns = 0;
    if (believable) {
        note_heard(state, before(sample->now_ns, age_ns));
        state->slept_ns = slept_ns;
    }
    if (first || !believable) {
        state->started_ns = sample->now_ns;
        state->adopted = true;
    }
}

/* A sample soon after the last one. What was received meanwhile was so while the session lived. */
static void go_on(struct status_state *state, const struct status_sample *sample, bool answered)
{
    uint64_t end_ns = state->session_ns + SESSION_NS;
    state->slept_ns = status_sum(state->slept_ns, slept_since(state, sample));
    if (answered)
        note_heard(state, sample->now_ns < end_ns ? sample->now_ns : end_ns);
    /* Whether there is a session is not known, and so this is no proof of life, nor of death. */
    else if (state->session_ns == 0 && sample->rx_bytes > state->rx_bytes)
        state->probes = 0;
}

/* What this sample proves, compared with the one before. */
static void learn(struct status_state *state, const struct status_sample *sample,
                  uint64_t window_ns)
{
    bool first = !state->sampled && state->adopted;
    /* Without any handshake there is nothing to date: it is late, however late the first look is. */
    uint64_t looked_ns = state->sampled ? state->sampled_ns : state->started_ns;
    bool late = elapsed(looked_ns, sample->now_ns) > window_ns &&
                (state->sampled || sample->handshake_s != 0);
    bool anew = first || late;
    bool handshake = sample->handshake_s != 0 && (sample->handshake_s != state->handshake_s ||
                                                  sample->handshake_ns != state->handshake_ns);
    if (handshake)
        note_handshake(state, sample, anew);
    bool session = sample->handshake_s != 0 && state->session_ns != 0 &&
                   elapsed(state->session_ns, looked_ns) < SESSION_NS;
    bool answered = handshake || (session && sample->rx_bytes > state->rx_bytes);

    if (anew)
        begin_anew(state, sample, window_ns, first);
    else
        go_on(state, sample, answered);
    /* A peer that was made anew counts from 0 again: what it had counted before is kept. */
    if (sample->rx_bytes < state->rx_bytes || sample->tx_bytes < state->tx_bytes)
        keep_counters(state);
    follow_question(state, sample, anew || answered);
    state->rx_bytes = sample->rx_bytes;
    state->tx_bytes = sample->tx_bytes;
    state->handshake_s = sample->handshake_s;
    state->handshake_ns = sample->handshake_ns;
    state->asleep_ns = sample->asleep_ns;
    state->sampled_ns = sample->now_ns;
    state->sampled = true;
}

/* Since when the remote should have been heard. Without a keepalive of our own, and with nothing said
 * since it was heard last, silence says nothing. */
static bool due_since(const struct status_state *state, uint16_t keepalive_s, uint64_t *ret_ns)
{
    bool answered_once = state->heard || state->handshake_s != 0;
    *ret_ns = state->heard ? state->heard_ns : state->started_ns;
    if (keepalive_s != 0 || !answered_once)
        return true;
    *ret_ns = state->asked_ns;
    return state->unanswered_bytes > QUESTION_BYTES;
}

uint64_t status_heard_ns(const struct status_state *state)
{
    return state->heard ? state->heard_ns : state->started_ns;
}

/* Elapsed time in which the host was awake. */
static uint64_t awake(const struct status_state *state, uint64_t since_ns, uint64_t now_ns)
{
    return elapsed(since_ns + state->slept_ns, now_ns);
}

/* A session that the other end began can outlive its last sign by the own keepalive. */
static uint64_t looking_window_ns(uint32_t window_s, uint16_t keepalive_s)
{
    uint32_t more_s = keepalive_s > USUAL_KEEPALIVE_S ? keepalive_s - USUAL_KEEPALIVE_S : 0;
    return ((uint64_t)window_s + more_s) * NS_PER_S;
}

uint64_t status_probing_window_ns(uint16_t keepalive_s)
{
    uint64_t silence_s = 3 * (uint64_t)keepalive_s;
    return ((silence_s > 30 ? silence_s : 30) + 5) * NS_PER_S;
}

/* A remote that never answered may not know of us yet: no probe can tell that from death. */
static bool leaves_probes_open(const struct status_state *state, uint64_t now_ns,
                               uint16_t keepalive_s)
{
    return state->probes >= PROBES_LEAST && (state->heard || state->handshake_s != 0) &&
           awake(state, state->first_probe_ns, now_ns) >= FIRST_PROBE_NS &&
           awake(state, state->second_probe_ns, now_ns) >= SECOND_PROBE_NS &&
           awake(state, status_heard_ns(state), now_ns) >= status_probing_window_ns(keepalive_s);
}

/* An own clock before the last handshake's: what we send now looks replayed to the remote. */
static enum subwg_status_reason why_silent(const struct status_state *state,
                                           const struct status_sample *sample)
{
    if (!state->heard && state->handshake_s == 0)
        return SUBWG_STATUS_REASON_NO_HANDSHAKE;
    return sample->realtime_ns / NS_PER_S < state->handshake_s ? SUBWG_STATUS_REASON_CLOCK_BACK
                                                               : SUBWG_STATUS_REASON_SILENT;
}

void status_learn(struct status_state *state, const struct status_sample *sample, uint32_t window_s,
                  uint16_t keepalive_s)
{
    learn(state, sample, looking_window_ns(window_s, keepalive_s));
}

void status_sample(struct status_state *state, const struct status_sample *sample,
                   uint32_t window_s, uint16_t keepalive_s)
{
    uint64_t window_ns = looking_window_ns(window_s, keepalive_s);
    learn(state, sample, window_ns);

    uint64_t now_ns = sample->now_ns;
    uint64_t since_ns = 0;
    bool due = due_since(state, keepalive_s, &since_ns);
    if (state->heard)
        state->adopted = false;
    if ((due && awake(state, since_ns, now_ns) >= window_ns) ||
        leaves_probes_open(state, now_ns, keepalive_s))
        decide(state, now_ns, SUBWG_STATUS_ERROR, why_silent(state, sample));
    else if (state->heard)
        decide(state, now_ns, SUBWG_STATUS_CONNECTED,
               due || awake(state, state->heard_ns, now_ns) < window_ns ? SUBWG_STATUS_REASON_NONE
                                                                        : SUBWG_STATUS_REASON_IDLE);
    else
        decide(state, now_ns, SUBWG_STATUS_CONNECTING,
               state->adopted ? SUBWG_STATUS_REASON_ADOPTED : SUBWG_STATUS_REASON_STARTING);
}

void status_probed(struct status_state *state, uint64_t now_ns)
{
    if (state->probes == 0)
        state->first_probe_ns = now_ns;
    else if (state->probes == 1)
        state->second_probe_ns = now_ns;
    state->last_probe_ns = now_ns;
    if (state->probes < UINT32_MAX)
        state->probes++;
}

void status_missing(struct status_state *state, uint64_t now_ns)
{
    decide(state, now_ns, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_MISSING);
}

void status_withheld(struct status_state *state, uint64_t now_ns)
{
    decide(state, now_ns, SUBWG_STATUS_ERROR, SUBWG_STATUS_REASON_CONFLICT);
}

void status_restart(struct status_state *state, uint64_t now_ns)
{
    keep_counters(state);
    state->unanswered_bytes = 0;
    state->handshake_s = 0;
    state->handshake_ns = 0;
    state->sampled = false;
    state->adopted = false;
    state->heard = false;
    state->probes = 0;
    state->slept_ns = 0;
    state->started = true;
    state->started_ns = now_ns;
    decide(state, now_ns, SUBWG_STATUS_CONNECTING, SUBWG_STATUS_REASON_STARTING);
}

void status_continue(struct status_state *state, const struct status_state *history,
                     uint64_t now_ns)
{
    enum subwg_status status = state->status;
    enum subwg_status_reason reason = state->reason;
    status_add_counters(state, history);
    if (history->established) {
        state->established = true;
        state->established_ns = history->established_ns;
        state->established_realtime_s = history->established_realtime_s;
    }
    state->status = history->status;
    state->reason = history->reason;
    state->told = history->told;
    state->changed_ns = history->changed_ns;
    state->flap_count = history->flap_count;
    state->reconnect_count = history->reconnect_count;
    decide(state, now_ns, status, reason);
}

void status_add_counters(struct status_state *state, const struct status_state *gone)
{
    state->rx_before = status_sum(state->rx_before, status_rx_bytes(gone));
    state->tx_before = status_sum(state->tx_before, status_tx_bytes(gone));
}

uint64_t status_lifetime_s(const struct status_state *state, uint64_t now_ns)
{
    return state->established ? elapsed(state->established_ns, now_ns) / NS_PER_S : 0;
}

/* "nothing received for 12 s" */
static const char *describe_duration(const char *before, uint64_t duration_ns, const char *after,
                                     char text[STATUS_TEXT_SIZE])
{
    struct text out = text_over(text, STATUS_TEXT_SIZE);
    text_append_string(&out, before);
    text_append_number(&out, duration_ns / NS_PER_S);
    text_append_string(&out, after);
    return text;
}

const char *status_describe(const struct status_state *state, uint64_t now_ns,
                            char text[STATUS_TEXT_SIZE])
{
    switch ((enum subwg_status_reason)state->reason) {
    case SUBWG_STATUS_REASON_STARTING:
        return "waiting for the first handshake";
    case SUBWG_STATUS_REASON_ADOPTED:
        return "taken over from an earlier run, not heard since";
    case SUBWG_STATUS_REASON_IDLE:
        return "idle: no keepalive and no traffic";
    case SUBWG_STATUS_REASON_NO_HANDSHAKE:
        return describe_duration("no handshake for ", elapsed(state->started_ns, now_ns), " s",
                                 text);
    case SUBWG_STATUS_REASON_SILENT:
        return describe_duration("nothing received for ", elapsed(status_heard_ns(state), now_ns),
                                 " s", text);
    case SUBWG_STATUS_REASON_MISSING:
        return "peer is gone from the kernel: somebody removed it";
    case SUBWG_STATUS_REASON_FOREIGN:
        return "not configured by this gateway";
    case SUBWG_STATUS_REASON_CONFLICT:
        return "withheld: it overlaps what is this gateway's own";
    case SUBWG_STATUS_REASON_CLOCK_BACK:
        return describe_duration("nothing received for ", elapsed(status_heard_ns(state), now_ns),
                                 " s; peer may reject handshakes: clock went back", text);
    case SUBWG_STATUS_REASON_NONE:
        break;
    }
    return "";
}
