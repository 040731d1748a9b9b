/* SPDX-License-Identifier: Apache-2.0 */
#include "status_log.h"

#include "connections_json.h"
#include "log.h"

static void log_change(struct remote *remote, const struct subwg_connection *row)
{
    const char *reason = connections_reason_name(row->status_reason);

    if (remote->status_known && remote->status == row->status &&
        remote->status_reason == row->status_reason)
        return;
    log_line(row->status == SUBWG_STATUS_ERROR ? SUBWG_LOG_WARNING : SUBWG_LOG_INFO,
             "status %s %s%s%s%s%s%s", remote->cluster_id, subwg_status_name(row->status),
             reason[0] != '\0' ? " (" : "", reason, reason[0] != '\0' ? ")" : "",
             row->status_text[0] != '\0' ? ": " : "", row->status_text);
    remote->status_known = true;
    remote->status = row->status;
    remote->status_reason = row->status_reason;
}

void status_log_changes(struct remotes *remotes, const struct subwg_snapshot *snapshot)
{
    uint32_t count = snapshot != NULL ? subwg_snapshot_connection_count(snapshot) : 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, i);
        struct remote *remote = remotes_find(remotes, row->cluster_id);
        if (remote != NULL)
            log_change(remote, row);
    }
}
