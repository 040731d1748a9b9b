/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink_model.h"

#include <check.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* libcheck's own assertions tell the test's parent about each that holds: too slow for each attribute. */
#define REQUIRE(condition)                          \
    do {                                            \
        if (!(condition))                           \
            ck_abort_msg("not so: %s", #condition); \
    } while (0)

/* As libmnl's, which do not compile without warnings here. */
#define for_each(attribute, first, end)                                                           \
    for ((attribute) = (first); mnl_attr_ok(attribute, (int)((end) - (const char *)(attribute))); \
         (attribute) = mnl_attr_next(attribute))
#define for_each_nested(attribute, nest)            \
    for_each(attribute, mnl_attr_get_payload(nest), \
             (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))

void model_finish(struct model *model)
{
    for (uint32_t i = 0; i < model->peer_count; i++)
        free(model->peers[i].allowed_ips);
    free(model->peers);
    *model = (struct model){0};
}

/* Requests. */

static const void *exactly(const struct nlattr *attribute, size_t size)
{
    REQUIRE(mnl_attr_get_payload_len(attribute) == size);
    return mnl_attr_get_payload(attribute);
}

/* The tests put a peer's number into the first bytes of its key, so that large configurations replay
 * fast; a wrong guess only costs the search. */
static struct model_peer *find_peer(struct model *model, const struct key *public_key)
{
    uint32_t guess;
    memcpy(&guess, public_key->bytes, sizeof(guess));
    if (guess < model->peer_count && key_equal(&model->peers[guess].public_key, public_key))
        return &model->peers[guess];
    for (uint32_t i = 0; i < model->peer_count; i++)
        if (key_equal(&model->peers[i].public_key, public_key))
            return &model->peers[i];
    return NULL;
}

static void remove_peer(struct model *model, struct model_peer *peer)
{
    free(peer->allowed_ips);
    size_t behind = (size_t)(model->peers + model->peer_count - (peer + 1));
    memmove(peer, peer + 1, behind * sizeof(*peer));
    model->peer_count--;
}

static struct prefix read_allowed_ip(const struct nlattr *nest)
{
    struct prefix prefix = {0};
    const struct nlattr *attribute, *address = NULL;
    for_each_nested(attribute, nest)
    {
        if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_FAMILY)
            prefix.family =
                *(const uint16_t *)exactly(attribute, 2) == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
        else if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_CIDR_MASK)
            prefix.length = *(const uint8_t *)exactly(attribute, 1);
        else if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_IPADDR)
            address = attribute;
        else
            ck_abort_msg("unknown allowed IP attribute");
    }
    REQUIRE(address != NULL);
    memcpy(prefix.bytes, exactly(address, prefix.family / 8u), prefix.family / 8u);
    REQUIRE(prefix.length <= prefix.family);
    return prefix;
}

static void add_allowed_ips(struct model_peer *peer, const struct nlattr *nest)
{
    const struct nlattr *element;
    uint32_t count = peer->allowed_ip_count;
    REQUIRE(nest->nla_type & NLA_F_NESTED);
    for_each_nested(element, nest) count++;
    peer->allowed_ips = reallocarray(peer->allowed_ips, count, sizeof(*peer->allowed_ips));
    REQUIRE(peer->allowed_ips != NULL);
    for_each_nested(element, nest)
    {
        REQUIRE(element->nla_type & NLA_F_NESTED);
        peer->allowed_ips[peer->allowed_ip_count++] = read_allowed_ip(element);
    }
}

static struct socket_address read_endpoint(const struct nlattr *attribute)
{
    struct socket_address endpoint = {0};
    if (mnl_attr_get_payload_len(attribute) == sizeof(struct sockaddr_in)) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, mnl_attr_get_payload(attribute), sizeof(ipv4));
        REQUIRE(ipv4.sin_family == AF_INET);
        endpoint.address.family = FAMILY_IPV4;
        endpoint.port = ntohs(ipv4.sin_port);
        memcpy(endpoint.address.bytes, &ipv4.sin_addr, 4);
    } else {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, exactly(attribute, sizeof(ipv6)), sizeof(ipv6));
        REQUIRE(ipv6.sin6_family == AF_INET6);
        endpoint.address.family = FAMILY_IPV6;
        endpoint.address.scope = ipv6.sin6_scope_id;
        endpoint.port = ntohs(ipv6.sin6_port);
        memcpy(endpoint.address.bytes, &ipv6.sin6_addr, 16);
    }
    return endpoint;
}

static struct model_peer *add_peer(struct model *model, const struct key *public_key)
{
    model->peers = reallocarray(model->peers, (size_t)model->peer_count + 1, sizeof(*model->peers));
    REQUIRE(model->peers != NULL);
    struct model_peer *peer = &model->peers[model->peer_count++];
    *peer = (struct model_peer){.public_key = *public_key};
    return peer;
}

static void set_peer(struct model *model, struct model_peer *peer, const struct nlattr *nest)
{
    const struct nlattr *attribute;
    uint32_t set = 0;
    for_each_nested(attribute, nest)
    {
        switch (mnl_attr_get_type(attribute)) {
        case WGPEER_A_PRESHARED_KEY:
            memcpy(&peer->preshared_key, exactly(attribute, KEY_SIZE), KEY_SIZE);
            set = 1;
            break;
        case WGPEER_A_ENDPOINT:
            peer->endpoint = read_endpoint(attribute);
            set = 1;
            break;
        case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
            memcpy(&peer->keepalive_s, exactly(attribute, 2), 2);
            set = 1;
            break;
        case WGPEER_A_ALLOWEDIPS:
            add_allowed_ips(peer, attribute);
            break;
        default:
            break;
        }
    }
    model->peer_attributes += set;
}

static void apply_peer(struct model *model, const struct nlattr *nest)
{
    const struct nlattr *attribute;
    const struct key *public_key = NULL;
    uint32_t flags = 0;
    REQUIRE(nest->nla_type & NLA_F_NESTED);
    for_each_nested(attribute, nest)
    {
        if (mnl_attr_get_type(attribute) == WGPEER_A_PUBLIC_KEY)
            public_key = exactly(attribute, KEY_SIZE);
        if (mnl_attr_get_type(attribute) == WGPEER_A_FLAGS)
            memcpy(&flags, exactly(attribute, 4), 4);
        REQUIRE(mnl_attr_get_type(attribute) != 0);
        REQUIRE(mnl_attr_get_type(attribute) <= WGPEER_A_MAX);
    }
    REQUIRE(public_key != NULL);
    REQUIRE((flags & ~(uint32_t)(WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY)) == 0);
    struct model_peer *peer = find_peer(model, public_key);
    if (peer == NULL && (flags & (WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY))) {
        model->updates_of_the_lost += (flags & WGPEER_F_UPDATE_ONLY) != 0;
        return;
    }
    if (flags & WGPEER_F_REMOVE_ME)
        remove_peer(model, peer);
    else
        set_peer(model, peer != NULL ? peer : add_peer(model, public_key), nest);
}

static void apply_peers(struct model *model, const struct nlattr *nest)
{
    const struct nlattr *element;
    uint32_t count = 0;
    REQUIRE(nest->nla_type & NLA_F_NESTED);
    for_each_nested(element, nest)
    {
        apply_peer(model, element);
        count++;
    }
    REQUIRE(count > 0);
    if (count > model->most_peers)
        model->most_peers = count;
}

void model_apply(struct model *model, const struct nlmsghdr *request)
{
    const struct nlattr *attribute;
    const struct genlmsghdr *generic = mnl_nlmsg_get_payload(request);
    uint32_t device = 0;
    REQUIRE(request->nlmsg_type == MODEL_FAMILY);
    REQUIRE(generic->cmd == WG_CMD_SET_DEVICE);
    REQUIRE(request->nlmsg_len <= LIMIT_MESSAGE_BYTES);
    const char *end = mnl_nlmsg_get_payload_tail(request);
    for_each(attribute, mnl_nlmsg_get_payload_offset(request, sizeof(*generic)), end)
    {
        switch (mnl_attr_get_type(attribute)) {
        case WGDEVICE_A_IFINDEX:
            memcpy(&model->ifindex, exactly(attribute, 4), 4);
            break;
        case WGDEVICE_A_PRIVATE_KEY:
            memcpy(&model->private_key, exactly(attribute, KEY_SIZE), KEY_SIZE);
            device = 1;
            break;
        case WGDEVICE_A_LISTEN_PORT:
            memcpy(&model->listen_port, exactly(attribute, 2), 2);
            device = 1;
            break;
        case WGDEVICE_A_FWMARK:
            memcpy(&model->mark, exactly(attribute, 4), 4);
            device = 1;
            break;
        case WGDEVICE_A_PEERS:
            apply_peers(model, attribute);
            break;
        default:
            ck_abort_msg("unknown device attribute");
        }
    }
    /* The attributes fill the message: no nest wrapped around or ended early. */
    REQUIRE((const char *)attribute == end);
    model->requests++;
    model->device_attributes += device;
    if (request->nlmsg_len > model->most_bytes)
        model->most_bytes = request->nlmsg_len;
}

/* Dumps. */

struct writer {
    const struct model *model;
    size_t size;
    union {
        struct nlmsghdr header;
        uint8_t bytes[LIMIT_MESSAGE_BYTES];
    } buffer;
    struct nlmsghdr *message;
    struct nlattr *peers;
    bool any_complete; /* a peer is complete: the device block is not repeated */
    void (*take)(void *context, const struct nlmsghdr *message);
    void *context;
};

static void begin_message(struct writer *writer)
{
    const struct model *model = writer->model;
    struct nlmsghdr *message = mnl_nlmsg_put_header(&writer->buffer);
    message->nlmsg_type = MODEL_FAMILY;
    message->nlmsg_flags = NLM_F_MULTI;
    struct genlmsghdr *generic = mnl_nlmsg_put_extra_header(message, sizeof(*generic));
    generic->version = WG_GENL_VERSION;
    writer->message = message;
    if (!writer->any_complete) {
        mnl_attr_put_u16(message, WGDEVICE_A_LISTEN_PORT, model->listen_port);
        mnl_attr_put_u32(message, WGDEVICE_A_FWMARK, model->mark);
        mnl_attr_put_u32(message, WGDEVICE_A_IFINDEX, model->ifindex);
        mnl_attr_put_strz(message, WGDEVICE_A_IFNAME, "wg0");
        if (!key_is_zero(&model->private_key)) {
            mnl_attr_put(message, WGDEVICE_A_PRIVATE_KEY, KEY_SIZE, &model->private_key);
            mnl_attr_put(message, WGDEVICE_A_PUBLIC_KEY, KEY_SIZE, &model->public_key);
        }
    }
    writer->peers = mnl_attr_nest_start(message, WGDEVICE_A_PEERS);
}

static void end_message(struct writer *writer)
{
    mnl_attr_nest_end(writer->message, writer->peers);
    REQUIRE(writer->message->nlmsg_len <= writer->size);
    writer->take(writer->context, writer->message);
}

static bool has_room(const struct writer *writer, size_t bytes)
{
    return writer->message->nlmsg_len + bytes <= writer->size;
}

static void write_endpoint(struct nlmsghdr *message, const struct socket_address *endpoint)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6,
                                .sin6_port = htons(endpoint->port),
                                .sin6_scope_id = endpoint->address.scope};
    memcpy(&ipv4.sin_addr, endpoint->address.bytes, 4);
    memcpy(&ipv6.sin6_addr, endpoint->address.bytes, 16);
    if (endpoint->address.family == FAMILY_IPV4)
        mnl_attr_put(message, WGPEER_A_ENDPOINT, sizeof(ipv4), &ipv4);
    if (endpoint->address.family == FAMILY_IPV6)
        mnl_attr_put(message, WGPEER_A_ENDPOINT, sizeof(ipv6), &ipv6);
}

static void write_peer_head(struct nlmsghdr *message, const struct model_peer *peer)
{
    struct {
        int64_t seconds;
        int64_t nanoseconds;
    } handshake = {(int64_t)peer->handshake_s, peer->handshake_ns};
    mnl_attr_put(message, WGPEER_A_PRESHARED_KEY, KEY_SIZE, &peer->preshared_key);
    mnl_attr_put(message, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(handshake), &handshake);
    mnl_attr_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_s);
    mnl_attr_put_u64(message, WGPEER_A_TX_BYTES, peer->tx_bytes);
    mnl_attr_put_u64(message, WGPEER_A_RX_BYTES, peer->rx_bytes);
    mnl_attr_put_u32(message, WGPEER_A_PROTOCOL_VERSION, 1);
    write_endpoint(message, &peer->endpoint);
}

static void write_allowed_ip(struct nlmsghdr *message, const struct prefix *prefix)
{
    struct nlattr *nest = mnl_attr_nest_start(message, 0);
    mnl_attr_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, prefix->length);
    mnl_attr_put_u16(message, WGALLOWEDIP_A_FAMILY,
                     prefix->family == FAMILY_IPV4 ? AF_INET : AF_INET6);
    mnl_attr_put(message, WGALLOWEDIP_A_IPADDR, prefix->family / 8u, prefix->bytes);
    mnl_attr_nest_end(message, nest);
}

/* Writes one peer, over as many messages as it takes; a tail without allowed IPs may remain. */
static void write_peer(struct writer *writer, const struct model_peer *peer)
{
    uint32_t next = 0;
    bool first = true;
    for (;;) {
        if (!has_room(writer, first ? 220 : 60)) {
            end_message(writer);
            begin_message(writer);
        }
        struct nlattr *nest = mnl_attr_nest_start(writer->message, 0);
        mnl_attr_put(writer->message, WGPEER_A_PUBLIC_KEY, KEY_SIZE, &peer->public_key);
        if (first)
            write_peer_head(writer->message, peer);
        first = false;
        struct nlattr *list = mnl_attr_nest_start(writer->message, WGPEER_A_ALLOWEDIPS);
        while (next < peer->allowed_ip_count && has_room(writer, 44))
            write_allowed_ip(writer->message, &peer->allowed_ips[next++]);
        bool full = !has_room(writer, 44);
        mnl_attr_nest_end(writer->message, list);
        mnl_attr_nest_end(writer->message, nest);
        if (next == peer->allowed_ip_count && !full)
            break;
        end_message(writer);
        begin_message(writer);
    }
    writer->any_complete = true;
}

void model_dump(const struct model *model, size_t size,
                void (*take)(void *context, const struct nlmsghdr *message), void *context)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    REQUIRE(writer != NULL);
    *writer = (struct writer){.model = model, .size = size, .take = take, .context = context};
    begin_message(writer);
    for (uint32_t i = 0; i < model->peer_count; i++)
        write_peer(writer, &model->peers[i]);
    end_message(writer);
    free(writer);
}

/* Comparing. */

static uint8_t preshared_key_state(const struct key *preshared_key, const struct key *expected)
{
    if (key_is_zero(preshared_key))
        return WG_PRESHARED_KEY_NONE;
    return expected != NULL && key_equal(preshared_key, expected) ? WG_PRESHARED_KEY_EXPECTED
                                                                  : WG_PRESHARED_KEY_OTHER;
}

static void assert_peer_equal(const struct model_peer *peer, const struct wg_device *device,
                              const struct wg_peer *found, const struct key *expected)
{
    REQUIRE(key_equal(&found->public_key, &peer->public_key));
    REQUIRE(socket_address_equal(&found->endpoint, &peer->endpoint));
    REQUIRE(found->keepalive_s == peer->keepalive_s);
    REQUIRE(found->preshared_key == preshared_key_state(&peer->preshared_key, expected));
    REQUIRE(found->handshake_s == peer->handshake_s);
    REQUIRE(found->handshake_ns == peer->handshake_ns);
    REQUIRE(found->rx_bytes == peer->rx_bytes);
    REQUIRE(found->tx_bytes == peer->tx_bytes);
    REQUIRE(found->allowed_ip_count == peer->allowed_ip_count);
    for (uint32_t i = 0; i < peer->allowed_ip_count; i++)
        if (!prefix_equal(&device->allowed_ips[found->allowed_ip_first + i], &peer->allowed_ips[i]))
            ck_abort_msg("allowed IP %u differs", i);
}

void model_assert_equal(const struct model *model, const struct wg_device *device,
                        const struct key *expected_preshared_key)
{
    uint32_t allowed_ips = 0;
    REQUIRE(device->ifindex == model->ifindex);
    REQUIRE(device->has_private_key == !key_is_zero(&model->private_key));
    REQUIRE(key_equal(&device->public_key, &model->public_key));
    REQUIRE(device->listen_port == model->listen_port);
    REQUIRE(device->mark == model->mark);
    REQUIRE(device->peer_count == model->peer_count);
    for (uint32_t i = 0; i < model->peer_count; i++) {
        REQUIRE(device->peers[i].allowed_ip_first == allowed_ips);
        assert_peer_equal(&model->peers[i], device, &device->peers[i], expected_preshared_key);
        allowed_ips += model->peers[i].allowed_ip_count;
    }
    REQUIRE(device->allowed_ip_count == allowed_ips);
}
