/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the simulated tunnel behave as the kernel's? Measured on Linux 6.1 with both ends on one machine:
 * the traces are fixtures that it has to reproduce, each by some course of chance (T95).
 */
#include <string.h>

#include "wireguard_tunnel.h"

#define COURSES 20000 /* of chance, of which one has to be as measured */
#define STEPS   5

/* The second end comes up a moment after the first, whose first initiation meets nobody; its processor
 * may be a little late. */
static void start(struct tunnel *tunnel, struct chance *chance, uint64_t course,
                  uint32_t keepalive_a, uint32_t keepalive_b)
{
    chance->state = course;
    tunnel_start(tunnel, chance, keepalive_a, 0);
    tunnel->ends[1].deaf = true;
    tunnel_run(tunnel, 100 + (int64_t)chance_below(chance, 2000));
    tunnel->ends[1].keepalive_s = keepalive_b;
    tunnel->ends[1].wheel_ms = (int64_t)chance_below(chance, 6);
    tunnel_restart(tunnel, 1);
}

/* Idle with 10 s on both sides: what one end had received every ten seconds, while what the other had
 * received grew at each step. */
START_TEST(an_idle_gateway_may_hear_nothing_for_20_s_at_a_time)
{
    static const uint64_t measured[STEPS] = {156, 156, 188, 188, 220};
    uint64_t found = 0;
    for (uint64_t course = 0; course < COURSES && found == 0; course++) {
        struct chance chance;
        struct tunnel tunnel;
        start(&tunnel, &chance, course, 10, 10);
        uint64_t rx[2][60];
        for (int second = 0; second < 60; second++) {
            tunnel_step(&tunnel);
            rx[0][second] = tunnel.ends[0].rx_bytes;
            rx[1][second] = tunnel.ends[1].rx_bytes;
        }
        for (int at = 0; at < 2; at++)
            for (int begin = 0; begin < 20; begin++) {
                bool same = rx[at][begin] == measured[0];
                for (int i = 1; i < STEPS && same; i++)
                    same = rx[at][begin + 10 * i] == measured[i] &&
                           rx[1 - at][begin + 10 * i] > rx[1 - at][begin + 10 * i - 10];
                found += same;
            }
    }
    ck_assert_uint_gt(found, 0);
}
END_TEST

/* The largest age of the last handshake in 400 s, looked at every 5 s. */
static uint32_t largest_age_s(uint64_t course, uint32_t keepalive_a, uint32_t keepalive_b)
{
    struct chance chance;
    struct tunnel tunnel;
    uint64_t largest_s = 0;
    start(&tunnel, &chance, course, keepalive_a, keepalive_b);
    tunnel_send(&tunnel, 0, TUNNEL_DATA);
    while (tunnel.ends[0].handshake_count == 0)
        tunnel_step(&tunnel);
    tunnel_run(&tunnel, tunnel.now_ms + (int64_t)chance_below(&chance, 5000));
    for (int look = 0; look <= 80; look++) {
        uint64_t now_s = TUNNEL_CLOCK_S + (uint64_t)tunnel_now_s(&tunnel);
        if (now_s - tunnel.ends[0].handshake_s > largest_s)
            largest_s = now_s - tunnel.ends[0].handshake_s;
        tunnel_run(&tunnel, tunnel.now_ms + 5000);
    }
    return (uint32_t)largest_s;
}

START_TEST(handshakes_of_an_idle_tunnel_grow_as_old_as_measured)
{
    static const uint32_t measured[][3] = {{10, 10, 122}, {10, 0, 120}, {0, 10, 121}};
    for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
        uint32_t same = 0;
        for (uint64_t course = 0; course < 200; course++) {
            uint32_t age_s = largest_age_s(course, measured[i][0], measured[i][1]);
            CHECK(age_s >= 115 && age_s < 180);
            same += age_s == measured[i][2];
        }
        ck_assert_msg(same > 0, "keepalive %u/%u: never %u s", measured[i][0], measured[i][1],
                      measured[i][2]);
    }
    ck_assert_uint_ge(largest_age_s(0, 0, 0), 400);
}
END_TEST

/* With a keepalive on one side only, that side hears a handshake's response every two minutes. */
START_TEST(a_passive_remote_answers_no_keepalive)
{
    struct chance chance;
    struct tunnel tunnel;
    start(&tunnel, &chance, 1, 10, 0);
    tunnel_run(&tunnel, 20000);
    uint32_t steps = 0;
    for (int second = 0; second < 3600; second++) {
        uint64_t before = tunnel.ends[0].rx_bytes;
        tunnel_step(&tunnel);
        uint64_t grown = tunnel.ends[0].rx_bytes - before;
        CHECK(grown == 0 || grown == 92);
        steps += grown != 0;
    }
    ck_assert_uint_ge(steps, 3600 / 132);
    ck_assert_uint_le(steps, 3600 / 120);
}
END_TEST

/* The remote dies after 60 s: what was received froze at 468 bytes, what was sent went from 528 to 6,748
 * in the rest of 400 s, looked at every 5 s; the emulated machine's timers were late by
 * some packets of the 53. Before there were two pings. */
static bool dies_as_measured(uint64_t course)
{
    struct chance chance;
    struct tunnel tunnel;
    bool as_before = false;
    start(&tunnel, &chance, course, 10, 10);
    const struct end *own = &tunnel.ends[0];
    tunnel_run(&tunnel, tunnel.now_ms + 500 + (int64_t)chance_below(&chance, 10000));
    for (int ping = 0; ping < 2; ping++) {
        tunnel_send(&tunnel, 1, TUNNEL_DATA);
        tunnel_run(&tunnel, tunnel.now_ms + 2);
        tunnel_send(&tunnel, 0, TUNNEL_DATA);
        tunnel_run(&tunnel, tunnel.now_ms + 1000);
    }
    for (int64_t second = 15; second <= 60; second += 5) {
        tunnel_run(&tunnel, second * 1000);
        as_before = as_before || (own->rx_bytes == 468 && own->tx_bytes == 528);
    }
    tunnel.ends[1].deaf = true;
    uint64_t rx_bytes = own->rx_bytes;
    uint64_t tx_bytes = own->tx_bytes;
    tunnel_run(&tunnel, 400000);
    CHECK(own->rx_bytes == rx_bytes);
    CHECK(own->tx_bytes > tx_bytes + 5000 && own->tx_bytes < tx_bytes + 8500);
    uint64_t grown = own->tx_bytes - 528;
    return as_before && rx_bytes == 468 && grown >= 6220 - 100 && grown <= 6220 + 100;
}

START_TEST(tx_to_a_dead_remote_grows_as_measured)
{
    bool found = false;
    for (uint64_t course = 0; course < COURSES && !found; course++)
        found = dies_as_measured(course);
    ck_assert(found);
}
END_TEST

/* Data obliges the remote's kernel to send something within 10 s, a keepalive does not. */
START_TEST(a_probe_is_answered_within_10_s)
{
    for (uint64_t course = 0; course < 200; course++) {
        struct chance chance;
        struct tunnel tunnel;
        start(&tunnel, &chance, course, 0, 0);
        tunnel_send(&tunnel, 0, TUNNEL_DATA);
        tunnel_run(&tunnel, 60000 + (int64_t)chance_below(&chance, 50000));
        uint64_t rx_bytes = tunnel.ends[0].rx_bytes;
        tunnel_probe(&tunnel, 0, course % 2 == 0);
        tunnel_run(&tunnel, tunnel.now_ms + 7000);
        CHECK(tunnel.ends[0].rx_bytes == rx_bytes);
        tunnel_run(&tunnel, tunnel.now_ms + 3500);
        CHECK(tunnel.ends[0].rx_bytes == rx_bytes + 32);
    }
}
END_TEST

/* The clock of one side goes back by two days: its session lives on, its next handshake is refused until
 * the remote has forgotten it. */
START_TEST(a_clock_that_went_back_is_taken_for_a_replay)
{
    struct chance chance;
    struct tunnel tunnel;
    start(&tunnel, &chance, 1, 10, 0);
    tunnel_run(&tunnel, 30000);
    tunnel.ends[0].clock_offset_s = -2 * 86400;
    uint32_t handshakes = tunnel.ends[0].handshake_count;
    uint64_t rx_bytes = tunnel.ends[1].rx_bytes;
    tunnel_run(&tunnel, 60000);
    ck_assert_uint_gt(tunnel.ends[1].rx_bytes, rx_bytes);
    tunnel_run(&tunnel, 600000);
    ck_assert_uint_eq(tunnel.ends[0].handshake_count, handshakes);
    ck_assert(tunnel.ends[0].refused);
    tunnel_restart(&tunnel, 1);
    tunnel_run(&tunnel, 620000);
    ck_assert_uint_gt(tunnel.ends[0].handshake_count, handshakes);
    ck_assert(!tunnel.ends[0].refused);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_idle_gateway_may_hear_nothing_for_20_s_at_a_time,
        handshakes_of_an_idle_tunnel_grow_as_old_as_measured,
        a_passive_remote_answers_no_keepalive,
        tx_to_a_dead_remote_grows_as_measured,
        a_probe_is_answered_within_10_s,
        a_clock_that_went_back_is_taken_for_a_replay,
        NULL,
    };
    return unit_run("wireguard_traces", tests);
}
