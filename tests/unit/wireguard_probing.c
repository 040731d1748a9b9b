/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask and when, what an open question proves, and what a suspended host or a clock that went
 * back has to do with it (T96, T97, T100, T101). */
#include <string.h>

#include "unit.h"
#include "wireguard/probe.h"
#include "wireguard/status.h"

#define WINDOW_S 195
#define NS       UINT64_C(1000000000)
#define BOOT_S   5000       /* the elapsed clock when a test begins */
#define CLOCK_S  1700000000 /* the wall clock then */
#define DAY_S    86400

/* A remote that was heard at second 0 with a fresh session, as somebody sees it who looks and asks. */
struct remote {
    struct status_state state;
    struct status_sample sample;
    uint16_t keepalive_s;
};

static void look(struct remote *remote, uint64_t second)
{
    remote->sample.now_ns = (BOOT_S + second) * NS;
    remote->sample.realtime_ns = (CLOCK_S + second) * NS;
    status_sample(&remote->state, &remote->sample, WINDOW_S, remote->keepalive_s);
}

static struct remote heard_once(uint16_t keepalive_s)
{
    struct remote remote = {.keepalive_s = keepalive_s};
    status_start(&remote.state, BOOT_S * NS, false);
    remote.sample.handshake_s = CLOCK_S;
    remote.sample.handshake_ns = 1;
    remote.sample.rx_bytes = 92;
    look(&remote, 0);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_CONNECTED);
    return remote;
}

/* As dispatch does it. */
static bool ask(struct remote *remote)
{
    bool due = probe_due(&remote->state, remote->sample.now_ns, remote->keepalive_s);
    if (due)
        status_probed(&remote->state, remote->sample.now_ns);
    return due;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

START_TEST(a_silent_remote_is_asked_again_and_again)
{
    static const uint16_t keepalives[] = {0, 5, 10, 11, 25, 60};
    for (size_t i = 0; i < sizeof(keepalives) / sizeof(keepalives[0]); i++) {
        struct remote remote = heard_once(keepalives[i]);
        uint64_t first_s = later_of(keepalives[i], 10);
        for (uint64_t second = 1; second < 300; second++) {
            look(&remote, second);
            CHECK(ask(&remote) == (second >= first_s && (second - first_s) % 5 == 0));
        }
    }
}
END_TEST

START_TEST(who_is_heard_is_not_asked)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 9; second < 300; second += 9) {
        remote.sample.rx_bytes += 32;
        remote.sample.handshake_s = CLOCK_S + second;
        look(&remote, second);
        CHECK(!ask(&remote));
    }
}
END_TEST

START_TEST(an_asked_remote_is_dead_after_its_time_and_not_before)
{
    static const uint16_t keepalives[] = {0, 5, 10, 11, 25, 60};
    for (size_t i = 0; i < sizeof(keepalives) / sizeof(keepalives[0]); i++) {
        struct remote remote = heard_once(keepalives[i]);
        uint64_t limit_s = later_of(3 * (uint64_t)keepalives[i], 30) + 5;
        for (uint64_t second = 1; second < 300; second++) {
            remote.sample.tx_bytes += 148; /* retries to a dead remote prove nothing */
            look(&remote, second);
            (void)ask(&remote);
            CHECK(remote.state.status ==
                  (second < limit_s ? SUBWG_STATUS_CONNECTED : SUBWG_STATUS_ERROR));
        }
        ck_assert_uint_eq(remote.state.reason, SUBWG_STATUS_REASON_SILENT);
        ck_assert_uint_eq(remote.state.changed_ns, (BOOT_S + limit_s) * NS);
        ck_assert_uint_eq(remote.state.flap_count, 1);
        remote.sample.handshake_s = CLOCK_S + 300;
        remote.sample.rx_bytes += 92;
        look(&remote, 300);
        ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_CONNECTED);
        ck_assert_uint_eq(remote.state.reconnect_count, 1);
    }
}
END_TEST

START_TEST(who_was_not_asked_is_not_dead)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 5; second < WINDOW_S; second += 5) {
        look(&remote, second);
        CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
    }
    look(&remote, WINDOW_S);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
}
END_TEST

/* Somebody who looks seldom asks late: the answer must have its time all the same. */
START_TEST(a_late_question_gets_its_time)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 40; second <= 120; second += 40) {
        for (uint64_t before = second - 39; before <= second; before++) {
            look(&remote, before);
            CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
        }
        CHECK(ask(&remote));
    }
    look(&remote, 121);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
}
END_TEST

/* A session ends 180 s after its handshake, and what was received before its end may be seen later. */
START_TEST(what_was_received_in_a_session_counts_at_a_late_look)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 60; second <= 180; second += 60)
        look(&remote, second);
    remote.sample.rx_bytes += 32;
    look(&remote, 240);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(remote.state.heard_ns, (BOOT_S + WINDOW_S) * NS);
    remote.sample.rx_bytes += 148; /* an initiation that no handshake follows */
    look(&remote, 300);
    ck_assert_uint_eq(remote.state.heard_ns, (BOOT_S + WINDOW_S) * NS);
}
END_TEST

START_TEST(a_lost_probe_or_keepalive_changes_nothing)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 5; second <= 600; second += 5) {
        look(&remote, second);
        (void)ask(&remote); /* every other one is lost: an answer comes 25 s after the last one */
        if (second % 25 == 0) {
            remote.sample.rx_bytes += 32;
            remote.sample.handshake_s = CLOCK_S + second - second % 100;
            look(&remote, second);
        }
        CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
    }
    ck_assert_uint_eq(remote.state.flap_count, 0);
}
END_TEST

/* It may not know of us yet. */
START_TEST(who_never_answered_is_asked_and_given_the_whole_window)
{
    struct remote remote = {.keepalive_s = 0};
    status_start(&remote.state, BOOT_S * NS, false);
    uint32_t asked = 0;
    for (uint64_t second = 5; second < WINDOW_S; second += 5) {
        look(&remote, second);
        asked += ask(&remote);
        CHECK(remote.state.status == SUBWG_STATUS_CONNECTING);
    }
    ck_assert_uint_eq(asked, 37);
    look(&remote, WINDOW_S);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(remote.state.reason, SUBWG_STATUS_REASON_NO_HANDSHAKE);
}
END_TEST

START_TEST(without_any_keepalive_asking_finds_the_dead_adopted_remote)
{
    struct remote remote = {.keepalive_s = 0};
    status_start(&remote.state, BOOT_S * NS, true);
    remote.sample.handshake_s = CLOCK_S - DAY_S;
    remote.sample.rx_bytes = 5000;
    for (uint64_t second = 0; second < 35; second += 5) {
        look(&remote, second);
        (void)ask(&remote);
        CHECK(remote.state.reason == SUBWG_STATUS_REASON_ADOPTED);
    }
    look(&remote, 35);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(remote.state.reason, SUBWG_STATUS_REASON_SILENT);
}
END_TEST

/* Its clock says nothing of the session that an adopted remote has: what is received proves no session,
 * but no death either. */
START_TEST(an_adopted_remote_that_answers_is_not_dead)
{
    struct remote remote = {.keepalive_s = 10};
    status_start(&remote.state, BOOT_S * NS, true);
    remote.sample.handshake_s = CLOCK_S + DAY_S;
    for (uint64_t second = 0; second < 150; second += 5) {
        look(&remote, second);
        (void)ask(&remote);
        remote.sample.rx_bytes += second % 20 == 0 ? 32 : 0;
        CHECK(remote.state.status == SUBWG_STATUS_CONNECTING);
    }
    remote.sample.handshake_s = CLOCK_S + 150;
    look(&remote, 150);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_CONNECTED);
    ck_assert_uint_eq(remote.state.flap_count, 0);
}
END_TEST

START_TEST(a_suspended_host_hears_nobody_and_blames_nobody)
{
    for (int asking = 0; asking < 2; asking++)
        for (uint64_t asleep_s = 1; asleep_s < WINDOW_S - 20; asleep_s++) {
            struct remote remote = heard_once(10);
            for (uint64_t second = 5; second <= 20; second += 5) {
                look(&remote, second);
                if (asking)
                    (void)ask(&remote);
            }
            remote.sample.asleep_ns = asleep_s * NS;
            look(&remote, 20 + asleep_s);
            CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
            uint64_t left_s = asking ? 35 - 20 : WINDOW_S - 20;
            look(&remote, 20 + asleep_s + left_s - 1);
            CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
            look(&remote, 20 + asleep_s + left_s);
            CHECK(remote.state.status == SUBWG_STATUS_ERROR);
        }
}
END_TEST

START_TEST(ages_count_the_time_that_the_host_was_suspended)
{
    struct remote remote = heard_once(10);
    char text[STATUS_TEXT_SIZE];
    remote.sample.asleep_ns = 100 * NS;
    look(&remote, 100);
    look(&remote, 290);
    look(&remote, 300);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
    ck_assert_ptr_nonnull(
        strstr(status_describe(&remote.state, remote.sample.now_ns, text), " 300 s"));
    ck_assert_uint_eq(status_lifetime_s(&remote.state, remote.sample.now_ns), 300);
}
END_TEST

/* Clocks that are read one after the other differ by a little, and perhaps the wrong way. */
START_TEST(a_little_difference_of_clocks_is_no_sleep)
{
    for (int rising = 0; rising < 2; rising++) {
        struct remote remote = heard_once(10);
        for (uint64_t second = 1; second <= WINDOW_S; second++) {
            remote.sample.asleep_ns += rising ? NS / 1000 : -(2 * NS);
            look(&remote, second);
            CHECK(remote.state.status ==
                  (second < WINDOW_S ? SUBWG_STATUS_CONNECTED : SUBWG_STATUS_ERROR));
        }
    }
}
END_TEST

/* What comes from an own subnet is counted over there, what does not obliges at any rate. */
START_TEST(the_first_of_six_probes_is_counted)
{
    struct remote remote = heard_once(10);
    for (uint64_t second = 10; second <= 100; second += 5) {
        look(&remote, second);
        CHECK(probe_is_counted(&remote.state) == ((second - 10) % 30 == 0));
        CHECK(ask(&remote));
    }
}
END_TEST

START_TEST(a_clock_that_went_back_is_named)
{
    struct remote remote = heard_once(10);
    char text[STATUS_TEXT_SIZE];
    remote.sample.handshake_s = CLOCK_S + 2 * DAY_S; /* so is the clock set back by two days */
    for (uint64_t second = 10; second <= 10 + WINDOW_S; second += 5)
        look(&remote, second);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
    ck_assert_uint_eq(remote.state.reason, SUBWG_STATUS_REASON_CLOCK_BACK);
    ck_assert_ptr_nonnull(strstr(status_describe(&remote.state, remote.sample.now_ns, text),
                                 "peer may reject handshakes: clock went back"));
}
END_TEST

/* 60 s of keepalive: after a session of 180 s the next packet may be that much later. */
START_TEST(a_rare_keepalive_widens_the_window)
{
    struct remote remote = heard_once(60);
    for (uint64_t second = 5; second < WINDOW_S + 50; second += 5) {
        look(&remote, second);
        CHECK(remote.state.status == SUBWG_STATUS_CONNECTED);
    }
    look(&remote, WINDOW_S + 50);
    ck_assert_uint_eq(remote.state.status, SUBWG_STATUS_ERROR);
}
END_TEST

START_TEST(the_first_host_of_a_subnet_is_asked)
{
    static const char *const targets[][2] = {
        {"10.1.0.0/16", "10.1.0.1"}, {"10.1.2.0/24", "10.1.2.1"}, {"10.1.2.4/30", "10.1.2.5"},
        {"10.1.2.6/31", "10.1.2.6"}, {"10.1.2.7/32", "10.1.2.7"}, {"fd00:1::/32", "fd00:1::1"},
        {"fd00::8/126", "fd00::9"},  {"fd00::a/127", "fd00::a"},  {"fd00::b/128", "fd00::b"},
        {"0.0.0.0/0", "0.0.0.1"},
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct prefix subnet = prefix_of(targets[i][0]);
        struct address expected = address_of(targets[i][1]);
        struct address target = probe_target(&subnet);
        ck_assert_msg(address_equal(&target, &expected), "%s", targets[i][0]);
        ck_assert(prefix_contains(&subnet, &target));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_silent_remote_is_asked_again_and_again,
        who_is_heard_is_not_asked,
        an_asked_remote_is_dead_after_its_time_and_not_before,
        who_was_not_asked_is_not_dead,
        a_late_question_gets_its_time,
        what_was_received_in_a_session_counts_at_a_late_look,
        a_lost_probe_or_keepalive_changes_nothing,
        who_never_answered_is_asked_and_given_the_whole_window,
        without_any_keepalive_asking_finds_the_dead_adopted_remote,
        an_adopted_remote_that_answers_is_not_dead,
        a_suspended_host_hears_nobody_and_blames_nobody,
        ages_count_the_time_that_the_host_was_suspended,
        a_little_difference_of_clocks_is_no_sleep,
        the_first_of_six_probes_is_counted,
        a_clock_that_went_back_is_named,
        a_rare_keepalive_widens_the_window,
        the_first_host_of_a_subnet_is_asked,
        NULL,
    };
    return unit_run("wireguard_probing", tests);
}
