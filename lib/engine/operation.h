/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every call into a driver: through the gate, and out again with an error record that
 * agrees with the returned code, whatever the driver wrote into it. */
#ifndef ENGINE_OPERATION_H
#define ENGINE_OPERATION_H

#include "engine/cable.h"

struct operation {
    struct subwg_cable *cable;
    const char *name;
    struct gate_call call;
    bool inside;
    struct subwg_error found; /* for the driver to fill */
};

/* Returns 0 inside the gate, or a negative errno with the record filled; operation_end() in any case. */
int32_t operation_begin(struct operation *operation, struct subwg_cable *cable, const char *name);
/* Alone in the instance: for destroy. */
int32_t operation_begin_alone(struct operation *operation, struct subwg_cable *cable,
                              const char *name);

/* What a driver returned, if that can be an answer at all; else -EPROTO. */
int32_t operation_code(int32_t returned);

/* Leaves the gate, hands the record of a failure to the caller (NULL is fine), returns code. */
int32_t operation_end(struct operation *operation, int32_t code, struct subwg_error *error);

/* The answer for an optional operation that the driver lacks. */
int32_t operation_lacking(struct operation *operation);

/* Makes a record that a driver may have filled carry code, an operation and a text. */
void operation_settle_error(const struct operation *operation, struct subwg_error *found,
                            int32_t code);

#endif
