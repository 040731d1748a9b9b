/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a script and a transcript of the answers. The same script is run in a fresh network
 * namespace of the real kernel and in the model; the transcripts must not differ. What no two runs
 * share (interface indexes, chosen ports, counters) is written as a name or left out.
 */
#ifndef MODEL_SCRIPT_H
#define MODEL_SCRIPT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#define REQUEST_SIZE 262144u

/* The transcript. */

extern bool on_model; /* otherwise on the real kernel */

__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
/* Lines given between these two are written sorted: their order says nothing. */
void note_sorted_begin(void);
void note_sorted_end(void);
void note_set_end(void);              /* instead of the latter: each line once */
void note_prefix(const char *prefix); /* of each line from now on; to be kept while it is in use */

/* Runs the script on both and fails the test where the transcripts differ. */
void compare(void (*script)(void));

/* Requests (exchange.c). */

/* Around a script, in the namespace that it is to run in. */
void exchange_begin(void);
void exchange_end(void);

struct request {
    uint8_t *bytes;
    size_t size; /* of the messages before the current one */
    struct nlmsghdr *head;
    unsigned int count;
    int expected; /* ends of answers: acknowledgements, errors, ends of dumps */
};

/* The one request being built. A second message before it is sent makes a batch. */
extern struct request request;

void *message(uint16_t type, uint16_t flags, size_t header_size); /* NLM_F_REQUEST is added */
void put(uint16_t type, size_t size, const void *value);
void put_u8(uint16_t type, uint8_t value);
void put_u16(uint16_t type, uint16_t value);
void put_u32(uint16_t type, uint32_t value);
void put_text(uint16_t type, const char *value); /* with its NUL */
struct nlattr *nest(uint16_t type);
void end(struct nlattr *nest);

/* Sockets. */

#define SOCKET_CAP_ACK 1u
#define SOCKET_STRICT  2u
#define SOCKET_PLAIN   4u /* without extended acks */

int socket_open(int protocol, unsigned int options);
void socket_close(int fd);

/* Sends what has been built and notes every answer. The usual socket of the family is used. */
void send_route(const char *what);
void send_wireguard(const char *what);
uint32_t route_port(void); /* port id of the former */
/* The same on a given socket, with a given receive size. */
void send_on(int fd, size_t receive_size, const char *what);

/* In steps. */
void forget_request(void);
void send_only(int fd, const char *what);
/* Receives one datagram and notes it. Returns how many answers ended in it, -1 when nothing comes. */
int receive_one(int fd, size_t receive_size);

extern uint16_t wireguard_family;    /* generic netlink's number of it */
uint32_t index_of(const char *name); /* 0: none */
const char *name_of(uint32_t ifindex);

/* Steps through attributes, of a message after a header of so many bytes or of a nest. libmnl's own
 * loops convert between signed and unsigned. */
#define FOR_EACH_BETWEEN(attribute, first, end)                                        \
    for (attribute = (first);                                                          \
         mnl_attr_ok(attribute, (int)((const char *)(end) - (const char *)attribute)); \
         attribute = mnl_attr_next(attribute))
#define FOR_EACH(attribute, head, offset)                                   \
    FOR_EACH_BETWEEN(attribute, mnl_nlmsg_get_payload_offset(head, offset), \
                     mnl_nlmsg_get_payload_tail(head))
#define FOR_EACH_NESTED(attribute, nest)                    \
    FOR_EACH_BETWEEN(attribute, mnl_attr_get_payload(nest), \
                     (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))

/* What a message says (describe.c). */

extern bool without_sources; /* routes are described without their source address */
void describe_route(const struct nlmsghdr *head);   /* of the route family */
void describe_generic(const struct nlmsghdr *head); /* of generic netlink */

/* Building requests for WireGuard (device.c). */

/* GET_DEVICE or SET_DEVICE of the named link; name NULL: names none. */
void device_message(uint8_t command, uint16_t flags, const char *name);
void device_set(const char *name);
void device_dump(const char *name, const char *what);
void put_key(uint16_t type, uint8_t byte);                   /* 32 times this byte */
struct nlattr *peer_start(uint8_t key_byte, uint32_t flags); /* flags 0: not sent */
void put_allowed_ip(const char *prefix);
void put_endpoint(const char *address, uint16_t port);
/* A whole peer with up to four allowed IPs, the last one NULL. */
void put_peer(uint8_t key_byte, uint32_t flags, const char *const *allowed_ips);

/* Building requests for links. */

void link_message(uint16_t type, uint16_t flags, const char *name); /* by index if there is one */
void link_add(const char *name, const char *kind);
void link_up(const char *name, bool up);
void link_delete_request(const char *name);
/* Everything that the route family lists, sorted. */
void dump_route_family(const char *what);

/* The scripts. */

void script_family(void);
void script_refused(void);
void script_order(void);
void script_silent(void);
void script_pieces(void);
void script_interrupted(void);
void script_ports(void);
void script_links(void);
void script_addresses(void);
void script_routes(void);
void script_routes_ipv6(void);
void script_link_down(void);
void script_rules(void);
void script_lookup(void);
void script_notices(void);
void script_acknowledgements(void);
void script_netconf(void);
void script_permission(void);
void script_random_sets(void);
void script_random_routes(void);

#endif
