/* SPDX-License-Identifier: Apache-2.0 */
/* disconnect for a list: its connections leave the kernel together, in few messages. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/instance.h"

#define OPERATION "disconnect many"

struct batch {
    struct connection *connections[LIMIT_CONNECTIONS_A_BATCH];
    uint32_t indices[LIMIT_CONNECTIONS_A_BATCH]; /* into the list */
    uint32_t count;
    bool *taken; /* by position in the table: it is in the batch */
    subwg_result_fn result;
    void *result_context;
    struct subwg_error silence; /* of the one to which the kernel did not answer; code 0: it does */
};

static void settle(const struct batch *batch, uint32_t index, int32_t code,
                   const struct subwg_error *error)
{
    if (batch->result != NULL)
        batch->result(batch->result_context, index, code, "", code < 0 ? error : NULL);
}

static int32_t uninstall_alone(struct batch *batch, struct subwg_instance *instance,
                               struct connection *connection, struct subwg_error *error)
{
    if (batch->silence.code != 0)
        return error_not_tried(error, &batch->silence);
    int32_t code = connection_uninstall(instance, connection, error);
    if (code == -ETIMEDOUT)
        batch->silence = *error;
    return code;
}

/* What fails together is tried one by one, so that each has its own result, until the kernel does not
 * answer. */
static void finish(struct batch *batch, struct subwg_instance *instance)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    bool together =
        batch->count > 1 && batch->silence.code == 0 &&
        connections_uninstall(instance, batch->connections, batch->count, &failure) >= 0;
    for (uint32_t i = 0; i < batch->count; i++)
        batch->taken[batch->connections[i]->position] = false;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        int32_t code =
            together ? 0 : uninstall_alone(batch, instance, batch->connections[i], &error);
        if (code >= 0)
            disconnect_forget(instance, batch->connections[i]);
        else if ((failure.flags & SUBWG_ERROR_STATE_UNKNOWN) != 0)
            error_state_unknown(&error);
        settle(batch, batch->indices[i], code < 0 ? code : 0, &error);
    }
    batch->count = 0;
}

static void take(struct batch *batch, struct subwg_instance *instance,
                 const struct subwg_endpoint *remote, uint32_t index)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct connection *connection = NULL;
    int32_t code = disconnect_find(instance, remote, &connection, &error);
    /* Twice in the list: what the second one finds is for the first to say. */
    if (code == 0 && batch->taken[connection->position]) {
        finish(batch, instance);
        code = disconnect_find(instance, remote, &connection, &error);
    }
    if (code != 0) {
        settle(batch, index, code, &error);
        return;
    }
    batch->taken[connection->position] = true;
    batch->indices[batch->count] = index;
    batch->connections[batch->count++] = connection;
    if (batch->count == LIMIT_CONNECTIONS_A_BATCH)
        finish(batch, instance);
}

int32_t disconnect_list(struct subwg_instance *instance,
                        const struct subwg_endpoint *const *remotes, uint32_t count,
                        subwg_result_fn result, void *result_context, struct subwg_error *error)
{
    if (remotes == NULL && count > 0)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION, "the list is NULL");
    struct batch *batch = calloc(1, sizeof(*batch));
    bool *taken = calloc((size_t)instance->table.count + 1, sizeof(*taken));
    bool room = batch != NULL && taken != NULL;
    if (room) {
        batch->taken = taken;
        batch->result = result;
        batch->result_context = result_context;
        batch->silence = (struct subwg_error)SUBWG_ERROR_INIT;
    }
    for (uint32_t i = 0; i < count && room; i++)
        take(batch, instance, remotes[i], i);
    if (room)
        finish(batch, instance);
    free(taken);
    free(batch);
    return room ? 0 : error_no_memory(error, OPERATION);
}
