/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses, prefixes and transport addresses of both families: parse, format, compare. Pure. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Family of an address, as the number of its bits; 0 is "none", so that zeroed memory is no address. */
enum family { FAMILY_NONE = 0, FAMILY_IPV4 = 32, FAMILY_IPV6 = 128 };

/* Bytes in network order; those beyond the family's length are zero. */
struct address {
    uint8_t family; /* enum family */
    uint8_t bytes[16];
    uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
};

struct socket_address {
    struct address address; /* FAMILY_NONE: no address at all */
    uint16_t port;          /* host order */
};

/* In canonical form the bits beyond the length are zero; an interface address keeps them. */
struct prefix {
    uint8_t family; /* enum family */
    uint8_t length;
    uint8_t bytes[16];
};

#define ADDRESS_TEXT_SIZE        64 /* with a scope */
#define PREFIX_TEXT_SIZE         64
#define SOCKET_ADDRESS_TEXT_SIZE 80 /* [address%scope]:port */

enum address_fault {
    ADDRESS_OK = 0,
    ADDRESS_MALFORMED,
    ADDRESS_HOST_BITS, /* a prefix with bits beyond its length */
    ADDRESS_NO_SCOPE,  /* a link-local IPv6 address without its interface */
    ADDRESS_BAD_SCOPE  /* a scope that names no interface, or on an address that takes none */
};

/* Strict forms only: four decimal numbers, or IPv6 by RFC 4291 with an optional %interface, which is
 * looked up in the calling thread's network namespace. */
enum address_fault address_parse(const char *text, struct address *ret_address);

/* Where interfaces are looked up otherwise: index is 0 for a name that there is not. */
struct interfaces {
    uint32_t (*index)(void *context, const char *name);
    bool (*exists)(void *context, uint32_t index);
    void *context;
};
extern const struct interfaces interfaces_here; /* of that namespace */
enum address_fault address_parse_among(const struct interfaces *interfaces, const char *text,
                                       struct address *ret_address);

enum address_fault prefix_parse(const char *text, struct prefix *ret_prefix);

/* Write a NUL-terminated text of at most the ..._TEXT_SIZE above and return the buffer. */
const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]);
const char *socket_address_format(const struct socket_address *address,
                                  char text[SOCKET_ADDRESS_TEXT_SIZE]);

bool address_equal(const struct address *a, const struct address *b);
bool socket_address_equal(const struct socket_address *a, const struct socket_address *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);

/* Total order: by family, bytes, length. For sorting and comparing lists as sets. */
int prefix_compare(const struct prefix *a, const struct prefix *b);
int prefix_order(const void *a, const void *b); /* the same for qsort and bsearch */

/* Order in which any two prefixes that overlap are equal; an order only over disjoint prefixes. */
int prefix_compare_disjoint(const struct prefix *a, const struct prefix *b);

bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *prefix, const struct address *address);

/* The prefix that holds just this address; and a copy with the bits beyond the length cleared. */
struct prefix prefix_of_address(const struct address *address);
struct prefix prefix_masked(const struct prefix *prefix);
struct address prefix_address(const struct prefix *prefix);

/* What sort of special range a prefix touches ("loopback", "multicast", ...), NULL if none: the ranges
 * that no remote cluster may claim and no gateway may live in (RFC 6890). */
const char *prefix_special_range(const struct prefix *prefix);

#endif
