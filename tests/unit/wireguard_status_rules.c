/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the status decision one by one, on samples made by hand and on traces of real tunnels. */
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "wireguard/status.h"

#define WINDOW_S 195
#define NS       UINT64_C(1000000000)
#define BOOT_S   5000       /* the elapsed clock when a test begins */
#define CLOCK_S  1700000000 /* the wall clock then */
#define HOUR_S   3600
#define DAY_S    86400

START_TEST(no_handshake_is_an_error_after_the_window)
{
    for (int keepalive_s = 0; keepalive_s <= 10; keepalive_s += 10) {
        struct status_state state;
        status_start(&state, BOOT_S * NS, false);
        ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
        ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_STARTING);
        for (uint64_t s = 1; s <= 400; s++) {
            struct status_sample sample = {.now_ns = (BOOT_S + s) * NS,
                                           .realtime_ns = (CLOCK_S + s) * NS,
                                           .tx_bytes = s / 5 * 148};
            status_sample(&state, &sample, WINDOW_S, (uint16_t)keepalive_s);
            char space[STATUS_TEXT_SIZE];
            const char *text = status_describe(&state, sample.now_ns, space);
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
                                       .realtime_ns = (CLOCK_S + s) * NS};
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
            .realtime_ns = (CLOCK_S + s) * NS,
            .handshake_s = CLOCK_S + 1 + (trace->rx_bytes == idle_rx && s > 150 ? 150 : 0),
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

START_TEST(the_lifetime_counts_from_the_first_handshake)
{
    struct status_state state;
    status_start(&state, BOOT_S * NS, false);
    struct status_sample sample = {.now_ns = (BOOT_S + 7) * NS,
                                   .realtime_ns = (CLOCK_S + 7) * NS,
                                   .handshake_s = CLOCK_S + 5,
                                   .rx_bytes = 92};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert(state.established);
    ck_assert_uint_eq(state.established_realtime_s, CLOCK_S + 5);
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
        struct status_sample sample = {.now_ns = BOOT_S * NS, .realtime_ns = CLOCK_S * NS};
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
                                   .realtime_ns = CLOCK_S * NS,
                                   .handshake_s = CLOCK_S,
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
                                   .realtime_ns = CLOCK_S * NS,
                                   .handshake_s = (uint64_t)(CLOCK_S - handshake_age_s),
                                   .rx_bytes = 5000,
                                   .tx_bytes = 5000};
    status_sample(state, &sample, WINDOW_S, keepalive_s);
}

static void silence(struct status_state *state, uint32_t after_s, int64_t handshake_age_s,
                    uint16_t keepalive_s)
{
    for (uint64_t s = 10; s <= after_s; s += 10) {
        struct status_sample sample = {.now_ns = (BOOT_S + s) * NS,
                                       .realtime_ns = (CLOCK_S + s) * NS,
                                       .handshake_s = (uint64_t)(CLOCK_S - handshake_age_s),
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
    static const int64_t ages[] = {196, 1000, 10 * 365 * DAY_S, -1, -HOUR_S, CLOCK_S};
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
        bool answered_once = ages[i] != CLOCK_S;
        bool clock_back = ages[i] == -HOUR_S;
        ck_assert_uint_eq(state.reason, clock_back      ? SUBWG_STATUS_REASON_CLOCK_BACK
                                        : answered_once ? SUBWG_STATUS_REASON_SILENT
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
                                   .realtime_ns = (CLOCK_S + 10) * NS,
                                   .handshake_s = CLOCK_S + 9,
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
                                   .realtime_ns = (CLOCK_S + HOUR_S) * NS,
                                   .handshake_s = CLOCK_S + HOUR_S - 60,
                                   .rx_bytes = 90000,
                                   .tx_bytes = 90000};
    struct status_state other = state;
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTED);
    /* Counters grew at some time in that hour; that says nothing of now. */
    sample.handshake_s = CLOCK_S + 600;
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
                                   .realtime_ns = (CLOCK_S + 10) * NS,
                                   .handshake_s = CLOCK_S + 9,
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
        .now_ns = (BOOT_S + 10) * NS, .realtime_ns = (CLOCK_S + 10) * NS, .tx_bytes = 148};
    status_sample(&state, &sample, WINDOW_S, 10);
    ck_assert_uint_eq(state.status, SUBWG_STATUS_CONNECTING);
    ck_assert_uint_eq(state.reason, SUBWG_STATUS_REASON_STARTING);
    ck_assert_uint_eq(status_tx_bytes(&state), 5148);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_handshake_is_an_error_after_the_window,
        the_window_is_a_setting,
        measured_traces_get_their_verdict_at_any_interval,
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
    return unit_run("wireguard_status_rules", tests);
}
