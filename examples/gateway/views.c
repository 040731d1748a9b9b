/* SPDX-License-Identifier: Apache-2.0 */
#include "views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/render.h>

#include "connections_json.h"
#include "log.h"

#define TEXT_TYPE        "text/plain; charset=utf-8"
#define HTTP_OK          200
#define HTTP_UNAVAILABLE 503

static void note_read(struct views *views, int32_t result, const struct subwg_error *error)
{
    const char *text = result < 0 ? error->text : "";

    if (result < 0 && strcmp(views->read_fault, text) != 0)
        log_line(SUBWG_LOG_ERROR, "cannot read the connections: %s", text);
    else if (result >= 0 && views->read_fault[0] != '\0')
        log_line(SUBWG_LOG_INFO, "the connections can be read again");
    snprintf(views->read_fault, sizeof views->read_fault, "%s", text);
}

struct subwg_snapshot *views_read_connections(struct views *views)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;

    note_read(views, subwg_cable_get_connections(views->cable, &snapshot, &error), &error);
    return snapshot;
}

static struct subwg_snapshot *read_metrics(struct views *views)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;

    note_read(views, subwg_cable_metrics_snapshot(views->cable, &snapshot, &error), &error);
    return snapshot;
}

static int32_t write_to_stream(void *context, const char *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count ? 0 : -ENOMEM;
}

/* Ends the writing of a body: without memory for all of it there is none. */
static void finish(FILE *stream, int32_t result, struct http_answer *answer)
{
    if (fclose(stream) == 0 && result >= 0)
        return;
    free(answer->body);
    answer->body = NULL;
}

static void answer_unavailable(const struct views *views, struct http_answer *answer)
{
    char text[LOG_TEXT_SIZE];
    FILE *stream = open_memstream(&answer->body, &answer->length);

    answer->status = HTTP_UNAVAILABLE;
    answer->content_type = TEXT_TYPE;
    if (stream != NULL)
        finish(stream, fprintf(stream, "%s\n", log_escape(text, sizeof text, views->read_fault)),
               answer);
}

static void answer_metrics(void *context, bool plain, struct http_answer *answer)
{
    struct views *views = context;
    struct subwg_snapshot *snapshot = read_metrics(views);
    FILE *stream;

    (void)plain;
    if (snapshot == NULL) {
        answer_unavailable(views, answer);
        return;
    }
    *answer =
        (struct http_answer){.status = HTTP_OK, .content_type = SUBWG_EXPOSITION_CONTENT_TYPE};
    stream = open_memstream(&answer->body, &answer->length);
    if (stream != NULL)
        finish(stream,
               subwg_write_exposition(views->profile, &snapshot, 1, write_to_stream, stream),
               answer);
    subwg_snapshot_unref(snapshot);
}

static void answer_connections(void *context, bool plain, struct http_answer *answer)
{
    struct views *views = context;
    struct subwg_snapshot *snapshot = views_read_connections(views);
    FILE *stream;

    if (snapshot == NULL) {
        answer_unavailable(views, answer);
        return;
    }
    *answer = (struct http_answer){.status = HTTP_OK,
                                   .content_type = plain ? TEXT_TYPE : "application/json"};
    stream = open_memstream(&answer->body, &answer->length);
    if (stream != NULL)
        finish(stream,
               plain ? subwg_write_connection_table(views->title, &snapshot, 1, write_to_stream,
                                                    stream)
                     : connections_write_json(views->title, snapshot, stream),
               answer);
    subwg_snapshot_unref(snapshot);
}

static void answer_health(void *context, bool plain, struct http_answer *answer)
{
    struct views *views = context;

    (void)plain;
    if (views->read_fault[0] != '\0') {
        answer_unavailable(views, answer);
        return;
    }
    *answer = (struct http_answer){.status = HTTP_OK,
                                   .content_type = TEXT_TYPE,
                                   .body = strdup("ok\n"),
                                   .length = strlen("ok\n")};
}

const struct http_route views_routes[] = {
    {"/metrics", answer_metrics},
    {"/connections", answer_connections},
    {"/healthz", answer_health},
    {NULL, NULL},
};
