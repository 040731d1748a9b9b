/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway in this process: the linked driver behind the engine. Whatever it cannot do ends the process,
 * and the last words tell why. */
#ifndef KILL_GATEWAY_H
#define KILL_GATEWAY_H

#include <stdint.h>

#include <subwg/subwg.h>

#define GATEWAY_DEVICE "subwg0"
#define GATEWAY_PSK    "shared by both"

#define GATEWAY_MANY 850 /* subnets: more than one request of WireGuard's takes */

struct remote {
    char cluster_id[16];
    char private_ip[32];
    char key[48];
    uint8_t public_key[32];
    char subnet_texts[3][48];
    const char *subnets[GATEWAY_MANY];
    struct subwg_setting config[2];
    struct subwg_endpoint endpoint;
};

void gateway_words(char *words, uint32_t size); /* where last words go */
_Noreturn void gateway_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void gateway_key_file(const char *path); /* for the gateways made from now on; "": none */

void gateway_create(void);
void gateway_init(void);
int32_t gateway_try_connect(const struct remote *remote);
void gateway_connect(const struct remote *remote);
void gateway_connect_many(const struct remote *const *remotes, uint32_t count);
void gateway_disconnect_many(const struct remote *const *remotes, uint32_t count);
void gateway_disconnect(const struct remote *remote);
void gateway_list_complete(void);
void gateway_reconcile(void);
void gateway_attend(void); /* event_fd, and a dispatch */
void gateway_read(void);   /* both snapshots */
void gateway_cleanup(void);
void gateway_leave(void); /* destroy; the tunnels stay */

/* Cluster number n from 2 on. */
void remote_make(struct remote *remote, unsigned int number);
/* The same with as many subnets. */
void remote_make_large(struct remote *remote, unsigned int number);
/* The key of another number. */
void remote_set_key(struct remote *remote, unsigned int number);

#endif
