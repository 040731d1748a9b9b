/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard requests: their exact bytes, and that any change arrives whole in bounded messages. */
#include <check.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netlink/wireguard_decode.h"
#include "netlink/wireguard_encode.h"
#include "netlink_model.h"

#define IFINDEX 9u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define H16(value) ((value)&0xff), (((value) >> 8) & 0xff)
#define H32(value) H16(value), (((value) >> 16) & 0xff), (((value) >> 24) & 0xff)
#else
#define H16(value) (((value) >> 8) & 0xff), ((value)&0xff)
#define H32(value) (((value) >> 24) & 0xff), (((value) >> 16) & 0xff), H16(value)
#endif
#define NESTED(type) H16((type) | NLA_F_NESTED)
#define FOUR(byte)   (byte), (byte), (byte), (byte)
#define KEY_OF(byte) \
    FOUR(byte), FOUR(byte), FOUR(byte), FOUR(byte), FOUR(byte), FOUR(byte), FOUR(byte), FOUR(byte)
/* Length, type, flags, sequence and port of the message, then command, version and padding. */
#define HEAD(length, flags, command) \
    H32(length), H16(MODEL_FAMILY), H16(flags), H32(0), H32(0), (command), 1, 0, 0

static union {
    struct nlmsghdr header;
    uint8_t bytes[LIMIT_MESSAGE_BYTES];
} buffer;

static struct key key_of(uint8_t byte)
{
    struct key key;
    memset(&key, byte, sizeof(key));
    return key;
}

/* Golden bytes. */

static void assert_bytes(const uint8_t *expected, size_t length)
{
    ck_assert_uint_eq(buffer.header.nlmsg_len, length);
    for (size_t i = 0; i < length; i++)
        ck_assert_msg(buffer.bytes[i] == expected[i], "byte %zu is 0x%02x, not 0x%02x", i,
                      buffer.bytes[i], expected[i]);
}

/* Encodes a change that fits one message. */
static void encode_one(const struct wg_device_change *change)
{
    struct wireguard_cursor cursor;
    memset(&buffer, 0xa5, sizeof(buffer));
    ck_assert_int_eq(wireguard_encode_start(&cursor, IFINDEX, change), 0);
    ck_assert_int_eq(wireguard_encode_next(&cursor, &buffer, LIMIT_MESSAGE_BYTES, MODEL_FAMILY), 1);
    struct nlmsghdr written = buffer.header;
    ck_assert_int_eq(wireguard_encode_next(&cursor, &buffer, LIMIT_MESSAGE_BYTES, MODEL_FAMILY), 0);
    ck_assert_mem_eq(&buffer.header, &written, sizeof(written));
}

START_TEST(get_is_a_dump_by_ifindex)
{
    static const uint8_t expected[] = {HEAD(28, NLM_F_DUMP, WG_CMD_GET_DEVICE), H16(8),
                                       H16(WGDEVICE_A_IFINDEX), H32(IFINDEX)};
    memset(&buffer, 0xa5, sizeof(buffer));
    wireguard_encode_get(&buffer, MODEL_FAMILY, IFINDEX);
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(device_attributes)
{
    static const uint8_t expected[] = {HEAD(80, 0, WG_CMD_SET_DEVICE),
                                       H16(8),
                                       H16(WGDEVICE_A_IFINDEX),
                                       H32(IFINDEX),
                                       H16(36),
                                       H16(WGDEVICE_A_PRIVATE_KEY),
                                       KEY_OF(0x77),
                                       H16(6),
                                       H16(WGDEVICE_A_LISTEN_PORT),
                                       H16(5871),
                                       0,
                                       0,
                                       H16(8),
                                       H16(WGDEVICE_A_FWMARK),
                                       H32(0x01020304)};
    struct key private_key = key_of(0x77);
    struct wg_device_change change = {.private_key = &private_key,
                                      .set_listen_port = true,
                                      .listen_port = 5871,
                                      .set_mark = true,
                                      .mark = 0x01020304};
    encode_one(&change);
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(nothing_but_the_device)
{
    static const uint8_t expected[] = {HEAD(28, 0, WG_CMD_SET_DEVICE), H16(8),
                                       H16(WGDEVICE_A_IFINDEX), H32(IFINDEX)};
    struct wg_device_change change = {0};
    encode_one(&change);
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(a_peer_with_everything_over_ipv4)
{
    static const uint8_t expected[] = {
        HEAD(28 + 4 + 4 + 36 + 36 + 20 + 8 + 4 + 28, 0, WG_CMD_SET_DEVICE),
        H16(8),
        H16(WGDEVICE_A_IFINDEX),
        H32(IFINDEX),
        H16(4 + 4 + 36 + 36 + 20 + 8 + 4 + 28),
        NESTED(WGDEVICE_A_PEERS),
        H16(4 + 36 + 36 + 20 + 8 + 4 + 28),
        NESTED(0),
        H16(36),
        H16(WGPEER_A_PUBLIC_KEY),
        KEY_OF(0x11),
        H16(36),
        H16(WGPEER_A_PRESHARED_KEY),
        KEY_OF(0x22),
        H16(20),
        H16(WGPEER_A_ENDPOINT),
        H16(2),
        0x16,
        0xef,
        10,
        9,
        8,
        7,
        FOUR(0),
        FOUR(0),
        H16(6),
        H16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL),
        H16(10),
        0,
        0,
        H16(4 + 28),
        NESTED(WGPEER_A_ALLOWEDIPS),
        H16(28),
        NESTED(0),
        H16(6),
        H16(WGALLOWEDIP_A_FAMILY),
        H16(2),
        0,
        0,
        H16(8),
        H16(WGALLOWEDIP_A_IPADDR),
        10,
        1,
        64,
        0,
        H16(5),
        H16(WGALLOWEDIP_A_CIDR_MASK),
        18,
        0,
        0,
        0};
    struct key preshared_key = key_of(0x22);
    struct prefix prefix = {.family = FAMILY_IPV4, .length = 18, .bytes = {10, 1, 64}};
    struct wg_peer_change peer = {
        .public_key = key_of(0x11),
        .preshared_key = &preshared_key,
        .endpoint = {.address = {.family = FAMILY_IPV4, .bytes = {10, 9, 8, 7}}, .port = 5871},
        .set_keepalive = true,
        .keepalive_s = 10,
        .allowed_ips = &prefix,
        .allowed_ip_count = 1};
    encode_one(&(struct wg_device_change){.peers = &peer, .peer_count = 1});
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(a_peer_update_over_ipv6)
{
    static const uint8_t expected[] = {
        HEAD(28 + 4 + 4 + 36 + 8 + 32 + 4 + 40, 0, WG_CMD_SET_DEVICE),
        H16(8),
        H16(WGDEVICE_A_IFINDEX),
        H32(IFINDEX),
        H16(4 + 4 + 36 + 8 + 32 + 4 + 40),
        NESTED(WGDEVICE_A_PEERS),
        H16(4 + 36 + 8 + 32 + 4 + 40),
        NESTED(0),
        H16(36),
        H16(WGPEER_A_PUBLIC_KEY),
        KEY_OF(0x11),
        H16(8),
        H16(WGPEER_A_FLAGS),
        H32(WGPEER_F_UPDATE_ONLY),
        H16(32),
        H16(WGPEER_A_ENDPOINT),
        H16(10),
        0x16,
        0xef,
        H32(0),
        0xfe,
        0x80,
        0,
        0,
        FOUR(0),
        FOUR(0),
        0,
        0,
        0,
        1,
        H32(3),
        H16(4 + 40),
        NESTED(WGPEER_A_ALLOWEDIPS),
        H16(40),
        NESTED(0),
        H16(6),
        H16(WGALLOWEDIP_A_FAMILY),
        H16(10),
        0,
        0,
        H16(20),
        H16(WGALLOWEDIP_A_IPADDR),
        0xfd,
        0,
        0,
        1,
        FOUR(0),
        FOUR(0),
        FOUR(0),
        H16(5),
        H16(WGALLOWEDIP_A_CIDR_MASK),
        48,
        0,
        0,
        0};
    struct prefix prefix = {.family = FAMILY_IPV6, .length = 48, .bytes = {0xfd, 0, 0, 1}};
    struct wg_peer_change peer = {.public_key = key_of(0x11),
                                  .flags = WG_PEER_UPDATE_ONLY,
                                  .endpoint = {.address = {.family = FAMILY_IPV6,
                                                           .bytes = {0xfe, 0x80, [15] = 1},
                                                           .scope = 3},
                                               .port = 5871},
                                  .allowed_ips = &prefix,
                                  .allowed_ip_count = 1};
    encode_one(&(struct wg_device_change){.peers = &peer, .peer_count = 1});
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(a_removal)
{
    static const uint8_t expected[] = {HEAD(28 + 4 + 4 + 36 + 8, 0, WG_CMD_SET_DEVICE),
                                       H16(8),
                                       H16(WGDEVICE_A_IFINDEX),
                                       H32(IFINDEX),
                                       H16(4 + 4 + 36 + 8),
                                       NESTED(WGDEVICE_A_PEERS),
                                       H16(4 + 36 + 8),
                                       NESTED(0),
                                       H16(36),
                                       H16(WGPEER_A_PUBLIC_KEY),
                                       KEY_OF(0x11),
                                       H16(8),
                                       H16(WGPEER_A_FLAGS),
                                       H32(WGPEER_F_REMOVE_ME)};
    struct wg_peer_change peer = {.public_key = key_of(0x11), .flags = WG_PEER_REMOVE};
    encode_one(&(struct wg_device_change){.peers = &peer, .peer_count = 1});
    assert_bytes(expected, sizeof(expected));
}
END_TEST

START_TEST(absence_is_sent_too)
{
    static const uint8_t expected[] = {HEAD(28 + 4 + 4 + 36 + 36 + 8, 0, WG_CMD_SET_DEVICE),
                                       H16(8),
                                       H16(WGDEVICE_A_IFINDEX),
                                       H32(IFINDEX),
                                       H16(4 + 4 + 36 + 36 + 8),
                                       NESTED(WGDEVICE_A_PEERS),
                                       H16(4 + 36 + 36 + 8),
                                       NESTED(0),
                                       H16(36),
                                       H16(WGPEER_A_PUBLIC_KEY),
                                       KEY_OF(0x11),
                                       H16(36),
                                       H16(WGPEER_A_PRESHARED_KEY),
                                       KEY_OF(0),
                                       H16(6),
                                       H16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL),
                                       H16(0),
                                       0,
                                       0};
    struct key none = key_of(0);
    struct wg_peer_change peer = {
        .public_key = key_of(0x11), .preshared_key = &none, .set_keepalive = true};
    encode_one(&(struct wg_device_change){.peers = &peer, .peer_count = 1});
    assert_bytes(expected, sizeof(expected));
}
END_TEST

/* Any change, in any number of messages. */

/* Replays a change on the model; returns the number of messages. */
static uint32_t replay(const struct wg_device_change *change, size_t size, struct model *model)
{
    struct wireguard_cursor cursor;
    uint32_t before = model->requests;
    ck_assert_int_eq(wireguard_encode_start(&cursor, IFINDEX, change), 0);
    for (;;) {
        struct wireguard_cursor last = cursor;
        int32_t code = wireguard_encode_next(&cursor, &buffer, size, MODEL_FAMILY);
        if (code < 0)
            ck_abort_msg("failed with %d", code);
        if (code == 0)
            return model->requests - before;
        if (buffer.header.nlmsg_len > size ||
            (cursor.peer == last.peer && cursor.allowed_ip <= last.allowed_ip &&
             change->peer_count != 0))
            ck_abort_msg("%u bytes, peer %u, allowed IP %u", buffer.header.nlmsg_len, cursor.peer,
                         cursor.allowed_ip);
        model_apply(model, &buffer.header);
    }
}

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((random_state >> 33) * limit) >> 31);
}

static struct prefix random_prefix(void)
{
    struct prefix prefix = {.family = random_below(2) == 0 ? FAMILY_IPV4 : FAMILY_IPV6};
    prefix.length = (uint8_t)random_below(prefix.family + 1u);
    for (uint32_t i = 0; i < prefix.family / 8u; i++)
        prefix.bytes[i] = (uint8_t)random_below(256);
    return prefix_masked(&prefix);
}

static struct socket_address random_endpoint(void)
{
    static const uint8_t families[] = {FAMILY_NONE, FAMILY_IPV4, FAMILY_IPV6};
    struct socket_address endpoint = {.address = {.family = families[random_below(3)]}};
    for (uint32_t i = 0; i < endpoint.address.family / 8u; i++)
        endpoint.address.bytes[i] = (uint8_t)random_below(256);
    if (endpoint.address.family != FAMILY_NONE)
        endpoint.port = (uint16_t)random_below(65536);
    if (endpoint.address.family == FAMILY_IPV6)
        endpoint.address.scope = random_below(3);
    return endpoint;
}

/* Its first bytes are the number, which the model takes for a hint. */
static struct key numbered_key(uint32_t number)
{
    struct key key = key_of(0x5a);
    memcpy(key.bytes, &number, sizeof(number));
    return key;
}

struct configuration {
    struct wg_device_change change;
    struct wg_peer_change *peers;
    struct prefix *prefixes;
    struct key private_key;
    struct key preshared_key;
};

/* Mostly small peers, some with very many allowed IPs. */
static void random_configuration(struct configuration *configuration, uint32_t peer_count,
                                 uint32_t prefix_count)
{
    uint32_t used = 0;
    *configuration =
        (struct configuration){.private_key = key_of(0x77), .preshared_key = key_of(0x22)};
    struct wg_peer_change *peers = calloc(peer_count + 1u, sizeof(*peers));
    struct prefix *prefixes = calloc(prefix_count + 1u, sizeof(*prefixes));
    ck_assert(peers != NULL && prefixes != NULL);
    for (uint32_t i = 0; i < prefix_count; i++)
        prefixes[i] = random_prefix();
    for (uint32_t i = 0; i < peer_count; i++) {
        uint32_t count = random_below(random_below(10) == 0 ? 3000 : 8);
        if (count > prefix_count - used)
            count = prefix_count - used;
        peers[i] = (struct wg_peer_change){
            .public_key = numbered_key(i),
            .preshared_key = random_below(2) == 0 ? &configuration->preshared_key : NULL,
            .endpoint = random_endpoint(),
            .set_keepalive = random_below(2) == 0,
            .keepalive_s = (uint16_t)random_below(65536),
            .allowed_ips = &prefixes[used],
            .allowed_ip_count = count};
        used += count;
    }
    configuration->peers = peers;
    configuration->prefixes = prefixes;
    configuration->change = (struct wg_device_change){.private_key = &configuration->private_key,
                                                      .set_listen_port = true,
                                                      .listen_port = 5871,
                                                      .set_mark = true,
                                                      .mark = 5871,
                                                      .peers = peers,
                                                      .peer_count = peer_count};
}

static void assert_model_is(const struct model *model, const struct configuration *configuration)
{
    uint32_t with_attributes = 0;
    ck_assert_uint_eq(model->ifindex, IFINDEX);
    ck_assert(key_equal(&model->private_key, &configuration->private_key));
    ck_assert_uint_eq(model->listen_port, 5871);
    ck_assert_uint_eq(model->mark, 5871);
    ck_assert_uint_eq(model->peer_count, configuration->change.peer_count);
    for (uint32_t i = 0; i < model->peer_count; i++) {
        const struct wg_peer_change *wanted = &configuration->peers[i];
        const struct model_peer *peer = &model->peers[i];
        if (!key_equal(&peer->public_key, &wanted->public_key) ||
            key_is_zero(&peer->preshared_key) != (wanted->preshared_key == NULL) ||
            !socket_address_equal(&peer->endpoint, &wanted->endpoint) ||
            peer->keepalive_s != (wanted->set_keepalive ? wanted->keepalive_s : 0) ||
            peer->allowed_ip_count != wanted->allowed_ip_count)
            ck_abort_msg("peer %u differs", i);
        for (uint32_t n = 0; n < wanted->allowed_ip_count; n++)
            if (!prefix_equal(&peer->allowed_ips[n], &wanted->allowed_ips[n]))
                ck_abort_msg("allowed IP %u of peer %u differs", n, i);
        with_attributes += wanted->preshared_key != NULL || wanted->set_keepalive ||
                           wanted->endpoint.address.family != FAMILY_NONE;
    }
    /* Device attributes in the first message only, a peer's own in its first part only. */
    ck_assert_uint_eq(model->device_attributes, 1);
    ck_assert_uint_eq(model->peer_attributes, with_attributes);
    ck_assert_uint_eq(model->updates_of_the_lost, 0);
    ck_assert_uint_le(model->most_peers, LIMIT_PEERS_A_MESSAGE);
}

struct redump {
    struct wireguard_decoder decoder;
    struct wg_device device;
};

static void decode_message(void *context, const struct nlmsghdr *message)
{
    struct redump *redump = context;
    struct attributes attributes;
    ck_assert_int_eq(attributes_of_message(message, sizeof(struct genlmsghdr), &attributes), 0);
    ck_assert_int_eq(wireguard_decode(&redump->decoder, attributes), 0);
}

/* Encodes, replays, dumps, decodes: what comes out went in, however the messages are cut. */
START_TEST(random_changes_arrive_whole)
{
    static const uint32_t peer_counts[] = {0, 1, 2, 63, 64, 65, 300, 1000, 5000};
    static const size_t dump_sizes[] = {4096, 8192, 16384, 32768};
    random_state = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
    uint32_t peer_count = peer_counts[(size_t)_i % (sizeof(peer_counts) / sizeof(peer_counts[0]))];
    struct configuration configuration;
    struct model model = {0};
    struct redump redump = {0};
    random_configuration(&configuration, peer_count, peer_count == 5000 ? 200000 : peer_count * 20);
    replay(&configuration.change, LIMIT_MESSAGE_BYTES, &model);
    assert_model_is(&model, &configuration);

    for (uint32_t i = 0; i < model.peer_count; i++) {
        model.peers[i].rx_bytes = UINT64_MAX - i;
        model.peers[i].tx_bytes = i;
        model.peers[i].handshake_s = i % 3 == 0 ? 0 : UINT64_C(1) << 40;
        model.peers[i].handshake_ns = i;
    }
    model.public_key = key_of(0x33);
    for (size_t i = 0; i < sizeof(dump_sizes) / sizeof(dump_sizes[0]); i++) {
        wireguard_decode_start(&redump.decoder, &redump.device, &configuration.preshared_key);
        model_dump(&model, dump_sizes[i], decode_message, &redump);
        model_assert_equal(&model, &redump.device, &configuration.preshared_key);
    }
    wg_device_finish(&redump.device);
    model_finish(&model);
    free(configuration.peers);
    free(configuration.prefixes);
}
END_TEST

START_TEST(small_messages_arrive_whole_too)
{
    struct configuration configuration;
    random_state = 1;
    random_configuration(&configuration, 40, 400);
    for (size_t size = WIREGUARD_LEAST_MESSAGE_BYTES; size < 1200; size++) {
        struct model model = {0};
        replay(&configuration.change, size, &model);
        assert_model_is(&model, &configuration);
        model_finish(&model);
    }
    struct wireguard_cursor cursor;
    ck_assert_int_eq(wireguard_encode_start(&cursor, IFINDEX, &configuration.change), 0);
    ck_assert_int_eq(
        wireguard_encode_next(&cursor, &buffer, WIREGUARD_LEAST_MESSAGE_BYTES - 1, MODEL_FAMILY),
        -EMSGSIZE);
    free(configuration.peers);
    free(configuration.prefixes);
}
END_TEST

/* Who wipes a message with its keys wipes so much behind it. */
START_TEST(what_does_not_fit_stays_close_behind_the_message)
{
    struct configuration configuration;
    struct wireguard_cursor cursor;
    bool spilled = false;
    random_state = 2;
    random_configuration(&configuration, 40, 400);
    for (size_t size = WIREGUARD_LEAST_MESSAGE_BYTES; size < 2000; size += 4) {
        ck_assert_int_eq(wireguard_encode_start(&cursor, IFINDEX, &configuration.change), 0);
        for (;;) {
            memset(&buffer, 0xa5, 4096);
            if (wireguard_encode_next(&cursor, &buffer, size, MODEL_FAMILY) == 0)
                break;
            size_t end = buffer.header.nlmsg_len;
            spilled |= buffer.bytes[end + 12] != 0xa5;
            size_t i = end + WIREGUARD_LEAST_MESSAGE_BYTES;
            while (i < 4096 && buffer.bytes[i] == 0xa5)
                i++;
            ck_assert_msg(i >= 4096, "%zu bytes behind the end", i - end);
        }
    }
    ck_assert(spilled);
    free(configuration.peers);
    free(configuration.prefixes);
}
END_TEST

START_TEST(a_message_is_never_larger_than_the_limit)
{
    enum { COUNT = 2 * 65535 };
    struct prefix *prefixes = calloc(COUNT, sizeof(*prefixes));
    ck_assert_ptr_nonnull(prefixes);
    for (uint32_t i = 0; i < COUNT; i++)
        prefixes[i] =
            (struct prefix){.family = FAMILY_IPV4,
                            .length = 32,
                            .bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
    struct wg_peer_change peer = {
        .public_key = numbered_key(0), .allowed_ips = prefixes, .allowed_ip_count = COUNT};
    struct wg_device_change change = {.peers = &peer, .peer_count = 1};
    struct model model = {0};
    replay(&change, SIZE_MAX, &model);
    ck_assert_uint_eq(model.peers[0].allowed_ip_count, COUNT);
    ck_assert_uint_le(model.most_bytes, LIMIT_MESSAGE_BYTES);
    ck_assert_uint_gt(model.most_bytes, LIMIT_MESSAGE_BYTES - 64);
    ck_assert_uint_eq(model.updates_of_the_lost, 0);
    model_finish(&model);
    free(prefixes);
}
END_TEST

/* Peers a message. */

static uint32_t messages_for(const struct wg_peer_change *peers, uint32_t count,
                             struct model *model)
{
    struct wg_device_change change = {.peers = peers, .peer_count = count};
    model->most_peers = 0;
    return replay(&change, LIMIT_MESSAGE_BYTES, model);
}

START_TEST(peers_a_message_are_bounded)
{
    enum { COUNT = LIMIT_REMOVALS_A_MESSAGE + 1 };
    struct wg_peer_change peers[COUNT];
    struct model model = {0};
    for (uint32_t i = 0; i < COUNT; i++)
        peers[i] = (struct wg_peer_change){.public_key = numbered_key(i)};
    ck_assert_uint_eq(messages_for(peers, LIMIT_PEERS_A_MESSAGE, &model), 1);
    ck_assert_uint_eq(model.most_peers, LIMIT_PEERS_A_MESSAGE);
    ck_assert_uint_eq(messages_for(peers, LIMIT_PEERS_A_MESSAGE + 1, &model), 2);
    ck_assert_uint_eq(model.most_peers, LIMIT_PEERS_A_MESSAGE);

    for (uint32_t i = 0; i < COUNT; i++)
        peers[i].flags = WG_PEER_REMOVE;
    ck_assert_uint_eq(messages_for(peers, LIMIT_REMOVALS_A_MESSAGE, &model), 1);
    ck_assert_uint_eq(model.most_peers, LIMIT_REMOVALS_A_MESSAGE);
    ck_assert_uint_eq(messages_for(peers, LIMIT_REMOVALS_A_MESSAGE + 1, &model), 2);
    ck_assert_uint_eq(model.most_peers, LIMIT_REMOVALS_A_MESSAGE);
    ck_assert_uint_eq(model.peer_count, 0);

    /* One that is no removal behind more removals than it may share a message with. */
    peers[LIMIT_PEERS_A_MESSAGE].flags = 0;
    ck_assert_uint_eq(messages_for(peers, LIMIT_PEERS_A_MESSAGE + 1, &model), 2);
    ck_assert_uint_eq(messages_for(peers + 1, LIMIT_PEERS_A_MESSAGE, &model), 1);
    model_finish(&model);
}
END_TEST

/* Fails if a message ends between a passing peer, the last but one, and its removal. */
static void assert_passes_unseen(const struct wg_peer_change *peers, uint32_t count)
{
    struct wg_device_change change = {.peers = peers, .peer_count = count};
    struct wireguard_cursor cursor;
    struct model model = {0};
    ck_assert_int_eq(wireguard_encode_start(&cursor, IFINDEX, &change), 0);
    while (wireguard_encode_next(&cursor, &buffer, LIMIT_MESSAGE_BYTES, MODEL_FAMILY) > 0) {
        model_apply(&model, &buffer.header);
        ck_assert_uint_ne(cursor.peer, count - 1);
    }
    ck_assert_uint_eq(model.peer_count, count - 2);
    ck_assert_uint_le(model.most_peers, LIMIT_PEERS_A_MESSAGE);
    model_finish(&model);
}

/* A passing peer takes allowed IPs away and goes: nobody may see it between two messages. */
START_TEST(a_passing_peer_stays_in_one_message)
{
    enum { ALLOWED_IPS = 1300 };
    struct wg_peer_change peers[72];
    struct prefix prefixes[ALLOWED_IPS];
    for (uint32_t i = 0; i < ALLOWED_IPS; i++)
        prefixes[i] = (struct prefix){
            .family = FAMILY_IPV4, .length = 32, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
    for (uint32_t before = 0; before <= 70; before++) {
        peers[before] =
            (struct wg_peer_change){.public_key = key_of(0xee), .allowed_ips = prefixes};
        peers[before + 1] =
            (struct wg_peer_change){.public_key = key_of(0xee), .flags = WG_PEER_REMOVE};
        for (uint32_t count = before % 7 == 0 ? 1140 : 1; count < ALLOWED_IPS;) {
            peers[before].allowed_ip_count = count;
            assert_passes_unseen(peers, before + 2);
            count += before % 7 == 0 ? 1 : 400;
        }
        peers[before] = (struct wg_peer_change){.public_key = numbered_key(before)};
    }
}
END_TEST

START_TEST(the_same_key_twice_keeps_its_order)
{
    struct prefix prefix = {.family = FAMILY_IPV4, .length = 32, .bytes = {10, 0, 0, 1}};
    struct wg_peer_change peers[3] = {
        {.public_key = numbered_key(0), .allowed_ips = &prefix, .allowed_ip_count = 1},
        {.public_key = numbered_key(0), .flags = WG_PEER_REMOVE},
        {.public_key = numbered_key(0), .set_keepalive = true, .keepalive_s = 7}};
    struct model model = {0};
    ck_assert_uint_eq(messages_for(peers, 3, &model), 1);
    ck_assert_uint_eq(model.peer_count, 1);
    ck_assert_uint_eq(model.peers[0].keepalive_s, 7);
    ck_assert_uint_eq(model.peers[0].allowed_ip_count, 0);
    model_finish(&model);
}
END_TEST

/* Refused before anything is sent. */

static int32_t start_with(const struct wg_peer_change *peer)
{
    struct wg_peer_change peers[2] = {{.public_key = numbered_key(0)}, *peer};
    struct wg_device_change change = {.peers = peers, .peer_count = 2};
    struct wireguard_cursor cursor;
    return wireguard_encode_start(&cursor, IFINDEX, &change);
}

START_TEST(what_the_kernel_would_refuse_half_way)
{
    static const struct prefix bad[] = {
        {.family = FAMILY_IPV4, .length = 33},
        {.family = FAMILY_IPV6, .length = 129},
        {.family = FAMILY_NONE},
        {.family = 3, .length = 3},
        {.family = FAMILY_IPV4, .length = 8, .bytes = {10, 1, 2, 3}},
        {.family = FAMILY_IPV6, .length = 16, .bytes = {0xfd, 0, 1}}};
    struct prefix good = {.family = FAMILY_IPV4, .length = 32, .bytes = {10, 1, 2, 3}};
    struct wg_peer_change peer = {
        .public_key = key_of(1), .allowed_ips = &good, .allowed_ip_count = 1};
    ck_assert_int_eq(start_with(&peer), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        peer.allowed_ips = &bad[i];
        ck_assert_msg(start_with(&peer) == -EINVAL, "prefix %zu", i);
    }
    peer =
        (struct wg_peer_change){.public_key = key_of(1), .endpoint = {.address = {.family = 64}}};
    ck_assert_int_eq(start_with(&peer), -EINVAL);
    peer = (struct wg_peer_change){.public_key = key_of(1), .flags = 0x80};
    ck_assert_int_eq(start_with(&peer), -EINVAL);
    peer = (struct wg_peer_change){.public_key = key_of(1), .flags = WG_PEER_REMOVE};
    ck_assert_int_eq(start_with(&peer), 0);
    peer.set_keepalive = true;
    ck_assert_int_eq(start_with(&peer), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("netlink_encode");
    TCase *golden = tcase_create("golden");
    tcase_add_test(golden, get_is_a_dump_by_ifindex);
    tcase_add_test(golden, device_attributes);
    tcase_add_test(golden, nothing_but_the_device);
    tcase_add_test(golden, a_peer_with_everything_over_ipv4);
    tcase_add_test(golden, a_peer_update_over_ipv6);
    tcase_add_test(golden, a_removal);
    tcase_add_test(golden, absence_is_sent_too);
    suite_add_tcase(suite, golden);
    TCase *replays = tcase_create("replay");
    tcase_set_timeout(replays, 30);
    tcase_add_loop_test(replays, random_changes_arrive_whole, 0, 9);
    tcase_add_test(replays, small_messages_arrive_whole_too);
    tcase_add_test(replays, what_does_not_fit_stays_close_behind_the_message);
    tcase_add_test(replays, a_message_is_never_larger_than_the_limit);
    tcase_add_test(replays, peers_a_message_are_bounded);
    tcase_add_test(replays, a_passing_peer_stays_in_one_message);
    tcase_add_test(replays, the_same_key_twice_keeps_its_order);
    tcase_add_test(replays, what_the_kernel_would_refuse_half_way);
    suite_add_tcase(suite, replays);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
