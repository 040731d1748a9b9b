/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cable driver to copy and fill in. It needs <subwg/driver.h> and the C library, and links nothing of
 * the host. It passes the contract suite and moves no packet: "DATA PLANE" marks where a real driver
 * acts. What a driver may have besides (settings, lists, events, cleanup) is in plugins/null.
 *
 *   input.c   what comes in becomes a gateway that can be trusted, or a refusal that says why
 *   driver.c  the life of an instance, its connections, and the table
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <subwg/driver.h>

/* Everything that a remote can make us store is bounded. */
#define SUBNETS_MAX      64u
#define CONFIG_MAX       64u  /* entries of a backend config */
#define NAME_SIZE        254u /* a DNS name and its NUL */
#define TEXT_SIZE        SUBWG_ADDRESS_TEXT_SIZE
#define DEFAULT_PORT     "4789"
#define CONFIG_KEY       "publicKey"
#define CONFIG_PORT      "udp-port"
#define CONFIG_INTERFACE "interface-name"

/* The operation under way: what a failure has to name, and where it is to be written. */
struct call {
    const char *operation;
    struct subwg_error *error; /* the host's record; may be NULL */
};

/* Fills the host's record and returns code, so that a failure is one statement. */
__attribute__((format(printf, 4, 5))) int32_t fail(const struct call *call, int32_t code,
                                                   uint32_t reason, const char *format, ...);

/* A text that was not checked, made fit for a report: cut, and without control characters. */
struct shown {
    char text[72];
};
struct shown show(const char *text);

/* Nothing of a struct is read before its head was accepted. head may be NULL. */
bool head_fits(const struct subwg_head *head, uint32_t magic, size_t least_bytes);

struct prefix {
    uint8_t bits; /* of an address of this family: 32 or 128 */
    uint8_t length;
    uint8_t bytes[16];
};

/* A prefix, or an address, and how its cluster wrote it. */
struct network {
    struct prefix prefix;
    char text[TEXT_SIZE];
};

/* A gateway whose every field was checked. All of it is inline, without padding, and unused bytes are
 * zero: two are the same if their bytes are. */
struct gateway {
    uint16_t port;
    uint16_t subnet_count;
    uint8_t path_chosen; /* by the engine; use_nat is then its word */
    uint8_t use_nat;
    struct network subnets[SUBNETS_MAX]; /* sorted, each once */
    struct network address;              /* the one in use */
    char cluster_id[NAME_SIZE];
    char cable_name[NAME_SIZE];
    char hostname[NAME_SIZE];
    char key[NAME_SIZE];
    char private_ip[TEXT_SIZE];
    char public_ip[TEXT_SIZE];
};

bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

/* The own cluster's. */
int32_t read_local(const struct call *call, const struct subwg_endpoint *endpoint,
                   struct gateway *ret_gateway);
/* Another cluster's: only its cluster id and its key, which may be empty. */
int32_t read_identity(const struct call *call, const struct subwg_endpoint *endpoint,
                      struct gateway *ret_gateway);
/* Another cluster's: all that connect needs, and nothing in it harmful. */
int32_t read_remote(const struct call *call, const struct subwg_endpoint *endpoint,
                    struct gateway *ret_gateway);

#endif
