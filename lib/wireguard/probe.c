/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define OPERATION     "probe"
#define AFTER_S       10u /* of silence, or the keepalive where that is longer */
#define AGAIN_S       5u
#define DISCARD_PORT  9u
#define COUNTED_EVERY 6u

struct probe {
    int ipv4; /* -1: this kernel has no such family */
    int ipv6;
    uint32_t next;   /* position in the table: where one call stopped, the next begins */
    int32_t refused; /* the last refusal that was logged */
};

bool probe_due(const struct status_state *status, uint64_t now_ns, uint16_t keepalive_s)
{
    uint64_t since_ns = status->probes > 0 ? status->last_probe_ns : status_heard_ns(status);
    uint64_t wait_s = keepalive_s > AFTER_S ? keepalive_s : AFTER_S;
    if (status->probes > 0)
        wait_s = AGAIN_S;
    return now_ns >= since_ns && now_ns - since_ns >= wait_s * NS_PER_S;
}

/* The first host. Where there is no room for one, as in a /32, the address itself. */
struct address probe_target(const struct prefix *subnet)
{
    struct address target = prefix_address(subnet);
    if (subnet->length + 1u < subnet->family)
        target.bytes[subnet->family / 8 - 1] |= 1;
    return target;
}

bool probe_is_counted(const struct status_state *status)
{
    return status->probes % COUNTED_EVERY == 0;
}

/* The source of a probe need not be an address of this host, which CAP_NET_ADMIN allows. Without it nothing
 * can be asked, but neither can anything be connected. */
static int socket_open(int family, int level, int hops_option, int any_source_option)
{
    int one = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        (void)setsockopt(fd, level, any_source_option, &one, sizeof(one));
    if (fd >= 0 && setsockopt(fd, level, hops_option, &one, sizeof(one)) < 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int32_t probe_open(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->probe != NULL)
        return 0;
    struct probe *probe = calloc(1, sizeof(*probe));
    if (probe == NULL)
        return error_no_memory(error, OPERATION);
    int reason = 0;
    probe->ipv4 = socket_open(AF_INET, IPPROTO_IP, IP_TTL, IP_TRANSPARENT);
    if (probe->ipv4 < 0 && errno != EAFNOSUPPORT)
        reason = errno;
    probe->ipv6 = socket_open(AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_TRANSPARENT);
    if (probe->ipv6 < 0 && errno != EAFNOSUPPORT && reason == 0)
        reason = errno;
    if (reason != 0) {
        probe_close(probe);
        return error_set(error, -reason, SUBWG_REASON_NO_MEMORY, OPERATION,
                         "open the sockets that ask silent remotes of device %s: %s",
                         instance->settings.device, error_phrase(reason));
    }
    instance->probe = probe;
    return 0;
}

void probe_close(struct probe *probe)
{
    if (probe == NULL)
        return;
    if (probe->ipv4 >= 0)
        (void)close(probe->ipv4);
    if (probe->ipv6 >= 0)
        (void)close(probe->ipv6);
    free(probe);
}

/* The device is named with each datagram: a socket bound to it would have to be bound again, by a more
 * capable process, when the device was made anew. */
union control {
    struct cmsghdr head;
    char ipv4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    char ipv6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static int32_t send_empty(int fd, struct msghdr *message, int level, int type, const void *info,
                          size_t info_size)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = level;
    head->cmsg_type = type;
    head->cmsg_len = CMSG_LEN(info_size);
    memcpy(CMSG_DATA(head), info, info_size);
    return sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int32_t ask_ipv4(int fd, uint32_t ifindex, const struct address *source,
                        const struct address *target)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
    struct in_pktinfo info = {.ipi_ifindex = (int)ifindex};
    union control control = {0};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = sizeof(to),
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.ipv4)};
    memcpy(&to.sin_addr, target->bytes, sizeof(to.sin_addr));
    memcpy(&info.ipi_spec_dst, source->bytes, sizeof(info.ipi_spec_dst));
    return send_empty(fd, &message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static int32_t ask_ipv6(int fd, uint32_t ifindex, const struct address *source,
                        const struct address *target)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(DISCARD_PORT)};
    struct in6_pktinfo info = {.ipi6_ifindex = ifindex};
    union control control = {0};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = sizeof(to),
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.ipv6)};
    memcpy(&to.sin6_addr, target->bytes, sizeof(to.sin6_addr));
    memcpy(&info.ipi6_addr, source->bytes, sizeof(info.ipi6_addr));
    return send_empty(fd, &message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static bool host_within(const struct prefix *subnets, uint32_t count, uint8_t family,
                        struct address *ret_host)
{
    for (uint32_t i = 0; i < count; i++)
        if (subnets[i].family == family) {
            *ret_host = probe_target(&subnets[i]);
            return true;
        }
    return false;
}

/* To the first remote subnet of a family; 1 if there is none. */
static int32_t ask_through(const struct subwg_instance *instance,
                           const struct connection *connection, uint8_t family)
{
    int fd = family == FAMILY_IPV4 ? instance->probe->ipv4 : instance->probe->ipv6;
    struct address source = {0};
    struct address target = {0};
    if (fd < 0 || !host_within(connection->allowed_ips, connection->subnet_count, family, &target))
        return 1;
    if (!probe_is_counted(&connection->status) ||
        !host_within(instance->local.subnets, instance->local.subnet_count, family, &source))
        source = target;
    return family == FAMILY_IPV4 ? ask_ipv4(fd, instance->ifindex, &source, &target)
                                 : ask_ipv6(fd, instance->ifindex, &source, &target);
}

/* Not every host can send in both families. */
static int32_t ask(const struct subwg_instance *instance, const struct connection *connection)
{
    int32_t code = ask_through(instance, connection, FAMILY_IPV4);
    if (code == 0)
        return 0;
    int32_t other = ask_through(instance, connection, FAMILY_IPV6);
    return other == 1 ? code : other;
}

/* Twice where the loss of one would be noticed. */
static int32_t ask_surely(const struct subwg_instance *instance,
                          const struct connection *connection)
{
    int32_t code = ask(instance, connection);
    return code == 0 && probe_is_counted(&connection->status) ? ask(instance, connection) : code;
}

/* Nobody can be asked whose peer is missing, or through whom no packet would go. */
static bool is_to_be_asked(const struct table *table, const struct connection *connection,
                           uint64_t now_ns)
{
    return !connection->adopted && table_has_seen(table, connection) &&
           connection_carried_count(connection) > 0 &&
           probe_due(&connection->status, now_ns, connection->keepalive_s);
}

/* Once for each reason: without probes a silent remote is noticed later, not never. */
static void log_refusal(struct subwg_instance *instance, const struct connection *connection,
                        int32_t code)
{
    if (code == instance->probe->refused)
        return;
    instance->probe->refused = code;
    const char *cluster_id = connection_cluster_id(connection);
    char name[LIMIT_CLUSTER_ID + sizeof("cluster ''")];
    struct text text = text_over(name, sizeof(name));
    text_append(&text, cluster_id[0] != '\0' ? "cluster '" : "a peer of an earlier run");
    text_append_escaped(&text, cluster_id);
    text_append(&text, cluster_id[0] != '\0' ? "'" : "");
    instance_log(instance, SUBWG_LOG_WARNING,
                 "cannot ask %s whether it is there: send through device %s: %s", name,
                 instance->settings.device, error_phrase(code));
}

uint32_t probe_send_due(struct subwg_instance *instance)
{
    struct probe *probe = instance->probe;
    const struct table *table = &instance->table;
    uint64_t now_ns = instance_now(instance);
    uint32_t asked = 0;
    uint32_t left = 0;
    uint32_t begin = probe != NULL && probe->next < table->count ? probe->next : 0;
    for (uint32_t i = 0; probe != NULL && i < table->count; i++) {
        uint32_t position = (begin + i) % table->count;
        struct connection *connection = table->connections[position];
        if (!is_to_be_asked(table, connection, now_ns))
            continue;
        if (asked == LIMIT_PROBES_A_CALL) {
            if (left++ == 0)
                probe->next = position;
            continue;
        }
        asked++;
        int32_t code = ask_surely(instance, connection);
        if (code == 0)
            status_probed(&connection->status, now_ns);
        else if (code < 0)
            log_refusal(instance, connection, code);
    }
    return left;
}
