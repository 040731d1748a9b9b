/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine, its remotes, other people's hands on the machine and faults, in any order, on the model of
 * the kernel. When the faults have ended and the engine has said once more what it wants, the kernel has
 * just that, the driver says the same, and cleanup leaves what is not ours as it was.
 *
 * The input: operations of two bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fake_kernel.h>
#include <sodium.h>
#include <subwg/subwg.h>

#include "fuzz.h"

#define DEVICE         "subwg0"
#define CLUSTERS       4u
#define VARIANTS       4u
#define OPERATIONS_MAX 200u
#define NS_PER_S       UINT64_C(1000000000)

/* What a cluster may announce: subnets that meet other clusters' in some variants, two keys, two
 * addresses. */
struct announcement {
    char cluster_id[16];
    char key[48];
    uint8_t public_key[32];
    struct subwg_setting config[1];
    const char *subnets[2];
    struct subwg_endpoint endpoint;
};

static const char *const subnets[CLUSTERS][VARIANTS][2] = {
    {{"10.1.0.0/16", "fd01::/48"},
     {"10.1.0.0/16"},
     {"10.1.0.0/17", "10.9.0.0/24"},
     {"10.2.7.0/24"}},
    {{"10.2.0.0/16"}, {"10.2.0.0/16", "10.9.0.0/16"}, {"10.2.128.0/17"}, {"fd02::/48"}},
    {{"10.3.0.0/16", "fd03::/48"}, {"fd03::/48"}, {"fd01::/32"}, {"10.3.0.0/24", "10.3.1.0/24"}},
    {{"10.4.0.0/16"}, {"10.4.0.0/15"}, {"10.1.4.0/24"}, {"172.16.0.0/12"}},
};

static struct {
    struct subwg_registry *registry;
    struct subwg_cable *cable;
    uint64_t elapsed_ns;
    uint64_t realtime_ns;
    struct announcement wanted[CLUSTERS]; /* what the engine said last */
    bool is_wanted[CLUSTERS];
    uint32_t operations;
    bool late_address;
} world;

static uint64_t elapsed_ns(void *context)
{
    (void)context;
    return world.elapsed_ns;
}

static uint64_t realtime_ns(void *context)
{
    (void)context;
    return world.realtime_ns;
}

static void pass(uint64_t seconds)
{
    world.elapsed_ns += seconds * NS_PER_S;
    world.realtime_ns += seconds * NS_PER_S;
}

static void announce(struct announcement *announcement, uint32_t cluster, uint8_t choice)
{
    static const char *const addresses[] = {"192.0.2.10", "192.0.2.20", "2001:db8::30",
                                            "192.0.2.40"};
    uint8_t private_key[32] = {0};
    *announcement = (struct announcement){.endpoint = SUBWG_ENDPOINT_INIT};
    private_key[0] = (uint8_t)(8 * (cluster + 1));
    private_key[1] = choice >> 2 & 1u;
    FUZZ_CHECK(crypto_scalarmult_base(announcement->public_key, private_key) == 0);
    (void)sodium_bin2base64(announcement->key, sizeof(announcement->key), announcement->public_key,
                            32, sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(announcement->cluster_id, sizeof(announcement->cluster_id), "cluster%u",
                   (unsigned)cluster + 2);
    memcpy((void *)announcement->subnets, (const void *)subnets[cluster][choice & 3u],
           sizeof(announcement->subnets));
    announcement->endpoint.private_ip = addresses[(choice >> 3 & 1u) != 0 ? 3 - cluster : cluster];
}

/* The pointers of one that was copied. */
static const struct subwg_endpoint *endpoint_of(struct announcement *announcement)
{
    struct subwg_endpoint *endpoint = &announcement->endpoint;
    announcement->config[0] = (struct subwg_setting){"publicKey", announcement->key};
    endpoint->cluster_id = announcement->cluster_id;
    endpoint->backend_config = announcement->config;
    endpoint->backend_config_count = 1;
    endpoint->subnets = announcement->subnets;
    endpoint->subnet_count = announcement->subnets[1] != NULL ? 2 : 1;
    return endpoint;
}

static void create(void)
{
    static const char *const local_subnets[] = {"10.233.0.0/18"};
    const struct subwg_cable_callbacks callbacks = {.elapsed_ns = elapsed_ns,
                                                    .realtime_ns = realtime_ns};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_error error = SUBWG_ERROR_INIT;
    local.cluster_id = "cluster1";
    local.private_ip = "10.243.64.6";
    local.subnets = local_subnets;
    local.subnet_count = 1;
    (void)subwg_cable_create(world.registry, "wireguard", &callbacks, &local, NULL, 0, &world.cable,
                             &error);
}

static void restart(void)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    create();
    if (world.cable != NULL)
        (void)subwg_cable_init(world.cable, NULL);
}

static void start(void)
{
    fake_kernel_reset();
    fake_kernel_skip_waiting(true);
    (void)fake_kernel_add_link("eth0", NULL);
    fake_kernel_set_link_up("eth0", true);
    fake_kernel_add_address("eth0", "10.243.64.6/24");
    memset(&world, 0, sizeof(world));
    world.elapsed_ns = 1000 * NS_PER_S;
    world.realtime_ns = 1700000000 * NS_PER_S;
    FUZZ_CHECK(sodium_init() >= 0);
    FUZZ_CHECK(subwg_registry_create(&world.registry, NULL) == 0);
    FUZZ_CHECK(subwg_registry_add(world.registry, subwg_wireguard_driver(), NULL) == 0);
    create();
    FUZZ_CHECK(world.cable != NULL && subwg_cable_init(world.cable, NULL) == 0);
}

/* The engine. */

static void connect_one(uint32_t cluster, uint8_t choice)
{
    announce(&world.wanted[cluster], cluster, choice);
    world.is_wanted[cluster] = true;
    (void)subwg_cable_connect(world.cable, endpoint_of(&world.wanted[cluster]), NULL, NULL);
}

static void connect_all(void)
{
    const struct subwg_endpoint *list[CLUSTERS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < CLUSTERS; i++)
        if (world.is_wanted[i])
            list[count++] = endpoint_of(&world.wanted[i]);
    (void)subwg_cable_connect_many(world.cable, list, count, NULL, NULL, NULL);
}

static void disconnect_one(uint32_t cluster)
{
    struct announcement gone;
    announce(&gone, cluster, 0);
    const struct subwg_endpoint *endpoint = endpoint_of(&gone);
    gone.endpoint.backend_config_count = 0; /* whatever its key is */
    (void)subwg_cable_disconnect(world.cable, endpoint, NULL);
    world.is_wanted[cluster] = false;
}

static void read_all(void)
{
    struct subwg_snapshot *snapshot = NULL;
    if (subwg_cable_get_connections(world.cable, &snapshot, NULL) == 0)
        subwg_snapshot_unref(snapshot);
    snapshot = NULL;
    if (subwg_cable_metrics_snapshot(world.cable, &snapshot, NULL) == 0)
        subwg_snapshot_unref(snapshot);
}

static void engine(uint8_t what, uint8_t choice)
{
    if (world.cable == NULL)
        restart();
    if (world.cable == NULL)
        return;
    switch (what % 9) {
    case 0:
        disconnect_one(choice % CLUSTERS);
        break;
    case 1:
        read_all();
        break;
    case 2:
        restart();
        break;
    case 3:
        (void)subwg_cable_list_complete(world.cable, NULL);
        break;
    case 4:
        connect_all();
        break;
    case 5:
        (void)subwg_cable_reconcile(world.cable, choice & SUBWG_RECONCILE_DRY_RUN, NULL, NULL,
                                    NULL);
        break;
    case 6:
        (void)subwg_cable_event_fd(world.cable, NULL);
        break;
    case 7:
        (void)subwg_cable_dispatch(world.cable, NULL);
        break;
    default:
        (void)subwg_cable_init(world.cable, NULL);
        break;
    }
}

/* Other people. */

static bool has_device(void)
{
    char *kernel = fake_kernel_dump_text();
    bool there = strstr(kernel, "link " DEVICE " ") != NULL;
    free(kernel);
    return there;
}

static void touch_peer(uint8_t what, uint8_t choice)
{
    struct announcement someone;
    announce(&someone, choice % CLUSTERS, choice >> 2);
    bool there = fake_kernel_has_peer(DEVICE, someone.public_key);
    if (what == 0 && there)
        fake_kernel_remove_peer(DEVICE, someone.public_key);
    else if (what == 1)
        fake_kernel_add_peer(DEVICE, someone.public_key, subnets[choice >> 4 & 3u][0][0]);
    else if (what == 2 && there)
        fake_kernel_handshake(DEVICE, someone.public_key, (int64_t)(world.realtime_ns / NS_PER_S));
    else if (there)
        fake_kernel_traffic(DEVICE, someone.public_key, choice, 1000);
}

static void touch_link(uint8_t what, uint8_t choice)
{
    if (what == 0)
        fake_kernel_set_link_up(DEVICE, (choice & 1u) != 0);
    else if (what == 1)
        fake_kernel_set_link_mtu(DEVICE, 1280 + choice);
    else if (what == 2 && (choice & 7u) == 7)
        fake_kernel_delete_link(DEVICE);
}

/* An address in what cluster4 announces. */
static void set_late_address(bool there)
{
    if (there && !world.late_address)
        fake_kernel_add_address("eth0", "10.3.0.9/24");
    else if (!there && world.late_address)
        fake_kernel_delete_address("eth0", "10.3.0.9/24");
    world.late_address = there;
}

static void others(uint8_t what, uint8_t choice)
{
    if (what % 12 < 4 && has_device()) {
        touch_peer(what % 12, choice);
    } else if (what % 12 < 7 && has_device()) {
        touch_link(what % 12 - 4, choice);
    } else if (what % 12 == 7) {
        (void)fake_kernel_delete_routes(subnets[choice % CLUSTERS][choice >> 2 & 3u][0], 220);
    } else if (what % 12 == 8) {
        (void)fake_kernel_delete_rules((choice & 1u) != 0 ? AF_INET : AF_INET6, 220);
    } else if (what % 12 < 11) {
        set_late_address(what % 12 == 10);
    } else {
        pass(choice);
    }
}

/* Faults. */

static void fault(uint8_t what, uint8_t choice)
{
    static const int errors[] = {ENOMEM,    ENOBUFS, EINTR,      EAGAIN,      EPERM,  EBUSY,
                                 EINVAL,    ENODEV,  ENOENT,     EEXIST,      EMFILE, EADDRINUSE,
                                 ETIMEDOUT, EIO,     EOPNOTSUPP, ECONNREFUSED};
    uint64_t number = 1 + choice % 32u;
    if (what < 96)
        fake_kernel_fail_request(number, errors[what % 16]);
    else if (what < 192)
        fake_kernel_fail_call(number, errors[what % 16]);
    else if (what < 240)
        fake_kernel_spoil_reply(number, what % 5);
    else
        fake_kernel_interrupt_dumps(choice % 10u);
}

static void end_faults(void)
{
    fake_kernel_fail_request(0, 0);
    fake_kernel_fail_call(0, 0);
    fake_kernel_spoil_reply(0, FAKE_KERNEL_DROP);
    fake_kernel_interrupt_dumps(0);
    set_late_address(false);
}

static void play(struct input *input)
{
    while (input->left > 1 && world.operations++ < OPERATIONS_MAX) {
        uint8_t what = input_byte(input);
        uint8_t choice = input_byte(input);
        if (what < 64 && world.cable != NULL)
            connect_one(what % CLUSTERS, choice);
        else if (what < 128)
            engine(what, choice);
        else if (what < 192)
            others(what, choice);
        else
            fault((uint8_t)(4 * what + (choice >> 6)), choice);
    }
}

/* Afterwards. */

/* Repairs what there is to repair; says why it cannot. */
static int32_t reconcile(void)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    int32_t code = subwg_cable_reconcile(world.cable, 0, NULL, NULL, &error);
    if (code < 0)
        (void)fprintf(stderr, "reconcile: %s\n", error.text);
    FUZZ_CHECK(code >= 0);
    return code;
}

/* Says once more what is wanted, as an engine does after trouble: until nothing fails any more. */
static void settle(bool anew)
{
    end_faults();
    pass(600);
    if (anew || world.cable == NULL)
        restart();
    FUZZ_CHECK(world.cable != NULL);
    /* Sockets are opened by create: what failed there only a new instance can do better. */
    if (subwg_cable_init(world.cable, NULL) < 0)
        restart();
    FUZZ_CHECK(world.cable != NULL && subwg_cable_init(world.cable, NULL) == 1);
    (void)reconcile();
    for (uint32_t i = 0; i < CLUSTERS; i++)
        if (!world.is_wanted[i])
            disconnect_one(i);
    pass(60);
}

static struct announcement *owner_of(const uint8_t key[32])
{
    struct announcement *owner = NULL;
    for (uint32_t i = 0; i < CLUSTERS; i++)
        if (world.is_wanted[i] && memcmp(world.wanted[i].public_key, key, 32) == 0)
            owner = &world.wanted[i];
    return owner;
}

/* The model's line of a peer: exactly the subnets of its announcement, in any order. */
static void check_allowed(const char *line, const struct announcement *announcement)
{
    const char *allowed = strstr(line, " allowed ");
    size_t length = strcspn(line, "\n");
    FUZZ_CHECK(allowed != NULL && allowed < line + length);
    size_t expected = strlen(" allowed");
    for (uint32_t i = 0; i < announcement->endpoint.subnet_count; i++) {
        const char *there = strstr(allowed, announcement->subnets[i]);
        FUZZ_CHECK(there != NULL && there < line + length);
        expected += 1 + strlen(announcement->subnets[i]);
    }
    FUZZ_CHECK((size_t)(line + length - allowed) == expected);
}

static uint32_t count_lines(const char *text, const char *begin)
{
    uint32_t count = 0;
    for (const char *at = text; (at = strstr(at, begin)) != NULL; at++)
        count += at == text || at[-1] == '\n';
    return count;
}

static uint32_t check_peers(const char *kernel)
{
    uint32_t peers = 0;
    for (const char *at = strstr(kernel, "\n  peer "); at != NULL;
         at = strstr(at + 1, "\n  peer ")) {
        uint8_t key[32];
        size_t length = 0;
        FUZZ_CHECK(sodium_base642bin(key, sizeof(key), at + strlen("\n  peer "), 44, NULL, &length,
                                     NULL, sodium_base64_VARIANT_ORIGINAL) == 0);
        struct announcement *owner = owner_of(key);
        FUZZ_CHECK(owner != NULL);
        check_allowed(at + 1, owner);
        peers++;
    }
    return peers;
}

static void check_kernel(const bool *accepted)
{
    char *kernel = fake_kernel_dump_text();
    uint32_t clusters = 0;
    uint32_t routes = 0;
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        char line[96];
        if (!accepted[i])
            continue;
        clusters++;
        routes += world.wanted[i].endpoint.subnet_count;
        for (uint32_t j = 0; j < world.wanted[i].endpoint.subnet_count; j++) {
            (void)snprintf(line, sizeof(line), "route table 220 %s dev " DEVICE,
                           world.wanted[i].subnets[j]);
            FUZZ_CHECK(count_lines(kernel, line) == 1);
        }
    }
    FUZZ_CHECK(check_peers(kernel) == clusters);
    FUZZ_CHECK(count_lines(kernel, "route table 220 ") == routes);
    FUZZ_CHECK(count_lines(kernel, "rule ipv4 220: not fwmark 0x16ef/0xffffffff lookup 220") == 1);
    FUZZ_CHECK(count_lines(kernel, "rule ipv6 220: not fwmark 0x16ef/0xffffffff lookup 220") == 1);
    FUZZ_CHECK(count_lines(kernel, "link " DEVICE " ") == 1);
    free(kernel);
}

static void check_rows(const bool *accepted)
{
    struct subwg_snapshot *snapshot = NULL;
    uint32_t clusters = 0;
    FUZZ_CHECK(subwg_cable_get_connections(world.cable, &snapshot, NULL) == 0);
    for (uint32_t i = 0; i < CLUSTERS; i++)
        clusters += accepted[i];
    FUZZ_CHECK(subwg_snapshot_connection_count(snapshot) == clusters);
    for (uint32_t i = 0; i < clusters; i++) {
        uint32_t reason = subwg_snapshot_connection(snapshot, i)->status_reason;
        FUZZ_CHECK(reason != SUBWG_STATUS_REASON_MISSING && reason != SUBWG_STATUS_REASON_FOREIGN &&
                   reason != SUBWG_STATUS_REASON_CONFLICT);
    }
    subwg_snapshot_unref(snapshot);
}

/* Those that the driver takes, in the end: each that is not taken claims what another one has, and so is
 * taken by none. */
static void connect_wanted(bool *accepted)
{
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        if (!world.is_wanted[i])
            continue;
        int32_t code =
            subwg_cable_connect(world.cable, endpoint_of(&world.wanted[i]), NULL, &error);
        accepted[i] = code >= 0;
        if (code < 0)
            FUZZ_CHECK(code == -EEXIST && error.reason == SUBWG_REASON_CONFLICT);
    }
}

/* Refused now, a cluster may still have the connection that an earlier announcement made, and a leftover
 * with its key. */
static void give_up(uint32_t cluster)
{
    FUZZ_CHECK(subwg_cable_disconnect(world.cable, endpoint_of(&world.wanted[cluster]), NULL) >= 0);
    disconnect_one(cluster);
}

static void check_settled(void)
{
    bool accepted[CLUSTERS] = {false};
    connect_wanted(accepted);
    FUZZ_CHECK(subwg_cable_list_complete(world.cable, NULL) >= 0);
    connect_wanted(accepted); /* leftovers may have stood in the way */
    for (uint32_t i = 0; i < CLUSTERS; i++)
        if (world.is_wanted[i] && !accepted[i])
            give_up(i);
    (void)reconcile();
    pass(60);
    (void)reconcile();
    FUZZ_CHECK(reconcile() == 0);
    check_kernel(accepted);
    check_rows(accepted);
    connect_wanted(accepted);
    uint64_t changes = fake_kernel_counters().changes;
    connect_wanted(accepted);
    FUZZ_CHECK(fake_kernel_counters().changes == changes);
}

static void check_cleaned(void)
{
    FUZZ_CHECK(subwg_cable_cleanup(world.cable, NULL) == 0);
    char *kernel = fake_kernel_dump_text();
    FUZZ_CHECK(strstr(kernel, DEVICE) == NULL && strstr(kernel, "220") == NULL);
    FUZZ_CHECK(strstr(kernel, "address 10.243.64.6/24 dev eth0") != NULL);
    free(kernel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    bool anew = (input_byte(&input) & 1u) != 0;
    start();
    play(&input);
    settle(anew);
    check_settled();
    check_cleaned();
    subwg_cable_destroy(world.cable);
    subwg_registry_destroy(world.registry);
    FUZZ_CHECK(fake_kernel_counters().sockets == 0);
    return 0;
}
