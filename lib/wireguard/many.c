/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect for a list. What makes it more than a loop: of two claims on one prefix or key within the
 * list neither came first, so neither gets it, unless one is installed already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/newcomers.h"

#define OPERATION "connect many"

struct claim {
    struct prefix prefix;
    bool installed; /* the claimant has it, or what covers it */
    uint32_t index; /* into the list */
};

struct list {
    struct connection **candidates; /* NULL: has its result already */
    uint32_t *rivals;               /* index of another claimant; the own index: there is none */
    struct claim *claims;
    uint32_t count;
    uint32_t claim_count;
    subwg_result_fn result;
    void *result_context;
    struct subwg_error silence; /* of the one to which the kernel did not answer; code 0: it does */
};

static void list_finish(struct list *list)
{
    for (uint32_t i = 0; i < list->count && list->candidates != NULL; i++)
        connection_destroy(list->candidates[i]);
    free((void *)list->candidates);
    free(list->rivals);
    free(list->claims);
}

static void settle(struct list *list, uint32_t index, int32_t code, const char *address,
                   const struct subwg_error *error)
{
    list->candidates[index] = NULL;
    if (list->result != NULL)
        list->result(list->result_context, index, code, address, code < 0 ? error : NULL);
}

/* Checks each for itself; who fails has its result. */
static void parse(struct list *list, struct subwg_instance *instance,
                  const struct subwg_endpoint *const *remotes)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        int32_t code = connect_parse(instance, remotes[i], &list->candidates[i], &error);
        list->rivals[i] = i;
        if (code != 0)
            settle(list, i, code, "", &error);
        else
            list->claim_count += list->candidates[i]->subnet_count;
    }
}

/* One cluster, one connection: the first of a list that names it twice counts. */
static int32_t refuse_repeated(struct list *list)
{
    struct index clusters;
    index_start(&clusters);
    int32_t code = index_reserve(&clusters, list->count) ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < list->count && code == 0; i++) {
        struct connection *candidate = list->candidates[i];
        if (candidate == NULL)
            continue;
        size_t length = strlen(candidate->cluster_id);
        if (index_find(&clusters, candidate->cluster_id, length) == NULL) {
            index_insert(&clusters, &candidate->by_cluster, candidate->cluster_id, length);
            continue;
        }
        struct subwg_error error = SUBWG_ERROR_INIT;
        char cluster[80];
        struct text text = text_over(cluster, sizeof(cluster));
        text_append_escaped(&text, candidate->cluster_id);
        int32_t refused = error_set(&error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                                    "cluster '%s' comes twice in the list", cluster);
        list->claim_count -= candidate->subnet_count;
        connection_destroy(candidate);
        settle(list, i, refused, "", &error);
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (list->candidates[i] != NULL)
            index_remove(&clusters, &list->candidates[i]->by_cluster);
    index_finish(&clusters);
    return code;
}

static void contest(struct list *list, uint32_t index, uint32_t rival, bool installed)
{
    if (index != rival && !installed)
        list->rivals[index] = rival;
}

/* While its key changes a cluster has the old one, too. That a leftover has it proves nothing. */
static bool has_key(const struct subwg_instance *instance, const struct connection *candidate)
{
    const struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    while (current != NULL && !key_equal(&current->public_key, &candidate->public_key))
        current = current->predecessor;
    return current != NULL;
}

/* Of the claims of one candidate those that a connection has. Both are sorted: what covers a prefix comes
 * before it. */
static void mark_installed(struct claim *claims, uint32_t count,
                           const struct connection *connection)
{
    const struct prefix *widest = NULL; /* the last one that none before it covers */
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (; next < connection->subnet_count; next++) {
            const struct prefix *subnet = &connection->allowed_ips[next];
            if (prefix_compare(subnet, &claims[i].prefix) > 0)
                break;
            if (widest == NULL || !prefix_overlaps(widest, subnet))
                widest = subnet;
        }
        if (widest != NULL && prefix_overlaps(widest, &claims[i].prefix))
            claims[i].installed = true;
    }
}

static void add_claims(struct claim *claims, const struct subwg_instance *instance,
                       const struct connection *candidate, uint32_t index)
{
    const struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    /* A leftover has no cluster, but who has its key has its subnets. */
    if (current == NULL)
        current = table_find_key(&instance->table, &candidate->public_key);
    for (uint32_t i = 0; i < candidate->subnet_count; i++)
        claims[i] = (struct claim){.prefix = candidate->allowed_ips[i], .index = index};
    for (; current != NULL; current = current->predecessor)
        mark_installed(claims, candidate->subnet_count, current);
}

static int by_claim(const void *a, const void *b)
{
    const struct claim *first = a;
    const struct claim *second = b;
    int order = prefix_compare(&first->prefix, &second->prefix);
    if (order != 0)
        return order;
    return first->index < second->index ? -1 : first->index > second->index;
}

/* In sorted order a prefix follows those that cover it: those still open when it comes. */
static void contest_prefixes(struct list *list)
{
    const struct claim *open[FAMILY_IPV6 + 2];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < list->claim_count; i++) {
        const struct claim *claim = &list->claims[i];
        while (depth > 0 && !prefix_overlaps(&open[depth - 1]->prefix, &claim->prefix))
            depth--;
        for (uint32_t j = 0; j < depth; j++) {
            contest(list, claim->index, open[j]->index, claim->installed);
            contest(list, open[j]->index, claim->index, open[j]->installed);
        }
        /* Of equal ones the first stays open: whoever meets one meets both. */
        if (depth == 0 || !prefix_equal(&open[depth - 1]->prefix, &claim->prefix))
            open[depth++] = claim;
    }
}

static int32_t find_rivals(struct list *list, const struct subwg_instance *instance)
{
    list->claims = calloc((size_t)list->claim_count + 1, sizeof(*list->claims));
    if (list->claims == NULL)
        return -ENOMEM;
    struct claim *next = list->claims;
    struct index keys;
    index_start(&keys);
    bool room = index_reserve(&keys, list->count);
    for (uint32_t i = 0; i < list->count && room; i++) {
        struct connection *candidate = list->candidates[i];
        if (candidate == NULL)
            continue;
        add_claims(next, instance, candidate, i);
        next += candidate->subnet_count;
        candidate->position = i;
        struct index_node *node = index_find(&keys, candidate->public_key.bytes, KEY_SIZE);
        const struct connection *other = INDEX_OWNER(node, struct connection, by_key);
        if (other == NULL) {
            index_insert(&keys, &candidate->by_key, candidate->public_key.bytes, KEY_SIZE);
        } else {
            contest(list, i, other->position, has_key(instance, candidate));
            contest(list, other->position, i, has_key(instance, other));
        }
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (list->candidates[i] != NULL)
            index_remove(&keys, &list->candidates[i]->by_key);
    index_finish(&keys);
    if (!room)
        return -ENOMEM;
    qsort(list->claims, list->claim_count, sizeof(*list->claims), by_claim);
    contest_prefixes(list);
    return 0;
}

static int32_t refuse_rival(const struct list *list, uint32_t index, struct subwg_error *error)
{
    char cluster[80];
    char other[80];
    struct text text = text_over(cluster, sizeof(cluster));
    text_append_escaped(&text, list->candidates[index]->cluster_id);
    text = text_over(other, sizeof(other));
    text_append_escaped(&text, list->candidates[list->rivals[index]]->cluster_id);
    error_set(
        error, -EEXIST, SUBWG_REASON_CONFLICT, OPERATION,
        "endpoint of cluster '%s': cluster '%s' claims an overlapping subnet or the same key in "
        "the same list",
        cluster, other);
    error_hint(error, "neither gets it; correct one of the two announcements");
    return -EEXIST;
}

/* A refused one stays in the list until all are judged: its rival's text names it. */
static void refuse_rivals(struct list *list, struct subwg_instance *instance)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        if (list->candidates[i] == NULL || list->rivals[i] == i)
            continue;
        int32_t code = refuse_rival(list, i, &error);
        leftover_name(instance, list->candidates[i]->cluster_id, &list->candidates[i]->public_key);
        (void)policy_check_owners(instance, list->candidates[i], NULL);
        policy_announce_conflict(instance, list->candidates[i]->cluster_id, error.text);
        if (list->result != NULL)
            list->result(list->result_context, i, code, "", &error);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->rivals[i] == i)
            continue;
        connection_destroy(list->candidates[i]);
        list->candidates[i] = NULL;
    }
}

/* Several candidates of the list that are connected together. */
struct batch {
    struct connection *candidates[LIMIT_CONNECTIONS_A_BATCH];
    uint32_t indices[LIMIT_CONNECTIONS_A_BATCH];
    uint32_t count;
    bool silent; /* the kernel did not answer: the next would only wait again */
};

/* In halves where not all can be connected together, so that one that is refused costs the others little;
 * who is left is connected alone. Goes as deep as the logarithm of a batch. */
static void connect_together(struct list *list, struct subwg_instance *instance,
                             struct batch *batch, uint32_t first, uint32_t count)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    if (count < 2 || batch->silent)
        return;
    int32_t code = newcomers_connect(instance, &batch->candidates[first], count, &error);
    if (code == 0) {
        for (uint32_t i = first; i < first + count; i++)
            settle(list, batch->indices[i], 0, batch->candidates[i]->remote_ip, NULL);
        return;
    }
    batch->silent = code == -ETIMEDOUT;
    /* What may be there in part is to be read before it is changed. */
    if ((error.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0)
        return;
    connect_together(list, instance, batch, first, count / 2);
    connect_together(list, instance, batch, first + count / 2, count - count / 2);
}

static void connect_batch(struct list *list, struct subwg_instance *instance, struct batch *batch)
{
    connect_together(list, instance, batch, 0, batch->count);
    batch->count = 0;
}

static void connect_newcomers(struct list *list, struct subwg_instance *instance)
{
    struct newcomers newcomers = {0};
    struct batch *batch = calloc(1, sizeof(*batch));
    bool able = list->count > 1 && batch != NULL && newcomers_look(instance, &newcomers);
    for (uint32_t i = 0; i < list->count && able && !batch->silent; i++) {
        struct connection *candidate = list->candidates[i];
        if (candidate == NULL || !newcomers_accept(instance, &newcomers, candidate))
            continue;
        batch->indices[batch->count] = i;
        batch->candidates[batch->count++] = candidate;
        if (batch->count == LIMIT_CONNECTIONS_A_BATCH)
            connect_batch(list, instance, batch);
    }
    if (able)
        connect_batch(list, instance, batch);
    newcomers_finish(&newcomers);
    free(batch);
}

/* What needs no kernel is done all the same: it may stand for what an earlier run left. */
static int32_t leave_out(const struct list *list, struct subwg_instance *instance,
                         const struct connection *candidate, struct subwg_error *error)
{
    leftover_name(instance, candidate->cluster_id, &candidate->public_key);
    int32_t code = policy_check_owners(instance, candidate, error);
    return code != 0 ? code : error_not_tried(error, &list->silence);
}

static void connect_alone(struct list *list, struct subwg_instance *instance, uint32_t index)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct connection *candidate = list->candidates[index];
    char address[ADDRESS_TEXT_SIZE];
    (void)text_copy(address, sizeof(address), candidate->remote_ip);
    bool doubted = candidate->installed == INSTALLED_OTHERWISE; /* some of a batch may be left */
    bool silent = list->silence.code != 0;
    int32_t code = silent ? leave_out(list, instance, candidate, &error)
                          : connect_candidate(instance, candidate, &error);
    if (code == -ETIMEDOUT && !silent)
        list->silence = error;
    if (code < 0 && doubted)
        error_state_unknown(&error);
    if (code < 0)
        connection_destroy(candidate);
    settle(list, index, code, code < 0 ? "" : address, &error);
}

int32_t connect_list(struct subwg_instance *instance, const struct subwg_endpoint *const *remotes,
                     uint32_t count, subwg_result_fn result, void *result_context,
                     struct subwg_error *error)
{
    if (remotes == NULL && count > 0)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION, "the list is NULL");
    struct list list = {.count = count,
                        .result = result,
                        .result_context = result_context,
                        .silence = SUBWG_ERROR_INIT};
    list.candidates = calloc((size_t)count + 1, sizeof(*list.candidates));
    list.rivals = calloc((size_t)count + 1, sizeof(*list.rivals));
    int32_t code = -ENOMEM;
    if (list.candidates != NULL && list.rivals != NULL) {
        parse(&list, instance, remotes);
        code = refuse_repeated(&list);
        if (code == 0)
            code = find_rivals(&list, instance);
    }
    if (code == 0)
        refuse_rivals(&list, instance);
    if (code == 0)
        connect_newcomers(&list, instance);
    for (uint32_t i = 0; i < count && code == 0; i++)
        if (list.candidates[i] != NULL)
            connect_alone(&list, instance, i);
    list_finish(&list);
    if (code == -ENOMEM)
        return error_set(error, code, SUBWG_REASON_NO_MEMORY, OPERATION, "%s", error_phrase(code));
    return code;
}
