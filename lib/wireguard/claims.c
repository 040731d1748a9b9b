/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/claims.h"

#include <string.h>

#include "base/text.h"

static struct refused_claim *find(struct claims *claims, const char *claimant)
{
    for (uint32_t i = 0; i < claims->count; i++)
        if (strcmp(claims->list[i].claimant, claimant) == 0)
            return &claims->list[i];
    return NULL;
}

static void remove_claim(struct claims *claims, struct refused_claim *claim)
{
    struct refused_claim *end = &claims->list[claims->count--];
    memmove(claim, claim + 1, (size_t)((char *)end - (char *)(claim + 1)));
}

void claims_withdraw(struct claims *claims, const char *claimant)
{
    struct refused_claim *claim = find(claims, claimant);
    if (claim != NULL)
        remove_claim(claims, claim);
}

bool claims_note(struct claims *claims, const struct connection *candidate,
                 const struct prefix *subnet)
{
    struct refused_claim claim = {.public_key = candidate->public_key};
    (void)text_copy(claim.claimant, sizeof(claim.claimant), candidate->cluster_id);
    if (subnet != NULL)
        claim.subnet = *subnet;
    struct refused_claim *before = find(claims, claim.claimant);
    bool same = before != NULL && prefix_equal(&before->subnet, &claim.subnet) &&
                key_equal(&before->public_key, &claim.public_key);
    if (same)
        return false;
    if (before != NULL)
        remove_claim(claims, before);
    else if (claims->count == LIMIT_CLAIMS)
        remove_claim(claims, &claims->list[0]);
    claims->list[claims->count++] = claim;
    return true;
}

static const struct connection *find_owner(const struct refused_claim *claim,
                                           const struct table *table)
{
    const struct connection *own = table_find_cluster(table, claim->claimant);
    const struct connection *with_key = table_find_key(table, &claim->public_key);
    if (claim->subnet.family == FAMILY_NONE)
        return with_key != own ? with_key : NULL;
    const struct prefix_node *node = prefix_map_find(&table->owners, &claim->subnet, own, with_key);
    return node != NULL ? node->owner : NULL;
}

struct claim_owners claims_find_owners(const struct claims *claims, const struct table *table)
{
    struct claim_owners owners = {{NULL}};
    for (uint32_t i = 0; i < claims->count; i++)
        owners.list[i] = find_owner(&claims->list[i], table);
    return owners;
}

const char *claims_describe(const struct claims *claims, const struct claim_owners *owners,
                            const struct connection *owner, char text[CLAIMS_TEXT_SIZE])
{
    struct text out = text_over(text, CLAIMS_TEXT_SIZE);
    uint32_t more = 0;
    for (uint32_t i = 0; i < claims->count; i++) {
        const struct refused_claim *claim = &claims->list[i];
        char subnet[PREFIX_TEXT_SIZE];
        char cluster[80];
        if (owners->list[i] != owner)
            continue;
        if (out.length > 0) {
            more++;
            continue;
        }
        struct text shown = text_over(cluster, sizeof(cluster));
        text_append_escaped(&shown, claim->claimant);
        text_append(&out, "cluster '%s' claims %s", cluster,
                    claim->subnet.family != FAMILY_NONE ? prefix_format(&claim->subnet, subnet)
                                                        : "its key");
    }
    if (more > 0)
        text_append(&out, " (and %u more)", (unsigned)more);
    return text;
}
