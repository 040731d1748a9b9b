/* SPDX-License-Identifier: Apache-2.0 */
#include "remotes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a cluster is, or belongs, in the list, which is kept in the order of names. */
static size_t position(const struct remotes *remotes, const char *cluster_id)
{
    size_t low = 0, high = remotes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(remotes->list[middle].cluster_id, cluster_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct remote *remotes_find(const struct remotes *remotes, const char *cluster_id)
{
    size_t at = position(remotes, cluster_id);

    if (at == remotes->count || strcmp(remotes->list[at].cluster_id, cluster_id) != 0)
        return NULL;
    return &remotes->list[at];
}

static struct remote *add_remote(struct remotes *remotes, const char *cluster_id)
{
    size_t at = position(remotes, cluster_id);
    struct remote *list = realloc(remotes->list, (remotes->count + 1) * sizeof *list);
    char *name = list != NULL ? strdup(cluster_id) : NULL;

    if (list != NULL)
        remotes->list = list;
    if (name == NULL)
        return NULL;
    memmove(list + at + 1, list + at, (remotes->count - at) * sizeof *list);
    list[at] = (struct remote){.cluster_id = name};
    remotes->count++;
    return &list[at];
}

static void free_remote(struct remote *remote)
{
    free(remote->cluster_id);
    endpoint_unref(remote->wanted);
    endpoint_unref(remote->applied);
    endpoint_unref(remote->tried);
}

void remotes_free(struct remotes *remotes)
{
    for (size_t i = 0; i < remotes->count; i++)
        free_remote(&remotes->list[i]);
    free(remotes->list);
    *remotes = (struct remotes){0};
}

void remotes_sweep(struct remotes *remotes)
{
    size_t kept = 0;

    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = &remotes->list[i];
        if (remote->wanted == NULL && remote->applied == NULL && !remote->refused)
            free_remote(remote);
        else
            remotes->list[kept++] = *remote;
    }
    remotes->count = kept;
}

static void replace(struct endpoint **at, struct endpoint *endpoint)
{
    struct endpoint *old = *at;

    *at = endpoint_ref(endpoint);
    endpoint_unref(old);
}

/* Another endpoint, or none, is wanted from now on: what failed before says nothing about it. */
static void want(struct remote *remote, struct endpoint *endpoint)
{
    replace(&remote->wanted, endpoint);
    replace(&remote->tried, NULL);
    remote->retry_delay_s = 0;
    remote->retry_at_ms = 0;
    remote->failure[0] = '\0';
}

static int compare_by_cluster(const void *a, const void *b)
{
    const struct broker_entry *first = *(const struct broker_entry *const *)a;
    const struct broker_entry *second = *(const struct broker_entry *const *)b;
    int order = strcmp(first->endpoint->view.cluster_id, second->endpoint->view.cluster_id);

    if (order == 0 && first->written.tv_sec != second->written.tv_sec)
        order = first->written.tv_sec < second->written.tv_sec ? -1 : 1;
    if (order == 0 && first->written.tv_nsec != second->written.tv_nsec)
        order = first->written.tv_nsec < second->written.tv_nsec ? -1 : 1;
    return order != 0 ? order : strcmp(first->name, second->name);
}

/* The entries of other clusters, the one that counts of each cluster last. NULL when out of memory. */
static const struct broker_entry **sorted_entries(const struct broker *broker,
                                                  const char *own_cluster, size_t *ret_count)
{
    const struct broker_entry **sorted = calloc(broker->count + 1, sizeof(struct broker_entry *));
    size_t count = 0;

    for (size_t i = 0; sorted != NULL && i < broker->count; i++) {
        const struct endpoint *endpoint = broker->entries[i].endpoint;
        if (endpoint != NULL && strcmp(endpoint->view.cluster_id, own_cluster) != 0)
            sorted[count++] = &broker->entries[i];
    }
    if (count > 0)
        qsort(sorted, count, sizeof(struct broker_entry *), compare_by_cluster);
    *ret_count = count;
    return sorted;
}

static bool is_wanted(const struct broker_entry *const *sorted, size_t count,
                      const char *cluster_id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(sorted[middle]->endpoint->view.cluster_id, cluster_id);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void remotes_release(struct remotes *remotes)
{
    for (size_t i = 0; i < remotes->count; i++)
        if (remotes->list[i].retry == RETRY_ON_CHANGE)
            replace(&remotes->list[i].tried, NULL);
}

int remotes_want(struct remotes *remotes, const struct broker *broker, const char *own_cluster)
{
    size_t count = 0;
    const struct broker_entry **sorted = sorted_entries(broker, own_cluster, &count);
    int changes = 0;

    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < remotes->count; i++) {
        struct remote *remote = &remotes->list[i];
        if (remote->wanted != NULL && !is_wanted(sorted, count, remote->cluster_id)) {
            want(remote, NULL);
            changes++;
        }
    }
    for (size_t i = 0; changes >= 0 && i < count; i++) {
        struct endpoint *endpoint = sorted[i]->endpoint;
        const char *cluster_id = endpoint->view.cluster_id;
        if (i + 1 < count && strcmp(sorted[i + 1]->endpoint->view.cluster_id, cluster_id) == 0)
            continue;
        struct remote *remote = remotes_find(remotes, cluster_id);
        if (remote == NULL)
            remote = add_remote(remotes, cluster_id);
        if (remote == NULL) {
            changes = -ENOMEM;
        } else if (!endpoint_equal(remote->wanted, endpoint)) {
            want(remote, endpoint);
            changes++;
        }
    }
    free(sorted);
    if (changes > 0)
        remotes_release(remotes);
    return changes;
}

bool remote_needs_disconnect(const struct remote *remote, uint64_t now_ms)
{
    return remote->wanted == NULL && (remote->applied != NULL || remote->refused) &&
           now_ms >= remote->retry_at_ms;
}

bool remote_needs_connect(const struct remote *remote, uint64_t now_ms)
{
    if (remote->wanted == NULL)
        return false;
    if (remote->tried != NULL) /* only what failed is tried: anything new has cleared it */
        return remote->retry == RETRY_LATER && now_ms >= remote->retry_at_ms;
    return remote->uncertain || !endpoint_equal(remote->wanted, remote->applied);
}

uint64_t remotes_next_ms(const struct remotes *remotes)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < remotes->count; i++) {
        const struct remote *remote = &remotes->list[i];
        bool due =
            remote_needs_connect(remote, UINT64_MAX) || remote_needs_disconnect(remote, UINT64_MAX);
        if (due && remote->retry_at_ms < next)
            next = remote->retry_at_ms;
    }
    return next;
}

bool remotes_settled(const struct remotes *remotes)
{
    return remotes_next_ms(remotes) == UINT64_MAX;
}

struct subwg_endpoint remote_path(const struct endpoint *endpoint, const json_t *use_ip)
{
    struct subwg_endpoint path = endpoint->view;
    const char *configured = json_string_value(json_object_get(use_ip, path.cluster_id));

    path.use_ip = path.nat_enabled != 0 ? path.public_ip : path.private_ip;
    path.use_nat = path.nat_enabled;
    if (configured != NULL) {
        path.use_ip = configured;
        path.use_nat = strcmp(configured, path.private_ip) != 0;
    }
    /* Without an address the choice is the driver's, who then says what is missing. */
    if (path.use_ip[0] != '\0')
        path.present |= SUBWG_ENDPOINT_USE_IP;
    else
        path.use_ip = NULL, path.use_nat = 0;
    return path;
}

struct subwg_endpoint remote_to_disconnect(const struct remote *remote)
{
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;

    if (remote->applied == NULL) {
        endpoint.cluster_id = remote->cluster_id;
        return endpoint;
    }
    endpoint = remote->applied->view;
    if (remote->uncertain) {
        endpoint.backend_config = NULL;
        endpoint.backend_config_count = 0;
    }
    return endpoint;
}

void remote_connected(struct remote *remote)
{
    replace(&remote->applied, remote->wanted);
    replace(&remote->tried, NULL);
    remote->uncertain = false;
    remote->refused = false;
    remote->retry_delay_s = 0;
    remote->retry_at_ms = 0;
    remote->failure[0] = '\0';
}

void remote_disconnected(struct remote *remote)
{
    replace(&remote->applied, NULL);
    remote->uncertain = false;
    remote->refused = false;
    remote->status_known = false;
    remote->retry_delay_s = 0;
    remote->retry_at_ms = 0;
}

bool remote_failed(struct remote *remote, const struct subwg_error *error, uint64_t now_ms)
{
    bool is_new = strcmp(remote->failure, error->text) != 0;

    snprintf(remote->failure, sizeof remote->failure, "%s", error->text);
    remote->retry = remote_retry(error);
    if ((error->flags & SUBWG_ERROR_STATE_UNKNOWN) != 0) {
        remote->uncertain = true;
        if (remote->applied == NULL)
            replace(&remote->applied, remote->wanted);
    }
    remote->refused = true;
    replace(&remote->tried, remote->wanted);
    remote->retry_delay_s *= 2;
    if (remote->retry_delay_s < RETRY_DELAY_FIRST_S)
        remote->retry_delay_s = RETRY_DELAY_FIRST_S;
    if (remote->retry_delay_s > RETRY_DELAY_MOST_S)
        remote->retry_delay_s = RETRY_DELAY_MOST_S;
    remote->retry_at_ms = now_ms + remote->retry_delay_s * UINT64_C(1000);
    return is_new;
}

enum retry remote_retry(const struct subwg_error *error)
{
    if (error->code == -EAGAIN)
        return RETRY_LATER;
    switch (error->reason) {
    case SUBWG_REASON_BAD_ARGUMENT:
    case SUBWG_REASON_BAD_SETTING:
    case SUBWG_REASON_BAD_ENDPOINT:
    case SUBWG_REASON_NOT_SUPPORTED:
        return RETRY_NOT;
    case SUBWG_REASON_REFUSED:
    case SUBWG_REASON_CONFLICT:
    case SUBWG_REASON_LIMIT:
        return RETRY_ON_CHANGE;
    default:
        return RETRY_LATER;
    }
}
