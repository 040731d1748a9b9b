/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checking host. What it finds wrong it notes in `faults`, because a callback may run on a
 * thread that is not the test's; operation_end() fails the test then.
 */
#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CONTEXT_OF(context) ((struct host *)(context))

/* The snapshot is opaque to the driver: any address will do, if it is passed on. */
static char snapshot_token;

struct subwg_snapshot_builder *host_snapshot(void)
{
    return (struct subwg_snapshot_builder *)(void *)&snapshot_token;
}

void host_fault(struct host *host, const char *format, ...)
{
    size_t length = strlen(host->faults);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(host->faults + length, sizeof(host->faults) - length, format, arguments);
    va_end(arguments);
    length = strlen(host->faults);
    (void)snprintf(host->faults + length, sizeof(host->faults) - length, "; ");
}

static void check_text(struct host *host, const char *what, const char *text)
{
    const char *fault = text == NULL ? "is NULL" : text_fault(text);
    if (fault != NULL)
        host_fault(host, "%s %s", what, fault);
    if (text != NULL)
        transcript_add(text);
}

/* Callbacks. */

static void check_moment(struct host *host, const char *callback)
{
    if (!host->in_operation)
        host_fault(host, "%s was called outside of any operation", callback);
    else if (!pthread_equal(host->thread, pthread_self()))
        host_fault(host, "%s was called on another thread than the operation's", callback);
}

static void check_head(struct host *host, const char *what, const struct subwg_head *head,
                       uint32_t magic, size_t least_size)
{
    if (head->magic != magic || head->abi_major != SUBWG_ABI_MAJOR || head->size < least_size ||
        head->size > SUBWG_STRUCT_SIZE_MAX || head->flags != 0)
        host_fault(host, "%s has a bad head (size %u, major %u, magic 0x%08x, flags %u)", what,
                   head->size, head->abi_major, head->magic, head->flags);
}

static void take_log(void *context, uint32_t level, const char *text)
{
    struct host *host = CONTEXT_OF(context);
    check_moment(host, "log");
    if (level > SUBWG_LOG_DEBUG)
        host_fault(host, "log has level %u", level);
    check_text(host, "a log line", text);
    host->log_calls++;
}

static void take_event(void *context, const struct subwg_event *event)
{
    struct host *host = CONTEXT_OF(context);
    check_moment(host, "event");
    check_head(host, "an event", &event->head, SUBWG_MAGIC_EVENT, SUBWG_EVENT_SIZE_1_0);
    if (event->kind < SUBWG_EVENT_STATUS || event->kind > SUBWG_EVENT_CONFLICT)
        host_fault(host, "an event has kind %u", event->kind);
    check_text(host, "an event's text", event->text);
    host->event_calls++;
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    struct host *host = CONTEXT_OF(context);
    check_moment(host, "publish");
    check_text(host, "a published key", key);
    check_text(host, "a published value", value);
    host->publish_calls++;
    if (host->publish_code != 0 || key == NULL || value == NULL)
        return host->publish_code;
    uint32_t i = 0;
    while (i < host->published_count && strcmp(host->published[i].key, key) != 0)
        i++;
    if (i == sizeof(host->published) / sizeof(host->published[0])) {
        host_fault(host, "more keys are published than the suite can hold");
        return 0;
    }
    if (i == host->published_count)
        host->published_count++;
    (void)snprintf(host->published[i].key, NAME_SIZE, "%s", key);
    (void)snprintf(host->published[i].value, NAME_SIZE, "%s", value);
    return 0;
}

const char *host_published(const struct host *host, const char *key)
{
    for (uint32_t i = 0; i < host->published_count; i++)
        if (strcmp(host->published[i].key, key) == 0)
            return host->published[i].value;
    return NULL;
}

static void copy(char *target, size_t size, const char *text)
{
    (void)snprintf(target, size, "%s", text == NULL ? "" : text);
    transcript_add(target);
}

static void check_numbers(struct host *host, const char *what, uint32_t present, uint32_t status)
{
    const uint32_t known = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME | SUBWG_HAS_HANDSHAKE |
                           SUBWG_HAS_ESTABLISHED | SUBWG_HAS_LATENCY | SUBWG_HAS_USE_NAT;
    if ((present & ~known) != 0)
        host_fault(host, "%s has unknown bits in present (0x%x)", what, present);
    if (status > SUBWG_STATUS_ERROR)
        host_fault(host, "%s has status %u", what, status);
}

static void check_texts(struct host *host, const char *what, const char *texts, uint64_t bytes)
{
    if ((texts == NULL) != (bytes == 0))
        host_fault(host, "%s has texts and no length, or a length and no texts", what);
    else if (texts != NULL && texts[bytes - 1] != '\0')
        host_fault(host, "the texts of %s do not end in NUL", what);
}

static void check_connection(struct host *host, const struct subwg_connection *row)
{
    check_numbers(host, "a connection", row->present, row->status);
    check_texts(host, "a connection", row->texts, row->texts_bytes);
    if (row->status_reason > SUBWG_STATUS_REASON_CLOCK_BACK)
        host_fault(host, "a connection has status reason %u", row->status_reason);
    if (row->reserved != 0 || row->use_nat > 1)
        host_fault(host, "a connection has use_nat %u, reserved %u", row->use_nat, row->reserved);
    if (row->status == SUBWG_STATUS_ERROR)
        check_text(host, "the status text of a connection in error", row->status_text);
    if (row->subnet_count > ROW_SUBNETS_MAX)
        host_fault(host, "a connection has %u subnets", row->subnet_count);
}

static int32_t take_connection(void *context, struct subwg_snapshot_builder *snapshot,
                               const struct subwg_connection *row)
{
    struct host *host = CONTEXT_OF(context);
    check_moment(host, "add_connection");
    check_head(host, "a connection", &row->head, SUBWG_MAGIC_CONNECTION, SUBWG_CONNECTION_SIZE_1_0);
    if (snapshot != host_snapshot())
        host_fault(host, "add_connection got another snapshot than the operation");
    check_connection(host, row);
    if (host->add_connection_code != 0)
        return host->add_connection_code;
    if (host->connection_count == ROWS_MAX || row->subnet_count > ROW_SUBNETS_MAX) {
        host_fault(host, "more rows than there are connections");
        return 0;
    }
    struct row *kept = &host->connections[host->connection_count++];
    memset(kept, 0, sizeof(*kept));
    size_t size = row->head.size < sizeof(*row) ? row->head.size : sizeof(*row);
    memcpy(&kept->numbers, row, size);
    copy(kept->status_text, sizeof(kept->status_text), row->status_text);
    copy(kept->cluster_id, sizeof(kept->cluster_id), row->cluster_id);
    copy(kept->cable_name, sizeof(kept->cable_name), row->cable_name);
    copy(kept->hostname, sizeof(kept->hostname), row->hostname);
    copy(kept->private_ip, sizeof(kept->private_ip), row->private_ip);
    copy(kept->public_ip, sizeof(kept->public_ip), row->public_ip);
    copy(kept->remote_ip, sizeof(kept->remote_ip), row->remote_ip);
    copy(kept->peer, sizeof(kept->peer), row->peer);
    for (uint32_t i = 0; i < row->subnet_count; i++)
        copy(kept->subnets[i], sizeof(kept->subnets[i]), row->subnets[i]);
    return 0;
}

static int32_t take_metric(void *context, struct subwg_snapshot_builder *snapshot,
                           const struct subwg_metric *row)
{
    struct host *host = CONTEXT_OF(context);
    check_moment(host, "add_metric");
    check_head(host, "a metric", &row->head, SUBWG_MAGIC_METRIC, SUBWG_METRIC_SIZE_1_0);
    if (snapshot != host_snapshot())
        host_fault(host, "add_metric got another snapshot than the operation");
    check_numbers(host, "a metric", row->present, row->status);
    check_texts(host, "a metric", row->texts, row->texts_bytes);
    if (host->add_metric_code != 0)
        return host->add_metric_code;
    if (host->metric_count == ROWS_MAX) {
        host_fault(host, "more metrics than there are connections");
        return 0;
    }
    struct row *kept = &host->metrics[host->metric_count++];
    memset(kept, 0, sizeof(*kept));
    kept->numbers.present = row->present;
    kept->numbers.status = row->status;
    kept->numbers.rx_bytes = row->rx_bytes;
    kept->numbers.tx_bytes = row->tx_bytes;
    kept->numbers.lifetime_s = row->lifetime_s;
    copy(kept->cluster_id, sizeof(kept->cluster_id), row->cluster_id);
    copy(kept->cable_name, sizeof(kept->cable_name), row->cable_name);
    copy(kept->hostname, sizeof(kept->hostname), row->hostname);
    copy(kept->private_ip, sizeof(kept->private_ip), row->private_ip);
    copy(kept->public_ip, sizeof(kept->public_ip), row->public_ip);
    copy(kept->remote_ip, sizeof(kept->remote_ip), row->remote_ip);
    return 0;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t tell_elapsed(void *context)
{
    check_moment(CONTEXT_OF(context), "elapsed_ns");
    return clock_ns(CLOCK_BOOTTIME);
}

static uint64_t tell_realtime(void *context)
{
    check_moment(CONTEXT_OF(context), "realtime_ns");
    return clock_ns(CLOCK_REALTIME);
}

void host_make(struct host *host)
{
    memset(host, 0, sizeof(*host));
    host->table = (struct subwg_host){
        .head = SUBWG_HEAD(struct subwg_host, SUBWG_MAGIC_HOST),
        .context = host,
        .log = take_log,
        .publish = take_published,
        .event = take_event,
        .add_connection = take_connection,
        .add_metric = take_metric,
        .elapsed_ns = tell_elapsed,
        .realtime_ns = tell_realtime,
    };
}
