/* SPDX-License-Identifier: Apache-2.0 */
/* The null driver, loaded from its file. */
#include "contract.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static const struct subwg_setting settings[] = {{"device", "null7"}, {"port", "5871"}, {0}};
    static const struct subwg_setting other_settings[] = {{"device", "null8"}, {0}};
    if (argc != 2) {
        fprintf(stderr, "usage: %s DRIVER.so\n", argv[0]);
        return 2;
    }
    const struct contract_subject subject = {
        .name = "contract-null",
        .entry = contract_load(argv[1]),
        .subnets_max = 64,
        .settings = settings,
        .device = "null7",
        .port = "5871",
        .other_settings = other_settings,
        .bad_settings = {{"port", "65536"}, {"device", "no/device"}},
        .secret_setting = "psk",
    };
    return contract_run(&subject);
}
