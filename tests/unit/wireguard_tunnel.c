/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_tunnel.h"

#include <string.h>

#define NEVER      INT64_MAX
#define NO_SESSION INT64_MIN
#define REKEY_S    120 /* the initiator asks for a new session when it sends */
#define REKEY_RX_S 165 /* ... and when it receives */
#define REJECT_S   180
#define RETRY_S    5
#define GIVE_UP_S  90
#define PASSIVE_S  10
#define NO_REPLY_S 15
#define INITIATION 148
#define RESPONSE   92
#define KEEPALIVE  32
#define DATA       128

static struct end *other(struct tunnel *tunnel, const struct end *end)
{
    return &tunnel->ends[end == &tunnel->ends[0] ? 1 : 0];
}

static bool has_session(const struct tunnel *tunnel, const struct end *end)
{
    return end->session_at != NO_SESSION && tunnel->now_s - end->session_at < REJECT_S;
}

/* Any authenticated packet, either way, puts the persistent keepalive off. */
static void touch(const struct tunnel *tunnel, struct end *end)
{
    end->keepalive_at = end->keepalive_s != 0 ? tunnel->now_s + end->keepalive_s : NEVER;
}

static bool arrives(struct tunnel *tunnel, const struct end *to)
{
    return !to->deaf && !chance_is(tunnel->chance, tunnel->loss_percent);
}

static void sent(struct tunnel *tunnel, struct end *end, uint32_t bytes)
{
    end->tx_bytes += bytes;
    end->owed_at = NEVER;
    touch(tunnel, end);
}

static void received(struct tunnel *tunnel, struct end *end, uint32_t bytes)
{
    end->rx_bytes += bytes;
    end->no_reply_at = NEVER;
    touch(tunnel, end);
}

static void begin_session(struct tunnel *tunnel, struct end *end, bool initiator)
{
    end->session_at = tunnel->now_s;
    end->initiator = initiator;
}

static void handshake_complete(struct tunnel *tunnel, struct end *end)
{
    end->handshake_s = (uint64_t)(TUNNEL_CLOCK_S + tunnel->now_s + tunnel->clock_offset_s);
    end->handshake_count++;
    end->retry_at = NEVER;
    end->give_up_at = NEVER;
}

static void transport(struct tunnel *tunnel, struct end *from, bool data);

static void initiate(struct tunnel *tunnel, struct end *from)
{
    struct end *to = other(tunnel, from);
    if (tunnel->now_s - from->initiated_at < RETRY_S)
        return;
    from->initiated_at = tunnel->now_s;
    from->retry_at = tunnel->now_s + RETRY_S;
    if (from->give_up_at == NEVER)
        from->give_up_at = tunnel->now_s + GIVE_UP_S;
    sent(tunnel, from, INITIATION);
    if (!arrives(tunnel, to))
        return;
    received(tunnel, to, INITIATION); /* counted even if the rest fails */
    sent(tunnel, to, RESPONSE);
    if (from->other_secret != to->other_secret || !arrives(tunnel, from))
        return;
    received(tunnel, from, RESPONSE);
    begin_session(tunnel, from, true);
    to->session_at = NO_SESSION; /* until the first packet confirms it */
    handshake_complete(tunnel, from);
    bool staged = from->staged;
    from->staged = false;
    transport(tunnel, from, staged);
}

/* A transport packet; an empty one is a keepalive. */
static void transport(struct tunnel *tunnel, struct end *from, bool data)
{
    struct end *to = other(tunnel, from);
    if (!has_session(tunnel, from)) {
        from->staged = from->staged || data;
        initiate(tunnel, from);
        return;
    }
    sent(tunnel, from, data ? DATA : KEEPALIVE);
    if (data && from->no_reply_at == NEVER)
        from->no_reply_at = tunnel->now_s + NO_REPLY_S;
    bool rekey = from->initiator && tunnel->now_s - from->session_at >= REKEY_S;
    if (arrives(tunnel, to)) {
        received(tunnel, to, data ? DATA : KEEPALIVE);
        if (!has_session(tunnel, to) || to->session_at < from->session_at) {
            begin_session(tunnel, to, false);
            to->session_at = from->session_at;
            handshake_complete(tunnel, to);
        }
        if (data && to->owed_at == NEVER)
            to->owed_at = tunnel->now_s + PASSIVE_S;
        else if (data)
            to->owed_again = true;
        if (to->initiator && tunnel->now_s - to->session_at >= REKEY_RX_S)
            initiate(tunnel, to);
    }
    if (rekey)
        initiate(tunnel, from);
}

static void run_timers(struct tunnel *tunnel, struct end *end)
{
    if (tunnel->now_s >= end->give_up_at) {
        end->give_up_at = NEVER;
        end->retry_at = NEVER;
        end->staged = false;
    }
    if (tunnel->now_s >= end->retry_at)
        initiate(tunnel, end);
    if (tunnel->now_s >= end->no_reply_at) {
        end->no_reply_at = NEVER;
        initiate(tunnel, end);
    }
    if (tunnel->now_s >= end->owed_at) {
        transport(tunnel, end, false);
        end->owed_at = end->owed_again ? tunnel->now_s + PASSIVE_S : NEVER;
        end->owed_again = false;
    }
    if (tunnel->now_s >= end->keepalive_at) {
        touch(tunnel, end);
        transport(tunnel, end, false);
    }
}

void tunnel_start(struct tunnel *tunnel, struct chance *chance, uint32_t keepalive_a,
                  uint32_t keepalive_b)
{
    *tunnel = (struct tunnel){.chance = chance};
    for (int i = 0; i < 2; i++)
        tunnel->ends[i] = (struct end){
            .keepalive_s = i == 0 ? keepalive_a : keepalive_b,
            .session_at = NO_SESSION,
            .keepalive_at = (i == 0 ? keepalive_a : keepalive_b) != 0 ? 0 : NEVER,
            .owed_at = NEVER,
            .retry_at = NEVER,
            .give_up_at = NEVER,
            .no_reply_at = NEVER,
            .initiated_at = -RETRY_S,
        };
}

void tunnel_send(struct tunnel *tunnel, int from)
{
    transport(tunnel, &tunnel->ends[from], true);
}

void tunnel_step(struct tunnel *tunnel)
{
    tunnel->now_s++;
    for (int i = 0; i < 2; i++) {
        struct end *end = &tunnel->ends[i];
        if (end->deaf)
            continue; /* dead: neither hears nor says anything */
        run_timers(tunnel, end);
        if (end->data_period != 0 && chance_below(tunnel->chance, end->data_period) == 0)
            tunnel_send(tunnel, i);
    }
}
