/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define SCALARMULT_STACK 16384 /* bytes that may hold pieces of a key afterwards */

static uint32_t bucket_of(const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * 16777619u;
    return hash % FAKE_BUCKETS;
}

struct fake_device *fake_device_create(void)
{
    struct fake_device *device = fake_allocate(sizeof(*device));

    TAILQ_INIT(&device->peers);
    device->next_serial = 1;
    return device;
}

void fake_device_destroy(struct fake_device *device)
{
    if (device == NULL)
        return;
    while (!TAILQ_EMPTY(&device->peers))
        fake_peer_destroy(device, TAILQ_FIRST(&device->peers));
    free(device);
}

struct fake_peer *fake_device_find(struct fake_device *device, const uint8_t *public_key)
{
    struct fake_peer *peer;

    LIST_FOREACH(peer, &device->peer_buckets[bucket_of(public_key, FAKE_KEY_SIZE)], in_bucket)
    if (memcmp(peer->public_key, public_key, FAKE_KEY_SIZE) == 0)
        break;
    return peer;
}

struct fake_peer *fake_device_find_serial(struct fake_device *device, uint64_t serial)
{
    struct fake_peer *peer;

    TAILQ_FOREACH(peer, &device->peers, in_device)
    if (peer->serial == serial)
        break;
    return peer;
}

struct fake_peer *fake_peer_create(struct fake_device *device, const uint8_t *public_key)
{
    struct fake_peer *peer = fake_allocate(sizeof(*peer));

    TAILQ_INIT(&peer->allowed_ips);
    memcpy(peer->public_key, public_key, FAKE_KEY_SIZE);
    peer->serial = device->next_serial++;
    TAILQ_INSERT_TAIL(&device->peers, peer, in_device);
    LIST_INSERT_HEAD(&device->peer_buckets[bucket_of(public_key, FAKE_KEY_SIZE)], peer, in_bucket);
    return peer;
}

void fake_peer_destroy(struct fake_device *device, struct fake_peer *peer)
{
    fake_allowed_ips_clear(device, peer);
    TAILQ_REMOVE(&device->peers, peer, in_device);
    LIST_REMOVE(peer, in_bucket);
    free(peer);
}

void fake_key_mask(uint8_t target[FAKE_KEY_SIZE], const uint8_t key[FAKE_KEY_SIZE])
{
    static const uint8_t none[FAKE_KEY_SIZE];
    uint8_t mask = memcmp(key, none, FAKE_KEY_SIZE) != 0 ? 0x5a : 0;

    for (size_t i = 0; i < FAKE_KEY_SIZE; i++)
        target[i] = key[i] ^ mask;
}

/* A peer with the device's own key cannot be: setting the key removes it. */
void fake_device_set_private_key(struct fake_device *device, const uint8_t *private_key)
{
    static const uint8_t none[FAKE_KEY_SIZE];
    uint8_t public_key[FAKE_KEY_SIZE] = {0};
    uint8_t clamped[FAKE_KEY_SIZE], masked[FAKE_KEY_SIZE];
    bool there = memcmp(private_key, none, FAKE_KEY_SIZE) != 0;
    struct fake_peer *peer;

    memcpy(clamped, private_key, FAKE_KEY_SIZE);
    if (there) {
        clamped[0] &= 248;
        clamped[31] = (uint8_t)((clamped[31] & 127) | 64);
    }
    fake_key_mask(masked, clamped);
    explicit_bzero(clamped, sizeof(clamped));
    if (memcmp(masked, device->masked_private_key, FAKE_KEY_SIZE) == 0)
        return;
    if (there) {
        crypto_scalarmult_base(public_key, private_key);
        sodium_stackzero(SCALARMULT_STACK);
        peer = fake_device_find(device, public_key);
        if (peer != NULL)
            fake_peer_destroy(device, peer);
    }
    memcpy(device->masked_private_key, masked, FAKE_KEY_SIZE);
    memcpy(device->public_key, public_key, FAKE_KEY_SIZE);
    device->has_private_key = there;
}

/* Whatever does not look like an address of a family is left aside without an error. */
void fake_peer_set_endpoint(struct fake_peer *peer, const struct sockaddr *address, size_t size)
{
    if (address->sa_family == AF_INET && size == sizeof(peer->endpoint.v4)) {
        memset(&peer->endpoint, 0, sizeof(peer->endpoint));
        memcpy(&peer->endpoint.v4, address, size);
    } else if (address->sa_family == AF_INET6 && size == sizeof(peer->endpoint.v6) &&
               fake_world.ipv6) {
        memcpy(&peer->endpoint.v6, address, size);
    }
}

static struct fake_allowed_ip_bucket *bucket_of_prefix(struct fake_device *device,
                                                       const struct fake_prefix *prefix)
{
    return &device->allowed_ip_buckets[bucket_of(prefix->bytes, sizeof(prefix->bytes))];
}

void fake_allowed_ip_give(struct fake_device *device, struct fake_peer *peer,
                          struct fake_prefix prefix)
{
    struct fake_allowed_ip_bucket *bucket;
    struct fake_allowed_ip *found;

    prefix = fake_prefix_masked(prefix);
    bucket = bucket_of_prefix(device, &prefix);
    LIST_FOREACH(found, bucket, in_bucket)
    if (fake_prefix_equal(&found->prefix, &prefix))
        break;
    if (found == NULL) {
        found = fake_allocate(sizeof(*found));
        found->prefix = prefix;
        LIST_INSERT_HEAD(bucket, found, in_bucket);
    } else {
        TAILQ_REMOVE(&found->owner->allowed_ips, found, in_peer);
    }
    found->owner = peer;
    found->serial = device->next_serial++;
    TAILQ_INSERT_TAIL(&peer->allowed_ips, found, in_peer);
    device->allowed_generation++;
}

void fake_allowed_ips_clear(struct fake_device *device, struct fake_peer *peer)
{
    struct fake_allowed_ip *allowed_ip;

    if (TAILQ_EMPTY(&peer->allowed_ips))
        return;
    device->allowed_generation++;
    while ((allowed_ip = TAILQ_FIRST(&peer->allowed_ips)) != NULL) {
        TAILQ_REMOVE(&peer->allowed_ips, allowed_ip, in_peer);
        LIST_REMOVE(allowed_ip, in_bucket);
        free(allowed_ip);
    }
}
