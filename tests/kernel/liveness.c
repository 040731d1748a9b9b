/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels between two network namespaces, both ends of each watched by a driver: healthy ones side by
 * side, remotes that die, remotes that never answer, and a wall clock that jumps (T94 to T96, T98, T99). With the argument "long" for as long as a passive verdict takes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <subwg/subwg.h>

#define SHORT_S        60  /* of watching, or until all that died is back */
#define LONG_S         600 /* beyond every rekey and session */
#define SHORT_WINDOW_S "20"
#define DIES_S         6 /* after the beginning */
#define CLOCK_FIRST_S  8 /* before the first step of the clock */
#define DAY_S          86400
#define ROW_TEXT       160

/* A public key that nobody has. */
#define STRANGER "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

struct row {
    uint32_t status;
    uint32_t reason;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    char text[ROW_TEXT];
};

struct side {
    struct subwg_cable *cable;
    char device[16];
    char cluster[16];
    char subnet[32];
    char host[32]; /* in it */
    char port[8];
    char key[64]; /* as published */
    int event_fd; /* -1: only looks */
    struct row row;
    bool was_connected;
    bool was_error;
    double heard_s; /* when rx last grew, as seen */
    double error_s; /* the first error; 0: none */
    double again_s; /* connected again after it */
    uint64_t tx_at_death;
};

enum fate { FATE_HEALTHY, FATE_DIES, FATE_WRONG_PSK, FATE_WRONG_KEY, FATE_BLOCKED };

struct pair {
    const char *name;
    const char *keepalive_s[2];
    bool asks;
    enum fate fate;
    bool real_window;
    bool only_long;
    bool ipv6; /* inside the tunnel; that takes routes */
    struct side sides[2];
};

/* Passive verdicts come after 195 s: in the short run their window is a setting. */
static struct pair pairs[] = {
    {"10/10, asking", {"10", "10"}, true, FATE_HEALTHY, true, false, false, {{0}}},
    {"10/0, asking", {"10", "0"}, true, FATE_HEALTHY, true, false, false, {{0}}},
    {"0/10, asking", {"0", "10"}, true, FATE_HEALTHY, true, false, false, {{0}}},
    {"0/0, asking", {"0", "0"}, true, FATE_HEALTHY, true, false, false, {{0}}},
    {"0/0, asking, IPv6", {"0", "0"}, true, FATE_HEALTHY, true, false, true, {{0}}},
    {"10/10", {"10", "10"}, false, FATE_HEALTHY, true, true, false, {{0}}},
    {"10/0", {"10", "0"}, false, FATE_HEALTHY, true, true, false, {{0}}},
    {"0/10", {"0", "10"}, false, FATE_HEALTHY, true, true, false, {{0}}},
    {"0/0", {"0", "0"}, false, FATE_HEALTHY, true, true, false, {{0}}},
    {"dying, asking", {"10", "10"}, true, FATE_DIES, true, false, false, {{0}}},
    {"dying", {"10", "0"}, false, FATE_DIES, false, false, false, {{0}}},
    {"dying, real window", {"10", "10"}, false, FATE_DIES, true, true, false, {{0}}},
    {"another preshared key", {"10", "10"}, false, FATE_WRONG_PSK, false, false, false, {{0}}},
    {"another key", {"10", "10"}, false, FATE_WRONG_KEY, false, false, false, {{0}}},
    {"blocked", {"10", "10"}, true, FATE_BLOCKED, false, false, false, {{0}}},
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static struct subwg_registry *registry;
static struct subwg_error error = SUBWG_ERROR_INIT;
static int namespaces[2];
static struct timespec begun;
static bool is_long;
static int failures;

static void say(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(bool passed, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s ", passed ? "ok" : "not ok");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    failures += !passed;
}

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    printf("not ok %s: %s (%s)\n", what, error.text, strerror(errno));
    exit(1);
}

static void run(const char *command)
{
    need(system(command) == 0, command);
}

static void enter(int at)
{
    need(setns(namespaces[at], CLONE_NEWNET) == 0, "setns");
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

static void make_underlay(void)
{
    (void)system("ip netns delete liveness0 2>/dev/null; ip netns delete liveness1 2>/dev/null");
    run("ip netns add liveness0 && ip netns add liveness1 &&"
        " ip link add eth0 netns liveness0 type veth peer name eth0 netns liveness1 &&"
        " ip -n liveness0 addr add 10.243.64.6/24 dev eth0 &&"
        " ip -n liveness1 addr add 10.243.64.7/24 dev eth0 &&"
        " ip -n liveness0 addr add fd00:64::6/64 dev eth0 nodad &&"
        " ip -n liveness1 addr add fd00:64::7/64 dev eth0 nodad &&"
        " ip -n liveness0 link set eth0 up && ip -n liveness1 link set eth0 up");
    /* As on a gateway: then the kernel answers probes by error messages. */
    run("for n in 0 1; do ip netns exec liveness$n sysctl -qw net.ipv4.ip_forward=1"
        " net.ipv6.conf.all.forwarding=1; done");
    namespaces[0] = open("/run/netns/liveness0", O_RDONLY | O_CLOEXEC);
    namespaces[1] = open("/run/netns/liveness1", O_RDONLY | O_CLOEXEC);
    need(namespaces[0] >= 0 && namespaces[1] >= 0, "open the namespaces");
}

/* Of those that concern a network, CAP_NET_ADMIN is enough. */
static void drop_other_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    need(syscall(SYS_capget, &head, sets) == 0, "capget");
    uint32_t dropped = 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE | 1u << CAP_NET_BROADCAST;
    sets[0].effective &= ~dropped;
    sets[0].permitted &= ~dropped;
    sets[0].inheritable &= ~dropped;
    need(syscall(SYS_capset, &head, sets) == 0, "capset");
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    struct side *side = context;
    if (strcmp(key, "publicKey") == 0)
        (void)snprintf(side->key, sizeof(side->key), "%s", value);
    return 0;
}

static const char *address_of(int at)
{
    return at == 0 ? "10.243.64.6" : "10.243.64.7";
}

static void name_subnet(struct side *side, bool ipv6, uint32_t number, int at)
{
    unsigned int network = 100 + (unsigned)number;
    if (ipv6) {
        (void)snprintf(side->subnet, sizeof(side->subnet), "fd00:%u:%d::/48", network, at);
        (void)snprintf(side->host, sizeof(side->host), "fd00:%u:%d::9", network, at);
    } else {
        (void)snprintf(side->subnet, sizeof(side->subnet), "10.%u.%d.0/24", network, at);
        (void)snprintf(side->host, sizeof(side->host), "10.%u.%d.9", network, at);
    }
}

static void make_side(struct pair *pair, uint32_t number, int at)
{
    struct side *side = &pair->sides[at];
    const struct subwg_cable_callbacks callbacks = {.context = side, .publish = take_published};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    const char *const subnets[] = {side->subnet};
    (void)snprintf(side->device, sizeof(side->device), "live%u", (unsigned)number);
    (void)snprintf(side->cluster, sizeof(side->cluster), "c%u-%d", (unsigned)number, at);
    name_subnet(side, pair->ipv6, number, at);
    (void)snprintf(side->port, sizeof(side->port), "%u", 6000 + (unsigned)number);
    const struct subwg_setting settings[] = {
        {"device", side->device},
        {"port", side->port},
        {"routes", pair->ipv6 ? "yes" : "no"},
        {"keepalive-s", pair->keepalive_s[at]},
        {"status-window-s", pair->real_window ? "195" : SHORT_WINDOW_S},
        {"psk", pair->fate == FATE_WRONG_PSK && at == 1 ? "one" : "another"},
    };
    local.cluster_id = side->cluster;
    local.cable_name = side->cluster;
    local.hostname = side->cluster;
    local.private_ip = address_of(at);
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 1;
    side->event_fd = -1;
    enter(at);
    need(subwg_cable_create(registry, "wireguard", &callbacks, &local, settings,
                            sizeof(settings) / sizeof(settings[0]), &side->cable, &error) == 0,
         "create");
    need(subwg_cable_init(side->cable, &error) == 0, "init");
    if (pair->asks)
        side->event_fd = subwg_cable_event_fd(side->cable, &error);
    need(!pair->asks || side->event_fd >= 0, "event_fd");
}

static void connect_side(struct pair *pair, int at)
{
    const struct side *other = &pair->sides[1 - at];
    struct subwg_endpoint remote = SUBWG_ENDPOINT_INIT;
    const char *const subnets[] = {other->subnet};
    const struct subwg_setting config[] = {
        {"publicKey", pair->fate == FATE_WRONG_KEY && at == 0 ? STRANGER : other->key},
        {"udp-port", pair->fate == FATE_BLOCKED ? "5999" : other->port},
    };
    remote.cluster_id = other->cluster;
    remote.cable_name = other->cluster;
    remote.hostname = other->cluster;
    remote.private_ip = address_of(1 - at);
    remote.backend = "wireguard";
    remote.subnets = subnets;
    remote.subnet_count = 1;
    remote.backend_config = config;
    remote.backend_config_count = 2;
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    need(subwg_cable_connect(pair->sides[at].cable, &remote, address, &error) == 0, "connect");
}

/* One datagram into the tunnel, so that a session begins without any keepalive. */
static void speak(const struct pair *pair)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    const struct sockaddr *to = pair->ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    need(inet_pton(to->sa_family, pair->sides[1].host,
                   pair->ipv6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) == 1,
         "address");
    enter(0);
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 &&
             setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, pair->sides[0].device,
                        (socklen_t)strlen(pair->sides[0].device)) == 0 &&
             sendto(fd, "", 0, 0, to, pair->ipv6 ? sizeof(v6) : sizeof(v4)) == 0,
         "send into the tunnel");
    (void)close(fd);
}

static bool takes_part(const struct pair *pair)
{
    return is_long || !pair->only_long;
}

static void make_all(void)
{
    need(subwg_registry_create(&registry, &error) == 0, "registry");
    need(subwg_registry_add(registry, subwg_wireguard_driver(), &error) == 0, "driver");
    for (uint32_t i = 0; i < PAIRS; i++) {
        if (!takes_part(&pairs[i]))
            continue;
        for (int at = 0; at < 2; at++)
            make_side(&pairs[i], i, at);
        for (int at = 0; at < 2; at++)
            connect_side(&pairs[i], at);
        speak(&pairs[i]);
    }
}

static void read_row(struct side *side)
{
    struct subwg_snapshot *snapshot = NULL;
    need(subwg_cable_get_connections(side->cable, &snapshot, &error) == 0, "get connections");
    need(subwg_snapshot_connection_count(snapshot) == 1, "one row");
    const struct subwg_connection *row = subwg_snapshot_connection(snapshot, 0);
    if (row->rx_bytes != side->row.rx_bytes)
        side->heard_s = now_s();
    side->row = (struct row){.status = row->status,
                             .reason = row->status_reason,
                             .rx_bytes = row->rx_bytes,
                             .tx_bytes = row->tx_bytes};
    (void)snprintf(side->row.text, sizeof(side->row.text), "%s", row->status_text);
    subwg_snapshot_unref(snapshot);
}

static void look(struct side *side)
{
    read_row(side);
    bool error_now = side->row.status == SUBWG_STATUS_ERROR;
    if (error_now && !side->was_error)
        side->error_s = now_s();
    if (side->was_error && side->row.status == SUBWG_STATUS_CONNECTED && side->again_s == 0)
        side->again_s = now_s();
    side->was_error = side->was_error || error_now;
    side->was_connected = side->was_connected || side->row.status == SUBWG_STATUS_CONNECTED;
}

static void dispatch(struct side *side)
{
    struct pollfd descriptor = {.fd = side->event_fd, .events = POLLIN};
    if (side->event_fd >= 0 && poll(&descriptor, 1, 0) > 0)
        need(subwg_cable_dispatch(side->cable, &error) == 0, "dispatch");
}

static void set_remote_link(const struct pair *pair, const char *state)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "ip -n liveness1 link set %s %s",
                   pair->sides[1].device, state);
    run(command);
}

/* Dies on time, and comes back as soon as its death was told. A driver would repair it before: it is taken
 * from it. */
static void play_fate(struct pair *pair, bool *dead, bool *back)
{
    struct side *own = &pair->sides[0];
    if (pair->fate != FATE_DIES || *back)
        return;
    if (!*dead && now_s() >= DIES_S) {
        subwg_cable_destroy(pair->sides[1].cable);
        pair->sides[1].cable = NULL;
        set_remote_link(pair, "down");
        read_row(own);
        own->tx_at_death = own->row.tx_bytes;
        *dead = true;
    }
    if (*dead && own->was_error) {
        set_remote_link(pair, "up");
        *back = true;
    }
}

/* Forth and back, while no session is made that would remember it. */
static void step_clock(uint32_t *step)
{
    static const int64_t steps_s[] = {1,  -1, 3600,  -3600, 3650LL * DAY_S,  -3650LL * DAY_S,
                                      -1, 1,  -3600, 3600,  -3650LL * DAY_S, 3650LL * DAY_S};
    if (is_long || *step == sizeof(steps_s) / sizeof(steps_s[0]) || now_s() < CLOCK_FIRST_S + *step)
        return;
    struct timespec wall;
    need(clock_gettime(CLOCK_REALTIME, &wall) == 0, "clock");
    wall.tv_sec += steps_s[(*step)++];
    need(clock_settime(CLOCK_REALTIME, &wall) == 0, "set the clock");
}

static bool somebody_is_not_back(void)
{
    for (uint32_t i = 0; i < PAIRS; i++)
        if (takes_part(&pairs[i]) && pairs[i].fate == FATE_DIES && pairs[i].sides[0].again_s == 0)
            return true;
    return false;
}

static void watch_all(int seconds)
{
    bool dead[PAIRS] = {false};
    bool back[PAIRS] = {false};
    uint32_t step = 0;
    double next_look_s = 0;
    while (now_s() < seconds || (now_s() < 3 * seconds && somebody_is_not_back())) {
        bool looks = now_s() >= next_look_s;
        next_look_s += looks ? 1 : 0;
        for (uint32_t i = 0; i < PAIRS; i++) {
            for (int at = 0; at < 2 && takes_part(&pairs[i]); at++)
                if (pairs[i].sides[at].cable != NULL) {
                    dispatch(&pairs[i].sides[at]);
                    if (looks)
                        look(&pairs[i].sides[at]);
                }
            if (takes_part(&pairs[i]))
                play_fate(&pairs[i], &dead[i], &back[i]);
        }
        step_clock(&step);
        (void)usleep(100000);
    }
}

static void judge_healthy(const struct pair *pair)
{
    for (int at = 0; at < 2; at++) {
        const struct side *side = &pair->sides[at];
        say(side->was_connected && !side->was_error && side->row.status == SUBWG_STATUS_CONNECTED,
            "keepalive %s, end %d: connected for %.0f s (reason %u, %s)", pair->name, at, now_s(),
            (unsigned)side->row.reason, side->row.text);
    }
    bool idle = !pair->asks && strcmp(pair->name, "0/0") == 0;
    if (idle)
        say(pair->sides[0].row.reason == SUBWG_STATUS_REASON_IDLE, "keepalive 0/0 shows idle");
}

static void judge_death(const struct pair *pair)
{
    const struct side *side = &pair->sides[0];
    const char *kind = pair->asks ? "probing" : pair->real_window ? "passive" : NULL;
    double limit_s = pair->asks ? 35 : pair->real_window ? 195 : 20;
    double detection_s = side->error_s - DIES_S;
    say(side->was_error && side->row.tx_bytes > side->tx_at_death,
        "%s: told %.1f s after the death, though tx grew by %llu bytes", pair->name, detection_s,
        (unsigned long long)(side->row.tx_bytes - side->tx_at_death));
    /* The last sign may have come before the death, by as much as a healthy remote is silent. */
    say(!pair->asks || detection_s >= limit_s - 25, "%s: not before its time", pair->name);
    say(side->again_s > side->error_s, "%s: recovered %.1f s after it came back", pair->name,
        side->again_s - side->error_s);
    if (kind != NULL && side->was_error)
        printf("figure detection-%s-s %d\n", kind, (int)detection_s + 1);
}

static void judge_stranger(const struct pair *pair)
{
    for (int at = 0; at < 2; at++) {
        const struct side *side = &pair->sides[at];
        say(!side->was_connected && side->row.status == SUBWG_STATUS_ERROR &&
                side->row.reason == SUBWG_STATUS_REASON_NO_HANDSHAKE &&
                strstr(side->row.text, "no handshake") != NULL,
            "%s, end %d: never connected (%s)", pair->name, at, side->row.text);
    }
}

static void judge(const struct pair *pair)
{
    if (pair->fate == FATE_HEALTHY)
        judge_healthy(pair);
    else if (pair->fate == FATE_DIES)
        judge_death(pair);
    else
        judge_stranger(pair);
}

static void clean_up(void)
{
    for (uint32_t i = 0; i < PAIRS; i++)
        for (int at = 0; at < 2; at++)
            subwg_cable_destroy(pairs[i].sides[at].cable);
    subwg_registry_destroy(registry);
    (void)system("ip netns delete liveness0; ip netns delete liveness1");
}

int main(int argc, char **argv)
{
    is_long = argc > 1 && strcmp(argv[1], "long") == 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    make_underlay();
    drop_other_capabilities();
    make_all();
    (void)clock_gettime(CLOCK_BOOTTIME, &begun);
    watch_all(is_long ? LONG_S : SHORT_S);
    for (uint32_t i = 0; i < PAIRS; i++)
        if (takes_part(&pairs[i]))
            judge(&pairs[i]);
    clean_up();
    return failures == 0 ? 0 : 1;
}
