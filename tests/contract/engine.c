/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part: every operation with its rules checked before a test looks at the result. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rules that hold for each operation. */

void operation_begin(struct engine *engine)
{
    engine->error = (struct subwg_error)SUBWG_ERROR_INIT;
    (void)snprintf(engine->error.text, sizeof(engine->error.text), "as the host left it");
    engine->error_before = engine->error;
    engine->host.thread = pthread_self();
    engine->host.in_operation = true;
}

static void check_error(const struct subwg_error *error, int32_t code)
{
    ck_assert_msg(error->code == code, "returned %d, but the error record says %d", code,
                  error->code);
    ck_assert_msg(error->reason <= SUBWG_REASON_UNKNOWN_DRIVER, "unknown reason %u", error->reason);
    ck_assert_msg(memchr(error->text, '\0', sizeof(error->text)) != NULL &&
                      memchr(error->hint, '\0', sizeof(error->hint)) != NULL &&
                      memchr(error->operation, '\0', sizeof(error->operation)) != NULL,
                  "a text of the error record has no end");
    ck_assert_msg(text_fault(error->text) == NULL, "the error's text %s: \"%s\"",
                  text_fault(error->text), error->text);
    ck_assert_msg(text_fault(error->operation) == NULL, "the error's operation %s",
                  text_fault(error->operation));
    ck_assert_msg(error->hint[0] == '\0' || text_fault(error->hint) == NULL,
                  "the error's hint %s: \"%s\"", text_fault(error->hint), error->hint);
    ck_assert_msg(error->kernel_errno >= 0, "kernel_errno is %d", error->kernel_errno);
    ck_assert_msg((error->flags & ~SUBWG_ERROR_STATE_UNKNOWN) == 0, "unknown flags 0x%x",
                  error->flags);
    transcript_add(error->text);
    transcript_add(error->hint);
    transcript_add(error->operation);
}

int32_t operation_end(struct engine *engine, int32_t code)
{
    engine->host.in_operation = false;
    ck_assert_msg(engine->host.faults[0] == '\0', "%s", engine->host.faults);
    ck_assert_msg(
        memcmp(&engine->error.head, &engine->error_before.head, sizeof(engine->error.head)) == 0,
        "the head of the error record was written");
    if (code < 0)
        check_error(&engine->error, code);
    else
        ck_assert_msg(memcmp(&engine->error, &engine->error_before, sizeof(engine->error)) == 0,
                      "the error record was written though the operation succeeded: \"%s\"",
                      engine->error.text);
    return code;
}

void expect_failure(const struct engine *engine, int32_t code, int32_t expected_code,
                    uint32_t expected_reason)
{
    ck_assert_msg(code == expected_code, "returned %d instead of %d: \"%s\"", code, expected_code,
                  engine->error.text);
    ck_assert_msg(engine->error.reason == expected_reason, "reason is %u instead of %u: \"%s\"",
                  engine->error.reason, expected_reason, engine->error.text);
}

/* Create, init, destroy. */

void engine_prepare(struct engine *engine)
{
    memset(engine, 0, sizeof(*engine));
    host_make(&engine->host);
}

int32_t engine_create_with(struct engine *engine, const struct subwg_setting *settings,
                           uint32_t count)
{
    struct remote local;
    remote_make_local(&local);
    struct subwg_instance *const untouched = (struct subwg_instance *)(void *)engine;
    engine->instance = untouched;
    operation_begin(engine);
    int32_t code = driver->create(&engine->host.table, &local.endpoint, settings, count,
                                  &engine->instance, &engine->error);
    if (code < 0) {
        ck_assert_msg(engine->instance == untouched, "a failed create wrote the instance");
        engine->instance = NULL;
    } else {
        ck_assert(engine->instance != NULL && engine->instance != untouched);
    }
    /* Whatever the driver kept by pointer is gone now. */
    memset(&local, 0xa5, sizeof(local));
    return operation_end(engine, code);
}

/* Creates from copies that do not outlive the call: what a driver borrows it has to copy. */
static void create_from(struct engine *engine, const struct subwg_setting *settings)
{
    char texts[16][2][128];
    struct subwg_setting copies[17];
    uint32_t count = 0;
    for (; settings[count].key != NULL && count < 16; count++) {
        (void)snprintf(texts[count][0], sizeof(texts[count][0]), "%s", settings[count].key);
        (void)snprintf(texts[count][1], sizeof(texts[count][1]), "%s", settings[count].value);
        copies[count] = (struct subwg_setting){texts[count][0], texts[count][1]};
    }
    if (subject->secret_setting != NULL)
        copies[count++] = (struct subwg_setting){subject->secret_setting, CANARY};
    int32_t code = engine_create_with(engine, copies, count);
    memset(texts, 0xa5, sizeof(texts));
    memset(copies, 0xa5, sizeof(copies));
    ck_assert_msg(code == 0, "create returned %d: \"%s\"", code, engine->error.text);
}

void engine_create(struct engine *engine)
{
    engine_prepare(engine);
    create_from(engine, subject->settings);
}

void engine_create_other(struct engine *engine)
{
    engine_prepare(engine);
    create_from(engine, subject->other_settings);
}

int32_t engine_init(struct engine *engine)
{
    operation_begin(engine);
    return operation_end(engine, driver->init(engine->instance, &engine->error));
}

void engine_start(struct engine *engine)
{
    engine_create(engine);
    int32_t code = engine_init(engine);
    ck_assert_msg(code == 0, "init returned %d: \"%s\"", code, engine->error.text);
}

void engine_destroy(struct engine *engine)
{
    operation_begin(engine);
    driver->destroy(engine->instance);
    (void)operation_end(engine, 0);
    engine->instance = NULL;
    /* The host table is valid until here, and not longer. */
    memset(&engine->host.table, 0, sizeof(engine->host.table));
}

/* Connections. */

int32_t engine_connect_address(struct engine *engine, const struct remote *remote, char *address)
{
    char before[ADDRESS_SIZE];
    memset(before, '?', sizeof(before));
    memcpy(address, before, sizeof(before));
    operation_begin(engine);
    int32_t code = driver->connect(engine->instance, &remote->endpoint, address, &engine->error);
    if (code < 0)
        ck_assert_msg(memcmp(address, before, sizeof(before)) == 0,
                      "a failed connect wrote the address");
    else
        ck_assert_msg(memchr(address, '\0', ADDRESS_SIZE) != NULL, "the address has no end");
    return operation_end(engine, code);
}

int32_t engine_connect(struct engine *engine, const struct remote *remote)
{
    char address[ADDRESS_SIZE];
    return engine_connect_address(engine, remote, address);
}

int32_t engine_disconnect(struct engine *engine, const struct remote *remote)
{
    operation_begin(engine);
    return operation_end(engine,
                         driver->disconnect(engine->instance, &remote->endpoint, &engine->error));
}

struct result_list {
    struct host *host;
    struct result *results;
    uint32_t count;
};

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    struct result_list *list = context;
    if (!list->host->in_operation || !pthread_equal(list->host->thread, pthread_self()))
        host_fault(list->host, "a result came outside of the operation or from another thread");
    if (index >= list->count) {
        host_fault(list->host, "there is a result for endpoint %u of %u", index, list->count);
        return;
    }
    struct result *result = &list->results[index];
    result->calls++;
    result->code = code;
    if (address == NULL || (code < 0 && address[0] != '\0'))
        host_fault(list->host, "result %u has an address it should not have, or none", index);
    else
        (void)snprintf(result->address, sizeof(result->address), "%s", address);
    if ((code < 0) != (error != NULL)) {
        host_fault(list->host, "result %u is %d %s an error record", index, code,
                   error == NULL ? "without" : "with");
    } else if (error != NULL) {
        check_error(error, code);
        result->reason = error->reason;
        (void)snprintf(result->text, sizeof(result->text), "%s", error->text);
    }
}

static int32_t
run_list(struct engine *engine,
         int32_t (*operation)(struct subwg_instance *, const struct subwg_endpoint *const *,
                              uint32_t, subwg_result_fn, void *, struct subwg_error *),
         const struct subwg_endpoint *const *remotes, uint32_t count, struct result *results)
{
    struct result_list list = {&engine->host, results, count};
    memset(results, 0, count * sizeof(results[0]));
    operation_begin(engine);
    int32_t code = operation(engine->instance, remotes, count, take_result, &list, &engine->error);
    for (uint32_t i = 0; code >= 0 && i < count; i++)
        ck_assert_msg(results[i].calls == 1, "endpoint %u got %u results", i, results[i].calls);
    return operation_end(engine, code);
}

int32_t engine_connect_many(struct engine *engine, const struct subwg_endpoint *const *remotes,
                            uint32_t count, struct result *results)
{
    return run_list(engine, driver->connect_many, remotes, count, results);
}

int32_t engine_disconnect_many(struct engine *engine, const struct subwg_endpoint *const *remotes,
                               uint32_t count, struct result *results)
{
    return run_list(engine, driver->disconnect_many, remotes, count, results);
}

/* Reads. */

int32_t engine_read(struct engine *engine)
{
    engine->host.connection_count = 0;
    operation_begin(engine);
    return operation_end(
        engine, driver->get_connections(engine->instance, host_snapshot(), &engine->error));
}

int32_t engine_read_metrics(struct engine *engine)
{
    engine->host.metric_count = 0;
    operation_begin(engine);
    return operation_end(
        engine, driver->metrics_snapshot(engine->instance, host_snapshot(), &engine->error));
}

static bool is_foreign(const struct row *row)
{
    return row->numbers.status_reason == SUBWG_STATUS_REASON_FOREIGN;
}

static const struct row *find_row(const struct row *rows, uint32_t count, const char *cluster_id)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_foreign(&rows[i]) && strcmp(rows[i].cluster_id, cluster_id) == 0)
            return &rows[i];
    return NULL;
}

static void read_or_fail(struct engine *engine, int32_t (*read)(struct engine *))
{
    int32_t code = read(engine);
    ck_assert_msg(code == 0, "the read returned %d: \"%s\"", code, engine->error.text);
}

const struct row *engine_row(struct engine *engine, const char *cluster_id)
{
    read_or_fail(engine, engine_read);
    return find_row(engine->host.connections, engine->host.connection_count, cluster_id);
}

const struct row *engine_metric(struct engine *engine, const char *cluster_id)
{
    read_or_fail(engine, engine_read_metrics);
    return find_row(engine->host.metrics, engine->host.metric_count, cluster_id);
}

uint32_t engine_row_count(struct engine *engine)
{
    read_or_fail(engine, engine_read);
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine->host.connection_count; i++)
        if (!is_foreign(&engine->host.connections[i]))
            count++;
    return count;
}

uint32_t engine_metric_count(struct engine *engine)
{
    read_or_fail(engine, engine_read_metrics);
    return engine->host.metric_count;
}

/* The rest. */

int32_t engine_list_complete(struct engine *engine)
{
    operation_begin(engine);
    return operation_end(engine, driver->list_complete(engine->instance, &engine->error));
}

static void take_report(void *context, uint32_t repaired, const char *text)
{
    struct engine *engine = context;
    if (!engine->host.in_operation)
        host_fault(&engine->host, "a report came outside of reconcile");
    if (repaired > 1)
        host_fault(&engine->host, "a report says repaired %u", repaired);
    if (text == NULL || text_fault(text) != NULL)
        host_fault(&engine->host, "a report's text is no text");
    else
        transcript_add(text);
    engine->reports++;
    engine->repairs += repaired == 1;
}

int32_t engine_reconcile(struct engine *engine, uint32_t flags)
{
    engine->reports = 0;
    engine->repairs = 0;
    operation_begin(engine);
    int32_t code = driver->reconcile(engine->instance, flags, take_report, engine, &engine->error);
    if (code >= 0)
        ck_assert_msg(engine->reports == (uint32_t)code, "%u reports, but reconcile counted %d",
                      engine->reports, code);
    return operation_end(engine, code);
}

int32_t engine_event_fd(struct engine *engine)
{
    operation_begin(engine);
    return operation_end(engine, driver->event_fd(engine->instance, &engine->error));
}

int32_t engine_dispatch(struct engine *engine)
{
    operation_begin(engine);
    int32_t code = driver->dispatch(engine->instance, &engine->error);
    ck_assert_msg(code <= 0, "dispatch returned %d", code);
    return operation_end(engine, code);
}

int32_t engine_cleanup(struct engine *engine)
{
    operation_begin(engine);
    return operation_end(engine, driver->cleanup(engine->instance, &engine->error));
}
