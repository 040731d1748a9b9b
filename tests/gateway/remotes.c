/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker holds against what the driver was given: when to connect, disconnect, try again. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remotes.h"

static struct remotes remotes;
static struct broker_entry entries[8];
static struct broker broker = {.entries = entries};

static struct endpoint *endpoint(const char *cluster, const char *key)
{
    static struct faults faults;
    char text[512];

    faults_begin(&faults, NULL);
    snprintf(text, sizeof text,
             "{\"cluster_id\": \"%s\", \"cable_name\": \"c\", \"hostname\": \"h\", \"subnets\": "
             "[], \"private_ip\": \"10.0.0.1\", \"public_ip\": \"192.0.2.1\", "
             "\"backend_config\": {\"publicKey\": \"%s\"}}",
             cluster, key);
    struct endpoint *made = endpoint_parse(text, strlen(text), &faults);
    ck_assert_msg(made != NULL, "%s", faults.text);
    return made;
}

static void put(const char *name, const char *cluster, const char *key, time_t written)
{
    entries[broker.count++] = (struct broker_entry){.name = (char *)(uintptr_t)name,
                                                    .endpoint = endpoint(cluster, key),
                                                    .written = {.tv_sec = written}};
}

static void empty_broker(void)
{
    while (broker.count > 0)
        endpoint_unref(entries[--broker.count].endpoint);
}

static int want(void)
{
    return remotes_want(&remotes, &broker, "own");
}

static void finish(void)
{
    empty_broker();
    remotes_free(&remotes);
}

static const char *wanted_key(const char *cluster)
{
    const struct remote *remote = remotes_find(&remotes, cluster);

    if (remote == NULL || remote->wanted == NULL)
        return "(none)";
    return remote->wanted->view.backend_config[0].value;
}

static struct subwg_error failure(uint32_t reason, uint32_t flags)
{
    struct subwg_error error = SUBWG_ERROR_INIT;

    error.reason = reason;
    error.flags = flags;
    snprintf(error.text, sizeof error.text, "it failed");
    return error;
}

START_TEST(others_are_wanted_and_the_own_cluster_is_not)
{
    put("a.json", "cluster3", "k3", 1);
    put("b.json", "own", "k1", 1);
    put("c.json", "cluster2", "k2", 1);
    entries[broker.count++] = (struct broker_entry){.name = (char *)(uintptr_t) "d.json"};
    ck_assert_int_eq(want(), 2);
    ck_assert_uint_eq(remotes.count, 2);
    ck_assert_str_eq(remotes.list[0].cluster_id, "cluster2");
    ck_assert_str_eq(wanted_key("cluster3"), "k3");
    ck_assert(remote_needs_connect(&remotes.list[0], 0));
    ck_assert_int_eq(want(), 0);
}
END_TEST

START_TEST(a_connected_remote_rests_until_it_changes)
{
    put("a.json", "cluster2", "k2", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    remote_connected(remote);
    ck_assert(!remote_needs_connect(remote, UINT64_MAX));
    ck_assert(remotes_settled(&remotes));
    empty_broker();
    put("a.json", "cluster2", "k2", 2); /* written again, the same */
    ck_assert_int_eq(want(), 0);
    empty_broker();
    put("a.json", "cluster2", "other", 3);
    ck_assert_int_eq(want(), 1);
    ck_assert(remote_needs_connect(remote, 0));
    ck_assert(!remotes_settled(&remotes));
    remote_connected(remote);
    empty_broker();
    ck_assert_int_eq(want(), 1);
    ck_assert(remote_needs_disconnect(remote, 0));
    ck_assert_str_eq(remote_to_disconnect(remote).backend_config[0].value, "other");
    remote_disconnected(remote);
    remotes_sweep(&remotes);
    ck_assert_uint_eq(remotes.count, 0);
}
END_TEST

START_TEST(the_file_written_last_stands_for_a_cluster)
{
    put("a.json", "cluster2", "old", 1);
    put("b.json", "cluster2", "new", 5);
    put("c.json", "cluster2", "middle", 3);
    want();
    ck_assert_str_eq(wanted_key("cluster2"), "new");
    empty_broker();
    put("b.json", "cluster2", "second", 7);
    put("a.json", "cluster2", "first", 7);
    want();
    ck_assert_str_eq(wanted_key("cluster2"), "second");
    empty_broker();
    put("a.json", "cluster2", "first", 7);
    ck_assert_int_eq(want(), 1);
    ck_assert_str_eq(wanted_key("cluster2"), "first");
}
END_TEST

START_TEST(a_refusal_is_not_tried_again)
{
    struct subwg_error error = failure(SUBWG_REASON_BAD_ENDPOINT, 0);

    put("a.json", "cluster2", "bad", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    ck_assert(remote_failed(remote, &error, 1000));
    ck_assert(!remote_needs_connect(remote, UINT64_MAX));
    ck_assert_uint_eq(remotes_next_ms(&remotes), UINT64_MAX);
    ck_assert(remotes_settled(&remotes));
    put("b.json", "cluster3", "k3", 1); /* another's change does not help */
    want();
    remote = remotes_find(&remotes, "cluster2");
    ck_assert(!remote_needs_connect(remote, UINT64_MAX));
    empty_broker();
    put("a.json", "cluster2", "better", 2);
    want();
    remote = remotes_find(&remotes, "cluster2");
    ck_assert(remote_needs_connect(remote, 0));
}
END_TEST

START_TEST(a_refused_change_leaves_what_was_connected)
{
    struct subwg_error error = failure(SUBWG_REASON_REFUSED, 0);

    put("a.json", "cluster2", "good", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    remote_connected(remote);
    empty_broker();
    put("a.json", "cluster2", "bad", 2);
    want();
    remote_failed(remote, &error, 0);
    ck_assert(!remote_needs_connect(remote, UINT64_MAX));
    empty_broker();
    put("a.json", "cluster2", "good", 3);
    want();
    ck_assert(!remote_needs_connect(remote, UINT64_MAX));
    empty_broker();
    want();
    ck_assert(remote_needs_disconnect(remote, 0));
    ck_assert_str_eq(remote_to_disconnect(remote).backend_config[0].value, "good");
}
END_TEST

START_TEST(a_transient_failure_is_tried_again_ever_more_rarely)
{
    struct subwg_error error = failure(SUBWG_REASON_TIMEOUT, 0);
    const uint64_t delays_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
    uint64_t now_ms = 5000;

    put("a.json", "cluster2", "k2", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    for (size_t i = 0; i < sizeof delays_s / sizeof delays_s[0]; i++) {
        ck_assert(remote_needs_connect(remote, now_ms));
        ck_assert(remote_failed(remote, &error, now_ms) == (i == 0)); /* said once */
        ck_assert(!remotes_settled(&remotes));
        ck_assert_uint_eq(remotes_next_ms(&remotes), now_ms + delays_s[i] * 1000);
        ck_assert(!remote_needs_connect(remote, now_ms + delays_s[i] * 1000 - 1));
        now_ms += delays_s[i] * 1000;
    }
    remote_connected(remote);
    ck_assert(remotes_settled(&remotes));
    ck_assert(remote_failed(remote, &error, now_ms)); /* after success it is news again */
    ck_assert_uint_eq(remote->retry_at_ms, now_ms + 1000);
}
END_TEST

START_TEST(a_conflict_is_tried_again_when_anything_changed)
{
    struct subwg_error error = failure(SUBWG_REASON_CONFLICT, 0);

    put("a.json", "cluster2", "k2", 1);
    put("b.json", "cluster3", "k3", 1);
    want();
    remote_connected(remotes_find(&remotes, "cluster2"));
    ck_assert(remote_failed(remotes_find(&remotes, "cluster3"), &error, 0));
    ck_assert(!remote_needs_connect(remotes_find(&remotes, "cluster3"), UINT64_MAX));
    ck_assert_int_eq(want(), 0);
    ck_assert(!remote_needs_connect(remotes_find(&remotes, "cluster3"), UINT64_MAX));
    empty_broker();
    put("b.json", "cluster3", "k3", 1);
    want();
    ck_assert(remote_needs_connect(remotes_find(&remotes, "cluster3"), 0));
    ck_assert(!remote_failed(remotes_find(&remotes, "cluster3"), &error, 0)); /* no news */
}
END_TEST

START_TEST(the_driver_is_told_when_a_refused_one_goes)
{
    struct subwg_error error = failure(SUBWG_REASON_CONFLICT, 0);

    put("a.json", "cluster2", "another cluster's key", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    remote_failed(remote, &error, 0);
    ck_assert(!remote_needs_disconnect(remote, UINT64_MAX));
    empty_broker();
    want();
    ck_assert(remote_needs_disconnect(remote, 0));
    ck_assert_str_eq(remote_to_disconnect(remote).cluster_id, "cluster2");
    ck_assert_uint_eq(remote_to_disconnect(remote).backend_config_count, 0);
    remotes_sweep(&remotes);
    ck_assert_ptr_nonnull(remotes_find(&remotes, "cluster2"));
    remote_disconnected(remote);
    remotes_sweep(&remotes);
    ck_assert_ptr_null(remotes_find(&remotes, "cluster2"));
}
END_TEST

START_TEST(an_unknown_outcome_is_settled_whatever_key_is_in_use)
{
    struct subwg_error error = failure(SUBWG_REASON_TIMEOUT, SUBWG_ERROR_STATE_UNKNOWN);

    put("a.json", "cluster2", "k2", 1);
    want();
    struct remote *remote = remotes_find(&remotes, "cluster2");
    remote_failed(remote, &error, 0);
    ck_assert(remote_needs_connect(remote, 1000));
    empty_broker();
    want();
    ck_assert(remote_needs_disconnect(remote, 0));
    ck_assert_uint_eq(remote_to_disconnect(remote).backend_config_count, 0);
    ck_assert_ptr_null(remote_to_disconnect(remote).backend_config);
    /* A disconnect that fails is tried again too. */
    remote_failed(remote, &error, 0);
    ck_assert(!remote_needs_disconnect(remote, 999));
    ck_assert(remote_needs_disconnect(remote, 1000));
    ck_assert_uint_eq(remotes_next_ms(&remotes), 1000);
}
END_TEST

START_TEST(the_path_follows_address_translation_unless_configured)
{
    json_t *use_ip = json_pack("{s:s}", "cluster3", "198.51.100.9");
    struct endpoint *a = endpoint("cluster2", "k"), *b = endpoint("cluster3", "k");
    struct subwg_endpoint path = remote_path(a, use_ip);

    ck_assert_str_eq(path.use_ip, "10.0.0.1");
    ck_assert_uint_eq(path.use_nat, 0);
    ck_assert_uint_eq(path.present, SUBWG_ENDPOINT_USE_IP);
    a->view.nat_enabled = 1;
    path = remote_path(a, use_ip);
    ck_assert_str_eq(path.use_ip, "192.0.2.1");
    ck_assert_uint_eq(path.use_nat, 1);
    a->view.public_ip = "";
    path = remote_path(a, NULL);
    ck_assert_uint_eq(path.present, 0);
    ck_assert_ptr_null(path.use_ip);
    ck_assert_uint_eq(path.use_nat, 0);
    path = remote_path(b, use_ip);
    ck_assert_str_eq(path.use_ip, "198.51.100.9");
    ck_assert_uint_eq(path.use_nat, 1);
    json_decref(use_ip);
    endpoint_unref(a);
    endpoint_unref(b);
}
END_TEST

static enum retry retry_of(int32_t code, uint32_t reason)
{
    struct subwg_error error = SUBWG_ERROR_INIT;

    error.code = code;
    error.reason = reason;
    return remote_retry(&error);
}

START_TEST(reasons_decide_about_another_try)
{
    ck_assert_int_eq(retry_of(-EINVAL, SUBWG_REASON_BAD_ENDPOINT), RETRY_NOT);
    ck_assert_int_eq(retry_of(-EOPNOTSUPP, SUBWG_REASON_NOT_SUPPORTED), RETRY_NOT);
    ck_assert_int_eq(retry_of(-EPERM, SUBWG_REASON_REFUSED), RETRY_ON_CHANGE);
    ck_assert_int_eq(retry_of(-EEXIST, SUBWG_REASON_CONFLICT), RETRY_ON_CHANGE);
    ck_assert_int_eq(retry_of(-ENOSPC, SUBWG_REASON_LIMIT), RETRY_ON_CHANGE);
    ck_assert_int_eq(retry_of(-EAGAIN, SUBWG_REASON_LIMIT), RETRY_LATER);
    ck_assert_int_eq(retry_of(-ENOMEM, SUBWG_REASON_NO_MEMORY), RETRY_LATER);
    ck_assert_int_eq(retry_of(-ENODEV, SUBWG_REASON_NO_DEVICE), RETRY_LATER);
    ck_assert_int_eq(retry_of(-EIO, SUBWG_REASON_UNSPECIFIED), RETRY_LATER);
    ck_assert_int_eq(retry_of(-EIO, 12345), RETRY_LATER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-remotes");
    TCase *tests = tcase_create("remotes");
    tcase_add_checked_fixture(tests, NULL, finish);
    tcase_add_test(tests, others_are_wanted_and_the_own_cluster_is_not);
    tcase_add_test(tests, a_connected_remote_rests_until_it_changes);
    tcase_add_test(tests, the_file_written_last_stands_for_a_cluster);
    tcase_add_test(tests, a_refusal_is_not_tried_again);
    tcase_add_test(tests, a_refused_change_leaves_what_was_connected);
    tcase_add_test(tests, a_transient_failure_is_tried_again_ever_more_rarely);
    tcase_add_test(tests, a_conflict_is_tried_again_when_anything_changed);
    tcase_add_test(tests, the_driver_is_told_when_a_refused_one_goes);
    tcase_add_test(tests, an_unknown_outcome_is_settled_whatever_key_is_in_use);
    tcase_add_test(tests, the_path_follows_address_translation_unless_configured);
    tcase_add_test(tests, reasons_decide_about_another_try);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
