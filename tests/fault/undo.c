/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure leaves in the kernel, and what it says about that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/wireguard.h>

#include "world.h"

static struct remote two;

static void start(void)
{
    world_start();
    remote_make(&two, 2);
}

/* Long enough to pass every request of an init or a connect. */
#define REQUESTS 40

START_TEST(a_connect_that_fails_anywhere_leaves_the_kernel_as_it_was_and_knows_it)
{
    int failures = 0;
    world_init();
    char *before = world_kernel();
    for (uint64_t request = 1; request <= REQUESTS; request++) {
        world.error.flags = UINT32_MAX;
        fake_kernel_fail_request(request, ENOMEM);
        int32_t code = world_connect(&two);
        fake_kernel_fail_request(0, 0);
        if (code == 0) {
            ck_assert_int_eq(world_disconnect(&two), 0);
            continue;
        }
        failures++;
        ck_assert_int_eq(code, -ENOMEM);
        ck_assert_uint_eq(world.error.flags, 0);
        assert_kernel_equals(before);
    }
    ck_assert_int_ge(failures, 3); /* the peer's request and the routes' */
    assert_kernel_is(before);
}
END_TEST

START_TEST(the_state_is_unknown_just_where_the_way_back_failed_too)
{
    int unknown = 0;
    world_init();
    fake_kernel_add_route(
        &(struct fake_kernel_route){.destination = "10.234.64.0/18", .link = "eth0", .table = 220});
    char *before = world_kernel();
    for (uint64_t request = 1; request <= REQUESTS; request++) {
        world.error.flags = UINT32_MAX;
        fake_kernel_fail_request(request, ENETDOWN);
        ck_assert_int_lt(world_connect(&two), 0);
        fake_kernel_fail_request(0, 0);
        char *after = world_kernel();
        bool same = strcmp(after, before) == 0;
        free(after);
        ck_assert_msg(same == (world.error.flags == 0), "request %u: the kernel is %s, flags %x",
                      (unsigned)request, same ? "the same" : "another",
                      (unsigned)world.error.flags);
        if (!same) {
            unknown++;
            ck_assert_int_gt(subwg_cable_list_complete(world.cable, &world.error), 0);
        }
    }
    ck_assert_int_ge(unknown, 2); /* the peer's removal, a route's */
    assert_kernel_is(before);
}
END_TEST

/* Publishing is refused, and the way back from there meets one failure. */
static uint64_t failing_request;

static int32_t refuse_publishing(void)
{
    if (failing_request != 0)
        fake_kernel_fail_request(failing_request, ENOMEM);
    return -EIO;
}

START_TEST(an_init_whose_way_back_meets_a_failure_goes_all_the_rest_of_it)
{
    ck_assert_int_eq(world_create(NULL, 0), 0);
    char *before = world_kernel();
    failing_request = (uint64_t)_i;
    world.refuse_publishing = refuse_publishing;
    world.error.flags = UINT32_MAX;
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EIO);
    fake_kernel_fail_request(0, 0);
    bool same =
        !kernel_has("rule ipv4 220") && !kernel_has("rule ipv6 220") && !kernel_has("link subwg0");
    ck_assert_uint_eq(world.error.flags, same ? 0 : SUBWG_ERROR_STATE_UNKNOWN);
    ck_assert_int_eq(same, _i == 0 || _i > 3);
    /* Of the two rules and the link just the one whose request failed is left. */
    ck_assert_int_eq(kernel_has("rule ipv4 220"), _i == 1);
    ck_assert_int_eq(kernel_has("rule ipv6 220"), _i == 2);
    ck_assert_int_eq(kernel_has("link subwg0"), _i == 3);
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    assert_kernel_is(before);
}
END_TEST

START_TEST(an_init_that_was_undone_can_be_tried_again)
{
    ck_assert_int_eq(world_create(NULL, 0), 0);
    failing_request = (uint64_t)_i;
    world.refuse_publishing = refuse_publishing;
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EIO);
    fake_kernel_fail_request(0, 0);
    world.refuse_publishing = NULL;
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(world_connect(&two), 0);
    ck_assert_uint_eq(world.published_count, 3);
}
END_TEST

/* Below an MTU of 1280 the kernel takes IPv6, with its addresses, off a device. */
START_TEST(an_address_that_went_with_ipv6_is_no_failure_of_the_way_back)
{
    const struct subwg_setting settings[] = {{"source-address", "fd00::6"}};
    ck_assert_int_eq(world_create(settings, 1), 0);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    fake_kernel_set_link_mtu(WORLD_DEVICE, 1279);
    ck_assert_int_eq(world_create(settings, 1), 0);
    char *before = world_kernel();
    failing_request = 0;
    world.refuse_publishing = refuse_publishing;
    world.error.flags = UINT32_MAX;
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), -EIO);
    ck_assert_uint_eq(world.error.flags, 0);
    assert_kernel_is(before);
}
END_TEST

START_TEST(a_link_is_found_whose_making_was_not_answered)
{
    ck_assert_int_eq(world_create(NULL, 0), 0);
    uint64_t reply = 1; /* of the requests before the one that makes it, each has one */
    while (!kernel_has("link subwg0")) {
        world.error = (struct subwg_error)SUBWG_ERROR_INIT;
        fake_kernel_spoil_reply(reply++, FAKE_KERNEL_OVERRUN);
        (void)subwg_cable_init(world.cable, &world.error);
        ck_assert_uint_lt(reply, REQUESTS);
    }
    ck_assert_int_eq(world_connect(&two), 0);
}
END_TEST

/* It would be taken for a stranger's. */
START_TEST(a_link_that_reconcile_could_not_mark_is_not_set_up)
{
    world_init();
    ck_assert_int_eq(world_connect(&two), 0);
    fake_kernel_delete_link(WORLD_DEVICE);
    fake_kernel_fail_request((uint64_t)_i + 1, ENFILE);
    (void)subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error);
    fake_kernel_fail_request(0, 0);
    ck_assert(kernel_has("alias \"libsubwg:subwg0\"") || !kernel_has("group 22359 mtu 1420 up"));
    world.published_count = 0;
    world_restart();
    assert_kernel_has("alias \"libsubwg:subwg0\" group 22359 mtu 1420 up");
}
END_TEST

START_TEST(a_port_that_needs_a_capability_is_named_with_it)
{
    const struct subwg_setting low[] = {{"port", "443"}};
    int named = 0;
    int32_t code = -1;
    ck_assert_int_eq(world_create(low, _i == 0 ? 1 : 0), 0);
    /* Once without a fault, so that the netlink family is known. */
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    for (uint64_t request = 1; request <= REQUESTS && code != 0; request++) {
        world.error = (struct subwg_error)SUBWG_ERROR_INIT;
        fake_kernel_fail_request(request, EACCES);
        code = subwg_cable_init(world.cable, &world.error);
        fake_kernel_fail_request(0, 0);
        if (strstr(world.error.hint, "CAP_NET_BIND_SERVICE") == NULL)
            continue;
        named++;
        ck_assert_int_eq(code, -EACCES);
        ck_assert_uint_eq(world.error.reason, SUBWG_REASON_PERMISSION);
        ck_assert_ptr_nonnull(strstr(world.error.text, "port 443"));
        ck_assert_int_eq(world.error.kernel_errno, EACCES);
    }
    ck_assert_int_eq(code, 0);
    /* Setting the port of a device that is up, and setting up one that has it; no other request. */
    ck_assert_int_eq(named, _i == 0 ? 2 : 0);
}
END_TEST

static void no_log(void *context, uint32_t level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

static int32_t no_publish(void *context, const char *key, const char *value)
{
    (void)context;
    (void)key;
    (void)value;
    return 0;
}

static int32_t no_connection(void *context, struct subwg_snapshot_builder *snapshot,
                             const struct subwg_connection *row)
{
    (void)context;
    (void)snapshot;
    (void)row;
    return 0;
}

static int32_t no_metric(void *context, struct subwg_snapshot_builder *snapshot,
                         const struct subwg_metric *row)
{
    (void)context;
    (void)snapshot;
    (void)row;
    return 0;
}

static uint64_t some_time(void *context)
{
    (void)context;
    return 1000000000000;
}

/* Two routes are there already, and the kernel does not tell whose they are. */
START_TEST(routes_that_cannot_be_listed_are_asked_for_once)
{
    world_init();
    for (int i = 0; i < 2; i++)
        fake_kernel_add_route(&(struct fake_kernel_route){
            .destination = two.subnets[i], .link = "eth0", .table = 220});
    ck_assert_int_eq(world_connect(&two), -EEXIST); /* reads the addresses */
    uint64_t first = fake_kernel_counters().requests + 1;
    ck_assert_int_eq(world_connect(&two), -EEXIST);
    uint64_t number = first;
    while (strcmp(fake_kernel_request_name(number), "RTM_NEWROUTE") != 0)
        number++;
    number += 2; /* behind both */
    ck_assert_str_eq(fake_kernel_request_name(number), "RTM_GETROUTE");
    ck_assert_str_ne(fake_kernel_request_name(number + 1), "RTM_GETROUTE");
    uint64_t again = fake_kernel_counters().requests + 1;
    fake_kernel_fail_request(number - first + 1, ENOMEM);
    ck_assert_int_eq(world_connect(&two), -ENOMEM);
    ck_assert_str_eq(fake_kernel_request_name(again + number - first), "RTM_GETROUTE");
    ck_assert_str_ne(fake_kernel_request_name(again + number - first + 1), "RTM_GETROUTE");
    ck_assert(!fake_kernel_has_peer(WORLD_DEVICE, two.public_key));
}
END_TEST

/* Without an engine, which keeps the caller's record from the driver. */
START_TEST(the_record_is_not_touched_by_a_driver_that_succeeds)
{
    const struct subwg_host host = {.head = SUBWG_HEAD(struct subwg_host, SUBWG_MAGIC_HOST),
                                    .log = no_log,
                                    .publish = no_publish,
                                    .add_connection = no_connection,
                                    .add_metric = no_metric,
                                    .elapsed_ns = some_time,
                                    .realtime_ns = some_time};
    const struct subwg_driver *driver = subwg_wireguard_driver();
    struct subwg_instance *instance = NULL;
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_error error = SUBWG_ERROR_INIT;
    local.cluster_id = "cluster1";
    local.private_ip = "10.243.64.6";
    error.code = 42;
    memcpy(error.text, "untouched", sizeof("untouched"));
    const struct subwg_error untouched = error;
    ck_assert_int_eq(driver->create(&host, &local, NULL, 0, &instance, &error), 0);
    ck_assert_int_eq(driver->init(instance, &error), 0);
    /* A route that is there already and a peer that is gone already are failures forgiven. */
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "10.234.0.0/18", .link = WORLD_DEVICE, .table = 220, .protocol = 158});
    ck_assert_int_eq(driver->connect(instance, &two.endpoint, NULL, &error), 0);
    ck_assert_int_eq(driver->connect(instance, &two.endpoint, NULL, &error), 1);
    ck_assert_uint_eq(fake_kernel_delete_routes("10.234.0.0/18", 220), 1);
    fake_kernel_remove_peer(WORLD_DEVICE, two.public_key);
    ck_assert_int_eq(driver->disconnect(instance, &two.endpoint, &error), 0);
    ck_assert_int_eq(driver->connect(instance, &two.endpoint, NULL, &error), 0);
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_int_eq(driver->cleanup(instance, &error), 0);
    driver->destroy(instance);
    ck_assert_mem_eq(&error, &untouched, sizeof(error));
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_connect_that_fails_anywhere_leaves_the_kernel_as_it_was_and_knows_it, 0},
        {the_state_is_unknown_just_where_the_way_back_failed_too, 0},
        {an_init_whose_way_back_meets_a_failure_goes_all_the_rest_of_it, 6},
        {an_init_that_was_undone_can_be_tried_again, 6},
        {an_address_that_went_with_ipv6_is_no_failure_of_the_way_back, 0},
        {a_link_is_found_whose_making_was_not_answered, 0},
        {a_link_that_reconcile_could_not_mark_is_not_set_up, 30},
        {a_port_that_needs_a_capability_is_named_with_it, 2},
        {routes_that_cannot_be_listed_are_asked_for_once, 0},
        {the_record_is_not_touched_by_a_driver_that_succeeds, 0},
    };
    return world_run("undo", start, tests, sizeof(tests) / sizeof(tests[0]));
}
