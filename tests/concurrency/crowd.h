/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads at gateways of cluster1, on the fake kernel unless it says otherwise. What goes wrong on one of them is kept and
 * asserted when all are back. */
#ifndef CONCURRENCY_CROWD_H
#define CONCURRENCY_CROWD_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fake_kernel.h>
#include <subwg/subwg.h>

/* A fresh kernel with eth0 at 10.243.64.6/24. */
void crowd_start(void);
void crowd_stop(void);

/* From here on the kernel is the real one, in a network namespace of its own with the same eth0. */
void crowd_take_real_kernel(void);

/* Cable number n, created: device crowd<n>, and a port, table, mark and rule priority of its own. */
struct subwg_cable *crowd_cable(unsigned number, uint32_t reply_timeout_ms,
                                const struct subwg_cable_callbacks *callbacks);
struct subwg_cable *crowd_cable_initialized(unsigned number);

/* A gateway of another cluster as it is at one time: its version is told by its hostname, and whether
 * it has one subnet or two by the version as well. */
struct crowd_remote {
    char cluster_id[16];
    char hostname[16];
    char private_ip[32];
    char key[48];
    uint8_t public_key[32];
    char subnet_texts[2][32];
    const char *subnets[2];
    struct subwg_setting config[2];
    struct subwg_endpoint endpoint;
};
void crowd_remote(struct crowd_remote *remote, unsigned cluster, unsigned version);
uint32_t crowd_subnet_count(unsigned version);

/* The first complaint is kept. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
void assert_no_complaint(void);

/* Runs body on so many threads, with the thread's number as context, and waits for all. */
void crowd_run(void *(*body)(void *), unsigned count);
unsigned crowd_number(const void *context);

/* A case with the fixture above, and its program. */
TCase *crowd_case(const char *name);
int crowd_main(const char *name, TCase *tests);

#endif
