/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/apply_routes.h"
#include "wireguard/identity.h"
#include "wireguard/moves.h"
#include "wireguard/repair.h"
#include "wireguard/survey.h"

enum repair_grant { GRANT_UNASKED = 0, GRANT_GIVEN, GRANT_REFUSED };

/* One run. */
struct reconciliation {
    struct subwg_instance *instance;
    bool dry_run;
    subwg_report_fn report;
    void *report_context;
    uint64_t now_ns;
    struct interface_address *addresses; /* all of the host's */
    uint32_t address_count;
    struct survey survey;
    uint32_t granted; /* the first so many steps of the plan; the others come too often */
    uint8_t device_grant;
    uint8_t name_grant;
    uint8_t foreign_grant;
    bool complete; /* every step was taken */
    uint32_t differences;
};

/* Whom a step concerns. */

static const struct key *key_of(const struct step *step)
{
    return step->found_peer != NULL ? &step->found_peer->public_key : &step->what.peer.public_key;
}

static struct connection *connection_of(const struct subwg_instance *instance,
                                        const struct step *step)
{
    return step_is_peer(step->kind)    ? table_find_key(&instance->table, key_of(step))
           : step_is_route(step->kind) ? found_owner(instance, &step->what.prefix)
                                       : NULL;
}

#define SUBJECT_SIZE 96

static const char *name_connection(const struct connection *connection, const struct key *key,
                                   char subject[SUBJECT_SIZE])
{
    char key_text[KEY_TEXT_SIZE];
    struct text text = text_over(subject, SUBJECT_SIZE);
    if (connection != NULL && !connection->adopted) {
        text_append(&text, "cluster '");
        text_append_escaped(&text, connection_cluster_id(connection));
        text_append(&text, "'");
    } else if (connection != NULL) {
        text_append(&text, "an unclaimed peer %.8s... of an earlier run",
                    key_format(&connection->public_key, key_text));
    } else {
        text_append(&text, "a foreign peer %.8s...", key != NULL ? key_format(key, key_text) : "");
    }
    return subject;
}

/* Telling. */

/* The host's event and log get what is new. */
static void announce(struct subwg_instance *instance, const struct connection *connection,
                     bool repaired, bool reported, const char *sentence)
{
    struct subwg_event event = SUBWG_EVENT_INIT;
    if (!repaired && !repeats_is_new(&instance->repeats, sentence))
        return;
    if (!reported)
        instance_log(instance, repaired ? SUBWG_LOG_INFO : SUBWG_LOG_WARNING, "%s", sentence);
    event.kind = repaired ? SUBWG_EVENT_REPAIR : SUBWG_EVENT_DRIFT;
    event.cluster_id = connection != NULL ? connection->cluster_id : "";
    event.text = sentence;
    if (instance->host.event != NULL)
        instance->host.event(instance->host.context, &event);
}

static void tell(struct reconciliation *run, const struct connection *connection, bool repaired,
                 const char *sentence)
{
    run->differences++;
    if (run->report != NULL)
        run->report(run->report_context, repaired, sentence);
    if (!run->dry_run)
        announce(run->instance, connection, repaired, run->report != NULL, sentence);
}

static enum drift_outcome outcome_of(const struct reconciliation *run, uint32_t i)
{
    enum step_result result = run->survey.plan.steps[i].result;
    return run->dry_run             ? DRIFT_WOULD_REPAIR
           : i >= run->granted      ? DRIFT_POSTPONED
           : result == STEP_DONE    ? DRIFT_REPAIRED
           : result == STEP_UNTRIED ? DRIFT_UNTRIED
                                    : DRIFT_FAILED;
}

static void tell_steps(struct reconciliation *run)
{
    const struct plan *plan = &run->survey.plan;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct step *step = &plan->steps[i];
        enum drift_outcome outcome = outcome_of(run, i);
        if (!drift_counts(step) ||
            (drift_follows(&run->survey.scene, step) && outcome != DRIFT_FAILED))
            continue;
        char subject[SUBJECT_SIZE];
        char sentence[DRIFT_TEXT_SIZE];
        const struct connection *connection = connection_of(run->instance, step);
        (void)name_connection(connection, step_is_peer(step->kind) ? key_of(step) : NULL, subject);
        (void)drift_describe(&run->survey.scene, step, subject, outcome, sentence);
        tell(run, connection, outcome == DRIFT_REPAIRED, sentence);
    }
}

static void tell_key(struct reconciliation *run, bool published)
{
    const char *outcome = run->dry_run ? "would publish"
                          : published  ? "repaired, published"
                                       : "could not publish";
    char sentence[DRIFT_TEXT_SIZE];
    char key[KEY_TEXT_SIZE];
    struct text text = text_over(sentence, sizeof(sentence));
    if (!run->survey.key_changed)
        return;
    text_append(&text, "%s has another private key: %s the public key %s",
                run->instance->settings.device, outcome,
                key_format(&run->instance->dump.public_key, key));
    tell(run, NULL, published, sentence);
}

/* Routes of others that take what is ours: in the place of a route, or more specific than it. They are
 * their owner's affair. */
static void tell_foreign_routes(struct reconciliation *run)
{
    const struct found *found = &run->survey.found;
    for (uint32_t i = 0; i < found->other_count; i++) {
        const struct route *route = &found->others[i];
        const struct prefix_node *node =
            prefix_map_find(&run->instance->table.owners, &route->destination, NULL, NULL);
        if (node == NULL || node->prefix.length > route->destination.length ||
            (node->prefix.length == route->destination.length &&
             route->metric != apply_route_metric(&route->destination)))
            continue;
        char subject[SUBJECT_SIZE];
        char sentence[DRIFT_TEXT_SIZE];
        char destination[PREFIX_TEXT_SIZE];
        struct text text = text_over(sentence, sizeof(sentence));
        text_append(
            &text,
            "a foreign route to %s stands in table %u (interface %u, protocol %u) and takes "
            "traffic of %s: remove it, or choose another table (setting table)",
            prefix_format(&route->destination, destination), (unsigned)route->table,
            (unsigned)route->ifindex, (unsigned)route->protocol,
            name_connection(node->owner, NULL, subject));
        tell(run, node->owner, false, sentence);
    }
}

/* The kernel drops what it would answer over another way: as when the engine routes by rules of its own.
 * In a sysctl's name with slashes a dot is the device's own. */
static void tell_rp_filter(struct reconciliation *run)
{
    const char *device = run->instance->settings.device;
    bool dotted = strchr(device, '.') != NULL;
    char sentence[DRIFT_TEXT_SIZE];
    struct text text = text_over(sentence, sizeof(sentence));
    if (run->survey.rp_filter != RP_FILTER_STRICT)
        return;
    text_append(&text,
                "the reverse path filter for %s is strict: packets out of the tunnels are dropped "
                "where the way back is another one; loosen it with: sysctl ",
                device);
    text_append(&text, dotted ? "net/ipv4/conf/%s/rp_filter=2" : "net.ipv4.conf.%s.rp_filter=2",
                device);
    tell(run, NULL, false, sentence);
}

/* Until the list is complete, whoever is not known may still be named. */
static void tell_kept(struct reconciliation *run)
{
    const struct subwg_instance *instance = run->instance;
    const struct found *found = &run->survey.found;
    for (uint32_t i = 0; i < found->peer_count && !instance->list_completed; i++) {
        const struct key *key = &found->peers[i].public_key;
        const struct connection *connection = table_find_key(&instance->table, key);
        if (connection != NULL && (!connection->adopted || connection->named))
            continue;
        char subject[SUBJECT_SIZE];
        char sentence[DRIFT_TEXT_SIZE];
        struct text text = text_over(sentence, sizeof(sentence));
        text_append(&text, "%s is on the device: kept until the list of endpoints is complete",
                    name_connection(connection, key, subject));
        tell(run, NULL, false, sentence);
    }
}

/* Choosing. */

static bool take_once(const struct reconciliation *run, uint8_t *grant, struct budget *budget)
{
    const struct budget_terms terms = {LIMIT_REPAIR_BURST, LIMIT_REPAIR_PERIOD_S * NS_PER_S};
    if (*grant == GRANT_UNASKED)
        *grant = budget_take(budget, &terms, run->now_ns) ? GRANT_GIVEN : GRANT_REFUSED;
    return *grant == GRANT_GIVEN;
}

static bool may_repair(struct reconciliation *run, const struct step *step)
{
    struct subwg_instance *instance = run->instance;
    const struct device_state *device = &run->survey.found.device;
    struct connection *connection = connection_of(instance, step);
    /* A name may be refused for ever: nothing else waits for it. */
    if (step->kind == STEP_LINK_NAME)
        return take_once(run, &run->name_grant, &instance->name_repairs);
    if (!step_is_peer(step->kind) && !step_is_route(step->kind))
        return take_once(run, &run->device_grant, &instance->device_repairs);
    /* Without the device there is nothing to repair the others on. */
    if ((!device->exists || !device->up) && run->device_grant == GRANT_REFUSED)
        return false;
    if (connection == NULL || connection->adopted)
        return take_once(run, &run->foreign_grant, &instance->foreign_removals);
    return take_once(run, &connection->repair_grant, &connection->repairs);
}

/* Puts the steps that may be taken now before those that may not, each in their order. */
static int32_t choose(struct reconciliation *run)
{
    struct plan *plan = &run->survey.plan;
    struct table *table = &run->instance->table;
    struct step *chosen = calloc((size_t)plan->count + 1, sizeof(*chosen));
    bool *may = calloc((size_t)plan->count + 1, sizeof(*may));
    uint32_t count = 0;
    if (chosen == NULL || may == NULL) {
        free(chosen);
        free(may);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < table->count; i++)
        table->connections[i]->repair_grant = GRANT_UNASKED;
    for (uint32_t i = 0; i < plan->count; i++) {
        may[i] = drift_counts(&plan->steps[i]) ? may_repair(run, &plan->steps[i]) : may[i - 1];
        if (may[i])
            chosen[count++] = plan->steps[i];
    }
    run->granted = count;
    for (uint32_t i = 0; i < plan->count; i++)
        if (!may[i])
            chosen[count++] = plan->steps[i];
    free(may);
    free(plan->steps);
    plan->steps = chosen;
    return 0;
}

/* Settling: what the instance knows afterwards. */

static void settle_peer(struct reconciliation *run, const struct step *step)
{
    struct connection *connection = connection_of(run->instance, step);
    if (connection == NULL || connection->adopted)
        return;
    if (connection->withheld.kind != OVERLAP_NONE) {
        connection->installed = step->result == STEP_DONE ? INSTALLED_NOTHING : INSTALLED_OTHERWISE;
        return;
    }
    if (step->result != STEP_DONE) {
        if (connection->installed == INSTALLED_AS_WANTED)
            connection->installed = INSTALLED_OTHERWISE;
        return;
    }
    connection->installed = INSTALLED_AS_WANTED;
    connection->installed_preshared_key = instance_preshared_key(run->instance);
    if (step->kind == STEP_PEER && step->what.peer.endpoint.address.family != FAMILY_NONE) {
        connection->installed_endpoint = connection->endpoint;
        connection->endpoint_set_ns = run->now_ns;
    }
    if (step->kind == STEP_PEER && step->found_peer == NULL)
        status_restart(&connection->status, run->now_ns);
}

static void settle_route(struct reconciliation *run, const struct prefix *destination)
{
    struct connection *owner = found_owner(run->instance, destination);
    if (owner == NULL)
        return;
    if (owner->predecessor != NULL)
        owner = owner->predecessor;
    struct subnet *subnet = connection_find_subnet(owner, destination);
    if (subnet != NULL)
        subnet->routed = true;
}

static void settle(struct reconciliation *run)
{
    const struct plan *plan = &run->survey.plan;
    bool all = true;
    bool device = true;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct step *step = &plan->steps[i];
        /* All else can be as it should be on a device with another name. */
        bool done = step->result == STEP_DONE || step->kind == STEP_LINK_NAME;
        all = all && done;
        device = device && (done || step_is_peer(step->kind) || step_is_route(step->kind));
        if (step_is_peer(step->kind))
            settle_peer(run, step);
        else if (step->kind == STEP_ROUTE_ADD && done)
            settle_route(run, &step->what.prefix);
    }
    if (device)
        wanted_note(run->instance, &run->survey.wanted);
    run->complete = all;
}

/* The key of a device that was made anew, or that somebody set: unless it is the one of before, the engine
 * has to know. As long as it did not take it, the next run finds the difference again. */
static int32_t publish_key(struct reconciliation *run, struct subwg_error *error)
{
    struct subwg_instance *instance = run->instance;
    bool made = false;
    for (uint32_t i = 0; i < run->granted; i++)
        made = made || (run->survey.plan.steps[i].kind == STEP_PRIVATE_KEY &&
                        run->survey.plan.steps[i].result == STEP_DONE);
    if (made)
        instance->dump_taken =
            false; /* the survey points into the last one: it must not be recycled */
    int32_t code = made ? instance_dump(instance, error) : 0;
    if (code != 0 || !(made || run->survey.key_changed) ||
        key_equal(&instance->public_key, &instance->dump.public_key))
        return code;
    struct key before = instance->public_key;
    instance->public_key = instance->dump.public_key;
    code = identity_save(instance, error);
    if (code >= 0)
        code = device_publish(instance, error);
    if (code < 0)
        instance->public_key = before;
    return code;
}

static int32_t repair(struct reconciliation *run, struct subwg_error *error)
{
    struct subwg_instance *instance = run->instance;
    struct target target = instance_target(instance);
    target.ifindex = run->survey.found.link.ifindex;
    target.one_way = true;
    int32_t code = repair_steps(&target, run->survey.plan.steps, run->granted, error);
    if (target.ifindex != 0)
        instance->ifindex = target.ifindex;
    settle(run);
    int32_t published = publish_key(run, code < 0 ? NULL : error);
    tell_key(run, published == 0);
    return code < 0 ? code : published;
}

static int32_t prepare(struct reconciliation *run, struct subwg_error *error)
{
    int32_t code = survey_take(run->instance, run->addresses, run->address_count, run->now_ns,
                               &run->survey, error);
    if (code == 0 && !run->dry_run && choose(run) != 0)
        code = error_no_memory(error, "reconcile");
    return code;
}

static void take_review(void *context, uint32_t repaired, const char *text)
{
    struct reconciliation *run = context;
    run->differences++;
    if (run->report != NULL)
        run->report(run->report_context, repaired, text);
}

/* First of all who may not have the subnets any more. Of a device that is gone there is nothing to take
 * out. */
static int32_t revalidate(struct reconciliation *run, uint32_t flags, struct subwg_error *error)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    int32_t code = policy_revalidate(run->instance, run->addresses, run->address_count, flags,
                                     take_review, run, &failure);
    if (code < 0 && code != -ENODEV)
        error_copy(error, &failure);
    return code < 0 && code != -ENODEV ? code : 0;
}

static void tell_all(struct reconciliation *run)
{
    tell_steps(run);
    tell_foreign_routes(run);
    tell_kept(run);
    tell_rp_filter(run);
}

static int32_t compare_and_repair(struct reconciliation *run, uint32_t flags,
                                  struct subwg_error *error)
{
    struct subwg_instance *instance = run->instance;
    int32_t reviewed = revalidate(run, flags, error);
    int32_t code = prepare(run, reviewed < 0 ? NULL : error);
    if (code == 0 && run->dry_run) {
        tell_key(run, false);
        tell_all(run);
    } else if (code == 0) {
        code = repair(run, reviewed < 0 ? NULL : error);
        tell_all(run);
        /* What the sentences named may go now. */
        if (run->complete && instance->list_completed)
            leftovers_forget(instance, run->now_ns);
        if (code == 0)
            code = moves_advance(instance, reviewed < 0 ? NULL : error);
    }
    survey_finish(&run->survey);
    if (reviewed < 0)
        return reviewed;
    return code < 0 ? code : (int32_t)run->differences;
}

int32_t reconcile_run(struct subwg_instance *instance, uint32_t flags, subwg_report_fn report,
                      void *report_context, struct subwg_error *error)
{
    struct reconciliation run = {.instance = instance,
                                 .dry_run = (flags & SUBWG_RECONCILE_DRY_RUN) != 0,
                                 .report = report,
                                 .report_context = report_context,
                                 .now_ns = instance_now(instance)};
    if (!run.dry_run) {
        moves_reconciled(instance);
        repeats_begin(&instance->repeats);
    } else {
        /* Whoever asks what would be done wants nothing from memory. */
        kept_routes_forget(instance);
    }
    int32_t code = address_list(instance->netlink, &run.addresses, &run.address_count, error);
    if (code == 0)
        code = compare_and_repair(&run, flags, error);
    if (code < 0)
        kept_routes_forget(instance);
    free(run.addresses);
    return code;
}
