/* SPDX-License-Identifier: Apache-2.0 */
/* Rules; acknowledgements, batches, the capability and the limits of sockets. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "fake_kernel.h"
#include "script.h"

#define EXCLUSIVE (NLM_F_CREATE | NLM_F_EXCL)

struct wanted {
    uint8_t family; /* 0: IPv4 */
    bool no_family;
    bool invert;
    bool no_mask;
    bool no_priority;
    uint8_t protocol;
    uint8_t action; /* 0 when adding: to the table */
    uint32_t priority;
    uint32_t mark;
    uint32_t mask;
    uint32_t table;
    const char *incoming;
    const char *source; /* an IPv4 network of 16 bits */
    int suppress;       /* 0: not sent */
};

static void rule_message(uint16_t type, uint16_t flags, const struct wanted *wanted)
{
    struct fib_rule_hdr *inner = message(type, flags | NLM_F_ACK, sizeof(*inner));

    inner->family = wanted->family != 0 || wanted->no_family ? wanted->family : AF_INET;
    inner->action = wanted->action != 0 || type == RTM_DELRULE ? wanted->action : FR_ACT_TO_TBL;
    inner->flags = wanted->invert ? FIB_RULE_INVERT : 0;
    if (wanted->source != NULL) {
        uint8_t bytes[4];

        ck_assert_int_eq(inet_pton(AF_INET, wanted->source, bytes), 1);
        inner->src_len = 16;
        put(FRA_SRC, sizeof(bytes), bytes);
    }
    if (!wanted->no_priority)
        put_u32(FRA_PRIORITY, wanted->priority);
    if (wanted->mark != 0)
        put_u32(FRA_FWMARK, wanted->mark);
    if (wanted->mark != 0 && !wanted->no_mask)
        put_u32(FRA_FWMASK, wanted->mask);
    if (wanted->table != 0)
        put_u32(FRA_TABLE, wanted->table);
    if (wanted->protocol != 0)
        put_u8(FRA_PROTOCOL, wanted->protocol);
    if (wanted->incoming != NULL)
        put_text(FRA_IIFNAME, wanted->incoming);
    if (wanted->suppress != 0)
        put_u32(FRA_SUPPRESS_PREFIXLEN, (uint32_t)wanted->suppress);
}

#define RULE(type, flags, what, ...)                                  \
    do {                                                              \
        rule_message((type), (flags), &(struct wanted){__VA_ARGS__}); \
        send_route(what);                                             \
    } while (0)
#define ADD(what, ...)    RULE(RTM_NEWRULE, EXCLUSIVE, "add " what, __VA_ARGS__)
#define DELETE(what, ...) RULE(RTM_DELRULE, 0, "delete " what, __VA_ARGS__)
#define MARKED            .priority = 220, .mark = 5871, .mask = UINT32_MAX, .table = 220

static void list_rules(uint8_t family, const char *what)
{
    struct fib_rule_hdr *inner = message(RTM_GETRULE, NLM_F_DUMP, sizeof(*inner));

    inner->family = family;
    send_route(what);
}

static void list_both(const char *what)
{
    list_rules(AF_INET, what);
    list_rules(AF_INET6, what);
}

static void add_rules(void)
{
    ADD("ours", MARKED, .protocol = 158, .invert = true);
    ADD("ours again", MARKED, .protocol = 158, .invert = true);
    ADD("without the inversion", MARKED, .protocol = 158);
    ADD("as another's", MARKED, .protocol = 4, .invert = true);
    ADD("by IPv6", MARKED, .protocol = 158, .invert = true, .family = AF_INET6);
    ADD("another mask", .priority = 220, .mark = 5871, .mask = 0xff, .table = 220);
    ADD("no mask", .priority = 221, .mark = 5871, .no_mask = true, .table = 220);
    ADD("another table", .priority = 220, .mark = 5871, .mask = UINT32_MAX, .table = 221);
    ADD("a high table", .priority = 230, .table = 1000);
    ADD("suppressing", .priority = 219, .table = 254, .suppress = 1);
    ADD("for a link", .priority = 240, .table = 254, .incoming = "lo");
    ADD("for a source", .priority = 241, .table = 254, .source = "10.1.0.0");
    ADD("without priority", .no_priority = true, .table = 250);
    ADD("without table", .priority = 250);
    ADD("without table, by IPv6", .priority = 250, .family = AF_INET6);
    ADD("a black hole", .priority = 260, .action = FR_ACT_BLACKHOLE, .mark = 99, .mask = 99);
    ADD("of no family", .no_family = true, MARKED);
    ADD("of another family", .family = AF_UNIX, MARKED);
    RULE(RTM_NEWRULE, NLM_F_CREATE, "add not exclusively", MARKED, .protocol = 158, .invert = true);
    RULE(RTM_NEWRULE, 0, "add without CREATE", .priority = 270, .table = 220);
}

void script_rules(void)
{
    list_both("at the start");
    add_rules();
    list_both("added");
    DELETE("as another's", MARKED, .protocol = 5);
    DELETE("ours", MARKED, .protocol = 158, .invert = true);
    DELETE("ours, the second", MARKED, .protocol = 158, .invert = true);
    DELETE("ours, which is gone", MARKED, .protocol = 158, .invert = true);
    DELETE("by IPv6", MARKED, .protocol = 158, .invert = true, .family = AF_INET6);
    DELETE("by its priority", .priority = 219);
    DELETE("by its table", .no_priority = true, .table = 1000);
    DELETE("by its link", .no_priority = true, .incoming = "lo");
    DELETE("of another link", .priority = 241, .incoming = "card7");
    DELETE("the kernel's first", .priority = 0, .table = 255);
    DELETE("the kernel's last", .priority = 32767, .table = 253);
    DELETE("of no family", .no_family = true, MARKED);
    list_both("deleted");
}

/* Acknowledgements. */

static void ask_links(uint16_t flags)
{
    message(RTM_GETLINK, flags, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "lo");
}

static void batch(int fd, const char *what)
{
    ask_links(NLM_F_ACK);
    message(RTM_DELLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "absent");
    message(RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "absent");
    request.expected++;
    message(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "lo");
    message(NLMSG_NOOP, NLM_F_ACK, 0);
    ask_links(NLM_F_ACK);
    send_on(fd, 32768, what);
}

static void overrun(int fd, unsigned int count, const char *what)
{
    unsigned int received = 0;
    uint8_t bytes[8192];
    ssize_t size;

    note("== %s", what);
    message(RTM_DELLINK, 0, sizeof(struct ifinfomsg));
    put_text(IFLA_IFNAME, "absent");
    for (unsigned int i = 0; i < count; i++)
        ck_assert_int_gt(send(fd, request.bytes, request.head->nlmsg_len, 0), 0);
    forget_request();
    size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0)
        note("first of all %s", strerrorname_np(errno));
    received = size > 0;
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        received++;
    note("%s, %s",
         received == count ? "all came"
         : received > 128  ? "more than 128 came"
                           : "few came",
         strerrorname_np(errno));
}

void script_acknowledgements(void)
{
    int usual = socket_open(NETLINK_ROUTE, 0), plain = socket_open(NETLINK_ROUTE, SOCKET_PLAIN);
    int capped = socket_open(NETLINK_ROUTE, SOCKET_CAP_ACK);

    batch(usual, "a batch");
    batch(plain, "a batch without extended acks");
    batch(capped, "a batch with capped acks");
    overrun(capped, 128, "128 answers waiting");
    overrun(capped, 400, "400 answers waiting");
    batch(capped, "a batch after that");
    socket_close(usual);
    socket_close(plain);
    socket_close(capped);
}

/* The capability. */

static void set_capable(bool capable)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (on_model) {
        fake_kernel_set_capable(capable);
        return;
    }
    ck_assert_int_eq(syscall(SYS_capget, &head, data), 0);
    if (capable)
        data[0].effective |= 1u << CAP_NET_ADMIN;
    else
        data[0].effective &= ~(1u << CAP_NET_ADMIN);
    ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
}

void script_permission(void)
{
    link_add("wg0", "wireguard");
    set_capable(false);
    device_dump("wg0", "get");
    device_set("wg0");
    put_u32(WGDEVICE_A_FWMARK, 1);
    send_wireguard("set");
    device_dump("absent", "get what is not there");
    link_add("wg1", "wireguard");
    link_up("wg0", true);
    link_delete_request("wg0");
    ADD("a rule", MARKED);
    dump_route_family("may be read");
    set_capable(true);
    device_dump("wg0", "nothing happened");
}
