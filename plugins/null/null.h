/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The null driver: the whole contract of <subwg/driver.h>, and no kernel. Its connections are rows in
 * memory that count as connected at once. It serves engine authors as a driver that runs anywhere,
 * and driver authors as the reference: every rule of the header is kept here, in the fewest words.
 *
 *   report.c    what every driver needs first: heads checked, failures reported
 *   settings.c  key and value pairs, all faults in one report
 *   prefix.c    IP prefixes, and which of them no cluster may claim
 *   endpoint.c  an endpoint of unknown origin becomes a gateway that can be trusted, or a refusal
 *   connect.c   who may connect, and to what
 *   read.c      rows for the host
 *   driver.c    the life of an instance, and the table
 */
#ifndef NULL_H
#define NULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <subwg/driver.h>

/* Everything that a remote or a host can make us store is bounded. */
#define CONNECTIONS_MAX  1024u
#define SUBNETS_MAX      64u
#define CONFIG_MAX       64u  /* entries of a backend config */
#define NAME_SIZE        254u /* a DNS name and its NUL */
#define VALUE_MAX        4096u
#define SETTINGS_MAX     128u
#define DEVICE_SIZE      16u
#define PREFIX_TEXT_SIZE 52u
#define DEFAULT_DEVICE   "null0"
#define DEFAULT_PORT     5871u
#define CONFIG_KEY       "publicKey"
#define CONFIG_PORT      "udp-port"
#define CONFIG_INTERFACE "interface-name"

/* Report.c. */

/* The operation under way: what a failure has to name, and where it is to be written. */
struct call {
    const char *operation;
    struct subwg_error *error; /* the host's record; may be NULL */
};

/* Fills the host's record and returns code, so that a failure is one statement. */
__attribute__((format(printf, 4, 5))) int32_t fail(const struct call *call, int32_t code,
                                                   uint32_t reason, const char *format, ...);

/* Nothing of a struct is read before its head was accepted. head may be NULL. */
bool head_accepted(const struct subwg_head *head, uint32_t magic, size_t least_size);

/* The rule for inputs: what a newer host added must be zero, or it asks for what we do not know. */
bool tail_is_zero(const struct subwg_head *head, size_t known_size);

/* A text of unknown origin, made fit for a report: cut, and without control characters. */
struct shown {
    char text[72];
};
struct shown show(const char *text);

/* Settings.c. */

struct settings {
    char device[DEVICE_SIZE];
    uint16_t port;
};

int32_t settings_read(const struct call *call, const struct subwg_setting *settings, uint32_t count,
                      struct settings *ret_settings);

/* A decimal number from 1 to 65535. */
bool port_parse(const char *text, uint16_t *ret_port);

/* Prefix.c. */

struct prefix {
    uint8_t bits; /* of an address of this family: 32 or 128 */
    uint8_t length;
    uint8_t bytes[16];
};

/* NULL if text is a prefix without host bits, else what is wrong with it. */
const char *prefix_parse(const char *text, struct prefix *ret_prefix);
/* The prefix of one address; false if text is none. */
bool address_parse(const char *text, struct prefix *ret_address);
const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
int prefix_compare(const void *a, const void *b); /* for qsort */
/* NULL if a remote may claim it, else why not. */
const char *prefix_refusal(const struct prefix *prefix);
const char *address_refusal(const struct prefix *address);

/* Endpoint.c. */

/* A gateway whose every field was checked. All of it is inline: a copy is an assignment. */
struct gateway {
    char cluster_id[NAME_SIZE];
    char cable_name[NAME_SIZE];
    char hostname[NAME_SIZE];
    char private_ip[SUBWG_ADDRESS_TEXT_SIZE];
    char public_ip[SUBWG_ADDRESS_TEXT_SIZE];
    char address[SUBWG_ADDRESS_TEXT_SIZE]; /* the one in use */
    char key[NAME_SIZE];
    uint16_t port;
    bool path_chosen; /* by the engine; use_nat is then its word */
    bool use_nat;
    uint32_t subnet_count;
    struct prefix subnets[SUBNETS_MAX]; /* sorted, each once */
};

/* Any endpoint: its head, its flags, its lists, its cluster id. */
int32_t endpoint_check(const struct call *call, const struct subwg_endpoint *endpoint);
/* The own cluster's, from a checked endpoint. */
int32_t endpoint_read_local(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *ret_gateway);
/* Another cluster's, from a checked endpoint: all that connect needs, and allowed by policy. */
int32_t endpoint_read_remote(const struct call *call, const struct subwg_endpoint *endpoint,
                             uint16_t default_port, struct gateway *ret_gateway);
/* The value of a key in a checked endpoint's backend config, or NULL. */
const char *endpoint_config(const struct subwg_endpoint *endpoint, const char *key);

/* Driver.c. */

struct connection {
    struct gateway gateway;
    uint64_t since_ns;         /* host's elapsed clock */
    uint64_t since_realtime_s; /* host's wall clock */
};

struct subwg_instance {
    struct subwg_host host; /* our copy: fields that the host's lacks are zero */
    pid_t process;          /* that made the instance; a child of it may not use it */
    int event_fd;           /* -1 until the host asks for it */
    struct settings settings;
    struct gateway local;
    char key[NAME_SIZE]; /* the made-up public key */
    bool initialized;
    uint32_t connection_count;
    uint32_t connection_capacity;
    struct connection *connections;
};

/* What every operation asks first: an instance, of this process. */
int32_t instance_check(const struct call *call, const struct subwg_instance *instance);
/* And most of them second: initialized. */
int32_t instance_ready(const struct call *call, const struct subwg_instance *instance);

/* Connect.c and read.c: operations of the table. */

int32_t null_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                     char *ret_address, struct subwg_error *error);
int32_t null_connect_many(struct subwg_instance *instance,
                          const struct subwg_endpoint *const *remotes, uint32_t count,
                          subwg_result_fn result, void *result_context, struct subwg_error *error);
int32_t null_disconnect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                        struct subwg_error *error);
int32_t null_disconnect_many(struct subwg_instance *instance,
                             const struct subwg_endpoint *const *remotes, uint32_t count,
                             subwg_result_fn result, void *result_context,
                             struct subwg_error *error);
int32_t null_get_connections(struct subwg_instance *instance,
                             struct subwg_snapshot_builder *snapshot, struct subwg_error *error);
int32_t null_metrics_snapshot(struct subwg_instance *instance,
                              struct subwg_snapshot_builder *snapshot, struct subwg_error *error);

#endif
