/* SPDX-License-Identifier: Apache-2.0 */
#include "moving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cable.h"

struct remote two;
struct remote next;
struct remote third;
struct remote three;

void use_key_of(struct remote *remote, unsigned int number, const char *private_ip)
{
    struct remote other;
    remote_make(&other, number);
    memcpy(remote->key, other.key, sizeof(remote->key));
    memcpy(remote->public_key, other.public_key, sizeof(remote->public_key));
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "%s", private_ip);
}

struct subwg_instance *instance(void)
{
    return world.cable->instance;
}

void moving_start(void)
{
    world_start();
    remote_make(&two, 2);
    remote_make(&next, 2);
    use_key_of(&next, 12, "10.243.64.12");
    remote_make(&third, 2);
    use_key_of(&third, 13, "10.243.64.13");
    remote_make(&three, 3);
}

/* An engine that dispatches, and a tunnel to cluster2 that works. */
void begin(void)
{
    world_init();
    moves_dispatched(instance());
    ck_assert_int_eq(world_connect(&two), 0);
    world_hear(&two);
    ck_assert_uint_eq(world_row("cluster2").status, SUBWG_STATUS_CONNECTED);
}

void begin_move(void)
{
    begin();
    ck_assert_int_eq(world_connect(&next), 0);
}

/* What dispatch does: a dump, and what it allows. */
int32_t advance(void)
{
    struct subwg_error *error = &world.error;
    int32_t code = instance_dump(instance(), error);
    if (code != 0)
        return code;
    report_take_dump(instance());
    return moves_advance(instance(), error);
}

/* The subnets of a remote's peer as the kernel has them; NULL: no such peer. */
const char *subnets_of(const struct remote *remote)
{
    static char subnets[2][256];
    static size_t turn;
    char *kernel = world_kernel();
    const char *peer = strstr(kernel, remote->key);
    char *text = NULL;
    if (peer != NULL) {
        const char *allowed = strstr(peer, " allowed") + strlen(" allowed");
        text = subnets[turn++ % 2];
        allowed += *allowed == ' ';
        (void)snprintf(text, sizeof(subnets[0]), "%.*s", (int)strcspn(allowed, "\n"), allowed);
    }
    free(kernel);
    return text;
}

void assert_subnets(const struct remote *remote, const char *subnets)
{
    const char *there = subnets_of(remote);
    if (subnets == NULL)
        ck_assert_ptr_null(there);
    else
        ck_assert_msg(there != NULL && strcmp(there, subnets) == 0, "%s has '%s', not '%s'",
                      remote->private_ip, there != NULL ? there : "(no peer)", subnets);
}

void assert_routed(void)
{
    assert_kernel_has("route table 220 10.234.0.0/18 dev subwg0");
    assert_kernel_has("route table 220 10.234.64.0/18 dev subwg0");
}

void assert_moved(void)
{
    assert_subnets(&two, NULL);
    assert_subnets(&next, BOTH);
    assert_routed();
    ck_assert_uint_eq(moves_due_ns(instance()), UINT64_MAX);
    ck_assert_int_eq(world_connect(&next), 1);
}
