/* SPDX-License-Identifier: Apache-2.0 */
/* The transcript, and the comparison of two. */
#include "script.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kernel.h"

#define TRANSCRIPT_SIZE 4194304u
#define SORTED_LINES    4096u

bool on_model;

static char *transcript;
static size_t transcript_used;
static char *sorted[SORTED_LINES];
static size_t sorted_count;
static bool sorting;
static const char *line_prefix = "";

void note_prefix(const char *prefix)
{
    line_prefix = prefix;
}

void note(const char *format, ...)
{
    char *text = NULL, *line = NULL;
    va_list arguments;

    va_start(arguments, format);
    ck_assert_int_ge(vasprintf(&text, format, arguments), 0);
    va_end(arguments);
    ck_assert_int_ge(asprintf(&line, "%s%s", line_prefix, text), 0);
    free(text);
    if (sorting) {
        ck_assert_uint_lt(sorted_count, SORTED_LINES);
        sorted[sorted_count++] = line;
        return;
    }
    ck_assert_uint_lt(transcript_used + strlen(line) + 2, TRANSCRIPT_SIZE);
    transcript_used += (size_t)snprintf(transcript + transcript_used,
                                        TRANSCRIPT_SIZE - transcript_used, "%s\n", line);
    free(line);
}

static int compare_lines(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

void note_sorted_begin(void)
{
    sorting = true;
}

static void write_sorted(bool each_once)
{
    sorting = false;
    qsort(sorted, sorted_count, sizeof(sorted[0]), compare_lines);
    for (size_t i = 0; i < sorted_count; i++)
        if (!each_once || i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
            note("%s", sorted[i]);
    for (size_t i = 0; i < sorted_count; i++)
        free(sorted[i]);
    sorted_count = 0;
}

void note_sorted_end(void)
{
    write_sorted(false);
}

void note_set_end(void)
{
    write_sorted(true);
}

/* What stands behind a bar is the kernel's sentence. Older kernels say less than the model. */
static bool is_same_line(const char *real, const char *model)
{
    size_t length = strcspn(real, "|\n");

    if (strncmp(real, model, length) != 0 || model[length] != real[length])
        return false;
    if (real[length] != '|' || real[length + 1] == '\n')
        return true;
    length = strcspn(real, "\n");
    return strncmp(real, model, length + 1) == 0;
}

static void fail_at(const char *real, const char *model, const char *section)
{
    ck_abort_msg("after\n  %.*s\nthe kernel says\n  %.*s\nthe model says\n  %.*s",
                 (int)strcspn(section, "\n"), section, (int)strcspn(real, "\n"), real,
                 (int)strcspn(model, "\n"), model);
}

static void compare_transcripts(const char *real, const char *model)
{
    const char *section = "(the beginning)";

    while (*real != '\0' || *model != '\0') {
        if (!is_same_line(real, model))
            fail_at(real, model, section);
        if (strncmp(real, "== ", 3) == 0)
            section = real;
        real += strcspn(real, "\n");
        model += strcspn(model, "\n");
        real += *real == '\n';
        model += *model == '\n';
    }
}

static char *run(void (*script)(void), bool model)
{
    char *written;

    on_model = model;
    fake_kernel_bypass(!model);
    fake_kernel_reset();
    transcript = calloc(1, TRANSCRIPT_SIZE);
    transcript_used = 0;
    ck_assert_ptr_nonnull(transcript);
    if (!model)
        ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    exchange_begin();
    link_up("lo", true); /* as it is in the model from the start */
    transcript_used = 0;
    script();
    exchange_end();
    written = transcript;
    return written;
}

void compare(void (*script)(void))
{
    char *real = run(script, false), *model = run(script, true);

    if (getenv("MODEL_TRANSCRIPTS") != NULL)
        fprintf(stderr, "@@ kernel\n%s@@ model\n%s@@ end\n", real, model);
    compare_transcripts(real, model);
    free(real);
    free(model);
}
