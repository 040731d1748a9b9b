/* SPDX-License-Identifier: Apache-2.0 */
/* Operations over many endpoints: by the driver's own, or one after the other. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/head.h"
#include "engine/operation.h"

/* Stands between the driver and the caller's result function. */
struct relay {
    const struct operation *operation;
    subwg_result_fn result; /* may be NULL */
    void *context;
    uint32_t count;
    uint32_t answered; /* endpoints, not answers: a driver may repeat itself */
    bool *seen;        /* which endpoints those are */
};

typedef int32_t (*many_fn)(struct subwg_instance *, const struct subwg_endpoint *const *, uint32_t,
                           subwg_result_fn, void *, struct subwg_error *);
typedef void (*each_fn)(const struct subwg_cable *, struct relay *,
                        const struct subwg_endpoint *const *);

static void relay_result(void *context, uint32_t index, int32_t code, const char *address,
                         const struct subwg_error *error)
{
    struct relay *relay = context;
    if (index >= relay->count || relay->seen[index])
        return;
    relay->seen[index] = true;
    relay->answered++;
    if (relay->result == NULL)
        return;
    code = operation_code(code);
    struct subwg_error settled = SUBWG_ERROR_INIT;
    if (code < 0) {
        if (error != NULL && head_is(&error->head, SUBWG_MAGIC_ERROR, SUBWG_ERROR_SIZE_1_0))
            head_copy_known(&settled, sizeof(settled), error);
        operation_settle_error(relay->operation, &settled, code);
    }
    relay->result(relay->context, index, code, address == NULL || code < 0 ? "" : address,
                  code < 0 ? &settled : NULL);
}

static int32_t check_remotes(struct operation *operation,
                             const struct subwg_endpoint *const *remotes, uint32_t count)
{
    bool whole = remotes != NULL || count == 0;
    for (uint32_t i = 0; whole && i < count; i++)
        whole = remotes[i] != NULL;
    if (whole)
        return 0;
    return error_set(&operation->found, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, operation->name,
                     "%s refused: an endpoint of the list is missing", operation->name);
}

static int32_t by_driver(struct operation *operation, struct relay *relay, many_fn many,
                         const struct subwg_endpoint *const *remotes)
{
    const struct subwg_cable *cable = operation->cable;
    int32_t code =
        many(cable->instance, remotes, relay->count, relay_result, relay, &operation->found);
    if (code >= 0 && relay->answered != relay->count)
        return error_set(&operation->found, -EPROTO, SUBWG_REASON_INCOMPATIBLE, operation->name,
                         "driver \"%s\" answered for %u of %u endpoints", cable->driver->name,
                         (unsigned)relay->answered, (unsigned)relay->count);
    return code < 0 ? code : 0;
}

static void connect_each(const struct subwg_cable *cable, struct relay *relay,
                         const struct subwg_endpoint *const *remotes)
{
    for (uint32_t i = 0; i < relay->count; i++) {
        char address[SUBWG_ADDRESS_TEXT_SIZE] = {0};
        struct subwg_error error = SUBWG_ERROR_INIT;
        int32_t code = cable->driver->connect(cable->instance, remotes[i], address, &error);
        address[sizeof(address) - 1] = '\0';
        relay_result(relay, i, code, address, &error);
    }
}

static void disconnect_each(const struct subwg_cable *cable, struct relay *relay,
                            const struct subwg_endpoint *const *remotes)
{
    for (uint32_t i = 0; i < relay->count; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        int32_t code = cable->driver->disconnect(cable->instance, remotes[i], &error);
        relay_result(relay, i, code, "", &error);
    }
}

/* By many, the driver's own; where it has none, one by one. */
static int32_t for_all(struct operation *operation, struct relay *relay,
                       const struct subwg_endpoint *const *remotes, many_fn many, each_fn each)
{
    int32_t code = check_remotes(operation, remotes, relay->count);
    if (code != 0)
        return code;
    relay->operation = operation;
    relay->seen = calloc((size_t)relay->count + 1, sizeof(*relay->seen));
    if (relay->seen == NULL)
        return error_set(&operation->found, -ENOMEM, SUBWG_REASON_NO_MEMORY, operation->name,
                         "no memory for a list of %u endpoints", (unsigned)relay->count);
    if (many != NULL)
        code = by_driver(operation, relay, many, remotes);
    else
        each(operation->cable, relay, remotes);
    free(relay->seen);
    return code;
}

int32_t subwg_cable_connect_many(struct subwg_cable *cable,
                                 const struct subwg_endpoint *const *remotes, uint32_t count,
                                 subwg_result_fn result, void *result_context,
                                 struct subwg_error *error)
{
    struct operation operation;
    struct relay relay = {.result = result, .context = result_context, .count = count};
    int32_t code = operation_begin(&operation, cable, "connect_many");
    if (code == 0)
        code = for_all(&operation, &relay, remotes, cable->driver->connect_many, connect_each);
    return operation_end(&operation, code, error);
}

int32_t subwg_cable_disconnect_many(struct subwg_cable *cable,
                                    const struct subwg_endpoint *const *remotes, uint32_t count,
                                    subwg_result_fn result, void *result_context,
                                    struct subwg_error *error)
{
    struct operation operation;
    struct relay relay = {.result = result, .context = result_context, .count = count};
    int32_t code = operation_begin(&operation, cable, "disconnect_many");
    if (code == 0)
        code =
            for_all(&operation, &relay, remotes, cable->driver->disconnect_many, disconnect_each);
    return operation_end(&operation, code, error);
}
