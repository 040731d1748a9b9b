/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#include <fake_kernel.h>
#include <sodium.h>

#include "crowd.h"

/* The state of SplitMix64. */
static uint64_t chance;

static uint64_t chance_next(void)
{
    uint64_t bits = chance += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

static const char *chance_name(void)
{
    return "the same in each run";
}

static uint32_t chance_word(void)
{
    return (uint32_t)(chance_next() >> 32);
}

static void chance_bytes(void *bytes, size_t size)
{
    uint8_t *next = bytes;
    for (size_t i = 0; i < size; i++)
        next[i] = (uint8_t)(chance_next() >> 56);
}

static randombytes_implementation chance_implementation = {
    .implementation_name = chance_name, .random = chance_word, .buf = chance_bytes};

bool stage_open(void)
{
    return randombytes_set_implementation(&chance_implementation) == 0 && sodium_init() >= 0;
}

static void arrange_kernel(void)
{
    fake_kernel_reset();
    (void)fake_kernel_add_link("eth0", NULL);
    fake_kernel_set_link_up("eth0", true);
    fake_kernel_add_address("eth0", CROWD_NETWORK);
    fake_kernel_add_route(&(struct fake_kernel_route){
        .destination = "0.0.0.0/0", .link = "eth0", .gateway = CROWD_ROUTER});
}

void stage_crowd(uint32_t count)
{
    struct crowd_remote remote;
    chance = 1;
    arrange_kernel();
    crowd_start();
    crowd_connect_many(0, count);
    for (uint32_t i = 0; i < count; i++) {
        crowd_remote_make(&remote, i);
        fake_kernel_handshake(CROWD_DEVICE, remote.public_key, crowd_realtime_s());
        fake_kernel_traffic(CROWD_DEVICE, remote.public_key, 123456789, 987654321);
    }
}

static bool held = true;

void stage_expect(bool so, const char *what)
{
    printf("%s %s\n", so ? "ok" : "not ok", what);
    held = held && so;
}

int stage_end(void)
{
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
