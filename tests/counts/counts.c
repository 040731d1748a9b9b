/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation may cost, counted instead of timed: allocations, netlink calls, messages, bytes, and
 * memory that stays. Each operation runs beside a small crowd and beside a large one: what the small one
 * shows is its own cost, the difference is the cost of a row.
 *
 * bounds.h has the bounds: messages and few allocations are counted exactly, the rest has a margin of a
 * tenth. Called with "bounds", the program prints them for what is counted now: to lower them, never to
 * raise them unseen.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fake_kernel.h>

#include "../fault/allocator.h"
#include "bounds.h"
#include "crowd.h"
#include "operations.h"
#include "stage.h"

#define FEW  10u
#define MANY 1010u

#define FEW_ALLOCATIONS 20u /* of so few, one more is one too many */

static const char *const quantity_names[QUANTITIES] = {
    "allocations", "netlink calls", "requests", "changes", "bytes sent", "bytes received"};

struct counted {
    uint64_t of[QUANTITIES];
};

static const struct bounds *find_bounds(const char *name)
{
    for (size_t i = 0; i < sizeof(all_bounds) / sizeof(all_bounds[0]); i++)
        if (strcmp(all_bounds[i].name, name) == 0)
            return &all_bounds[i];
    printf("not ok %s: no bounds\n", name);
    exit(EXIT_FAILURE);
}

static struct counted count(const struct operation *operation, uint32_t beside)
{
    const uint64_t none[ALLOCATOR_ORDERS] = {0};
    stage_crowd(beside);
    if (operation->prepare != NULL)
        operation->prepare();
    struct fake_kernel_counters before = fake_kernel_counters();
    allocator_fail(none);
    operation->run();
    uint64_t allocations = allocator_made();
    struct fake_kernel_counters after = fake_kernel_counters();
    crowd_stop();
    return (struct counted){{
        [ALLOCATIONS] = allocations,
        [CALLS] = after.calls - before.calls,
        [REQUESTS] = after.requests - before.requests,
        [CHANGES] = after.changes - before.changes,
        [SENT_BYTES] = after.sent_bytes - before.sent_bytes,
        [RECEIVED_BYTES] = after.received_bytes - before.received_bytes,
    }};
}

static uint64_t added(uint64_t few, uint64_t many)
{
    return many > few ? (many - few) * 1000 / (MANY - FEW) : 0;
}

static bool hold(const char *name, enum quantity quantity, uint64_t few, uint64_t many,
                 const struct bound *bound)
{
    uint64_t more = added(few, many);
    bool held = few <= bound->alone && more <= bound->per_thousand;
    if (quantity == ALLOCATIONS && !allocator_is_ours())
        return true;
    printf("%s %s, %s: %" PRIu64 " of %" PRIu64 ", for 1,000 connections more %" PRIu64
           " of %" PRIu64 "\n",
           held ? "ok" : "not ok", name, quantity_names[quantity], few, bound->alone, more,
           bound->per_thousand);
    return held;
}

static bool check_operation(const struct operation *operation)
{
    const struct bounds *bounds = find_bounds(operation->name);
    struct counted few = count(operation, FEW);
    struct counted many = count(operation, MANY);
    bool held = true;
    for (int i = 0; i < QUANTITIES; i++)
        held &= hold(operation->name, (enum quantity)i, few.of[i], many.of[i], &bounds->of[i]);
    return held;
}

/* Nothing counts as less than nothing; what grows in steps gets a tenth more. */
static uint64_t with_margin(enum quantity quantity, uint64_t counted)
{
    bool exact = quantity == CALLS || quantity == REQUESTS || quantity == CHANGES ||
                 (quantity == ALLOCATIONS && counted < FEW_ALLOCATIONS);
    return exact ? counted : counted + (counted + 9) / 10;
}

/* The rows of bounds.h as they would hold what is counted now. */
static void print_bounds(const struct operation *operation)
{
    struct counted few = count(operation, FEW);
    struct counted many = count(operation, MANY);
    printf("    {\"%s\",\n     {", operation->name);
    for (int i = 0; i < QUANTITIES; i++) {
        uint64_t more = added(few.of[i], many.of[i]);
        printf("%s{%" PRIu64 ", %" PRIu64 "}", i > 0 ? ", " : "",
               with_margin((enum quantity)i, few.of[i]), with_margin((enum quantity)i, more));
    }
    printf("}},\n");
}

enum memory { CONNECTED, READ, HELD };

/* What stays: of the connections alone, when both snapshots were read, and while one is held. */
static int64_t memory_of(uint32_t connections, enum memory memory)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *held = NULL;
    struct subwg_snapshot *dropped = NULL;
    int64_t before = allocator_outstanding_bytes();
    stage_crowd(connections);
    if (memory != CONNECTED) {
        crowd_must(subwg_cable_metrics_snapshot(crowd_cable(), &dropped, &error), &error);
        subwg_snapshot_unref(dropped);
        crowd_must(subwg_cable_get_connections(crowd_cable(), &held, &error), &error);
    }
    if (memory == READ) {
        subwg_snapshot_unref(held);
        held = NULL;
    }
    int64_t bytes = allocator_outstanding_bytes() - before;
    subwg_snapshot_unref(held);
    crowd_stop();
    return bytes;
}

/* Two sizes at which whatever grows by doubling has grown alike. */
static bool check_memory(const char *name, enum memory memory, int64_t bound)
{
    int64_t a_connection = (memory_of(2048, memory) - memory_of(1024, memory)) / 1024;
    bool held = a_connection <= bound;
    if (!allocator_is_ours())
        return true;
    printf("%s memory of a connection, %s: %" PRId64 " of %" PRId64 " bytes\n",
           held ? "ok" : "not ok", name, a_connection, bound);
    return held;
}

int main(int argc, char **argv)
{
    bool held = true;
    if (!stage_open())
        return EXIT_FAILURE;
    if (argc > 1 && strcmp(argv[1], "bounds") == 0) {
        for (size_t i = 0; i < operation_count; i++)
            print_bounds(&operations[i]);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < operation_count; i++)
        held &= check_operation(&operations[i]);
    held &= check_memory("connected", CONNECTED, bytes_a_connection);
    held &= check_memory("connected and read", READ, bytes_a_connection_read);
    held &= check_memory("read, and the snapshot held", HELD, bytes_a_connection_held);
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
