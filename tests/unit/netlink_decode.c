/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard dumps: what the kernel writes is read whole, what it would never write is refused, and no
 * byte outside the message is touched (run it under AddressSanitizer). */
#include <check.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "netlink/wireguard_decode.h"
#include "netlink_model.h"
#include "unusual_dump.h"

#define HEAD_BYTES (sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr))

static struct wireguard_decoder decoder;
static struct wg_device device;

static struct key key_of(uint8_t byte)
{
    struct key key;
    memset(&key, byte, sizeof(key));
    return key;
}

/* What came of the same messages laid out as no kernel does; kept beside. */
static struct wireguard_decoder unusual_decoder;
static struct wg_device unusual_device;

static void expect(const struct key *preshared_key)
{
    wireguard_decode_start(&decoder, &device, preshared_key);
    wireguard_decode_start(&unusual_decoder, &unusual_device, preshared_key);
}

static void start(void)
{
    expect(NULL);
}

static void finish(void)
{
    wg_device_finish(&device);
    wg_device_finish(&unusual_device);
}

/* Decodes a copy that ends where its allocation ends. */
static int32_t decode(const void *attributes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, attributes, length);
    int32_t code = wireguard_decode(&decoder, attributes_over(copy, length));
    dump_make_unusual(copy, length, 0);
    ck_assert_int_eq(wireguard_decode(&unusual_decoder, attributes_over(copy, length)), code);
    ck_assert(code != 0 || dump_same(&device, &unusual_device));
    free(copy);
    return code;
}

/* Messages. */

#define MESSAGES_MOST 64

struct messages {
    uint32_t count;
    size_t lengths[MESSAGES_MOST];
    uint8_t *attributes[MESSAGES_MOST]; /* of each message */
};

static void keep_message(void *context, const struct nlmsghdr *message)
{
    struct messages *messages = context;
    size_t length = message->nlmsg_len - HEAD_BYTES;
    ck_assert_uint_lt(messages->count, MESSAGES_MOST);
    messages->attributes[messages->count] = malloc(length);
    ck_assert_ptr_nonnull(messages->attributes[messages->count]);
    memcpy(messages->attributes[messages->count], (const uint8_t *)message + HEAD_BYTES, length);
    messages->lengths[messages->count++] = length;
}

static void drop_messages(struct messages *messages)
{
    for (uint32_t i = 0; i < messages->count; i++)
        free(messages->attributes[i]);
    messages->count = 0;
}

static int32_t decode_all(const struct messages *messages)
{
    int32_t code = 0;
    for (uint32_t i = 0; i < messages->count && code == 0; i++)
        code = decode(messages->attributes[i], messages->lengths[i]);
    return code;
}

/* A peer with everything, and one with nothing. */
static struct prefix two_prefixes[] = {
    {.family = FAMILY_IPV4, .length = 18, .bytes = {10, 1, 64}},
    {.family = FAMILY_IPV6, .length = 48, .bytes = {0xfd, 0, 0, 1}}};
static struct model_peer two_peers[] = {
    {.endpoint = {.address = {.family = FAMILY_IPV4, .bytes = {10, 9, 8, 7}}, .port = 5871},
     .keepalive_s = 10,
     .handshake_s = 1700000000,
     .handshake_ns = 999999999,
     .rx_bytes = 7,
     .tx_bytes = 8,
     .allowed_ips = two_prefixes,
     .allowed_ip_count = 2},
    {.endpoint = {.address = {.family = FAMILY_IPV6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 3},
                  .port = 1}}};

static struct model small_model(void)
{
    two_peers[0].public_key = key_of(0x11);
    two_peers[0].preshared_key = key_of(0x22);
    two_peers[1].public_key = key_of(0x33);
    return (struct model){.ifindex = 9,
                          .private_key = key_of(0x77),
                          .public_key = key_of(0x78),
                          .listen_port = 5871,
                          .mark = 5871,
                          .peers = two_peers,
                          .peer_count = 2};
}

/* What the kernel writes. */

START_TEST(a_device_without_key_or_peers)
{
    struct model model = {.ifindex = 9, .listen_port = 1};
    struct messages messages = {0};
    model_dump(&model, 4096, keep_message, &messages);
    ck_assert_int_eq(decode_all(&messages), 0);
    model_assert_equal(&model, &device, NULL);
    ck_assert(!device.has_private_key);
    drop_messages(&messages);
}
END_TEST

START_TEST(everything_reads_back)
{
    struct model model = small_model();
    struct messages messages = {0};
    model_dump(&model, 4096, keep_message, &messages);
    ck_assert_int_eq(decode_all(&messages), 0);
    model_assert_equal(&model, &device, NULL);
    expect(&model.peers[0].preshared_key);
    ck_assert_int_eq(decode_all(&messages), 0);
    model_assert_equal(&model, &device, &model.peers[0].preshared_key);
    ck_assert_uint_eq(device.peers[0].preshared_key, WG_PRESHARED_KEY_EXPECTED);
    drop_messages(&messages);
}
END_TEST

START_TEST(extreme_values_read_back)
{
    struct model model = small_model();
    struct messages messages = {0};
    model.listen_port = UINT16_MAX;
    model.mark = UINT32_MAX;
    model.peers[0].keepalive_s = UINT16_MAX;
    model.peers[0].handshake_s = UINT64_C(1) << 63;
    model.peers[0].rx_bytes = UINT64_MAX;
    model.peers[0].tx_bytes = UINT64_MAX;
    model.peers[1].endpoint = (struct socket_address){0};
    model_dump(&model, 4096, keep_message, &messages);
    ck_assert_int_eq(decode_all(&messages), 0);
    model_assert_equal(&model, &device, NULL);
    drop_messages(&messages);
}
END_TEST

/* 60 peers, the first with 1,500 allowed IPs, at the chunk sizes that the kernel uses. */
START_TEST(a_dump_of_many_messages_is_joined)
{
    static const size_t sizes[] = {4096, 8192, 16384, 32428};
    struct prefix prefixes[1500];
    struct model_peer peers[60];
    for (uint32_t i = 0; i < 1500; i++)
        prefixes[i] = (struct prefix){
            .family = FAMILY_IPV4, .length = 32, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
    for (uint32_t i = 0; i < 60; i++)
        peers[i] = (struct model_peer){.public_key = key_of((uint8_t)(i + 1)),
                                       .rx_bytes = i,
                                       .allowed_ips = prefixes,
                                       .allowed_ip_count = i == 0 ? 1500 : i % 3};
    struct model model = {
        .ifindex = 9, .private_key = key_of(0x77), .peers = peers, .peer_count = 60};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct messages messages = {0};
        model_dump(&model, sizes[i], keep_message, &messages);
        ck_assert_uint_gt(messages.count, 1);
        start();
        ck_assert_int_eq(decode_all(&messages), 0);
        model_assert_equal(&model, &device, NULL);
        drop_messages(&messages);
    }
}
END_TEST

/* Hand-made messages. */

struct made {
    union {
        struct nlmsghdr header;
        uint8_t bytes[4096];
    } buffer;
    struct nlmsghdr *message;
};

static void make(struct made *made)
{
    memset(made, 0, sizeof(*made));
    made->message = mnl_nlmsg_put_header(&made->buffer);
    mnl_nlmsg_put_extra_header(made->message, sizeof(struct genlmsghdr));
}

static int32_t decode_made(const struct made *made)
{
    return decode(made->buffer.bytes + HEAD_BYTES, made->message->nlmsg_len - HEAD_BYTES);
}

static void put_peer_part(struct nlmsghdr *message, uint8_t key, uint8_t first_octet)
{
    struct key public_key = key_of(key);
    uint8_t address[4] = {first_octet};
    struct nlattr *peer = mnl_attr_nest_start(message, 0);
    mnl_attr_put(message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, &public_key);
    struct nlattr *list = mnl_attr_nest_start(message, WGPEER_A_ALLOWEDIPS);
    if (first_octet != 0) {
        struct nlattr *element = mnl_attr_nest_start(message, 0);
        mnl_attr_put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET);
        mnl_attr_put(message, WGALLOWEDIP_A_IPADDR, 4, address);
        mnl_attr_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, 8);
        mnl_attr_nest_end(message, element);
    }
    mnl_attr_nest_end(message, list);
    mnl_attr_nest_end(message, peer);
}

START_TEST(parts_of_a_peer_are_joined_when_adjacent)
{
    struct made made;
    make(&made);
    struct nlattr *peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    struct key key = key_of(1);
    struct nlattr *peer = mnl_attr_nest_start(made.message, 0);
    mnl_attr_put(made.message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, &key);
    mnl_attr_put_u64(made.message, WGPEER_A_RX_BYTES, 77);
    mnl_attr_nest_end(made.message, peer);
    put_peer_part(made.message, 1, 10);
    mnl_attr_nest_end(made.message, peers);
    ck_assert_int_eq(decode_made(&made), 0);

    make(&made);
    peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    put_peer_part(made.message, 1, 11);
    put_peer_part(made.message, 1, 0);
    put_peer_part(made.message, 2, 12);
    mnl_attr_nest_end(made.message, peers);
    ck_assert_int_eq(decode_made(&made), 0);

    ck_assert_uint_eq(device.peer_count, 2);
    ck_assert_uint_eq(device.peers[0].rx_bytes, 77);
    ck_assert_uint_eq(device.peers[0].allowed_ip_count, 2);
    ck_assert_uint_eq(device.peers[1].allowed_ip_first, 2);
    ck_assert_uint_eq(device.peers[1].allowed_ip_count, 1);
    ck_assert_uint_eq(device.allowed_ips[1].bytes[0], 11);
    ck_assert_uint_eq(device.allowed_ips[2].bytes[0], 12);
}
END_TEST

START_TEST(what_is_unknown_is_ignored)
{
    static const uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};
    struct key key = key_of(1);
    struct made made;
    make(&made);
    mnl_attr_put(made.message, 0, sizeof(bytes), bytes);
    mnl_attr_put(made.message, 99, sizeof(bytes), bytes);
    mnl_attr_put_u32(made.message, WGDEVICE_A_IFINDEX | NLA_F_NET_BYTEORDER, 9);
    mnl_attr_put(made.message, 0x3fff, 0, NULL);
    struct nlattr *peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(made.message, 77);
    mnl_attr_put(made.message, 0, sizeof(bytes), bytes);
    mnl_attr_put(made.message, 11, sizeof(bytes), bytes);
    mnl_attr_put(made.message, WGPEER_A_PUBLIC_KEY | NLA_F_NESTED, KEY_SIZE, &key);
    struct nlattr *list = mnl_attr_nest_start(made.message, WGPEER_A_ALLOWEDIPS);
    struct nlattr *element = mnl_attr_nest_start(made.message, 4);
    mnl_attr_put(made.message, WGALLOWEDIP_A_IPADDR, 4, bytes); /* before its family */
    mnl_attr_put_u32(made.message, 4, 1);                       /* flags, from 6.16 on */
    mnl_attr_put_u8(made.message, WGALLOWEDIP_A_CIDR_MASK, 32);
    mnl_attr_put_u16(made.message, WGALLOWEDIP_A_FAMILY, AF_INET);
    mnl_attr_nest_end(made.message, element);
    mnl_attr_nest_end(made.message, list);
    mnl_attr_nest_end(made.message, peer);
    mnl_attr_nest_end(made.message, peers);
    made.message->nlmsg_len += 3; /* padding */
    ck_assert_int_eq(decode_made(&made), 0);
    ck_assert_uint_eq(device.ifindex, 9);
    ck_assert_uint_eq(device.peer_count, 1);
    ck_assert_uint_eq(device.allowed_ip_count, 1);
    ck_assert_uint_eq(device.allowed_ips[0].length, 32);
    ck_assert_mem_eq(device.allowed_ips[0].bytes, bytes, 4);
}
END_TEST

START_TEST(an_empty_message_says_nothing)
{
    ck_assert_int_eq(decode("", 0), 0);
    ck_assert_int_eq(decode("\0\0\0", 3), 0);
    ck_assert_uint_eq(device.peer_count, 0);
}
END_TEST

/* What it would never write. */

/* Decodes one allowed IP made of these attributes; a length of 0 leaves one out. */
static int32_t decode_allowed_ip(uint16_t family, size_t address_length, size_t length_size,
                                 uint8_t length)
{
    uint8_t bytes[32] = {0};
    struct key key = key_of(1);
    struct made made;
    make(&made);
    struct nlattr *peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(made.message, 0);
    mnl_attr_put(made.message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, &key);
    struct nlattr *list = mnl_attr_nest_start(made.message, WGPEER_A_ALLOWEDIPS);
    struct nlattr *element = mnl_attr_nest_start(made.message, 0);
    if (family != AF_UNSPEC)
        mnl_attr_put_u16(made.message, WGALLOWEDIP_A_FAMILY, family);
    if (address_length > 0)
        mnl_attr_put(made.message, WGALLOWEDIP_A_IPADDR, address_length, bytes);
    bytes[0] = length;
    if (length_size > 0)
        mnl_attr_put(made.message, WGALLOWEDIP_A_CIDR_MASK, length_size, bytes);
    mnl_attr_nest_end(made.message, element);
    mnl_attr_nest_end(made.message, list);
    mnl_attr_nest_end(made.message, peer);
    mnl_attr_nest_end(made.message, peers);
    return decode_made(&made);
}

START_TEST(allowed_ips_that_cannot_be)
{
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 4, 1, 32), 0);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 4, 1, 0), 0);
    ck_assert_int_eq(decode_allowed_ip(AF_INET6, 16, 1, 128), 0);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 4, 1, 33), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET6, 16, 1, 129), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(3, 4, 1, 3), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 16, 1, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET6, 4, 1, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 3, 1, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 4, 2, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_UNSPEC, 4, 1, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 0, 1, 8), -EBADMSG);
    ck_assert_int_eq(decode_allowed_ip(AF_INET, 4, 0, 8), -EBADMSG);
}
END_TEST

/* Decodes a peer with one attribute beside its key. */
static int32_t decode_peer_with(uint16_t type, const void *value, size_t length)
{
    struct key key = key_of(1);
    struct made made;
    make(&made);
    struct nlattr *peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(made.message, 0);
    mnl_attr_put(made.message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, &key);
    mnl_attr_put(made.message, type, length, value);
    mnl_attr_nest_end(made.message, peer);
    mnl_attr_nest_end(made.message, peers);
    return decode_made(&made);
}

START_TEST(endpoints_that_cannot_be)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv4, sizeof(ipv4)), 0);
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv6, sizeof(ipv6)), 0);
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv6, sizeof(ipv4)), -EBADMSG);
    ipv6.sin6_family = AF_INET;
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv6, sizeof(ipv6)), -EBADMSG);
    ipv4.sin_family = 3;
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv4, sizeof(ipv4)), -EBADMSG);
    ck_assert_int_eq(decode_peer_with(WGPEER_A_ENDPOINT, &ipv4, 0), -EBADMSG);
}
END_TEST

START_TEST(handshake_times_that_cannot_be)
{
    int64_t time[2] = {1, 999999999};
    ck_assert_int_eq(decode_peer_with(WGPEER_A_LAST_HANDSHAKE_TIME, time, 16), 0);
    ck_assert_int_eq(decode_peer_with(WGPEER_A_LAST_HANDSHAKE_TIME, time, 8), -EBADMSG);
    time[1] = 1000000000;
    ck_assert_int_eq(decode_peer_with(WGPEER_A_LAST_HANDSHAKE_TIME, time, 16), -EBADMSG);
    time[1] = -1;
    ck_assert_int_eq(decode_peer_with(WGPEER_A_LAST_HANDSHAKE_TIME, time, 16), -EBADMSG);
}
END_TEST

START_TEST(a_peer_without_a_key)
{
    struct made made;
    make(&made);
    struct nlattr *peers = mnl_attr_nest_start(made.message, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(made.message, 0);
    mnl_attr_put_u64(made.message, WGPEER_A_RX_BYTES, 1);
    mnl_attr_nest_end(made.message, peer);
    mnl_attr_nest_end(made.message, peers);
    ck_assert_int_eq(decode_made(&made), -EBADMSG);
}
END_TEST

/* Each length wrong, and noise. */

static bool is_nest(unsigned int depth, uint16_t type)
{
    return depth == 0   ? type == WGDEVICE_A_PEERS
           : depth == 1 ? true
           : depth == 2 ? type == WGPEER_A_ALLOWEDIPS
                        : depth == 3;
}

/* Offsets of all attribute headers below. */
static uint32_t find_attributes(const uint8_t *bytes, size_t begin, size_t end, unsigned int depth,
                                size_t *offsets, uint32_t count)
{
    while (begin + sizeof(struct nlattr) <= end) {
        struct nlattr head;
        memcpy(&head, bytes + begin, sizeof(head));
        offsets[count++] = begin;
        if (is_nest(depth, head.nla_type & (uint16_t)NLA_TYPE_MASK))
            count = find_attributes(bytes, begin + sizeof(head), begin + head.nla_len, depth + 1,
                                    offsets, count);
        begin += (head.nla_len + 3u) & ~3u;
    }
    return count;
}

#define NAME_INDEX 3u

START_TEST(each_length_wrong_in_each_way)
{
    struct model model = small_model();
    struct messages messages = {0};
    size_t offsets[128];
    model_dump(&model, 4096, keep_message, &messages);
    ck_assert_uint_eq(messages.count, 1);
    uint8_t *bytes = messages.attributes[0];
    uint32_t count = find_attributes(bytes, 0, messages.lengths[0], 0, offsets, 0);
    ck_assert_uint_eq(count, 35);
    for (uint32_t i = 0; i < count; i++) {
        struct nlattr head, wrong;
        memcpy(&head, bytes + offsets[i], sizeof(head));
        const uint16_t lengths[] = {0,
                                    3,
                                    (uint16_t)(head.nla_len - 1),
                                    (uint16_t)(head.nla_len + 1),
                                    (uint16_t)(head.nla_len + 40),
                                    UINT16_MAX};
        for (size_t n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
            wrong = head;
            wrong.nla_len = lengths[n];
            memcpy(bytes + offsets[i], &wrong, sizeof(wrong));
            start();
            int32_t code = decode(bytes, messages.lengths[0]);
            /* The name has no fixed length, and a nest may hold more or less, as long as it ends
             * within the one around it. */
            bool lenient = (i == NAME_INDEX && lengths[n] + 1 >= head.nla_len &&
                            lengths[n] <= head.nla_len + 1) ||
                           ((head.nla_type & NLA_F_NESTED) && lengths[n] > sizeof(head) - 1 &&
                            lengths[n] != UINT16_MAX);
            ck_assert_msg(code == -EBADMSG || (lenient && code == 0),
                          "attribute %u of type %u and length %u with length %u: %d", i,
                          head.nla_type, head.nla_len, lengths[n], code);
        }
        memcpy(bytes + offsets[i], &head, sizeof(head));
    }
    drop_messages(&messages);
}
END_TEST

START_TEST(each_nest_cut_at_each_byte)
{
    struct model model = small_model();
    struct messages messages = {0};
    size_t offsets[128];
    uint32_t read = 0;
    model_dump(&model, 4096, keep_message, &messages);
    uint8_t *bytes = messages.attributes[0];
    uint32_t count = find_attributes(bytes, 0, messages.lengths[0], 0, offsets, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct nlattr head, cut;
        memcpy(&head, bytes + offsets[i], sizeof(head));
        cut = head;
        while ((head.nla_type & NLA_F_NESTED) && --cut.nla_len >= sizeof(head)) {
            memcpy(bytes + offsets[i], &cut, sizeof(cut));
            start();
            read += decode(bytes, messages.lengths[0]) == 0;
        }
        memcpy(bytes + offsets[i], &head, sizeof(head));
    }
    ck_assert_uint_gt(read, 5); /* those cut between two attributes */
    drop_messages(&messages);
}
END_TEST

/* The device holds together, whatever was read. */
static bool is_consistent(void)
{
    for (uint32_t i = 0; i < device.peer_count; i++) {
        const struct wg_peer *peer = &device.peers[i];
        if (peer->allowed_ip_first > device.allowed_ip_count ||
            peer->allowed_ip_count > device.allowed_ip_count - peer->allowed_ip_first)
            return false;
    }
    return device.peer_count <= device.peer_capacity &&
           device.allowed_ip_count <= device.allowed_ip_capacity;
}

START_TEST(noise_is_read_or_refused)
{
    struct model model = small_model();
    struct messages messages = {0};
    uint32_t state = 12345, read = 0;
    model_dump(&model, 4096, keep_message, &messages);
    for (uint32_t round = 0; round < 200000; round++) {
        uint8_t bytes[1024];
        size_t length = messages.lengths[0];
        memcpy(bytes, messages.attributes[0], length);
        for (uint32_t i = 0; i <= round % 4; i++) {
            state = state * 1664525u + 1013904223u;
            bytes[(state >> 8) % length] = (uint8_t)(state >> 24);
        }
        length -= round % 8 == 0 ? (state >> 16) % length : 0;
        start();
        int32_t code = decode(bytes, length);
        if ((code != 0 && code != -EBADMSG) || !is_consistent())
            ck_abort_msg("round %u: %d", round, code);
        read += code == 0;
    }
    ck_assert_uint_gt(read, 1000);
    drop_messages(&messages);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("netlink_decode");
    TCase *dumps = tcase_create("dump");
    tcase_add_checked_fixture(dumps, start, finish);
    tcase_set_timeout(dumps, 30);
    tcase_add_test(dumps, a_device_without_key_or_peers);
    tcase_add_test(dumps, everything_reads_back);
    tcase_add_test(dumps, extreme_values_read_back);
    tcase_add_test(dumps, a_dump_of_many_messages_is_joined);
    tcase_add_test(dumps, parts_of_a_peer_are_joined_when_adjacent);
    tcase_add_test(dumps, what_is_unknown_is_ignored);
    tcase_add_test(dumps, an_empty_message_says_nothing);
    tcase_add_test(dumps, allowed_ips_that_cannot_be);
    tcase_add_test(dumps, endpoints_that_cannot_be);
    tcase_add_test(dumps, handshake_times_that_cannot_be);
    tcase_add_test(dumps, a_peer_without_a_key);
    tcase_add_test(dumps, each_length_wrong_in_each_way);
    tcase_add_test(dumps, each_nest_cut_at_each_byte);
    tcase_add_test(dumps, noise_is_read_or_refused);
    suite_add_tcase(suite, dumps);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
