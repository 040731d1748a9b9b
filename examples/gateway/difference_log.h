/* SPDX-License-Identifier: Apache-2.0 */
/* The log's lines about what reconcile found: each repair, and what is not repaired once for as long as it
 * lasts. */
#ifndef GATEWAY_DIFFERENCE_LOG_H
#define GATEWAY_DIFFERENCE_LOG_H

#include <stdbool.h>

#include <jansson.h>

struct difference_log {
    json_t *known;   /* an object: the sentences of the run before */
    json_t *current; /* of this run */
};

/* Around a run, and for each difference of it. */
void difference_log_begin(struct difference_log *log);
void difference_log_take(struct difference_log *log, bool repaired, const char *text);
void difference_log_end(struct difference_log *log);

void difference_log_free(struct difference_log *log);

#endif
