/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <stdio.h>
#include <string.h>

#include "world.h"

struct told told;

static void take_report(void *context, uint32_t repaired, const char *text)
{
    (void)context;
    ck_assert_uint_lt(told.count, TOLD_MAX);
    (void)snprintf(told.sentences[told.count], sizeof(told.sentences[0]), "%s", text);
    told.repaired[told.count++] = repaired != 0;
}

int32_t reconcile(uint32_t flags)
{
    told.count = 0;
    int32_t code = subwg_cable_reconcile(world.cable, flags, take_report, NULL, &world.error);
    ck_assert_msg(code < 0 || (uint32_t)code == told.count, "%d, but %u were told", code,
                  told.count);
    return code;
}

void expect_sentence(const char *part, bool repaired)
{
    for (uint32_t i = 0; i < told.count; i++)
        if (strstr(told.sentences[i], part) != NULL) {
            ck_assert_msg(told.repaired[i] == repaired, "%s", told.sentences[i]);
            return;
        }
    ck_abort_msg("'%s' was not told; %u sentences, the first: %s", part, told.count,
                 told.count > 0 ? told.sentences[0] : "");
}

void expect_repair(const char *part)
{
    char *drifted = world_kernel();
    ck_assert_int_eq(reconcile(SUBWG_RECONCILE_DRY_RUN), 1);
    expect_sentence(part, false);
    ck_assert_ptr_nonnull(strstr(told.sentences[0], ": would "));
    assert_kernel_is(drifted);

    ck_assert_msg(reconcile(0) == 1, "%s", world.error.text);
    expect_sentence(part, true);
    uint64_t changes = fake_kernel_counters().changes;
    ck_assert_int_eq(reconcile(0), 0);
    ck_assert_uint_eq(fake_kernel_counters().changes, changes);
}
