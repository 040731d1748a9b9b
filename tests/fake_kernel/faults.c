/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <string.h>

#include "sockets.h"
#include "world.h"

#define TRACE 16384u /* of each kind; what comes later has no name */

struct fake_faults fake_faults;
struct fake_kernel_counters fake_counters;

static const char *traced_calls[TRACE];
static const char *traced_requests[TRACE];

/* What is to happen to the next one of this kind, or -1. */
static int due(enum fake_kernel_fault_kind kind, const char *name)
{
    int what = -1;

    for (uint32_t i = 0; i < FAKE_ORDERS; i++) {
        struct fake_kernel_fault *order = &fake_faults.orders[i];

        if (order->number == 0 || order->kind != kind || --order->number > 0)
            continue;
        fake_faults.happened++;
        what = order->choose != NULL ? order->choose(name, order->what) : order->what;
    }
    return what;
}

int fake_faults_call(const char *name)
{
    int error;

    if (fake_counters.calls < TRACE)
        traced_calls[fake_counters.calls] = name;
    fake_counters.calls++;
    error = due(FAKE_KERNEL_FAIL_CALL, name);
    return error > 0 ? error : 0;
}

static const char *name_of_route_request(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {
        {RTM_NEWLINK, "RTM_NEWLINK"},   {RTM_DELLINK, "RTM_DELLINK"},
        {RTM_GETLINK, "RTM_GETLINK"},   {RTM_SETLINK, "RTM_SETLINK"},
        {RTM_NEWADDR, "RTM_NEWADDR"},   {RTM_DELADDR, "RTM_DELADDR"},
        {RTM_GETADDR, "RTM_GETADDR"},   {RTM_NEWROUTE, "RTM_NEWROUTE"},
        {RTM_DELROUTE, "RTM_DELROUTE"}, {RTM_GETROUTE, "RTM_GETROUTE"},
        {RTM_NEWRULE, "RTM_NEWRULE"},   {RTM_DELRULE, "RTM_DELRULE"},
        {RTM_GETRULE, "RTM_GETRULE"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].type == type)
            return names[i].name;
    return "RTM_OTHER";
}

static const char *name_of_request(int protocol, const struct nlmsghdr *head)
{
    struct genlmsghdr inner = {0};

    if (protocol == NETLINK_ROUTE)
        return name_of_route_request(head->nlmsg_type);
    if (head->nlmsg_type == GENL_ID_CTRL)
        return "CTRL_CMD_GETFAMILY";
    if (head->nlmsg_len >= FAKE_MESSAGE_HEAD + sizeof(inner))
        memcpy(&inner, (const uint8_t *)head + FAKE_MESSAGE_HEAD, sizeof(inner));
    return inner.cmd == WG_CMD_SET_DEVICE ? "WG_CMD_SET_DEVICE" : "WG_CMD_GET_DEVICE";
}

int fake_faults_request(int protocol, const struct nlmsghdr *head)
{
    const char *name = name_of_request(protocol, head);
    int error;

    if (fake_counters.requests < TRACE)
        traced_requests[fake_counters.requests] = name;
    fake_counters.requests++;
    error = due(FAKE_KERNEL_FAIL_REQUEST, name);
    return error > 0 ? error : 0;
}

int fake_faults_reply(void)
{
    fake_counters.replies++;
    return due(FAKE_KERNEL_SPOIL_REPLY, "");
}

void fake_faults_reset(void)
{
    int64_t skipped_ns = fake_faults.skipped_ns; /* clocks never go back */

    memset(&fake_faults, 0, sizeof(fake_faults));
    memset(&fake_counters, 0, sizeof(fake_counters));
    fake_faults.skipped_ns = skipped_ns;
}

/* The first entry of a kind is for single faults, so that ordering one again replaces it. */
static void order_one(enum fake_kernel_fault_kind kind, uint64_t number, int what)
{
    fake_lock();
    fake_faults.orders[kind] = (struct fake_kernel_fault){kind, number, what, NULL};
    fake_unlock();
}

void fake_kernel_fail_call(uint64_t call_number, int error)
{
    order_one(FAKE_KERNEL_FAIL_CALL, call_number, error);
}

void fake_kernel_fail_request(uint64_t request_number, int error)
{
    order_one(FAKE_KERNEL_FAIL_REQUEST, request_number, error);
}

void fake_kernel_spoil_reply(uint64_t reply_number, enum fake_kernel_spoil how)
{
    order_one(FAKE_KERNEL_SPOIL_REPLY, reply_number, (int)how);
}

void fake_kernel_order(const struct fake_kernel_fault *faults, uint32_t count)
{
    if (count > FAKE_ORDERS)
        fake_misuse("too many faults", "");
    fake_lock();
    fake_faults.happened = 0;
    memset(fake_faults.orders, 0, sizeof(fake_faults.orders));
    for (uint32_t i = 0; i < count; i++)
        fake_faults.orders[i] = faults[i];
    fake_unlock();
}

uint32_t fake_kernel_happened(void)
{
    uint32_t happened;

    fake_lock();
    happened = fake_faults.happened;
    fake_unlock();
    return happened;
}

static const char *traced(const char *const *names, const uint64_t *count, uint64_t number)
{
    const char *name;

    fake_lock();
    name = number > 0 && number <= *count && number <= TRACE ? names[number - 1] : "?";
    fake_unlock();
    return name;
}

const char *fake_kernel_call_name(uint64_t number)
{
    return traced(traced_calls, &fake_counters.calls, number);
}

const char *fake_kernel_request_name(uint64_t number)
{
    return traced(traced_requests, &fake_counters.requests, number);
}

void fake_kernel_skip_waiting(bool on)
{
    fake_lock();
    fake_faults.skip_waiting = on;
    fake_unlock();
}
