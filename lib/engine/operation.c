/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/operation.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/head.h"

static int32_t refuse(struct operation *operation, int32_t code)
{
    const char *why = code == -ESTALE ? "this process is a fork of the one that made the cable"
                                      : "called from within one of the cable's own callbacks";
    return error_set(&operation->found, code, SUBWG_REASON_BAD_ARGUMENT, operation->name,
                     "%s refused: %s", operation->name, why);
}

static int32_t begin(struct operation *operation, struct subwg_cable *cable, const char *name,
                     int32_t (*enter)(struct gate *, struct gate_call *))
{
    *operation = (struct operation){.cable = cable, .name = name, .found = SUBWG_ERROR_INIT};
    if (cable == NULL)
        return error_set(&operation->found, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, name,
                         "%s refused: no cable", name);
    int32_t code = enter(&cable->gate, &operation->call);
    operation->inside = code == 0;
    return code == 0 ? 0 : refuse(operation, code);
}

int32_t operation_begin(struct operation *operation, struct subwg_cable *cable, const char *name)
{
    return begin(operation, cable, name, gate_enter);
}

int32_t operation_begin_alone(struct operation *operation, struct subwg_cable *cable,
                              const char *name)
{
    return begin(operation, cable, name, gate_enter_alone);
}

int32_t operation_lacking(struct operation *operation)
{
    return error_set(&operation->found, -EOPNOTSUPP, SUBWG_REASON_NOT_SUPPORTED, operation->name,
                     "driver \"%s\" has no %s, which is optional", operation->cable->driver->name,
                     operation->name);
}

int32_t operation_code(int32_t returned)
{
    const int32_t least_errno = -4095;
    return returned < least_errno ? -EPROTO : returned;
}

void operation_settle_error(const struct operation *operation, struct subwg_error *found,
                            int32_t code)
{
    found->head = (struct subwg_head)SUBWG_HEAD(struct subwg_error, SUBWG_MAGIC_ERROR);
    found->operation[sizeof(found->operation) - 1] = '\0';
    found->text[sizeof(found->text) - 1] = '\0';
    found->hint[sizeof(found->hint) - 1] = '\0';
    if (found->text[0] == '\0')
        (void)error_set(found, code, SUBWG_REASON_UNSPECIFIED, operation->name,
                        "%s by driver \"%s\" failed: %s", operation->name,
                        operation->cable->driver->name, error_phrase(code));
    if (found->operation[0] == '\0')
        (void)text_copy(found->operation, sizeof(found->operation), operation->name);
    found->code = code;
}

/* The rule for rows, towards the caller's record: the smaller size is copied, the rest is zero. */
static void deliver(const struct subwg_error *found, struct subwg_error *error)
{
    if (error == NULL || !head_is(&error->head, SUBWG_MAGIC_ERROR, SUBWG_ERROR_SIZE_1_0))
        return;
    size_t start = sizeof(error->head);
    size_t known = error->head.size < sizeof(*found) ? error->head.size : sizeof(*found);
    unsigned char *bytes = (unsigned char *)error;
    memcpy(bytes + start, (const unsigned char *)found + start, known - start);
    memset(bytes + known, 0, error->head.size - known);
}

int32_t operation_end(struct operation *operation, int32_t code, struct subwg_error *error)
{
    code = operation_code(code);
    if (code < 0) {
        if (operation->cable != NULL)
            operation_settle_error(operation, &operation->found, code);
        deliver(&operation->found, error);
    }
    /* Last: once outside, a destroy that waited may free the cable. */
    if (operation->inside)
        gate_leave(&operation->cable->gate, &operation->call);
    return code;
}
