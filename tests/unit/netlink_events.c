/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of the route family: what is said is understood, what is malformed is refused, and no byte
 * outside the datagram is touched (run it under AddressSanitizer). */
#include <check.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/events.h"

static _Alignas(struct nlmsghdr) uint8_t datagram[4096];
static size_t length;

static struct event taken[16];
static uint32_t taken_count;

static void take(void *context, const struct event *event)
{
    ck_assert_ptr_eq(context, taken);
    ck_assert_uint_lt(taken_count, 16);
    taken[taken_count++] = *event;
}

/* Decodes a copy that ends where its allocation ends. */
static int32_t decode(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    taken_count = 0;
    int32_t code = events_decode(copy, size, take, taken);
    free(copy);
    return code;
}

/* The next message of the datagram, with its family's header. */
static struct nlmsghdr *add(uint16_t type, uint32_t port_id, const void *head, size_t head_size)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(datagram + length);
    message->nlmsg_type = type;
    message->nlmsg_pid = port_id;
    memcpy(mnl_nlmsg_put_extra_header(message, head_size), head, head_size);
    return message;
}

static size_t aligned(size_t size)
{
    return (size + 3u) & ~(size_t)3u;
}

static void end(const struct nlmsghdr *message)
{
    length += aligned(message->nlmsg_len);
}

static void add_link(uint16_t type, const char *name)
{
    const struct ifinfomsg head = {.ifi_index = 7};
    struct nlmsghdr *message = add(type, 0, &head, sizeof(head));
    mnl_attr_put_u32(message, IFLA_MTU, 1420);
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    end(message);
}

static void add_route(uint16_t type, uint8_t short_table, uint32_t table, uint32_t ifindex)
{
    const struct rtmsg head = {.rtm_family = AF_INET6, .rtm_table = short_table};
    struct nlmsghdr *message = add(type, 4711, &head, sizeof(head));
    if (table != 0)
        mnl_attr_put_u32(message, RTA_TABLE, table);
    if (ifindex != 0)
        mnl_attr_put_u32(message, RTA_OIF, ifindex);
    end(message);
}

static void add_all(void)
{
    const struct ifaddrmsg address = {.ifa_family = AF_INET, .ifa_index = 3};
    const struct fib_rule_hdr rule = {.family = AF_INET, .table = 220};
    length = 0;
    add_link(RTM_NEWLINK, "subwg0");
    end(add(RTM_DELADDR, 12, &address, sizeof(address)));
    add_route(RTM_DELROUTE, RT_TABLE_COMPAT, 1000, 9);
    add_route(RTM_NEWROUTE, 254, 0, 0);
    end(add(RTM_DELRULE, 0, &rule, sizeof(rule)));
}

static void expect(uint32_t index, const struct event *event)
{
    ck_assert_uint_eq(taken[index].kind, event->kind);
    ck_assert_int_eq(taken[index].gone, event->gone);
    ck_assert_uint_eq(taken[index].port_id, event->port_id);
    ck_assert_uint_eq(taken[index].ifindex, event->ifindex);
    ck_assert_uint_eq(taken[index].table, event->table);
    ck_assert_str_eq(taken[index].name, event->name);
}

START_TEST(all_kinds_are_understood)
{
    add_all();
    ck_assert_int_eq(decode(datagram, length), 0);
    ck_assert_uint_eq(taken_count, 5);
    expect(0, &(struct event){.kind = EVENT_LINK, .ifindex = 7, .name = "subwg0"});
    expect(1, &(struct event){.kind = EVENT_ADDRESS, .gone = true, .port_id = 12, .ifindex = 3});
    expect(2, &(struct event){
                  .kind = EVENT_ROUTE, .gone = true, .port_id = 4711, .ifindex = 9, .table = 1000});
    expect(3, &(struct event){.kind = EVENT_ROUTE, .port_id = 4711, .table = 254});
    expect(4, &(struct event){.kind = EVENT_RULE, .gone = true, .table = 220});
}
END_TEST

START_TEST(other_messages_are_passed_over)
{
    const struct rtgenmsg head = {0};
    length = 0;
    end(add(RTM_NEWNEIGH, 0, &head, sizeof(head)));
    end(add(NLMSG_NOOP, 0, &head, sizeof(head)));
    add_link(RTM_DELLINK, "eth0");
    ck_assert_int_eq(decode(datagram, length), 0);
    ck_assert_uint_eq(taken_count, 1);
    expect(0, &(struct event){.kind = EVENT_LINK, .gone = true, .ifindex = 7, .name = "eth0"});
}
END_TEST

START_TEST(nothing_at_all_is_fine)
{
    ck_assert_int_eq(decode(datagram, 0), 0);
    ck_assert_uint_eq(taken_count, 0);
}
END_TEST

START_TEST(loss_is_told)
{
    const struct rtgenmsg head = {0};
    length = 0;
    end(add(NLMSG_OVERRUN, 0, &head, sizeof(head)));
    ck_assert_int_eq(decode(datagram, length), -ENOBUFS);
}
END_TEST

/* Only where a message ends can the datagram end; what came before has been handed over. */
START_TEST(cut_datagrams_are_malformed)
{
    size_t ends[6] = {0};
    uint32_t messages = 0;
    add_all();
    for (size_t at = 0; at < length; at = ends[messages]) {
        const struct nlmsghdr *message = (const void *)(datagram + at);
        ends[++messages] = at + aligned(message->nlmsg_len);
    }
    for (size_t cut = 0; cut <= length; cut++) {
        uint32_t whole = 0;
        while (whole < messages && ends[whole + 1] <= cut)
            whole++;
        int32_t code = decode(datagram, cut);
        ck_assert_int_eq(code, ends[whole] == cut ? 0 : -EBADMSG);
        ck_assert_uint_eq(taken_count, whole);
    }
}
END_TEST

START_TEST(false_lengths_are_malformed)
{
    static const uint32_t lies[] = {0, 1, sizeof(struct nlmsghdr) - 1, 4097, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        add_all();
        ((struct nlmsghdr *)(void *)datagram)->nlmsg_len = lies[i];
        ck_assert_int_eq(decode(datagram, length), -EBADMSG);
        ck_assert_uint_eq(taken_count, 0);
    }
}
END_TEST

START_TEST(heads_that_are_too_short_are_malformed)
{
    static const uint16_t types[] = {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE};
    static const size_t sizes[] = {sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg),
                                   sizeof(struct rtmsg), sizeof(struct fib_rule_hdr)};
    static const uint8_t nothing[64];
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (size_t size = 0; size <= sizes[i]; size++) {
            struct nlmsghdr *message;
            length = 0;
            message = add(types[i], 0, nothing, sizes[i]);
            message->nlmsg_len = (uint32_t)(sizeof(*message) + size);
            ck_assert_int_eq(decode(datagram, message->nlmsg_len), size == sizes[i] ? 0 : -EBADMSG);
        }
}
END_TEST

START_TEST(numbers_of_another_size_are_malformed)
{
    const struct rtmsg head = {0};
    struct nlmsghdr *message;
    length = 0;
    message = add(RTM_NEWROUTE, 0, &head, sizeof(head));
    mnl_attr_put_u16(message, RTA_OIF, 7);
    end(message);
    ck_assert_int_eq(decode(datagram, length), -EBADMSG);
}
END_TEST

/* The kernel ends each name; one that does not end is cut, one that is too long is refused. */
START_TEST(names_are_bounded)
{
    const struct ifinfomsg head = {.ifi_index = 7};
    for (size_t size = 0; size <= 32; size++) {
        struct nlmsghdr *message;
        length = 0;
        message = add(RTM_NEWLINK, 0, &head, sizeof(head));
        mnl_attr_put(message, IFLA_IFNAME, size, "abcdefghijklmnopqrstuvwxyzabcdef");
        end(message);
        ck_assert_int_eq(decode(datagram, length), size <= LINK_NAME_SIZE ? 0 : -EBADMSG);
        if (size <= LINK_NAME_SIZE)
            ck_assert_uint_eq(strlen(taken[0].name), size < LINK_NAME_SIZE ? size : size - 1);
    }
}
END_TEST

/* Each byte of a good datagram with each value: no crash, and never more events than messages fit. */
START_TEST(no_byte_can_do_harm)
{
    add_all();
    for (size_t at = 0; at < length; at++) {
        uint8_t before = datagram[at];
        for (unsigned int value = 0; value < 256; value++) {
            datagram[at] = (uint8_t)value;
            (void)decode(datagram, length);
            if (taken_count > 5)
                ck_abort_msg("%u events", taken_count);
        }
        datagram[at] = before;
    }
    ck_assert_int_eq(decode(datagram, length), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("netlink_events");
    TCase *tests = tcase_create("decode");
    tcase_add_test(tests, all_kinds_are_understood);
    tcase_add_test(tests, other_messages_are_passed_over);
    tcase_add_test(tests, nothing_at_all_is_fine);
    tcase_add_test(tests, loss_is_told);
    tcase_add_test(tests, cut_datagrams_are_malformed);
    tcase_add_test(tests, false_lengths_are_malformed);
    tcase_add_test(tests, heads_that_are_too_short_are_malformed);
    tcase_add_test(tests, numbers_of_another_size_are_malformed);
    tcase_add_test(tests, names_are_bounded);
    tcase_add_test(tests, no_byte_can_do_harm);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
