/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <stddef.h>

#include <fake_kernel.h>

void kernel_start(void)
{
    fake_kernel_reset();
    (void)fake_kernel_add_link("eth0", NULL);
    fake_kernel_set_link_up("eth0", true);
    fake_kernel_add_address("eth0", "10.243.64.6/24");
}
