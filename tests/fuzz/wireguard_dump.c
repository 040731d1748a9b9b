/* SPDX-License-Identifier: Apache-2.0 */
/* A WireGuard dump of any messages. The input: the length and the attributes of each. However they are laid
 * out, the same is in them. */
#include "../unit/unusual_dump.h"
#include "fuzz.h"
#include "netlink/wireguard_decode.h"

static void check_peer(const struct wg_device *device, const struct wg_peer *peer)
{
    FUZZ_CHECK(peer->allowed_ip_first <= device->allowed_ip_count);
    FUZZ_CHECK(peer->allowed_ip_count <= device->allowed_ip_count - peer->allowed_ip_first);
    FUZZ_CHECK(peer->preshared_key <= WG_PRESHARED_KEY_OTHER);
    FUZZ_CHECK(peer->endpoint.address.family == FAMILY_NONE ||
               peer->endpoint.address.family == FAMILY_IPV4 ||
               peer->endpoint.address.family == FAMILY_IPV6);
}

static void check_prefix(const struct prefix *prefix)
{
    struct prefix masked = prefix_masked(prefix);
    char text[PREFIX_TEXT_SIZE];
    struct prefix again;
    FUZZ_CHECK(prefix->family == FAMILY_IPV4 || prefix->family == FAMILY_IPV6);
    FUZZ_CHECK(prefix->length <= prefix->family);
    FUZZ_CHECK(prefix_parse(prefix_format(&masked, text), &again) == ADDRESS_OK);
    FUZZ_CHECK(prefix_equal(&masked, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    struct wg_device device = {0}, unusual_device = {0};
    struct wireguard_decoder decoder, unusual_decoder;
    const struct key expected = {{0x5a}};
    int32_t code = 0;
    wireguard_decode_start(&decoder, &device, &expected);
    wireguard_decode_start(&unusual_decoder, &unusual_device, &expected);
    while (code == 0 && input.left > 0) {
        size_t wanted = input_short(&input);
        size_t length = 0;
        const uint8_t *bytes = input_bytes(&input, wanted, &length);
        /* As a message of its own, so that reading beyond it is seen. */
        uint8_t *message = malloc(length + (length == 0));
        FUZZ_CHECK(message != NULL);
        for (size_t i = 0; i < length; i++)
            message[i] = bytes[i];
        code = wireguard_decode(&decoder, attributes_over(message, length));
        dump_make_unusual(message, length, 0);
        FUZZ_CHECK(wireguard_decode(&unusual_decoder, attributes_over(message, length)) == code);
        FUZZ_CHECK(code != 0 || dump_same(&device, &unusual_device));
        free(message);
    }
    FUZZ_CHECK(code == 0 || code == -EBADMSG || code == -ENOMEM);
    for (uint32_t i = 0; code == 0 && i < device.peer_count; i++)
        check_peer(&device, &device.peers[i]);
    for (uint32_t i = 0; code == 0 && i < device.allowed_ip_count; i++)
        check_prefix(&device.allowed_ips[i]);
    wg_device_finish(&device);
    wg_device_finish(&unusual_device);
    return 0;
}
