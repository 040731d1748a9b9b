/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand remotes of ten prefixes each: all of them arrive in the kernel, and one goes alone (T88).
 * Times are told; what is judged is memory and what the kernel has. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "remotes.h"

#define REMOTES          10000u
#define PREFIXES         10u
#define RESIDENT_AT_MOST ((uint64_t)64 << 20)

static double begin_s;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin(void)
{
    begin_s = now_s();
}

static void tell(const char *what)
{
    printf("# %s: %.1f ms\n", what, (now_s() - begin_s) * 1e3);
    (void)fflush(stdout);
}

/* What the allocator keeps for later is nobody's. */
static uint64_t resident(void)
{
    unsigned long pages = 0;
    unsigned long resident = 0;
    (void)malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu %lu", &pages, &resident), 2);
    (void)fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_all(struct gateway *gateway, uint32_t expected)
{
    struct subwg_snapshot *snapshot = NULL;
    begin();
    REMOTES_DONE(subwg_cable_get_connections(gateway->cable, &snapshot, &gateway->error),
                 gateway->error);
    tell("get_connections");
    ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), expected);
    subwg_snapshot_unref(snapshot);
}

START_TEST(ten_thousand_remotes_of_ten_prefixes)
{
    struct gateway gateway;
    struct remote *remotes = calloc(REMOTES, sizeof(*remotes));
    ck_assert_ptr_nonnull(remotes);
    for (uint32_t i = 0; i < REMOTES; i++)
        remote_describe(&remotes[i], i, 0, PREFIXES);
    gateway_start(&gateway);
    uint64_t before = resident();

    begin();
    gateway_connect_many(&gateway, remotes, REMOTES);
    tell("connect_many");
    read_all(&gateway, REMOTES);
    uint64_t grown = resident() - before;
    printf("# resident for them: %.1f MiB\n", (double)grown / (1 << 20));
    ck_assert_uint_le(grown, RESIDENT_AT_MOST);
    check_kernel(remotes, REMOTES);

    begin();
    REMOTES_DONE(
        subwg_cable_disconnect(gateway.cable, &remotes[REMOTES - 1].endpoint, &gateway.error),
        gateway.error);
    tell("disconnect one");
    check_kernel(remotes, REMOTES - 1);
    read_all(&gateway, REMOTES - 1);
    gateway_stop(&gateway);
    free(remotes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crowd");
    TCase *all = tcase_create("crowd");
    tcase_set_timeout(all, 30);
    tcase_add_test(all, ten_thousand_remotes_of_ten_prefixes);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
