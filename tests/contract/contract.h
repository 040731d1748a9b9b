/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite: one set of tests that every cable driver has to pass, over the raw table of
 * <subwg/driver.h>, with a host of its own that checks what the driver does to it.
 *
 * To run it on your driver, describe the driver in a struct contract_subject and hand that to
 * contract_run(), as contract_wireguard_fake.c does; for a driver that needs no hooks there is
 * contract-suite, with options. Every test runs in a process of its own (unless CK_FORK=no), between
 * setup and teardown. What is NULL or 0 leaves out the tests that need it.
 */
#ifndef CONTRACT_CONTRACT_H
#define CONTRACT_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subwg/driver.h>

/* What is true of this driver: contract_subject.traits. */

/* Its publicKey is a Curve25519 point in base64; another driver's may be any token. */
#define CONTRACT_WIREGUARD_KEYS 0x1u
/* Connections outlive the instance: destroy leaves them, and the next init takes them over. */
#define CONTRACT_DATA_PLANE 0x2u
/* A device has one owner at a time: init of a second instance is -EBUSY. */
#define CONTRACT_OWNS_DEVICE 0x4u
/* It works in a network namespace, and stays in the one that create was called in. */
#define CONTRACT_NAMESPACE 0x8u
/* It sees the host's own addresses and networks, and refuses remotes that claim them. */
#define CONTRACT_KNOWS_NETWORKS 0x10u

/* How the suite speaks of clusters, for hooks that prepare a kernel. */

#define CONTRACT_LOCAL_IP   "192.0.2.1"   /* /24; the gateways of remote clusters live there too */
#define CONTRACT_LOCAL_IPV6 "2001:db8::1" /* /64 */

struct contract_subject {
    const char *name;         /* of the suite's run */
    subwg_driver_v1_fn entry; /* the driver's entry function */
    uint32_t traits;          /* CONTRACT_... */
    uint32_t subnets_max;     /* of one endpoint; one more is refused. 0: not told */

    /* A complete set, for the instance that is tested; never NULL. Ends with a NULL key, as the next. */
    const struct subwg_setting *settings;
    const char *device; /* the interface-name that is published with these settings */
    const char *port;   /* likewise: the published udp-port */
    /* For a second instance beside it, which must not meet the first. */
    const struct subwg_setting *other_settings;
    /* Two keys of settings with a value that is refused. */
    struct subwg_setting bad_settings[2];
    /* The key of a setting whose value no text may ever show, or NULL. */
    const char *secret_setting;

    /* A fresh world for one test: network namespace, fake kernel. They fail by ck_abort_msg(). */
    void (*setup)(void);
    void (*teardown)(void);
    /* Behind the driver's back, on the tested instance's device. */
    void (*remove_peer_by_hand)(const char *key);
    void (*add_peer_by_hand)(const char *key);
    /* All of the kernel's state that a driver could change, without counters, as text; the suite
     * frees it. Two that are equal prove that nothing was changed in between. */
    char *(*kernel_digest)(void);
    /* The private key that the kernel holds for the device, as text; no text may show it. */
    void (*read_private_key)(char *text, size_t size);
};

/* The entry function of a driver's file; stops the program with a message if there is none. */
subwg_driver_v1_fn contract_load(const char *path);

/* Runs all tests that apply; returns the program's exit status. */
int contract_run(const struct contract_subject *described);

#endif
