/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic through real tunnels while something happens to them: every packet is counted. This
 * gateway's cluster1 is the network namespace that the test runs in; all remote gateways live in a
 * second one, each as a WireGuard device of its own. Packets go one way, to a socket over there.
 */
#ifndef KERNEL_LIVE_H
#define KERNEL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <check.h>
#include <subwg/subwg.h>

#include "base/key.h"
#include "netlink/netlink.h"

#define LIVE_DEVICE    "subwg0"
#define LIVE_LOCAL_IP  "10.243.64.6"
#define LIVE_REMOTE_IP "10.243.64.7"
#define LIVE_SOURCE_IP "10.233.0.1"

#define LIVE_ASSERT_DONE(call, error)                                                         \
    do {                                                                                      \
        int32_t done = (call);                                                                \
        ck_assert_msg(done >= 0, "%s: %d: %s (%s)", #call, done, (error).text, (error).hint); \
    } while (0)

/* A remote gateway: number n is the device wg<n> over there, port 6000 + n, with a private key of bytes n. */
struct live_remote {
    uint32_t number;
    uint32_t ifindex;
    struct key public_key;
    char key_text[KEY_TEXT_SIZE];
    char port[8];
    char cluster_id[16];
    struct subwg_setting config[2];
    struct subwg_endpoint endpoint; /* of cluster<n>; the test adds subnets */
};

struct live {
    struct netlink *here;
    struct netlink *there;
    struct subwg_error error;
    uint64_t ahead_ns; /* of the driver's clock before the kernel's */
};
extern struct live live;

/* Both namespaces and the cable between them. Once, before any thread. */
void live_start(void);
void live_stop(void);

/* The endpoint that remote n announces, without subnets; makes nothing. This and live_make_cable also
 * serve a process that is no test. */
void live_describe(struct live_remote *remote, uint32_t number);
/* Its device. It takes packets from LIVE_SOURCE_IP and our key. */
void live_open(struct live_remote *remote, uint32_t number, const struct key *our_key);
/* An address behind the remotes; packets to it are counted, by whichever of them they come. */
void live_listen(const char *address);

/* A cable of cluster1, initialized; 0, or the failure that is in live.error. */
int32_t live_make_cable(const struct subwg_setting *settings, uint32_t setting_count,
                        struct subwg_registry **ret_registry, struct subwg_cable **ret_cable);
struct key live_own_key(void);

/* Our device as the kernel has it; to be ended with wg_device_finish. */
void live_dump(struct wg_device *device);
/* Waits until so many of our peers have shaken hands. */
void live_wait_for_handshakes(uint32_t count);

struct live_count {
    uint64_t sent;     /* attempts to send */
    uint64_t refused;  /* the kernel took no such packet: no peer owns its destination */
    uint64_t received; /* different ones */
    uint64_t lost;     /* sent and not received */
    double seconds;
};

/* Sends to the addresses in turn, as fast as they arrive, until live_end_traffic. */
void live_begin_traffic(const char *const *addresses, uint32_t count);
uint64_t live_sent(void); /* so far */
/* Sends so many more before it returns. */
void live_let_pass(uint64_t packets);
/* Stops, waits for what is under way, and counts. */
struct live_count live_end_traffic(void);

#endif
