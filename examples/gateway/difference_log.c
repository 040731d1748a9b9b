/* SPDX-License-Identifier: Apache-2.0 */
#include "difference_log.h"

#include <subwg/driver.h>

#include "log.h"

void difference_log_begin(struct difference_log *log)
{
    log->current = json_object();
}

/* Without memory to remember it by, a line comes again: no harm. */
void difference_log_take(struct difference_log *log, bool repaired, const char *text)
{
    if (repaired) {
        log_line(SUBWG_LOG_INFO, "repaired: %s", text);
        return;
    }
    if (json_object_get(log->known, text) == NULL && json_object_get(log->current, text) == NULL)
        log_line(SUBWG_LOG_WARNING, "found: %s", text);
    json_object_set_new(log->current, text, json_true());
}

void difference_log_end(struct difference_log *log)
{
    json_decref(log->known);
    log->known = log->current;
    log->current = NULL;
}

void difference_log_free(struct difference_log *log)
{
    json_decref(log->known);
    json_decref(log->current);
    *log = (struct difference_log){0};
}
