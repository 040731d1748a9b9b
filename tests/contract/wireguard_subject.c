/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_subject.h"

struct contract_subject wireguard_subject(void)
{
    static const struct subwg_setting settings[] = {
        {"device", WIREGUARD_DEVICE}, {"port", "5871"}, {"max-subnets", "512"}, {0}};
    /* Everything that two instances in one namespace would otherwise share. */
    static const struct subwg_setting other_settings[] = {
        {"device", "subwg8"},     {"port", "5872"}, {"table", "221"},
        {"rule-priority", "221"}, {"mark", "5872"}, {0}};
    return (struct contract_subject){
        .traits = CONTRACT_WIREGUARD_KEYS | CONTRACT_DATA_PLANE | CONTRACT_OWNS_DEVICE |
                  CONTRACT_KNOWS_NETWORKS,
        .subnets_max = 512,
        .settings = settings,
        .device = WIREGUARD_DEVICE,
        .port = "5871",
        .other_settings = other_settings,
        .bad_settings = {{"keepalive-s", "65536"}, {"profile", "no-such-profile"}},
        .secret_setting = "psk",
    };
}
