/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that changes its key while its tunnel works, in the fault tests' world. */
#ifndef FAULT_MOVING_H
#define FAULT_MOVING_H

#include "base/limits.h"
#include "wireguard/moves.h"
#include "world.h"

#define BOTH "10.234.0.0/18 10.234.64.0/18"

extern struct remote two;   /* cluster2 with the old key */
extern struct remote next;  /* cluster2 with a new key, at another address */
extern struct remote third; /* cluster2 with yet another one */
extern struct remote three; /* cluster3 */

void moving_start(void); /* a fresh world, with these remotes */

struct subwg_instance *instance(void);
/* The key of another number, at another address. */
void use_key_of(struct remote *remote, unsigned int number, const char *private_ip);

/* An engine that dispatches, and a tunnel to cluster2 that works; and then a new key. */
void begin(void);
void begin_move(void);

/* What dispatch does: a dump, and what it allows. */
int32_t advance(void);

/* The subnets of a remote's peer as the kernel has them; NULL: no such peer. */
const char *subnets_of(const struct remote *remote);
void assert_subnets(const struct remote *remote, const char *subnets);
void assert_routed(void);
void assert_moved(void); /* from two to next, as a whole */

#endif
