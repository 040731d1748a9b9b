/* SPDX-License-Identifier: Apache-2.0 */
/* The WireGuard driver, linked, on the model of the kernel. */
#include "wireguard_subject.h"

#include <sched.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "fake_kernel.h"
#include "wireguard/driver.h"

static const struct subwg_driver *entry(void)
{
    return &wireguard_driver;
}

/* The lock on the device is a real socket's name: in a namespace of its own where that is allowed,
 * so that two runs at the same time do not see each other. */
static void set_up(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        (void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
    fake_kernel_reset();
    (void)fake_kernel_add_link("underlay", NULL);
    fake_kernel_add_address("underlay", CONTRACT_LOCAL_IP "/24");
    fake_kernel_add_address("underlay", CONTRACT_LOCAL_IPV6 "/64");
    fake_kernel_set_link_up("underlay", true);
}

static void decode(const char *text, uint8_t key[32])
{
    ck_assert_int_eq(sodium_base642bin(key, 32, text, strlen(text), NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
}

static void remove_peer(const char *text)
{
    uint8_t key[32];
    decode(text, key);
    fake_kernel_remove_peer(WIREGUARD_DEVICE, key);
}

static void add_peer(const char *text)
{
    uint8_t key[32];
    decode(text, key);
    fake_kernel_add_peer(WIREGUARD_DEVICE, key, "10.99.0.0/16");
}

int main(void)
{
    struct contract_subject subject = wireguard_subject();
    subject.name = "contract-wireguard-fake";
    subject.entry = entry;
    subject.setup = set_up;
    subject.remove_peer_by_hand = remove_peer;
    subject.add_peer_by_hand = add_peer;
    subject.kernel_digest = fake_kernel_dump_text;
    return contract_run(&subject);
}
