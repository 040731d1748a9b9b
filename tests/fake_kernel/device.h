/* SPDX-License-Identifier: Apache-2.0 */
/* A WireGuard device: keys, peers in the order of their creation, and who owns which allowed IP. */
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <netinet/in.h>
#include <sys/queue.h>

#include "prefix.h"

#define FAKE_KEY_SIZE 32
#define FAKE_BUCKETS  4096

struct fake_allowed_ip {
    TAILQ_ENTRY(fake_allowed_ip) in_peer;
    LIST_ENTRY(fake_allowed_ip) in_bucket;
    struct fake_peer *owner;
    uint64_t serial;
    struct fake_prefix prefix;
};

TAILQ_HEAD(fake_allowed_ips, fake_allowed_ip);
LIST_HEAD(fake_allowed_ip_bucket, fake_allowed_ip);

struct fake_peer {
    TAILQ_ENTRY(fake_peer) in_device;
    LIST_ENTRY(fake_peer) in_bucket;
    struct fake_allowed_ips allowed_ips;
    uint64_t serial;
    uint8_t public_key[FAKE_KEY_SIZE];
    uint8_t masked_preshared_key[FAKE_KEY_SIZE];
    union {
        sa_family_t family;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } endpoint;
    uint16_t keepalive_s;
    int64_t handshake_s;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint64_t datagrams; /* sent to it through UDP sockets of the model */
};

TAILQ_HEAD(fake_peers, fake_peer);
LIST_HEAD(fake_peer_bucket, fake_peer);

struct fake_device {
    struct fake_peers peers;
    struct fake_peer_bucket peer_buckets[FAKE_BUCKETS];
    struct fake_allowed_ip_bucket allowed_ip_buckets[FAKE_BUCKETS];
    uint64_t next_serial;
    uint32_t generation;         /* of sets, by which a dump knows that it was interrupted */
    uint64_t allowed_generation; /* of allowed IPs */
    uint8_t masked_private_key[FAKE_KEY_SIZE];
    uint8_t public_key[FAKE_KEY_SIZE];
    bool has_private_key;
    uint16_t port;
    uint32_t mark;
};

/* The model keeps secrets so that a hunt for them in the process's memory does not find the model's:
 * masked, and unmasked by the same call. The key of zeroes, no key, stays what it is. */
void fake_key_mask(uint8_t target[FAKE_KEY_SIZE], const uint8_t key[FAKE_KEY_SIZE]);

struct fake_device *fake_device_create(void);
void fake_device_destroy(struct fake_device *device);

struct fake_peer *fake_device_find(struct fake_device *device, const uint8_t *public_key);
struct fake_peer *fake_device_find_serial(struct fake_device *device, uint64_t serial);
struct fake_peer *fake_peer_create(struct fake_device *device, const uint8_t *public_key);
void fake_peer_destroy(struct fake_device *device, struct fake_peer *peer);
void fake_device_set_private_key(struct fake_device *device, const uint8_t *private_key);
void fake_peer_set_endpoint(struct fake_peer *peer, const struct sockaddr *address, size_t size);

/* Takes it from whoever has it; it goes to the end of the new owner's list. */
void fake_allowed_ip_give(struct fake_device *device, struct fake_peer *peer,
                          struct fake_prefix prefix);
void fake_allowed_ips_clear(struct fake_device *device, struct fake_peer *peer);

#endif
