/* SPDX-License-Identifier: Apache-2.0 */
/* The list operations and list_complete: optional, but if there, then like this. */
#include "suite.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 6

struct list {
    struct remote remotes[LIST_MAX];
    const struct subwg_endpoint *endpoints[LIST_MAX];
    struct result results[LIST_MAX];
};

/* Clusters 1 to 6. Static, since endpoints point into it. */
static struct list list;

static void list_make(void)
{
    for (unsigned int i = 0; i < LIST_MAX; i++) {
        remote_make(&list.remotes[i], i + 1);
        list.endpoints[i] = &list.remotes[i].endpoint;
    }
}

static void expect_result(uint32_t index, int32_t code)
{
    ck_assert_msg(list.results[index].code == code, "endpoint %u: %d instead of %d: \"%s\"", index,
                  list.results[index].code, code, list.results[index].text);
}

static void expect_refused(uint32_t index, const char *rival)
{
    expect_result(index, -EEXIST);
    ck_assert_uint_eq(list.results[index].reason, SUBWG_REASON_CONFLICT);
    ck_assert_msg(strstr(list.results[index].text, rival) != NULL, "the rival is not named: \"%s\"",
                  list.results[index].text);
}

START_TEST(each_endpoint_gets_its_result)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, LIST_MAX, list.results), 0);
    for (uint32_t i = 0; i < LIST_MAX; i++) {
        expect_result(i, 0);
        ck_assert_str_eq(list.results[i].address, list.remotes[i].address);
    }
    ck_assert_uint_eq(engine_row_count(&engine), LIST_MAX);
    char *before = digest_take();
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, LIST_MAX, list.results), 0);
    for (uint32_t i = 0; i < LIST_MAX; i++)
        expect_result(i, 1);
    digest_expect(before, "a repeated connect_many");
    engine_destroy(&engine);
}
END_TEST

START_TEST(bad_one_stops_no_other)
{
    struct engine engine;
    struct remote local;
    engine_start(&engine);
    list_make();
    remote_make_local(&local);
    list.remotes[1].subnets[0] = "10.2.0.0/99";
    list.remotes[2].subnets[0] = "0.0.0.0/0";
    list.endpoints[3] = &local.endpoint;
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, LIST_MAX, list.results), 0);
    expect_result(0, 0);
    expect_result(1, -EINVAL);
    expect_result(2, -EPERM);
    expect_result(3, 1);
    ck_assert_str_eq(list.results[3].address, "");
    expect_result(4, 0);
    expect_result(5, 0);
    ck_assert_uint_eq(engine_row_count(&engine), 3);
    engine_destroy(&engine);
}
END_TEST

START_TEST(two_claims_in_one_list_are_both_refused)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    list.remotes[1].subnets[1] = "10.1.7.0/24";
    remote_key(4, list.remotes[4].key);
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, LIST_MAX, list.results), 0);
    expect_refused(0, "cluster2");
    expect_refused(1, "cluster1");
    expect_result(2, 0);
    expect_refused(3, "cluster5");
    expect_refused(4, "cluster4");
    expect_result(5, 0);
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    ck_assert_ptr_null(engine_row(&engine, "cluster1"));
    ck_assert_ptr_null(engine_row(&engine, "cluster2"));
    engine_destroy(&engine);
}
END_TEST

START_TEST(installed_owner_wins_over_its_list)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    ck_assert_int_eq(engine_connect(&engine, &list.remotes[1]), 0);
    list.remotes[0].subnets[0] = "10.2.9.0/24";
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, 2, list.results), 0);
    expect_refused(0, "cluster2");
    expect_result(1, 1);
    engine_destroy(&engine);
}
END_TEST

/* Whoever is refused for something else has no claim that could hurt others. */
START_TEST(malformed_claim_hurts_nobody)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    list.remotes[1].subnets[0] = "10.1.7.0/24";
    list.remotes[1].config[REMOTE_CONFIG_PORT].value = "0";
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, 2, list.results), 0);
    expect_result(0, 0);
    expect_result(1, -EINVAL);
    engine_destroy(&engine);
}
END_TEST

START_TEST(empty_list_is_fine)
{
    struct engine engine;
    engine_start(&engine);
    char *before = digest_take();
    ck_assert_int_eq(engine_connect_many(&engine, NULL, 0, list.results), 0);
    digest_expect(before, "an empty list");
    engine_destroy(&engine);
}
END_TEST

START_TEST(bad_list_is_refused)
{
    struct engine engine;
    engine_start(&engine);
    expect_failure(&engine, engine_connect_many(&engine, NULL, 1, list.results), -EINVAL,
                   SUBWG_REASON_BAD_ARGUMENT);
    list_make();
    list.endpoints[1] = NULL;
    ck_assert_int_eq(engine_connect_many(&engine, list.endpoints, 3, list.results), 0);
    expect_result(0, 0);
    expect_result(1, -EINVAL);
    expect_result(2, 0);
    engine_destroy(&engine);
}
END_TEST

START_TEST(disconnect_many_is_disconnect_for_each)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(engine_connect(&engine, &list.remotes[i]), 0);
    list.remotes[0].config[REMOTE_CONFIG_KEY].value =
        "bm90IHRoZSBrZXkgb2YgdG9kYXkgYXQgYWxsLi4uLi4=";
    list.remotes[1].endpoint.cluster_id = "";
    ck_assert_int_eq(engine_disconnect_many(&engine, list.endpoints, LIST_MAX, list.results), 0);
    expect_result(0, 1);
    expect_result(1, -EINVAL);
    expect_result(2, 0);
    expect_result(3, 0);
    expect_result(4, 1);
    expect_result(5, 1);
    ck_assert_uint_eq(engine_row_count(&engine), 2);
    engine_destroy(&engine);
}
END_TEST

START_TEST(complete_list_leaves_what_was_named)
{
    struct engine engine;
    engine_start(&engine);
    list_make();
    ck_assert_int_eq(engine_connect(&engine, &list.remotes[0]), 0);
    char *before = digest_take();
    ck_assert_int_eq(engine_list_complete(&engine), 0);
    ck_assert_int_eq(engine_list_complete(&engine), 0);
    digest_expect(before, "list_complete without leftovers");
    ck_assert_int_eq(engine_connect(&engine, &list.remotes[0]), 1);
    ck_assert_int_eq(engine_connect(&engine, &list.remotes[1]), 0);
    engine_destroy(&engine);
}
END_TEST

TCase *many_tests(void)
{
    TCase *tests = tcase_create("many");
    if (driver->connect_many != NULL) {
        tcase_add_test(tests, each_endpoint_gets_its_result);
        tcase_add_test(tests, bad_one_stops_no_other);
        tcase_add_test(tests, two_claims_in_one_list_are_both_refused);
        tcase_add_test(tests, installed_owner_wins_over_its_list);
        tcase_add_test(tests, malformed_claim_hurts_nobody);
        tcase_add_test(tests, empty_list_is_fine);
        tcase_add_test(tests, bad_list_is_refused);
    }
    if (driver->disconnect_many != NULL)
        tcase_add_test(tests, disconnect_many_is_disconnect_for_each);
    if (driver->list_complete != NULL)
        tcase_add_test(tests, complete_list_leaves_what_was_named);
    return tests;
}
