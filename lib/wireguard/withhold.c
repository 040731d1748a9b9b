/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was allowed at connect may not be any more: an address can appear on this host at any time. A
 * connection that overlaps it would take the traffic of this host's own network, so it is withheld: it
 * keeps its place in the table and its subnets among the clusters, but the kernel has nothing of it.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/instance.h"
#include "wireguard/screen.h"
#include "wireguard/slice.h"

/* One look at all of them. */
struct review {
    struct subwg_instance *instance;
    bool dry_run;
    subwg_report_fn report;
    void *report_context;
    struct subwg_error *error;
    int32_t differences;
    int32_t code; /* the first failure */
};

static void tell(struct review *review, const struct connection *connection, bool repaired,
                 const char *verdict, const struct overlap *overlap)
{
    char cluster[80];
    char why[OVERLAP_TEXT_SIZE];
    char line[SUBWG_ERROR_TEXT_SIZE];
    struct text text = text_over(cluster, sizeof(cluster));
    text_append_escaped(&text, connection->cluster_id);
    text = text_over(line, sizeof(line));
    text_append(&text, "connection to cluster '%s' %s: %s", cluster, verdict,
                overlap_describe(overlap, connection, why));
    review->differences++;
    if (review->report != NULL)
        review->report(review->report_context, repaired, line);
    if (!repaired)
        return;
    instance_log(review->instance, SUBWG_LOG_WARNING, "%s", line);
    policy_announce_conflict(review->instance, connection->cluster_id, line);
}

static void note_failure(struct review *review, int32_t code, const struct subwg_error *failure)
{
    if (review->code < 0)
        return;
    review->code = code;
    error_copy(review->error, failure);
}

/* Gone from the kernel, as far as is known. */
static bool is_out(const struct connection *connection)
{
    bool out = connection->installed == INSTALLED_NOTHING && connection->predecessor == NULL;
    for (uint32_t i = 0; i < connection->subnet_count && out; i++)
        out = !connection->subnets[i].routed;
    return out;
}

/* With a key that is being changed, both peers go. */
static int32_t take_out(struct subwg_instance *instance, struct connection *connection,
                        struct subwg_error *error)
{
    struct connection *predecessor = connection->predecessor;
    int32_t code = connection_uninstall(instance, connection, error);
    if (code >= 0 && predecessor != NULL) {
        status_add_counters(&connection->status, &predecessor->status);
        table_remove(&instance->table, predecessor);
        connection_destroy(predecessor);
    }
    return code;
}

static int32_t put_back(struct subwg_instance *instance, struct connection *connection,
                        struct subwg_error *error)
{
    struct slice slice = {0};
    int32_t code = slice_find(instance, connection, &slice, error);
    if (code == 0)
        code = slice_yield(instance, connection, &slice, error);
    if (code == 0)
        code = slice_install(instance, connection, &slice, error);
    if (code >= 0)
        slice_commit(instance, connection, &slice);
    slice_finish(&slice);
    return code;
}

/* Whatever the kernel says: it is not wanted from now on, and what is left of it is tried again. */
static void withhold(struct review *review, struct connection *connection,
                     const struct overlap *overlap)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    bool first = connection->withheld.kind == OVERLAP_NONE;
    if (!first && is_out(connection)) {
        if (!review->dry_run)
            connection->withheld = *overlap;
        return;
    }
    if (review->dry_run) {
        tell(review, connection, false, "is to be withheld", overlap);
        return;
    }
    connection->withheld = *overlap;
    status_withheld(&connection->status, instance_now(review->instance));
    int32_t code = take_out(review->instance, connection, &failure);
    tell(review, connection, code >= 0, "is withheld", overlap);
    if (code < 0)
        note_failure(review, code, &failure);
}

static void release(struct review *review, struct connection *connection)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    const struct overlap before = connection->withheld;
    if (review->dry_run) {
        tell(review, connection, false, "may come back, no longer so", &before);
        return;
    }
    int32_t code = put_back(review->instance, connection, &failure);
    tell(review, connection, code >= 0, code >= 0 ? "is back, no longer so" : "cannot come back",
         &before);
    if (code < 0) {
        note_failure(review, code, &failure);
        return;
    }
    connection->withheld = (struct overlap){.kind = OVERLAP_NONE};
}

int32_t policy_revalidate(struct subwg_instance *instance,
                          const struct interface_address *addresses, uint32_t count, uint32_t flags,
                          subwg_report_fn report, void *report_context, struct subwg_error *error)
{
    struct screen screen = {0};
    struct review review = {.instance = instance,
                            .dry_run = (flags & SUBWG_RECONCILE_DRY_RUN) != 0,
                            .report = report,
                            .report_context = report_context,
                            .error = error};
    if (screen_make(instance, addresses, count, &screen) != 0)
        return error_no_memory(error, "reconcile");
    leftovers_review(instance, addresses, count);
    /* From the end: whatever is put into another place was looked at. */
    for (uint32_t i = instance->table.count; i-- > 0;) {
        if (i >= instance->table.count)
            continue;
        struct connection *connection = instance->table.connections[i];
        if (connection->adopted || connection->successor != NULL)
            continue;
        struct overlap overlap = {.kind = OVERLAP_NONE};
        if (!screen_clears(instance, &screen, connection))
            overlap = overlap_find(instance, connection, addresses, count);
        if (overlap.kind != OVERLAP_NONE)
            withhold(&review, connection, &overlap);
        else if (connection->withheld.kind != OVERLAP_NONE)
            release(&review, connection);
    }
    screen_finish(&screen);
    return review.code < 0 ? review.code : review.differences;
}
