/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that any driver accepts, and the digest of the kernel that they may or may not change. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* Valid for WireGuard too: the public half of a private key that is all N. */
void remote_key(unsigned int number, char text[KEY_TEXT_SIZE])
{
    unsigned char private_key[crypto_scalarmult_SCALARBYTES];
    unsigned char public_key[crypto_scalarmult_BYTES];
    memset(private_key, (int)(number & 0x7fu) + 1, sizeof(private_key));
    private_key[1] = (unsigned char)(number >> 7);
    ck_assert(crypto_scalarmult_base(public_key, private_key) == 0);
    (void)sodium_bin2base64(text, KEY_TEXT_SIZE, public_key, sizeof(public_key),
                            sodium_base64_VARIANT_ORIGINAL);
}

static void fill(struct remote *remote, unsigned int address, unsigned int network)
{
    (void)snprintf(remote->cable_name, sizeof(remote->cable_name), "cable-%s-192-0-2-%u",
                   remote->cluster_id, address);
    (void)snprintf(remote->hostname, sizeof(remote->hostname), "gateway-%s", remote->cluster_id);
    (void)snprintf(remote->address, sizeof(remote->address), "192.0.2.%u", address);
    (void)snprintf(remote->subnets_text[0], sizeof(remote->subnets_text[0]), "10.%u.0.0/16",
                   network);
    (void)snprintf(remote->subnets_text[1], sizeof(remote->subnets_text[1]), "fd00:%u::/48",
                   network);
    remote->subnets[0] = remote->subnets_text[0];
    remote->subnets[1] = remote->subnets_text[1];
    remote->endpoint = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cable_name;
    remote->endpoint.hostname = remote->hostname;
    remote->endpoint.private_ip = remote->address;
    remote->endpoint.public_ip = "";
    remote->endpoint.backend = driver->name;
    remote->endpoint.subnets = remote->subnets;
    remote->endpoint.subnet_count = 2;
}

void remote_make(struct remote *remote, unsigned int number)
{
    memset(remote, 0, sizeof(*remote));
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster%u", number);
    fill(remote, 100 + number, number);
    remote_key(number, remote->key);
    remote->config[REMOTE_CONFIG_KEY] = (struct subwg_setting){"publicKey", remote->key};
    remote->config[REMOTE_CONFIG_PORT] = (struct subwg_setting){"udp-port", "5871"};
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
    remote->endpoint.present = SUBWG_ENDPOINT_USE_IP;
    remote->endpoint.use_ip = remote->address;
}

void remote_make_local(struct remote *remote)
{
    memset(remote, 0, sizeof(*remote));
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "local");
    fill(remote, 1, 200);
}

char *digest_take(void)
{
    return subject->kernel_digest == NULL ? NULL : subject->kernel_digest();
}

/* The first line in which two texts differ, as the position where it begins. */
static size_t first_difference(const char *a, const char *b)
{
    size_t line = 0;
    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '\n')
            line = i + 1;
    return line;
}

void digest_expect(char *before, const char *when)
{
    if (before == NULL)
        return;
    char *after = digest_take();
    ck_assert(after != NULL);
    size_t line = first_difference(before, after);
    ck_assert_msg(strcmp(before, after) == 0,
                  "%s changed the kernel; before:\n%.400s\nafter:\n%.400s", when, before + line,
                  after + line);
    free(before);
    free(after);
}
