/* SPDX-License-Identifier: Apache-2.0 */
/* What a list costs when something is wrong with one of its endpoints: in messages, little more than
 * without it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <fake_kernel.h>

#include "base/limits.h"
#include "crowd.h"
#include "stage.h"

#define LENGTH (LIMIT_CONNECTIONS_A_BATCH + 200)

static struct crowd_remote remotes[LENGTH];
static const struct subwg_endpoint *list[LENGTH];
static struct {
    uint32_t done;
    uint32_t failed;
    int32_t code; /* of the last that failed */
} results;
static bool held = true;

static void expect(bool so, const char *what)
{
    printf("%s %s\n", so ? "ok" : "not ok", what);
    held = held && so;
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    (void)context;
    (void)index;
    (void)address;
    (void)error;
    results.done += code >= 0;
    results.failed += code < 0;
    if (code < 0)
        results.code = code;
}

/* Returns how often something was sent to the kernel. */
static uint64_t connect_list(void)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t before = fake_kernel_counters().sends;
    results.done = results.failed = 0;
    crowd_must(subwg_cable_connect_many(crowd_cable(), list, LENGTH, take_result, NULL, &error),
               &error);
    return fake_kernel_counters().sends - before;
}

static void check_foreign_route(void)
{
    stage_crowd(0);
    uint64_t quiet = connect_list();
    expect(results.done == LENGTH, "all are connected");
    crowd_stop();
    stage_crowd(0);
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = remotes[5].subnets[0], .link = "eth0", .table = 220, .protocol = 4});
    uint64_t sends = connect_list();
    printf("sends: %u without a foreign route, %u with one\n", (unsigned)quiet, (unsigned)sends);
    expect(results.done == LENGTH - 1 && results.failed == 1 && results.code == -EEXIST,
           "one is refused for the foreign route to its subnet");
    expect(sends <= 4 * quiet, "the others still go together");
    crowd_stop();
}

int main(void)
{
    if (!stage_open())
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < LENGTH; i++) {
        crowd_remote_make(&remotes[i], i);
        list[i] = &remotes[i].endpoint;
    }
    check_foreign_route();
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
