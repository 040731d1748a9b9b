/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <sched.h>
#include <stdlib.h>

#include <check.h>

void kernel_start(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    ck_assert_int_eq(system("ip link set lo up && ip link add eth0 type dummy && "
                            "ip addr add 10.243.64.6/24 dev eth0 && ip link set eth0 up"),
                     0);
}
