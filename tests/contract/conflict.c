/* SPDX-License-Identifier: Apache-2.0 */
/* Two clusters that claim the same: the owner keeps it, and the refusal names the owner. */
#include "suite.h"

#include <errno.h>
#include <string.h>

static void expect_conflict(const struct engine *engine, int32_t code, const char *owner)
{
    expect_failure(engine, code, -EEXIST, SUBWG_REASON_CONFLICT);
    ck_assert_msg(strstr(engine->error.text, owner) != NULL,
                  "the refusal does not name the owner %s: \"%s\"", owner, engine->error.text);
}

/* Equal, more specific, covering; both families. The owner has 10.1.0.0/16 and fd00:1::/48. */
static const char *const claims[] = {"10.1.0.0/16",   "10.1.128.0/17", "10.1.2.3/32",
                                     "10.0.0.0/15",   "fd00:1::/48",   "fd00:1:0:7::/64",
                                     "fd00:1::1/128", "fd00:1::/40"};

#define CLAIM_COUNT (sizeof(claims) / sizeof(claims[0]))

START_TEST(owner_keeps_its_prefix)
{
    struct engine engine;
    struct remote owner;
    struct remote claimant;
    engine_start(&engine);
    remote_make(&owner, 1);
    remote_make(&claimant, 2);
    ck_assert_int_eq(engine_connect(&engine, &owner), 0);
    char *before = digest_take();
    for (size_t i = 0; i < CLAIM_COUNT; i++) {
        claimant.subnets[1] = claims[i];
        expect_conflict(&engine, engine_connect(&engine, &claimant), "cluster1");
        ck_assert_msg(strstr(engine.error.text, claims[i]) != NULL, "\"%s\"", engine.error.text);
    }
    digest_expect(before, "a refused claim");
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    ck_assert_int_eq(engine_connect(&engine, &owner), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(claim_works_when_the_owner_is_gone)
{
    struct engine engine;
    struct remote owner;
    struct remote claimant;
    engine_start(&engine);
    remote_make(&owner, 1);
    remote_make(&claimant, 2);
    for (size_t i = 0; i < CLAIM_COUNT; i++) {
        ck_assert_int_eq(engine_connect(&engine, &owner), 0);
        claimant.subnets[1] = claims[i];
        expect_conflict(&engine, engine_connect(&engine, &claimant), "cluster1");
        ck_assert_int_eq(engine_disconnect(&engine, &owner), 0);
        ck_assert_int_eq(engine_connect(&engine, &claimant), 0);
        expect_conflict(&engine, engine_connect(&engine, &owner), "cluster2");
        ck_assert_int_eq(engine_disconnect(&engine, &claimant), 0);
    }
    engine_destroy(&engine);
}
END_TEST

START_TEST(neighbours_are_no_conflict)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    remote.subnets[0] = "10.1.0.0/17";
    remote.subnets[1] = "fd00:1::/64";
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    remote_make(&remote, 2);
    remote.subnets[0] = "10.1.128.0/17";
    remote.subnets[1] = "fd00:1:0:1::/64";
    ck_assert_int_eq(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    engine_destroy(&engine);
}
END_TEST

START_TEST(update_cannot_take_what_is_owned)
{
    struct engine engine;
    struct remote owner;
    struct remote claimant;
    engine_start(&engine);
    remote_make(&owner, 1);
    remote_make(&claimant, 2);
    ck_assert_int_eq(engine_connect(&engine, &owner), 0);
    ck_assert_int_eq(engine_connect(&engine, &claimant), 0);
    char *before = digest_take();
    claimant.subnets[1] = "10.1.5.0/24";
    expect_conflict(&engine, engine_connect(&engine, &claimant), "cluster1");
    digest_expect(before, "a refused update");
    remote_make(&claimant, 2);
    ck_assert_int_eq(engine_connect(&engine, &claimant), 1);
    ck_assert_int_eq(engine_connect(&engine, &owner), 1);
    engine_destroy(&engine);
}
END_TEST

START_TEST(key_has_one_owner)
{
    struct engine engine;
    struct remote owner;
    struct remote claimant;
    engine_start(&engine);
    remote_make(&owner, 1);
    remote_make(&claimant, 2);
    ck_assert_int_eq(engine_connect(&engine, &owner), 0);
    remote_key(1, claimant.key);
    char *before = digest_take();
    expect_conflict(&engine, engine_connect(&engine, &claimant), "cluster1");
    digest_expect(before, "a refused key");
    ck_assert_uint_eq(engine_row_count(&engine), 1);
    ck_assert_int_eq(engine_disconnect(&engine, &owner), 0);
    ck_assert_int_eq(engine_connect(&engine, &claimant), 0);
    engine_destroy(&engine);
}
END_TEST

TCase *conflict_tests(void)
{
    TCase *tests = tcase_create("conflict");
    tcase_add_test(tests, owner_keeps_its_prefix);
    tcase_add_test(tests, claim_works_when_the_owner_is_gone);
    tcase_add_test(tests, neighbours_are_no_conflict);
    tcase_add_test(tests, update_cannot_take_what_is_owned);
    tcase_add_test(tests, key_has_one_owner);
    return tests;
}
