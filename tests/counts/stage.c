/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <fake_kernel.h>

#include "crowd.h"

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
    arrange_kernel();
    crowd_start();
    crowd_connect_many(0, count);
    for (uint32_t i = 0; i < count; i++) {
        crowd_remote_make(&remote, i);
        fake_kernel_handshake(CROWD_DEVICE, remote.public_key, crowd_realtime_s());
        fake_kernel_traffic(CROWD_DEVICE, remote.public_key, 123456789, 987654321);
    }
}
