/* SPDX-License-Identifier: Apache-2.0 */
#include "connections_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "log.h"

const char *connections_reason_name(uint32_t reason)
{
    /* No default: the compiler misses a reason without a name. */
    switch ((enum subwg_status_reason)reason) {
    case SUBWG_STATUS_REASON_NONE:
        return "";
    case SUBWG_STATUS_REASON_STARTING:
        return "starting";
    case SUBWG_STATUS_REASON_ADOPTED:
        return "adopted";
    case SUBWG_STATUS_REASON_IDLE:
        return "idle";
    case SUBWG_STATUS_REASON_NO_HANDSHAKE:
        return "no-handshake";
    case SUBWG_STATUS_REASON_SILENT:
        return "silent";
    case SUBWG_STATUS_REASON_MISSING:
        return "missing";
    case SUBWG_STATUS_REASON_FOREIGN:
        return "foreign";
    case SUBWG_STATUS_REASON_CONFLICT:
        return "conflict";
    case SUBWG_STATUS_REASON_CLOCK_BACK:
        return "clock-back";
    }
    return "unknown";
}

/* A string that may not be UTF-8, which JSON has to be: then all that is not plain ASCII is escaped. */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    size_t size;
    char *escaped;

    if (string != NULL)
        return string;
    size = strlen(text) * 4 + 1;
    escaped = malloc(size);
    if (escaped != NULL)
        string = json_string(log_escape(escaped, size, text));
    free(escaped);
    return string;
}

static json_t *subnets_json(const struct subwg_connection *row)
{
    json_t *list = json_array();

    for (uint32_t i = 0; list != NULL && i < row->subnet_count; i++)
        if (json_array_append_new(list, text_json(row->subnets[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *number_json(uint64_t number)
{
    return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
}

/* The figures that the row has; absent ones are left out. */
static int add_figures(json_t *object, const struct subwg_connection *row)
{
    const struct {
        uint32_t bit;
        const char *name;
        uint64_t value;
    } figures[] = {
        {SUBWG_HAS_COUNTERS, "rx_bytes", row->rx_bytes},
        {SUBWG_HAS_COUNTERS, "tx_bytes", row->tx_bytes},
        {SUBWG_HAS_LIFETIME, "lifetime_s", row->lifetime_s},
        {SUBWG_HAS_HANDSHAKE, "last_handshake_realtime_s", row->last_handshake_realtime_s},
        {SUBWG_HAS_ESTABLISHED, "established_realtime_s", row->established_realtime_s},
        {SUBWG_HAS_LATENCY, "latency_ns", row->latency_ns},
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        if ((row->present & figures[i].bit) != 0)
            failed |= json_object_set_new(object, figures[i].name, number_json(figures[i].value));
    if ((row->present & SUBWG_HAS_USE_NAT) != 0)
        failed |= json_object_set_new(object, "use_nat", json_boolean(row->use_nat != 0));
    failed |= json_object_set_new(object, "flap_count", number_json(row->flap_count));
    failed |= json_object_set_new(object, "reconnect_count", number_json(row->reconnect_count));
    return failed;
}

static json_t *row_json(const struct subwg_connection *row)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {
        {"cluster_id", row->cluster_id},
        {"cable_name", row->cable_name},
        {"hostname", row->hostname},
        {"private_ip", row->private_ip},
        {"public_ip", row->public_ip},
        {"remote_ip", row->remote_ip},
        {"peer", row->peer},
        {"status", subwg_status_name(row->status)},
        {"status_reason", connections_reason_name(row->status_reason)},
        {"status_text", row->status_text},
    };
    json_t *object = json_object();
    int failed = object == NULL;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        failed |= json_object_set_new(object, texts[i].name, text_json(texts[i].text));
    failed |= json_object_set_new(object, "subnets", subnets_json(row));
    failed |= add_figures(object, row);
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *rows_json(const struct subwg_snapshot *snapshot)
{
    json_t *rows = json_array();

    for (uint32_t i = 0; rows != NULL && i < subwg_snapshot_connection_count(snapshot); i++)
        if (json_array_append_new(rows, row_json(subwg_snapshot_connection(snapshot, i))) != 0) {
            json_decref(rows);
            return NULL;
        }
    return rows;
}

int32_t connections_write_json(const char *title, const struct subwg_snapshot *snapshot,
                               FILE *stream)
{
    json_t *whole = json_object();
    int failed = whole == NULL;

    failed |= json_object_set_new(whole, "title", text_json(title));
    failed |= json_object_set_new(whole, "cluster_id",
                                  text_json(subwg_snapshot_local(snapshot)->cluster_id));
    failed |=
        json_object_set_new(whole, "cable_driver", text_json(subwg_snapshot_driver(snapshot)));
    failed |= json_object_set_new(whole, "connections", rows_json(snapshot));
    if (failed == 0)
        failed = json_dumpf(whole, stream, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 ||
                 fputc('\n', stream) == EOF;
    json_decref(whole);
    return failed != 0 ? -ENOMEM : 0;
}
