/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts-instructions FILE [bounds], under callgrind: how many instructions an operation takes beside a few
 * connections, and how many more for each further one; or, where their number must not matter, what
 * thousands more add, which is less than any loop over them. The model of the kernel is left out
 * (tests/counts/instructions says how), so what counts is this project's code with what it calls in the C
 * library, libmnl and libnl.
 *
 * FILE is where callgrind writes what it counted; each dump adds a number to the name. With "bounds" it
 * prints instruction_bounds.h's rows for what is counted now, with an eighth of margin for other compilers
 * and C libraries.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "crowd.h"
#include "instruction_bounds.h"
#include "operations.h"
#include "stage.h"

#define FEW       10u
#define MANY      260u
#define THOUSANDS 3010u

/* Fewer than any loop over all connections takes for each. */
#define NO_LOOP 2u

static const char *dump_path;
static unsigned int dumps;

static uint64_t read_total(void)
{
    char path[512], line[512];
    uint64_t total = 0;
    (void)snprintf(path, sizeof(path), "%s.%u", dump_path, ++dumps);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "totals: %" SCNu64, &total) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    if (total == 0) {
        printf("not ok nothing counted in %s\n", path);
        exit(EXIT_FAILURE);
    }
    return total;
}

static uint64_t count(const struct operation *operation, uint32_t beside)
{
    stage_crowd(beside);
    if (operation->prepare != NULL)
        operation->prepare();
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_TOGGLE_COLLECT;
    operation->run();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(operation->name);
    CALLGRIND_STOP_INSTRUMENTATION;
    crowd_stop();
    return read_total();
}

static const struct instruction_bounds *find_bounds(const char *name)
{
    for (size_t i = 0; i < sizeof(instruction_bounds) / sizeof(instruction_bounds[0]); i++)
        if (strcmp(instruction_bounds[i].name, name) == 0)
            return &instruction_bounds[i];
    printf("not ok %s: no bounds\n", name);
    exit(EXIT_FAILURE);
}

static uint64_t with_margin(uint64_t counted)
{
    return counted + counted / 8 + 10;
}

/* Trees become deeper and the heap fuller, but that never comes near a loop. */
static uint64_t with_margin_but_no_loop(uint64_t added, uint64_t whole)
{
    const uint64_t no_loop = (uint64_t)NO_LOOP * (THOUSANDS - FEW);
    return added + added / 8 + (whole / 20 < no_loop ? whole / 20 : no_loop);
}

static uint64_t count_added(const struct operation *operation, uint64_t few, uint32_t beside)
{
    uint64_t many = count(operation, beside);
    return many > few ? many - few : 0;
}

static bool hold(const char *name, const char *what, uint64_t counted, uint64_t bound)
{
    bool held = counted <= bound;
    printf("%s %s, instructions%s: %" PRIu64 " of %" PRIu64 "\n", held ? "ok" : "not ok", name,
           what, counted, bound);
    return held;
}

static bool check(const struct operation *operation)
{
    const struct instruction_bounds *bounds = find_bounds(operation->name);
    uint64_t few = count(operation, FEW);
    bool held = hold(operation->name, "", few, bounds->alone);
    if (bounds->a_row > 0)
        held &= hold(operation->name, " for each further connection",
                     count_added(operation, few, MANY) / (MANY - FEW), bounds->a_row);
    else
        held &= hold(operation->name, " that 3,000 connections more add",
                     count_added(operation, few, THOUSANDS), bounds->thousands);
    return held;
}

/* The row of instruction_bounds.h as it would hold what is counted now. */
static void print_bounds(const struct operation *operation)
{
    uint64_t few = count(operation, FEW);
    uint64_t added = count_added(operation, few, MANY);
    uint64_t a_row = 0, thousands = 0;
    if (added > few / 5)
        a_row = with_margin(added / (MANY - FEW));
    else
        thousands = with_margin_but_no_loop(count_added(operation, few, THOUSANDS), few);
    printf("    {\"%s\", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "},\n", operation->name,
           with_margin(few), a_row, thousands);
}

int main(int argc, char **argv)
{
    bool held = true;
    if (argc < 2 || !stage_open() || !RUNNING_ON_VALGRIND)
        return EXIT_FAILURE;
    (void)mallopt(M_MXFAST, 0); /* or one operation tidies the heap after many */
    dump_path = argv[1];
    if (argc == 3 && strcmp(argv[2], "bounds") == 0) {
        for (size_t i = 0; i < operation_count; i++)
            print_bounds(&operations[i]);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < operation_count; i++)
        held &= check(&operations[i]);
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
