/* SPDX-License-Identifier: Apache-2.0 */
/* T66: many instances of one driver on many threads never meet, and a device has one owner. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"

#define CABLES   8u
#define CLUSTERS 4u
#define ROUNDS   100u

static void expect(int32_t code, int32_t wanted, const char *what, const struct subwg_error *error)
{
    if (code != wanted)
        complain("%s: %d instead of %d: %s", what, code, wanted, error->text);
}

static void expect_rows(struct subwg_cable *cable, uint32_t count)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_snapshot *snapshot = NULL;
    expect(subwg_cable_get_connections(cable, &snapshot, &error), 0, "get_connections", &error);
    if (snapshot != NULL && subwg_snapshot_connection_count(snapshot) != count)
        complain("%u rows instead of %u", subwg_snapshot_connection_count(snapshot), count);
    subwg_snapshot_unref(snapshot);
}

static void *live_a_life(void *context)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_cable *cable = crowd_cable(1 + crowd_number(context), 600000, NULL);
    expect(subwg_cable_init(cable, &error), 0, "init", &error);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct crowd_remote remotes[CLUSTERS];
        for (unsigned i = 0; i < CLUSTERS; i++) {
            crowd_remote(&remotes[i], i, round);
            expect(subwg_cable_connect(cable, &remotes[i].endpoint, NULL, &error), 0, "connect",
                   &error);
        }
        expect_rows(cable, CLUSTERS);
        for (unsigned i = round % 2; i < CLUSTERS; i += 2)
            expect(subwg_cable_disconnect(cable, &remotes[i].endpoint, &error), 0, "disconnect",
                   &error);
        expect_rows(cable, CLUSTERS / 2);
    }
    expect(subwg_cable_cleanup(cable, &error), 0, "cleanup", &error);
    subwg_cable_destroy(cable);
    return NULL;
}

START_TEST(lives_side_by_side_leave_nothing_behind)
{
    char *before = fake_kernel_dump_text();
    crowd_run(live_a_life, CABLES);
    char *after = fake_kernel_dump_text();
    ck_assert_str_eq(after, before);
    free(before);
    free(after);
}
END_TEST

static struct subwg_cable *rivals[CABLES];
static atomic_uint owners;

static void *want_the_device(void *context)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    int32_t code = subwg_cable_init(rivals[crowd_number(context)], &error);
    if (code == 0)
        atomic_fetch_add(&owners, 1);
    else if (code != -EBUSY || error.reason != SUBWG_REASON_BUSY)
        complain("init: %d %s", code, error.text);
    return NULL;
}

START_TEST(a_device_has_one_owner)
{
    for (unsigned i = 0; i < CABLES; i++)
        rivals[i] = crowd_cable(7, 600000, NULL);
    crowd_run(want_the_device, CABLES);
    ck_assert_uint_eq(atomic_load(&owners), 1);
    for (unsigned i = 0; i < CABLES; i++)
        subwg_cable_destroy(rivals[i]);
    /* What the losers tried has not hurt the winner's device, which the next one takes over. */
    struct subwg_cable *next = crowd_cable_initialized(7);
    expect_rows(next, 0);
    subwg_cable_destroy(next);
    assert_no_complaint();
}
END_TEST

int main(void)
{
    TCase *tests = crowd_case("many-cables");
    tcase_add_test(tests, lives_side_by_side_leave_nothing_behind);
    tcase_add_test(tests, a_device_has_one_owner);
    return crowd_main("many-cables", tests);
}
