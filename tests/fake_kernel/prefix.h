/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and prefixes of the model. An address is a prefix of full length. */
#ifndef FAKE_PREFIX_H
#define FAKE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_prefix {
    int family; /* AF_INET, AF_INET6, or AF_UNSPEC: none */
    uint8_t length;
    uint8_t bytes[16];
};

#define FAKE_PREFIX_TEXT 56

size_t fake_address_size(int family);
struct fake_prefix fake_prefix_from(int family, const void *address, uint8_t length);
struct fake_prefix fake_prefix_parse(const char *text); /* aborts the test on nonsense */
struct fake_prefix fake_prefix_masked(struct fake_prefix prefix);
bool fake_prefix_equal(const struct fake_prefix *one, const struct fake_prefix *other);
bool fake_address_equal(const struct fake_prefix *one, const struct fake_prefix *other);
bool fake_prefix_contains(const struct fake_prefix *prefix, const struct fake_prefix *address);
/* IPv4 only: the last address, which reaches all of the network. */
struct fake_prefix fake_prefix_broadcast(struct fake_prefix prefix);
void fake_prefix_text(const struct fake_prefix *prefix, char text[FAKE_PREFIX_TEXT]);
void fake_address_text(const struct fake_prefix *address, char text[FAKE_PREFIX_TEXT]);

/* Ends the test: it asked the model for something that makes no sense. */
_Noreturn void fake_misuse(const char *what, const char *about);

#endif
