/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway of cluster1 on the fake kernel: the linked driver behind the engine, and two remotes. */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include <fake_kernel.h>
#include <subwg/subwg.h>

#define WORLD_DEVICE "subwg0"

struct remote {
    char cluster_id[16];
    char hostname[16];
    char private_ip[32];
    char key[48];
    uint8_t public_key[32];
    const char *subnets[4];
    struct subwg_setting config[2];
    struct subwg_endpoint endpoint;
};

struct world {
    struct subwg_registry *registry;
    struct subwg_cable *cable;
    struct subwg_error error; /* of the last call */
    uint64_t elapsed_ns;      /* the clocks that the driver sees */
    uint64_t realtime_ns;
    char published_key[64];
    char published[8][2][64];
    uint32_t published_count;
    int32_t (*refuse_publishing)(void); /* NULL: what is published is taken */
    char log[8192];                     /* every line so far */
    char text[65536];                   /* the last rendering */
    size_t text_length;
};
extern struct world world;

void world_start(void); /* a fresh kernel with eth0 at 10.243.64.6/24 */
void world_stop(void);

/* A cable that is created with these settings; psk and friends come as pairs. */
int32_t world_create(const struct subwg_setting *settings, uint32_t count);
void world_init(void);             /* created and initialized, asserted */
void world_restart(void);          /* as after SIGKILL: destroyed without cleanup, made again */
void world_pass(uint64_t seconds); /* both clocks go on */

/* Cluster number n (2, 3, ...) as the seed has it: 10.243.64.(5 + n), 10.(232 + n).0.0/18 and .64.0/18 */
void remote_make(struct remote *remote, unsigned int number);
int32_t world_connect(struct remote *remote);
int32_t world_disconnect(struct remote *remote);

/* Texts for people, in world.text. */
const char *world_metrics(uint32_t profile);
const char *world_table(void);
/* The connection row of a cluster as a snapshot of now has it; asserts that there is one. */
struct subwg_connection world_row(const char *cluster_id);
/* A handshake of the remote, and something received. */
void world_hear(const struct remote *remote);

/* The kernel's state as text; the caller frees it. */
char *world_kernel(void);
bool kernel_has(const char *line);
void assert_kernel_has(const char *line);
void assert_kernel_lacks(const char *line);
void assert_kernel_equals(const char *before);
void assert_kernel_is(char *before); /* frees it */

/* One suite with one case, as a program: runs it and returns the program's exit status. */
struct world_test {
    const TTest *test;
    int rounds; /* the loop variable _i goes from 0; 0: one round */
};
int world_run(const char *name, void (*start)(void), const struct world_test *tests, size_t count);

#endif
