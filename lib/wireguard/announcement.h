/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster announces, compared with what it announced before. */
#ifndef WIREGUARD_ANNOUNCEMENT_H
#define WIREGUARD_ANNOUNCEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wireguard/instance.h"

/* In what people see of it: names, addresses, subnets as written. */
bool announcement_equal(const struct connection *a, const struct connection *b);

/* A remote that announces something else all the time costs the others the kernel's time: beyond a rate
 * it is told -EAGAIN. Announcing the same again is free. */
int32_t announcement_check_rate(struct subwg_instance *instance, const struct connection *candidate,
                                struct subwg_error *error);

#endif
