/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of tunnel-hours in which everything happens that can: losses, dead remotes, broken paths,
 * restarts of either side, of the engine and of peers, suspended hosts, clocks that jump. Both ends are
 * watched, by looking or also by asking, at any poll interval; the simulation knows the truth and counts
 * false alarms and missed deaths (T95 to T102).
 *
 * SUBWG_SIMULATION_HOURS=N simulates so many hours, SUBWG_TEST_SEED=N another course of chance.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wireguard/probe.h"
#include "wireguard/status.h"
#include "wireguard_tunnel.h"

#define HOURS      5000
#define LIFE_HOURS 8 /* of one tunnel */
#define WINDOW_S   195
#define NS_PER_MS  UINT64_C(1000000)
#define BOOT_MS    5000000 /* the elapsed clock when a tunnel begins */
#define HOUR_MS    3600000
#define NEVER      INT64_MAX
#define YEAR_S     (365 * INT64_C(86400))

/* What is decided with: as the driver does, or wrongly on purpose. */
struct rules {
    uint32_t window_s;
    bool loses_probes;   /* counts probes as sent that never are */
    bool forgets_probes; /* sends them and does not count them */
};
static const struct rules as_promised = {.window_s = WINDOW_S};

struct tally {
    double hours;
    uint64_t false_alarms;
    uint64_t missed_deaths;
    uint64_t deaths_seen;
    uint64_t alarms; /* of all kinds */
};

/* Somebody at one end, and what is true for him. Times are those in which his host was awake. */
struct watcher {
    struct status_state state;
    bool asks;
    uint32_t poll_s; /* the longest time from look to look */
    int64_t next_ms;
    uint32_t heard_count;
    bool error_before;
    int64_t fine_ms; /* nothing has been wrong with the tunnel since; NEVER: something is */
    int64_t cut_ms;  /* nothing can be heard since; NEVER: something can */
    int64_t mute_ms; /* the other end does not hear him since; NEVER: it does */
};

enum trouble {
    TROUBLE_NONE,
    TROUBLE_DEAD,   /* the host is off, and then starts again */
    TROUBLE_FROZEN, /* it stands still, and goes on */
    TROUBLE_PATH,
    TROUBLE_ONE_WAY,
    TROUBLE_ASLEEP,
    TROUBLE_COUNT
};

struct life {
    struct tunnel tunnel;
    struct watcher watchers[2];
    struct chance *chance;
    const struct rules *rules;
    struct tally *tally;
    enum trouble trouble;
    int trouble_at; /* which end */
    int64_t trouble_ends_ms;
    int64_t trouble_begins_ms;
    int64_t incident_ms; /* the next thing that takes no time */
};

static int64_t awake_ms(const struct life *life, int at)
{
    return life->tunnel.now_ms - life->tunnel.ends[at].asleep_ms;
}

static int64_t some_ms(struct life *life, int64_t limit_ms)
{
    return 1 + (int64_t)(chance_next(life->chance) % (uint64_t)limit_ms);
}

/* What is promised, from the moment of death to the look that tells; a watcher may see the last sign a
 * look late, asks at a look, and decides at one. Without keepalive who only looks promises nothing. */
static int64_t detection_ms(const struct life *life, int at)
{
    const struct watcher *watcher = &life->watchers[at];
    const struct end *end = &life->tunnel.ends[at];
    int64_t poll_ms = 1000 * (int64_t)watcher->poll_s;
    int64_t late_s = end->keepalive_s > 10 ? (int64_t)end->keepalive_s - 10 : 0;
    int64_t looking_ms = 1000 * (WINDOW_S + late_s) + 2 * poll_ms + 1000;
    if (watcher->asks)
        return (int64_t)(status_probing_window_ns((uint16_t)end->keepalive_s) / NS_PER_MS) +
               5 * poll_ms + 1000;
    if (end->keepalive_s != 0)
        return looking_ms;
    bool speaks = end->data_period_s != 0 && end->data_period_s <= 10;
    return speaks ? looking_ms + 130000 : NEVER;
}

/* An alarm is false when the tunnel has been fine for all the time in which nothing was heard, or for so
 * long that something must have been. */
static bool is_innocent(const struct life *life, int at)
{
    const struct watcher *watcher = &life->watchers[at];
    const struct end *end = &life->tunnel.ends[at];
    if (watcher->fine_ms == NEVER)
        return false;
    int64_t fine_ms = awake_ms(life, at) - watcher->fine_ms;
    int64_t silent_ms = life->tunnel.now_ms - end->heard_ms;
    return fine_ms >= silent_ms || fine_ms > 2 * 1000 * (WINDOW_S + (int64_t)end->keepalive_s);
}

/* True since when: kept while it stays so. */
static void keep_since(int64_t *since_ms, bool holds, int64_t now_ms)
{
    if (!holds)
        *since_ms = NEVER;
    else if (*since_ms == NEVER)
        *since_ms = now_ms;
}

static void follow_truth(struct life *life)
{
    const struct tunnel *tunnel = &life->tunnel;
    for (int at = 0; at < 2; at++) {
        struct watcher *watcher = &life->watchers[at];
        const struct end *own = &tunnel->ends[at];
        const struct end *other = &tunnel->ends[1 - at];
        bool gone = other->deaf || tunnel_is_asleep(tunnel, 1 - at);
        bool refused = own->refused || other->refused;
        int64_t now_ms = awake_ms(life, at);
        keep_since(&watcher->cut_ms, gone || other->muted, now_ms);
        keep_since(&watcher->mute_ms, own->muted, now_ms);
        keep_since(&watcher->fine_ms,
                   !gone && !other->muted && !own->muted && !own->deaf && !refused, now_ms);
    }
}

/* A change that heals within moments is one all the same. */
static void disturb(struct life *life)
{
    for (int at = 0; at < 2; at++)
        life->watchers[at].fine_ms = NEVER;
    follow_truth(life);
}

static struct status_sample sample_of(const struct life *life, int at)
{
    const struct end *end = &life->tunnel.ends[at];
    uint64_t now_ms = (uint64_t)life->tunnel.now_ms;
    uint64_t wall_ms = (uint64_t)((TUNNEL_CLOCK_S + end->clock_offset_s) * 1000) + now_ms;
    return (struct status_sample){
        .now_ns = (BOOT_MS + now_ms) * NS_PER_MS,
        .realtime_ns = wall_ms * NS_PER_MS,
        .asleep_ns = (uint64_t)end->asleep_ms * NS_PER_MS,
        .handshake_s = end->handshake_s,
        .handshake_ns = end->handshake_s != 0 ? 1 + end->handshake_count : 0,
        .rx_bytes = end->rx_bytes,
        .tx_bytes = end->tx_bytes,
    };
}

/* Without keepalive and traffic nobody begins a session, and that is told. */
static bool never_began(const struct life *life, int at)
{
    const struct tunnel *tunnel = &life->tunnel;
    return tunnel->ends[0].keepalive_s == 0 && tunnel->ends[1].keepalive_s == 0 &&
           life->watchers[at].state.reason == SUBWG_STATUS_REASON_NO_HANDSHAKE;
}

static void complain(const struct life *life, int at, const char *what)
{
    const struct watcher *watcher = &life->watchers[at];
    if (life->rules != &as_promised)
        return;
    dprintf(STDOUT_FILENO,
            "# %s: keepalive %u/%u, %s, poll %u s, end %d, after %" PRId64 " s, reason %u\n", what,
            life->tunnel.ends[0].keepalive_s, life->tunnel.ends[1].keepalive_s,
            watcher->asks ? "asking" : "looking", watcher->poll_s, at, tunnel_now_s(&life->tunnel),
            watcher->state.reason);
}

static void judge(struct life *life, int at)
{
    struct watcher *watcher = &life->watchers[at];
    int64_t now_ms = awake_ms(life, at);
    bool error = watcher->state.status == SUBWG_STATUS_ERROR;
    uint32_t heard_count = life->tunnel.ends[at].heard_count;
    if (error && !watcher->error_before) {
        life->tally->alarms++;
        life->tally->deaths_seen += watcher->cut_ms != NEVER;
    }
    if (error && ((is_innocent(life, at) && !watcher->error_before && !never_began(life, at)) ||
                  heard_count != watcher->heard_count)) {
        life->tally->false_alarms++;
        complain(life, at, "false alarm");
    }
    int64_t detection = detection_ms(life, at);
    int64_t session = 1000 * (WINDOW_S + (int64_t)watcher->poll_s);
    bool dead = detection != NEVER &&
                ((watcher->cut_ms != NEVER && now_ms - watcher->cut_ms > detection) ||
                 (watcher->mute_ms != NEVER && now_ms - watcher->mute_ms > detection + session));
    if (dead && watcher->state.status == SUBWG_STATUS_CONNECTED) {
        life->tally->missed_deaths++;
        complain(life, at, "missed death");
    }
    watcher->error_before = error;
    watcher->heard_count = heard_count;
}

static void ask(struct life *life, int at, uint64_t now_ns)
{
    struct watcher *watcher = &life->watchers[at];
    if (!watcher->asks ||
        !probe_due(&watcher->state, now_ns, (uint16_t)life->tunnel.ends[at].keepalive_s))
        return;
    bool counted = probe_is_counted(&watcher->state);
    for (int i = 0; i < (counted ? 2 : 1) && !life->rules->loses_probes; i++)
        tunnel_probe(&life->tunnel, at, counted);
    if (!life->rules->forgets_probes)
        status_probed(&watcher->state, now_ns);
}

static void look(struct life *life, int at)
{
    struct watcher *watcher = &life->watchers[at];
    struct status_sample sample = sample_of(life, at);
    uint64_t rx_bytes = status_rx_bytes(&watcher->state);
    uint64_t tx_bytes = status_tx_bytes(&watcher->state);
    status_sample(&watcher->state, &sample, life->rules->window_s,
                  (uint16_t)life->tunnel.ends[at].keepalive_s);
    CHECK(status_rx_bytes(&watcher->state) >= rx_bytes);
    CHECK(status_tx_bytes(&watcher->state) >= tx_bytes);
    CHECK(status_lifetime_s(&watcher->state, sample.now_ns) * 1000 <=
          BOOT_MS + (uint64_t)life->tunnel.now_ms);
    CHECK(watcher->state.changed_ns <= sample.now_ns && watcher->state.heard_ns <= sample.now_ns);
    judge(life, at);
    ask(life, at, sample.now_ns);
    watcher->next_ms = life->tunnel.now_ms + some_ms(life, 1000 * (int64_t)watcher->poll_s);
}

/* The engine starts again, or for the first time; what it finds it has to judge anew. */
static void watch(struct life *life, int at, bool adopted)
{
    struct watcher *watcher = &life->watchers[at];
    status_start(&watcher->state, (BOOT_MS + (uint64_t)life->tunnel.now_ms) * NS_PER_MS, adopted);
    watcher->error_before = false;
    watcher->heard_count = life->tunnel.ends[at].heard_count;
    watcher->next_ms = life->tunnel.now_ms;
    if (watcher->cut_ms != NEVER)
        watcher->cut_ms = awake_ms(life, at);
    if (watcher->mute_ms != NEVER)
        watcher->mute_ms = awake_ms(life, at);
}

/* Somebody removes the peer and adds it again; the driver does so itself, or only sees it. */
static void make_peer_anew(struct life *life, int at)
{
    tunnel_restart(&life->tunnel, at);
    life->watchers[at].heard_count = life->tunnel.ends[at].heard_count; /* with what counted it */
    if (chance_is(life->chance, 50))
        status_restart(&life->watchers[at].state,
                       (BOOT_MS + (uint64_t)life->tunnel.now_ms) * NS_PER_MS);
    disturb(life);
}

static void step_clock(struct life *life, int at)
{
    static const int64_t steps[] = {1, -1, 60, -60, 3600, -3600, 10 * YEAR_S, -10 * YEAR_S};
    struct end *end = &life->tunnel.ends[at];
    int64_t offset_s = end->clock_offset_s + steps[chance_below(life->chance, 8)];
    if (offset_s > -30 * YEAR_S && offset_s < 30 * YEAR_S)
        end->clock_offset_s = offset_s;
}

static void have_incident(struct life *life)
{
    int at = (int)chance_below(life->chance, 2);
    switch (chance_below(life->chance, 4)) {
    case 0:
        step_clock(life, at);
        break;
    case 1:
        watch(life, at, true);
        break;
    case 2:
        if (!life->tunnel.ends[at].deaf && !tunnel_is_asleep(&life->tunnel, at))
            make_peer_anew(life, at);
        break;
    default:
        tunnel_send(&life->tunnel, at, TUNNEL_DATA);
        break;
    }
    life->incident_ms = life->tunnel.now_ms + some_ms(life, 2 * HOUR_MS);
}

static void begin_trouble(struct life *life)
{
    static const int64_t durations[] = {20000, 200000, 1500000};
    int64_t for_ms = some_ms(life, durations[chance_below(life->chance, 3)]);
    struct end *end;
    life->trouble = (enum trouble)(1 + chance_below(life->chance, TROUBLE_COUNT - 1));
    life->trouble_at = (int)chance_below(life->chance, 2);
    life->trouble_begins_ms = NEVER;
    life->trouble_ends_ms = life->tunnel.now_ms + for_ms;
    end = &life->tunnel.ends[life->trouble_at];
    switch (life->trouble) {
    case TROUBLE_DEAD:
    case TROUBLE_FROZEN:
        end->deaf = true;
        break;
    case TROUBLE_PATH:
        life->tunnel.ends[1 - life->trouble_at].muted = true;
        end->muted = true;
        break;
    case TROUBLE_ONE_WAY:
        end->muted = true;
        break;
    case TROUBLE_ASLEEP:
        tunnel_suspend(&life->tunnel, life->trouble_at, for_ms);
        break;
    default:
        break;
    }
    follow_truth(life);
}

static void end_trouble(struct life *life)
{
    struct end *end = &life->tunnel.ends[life->trouble_at];
    if (life->trouble == TROUBLE_DEAD) {
        tunnel_restart(&life->tunnel, life->trouble_at);
        watch(life, life->trouble_at, true);
    }
    end->deaf = false;
    end->muted = false;
    life->tunnel.ends[1 - life->trouble_at].muted = false;
    life->trouble = TROUBLE_NONE;
    life->trouble_ends_ms = NEVER;
    life->trouble_begins_ms = life->tunnel.now_ms + some_ms(life, 2 * HOUR_MS);
    follow_truth(life);
}

/* Nobody looks where nothing runs. */
static int next_look(const struct life *life)
{
    int next = -1;
    for (int at = 0; at < 2; at++)
        if (!life->tunnel.ends[at].deaf &&
            (next < 0 || life->watchers[at].next_ms < life->watchers[next].next_ms))
            next = at;
    return next;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Suspended, somebody looks as soon as his host is awake again; whose host stood still, too. What was
 * missed meanwhile is judged from there. */
static void look_when_awake(struct life *life, int at)
{
    struct watcher *watcher = &life->watchers[at];
    int64_t until_ms = life->tunnel.ends[at].asleep_until_ms;
    if (!tunnel_is_asleep(&life->tunnel, at)) {
        look(life, at);
        return;
    }
    watcher->next_ms = until_ms;
}

static void live(struct life *life, int64_t until_ms)
{
    while (life->tunnel.now_ms < until_ms) {
        int at = next_look(life);
        int64_t look_ms = at >= 0 ? life->watchers[at].next_ms : NEVER;
        int64_t trouble_ms = earlier(life->trouble_begins_ms, life->trouble_ends_ms);
        int64_t next_ms =
            earlier(earlier(look_ms, trouble_ms), earlier(life->incident_ms, until_ms));
        tunnel_run(&life->tunnel, next_ms > life->tunnel.now_ms ? next_ms : life->tunnel.now_ms);
        follow_truth(life);
        if (life->tunnel.now_ms >= life->trouble_ends_ms)
            end_trouble(life);
        else if (life->tunnel.now_ms >= life->trouble_begins_ms)
            begin_trouble(life);
        else if (life->tunnel.now_ms >= life->incident_ms)
            have_incident(life);
        else if (at >= 0 && life->tunnel.now_ms >= look_ms)
            look_when_awake(life, at);
    }
}

static void begin_life(struct life *life)
{
    static const uint32_t keepalives[][2] = {{10, 10}, {10, 0},  {0, 10}, {0, 0},
                                             {25, 25}, {25, 10}, {40, 0}, {0, 60}};
    const uint32_t *pair = keepalives[chance_below(life->chance, 8)];
    tunnel_start(&life->tunnel, life->chance, pair[0], pair[1]);
    life->tunnel.latency_ms = 1 + chance_below(life->chance, 150);
    life->tunnel.ends[1].wheel_ms = (int64_t)chance_below(life->chance, 256);
    for (int at = 0; at < 2; at++) {
        struct watcher *watcher = &life->watchers[at];
        *watcher = (struct watcher){.fine_ms = NEVER, .cut_ms = NEVER, .mute_ms = NEVER};
        watcher->asks = chance_is(life->chance, 50);
        watcher->poll_s = chance_is(life->chance, 50) ? 5 : 1 + chance_below(life->chance, 60);
        watch(life, at, false);
        life->tunnel.ends[at].talks_back = chance_is(life->chance, 50);
        if (chance_is(life->chance, 40))
            tunnel_speak(&life->tunnel, at, 1 + chance_below(life->chance, 600));
    }
    /* A window has room for a packet or two that are lost, not for any number: at 1 % of loss, or for two
     * who both ask at less, too many are lost in a row every some ten thousand hours. */
    bool both = life->watchers[0].asks && life->watchers[1].asks;
    life->tunnel.loss_permille = chance_below(life->chance, both ? 2 : 4);
    tunnel_send(&life->tunnel, 0, TUNNEL_DATA);
    life->trouble_begins_ms = some_ms(life, HOUR_MS);
    life->trouble_ends_ms = NEVER;
    life->incident_ms = some_ms(life, HOUR_MS);
}

static struct tally simulate(struct chance *chance, const struct rules *rules, double hours)
{
    struct tally tally = {0};
    while (tally.hours < hours) {
        struct life life = {.chance = chance, .rules = rules, .tally = &tally};
        begin_life(&life);
        live(&life, LIFE_HOURS * (int64_t)HOUR_MS);
        tally.hours += LIFE_HOURS;
    }
    return tally;
}

static double wanted_hours(void)
{
    const char *text = getenv("SUBWG_SIMULATION_HOURS");
    return text != NULL ? strtod(text, NULL) : HOURS;
}

/* The same course each time, unless another one is asked for: a verdict is a verdict on the code. */
static struct chance course(void)
{
    const char *text = getenv("SUBWG_TEST_SEED");
    struct chance chance = {.state = text != NULL ? strtoull(text, NULL, 0) : 1};
    dprintf(STDOUT_FILENO, "# SUBWG_TEST_SEED=%" PRIu64 "\n", chance.state);
    return chance;
}

START_TEST(no_false_alarm_and_no_missed_death)
{
    struct chance chance = course();
    struct tally tally = simulate(&chance, &as_promised, wanted_hours());
    dprintf(STDOUT_FILENO,
            "figure tunnel-hours %.0f\nfigure false-alarms %" PRIu64
            "\nfigure missed-deaths %" PRIu64 "\n# %" PRIu64 " alarms, %" PRIu64
            " of them on deaths\n",
            tally.hours, tally.false_alarms, tally.missed_deaths, tally.alarms, tally.deaths_seen);
    ck_assert_uint_eq(tally.false_alarms, 0);
    ck_assert_uint_eq(tally.missed_deaths, 0);
    ck_assert_uint_ge(tally.deaths_seen, (uint64_t)(tally.hours / 10));
}
END_TEST

/* Would it notice? With each of these something is wrong. */
START_TEST(a_shorter_window_alarms_falsely)
{
    static const struct rules rules = {.window_s = 150};
    struct chance chance = course();
    ck_assert_uint_gt(simulate(&chance, &rules, 400).false_alarms, 0);
}
END_TEST

START_TEST(a_longer_window_misses_deaths)
{
    static const struct rules rules = {.window_s = 400};
    struct chance chance = course();
    ck_assert_uint_gt(simulate(&chance, &rules, 400).missed_deaths, 0);
}
END_TEST

START_TEST(probes_that_are_not_sent_alarm_falsely)
{
    static const struct rules rules = {.window_s = WINDOW_S, .loses_probes = true};
    struct chance chance = course();
    ck_assert_uint_gt(simulate(&chance, &rules, 400).false_alarms, 0);
}
END_TEST

START_TEST(probes_that_are_not_counted_miss_deaths)
{
    static const struct rules rules = {.window_s = WINDOW_S, .forgets_probes = true};
    struct chance chance = course();
    ck_assert_uint_gt(simulate(&chance, &rules, 400).missed_deaths, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_false_alarm_and_no_missed_death,      a_shorter_window_alarms_falsely,
        a_longer_window_misses_deaths,           probes_that_are_not_sent_alarm_falsely,
        probes_that_are_not_counted_miss_deaths, NULL,
    };
    return unit_run_for("wireguard_simulation", tests, 3600);
}
