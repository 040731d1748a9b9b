/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts-instructions FILE [bounds], under callgrind: how many instructions an operation takes beside a few connections,
 * and how many more for each further one. The model of the kernel is left out (tests/counts/instructions
 * says how), so what counts is this project's code with what it calls in the C library, libmnl and libnl.
 *
 * FILE is where callgrind writes what it counted; each dump adds a number to the name. With "bounds" it
 * prints instruction_bounds.h's rows for what is counted now, with an eighth of margin for other compilers
 * and C libraries.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "crowd.h"
#include "instruction_bounds.h"
#include "operations.h"
#include "stage.h"

#define FEW  10u
#define MANY 260u

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

/* What the depth of a tree adds to the whole must not count as a row's. */
static uint64_t with_margin(uint64_t counted, uint64_t whole)
{
    return counted + counted / 8 + whole / 20000 + 10;
}

static bool check(const struct operation *operation, bool print_bounds)
{
    uint64_t few = count(operation, FEW);
    uint64_t many = count(operation, MANY);
    uint64_t a_row = many > few ? (many - few) / (MANY - FEW) : 0;
    if (print_bounds) {
        printf("    {\"%s\", %" PRIu64 ", %" PRIu64 "},\n", operation->name, with_margin(few, 0),
               with_margin(a_row, few));
        return true;
    }
    const struct instruction_bounds *bounds = find_bounds(operation->name);
    bool held = few <= bounds->alone && a_row <= bounds->a_row;
    printf("%s %s, instructions: %" PRIu64 " of %" PRIu64 ", for each further connection %" PRIu64
           " of %" PRIu64 "\n",
           held ? "ok" : "not ok", operation->name, few, bounds->alone, a_row, bounds->a_row);
    return held;
}

int main(int argc, char **argv)
{
    bool held = true;
    bool print_bounds = argc == 3 && strcmp(argv[2], "bounds") == 0;
    if (argc < 2 || !stage_open() || !RUNNING_ON_VALGRIND)
        return EXIT_FAILURE;
    dump_path = argv[1];
    for (size_t i = 0; i < operation_count; i++)
        held &= check(&operations[i], print_bounds);
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
