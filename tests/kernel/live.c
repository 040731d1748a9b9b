/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"

#define PORT          9999
#define PACKETS_MAX   4000000u
#define ADDRESSES_MAX 32u
#define UNDER_WAY_MAX 32u       /* packets; no queue on the way is that short */
#define STALL_NS      200000000 /* what has not arrived by then need not be waited for */
#define QUIET_MS      5000      /* without any packet: nothing is under way any more */
#define HANDSHAKE_MS  60000

struct live live = {.error = SUBWG_ERROR_INIT};

static struct {
    struct sockaddr_in addresses[ADDRESSES_MAX];
    uint32_t address_count;
    int sender;
    int receiver;
    pthread_t threads[2];
    struct timespec begun;
    atomic_bool sending;
    atomic_bool receiving;
    _Atomic uint64_t sent;
    _Atomic uint64_t refused;
    _Atomic uint64_t arrived; /* repeated ones included */
    uint8_t *seen;            /* by sequence number */
} traffic;

/* Runs `ip` on a list of commands. */
static void ip(const char *commands)
{
    const char *const command[] = {"ip", "-batch", "-", NULL};
    char *arguments[4] = {NULL};
    FILE *in = tmpfile();
    posix_spawn_file_actions_t files;
    pid_t child = 0;
    int status = 0;
    ck_assert(in != NULL && fputs(commands, in) >= 0 && fflush(in) == 0);
    rewind(in);
    for (size_t i = 0; command[i] != NULL; i++)
        arguments[i] = strdup(command[i]);
    ck_assert_int_eq(posix_spawn_file_actions_init(&files), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&files, fileno(in), STDIN_FILENO), 0);
    ck_assert_int_eq(posix_spawnp(&child, "ip", &files, NULL, arguments, environ), 0);
    (void)posix_spawn_file_actions_destroy(&files);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "ip: status 0x%x on\n%s", status, commands);
    for (size_t i = 0; arguments[i] != NULL; i++)
        free(arguments[i]);
    (void)fclose(in);
}

static int open_namespace(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

static void enter(int namespace_fd)
{
    ck_assert_int_eq(setns(namespace_fd, CLONE_NEWNET), 0);
}

static int open_udp(const char *address, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int size = 4 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(inet_pton(AF_INET, address, &name.sin_addr), 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    return fd;
}

void live_start(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    (void)system("ip netns delete clusters 2>/dev/null");
    ip("link set lo up\n"
       "netns add clusters\n"
       "link add underlay type veth peer name eth0 netns clusters\n"
       "address add " LIVE_LOCAL_IP "/24 dev underlay\n"
       "address add " LIVE_SOURCE_IP "/32 dev lo\n"
       "link set underlay up\n");
    int here = open_namespace("/proc/thread-self/ns/net");
    int there = open_namespace("/run/netns/clusters");
    LIVE_ASSERT_DONE(netlink_open(LIMIT_REPLY_MS, &live.here, &live.error), live.error);
    traffic.sender = open_udp(LIVE_SOURCE_IP, 0);
    enter(there);
    ip("link set lo up\n"
       "address add " LIVE_REMOTE_IP "/24 dev eth0\n"
       "link set eth0 up\n");
    LIVE_ASSERT_DONE(netlink_open(LIMIT_REPLY_MS, &live.there, &live.error), live.error);
    traffic.receiver = open_udp("0.0.0.0", PORT);
    const struct timeval wait = {.tv_usec = 100000};
    ck_assert_int_eq(setsockopt(traffic.receiver, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
    enter(here);
    (void)close(here);
    (void)close(there);
}

void live_stop(void)
{
    netlink_close(live.here);
    netlink_close(live.there);
    (void)close(traffic.sender);
    (void)close(traffic.receiver);
}

static void private_key_of(uint32_t number, struct key *ret_key)
{
    memset(ret_key->bytes, (int)(8 * number), KEY_SIZE);
    ret_key->bytes[KEY_SIZE - 1] = 64;
}

void live_describe(struct live_remote *remote, uint32_t number)
{
    struct key private_key;
    *remote = (struct live_remote){.number = number, .endpoint = SUBWG_ENDPOINT_INIT};
    private_key_of(number, &private_key);
    if (key_derive_public(&private_key, &remote->public_key) != 0)
        abort();
    (void)key_format(&remote->public_key, remote->key_text);
    (void)snprintf(remote->port, sizeof(remote->port), "%u", 6000u + number);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster%u", number);
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key_text};
    remote->config[1] = (struct subwg_setting){"udp-port", remote->port};
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cluster_id;
    remote->endpoint.hostname = "worker";
    remote->endpoint.private_ip = LIVE_REMOTE_IP;
    remote->endpoint.backend = "wireguard";
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
}

void live_open(struct live_remote *remote, uint32_t number, const struct key *our_key)
{
    char name[LINK_NAME_SIZE];
    struct link_info link;
    struct key private_key;
    struct prefix source;
    live_describe(remote, number);
    private_key_of(number, &private_key);
    ck_assert_int_eq(prefix_parse(LIVE_SOURCE_IP "/32", &source), ADDRESS_OK);
    (void)snprintf(name, sizeof(name), "wg%u", (unsigned)number);
    const struct wg_peer_change peer = {
        .public_key = *our_key, .allowed_ips = &source, .allowed_ip_count = 1};
    const struct wg_device_change change = {
        .private_key = &private_key,
        .set_listen_port = true,
        .listen_port = (uint16_t)(6000 + number),
        .peers = &peer,
        .peer_count = 1,
    };
    struct subwg_error *error = &live.error;
    LIVE_ASSERT_DONE(link_create_wireguard(live.there, name, 0, error), live.error);
    LIVE_ASSERT_DONE(link_find(live.there, name, &link, error), live.error);
    remote->ifindex = link.ifindex;
    LIVE_ASSERT_DONE(wg_set_device(live.there, link.ifindex, &change, error), live.error);
    LIVE_ASSERT_DONE(link_set_up(live.there, link.ifindex, true, error), live.error);
}

void live_listen(const char *address)
{
    struct interface_address there;
    struct link_info link;
    struct address host;
    ck_assert_int_eq(address_parse(address, &host), ADDRESS_OK);
    there.prefix = prefix_of_address(&host);
    LIVE_ASSERT_DONE(link_find(live.there, "lo", &link, &live.error), live.error);
    there.ifindex = link.ifindex;
    LIVE_ASSERT_DONE(address_add(live.there, &there, &live.error), live.error);
}

static uint64_t elapsed_ns(void *context)
{
    const struct live *clock = context;
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + clock->ahead_ns;
}

int32_t live_make_cable(const struct subwg_setting *settings, uint32_t setting_count,
                        struct subwg_registry **ret_registry, struct subwg_cable **ret_cable)
{
    const struct subwg_cable_callbacks callbacks = {.context = &live, .elapsed_ns = elapsed_ns};
    const char *const subnets[] = {"10.233.0.0/18"};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_error *error = &live.error;
    local.cluster_id = "cluster1";
    local.cable_name = "cable-1";
    local.hostname = "worker1";
    local.private_ip = LIVE_LOCAL_IP;
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 1;
    int32_t code = subwg_registry_create(ret_registry, error);
    if (code == 0)
        code = subwg_registry_add(*ret_registry, subwg_wireguard_driver(), error);
    if (code == 0)
        code = subwg_cable_create(*ret_registry, "wireguard", &callbacks, &local, settings,
                                  setting_count, ret_cable, error);
    return code == 0 ? subwg_cable_init(*ret_cable, error) : code;
}

void live_dump(struct wg_device *device)
{
    struct link_info link;
    LIVE_ASSERT_DONE(link_find(live.here, LIVE_DEVICE, &link, &live.error), live.error);
    LIVE_ASSERT_DONE(wg_get_device(live.here, link.ifindex, NULL, device, &live.error), live.error);
}

struct key live_own_key(void)
{
    struct wg_device device = {0};
    live_dump(&device);
    struct key key = device.public_key;
    wg_device_finish(&device);
    return key;
}

void live_wait_for_handshakes(uint32_t count)
{
    struct wg_device device = {0};
    uint32_t shaken = 0;
    for (int waited_ms = 0; shaken < count; waited_ms += 100) {
        ck_assert_msg(waited_ms < HANDSHAKE_MS, "%u of %u peers shook hands", (unsigned)shaken,
                      (unsigned)count);
        (void)usleep(100000);
        live_dump(&device);
        shaken = 0;
        for (uint32_t i = 0; i < device.peer_count; i++)
            shaken += device.peers[i].handshake_s != 0;
    }
    wg_device_finish(&device);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* No more under way than any queue takes; what was lost is not waited for long. */
static void pace(uint64_t *ret_given_up)
{
    uint64_t arrived = atomic_load(&traffic.arrived);
    uint64_t since_ns = now_ns();
    while (atomic_load(&traffic.sent) - atomic_load(&traffic.refused) - *ret_given_up >=
           arrived + UNDER_WAY_MAX) {
        if (now_ns() - since_ns > STALL_NS) {
            *ret_given_up += UNDER_WAY_MAX;
            return;
        }
        (void)usleep(200);
        arrived = atomic_load(&traffic.arrived);
    }
}

static void *send_all(void *unused)
{
    uint64_t given_up = 0;
    for (uint32_t i = 0; atomic_load(&traffic.sending) && i < PACKETS_MAX; i++) {
        uint32_t packet[25] = {i};
        const struct sockaddr_in *to = &traffic.addresses[i % traffic.address_count];
        pace(&given_up);
        ssize_t length = sendto(traffic.sender, packet, sizeof(packet), 0,
                                (const struct sockaddr *)to, sizeof(*to));
        if (length != (ssize_t)sizeof(packet))
            atomic_fetch_add(&traffic.refused, 1);
        atomic_fetch_add(&traffic.sent, 1);
    }
    return unused;
}

static void *receive_all(void *unused)
{
    while (atomic_load(&traffic.receiving)) {
        uint32_t packet[25];
        ssize_t length = recv(traffic.receiver, packet, sizeof(packet), 0);
        if (length != (ssize_t)sizeof(packet) || packet[0] >= PACKETS_MAX)
            continue;
        traffic.seen[packet[0]] = 1;
        atomic_fetch_add(&traffic.arrived, 1);
    }
    return unused;
}

void live_begin_traffic(const char *const *addresses, uint32_t count)
{
    ck_assert_uint_le(count, ADDRESSES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        traffic.addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
        ck_assert_int_eq(inet_pton(AF_INET, addresses[i], &traffic.addresses[i].sin_addr), 1);
    }
    traffic.address_count = count;
    traffic.seen = calloc(PACKETS_MAX, 1);
    ck_assert_ptr_nonnull(traffic.seen);
    atomic_store(&traffic.sent, 0);
    atomic_store(&traffic.refused, 0);
    atomic_store(&traffic.arrived, 0);
    atomic_store(&traffic.sending, true);
    atomic_store(&traffic.receiving, true);
    (void)clock_gettime(CLOCK_MONOTONIC, &traffic.begun);
    ck_assert_int_eq(pthread_create(&traffic.threads[0], NULL, receive_all, NULL), 0);
    ck_assert_int_eq(pthread_create(&traffic.threads[1], NULL, send_all, NULL), 0);
}

uint64_t live_sent(void)
{
    return atomic_load(&traffic.sent);
}

void live_let_pass(uint64_t packets)
{
    uint64_t end = live_sent() + packets;
    while (live_sent() < end)
        (void)usleep(1000);
}

static void drain(void)
{
    uint64_t arrived = atomic_load(&traffic.arrived);
    for (int quiet_ms = 0; quiet_ms < QUIET_MS; quiet_ms += 50) {
        if (arrived + atomic_load(&traffic.refused) >= atomic_load(&traffic.sent))
            return;
        (void)usleep(50000);
        if (atomic_load(&traffic.arrived) != arrived)
            quiet_ms = 0;
        arrived = atomic_load(&traffic.arrived);
    }
}

struct live_count live_end_traffic(void)
{
    struct timespec ended;
    atomic_store(&traffic.sending, false);
    (void)pthread_join(traffic.threads[1], NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    drain();
    atomic_store(&traffic.receiving, false);
    (void)pthread_join(traffic.threads[0], NULL);
    struct live_count count = {
        .sent = atomic_load(&traffic.sent),
        .refused = atomic_load(&traffic.refused),
        .seconds = (double)(ended.tv_sec - traffic.begun.tv_sec) +
                   (double)(ended.tv_nsec - traffic.begun.tv_nsec) / 1e9,
    };
    for (uint64_t i = 0; i < count.sent; i++)
        count.received += traffic.seen[i];
    count.lost = count.sent - count.received;
    free(traffic.seen);
    return count;
}
