/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_tunnel.h"

#define NEVER         INT64_MAX
#define REKEY_MS      120000 /* the initiator asks for a new session when it sends */
#define LAST_MS       165000 /* ... and when it receives */
#define REJECT_MS     180000
#define RETRY_MS      5000
#define JITTER_MS     333
#define RETRIES       19 /* after the first initiation */
#define OWED_MS       10000
#define NO_REPLY_MS   15000
#define WHEEL_MS      256 /* the kernel's timers of seconds expire at multiples of it */
#define INITIATION    148
#define RESPONSE      92
#define KEEPALIVE     32
#define STAGED_MOST   128
#define LATENESS_MOST 4 /* of a timer, in milliseconds */

enum {
    PACKET_INITIATION,
    PACKET_RESPONSE,
    PACKET_KEEPALIVE,
    PACKET_DATA,
    PACKET_PROBE,
    PACKET_STRAY /* data from an address that is not allowed: it obliges and is not counted */
};

static void set_timer(struct tunnel *tunnel, struct end *end, enum timer timer, int64_t wait_ms)
{
    int64_t at_ms = tunnel->now_ms + wait_ms - end->wheel_ms;
    int64_t rounded_ms = (at_ms + WHEEL_MS - 1) / WHEEL_MS * WHEEL_MS + end->wheel_ms;
    end->timers[timer] = rounded_ms + (int64_t)chance_below(tunnel->chance, LATENESS_MOST);
}

static int64_t wall_clock_ms(const struct tunnel *tunnel, const struct end *end)
{
    return (TUNNEL_CLOCK_S + end->clock_offset_s) * 1000 + tunnel->now_ms;
}

static int64_t jittered(struct tunnel *tunnel, int64_t ms)
{
    return ms + (int64_t)chance_below(tunnel->chance, JITTER_MS + 1);
}

static bool is_alive(const struct tunnel *tunnel, const struct session *session, int64_t limit_ms)
{
    return session->id != 0 && tunnel->now_ms - session->born_ms < limit_ms;
}

/* Any authenticated packet, either way, puts the persistent keepalive off. */
static void touch(struct tunnel *tunnel, struct end *end)
{
    if (end->keepalive_s != 0)
        set_timer(tunnel, end, TIMER_KEEPALIVE, (int64_t)end->keepalive_s * 1000);
}

/* Counted whether it arrives or not. */
static void transmit(struct tunnel *tunnel, struct end *from, uint8_t kind, uint64_t id,
                     uint32_t bytes)
{
    from->tx_bytes += bytes;
    from->timers[TIMER_OWED] = NEVER;
    touch(tunnel, from);
    if (from->muted || chance_below(tunnel->chance, 1000) < tunnel->loss_permille)
        return;
    CHECK(tunnel->count < TUNNEL_FLIGHT);
    tunnel->flight[(tunnel->first + tunnel->count++) % TUNNEL_FLIGHT] = (struct packet){
        .at_ms = tunnel->now_ms + tunnel->latency_ms,
        .timestamp = wall_clock_ms(tunnel, from),
        .id = id,
        .bytes = bytes,
        .kind = kind,
        .to = from == &tunnel->ends[0] ? 1 : 0,
    };
}

static void take(struct tunnel *tunnel, struct end *end, const struct packet *packet)
{
    end->rx_bytes += packet->kind != PACKET_STRAY ? packet->bytes : 0;
    end->timers[TIMER_NEW_HANDSHAKE] = NEVER;
    touch(tunnel, end);
}

/* Every 5 s at most, whoever asks for it. */
static void initiate(struct tunnel *tunnel, struct end *end, bool retry)
{
    if (!retry)
        end->attempts = 0;
    if (tunnel->now_ms - end->initiated_ms < RETRY_MS)
        return;
    end->initiated_ms = tunnel->now_ms;
    end->handshake_id = ++tunnel->last_id;
    set_timer(tunnel, end, TIMER_RETRY, jittered(tunnel, RETRY_MS));
    transmit(tunnel, end, PACKET_INITIATION, end->handshake_id, INITIATION);
}

/* Without a session data waits for one. */
static void send_kind(struct tunnel *tunnel, struct end *end, uint8_t kind, uint32_t bytes)
{
    bool data = kind != PACKET_KEEPALIVE;
    if (!is_alive(tunnel, &end->current, REJECT_MS)) {
        end->staged += data && end->staged < STAGED_MOST;
        end->staged_keepalive = end->staged == 0;
        initiate(tunnel, end, false);
        return;
    }
    transmit(tunnel, end, kind, end->current.id, bytes);
    if (data && end->timers[TIMER_NEW_HANDSHAKE] == NEVER)
        set_timer(tunnel, end, TIMER_NEW_HANDSHAKE, jittered(tunnel, NO_REPLY_MS));
    if (end->current.initiator && !is_alive(tunnel, &end->current, REKEY_MS))
        initiate(tunnel, end, false);
}

/* An empty one is a keepalive. */
static void send_packet(struct tunnel *tunnel, struct end *end, uint32_t bytes)
{
    send_kind(tunnel, end, bytes == KEEPALIVE ? PACKET_KEEPALIVE : PACKET_DATA, bytes);
}

/* Of what waited the last ones will do. */
static void send_staged(struct tunnel *tunnel, struct end *end)
{
    uint32_t staged = end->staged < 8 ? end->staged : 8;
    bool keepalive = end->staged_keepalive;
    end->staged = 0;
    end->staged_keepalive = false;
    for (; staged > 0; staged--)
        send_packet(tunnel, end, TUNNEL_DATA);
    if (keepalive)
        send_packet(tunnel, end, KEEPALIVE);
}

static void complete_handshake(struct tunnel *tunnel, struct end *end)
{
    end->timers[TIMER_RETRY] = NEVER;
    end->attempts = 0;
    end->sent_last_minute = false;
    end->handshake_s = (uint64_t)(wall_clock_ms(tunnel, end) / 1000);
    end->handshake_count++;
    end->heard_count++;
    end->heard_ms = tunnel->now_ms;
    tunnel->ends[0].refused = false;
    tunnel->ends[1].refused = false;
}

static void take_initiation(struct tunnel *tunnel, struct end *end, struct end *from,
                            const struct packet *packet)
{
    if (packet->timestamp <= end->newest_timestamp && !tunnel->forgetful) {
        from->refused = true;
        return;
    }
    end->newest_timestamp = packet->timestamp;
    take(tunnel, end, packet);
    end->handshake_id = 0; /* the own initiation is overtaken */
    end->initiated_ms = tunnel->now_ms;
    end->next = (struct session){packet->id, tunnel->now_ms, false};
    end->previous.id = 0;
    transmit(tunnel, end, PACKET_RESPONSE, packet->id, RESPONSE);
}

static void take_response(struct tunnel *tunnel, struct end *end, const struct end *from,
                          const struct packet *packet)
{
    if (packet->id != end->handshake_id || end->other_secret != from->other_secret)
        return;
    take(tunnel, end, packet);
    end->handshake_id = 0;
    end->previous = end->next.id != 0 ? end->next : end->current;
    end->next.id = 0;
    end->current = (struct session){packet->id, tunnel->now_ms, true};
    complete_handshake(tunnel, end);
    end->staged_keepalive = end->staged == 0; /* something has to confirm the session */
    send_staged(tunnel, end);
}

static void take_transport(struct tunnel *tunnel, struct end *end, const struct packet *packet)
{
    const struct session *session = packet->id == end->current.id    ? &end->current
                                    : packet->id == end->previous.id ? &end->previous
                                    : packet->id == end->next.id     ? &end->next
                                                                     : NULL;
    if (session == NULL || !is_alive(tunnel, session, REJECT_MS))
        return;
    if (session == &end->next) {
        end->previous = end->current;
        end->current = end->next;
        end->next.id = 0;
        complete_handshake(tunnel, end);
        send_staged(tunnel, end);
    }
    if (packet->kind != PACKET_STRAY) {
        end->heard_count++;
        end->heard_ms = tunnel->now_ms;
    }
    take(tunnel, end, packet);
    if (!end->sent_last_minute && end->current.initiator &&
        !is_alive(tunnel, &end->current, LAST_MS)) {
        end->sent_last_minute = true;
        initiate(tunnel, end, false);
    }
    if (packet->kind == PACKET_KEEPALIVE)
        return;
    if (end->timers[TIMER_OWED] != NEVER)
        end->owed_again = true;
    else
        set_timer(tunnel, end, TIMER_OWED, OWED_MS);
    if (packet->kind == PACKET_PROBE && end->talks_back)
        send_kind(tunnel, end, PACKET_STRAY, TUNNEL_DATA);
}

static void arrive(struct tunnel *tunnel, const struct packet *packet)
{
    struct end *end = &tunnel->ends[packet->to];
    struct end *from = &tunnel->ends[1 - packet->to];
    if (end->deaf || tunnel_is_asleep(tunnel, packet->to))
        return;
    if (packet->kind == PACKET_INITIATION)
        take_initiation(tunnel, end, from, packet);
    else if (packet->kind == PACKET_RESPONSE)
        take_response(tunnel, end, from, packet);
    else
        take_transport(tunnel, end, packet);
}

static void retry(struct tunnel *tunnel, struct end *end)
{
    if (end->attempts >= RETRIES) {
        end->staged = 0;
        end->staged_keepalive = false;
        end->timers[TIMER_OWED] = NEVER;
        return;
    }
    end->attempts++;
    initiate(tunnel, end, true);
}

static void answer_data(struct tunnel *tunnel, struct end *end)
{
    bool again = end->owed_again;
    end->owed_again = false;
    send_packet(tunnel, end, KEEPALIVE);
    if (again)
        set_timer(tunnel, end, TIMER_OWED, OWED_MS);
}

static void applications_speak(struct tunnel *tunnel, struct end *end)
{
    if (end->data_period_s == 0)
        return;
    set_timer(tunnel, end, TIMER_DATA,
              1000 * (1 + (int64_t)chance_below(tunnel->chance, 2 * end->data_period_s)));
    send_packet(tunnel, end, TUNNEL_DATA);
}

static void expire(struct tunnel *tunnel, struct end *end, enum timer timer)
{
    end->timers[timer] = NEVER;
    switch (timer) {
    case TIMER_KEEPALIVE:
        touch(tunnel, end);
        send_packet(tunnel, end, KEEPALIVE);
        break;
    case TIMER_OWED:
        answer_data(tunnel, end);
        break;
    case TIMER_RETRY:
        retry(tunnel, end);
        break;
    case TIMER_NEW_HANDSHAKE:
        initiate(tunnel, end, false);
        break;
    case TIMER_DATA:
        applications_speak(tunnel, end);
        break;
    case TIMER_COUNT:
        break;
    }
}

/* The next timer of somebody who is there; NULL if none expires until then. */
static struct end *next_timer(struct tunnel *tunnel, int64_t until_ms, enum timer *ret_timer)
{
    struct end *found = NULL;
    for (int at = 0; at < 2; at++) {
        struct end *end = &tunnel->ends[at];
        for (enum timer timer = 0; timer < TIMER_COUNT && !end->deaf; timer++)
            if (end->timers[timer] <= until_ms) {
                until_ms = end->timers[timer] - 1;
                *ret_timer = timer;
                found = end;
            }
    }
    return found;
}

void tunnel_run(struct tunnel *tunnel, int64_t until_ms)
{
    for (;;) {
        const struct packet *packet = &tunnel->flight[tunnel->first];
        int64_t arrival_ms = tunnel->count > 0 ? packet->at_ms : NEVER;
        enum timer timer = TIMER_COUNT;
        struct end *end = next_timer(tunnel, arrival_ms < until_ms ? arrival_ms : until_ms, &timer);
        if (end != NULL) {
            if (end->timers[timer] > tunnel->now_ms)
                tunnel->now_ms = end->timers[timer];
            expire(tunnel, end, timer);
        } else if (arrival_ms <= until_ms) {
            struct packet arrived = *packet;
            tunnel->first = (tunnel->first + 1) % TUNNEL_FLIGHT;
            tunnel->count--;
            tunnel->now_ms = arrival_ms;
            arrive(tunnel, &arrived);
        } else {
            break;
        }
    }
    tunnel->now_ms = until_ms;
}

void tunnel_step(struct tunnel *tunnel)
{
    tunnel_run(tunnel, tunnel->now_ms + 1000);
}

void tunnel_send(struct tunnel *tunnel, int from, uint32_t bytes)
{
    if (!tunnel->ends[from].deaf && !tunnel_is_asleep(tunnel, from))
        send_packet(tunnel, &tunnel->ends[from], bytes);
}

void tunnel_probe(struct tunnel *tunnel, int from, bool counted)
{
    if (!tunnel->ends[from].deaf && !tunnel_is_asleep(tunnel, from))
        send_kind(tunnel, &tunnel->ends[from], counted ? PACKET_PROBE : PACKET_STRAY, TUNNEL_PROBE);
}

void tunnel_speak(struct tunnel *tunnel, int at, uint32_t period_s)
{
    struct end *end = &tunnel->ends[at];
    end->data_period_s = period_s;
    end->timers[TIMER_DATA] = NEVER;
    if (period_s != 0)
        set_timer(tunnel, end, TIMER_DATA, 1000 * (int64_t)chance_below(tunnel->chance, period_s));
}

void tunnel_forget_sessions(struct tunnel *tunnel, int at)
{
    struct end *end = &tunnel->ends[at];
    end->current.id = 0;
    end->previous.id = 0;
    end->next.id = 0;
    end->handshake_id = 0;
}

void tunnel_restart(struct tunnel *tunnel, int at)
{
    struct end *end = &tunnel->ends[at];
    const struct end before = *end;
    *end = (struct end){
        .keepalive_s = before.keepalive_s,
        .data_period_s = before.data_period_s,
        .muted = before.muted,
        .talks_back = before.talks_back,
        .other_secret = before.other_secret,
        .clock_offset_s = before.clock_offset_s,
        .wheel_ms = before.wheel_ms,
        .handshake_count = before.handshake_count,
        .heard_count = before.heard_count,
        .heard_ms = before.heard_ms,
        .asleep_ms = before.asleep_ms,
        .initiated_ms = tunnel->now_ms - RETRY_MS,
    };
    for (enum timer timer = 0; timer < TIMER_COUNT; timer++)
        end->timers[timer] = NEVER;
    tunnel_speak(tunnel, at, end->data_period_s);
    tunnel->ends[1 - at].refused = false; /* whoever is new has no memory of timestamps */
    if (end->keepalive_s != 0)
        send_packet(tunnel, end, KEEPALIVE);
}

/* Timers stand still, and keys are wiped. */
void tunnel_suspend(struct tunnel *tunnel, int at, int64_t for_ms)
{
    struct end *end = &tunnel->ends[at];
    for (enum timer timer = 0; timer < TIMER_COUNT; timer++)
        if (end->timers[timer] != NEVER)
            end->timers[timer] += for_ms;
    end->asleep_ms += for_ms;
    end->asleep_until_ms = tunnel->now_ms + for_ms;
    tunnel_forget_sessions(tunnel, at);
}

void tunnel_step_clock(struct tunnel *tunnel, int64_t seconds)
{
    tunnel->ends[0].clock_offset_s += seconds;
    tunnel->ends[1].clock_offset_s += seconds;
}

bool tunnel_is_asleep(const struct tunnel *tunnel, int at)
{
    return tunnel->now_ms < tunnel->ends[at].asleep_until_ms;
}

int64_t tunnel_now_s(const struct tunnel *tunnel)
{
    return tunnel->now_ms / 1000;
}

void tunnel_start(struct tunnel *tunnel, struct chance *chance, uint32_t keepalive_a,
                  uint32_t keepalive_b)
{
    *tunnel = (struct tunnel){.chance = chance, .latency_ms = 1};
    tunnel->ends[0].keepalive_s = keepalive_a;
    tunnel->ends[1].keepalive_s = keepalive_b;
    for (int i = 0; i < 2; i++)
        tunnel_restart(tunnel, i);
}
