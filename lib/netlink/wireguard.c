/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "netlink/attribute.h"
#include "netlink/handle.h"
#include "netlink/wireguard_decode.h"
#include "netlink/wireguard_encode.h"

#define FIRST_UNPRIVILEGED_PORT 1024

void wg_device_finish(struct wg_device *device)
{
    free(device->peers);
    free(device->allowed_ips);
    *device = (struct wg_device){0};
}

/* The generic netlink family, whose number changes when the module is loaded again. */

static int32_t read_family(void *context, struct nlmsghdr *message)
{
    uint16_t *family = context;
    struct attributes attributes;
    int32_t code = attributes_of_message(message, sizeof(struct genlmsghdr), &attributes);
    if (code < 0)
        return code;
    return attributes_find(attributes, CTRL_ATTR_FAMILY_ID, family, sizeof(*family));
}

static int32_t find_family(struct netlink *netlink, struct outcome *outcome)
{
    union {
        struct nlmsghdr header;
        uint8_t bytes[64];
    } request;
    memset(&request, 0, sizeof(request));
    struct nlmsghdr *header = mnl_nlmsg_put_header(&request);
    header->nlmsg_type = GENL_ID_CTRL;
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
    generic->cmd = CTRL_CMD_GETFAMILY;
    generic->version = 1;
    mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);

    uint16_t family = 0;
    const struct message_reader reader = {.read = read_family, .context = &family};
    int32_t code = transport_request(&netlink->generic, header, &reader, outcome);
    if (code == 0 && family == 0)
        code = outcome_fail(outcome, -EBADMSG);
    if (code == 0)
        netlink->wireguard_family = family;
    return code;
}

/* Runs one request. A family number that the kernel does not know any more is looked up again, once.
 * *ret_missing says that WireGuard itself is not there. */
static int32_t wireguard_request(struct netlink *netlink, struct nlmsghdr *request,
                                 const struct message_reader *reader, struct outcome *outcome,
                                 bool *ret_missing)
{
    bool fresh = netlink->wireguard_family == 0;
    for (;;) {
        int32_t code = fresh ? find_family(netlink, outcome) : 0;
        *ret_missing = code == -ENOENT && outcome->from_kernel;
        if (code < 0)
            return code;
        request->nlmsg_type = netlink->wireguard_family;
        code = transport_request(&netlink->generic, request, reader, outcome);
        if (code != -ENOENT || !outcome->from_kernel || fresh)
            return code;
        netlink->wireguard_family = 0;
        fresh = true;
    }
}

static int32_t report_missing(const struct outcome *outcome, struct subwg_error *error,
                              const char *operation)
{
    error_set(error, outcome->code, SUBWG_REASON_NOT_SUPPORTED, operation,
              "%s: this kernel has no WireGuard", operation);
    error_hint(error, "install WireGuard: the kernel module wireguard, or a kernel from 5.6 on");
    error_kernel(error, -outcome->code);
    return outcome->code;
}

/* Reading. */

struct dump {
    struct wireguard_decoder decoder;
    struct wg_device *device;
    const struct key *expected_preshared_key;
};

static void restart_dump(void *context)
{
    struct dump *dump = context;
    wireguard_decode_start(&dump->decoder, dump->device, dump->expected_preshared_key);
}

static int32_t read_dump(void *context, struct nlmsghdr *message)
{
    struct dump *dump = context;
    struct attributes attributes;
    int32_t code = attributes_of_message(message, sizeof(struct genlmsghdr), &attributes);
    return code < 0 ? code : wireguard_decode(&dump->decoder, attributes);
}

static int32_t report_get(const struct outcome *outcome, bool missing, uint32_t ifindex,
                          struct subwg_error *error)
{
    const char *operation = "read WireGuard device";
    if (missing)
        return report_missing(outcome, error, operation);
    if (outcome->code != -EOPNOTSUPP)
        return outcome_report(outcome, error, operation, "read WireGuard device (link %u)",
                              ifindex);
    error_set(error, outcome->code, SUBWG_REASON_NAME_TAKEN, operation,
              "read WireGuard device (link %u): the link is not a WireGuard device", ifindex);
    error_kernel(error, -outcome->code);
    return outcome->code;
}

int32_t wg_get_device(struct netlink *netlink, uint32_t ifindex,
                      const struct key *expected_preshared_key, struct wg_device *device,
                      struct subwg_error *error)
{
    struct dump dump = {.device = &netlink->scratch,
                        .expected_preshared_key = expected_preshared_key};
    const struct message_reader reader = {
        .restart = restart_dump, .read = read_dump, .context = &dump};
    struct outcome outcome;
    bool missing;
    wireguard_encode_get(netlink->request, netlink->wireguard_family, ifindex);
    int32_t code = wireguard_request(netlink, (struct nlmsghdr *)(void *)netlink->request, &reader,
                                     &outcome, &missing);
    if (code == 0 && netlink->scratch.ifindex != ifindex)
        code = outcome_fail(&outcome, -EBADMSG);
    if (code < 0)
        return report_get(&outcome, missing, ifindex, error);
    struct wg_device previous = *device;
    *device = netlink->scratch;
    netlink->scratch = previous;
    return 0;
}

void wg_device_recycle(struct netlink *netlink, struct wg_device *device)
{
    if (device->peers == NULL)
        return;
    wg_device_finish(&netlink->scratch);
    netlink->scratch = *device;
    *device = (struct wg_device){0};
}

/* Every message of a dump repeats the device's own attributes. */
static int32_t read_private_key(void *context, struct nlmsghdr *message)
{
    struct key *private_key = context;
    struct attributes attributes;
    int32_t code = attributes_of_message(message, sizeof(struct genlmsghdr), &attributes);
    if (code < 0)
        return code;
    return attributes_find(attributes, WGDEVICE_A_PRIVATE_KEY, private_key, sizeof(*private_key));
}

int32_t wg_get_private_key(struct netlink *netlink, uint32_t ifindex, struct key *ret_private_key,
                           struct subwg_error *error)
{
    const struct message_reader reader = {.read = read_private_key, .context = ret_private_key};
    struct outcome outcome;
    bool missing;
    key_wipe(ret_private_key);
    wireguard_encode_get(netlink->request, netlink->wireguard_family, ifindex);
    int32_t code = wireguard_request(netlink, (struct nlmsghdr *)(void *)netlink->request, &reader,
                                     &outcome, &missing);
    if (code == 0)
        return 0;
    key_wipe(ret_private_key);
    return report_get(&outcome, missing, ifindex, error);
}

/* Writing. */

/* The kernel applies a request in order and keeps what came before the fault; these faults are found
 * before anything is changed. */
static bool nothing_changed(const struct wg_device_change *change, int32_t code)
{
    return code == -EPERM || code == -ENODEV || code == -EOPNOTSUPP || code == -ENOENT ||
           ((code == -EADDRINUSE || code == -EACCES) && !change->set_mark);
}

static int32_t report_port(const struct outcome *outcome, uint16_t port, struct subwg_error *error)
{
    const char *operation = "set listen port";
    if (outcome->code == -EADDRINUSE) {
        error_set(error, outcome->code, SUBWG_REASON_PORT_IN_USE, operation,
                  "listen port %u is in use", port);
        error_hint(error, "another socket has the port, on IPv4 or IPv6 (ss -ulpn shows it): free "
                          "it or choose another port");
    } else {
        error_set(error, outcome->code, SUBWG_REASON_PERMISSION, operation, "listen port %u: %s",
                  port, error_phrase(outcome->code));
        error_hint(error,
                   "ports below %d need the capability CAP_NET_BIND_SERVICE, or choose a "
                   "port from there on",
                   FIRST_UNPRIVILEGED_PORT);
    }
    error_kernel(error, -outcome->code);
    return outcome->code;
}

static int32_t report_set(struct outcome *outcome, bool missing, bool first, uint32_t ifindex,
                          const struct wg_device_change *change, struct subwg_error *error)
{
    const char *operation = "set up WireGuard device";
    int32_t code = outcome->code;
    bool port = first && change->set_listen_port;
    outcome->state_unknown |= !first || (outcome->from_kernel && !nothing_changed(change, code));
    if (missing)
        return report_missing(outcome, error, operation);
    if (port && (code == -EADDRINUSE ||
                 (code == -EACCES && change->listen_port < FIRST_UNPRIVILEGED_PORT))) {
        report_port(outcome, change->listen_port, error);
        if (outcome->state_unknown)
            error_state_unknown(error);
        return code;
    }
    return outcome_report(outcome, error, operation, "set up WireGuard device (link %u)", ifindex);
}

/* With what did not fit it; the rest of the buffer has seen no key. */
static void wipe_request(struct nlmsghdr *request)
{
    size_t used = (size_t)request->nlmsg_len + WIREGUARD_LEAST_MESSAGE_BYTES;
    sodium_memzero(request, used < LIMIT_MESSAGE_BYTES ? used : LIMIT_MESSAGE_BYTES);
}

int32_t wg_set_device(struct netlink *netlink, uint32_t ifindex,
                      const struct wg_device_change *change, struct subwg_error *error)
{
    struct wireguard_cursor cursor;
    struct outcome outcome;
    bool missing = false;
    int32_t code = wireguard_encode_start(&cursor, ifindex, change);
    while (code == 0) {
        code = wireguard_encode_next(&cursor, netlink->request, LIMIT_MESSAGE_BYTES,
                                     netlink->wireguard_family);
        if (code == 0)
            return 0;
        if (code < 0)
            break;
        struct nlmsghdr *request = (struct nlmsghdr *)(void *)netlink->request;
        code = wireguard_request(netlink, request, NULL, &outcome, &missing);
        wipe_request(request);
        if (code < 0)
            return report_set(&outcome, missing, cursor.messages == 1, ifindex, change, error);
    }
    sodium_memzero(netlink->request, LIMIT_MESSAGE_BYTES);
    outcome_fail(&outcome, code);
    return outcome_report(&outcome, error, "set up WireGuard device",
                          "set up WireGuard device (link %u)", ifindex);
}
