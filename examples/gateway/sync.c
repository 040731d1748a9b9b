/* SPDX-License-Identifier: Apache-2.0 */
#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* One list handed to the driver: the endpoints, whose they are, and which have had their result. */
struct batch {
    struct subwg_endpoint *endpoints;
    const struct subwg_endpoint **pointers;
    struct remote **remotes;
    uint32_t count;
    uint64_t now_ms;
};

static void batch_free(struct batch *batch)
{
    free(batch->endpoints);
    free(batch->pointers);
    free(batch->remotes);
}

static int batch_make(struct batch *batch, size_t most)
{
    *batch = (struct batch){.endpoints = calloc(most + 1, sizeof *batch->endpoints),
                            .pointers = calloc(most + 1, sizeof(struct subwg_endpoint *)),
                            .remotes = calloc(most + 1, sizeof(struct remote *)),
                            .now_ms = gateway_now_ms()};
    if (batch->endpoints != NULL && batch->pointers != NULL && batch->remotes != NULL)
        return 0;
    batch_free(batch);
    return -ENOMEM;
}

static void batch_add(struct batch *batch, struct remote *remote, struct subwg_endpoint endpoint)
{
    batch->endpoints[batch->count] = endpoint;
    batch->pointers[batch->count] = &batch->endpoints[batch->count];
    batch->remotes[batch->count++] = remote;
}

static void fail(struct remote *remote, const char *what, const struct subwg_error *error,
                 uint64_t now_ms)
{
    if (remote_failed(remote, error, now_ms))
        log_line(SUBWG_LOG_ERROR, "%s %s: %s%s%s%s", what, remote->cluster_id, error->text,
                 error->hint[0] != '\0' ? "; " : "", error->hint,
                 remote->retry == RETRY_LATER ? " (trying again)" : "");
}

static void on_connected(void *context, uint32_t index, int32_t code, const char *address,
                         const struct subwg_error *error)
{
    struct batch *batch = context;
    struct remote *remote = batch->remotes[index];
    bool updated = remote->applied != NULL;

    batch->remotes[index] = NULL;
    if (code < 0) {
        fail(remote, "cannot connect", error, batch->now_ms);
        return;
    }
    remote_connected(remote);
    log_line(SUBWG_LOG_INFO, "%s %s via %s%s", updated ? "updated" : "connected",
             remote->cluster_id, address, code > 0 ? " (was so already)" : "");
}

static void on_disconnected(void *context, uint32_t index, int32_t code, const char *address,
                            const struct subwg_error *error)
{
    struct batch *batch = context;
    struct remote *remote = batch->remotes[index];
    bool was_connected = remote->applied != NULL;

    (void)address;
    batch->remotes[index] = NULL;
    if (code < 0) {
        fail(remote, "cannot disconnect", error, batch->now_ms);
        return;
    }
    remote_disconnected(remote);
    if (was_connected)
        log_line(SUBWG_LOG_INFO, "disconnected %s%s", remote->cluster_id,
                 code > 0 ? " (was so already)" : "");
}

/* Those without a result of their own share the list's: one that succeeded owes them theirs. */
static void fail_rest(const struct batch *batch, const char *what, int32_t result,
                      struct subwg_error *error)
{
    if (result >= 0)
        snprintf(error->text, sizeof error->text, "the driver gave no result");
    for (uint32_t i = 0; i < batch->count; i++)
        if (batch->remotes[i] != NULL)
            fail(batch->remotes[i], what, error, batch->now_ms);
}

static void disconnect_gone(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct remotes *remotes = &gateway->remotes;
    struct batch batch;

    if (batch_make(&batch, remotes->count) < 0)
        return;
    for (size_t i = 0; i < remotes->count; i++)
        if (remote_needs_disconnect(&remotes->list[i], batch.now_ms))
            batch_add(&batch, &remotes->list[i], remote_to_disconnect(&remotes->list[i]));
    if (batch.count > 0) {
        int32_t result = subwg_cable_disconnect_many(gateway->engine.cable, batch.pointers,
                                                     batch.count, on_disconnected, &batch, &error);
        fail_rest(&batch, "cannot disconnect", result, &error);
    }
    batch_free(&batch);
    remotes_sweep(remotes);
}

static void connect_wanted(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct remotes *remotes = &gateway->remotes;
    struct batch batch;

    if (batch_make(&batch, remotes->count) < 0)
        return;
    for (size_t i = 0; i < remotes->count; i++)
        if (remote_needs_connect(&remotes->list[i], batch.now_ms))
            batch_add(&batch, &remotes->list[i],
                      remote_path(remotes->list[i].wanted, gateway->config->use_ip));
    if (batch.count > 0) {
        int32_t result = subwg_cable_connect_many(gateway->engine.cable, batch.pointers,
                                                  batch.count, on_connected, &batch, &error);
        fail_rest(&batch, "cannot connect", result, &error);
    }
    batch_free(&batch);
}

/* Only when every endpoint is known and taken or refused: until then, what an earlier run left may
 * belong to one that is not, and removing it would cut a tunnel. */
static void complete_list(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    size_t unreadable = broker_unreadable(&gateway->broker);
    int32_t removed;

    if (gateway->list_complete || gateway->broker_failed)
        return;
    if (unreadable > 0 || !remotes_settled(&gateway->remotes)) {
        if (!gateway->list_logged)
            log_line(SUBWG_LOG_INFO,
                     "not all endpoints are known yet: leftovers of an earlier run stay");
        gateway->list_logged = true;
        return;
    }
    removed = subwg_cable_list_complete(gateway->engine.cable, &error);
    gateway->list_complete = removed >= 0 || removed == -EOPNOTSUPP;
    if (removed > 0)
        log_line(SUBWG_LOG_INFO, "removed %d leftovers of an earlier run", removed);
    if (removed >= 0) {
        /* A leftover may have stood in the way: of a cluster whose key changed meanwhile, say. Also one that
         * is still there, for it is kept for who comes now. */
        remotes_release(&gateway->remotes);
        connect_wanted(gateway);
    } else if (!gateway->list_complete) {
        log_line(SUBWG_LOG_ERROR, "cannot remove leftovers of an earlier run: %s", error.text);
    }
}

void sync_connections(struct gateway *gateway)
{
    disconnect_gone(gateway);
    connect_wanted(gateway);
    complete_list(gateway);
}

void sync_own_endpoint(struct gateway *gateway)
{
    char *text;
    int result = -ENOMEM;

    if (!gateway->engine.publish_due)
        return;
    text = endpoint_format(gateway->config->local, gateway->engine.published);
    if (text != NULL)
        result = broker_publish(gateway->broker.path, gateway->own_file, text);
    free(text);
    if (result < 0) {
        if (!gateway->publish_failed)
            log_line(SUBWG_LOG_ERROR, "cannot publish %s in %s: %s (trying again)",
                     gateway->own_file, gateway->broker.path, strerror(-result));
        gateway->publish_failed = true;
        return;
    }
    gateway->publish_failed = false;
    gateway->engine.publish_due = false;
    log_line(SUBWG_LOG_INFO, "published %s in %s", gateway->own_file, gateway->broker.path);
}

/* Without the broker everything stays as it is. */
static bool scan(struct gateway *gateway)
{
    int result = broker_scan(&gateway->broker);

    if (result >= 0)
        result = remotes_want(&gateway->remotes, &gateway->broker,
                              gateway->config->local->view.cluster_id);
    if (result < 0 && !gateway->broker_failed)
        log_line(SUBWG_LOG_ERROR, "cannot read the broker %s: %s (connections stay as they are)",
                 gateway->broker.path, strerror(-result));
    else if (result >= 0 && gateway->broker_failed)
        log_line(SUBWG_LOG_INFO, "the broker can be read again");
    gateway->broker_failed = result < 0;
    return result >= 0;
}

/* Whether the own file says what was published; where that cannot be told, it does. */
static bool own_file_stands(const struct gateway *gateway)
{
    const struct broker_entry *entry = broker_find(&gateway->broker, gateway->own_file);
    char *text = endpoint_format(gateway->config->local, gateway->engine.published);
    struct faults faults;
    struct endpoint *own;
    bool stands = true;

    faults_begin(&faults, NULL);
    own = text != NULL ? endpoint_parse(text, strlen(text), &faults) : NULL;
    if (entry != NULL && own != NULL)
        stands = entry->fault[0] == '\0' && endpoint_equal(entry->endpoint, own);
    endpoint_unref(own);
    free(text);
    return stands;
}

/* At the regular look alone: two gateways of one name would otherwise write by turns without a pause. */
void sync_own_file(struct gateway *gateway)
{
    if (gateway->broker_failed || gateway->engine.publish_due || own_file_stands(gateway))
        return;
    log_line(SUBWG_LOG_WARNING, "somebody else wrote %s: publishing it again", gateway->own_file);
    gateway->engine.publish_due = true;
    sync_own_endpoint(gateway);
}

void sync_broker(struct gateway *gateway)
{
    debounce_clear(&gateway->changes);
    if (scan(gateway) && !broker_holds(&gateway->broker, gateway->own_file))
        gateway->engine.publish_due = true;
    sync_own_endpoint(gateway);
    sync_connections(gateway);
}
