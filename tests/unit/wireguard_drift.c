/* SPDX-License-Identifier: Apache-2.0 */
/* The sentence that goes with each step of a plan. */
#include <string.h>

#include "unit.h"
#include "wireguard/drift.h"

static const struct device_state wanted_device = {.exists = true, .up = true, .mtu = 1420};
static struct device_state found_device;
static const struct state wanted = {.device = &wanted_device, .peer_count = 3, .route_count = 6};
static const struct state found = {.device = &found_device};
static const struct drift_scene scene = {"subwg0", "wg7", 220, &wanted, &found};

static void expect(const struct step *step, const char *subject, enum drift_outcome outcome,
                   const char *sentence)
{
    char text[DRIFT_TEXT_SIZE];
    ck_assert_str_eq(drift_describe(&scene, step, subject, outcome, text), sentence);
}

static void start(void)
{
    found_device = (struct device_state){
        .exists = true, .up = true, .mtu = 1280, .listen_port = 4711, .mark = 7};
}

START_TEST(a_sentence_ends_with_what_became_of_it)
{
    start();
    struct step step = {.kind = STEP_LINK_MTU, .what.mtu = 1420};
    expect(&step, "", DRIFT_WOULD_REPAIR,
           "subwg0 has an MTU of 1280 instead of 1420: would set it");
    expect(&step, "", DRIFT_REPAIRED, "subwg0 has an MTU of 1280 instead of 1420: repaired");
    expect(&step, "", DRIFT_FAILED, "subwg0 has an MTU of 1280 instead of 1420: could not set it");
    expect(&step, "", DRIFT_UNTRIED,
           "subwg0 has an MTU of 1280 instead of 1420: not tried, because another repair failed "
           "before");
    expect(&step, "", DRIFT_POSTPONED,
           "subwg0 has an MTU of 1280 instead of 1420: not repaired yet, because it had to be so "
           "often lately");
}
END_TEST

START_TEST(of_the_device)
{
    start();
    const struct {
        struct step step;
        const char *sentence;
    } cases[] = {
        {{.kind = STEP_LINK_CREATE},
         "subwg0 is gone, with 3 peers and 6 routes: would make it anew"},
        {{.kind = STEP_LINK_NAME}, "subwg0 was renamed to wg7: would rename it back"},
        {{.kind = STEP_LINK_ALIAS},
         "subwg0 does not carry the alias that marks it as ours: would set it"},
        {{.kind = STEP_LISTEN_PORT, .what.listen_port = 5871},
         "subwg0 listens on port 4711 instead of 5871: would set it"},
        {{.kind = STEP_MARK, .what.mark = 5871},
         "subwg0 marks its packets 0x7 instead of 0x16ef: would set it"},
        {{.kind = STEP_PRIVATE_KEY}, "subwg0 has not its private key: would set it"},
        {{.kind = STEP_LINK_UP}, "subwg0 is down: would set it up, with its routes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(&cases[i].step, "", DRIFT_WOULD_REPAIR, cases[i].sentence);
}
END_TEST

START_TEST(of_routes_addresses_and_rules)
{
    start();
    struct step step = {.kind = STEP_ROUTE_ADD, .what.prefix = prefix_of("10.234.0.0/18")};
    expect(&step, "cluster 'west'", DRIFT_WOULD_REPAIR,
           "the route to 10.234.0.0/18 of cluster 'west' is missing in table 220: would add it");
    step.kind = STEP_ROUTE_DELETE;
    expect(&step, "", DRIFT_WOULD_REPAIR,
           "the route to 10.234.0.0/18 in table 220 is nobody's: would remove it");
    step = (struct step){.kind = STEP_ADDRESS_ADD, .what.prefix = prefix_of("fd00::1/128")};
    expect(&step, "", DRIFT_WOULD_REPAIR, "subwg0 lacks the address fd00::1/128: would add it");
    step.kind = STEP_ADDRESS_DELETE;
    expect(&step, "", DRIFT_WOULD_REPAIR,
           "subwg0 has the address fd00::1/128, which is not its any more: would remove it");
    step = (struct step){
        .kind = STEP_RULE_ADD,
        .what.rule = {
            .family = FAMILY_IPV6, .invert = true, .priority = 220, .mark = 5871, .table = 220}};
    expect(&step, "", DRIFT_WOULD_REPAIR,
           "the IPv6 rule 220 'not fwmark 0x16ef lookup 220' is missing: would add it");
    step.kind = STEP_RULE_DELETE;
    step.what.rule.family = FAMILY_IPV4;
    step.what.rule.invert = false;
    expect(&step, "", DRIFT_WOULD_REPAIR,
           "the IPv4 rule 220 'fwmark 0x16ef lookup 220' is there and not wanted, or twice: would "
           "remove it");
}
END_TEST

START_TEST(of_a_peer_all_that_differs_stands_in_one_sentence)
{
    start();
    struct prefix subnets[6];
    for (int i = 0; i < 6; i++) {
        subnets[i] = prefix_of("10.234.0.0/24");
        subnets[i].bytes[2] = (uint8_t)i;
    }
    const struct key preshared_key = {{1}};
    const struct peer_state before = {
        .endpoint = {address_of("198.51.100.1"), 40000}, .keepalive_s = 77, .preshared_key = 2};
    struct step step = {.kind = STEP_PEER};
    expect(&step, "cluster 'west'", DRIFT_REPAIRED,
           "the peer of cluster 'west' is missing: repaired");
    step.found_peer = &before;
    step.what.peer.set_keepalive = true;
    step.what.peer.keepalive_s = 10;
    expect(&step, "cluster 'west'", DRIFT_REPAIRED,
           "the peer of cluster 'west' has a keepalive of 77 s instead of 10 s: repaired");
    step.what.peer.endpoint = (struct socket_address){address_of("fd00::7"), 5871};
    step.what.peer.preshared_key = &preshared_key;
    step.what.peer.allowed_ips = subnets;
    step.what.peer.allowed_ip_count = 6;
    expect(&step, "cluster 'west'", DRIFT_REPAIRED,
           "the peer of cluster 'west' has the endpoint 198.51.100.1:40000 instead of "
           "[fd00::7]:5871, another preshared key, a keepalive of 77 s instead of 10 s, not its "
           "subnets 10.234.0.0/24, 10.234.1.0/24, 10.234.2.0/24, 10.234.3.0/24 and 2 more: "
           "repaired");
}
END_TEST

START_TEST(of_what_goes)
{
    start();
    const struct peer_state before = {.keepalive_s = 77};
    struct prefix subnet = prefix_of("10.99.0.0/16");
    struct step step = {.kind = STEP_PEER_WITHDRAW,
                        .found_peer = &before,
                        .what.peer = {.allowed_ips = &subnet, .allowed_ip_count = 1}};
    ck_assert(drift_counts(&step));
    expect(&step, "cluster 'west'", DRIFT_REPAIRED,
           "the peer of cluster 'west' has what is not its subnet: 10.99.0.0/16: repaired");
    step.what.peer = (struct wg_peer_change){.flags = WG_PEER_REMOVE};
    expect(&step, "a foreign peer AbC...", DRIFT_REPAIRED,
           "a foreign peer AbC... is on the device: repaired");
    step.found_peer = NULL; /* the one that took it away, within the same request */
    ck_assert(!drift_counts(&step));
}
END_TEST

/* A device that is not there has no peers, and one that is down no routes: that goes without saying. */
START_TEST(what_follows_from_another_is_not_told)
{
    start();
    static const enum step_kind kinds[] = {STEP_LINK_ALIAS, STEP_LINK_MTU, STEP_PRIVATE_KEY,
                                           STEP_ADDRESS_ADD, STEP_PEER};
    struct step step = {.kind = STEP_ROUTE_ADD};
    ck_assert(!drift_follows(&scene, &step));
    found_device.up = false;
    ck_assert(drift_follows(&scene, &step));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        step.kind = kinds[i];
        found_device.exists = true;
        ck_assert(!drift_follows(&scene, &step));
        found_device.exists = false;
        ck_assert(drift_follows(&scene, &step));
    }
    step.kind = STEP_LINK_CREATE;
    ck_assert(!drift_follows(&scene, &step));
    step.kind = STEP_RULE_ADD;
    ck_assert(!drift_follows(&scene, &step));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_sentence_ends_with_what_became_of_it,
        of_the_device,
        of_routes_addresses_and_rules,
        of_a_peer_all_that_differs_stands_in_one_sentence,
        of_what_goes,
        what_follows_from_another_is_not_told,
        NULL,
    };
    return unit_run("wireguard_drift", tests);
}
