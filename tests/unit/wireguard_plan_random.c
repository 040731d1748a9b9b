/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random plans, carried out on a model of the kernel: they lead where they should, do nothing where
 * nothing is to be done, and never leave an allowed IP without an owner on the way.
 */
#include "wireguard/plan.h"
#include "wireguard_model.h"

#define POOL 40 /* prefixes that random states draw from */

static void no_look(const struct model *model, void *context)
{
    (void)model;
    (void)context;
}

static struct prefix pool_prefix(uint32_t number)
{
    /* Every fourth covers the three after it. */
    bool v4 = number % 2 == 0;
    struct prefix prefix = {.family = v4 ? FAMILY_IPV4 : FAMILY_IPV6, .length = v4 ? 24 : 48};
    uint8_t *bytes = &prefix.bytes[v4 ? 1 : 4];
    prefix.bytes[0] = v4 ? 10 : 0xfd;
    bytes[0] = (uint8_t)(number / 8);
    bytes[1] = (uint8_t)(number % 8 / 2 * 16);
    if (number % 8 < 2)
        prefix.length = v4 ? 16 : 40;
    return prefix;
}

static struct socket_address random_endpoint(struct chance *chance)
{
    struct socket_address endpoint = {address_of("192.0.2.0"),
                                      (uint16_t)(5871 + chance_below(chance, 2))};
    endpoint.address.bytes[3] = (uint8_t)chance_below(chance, 3);
    return endpoint;
}

/* Peers with keys from a few, each prefix of the pool with at most one of them. */
static void random_peers(struct chance *chance, struct model *model, bool wanted)
{
    for (uint32_t number = 0; number < 8; number++) {
        if (!chance_is(chance, 50))
            continue;
        struct model_peer *peer = &model->peers[model->peer_count++];
        *peer = (struct model_peer){0};
        peer->state.public_key = key_of(number);
        peer->state.endpoint = random_endpoint(chance);
        peer->state.keepalive_s = (uint16_t)(chance_below(chance, 3) * 10);
        peer->state.preshared_key = (uint8_t)chance_below(chance, wanted ? 2 : 3);
        if (!wanted && chance_is(chance, 10))
            peer->state.endpoint = (struct socket_address){0};
    }
    for (uint32_t number = 0; number < POOL && model->peer_count > 0; number++) {
        struct prefix prefix = pool_prefix(number);
        if (chance_is(chance, 60))
            model_give(model, &model->peers[chance_below(chance, model->peer_count)], &prefix);
    }
}

static void random_lists(struct chance *chance, struct model *model)
{
    for (uint32_t number = 0; number < POOL; number++) {
        if (chance_is(chance, 40))
            model->routes[model->route_count++] = pool_prefix(number);
        if (number < 4 && chance_is(chance, 40))
            model->addresses[model->address_count++] = pool_prefix(number);
    }
    for (uint32_t i = 0; i < 4; i++)
        if (chance_is(chance, 50))
            model->rules[model->rule_count++] =
                (struct rule){.family = i % 2 == 0 ? FAMILY_IPV4 : FAMILY_IPV6,
                              .invert = true,
                              .plain = chance_is(chance, 50), /* says nothing of what it is */
                              .protocol = 158,
                              .priority = 220 + i,
                              .mark = 5871 + chance_below(chance, 2),
                              .mask = UINT32_MAX,
                              .table = 220};
}

static void random_model(struct chance *chance, struct model *model, bool wanted)
{
    *model = (struct model){0};
    if (wanted || chance_is(chance, 70))
        model->device = (struct device_state){
            .exists = true,
            .alias_set = wanted || chance_is(chance, 50),
            .up = wanted || chance_is(chance, 50),
            .has_private_key = wanted || chance_is(chance, 50),
            .listen_port = (uint16_t)(5871 + chance_below(chance, 2)),
            .mark = chance_below(chance, 2) * 5871,
            .mtu = 1400 + 20 * chance_below(chance, 3),
        };
    random_peers(chance, model, wanted);
    random_lists(chance, model);
}

/* What has an owner before and after, and which addresses lead somewhere before and after. */
struct gap_check {
    bool owned[POOL];
    bool routed[POOL];
};

static struct gap_check gap_check(const struct model *wanted, const struct model *found)
{
    struct gap_check check;
    for (uint32_t number = 0; number < POOL; number++) {
        struct prefix prefix = pool_prefix(number);
        struct address address = prefix_address(&prefix);
        check.owned[number] =
            model_owner(wanted, &prefix) != NULL && model_owner(found, &prefix) != NULL;
        check.routed[number] =
            model_route(wanted, &address) != NULL && model_route(found, &address) != NULL;
    }
    return check;
}

/* Has and leads so all the time. */
static void look_for_gap(const struct model *model, void *context)
{
    const struct gap_check *check = context;
    for (uint32_t number = 0; number < POOL; number++) {
        struct prefix prefix = pool_prefix(number);
        struct address address = prefix_address(&prefix);
        CHECK(!check->owned[number] || model_owner(model, &prefix) != NULL);
        CHECK(!check->routed[number] || model_route(model, &address) != NULL);
    }
}

static void apply(struct model *model, const struct plan *plan, model_look_fn look, void *context)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        CHECK(i == 0 || plan->steps[i - 1].kind <= plan->steps[i].kind);
        model_apply(model, &plan->steps[i], look, context);
    }
}

static bool same_device(const struct device_state *a, const struct device_state *b)
{
    return a->exists == b->exists && a->alias_set == b->alias_set && a->up == b->up &&
           a->has_private_key == b->has_private_key && a->listen_port == b->listen_port &&
           a->mark == b->mark && a->mtu == b->mtu;
}

START_TEST(random_plans_lead_to_what_is_wanted_without_a_gap)
{
    struct chance chance = chance_start("random_plans_lead_to_what_is_wanted_without_a_gap");
    static struct model wanted;
    static struct model found;
    static struct model kernel;
    for (int run = 0; run < 300; run++) {
        random_model(&chance, &wanted, true);
        random_model(&chance, &found, false);
        struct plan plan = model_plan(&wanted, &found);
        kernel = found;
        struct gap_check check = gap_check(&wanted, &found);
        apply(&kernel, &plan, look_for_gap, &check);
        CHECK(model_equal(&kernel, &wanted));
        CHECK(same_device(&kernel.device, &wanted.device));
        plan_finish(&plan);
        CHECK(plan.steps == NULL && plan.count == 0);

        plan = model_plan(&wanted, &kernel);
        CHECK(plan.count == 0); /* nothing left to do, and nothing is done */
        plan_finish(&plan);
    }
}
END_TEST

START_TEST(the_plan_with_its_arguments_exchanged_leads_back)
{
    struct chance chance = chance_start("the_plan_with_its_arguments_exchanged_leads_back");
    static struct model wanted;
    static struct model found;
    static struct model kernel;
    for (int run = 0; run < 200; run++) {
        random_model(&chance, &wanted, true);
        random_model(&chance, &found, true); /* states that were wanted once */
        kernel = found;
        struct plan there = model_plan(&wanted, &found);
        apply(&kernel, &there, no_look, NULL);
        struct plan back = model_plan(&found, &kernel);
        struct gap_check check = gap_check(&found, &wanted);
        apply(&kernel, &back, look_for_gap, &check);
        CHECK(model_equal(&kernel, &found));
        CHECK(same_device(&kernel.device, &found.device));
        plan_finish(&there);
        plan_finish(&back);
    }
}
END_TEST

START_TEST(nothing_is_left_of_a_device_that_is_not_wanted)
{
    struct chance chance = chance_start("nothing_is_left_of_a_device_that_is_not_wanted");
    static struct model nothing;
    static struct model found;
    for (int run = 0; run < 300; run++) {
        random_model(&chance, &found, true);
        nothing = (struct model){0};
        struct plan plan = model_plan(&nothing, &found);
        CHECK(plan.count > 0 && plan.steps[plan.count - 1].kind == STEP_LINK_DELETE);
        apply(&found, &plan, no_look, NULL);
        CHECK(model_equal(&found, &nothing) && !found.device.exists);
        plan_finish(&plan);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_plans_lead_to_what_is_wanted_without_a_gap,
        the_plan_with_its_arguments_exchanged_leads_back,
        nothing_is_left_of_a_device_that_is_not_wanted,
        NULL,
    };
    return unit_run("wireguard_plan_random", tests);
}
