/* SPDX-License-Identifier: Apache-2.0 */
/* What a list costs in messages when one of its endpoints is refused, or the kernel does not answer. */
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
    uint32_t unknown; /* and of those, what is there is not known */
    int32_t code;     /* of the last that failed */
} results;

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    (void)context;
    (void)index;
    (void)address;
    results.done += code >= 0;
    results.failed += code < 0;
    if (code >= 0)
        return;
    results.code = code;
    results.unknown += (error->flags & SUBWG_ERROR_STATE_UNKNOWN) != 0;
}

typedef int32_t (*list_fn)(struct subwg_cable *cable, const struct subwg_endpoint *const *remotes,
                           uint32_t count, subwg_result_fn result, void *result_context,
                           struct subwg_error *error);

/* Returns how often something was sent to the kernel. */
static uint64_t run(list_fn operation)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    uint64_t before = fake_kernel_counters().sends;
    results.done = results.failed = results.unknown = 0;
    crowd_must(operation(crowd_cable(), list, LENGTH, take_result, NULL, &error), &error);
    return fake_kernel_counters().sends - before;
}

static void check_foreign_route(void)
{
    stage_crowd(0);
    uint64_t quiet = run(subwg_cable_connect_many);
    stage_expect(results.done == LENGTH, "all are connected");
    crowd_stop();
    stage_crowd(0);
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = remotes[5].subnets[0], .link = "eth0", .table = 220, .protocol = 4});
    uint64_t sends = run(subwg_cable_connect_many);
    printf("sends: %u without a foreign route, %u with one\n", (unsigned)quiet, (unsigned)sends);
    stage_expect(results.done == LENGTH - 1 && results.failed == 1 && results.code == -EEXIST,
                 "one is refused for the foreign route to its subnet");
    stage_expect(sends <= 4 * quiet, "the others still go together");
    crowd_stop();
}

static void check_silence(list_fn operation, const char *name)
{
    fake_kernel_hold_replies(true);
    uint64_t sends = run(operation);
    fake_kernel_hold_replies(false);
    printf("sends of %s to a kernel that does not answer: %u\n", name, (unsigned)sends);
    stage_expect(results.failed == LENGTH && results.code == -ETIMEDOUT, "each has its result");
    stage_expect(sends <= 2, "which is waited for once together and once alone");
}

static void check_silent_kernel(void)
{
    stage_crowd(0);
    fake_kernel_skip_waiting(true);
    check_silence(subwg_cable_connect_many, "connect_many");
    stage_expect(results.unknown == 0, "nothing was changed");
    (void)run(subwg_cable_connect_many);
    stage_expect(results.done == LENGTH, "all are connected when it answers");
    check_silence(subwg_cable_disconnect_many, "disconnect_many");
    stage_expect(results.unknown == LIMIT_CONNECTIONS_A_BATCH, "what was not tried is as it was");
    (void)run(subwg_cable_disconnect_many);
    stage_expect(results.done == LENGTH, "all are disconnected when it answers");
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
    check_silent_kernel();
    return stage_end();
}
