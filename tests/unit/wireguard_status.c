/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status decision on simulated tunnels and on traces of real ones: no false alarm however long a
 * healthy tunnel runs, no dead remote that goes unnoticed, and nothing that depends on the wall clock
 * or on how often somebody asks.
 */
#include <stdio.h>
#include <string.h>

#include "wireguard/status.h"
#include "wireguard_tunnel.h"

#define WINDOW_S 195
#define NS       UINT64_C(1000000000)
#define BOOT_S   5000 /* the elapsed clock when a test begins */
#define HOUR_S   3600
#define DAY_S    86400

static const uint32_t keepalives[4][2] = {{10, 10}, {10, 0}, {0, 10}, {0, 0}};

/* Somebody who looks at one end from time to time. */
struct watcher {
    struct status_state state;
    int64_t next_s;
    uint32_t poll_s; /* the longest time from look to look */
};

static struct status_sample sample_of(const struct tunnel *tunnel, const struct end *end)
{
    return (struct status_sample){
        .now_ns = (uint64_t)(BOOT_S + tunnel->now_s) * NS,
        .realtime_ns = (uint64_t)(TUNNEL_CLOCK_S + tunnel->now_s + tunnel->clock_offset_s) * NS,
        .handshake_s = end->handshake_s,
        .handshake_ns = end->handshake_s != 0 ? 1 + end->handshake_count : 0,
        .rx_bytes = end->rx_bytes,
        .tx_bytes = end->tx_bytes,
    };
}

static void look(struct watcher *watcher, const struct tunnel *tunnel, int at)
{
    struct status_sample sample = sample_of(tunnel, &tunnel->ends[at]);
    status_sample(&watcher->state, &sample, WINDOW_S, (uint16_t)tunnel->ends[at].keepalive_s);
}

static void watcher_start(struct watcher *watcher, uint32_t poll_s)
{
    *watcher = (struct watcher){.poll_s = poll_s};
    status_start(&watcher->state, BOOT_S * NS, false);
}

/* Looks when it is time; true if it did. */
static bool watch(struct watcher *watcher, const struct tunnel *tunnel, int at)
{
    if (tunnel->now_s < watcher->next_s)
        return false;
    watcher->next_s = tunnel->now_s + 1 + (int64_t)chance_below(tunnel->chance, watcher->poll_s);
    look(watcher, tunnel, at);
    return true;
}

/* Runs a healthy tunnel, seen from both ends. */
static void run_healthy(struct chance *chance, int combination, uint32_t hours, bool traffic)
{
    struct tunnel tunnel;
    struct watcher watchers[2];
    tunnel_start(&tunnel, chance, keepalives[combination][0], keepalives[combination][1]);
    for (int i = 0; i < 2; i++) {
        watcher_start(&watchers[i], 1 + chance_below(chance, 60));
        tunnel.ends[i].data_period = traffic ? 1 + chance_below(chance, 900) : 0;
    }
    tunnel_send(&tunnel, (int)chance_below(chance, 2));
    tunnel.loss_percent = chance_below(chance, 4); /* from here on: there is a session */
    for (uint32_t second = 0; second < hours * HOUR_S; second++) {
        tunnel_step(&tunnel);
        for (int i = 0; i < 2; i++) {
            if (!watch(&watchers[i], &tunnel, i))
                continue;
            const struct status_state *state = &watchers[i].state;
            if (state->status == SUBWG_STATUS_ERROR)
                ck_abort_msg("keepalive %u/%u, poll %u s, end %d: error %u after %lld s",
                             keepalives[combination][0], keepalives[combination][1],
                             watchers[i].poll_s, i, state->reason, (long long)tunnel.now_s);
            CHECK(state->status == SUBWG_STATUS_CONNECTED);
        }
    }
}

START_TEST(healthy_idle_tunnels_never_alarm)
{
    struct chance chance = chance_start("healthy_idle_tunnels_never_alarm");
    for (int run = 0; run < 400; run++)
        run_healthy(&chance, run % 4, 1, false);
    for (int combination = 0; combination < 4; combination++)
        run_healthy(&chance, combination, 100, false);
}
END_TEST

START_TEST(healthy_tunnels_with_traffic_never_alarm)
{
    struct chance chance = chance_start("healthy_tunnels_with_traffic_never_alarm");
    for (int run = 0; run < 400; run++)
        run_healthy(&chance, run % 4, 2, true);
}
END_TEST

START_TEST(without_keepalive_and_traffic_it_is_idle)
{
    struct chance chance = chance_start("without_keepalive_and_traffic_it_is_idle");
    struct tunnel tunnel;
    struct watcher watchers[2];
    tunnel_start(&tunnel, &chance, 0, 0);
    watcher_start(&watchers[0], 1);
    watcher_start(&watchers[1], 1);
    tunnel_send(&tunnel, 0); /* one datagram, which the other end owes an answer by the kernel */
    for (int second = 0; second < 600; second++) {
        tunnel_step(&tunnel);
        for (int i = 0; i < 2; i++) {
            (void)watch(&watchers[i], &tunnel, i);
            CHECK(watchers[i].state.status == SUBWG_STATUS_CONNECTED);
            bool idle = watchers[i].state.reason == SUBWG_STATUS_REASON_IDLE;
            CHECK(second < 190 ? !idle : second > 220 ? idle : true);
        }
    }
    /* Traffic after the pause: the moment between question and answer is no error. */
    tunnel_send(&tunnel, 1);
    tunnel.ends[1].tx_bytes += 10 * 148; /* the answer takes a while */
    look(&watchers[1], &tunnel, 1);
    ck_assert_uint_eq(watchers[1].state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(watchers[1].state.reason, SUBWG_STATUS_REASON_NONE);
    ck_assert_uint_eq(watchers[1].state.flap_count, 0);
}
END_TEST

/* When the watcher saw the last growth of rx, and when it reported the error: both in seconds. */
struct outcome {
    int64_t truly_heard_s;
    int64_t seen_s;
    int64_t error_s; /* -1: never */
};

/* The remote dies at some moment; the own end goes on for a while. */
static struct outcome run_dying(struct chance *chance, uint32_t keepalive_s,
                                uint32_t remote_keepalive_s, uint32_t data_period, uint32_t poll_s)
{
    struct tunnel tunnel;
    struct watcher watcher;
    struct outcome outcome = {0, 0, -1};
    tunnel_start(&tunnel, chance, keepalive_s, remote_keepalive_s);
    watcher_start(&watcher, poll_s);
    tunnel.ends[0].data_period = data_period;
    tunnel_send(&tunnel, 0);
    int64_t dies_s = 60 + (int64_t)chance_below(chance, 600);
    uint64_t rx_truly = 0;
    uint64_t rx_seen = 0;
    for (int second = 0; second < dies_s + 900; second++) {
        tunnel_step(&tunnel);
        tunnel.ends[1].deaf = tunnel.now_s >= dies_s;
        if (tunnel.ends[0].rx_bytes != rx_truly)
            outcome.truly_heard_s = tunnel.now_s;
        rx_truly = tunnel.ends[0].rx_bytes;
        if (!watch(&watcher, &tunnel, 0))
            continue;
        if (rx_seen != rx_truly)
            outcome.seen_s = tunnel.now_s;
        rx_seen = rx_truly;
        bool is_error = watcher.state.status == SUBWG_STATUS_ERROR;
        CHECK(outcome.error_s < 0 || is_error); /* once reported it stays, though tx grows */
        if (is_error && outcome.error_s < 0)
            outcome.error_s = tunnel.now_s;
    }
    if (outcome.error_s >= 0)
        CHECK(watcher.state.reason == SUBWG_STATUS_REASON_SILENT);
    return outcome;
}

START_TEST(a_dead_remote_is_reported_in_time_and_not_before)
{
    struct chance chance = chance_start("a_dead_remote_is_reported_in_time_and_not_before");
    for (int run = 0; run < 400; run++) {
        uint32_t poll_s = 1 + chance_below(&chance, 60);
        uint32_t data_period = chance_is(&chance, 50) ? 1 + chance_below(&chance, 100) : 0;
        struct outcome outcome =
            run_dying(&chance, 10, chance_is(&chance, 50) ? 10 : 0, data_period, poll_s);
        CHECK(outcome.error_s >= 0);
        CHECK(outcome.error_s - outcome.truly_heard_s >= WINDOW_S);
        CHECK(outcome.error_s - outcome.seen_s <= WINDOW_S + poll_s);
    }
}
END_TEST

START_TEST(without_keepalive_traffic_finds_the_dead_remote)
{
    struct chance chance = chance_start("without_keepalive_traffic_finds_the_dead_remote");
    for (int run = 0; run < 200; run++) {
        uint32_t poll_s = 1 + chance_below(&chance, 60);
        struct outcome outcome = run_dying(&chance, 0, chance_is(&chance, 50) ? 10 : 0, 3, poll_s);
        CHECK(outcome.error_s >= 0);
        CHECK(outcome.error_s - outcome.truly_heard_s >= WINDOW_S);
        /* Counted from the first question that stayed open. */
        CHECK(outcome.error_s - outcome.seen_s <= WINDOW_S + 2 * poll_s + 120);
    }
}
END_TEST

START_TEST(it_recovers_at_the_next_look)
{
    struct chance chance = chance_start("it_recovers_at_the_next_look");
    struct tunnel tunnel;
    struct watcher watcher;
    tunnel_start(&tunnel, &chance, 10, 10);
    watcher_start(&watcher, 1);
    for (int second = 0; second < 100; second++) {
        tunnel_step(&tunnel);
        look(&watcher, &tunnel, 0);
    }
    tunnel.ends[1].deaf = true;
    for (int second = 0; second < 400; second++) {
        tunnel_step(&tunnel);
        look(&watcher, &tunnel, 0);
    }
    ck_assert_uint_eq(watcher.state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(watcher.state.flap_count, 1);
    ck_assert_uint_eq(watcher.state.reconnect_count, 0);
    tunnel.ends[1].deaf = false;
    uint32_t handshakes = tunnel.ends[0].handshake_count;
    while (tunnel.ends[0].handshake_count == handshakes) {
        tunnel_step(&tunnel);
        look(&watcher, &tunnel, 0);
        CHECK(tunnel.now_s < 600);
    }
    ck_assert_uint_eq(watcher.state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(watcher.state.flap_count, 1);
    ck_assert_uint_eq(watcher.state.reconnect_count, 1);
    ck_assert_uint_eq(watcher.state.changed_ns, (uint64_t)(BOOT_S + tunnel.now_s) * NS);
}
END_TEST

/* A remote that hears us and is not heard, or has another preshared key: whatever it asks for is
 * counted as received, and still there is no tunnel. */
static void check_never_connected(bool other_secret, bool from_the_start)
{
    struct chance chance = chance_start("check_never_connected");
    int at = other_secret ? 1 : 0; /* the end that only answers */
    for (uint32_t poll_s = 1; poll_s <= 60; poll_s++) {
        struct tunnel tunnel;
        struct watcher watcher;
        tunnel_start(&tunnel, &chance, 10, 10);
        watcher_start(&watcher, poll_s);
        int64_t breaks_s = from_the_start ? 0 : 300;
        for (int second = 0; second < breaks_s + 900; second++) {
            if (tunnel.now_s == breaks_s) {
                tunnel.ends[1].other_secret = other_secret;
                tunnel.ends[0].session_at = INT64_MIN;
                tunnel.ends[1].session_at = INT64_MIN;
            }
            if (!other_secret && tunnel.now_s >= breaks_s)
                tunnel.ends[0].rx_bytes += second % 5 == 0 ? 148 : 0; /* only its initiations */
            if (other_secret || tunnel.now_s < breaks_s)
                tunnel_step(&tunnel);
            else
                tunnel.now_s++;
            if (!watch(&watcher, &tunnel, at))
                continue;
            if (from_the_start)
                CHECK(watcher.state.status != SUBWG_STATUS_CONNECTED);
            /* A session may have begun just before, and counts for as long as it could live. */
            if (tunnel.now_s > breaks_s + 2 * WINDOW_S + 2 * poll_s)
                CHECK(watcher.state.status == SUBWG_STATUS_ERROR);
        }
        CHECK(tunnel.ends[at].rx_bytes >= 50 * 148);
        CHECK(watcher.state.reason ==
              (from_the_start ? SUBWG_STATUS_REASON_NO_HANDSHAKE : SUBWG_STATUS_REASON_SILENT));
    }
}

START_TEST(another_preshared_key_is_never_connected)
{
    check_never_connected(true, true);
}
END_TEST

START_TEST(a_preshared_key_changed_later_is_noticed)
{
    check_never_connected(true, false);
}
END_TEST

START_TEST(a_path_in_one_direction_is_never_connected)
{
    check_never_connected(false, true);
}
END_TEST

START_TEST(a_path_that_loses_one_direction_is_noticed)
{
    check_never_connected(false, false);
}
END_TEST

START_TEST(no_handshake_is_an_error_after_the_window)
{
    for (int keepalive_s = 0; keepalive_s <= 10; keepalive_s += 10) {
        struct status_state state;
        status_start(&state, BOOT_S * NS, false);
        ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
        ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_STARTING);
        for (uint64_t s = 1; s <= 400; s++) {
            struct status_sample sample = {.now_ns = (BOOT_S + s) * NS,
                                           .realtime_ns = (TUNNEL_CLOCK_S + s) * NS,
                                           .tx_bytes = s / 5 * 148};
            status_sample(&state, &sample, WINDOW_S, (uint16_t)keepalive_s);
            char text[STATUS_TEXT_SIZE];
            (void)status_describe(&state, sample.now_ns, text);
            if (s < WINDOW_S) {
                CHECK(state.status == SUBWG_STATUS_CONNECTING);
                CHECK(state.reason == SUBWG_STATUS_REASON_STARTING);
            } else {
                CHECK(state.status == SUBWG_STATUS_ERROR);
                CHECK(state.reason == SUBWG_STATUS_REASON_NO_HANDSHAKE);
                CHECK(state.changed_ns == (BOOT_S + WINDOW_S) * NS);
                char expected[32];
                snprintf(expected, sizeof(expected), "%u s", (unsigned)s);
                CHECK(strstr(text, "handshake") != NULL && strstr(text, expected) != NULL);
            }
            CHECK(status_lifetime_s(&state, sample.now_ns) == 0);
        }
    }
}
END_TEST

START_TEST(the_window_is_a_setting)
{
    struct status_state state;
    status_start(&state, BOOT_S * NS, false);
    for (uint64_t s = 1; s <= 40; s++) {
        struct status_sample sample = {.now_ns = (BOOT_S + s) * NS,
                                       .realtime_ns = (TUNNEL_CLOCK_S + s) * NS};
        status_sample(&state, &sample, 20, 10);
        CHECK(state.status == (s < 20 ? SUBWG_STATUS_CONNECTING : SUBWG_STATUS_ERROR));
    }
}
END_TEST

/* A trace of a real kernel, at steps of ten seconds. */
struct trace {
    const uint64_t *rx_bytes;
    const uint64_t *tx_bytes;
    size_t length;
};

/* Idle with 10 s on both sides, Linux 6.1: rx stood still for 20 s at a time. The first five figures
 * are measured, the others go on like them, with a rekey. */
static const uint64_t idle_rx[] = {156, 156, 188, 188, 220, 220, 220, 252, 252, 284,
                                   284, 284, 316, 316, 348, 440, 440, 472, 472, 504};
static const uint64_t idle_tx[] = {180, 212, 212, 244, 244, 276, 308, 308, 340, 340,
                                   372, 404, 404, 436, 436, 584, 616, 616, 648, 648};
/* The remote died at 60 s: measured, rx froze at 468 B while tx grew from 528 to 6,748 B. */
static const uint64_t dead_rx[] = {156, 220, 284, 348, 412, 468, 468, 468, 468, 468,
                                   468, 468, 468, 468, 468, 468, 468, 468, 468, 468,
                                   468, 468, 468, 468, 468, 468, 468, 468, 468, 468,
                                   468, 468, 468, 468, 468, 468, 468, 468, 468, 468};
static uint64_t dead_tx[40];

static uint8_t replay(const struct trace *trace, uint32_t poll_steps, int64_t *ret_error_s)
{
    struct status_state state;
    *ret_error_s = -1;
    status_start(&state, BOOT_S * NS, false);
    for (size_t i = 0; i < trace->length; i += poll_steps) {
        uint64_t s = 10 * (i + 1);
        struct status_sample sample = {
            .now_ns = (BOOT_S + s) * NS,
            .realtime_ns = (TUNNEL_CLOCK_S + s) * NS,
            .handshake_s = TUNNEL_CLOCK_S + 1 + (trace->rx_bytes == idle_rx && s > 150 ? 150 : 0),
            .rx_bytes = trace->rx_bytes[i],
            .tx_bytes = trace->tx_bytes[i],
        };
        status_sample(&state, &sample, WINDOW_S, 10);
        if (state.status == SUBWG_STATUS_ERROR && *ret_error_s < 0)
            *ret_error_s = (int64_t)s;
    }
    return state.status;
}

START_TEST(measured_traces_get_their_verdict_at_any_interval)
{
    for (int i = 0; i < 40; i++)
        dead_tx[i] = i < 6 ? 528 : 528 + (uint64_t)(i - 5) * (6748 - 528) / 34;
    const struct trace idle = {idle_rx, idle_tx, sizeof(idle_rx) / sizeof(idle_rx[0])};
    const struct trace dead = {dead_rx, dead_tx, sizeof(dead_rx) / sizeof(dead_rx[0])};
    for (uint32_t steps = 1; steps <= 6; steps++) {
        int64_t error_s;
        ck_assert_uint_eq(replay(&idle, steps, &error_s), SUBWG_STATUS_CONNECTED);
        ck_assert_int_eq(error_s, -1);
        ck_assert_uint_eq(replay(&dead, steps, &error_s), SUBWG_STATUS_ERROR);
        ck_assert_int_ge(error_s, 60 + WINDOW_S);
        ck_assert_int_le(error_s, 60 + WINDOW_S + 2 * 10 * (int64_t)steps);
    }
}
END_TEST

/* Two watchers of one tunnel, one of them with a wall clock that jumps about: both see the same. */
START_TEST(clock_steps_change_nothing)
{
    struct chance chance = chance_start("clock_steps_change_nothing");
    static const int64_t steps[] = {1, -1, HOUR_S, -HOUR_S, 3650LL * DAY_S, -3650LL * DAY_S};
    for (int run = 0; run < 200; run++) {
        struct tunnel steady;
        struct tunnel jumping;
        struct watcher watchers[2];
        struct chance twin = chance;
        const uint32_t *pair = keepalives[run % 4];
        tunnel_start(&steady, &chance, pair[0], pair[1]);
        tunnel_start(&jumping, &twin, pair[0], pair[1]);
        watcher_start(&watchers[0], 1 + (uint32_t)run % 60);
        watcher_start(&watchers[1], 1 + (uint32_t)run % 60);
        tunnel_send(&steady, 0);
        tunnel_send(&jumping, 0);
        for (int second = 0; second < 1500; second++) {
            if (second % 50 == 17)
                jumping.clock_offset_s += steps[(second / 50 + run) % 6];
            steady.ends[1].deaf = second >= 700 && second < 1100;
            jumping.ends[1].deaf = steady.ends[1].deaf;
            tunnel_step(&steady);
            tunnel_step(&jumping);
            CHECK(watch(&watchers[0], &steady, 0) == watch(&watchers[1], &jumping, 0));
            const struct status_state *a = &watchers[0].state;
            const struct status_state *b = &watchers[1].state;
            CHECK(a->status == b->status && a->reason == b->reason);
            CHECK(a->changed_ns == b->changed_ns && a->flap_count == b->flap_count);
        }
        CHECK(watchers[1].state.established && watchers[1].state.flap_count == (pair[0] != 0));
        uint64_t now_ns = (BOOT_S + 1500) * NS;
        CHECK(status_lifetime_s(&watchers[1].state, now_ns) <= 1500);
    }
}
END_TEST

START_TEST(the_lifetime_counts_from_the_first_handshake)
{
    struct status_state state;
    status_start(&state, BOOT_S * NS, false);
    struct status_sample sample = {.now_ns = (BOOT_S + 7) * NS,
                                   .realtime_ns = (TUNNEL_CLOCK_S + 7) * NS,
                                   .handshake_s = TUNNEL_CLOCK_S + 5,
                                   .rx_bytes = 92};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert(state.established);
    ck_assert_uint_eq(state.established_realtime_s, TUNNEL_CLOCK_S + 5);
    ck_assert_uint_eq(status_lifetime_s(&state, (BOOT_S + 105) * NS), 100);
    sample.now_ns += 130 * NS;
    sample.realtime_ns += 130 * NS;
    sample.handshake_s += 120;
    status_sample(&state, &sample, WINDOW_S, 10); /* a rekey is no new connection */
    ck_assert_uint_eq(status_lifetime_s(&state, (BOOT_S + 205) * NS), 200);
    ck_assert_uint_eq(status_lifetime_s(&state, 0), 0); /* never negative */
}
END_TEST

START_TEST(counters_never_decrease)
{
    struct chance chance = chance_start("counters_never_decrease");
    for (int run = 0; run < 200; run++) {
        struct status_state state;
        status_start(&state, BOOT_S * NS, false);
        struct status_sample sample = {.now_ns = BOOT_S * NS, .realtime_ns = TUNNEL_CLOCK_S * NS};
        uint64_t rx = 0;
        uint64_t tx = 0;
        for (int i = 0; i < 300; i++) {
            sample.now_ns += (1 + chance_below(&chance, 60)) * NS;
            uint64_t rx_more = chance_below(&chance, 2000);
            uint64_t tx_more = chance_below(&chance, 2000);
            if (chance_is(&chance, 5)) {
                status_restart(&state, sample.now_ns);
                sample.rx_bytes = 0;
                sample.tx_bytes = 0;
            } else if (chance_is(&chance, 5) && sample.rx_bytes > 2000) {
                sample.rx_bytes = 0; /* somebody removed the peer and added it again */
                sample.tx_bytes = 0;
            }
            sample.rx_bytes += rx_more;
            sample.tx_bytes += tx_more;
            rx += rx_more;
            tx += tx_more;
            status_sample(&state, &sample, WINDOW_S, 10);
            CHECK(status_rx_bytes(&state) == rx);
            CHECK(status_tx_bytes(&state) == tx);
        }
    }
}
END_TEST

START_TEST(counters_at_their_end_stay_there)
{
    struct status_state state;
    status_start(&state, BOOT_S * NS, false);
    struct status_sample sample = {
        .now_ns = BOOT_S * NS, .rx_bytes = UINT64_MAX - 10, .tx_bytes = UINT64_MAX};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(status_rx_bytes(&state), UINT64_MAX - 10);
    sample.now_ns += NS;
    sample.rx_bytes = 100;
    sample.tx_bytes = 100;
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(status_rx_bytes(&state), UINT64_MAX);
    ck_assert_uint_eq(status_tx_bytes(&state), UINT64_MAX);
    status_restart(&state, sample.now_ns);
    ck_assert_uint_eq(status_rx_bytes(&state), UINT64_MAX);
}
END_TEST

START_TEST(a_reset_of_the_counters_is_no_reset_of_the_verdict)
{
    struct status_state state;
    status_start(&state, BOOT_S * NS, false);
    struct status_sample sample = {.now_ns = BOOT_S * NS,
                                   .realtime_ns = TUNNEL_CLOCK_S * NS,
                                   .handshake_s = TUNNEL_CLOCK_S,
                                   .rx_bytes = 5000,
                                   .tx_bytes = 5000};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    sample.now_ns += 5 * NS;
    sample.realtime_ns += 5 * NS;
    sample.rx_bytes = 180;
    sample.tx_bytes = 240;
    sample.handshake_s += 3;
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(state.flap_count, 0);
    ck_assert_uint_eq(status_rx_bytes(&state), 5180);
}
END_TEST

static void adopt(struct status_state *state, int64_t handshake_age_s, uint16_t keepalive_s)
{
    status_start(state, BOOT_S * NS, true);
    struct status_sample sample = {.now_ns = BOOT_S * NS,
                                   .realtime_ns = TUNNEL_CLOCK_S * NS,
                                   .handshake_s = (uint64_t)(TUNNEL_CLOCK_S - handshake_age_s),
                                   .rx_bytes = 5000,
                                   .tx_bytes = 5000};
    status_sample(state, &sample, WINDOW_S, keepalive_s);
}

static void silence(struct status_state *state, uint32_t after_s, int64_t handshake_age_s,
                    uint16_t keepalive_s)
{
    for (uint64_t s = 10; s <= after_s; s += 10) {
        struct status_sample sample = {.now_ns = (BOOT_S + s) * NS,
                                       .realtime_ns = (TUNNEL_CLOCK_S + s) * NS,
                                       .handshake_s = (uint64_t)(TUNNEL_CLOCK_S - handshake_age_s),
                                       .rx_bytes = 5000,
                                       .tx_bytes = 5000 + (keepalive_s != 0 ? s / 10 * 148 : 0)};
        status_sample(state, &sample, WINDOW_S, keepalive_s);
    }
}

START_TEST(adopted_with_a_recent_handshake_its_age_counts)
{
    struct status_state state;
    adopt(&state, 0, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    adopt(&state, 100, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_NONE);
    ck_assert_uint_eq(status_lifetime_s(&state, BOOT_S * NS), 100);
    silence(&state, 90, 100, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    silence(&state, 100, 100, 10); /* 200 s since the handshake */
    ck_assert_uint_eq(state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_SILENT);
}
END_TEST

START_TEST(adopted_with_any_other_handshake_it_is_connecting)
{
    static const int64_t ages[] = {196, 1000, 10 * 365 * DAY_S, -1, -HOUR_S, TUNNEL_CLOCK_S};
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        struct status_state state;
        char text[STATUS_TEXT_SIZE];
        adopt(&state, ages[i], 10);
        ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
        ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_ADOPTED);
        ck_assert_str_ne(status_describe(&state, BOOT_S * NS, text), "");
        silence(&state, 190, ages[i], 10);
        ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
        silence(&state, 200, ages[i], 10);
        ck_assert_uint_eq(state.status, SUBWG_STATUS_ERROR);
        bool answered_once = ages[i] != TUNNEL_CLOCK_S;
        ck_assert_uint_eq(state.reason, answered_once ? SUBWG_STATUS_REASON_SILENT
                                                      : SUBWG_STATUS_REASON_NO_HANDSHAKE);
        ck_assert_ptr_nonnull(strstr(status_describe(&state, (BOOT_S + 200) * NS, text), "200 s"));
    }
}
END_TEST

START_TEST(adopted_and_idle_it_does_not_alarm)
{
    struct status_state state;
    adopt(&state, 1000, 0);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_ADOPTED);
    silence(&state, 1000, 1000, 0);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_ADOPTED);
}
END_TEST

START_TEST(an_adopted_peer_is_connected_when_it_is_heard)
{
    struct status_state state;
    adopt(&state, 1000, 10);
    struct status_sample sample = {.now_ns = (BOOT_S + 10) * NS,
                                   .realtime_ns = (TUNNEL_CLOCK_S + 10) * NS,
                                   .handshake_s = TUNNEL_CLOCK_S + 9,
                                   .rx_bytes = 5092,
                                   .tx_bytes = 5148};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(state.flap_count, 0);
}
END_TEST

START_TEST(after_a_long_time_without_a_look_the_handshake_decides)
{
    struct status_state state;
    adopt(&state, 10, 10);
    struct status_sample sample = {.now_ns = (BOOT_S + HOUR_S) * NS,
                                   .realtime_ns = (TUNNEL_CLOCK_S + HOUR_S) * NS,
                                   .handshake_s = TUNNEL_CLOCK_S + HOUR_S - 60,
                                   .rx_bytes = 90000,
                                   .tx_bytes = 90000};
    struct status_state other = state;
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    /* Counters grew at some time in that hour; that says nothing of now. */
    sample.handshake_s = TUNNEL_CLOCK_S + 600;
    status_sample(&other, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(other.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(other.reason, SUBWG_STATUS_REASON_ADOPTED);
}
END_TEST

START_TEST(a_missing_peer_is_an_error_that_ends_when_it_is_back)
{
    struct status_state state;
    char text[STATUS_TEXT_SIZE];
    adopt(&state, 10, 10);
    status_missing(&state, (BOOT_S + 5) * NS);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_MISSING);
    ck_assert_uint_eq(state.flap_count, 1);
    ck_assert_uint_eq(status_rx_bytes(&state), 5000);
    ck_assert_str_ne(status_describe(&state, (BOOT_S + 5) * NS, text), "");
    struct status_sample sample = {.now_ns = (BOOT_S + 10) * NS,
                                   .realtime_ns = (TUNNEL_CLOCK_S + 10) * NS,
                                   .handshake_s = TUNNEL_CLOCK_S + 9,
                                   .rx_bytes = 92};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(state.reconnect_count, 1);
    ck_assert_uint_eq(status_rx_bytes(&state), 5092);
}
END_TEST

START_TEST(a_new_key_begins_again_and_keeps_the_history)
{
    struct status_state state;
    adopt(&state, 10, 10);
    status_restart(&state, (BOOT_S + 5) * NS);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_STARTING);
    ck_assert_uint_eq(status_rx_bytes(&state), 5000);
    struct status_sample sample = {
        .now_ns = (BOOT_S + 10) * NS, .realtime_ns = (TUNNEL_CLOCK_S + 10) * NS, .tx_bytes = 148};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_STARTING);
    ck_assert_uint_eq(status_tx_bytes(&state), 5148);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        healthy_idle_tunnels_never_alarm,
        healthy_tunnels_with_traffic_never_alarm,
        without_keepalive_and_traffic_it_is_idle,
        a_dead_remote_is_reported_in_time_and_not_before,
        without_keepalive_traffic_finds_the_dead_remote,
        it_recovers_at_the_next_look,
        another_preshared_key_is_never_connected,
        a_preshared_key_changed_later_is_noticed,
        a_path_in_one_direction_is_never_connected,
        a_path_that_loses_one_direction_is_noticed,
        no_handshake_is_an_error_after_the_window,
        the_window_is_a_setting,
        measured_traces_get_their_verdict_at_any_interval,
        clock_steps_change_nothing,
        the_lifetime_counts_from_the_first_handshake,
        counters_never_decrease,
        counters_at_their_end_stay_there,
        a_reset_of_the_counters_is_no_reset_of_the_verdict,
        adopted_with_a_recent_handshake_its_age_counts,
        adopted_with_any_other_handshake_it_is_connecting,
        adopted_and_idle_it_does_not_alarm,
        an_adopted_peer_is_connected_when_it_is_heard,
        after_a_long_time_without_a_look_the_handshake_decides,
        a_missing_peer_is_an_error_that_ends_when_it_is_back,
        a_new_key_begins_again_and_keeps_the_history,
        NULL,
    };
    return unit_run("wireguard_status", tests);
}
