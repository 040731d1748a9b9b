/* SPDX-License-Identifier: Apache-2.0 */
/* A line in the log for each connection whose status changed since the last look. */
#ifndef GATEWAY_STATUS_LOG_H
#define GATEWAY_STATUS_LOG_H

#include <subwg/snapshot.h>

#include "remotes.h"

/* snapshot may be NULL: then nothing is known and nothing said. */
void status_log_changes(struct remotes *remotes, const struct subwg_snapshot *snapshot);

#endif
