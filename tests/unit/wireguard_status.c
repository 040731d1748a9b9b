/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status decision on simulated tunnels: no false alarm however long a
 * healthy tunnel runs, no dead remote that goes unnoticed, and nothing that depends on the wall clock
 * or on how often somebody asks.
 */
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
        .now_ns = (uint64_t)(BOOT_S + tunnel_now_s(tunnel)) * NS,
        .realtime_ns = (uint64_t)(TUNNEL_CLOCK_S + tunnel_now_s(tunnel) + end->clock_offset_s) * NS,
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
    if (tunnel_now_s(tunnel) < watcher->next_s)
        return false;
    watcher->next_s =
        tunnel_now_s(tunnel) + 1 + (int64_t)chance_below(tunnel->chance, watcher->poll_s);
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
        tunnel_speak(&tunnel, i, traffic ? 1 + chance_below(chance, 900) : 0);
    }
    tunnel_send(&tunnel, (int)chance_below(chance, 2), TUNNEL_DATA);
    while (tunnel.ends[0].handshake_count == 0 || tunnel.ends[1].handshake_count == 0)
        tunnel_step(&tunnel);
    tunnel.loss_permille = chance_below(chance, 21); /* from here on: there is a session */
    for (uint32_t second = 0; second < hours * HOUR_S; second++) {
        tunnel_step(&tunnel);
        for (int i = 0; i < 2; i++) {
            if (!watch(&watchers[i], &tunnel, i))
                continue;
            const struct status_state *state = &watchers[i].state;
            if (state->status == SUBWG_STATUS_ERROR)
                ck_abort_msg("keepalive %u/%u, poll %u s, end %d: error %u after %lld s",
                             keepalives[combination][0], keepalives[combination][1],
                             watchers[i].poll_s, i, state->reason,
                             (long long)tunnel_now_s(&tunnel));
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
    tunnel_send(&tunnel, 0,
                TUNNEL_DATA); /* one datagram, which the other end owes an answer by the kernel */
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
    tunnel_send(&tunnel, 1, TUNNEL_DATA);
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
    tunnel_speak(&tunnel, 0, data_period);
    tunnel_send(&tunnel, 0, TUNNEL_DATA);
    int64_t dies_s = 60 + (int64_t)chance_below(chance, 600);
    uint64_t rx_truly = 0;
    uint64_t rx_seen = 0;
    for (int second = 0; second < dies_s + 900; second++) {
        tunnel_step(&tunnel);
        tunnel.ends[1].deaf = tunnel_now_s(&tunnel) >= dies_s;
        if (tunnel.ends[0].rx_bytes != rx_truly)
            outcome.truly_heard_s = tunnel_now_s(&tunnel);
        rx_truly = tunnel.ends[0].rx_bytes;
        if (!watch(&watcher, &tunnel, 0))
            continue;
        if (rx_seen != rx_truly)
            outcome.seen_s = tunnel_now_s(&tunnel);
        rx_seen = rx_truly;
        bool is_error = watcher.state.status == SUBWG_STATUS_ERROR;
        CHECK(outcome.error_s < 0 || is_error); /* once reported it stays, though tx grows */
        if (is_error && outcome.error_s < 0)
            outcome.error_s = tunnel_now_s(&tunnel);
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
        CHECK(tunnel_now_s(&tunnel) < 600);
    }
    ck_assert_uint_eq(watcher.state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(watcher.state.flap_count, 1);
    ck_assert_uint_eq(watcher.state.reconnect_count, 1);
    ck_assert_uint_eq(watcher.state.changed_ns, (uint64_t)(BOOT_S + tunnel_now_s(&tunnel)) * NS);
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
            if (tunnel_now_s(&tunnel) == breaks_s) {
                tunnel.ends[1].other_secret = other_secret;
                tunnel_forget_sessions(&tunnel, 0);
                tunnel_forget_sessions(&tunnel, 1);
            }
            if (!other_secret && tunnel_now_s(&tunnel) >= breaks_s)
                tunnel.ends[0].rx_bytes += second % 5 == 0 ? 148 : 0; /* only its initiations */
            if (other_secret || tunnel_now_s(&tunnel) < breaks_s)
                tunnel_step(&tunnel);
            else
                tunnel.now_ms += 1000;
            if (!watch(&watcher, &tunnel, at))
                continue;
            if (from_the_start)
                CHECK(watcher.state.status != SUBWG_STATUS_CONNECTED);
            /* A session may have begun just before, and counts for as long as it could live. */
            if (tunnel_now_s(&tunnel) > breaks_s + 2 * WINDOW_S + 2 * poll_s)
                CHECK(watcher.state.status == SUBWG_STATUS_ERROR);
        }
        CHECK(tunnel.ends[at].rx_bytes >= 5 * 148);
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

/* Watchers of one tunnel whose remote dies and comes back: when each has had the time that he needs, all
 * say the same. */
START_TEST(any_poll_interval_gives_the_same_verdict)
{
    static const uint32_t polls[] = {1, 5, 23, 60};
    struct chance chance = chance_start("any_poll_interval_gives_the_same_verdict");
    for (int run = 0; run < 40; run++) {
        struct tunnel tunnel;
        struct watcher watchers[4];
        const uint32_t *pair = keepalives[run % 4];
        tunnel_start(&tunnel, &chance, pair[0], pair[1]);
        tunnel_send(&tunnel, 0, TUNNEL_DATA);
        for (int i = 0; i < 4; i++)
            watcher_start(&watchers[i], polls[i]);
        int64_t turn_s = 0;
        int64_t next_s = 400;
        for (int second = 0; second < 6000; second++) {
            tunnel_step(&tunnel);
            for (int i = 0; i < 4; i++)
                (void)watch(&watchers[i], &tunnel, 0);
            if (second - turn_s > WINDOW_S + 2 * 60 + 1)
                for (int i = 0; i < 4; i++) {
                    CHECK(watchers[i].state.status == watchers[0].state.status);
                    CHECK(watchers[i].state.reason == watchers[0].state.reason);
                    CHECK(watchers[i].state.flap_count == watchers[0].state.flap_count);
                    CHECK(pair[0] == 0 ||
                          watchers[i].state.status ==
                              (tunnel.ends[1].deaf ? SUBWG_STATUS_ERROR : SUBWG_STATUS_CONNECTED));
                }
            if (second < next_s)
                continue;
            tunnel.ends[1].deaf = !tunnel.ends[1].deaf;
            turn_s = second;
            next_s = second + 400 + (int64_t)chance_below(&chance, 400);
        }
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
        steady.forgetful = true;
        jumping.forgetful = true;
        tunnel_send(&steady, 0, TUNNEL_DATA);
        tunnel_send(&jumping, 0, TUNNEL_DATA);
        for (int second = 0; second < 1500; second++) {
            if (second % 50 == 17)
                tunnel_step_clock(&jumping, steps[(second / 50 + run) % 6]);
            steady.ends[1].deaf = second >= 700 && second < 1100;
            jumping.ends[1].deaf = steady.ends[1].deaf;
            tunnel_step(&steady);
            tunnel_step(&jumping);
            CHECK(watch(&watchers[0], &steady, 0) == watch(&watchers[1], &jumping, 0));
            const struct status_state *a = &watchers[0].state;
            const struct status_state *b = &watchers[1].state;
            CHECK(a->status == b->status);
            CHECK(a->reason == b->reason || b->reason == SUBWG_STATUS_REASON_CLOCK_BACK);
            CHECK(a->changed_ns == b->changed_ns && a->flap_count == b->flap_count);
        }
        CHECK(watchers[1].state.established && watchers[1].state.flap_count == (pair[0] != 0));
        uint64_t now_ns = (BOOT_S + 1500) * NS;
        CHECK(status_lifetime_s(&watchers[1].state, now_ns) <= 1500);
    }
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
        any_poll_interval_gives_the_same_verdict,
        clock_steps_change_nothing,
        NULL,
    };
    return unit_run("wireguard_status", tests);
}
