/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/moves.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

/* A remote that is there answers within a round trip: the first looks come soon, later ones seldom. */
#define LOOK_SOONEST_NS (20 * NS_PER_MS)
#define LOOK_LATEST_NS  (2 * NS_PER_S)

enum move_verdict move_decide(const struct move_view *view)
{
    if (!view->attended)
        return MOVE_UNATTENDED;
    if (view->new_carries)
        return MOVE_CARRIES;
    if (view->new_answers)
        return MOVE_ANSWERED;
    if (!view->old_works)
        return MOVE_OLD_DEAD;
    return view->now_ns >= view->deadline_ns ? MOVE_OVERDUE : MOVE_WAIT;
}

void moves_dispatched(struct subwg_instance *instance)
{
    instance->attention.dispatches = true;
    instance->attention.dispatched_ns = instance_now(instance);
}

void moves_reconciled(struct subwg_instance *instance)
{
    instance->attention.reconciles = true;
    instance->attention.reconciled_ns = instance_now(instance);
}

bool moves_attended(const struct subwg_instance *instance)
{
    const struct attention *attention = &instance->attention;
    uint64_t now_ns = instance_now(instance);
    uint64_t limit_ns = LIMIT_MOVE_ATTENTION_S * NS_PER_S;
    return (attention->dispatches && now_ns - attention->dispatched_ns < limit_ns) ||
           (attention->reconciles && now_ns - attention->reconciled_ns < limit_ns);
}

/* True if the peer with the candidate's key is there and has subnets. */
static bool carries(const struct slice *slice, const struct connection *candidate)
{
    for (size_t i = 0; i < SLICE_PARTS; i++) {
        const struct connection *part = slice->connections[i];
        if (part == NULL || part->installed != INSTALLED_AS_WANTED)
            part = slice->actual[i];
        if (part != NULL && key_equal(&part->public_key, &candidate->public_key))
            return connection_carried_count(part) > 0;
    }
    return false;
}

void moves_stage(const struct subwg_instance *instance, struct connection *candidate,
                 struct slice *slice)
{
    const struct connection *current = slice->connections[SLICE_CURRENT];
    size_t part = slice->connections[SLICE_PREDECESSOR] != NULL ? SLICE_PREDECESSOR : SLICE_CURRENT;
    bool moving = part == SLICE_PREDECESSOR && current != NULL;
    struct connection *old = slice->connections[part];
    if (old == NULL || key_equal(&old->public_key, &candidate->public_key))
        return;
    bool there = old->installed == INSTALLED_AS_WANTED || slice->actual[part] != NULL;
    const struct connection *same = slice_same_peer(slice, candidate);
    const struct move_view view = {
        .attended = moves_attended(instance),
        .old_works = there && old->subnet_count > 0 && old->status.status != SUBWG_STATUS_ERROR,
        .new_answers = same != NULL && same->status.status == SUBWG_STATUS_CONNECTED,
        .new_carries = carries(slice, candidate),
        .now_ns = instance_now(instance),
        .deadline_ns = moving ? current->move_deadline_ns : UINT64_MAX,
    };
    if (move_decide(&view) != MOVE_WAIT)
        return;
    slice->carrier = old;
    candidate->move_deadline_ns =
        moving ? current->move_deadline_ns : view.now_ns + LIMIT_MOVE_S * NS_PER_S;
}

static enum move_verdict judge(const struct subwg_instance *instance,
                               const struct connection *arriving)
{
    const struct connection *old = arriving->predecessor;
    const struct move_view view = {
        .attended = true,
        .old_works =
            old->installed != INSTALLED_NOTHING && old->status.status != SUBWG_STATUS_ERROR,
        .new_answers = arriving->status.status == SUBWG_STATUS_CONNECTED,
        .now_ns = instance_now(instance),
        .deadline_ns = arriving->move_deadline_ns,
    };
    return move_decide(&view);
}

static void log_move(const struct subwg_instance *instance, const struct connection *connection,
                     enum move_verdict verdict)
{
    const char *why = verdict == MOVE_ANSWERED   ? "the new one answers"
                      : verdict == MOVE_OLD_DEAD ? "the old one is dead"
                                                 : "the new one did not answer in time";
    char cluster[80];
    struct text text = text_over(cluster, sizeof(cluster));
    text_append_escaped(&text, connection->cluster_id);
    instance_log(instance, verdict == MOVE_OVERDUE ? SUBWG_LOG_WARNING : SUBWG_LOG_INFO,
                 "cluster '%s': subnets moved from the peer with the old key to the one with the "
                 "new key: %s",
                 cluster, why);
}

static int32_t finish(struct subwg_instance *instance, struct connection *arriving,
                      struct subwg_error *error)
{
    struct slice slice = {0};
    int32_t code = slice_find(instance, arriving, &slice, error);
    if (code == 0)
        code = slice_yield(instance, arriving, &slice, error);
    if (code == 0)
        code = slice_install(instance, arriving, &slice, error);
    if (code >= 0)
        slice_commit(instance, arriving, &slice);
    slice_finish(&slice);
    return code;
}

int32_t moves_advance(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t failure = 0;
    int32_t finished = 0;
    struct connection *next = instance->table.moving;
    while (next != NULL) {
        struct connection *connection = next;
        next = connection->next_waiting; /* a finished move leaves the list, and no other */
        if (connection->withheld.kind != OVERLAP_NONE)
            continue;
        enum move_verdict verdict = judge(instance, connection);
        if (verdict == MOVE_WAIT)
            continue;
        int32_t code = finish(instance, connection, failure == 0 ? error : NULL);
        if (code >= 0) {
            finished++;
            log_move(instance, connection, verdict);
        } else if (failure == 0) {
            failure = code;
        }
    }
    return failure != 0 ? failure : finished;
}

uint64_t moves_due_ns(const struct subwg_instance *instance)
{
    uint64_t due_ns = UINT64_MAX;
    const struct connection *connection = instance->table.moving;
    uint64_t now_ns = connection != NULL ? instance_now(instance) : 0;
    for (; connection != NULL; connection = connection->next_waiting) {
        uint64_t began_ns = connection->move_deadline_ns - LIMIT_MOVE_S * NS_PER_S;
        uint64_t wait_ns = now_ns - began_ns;
        wait_ns = wait_ns < LOOK_SOONEST_NS ? LOOK_SOONEST_NS : wait_ns;
        wait_ns = wait_ns > LOOK_LATEST_NS ? LOOK_LATEST_NS : wait_ns;
        due_ns = now_ns + wait_ns < due_ns ? now_ns + wait_ns : due_ns;
    }
    return due_ns;
}

bool moves_carry(const struct subwg_instance *instance, const struct prefix *subnet)
{
    const struct table *table = &instance->table;
    uint64_t now_ns = table->held != NULL ? instance_now(instance) : 0;
    bool carry = false;
    for (const struct connection *one = table->moving; one != NULL && !carry;
         one = one->next_waiting)
        carry = connection_find_subnet(one->predecessor, subnet) != NULL;
    for (const struct connection *one = table->held; one != NULL && !carry; one = one->next_waiting)
        carry = !leftover_may_go(one, now_ns) && connection_find_subnet(one, subnet) != NULL;
    return carry;
}
