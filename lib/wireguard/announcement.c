/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/announcement.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

bool announcement_equal(const struct connection *a, const struct connection *b)
{
    bool same =
        strcmp(a->cable_name, b->cable_name) == 0 && strcmp(a->hostname, b->hostname) == 0 &&
        strcmp(a->private_ip, b->private_ip) == 0 && strcmp(a->public_ip, b->public_ip) == 0 &&
        a->use_nat == b->use_nat && a->subnet_text_count == b->subnet_text_count;
    for (uint32_t i = 0; same && i < a->subnet_text_count; i++)
        same = strcmp(a->subnet_texts[i], b->subnet_texts[i]) == 0;
    return same;
}

int32_t announcement_check_rate(struct subwg_instance *instance, const struct connection *candidate,
                                struct subwg_error *error)
{
    static const struct budget_terms terms = {LIMIT_CHANGES, LIMIT_CHANGE_INTERVAL_MS * NS_PER_MS};
    struct connection *current = table_find_cluster(&instance->table, candidate->cluster_id);
    uint64_t now_ns = instance_now(instance);
    if (current == NULL || (announcement_equal(current, candidate) &&
                            key_equal(&current->public_key, &candidate->public_key) &&
                            socket_address_equal(&current->endpoint, &candidate->endpoint)))
        return 0;
    if (budget_take(&current->changes, &terms, now_ns))
        return 0;
    char cluster[80];
    struct text text = text_over(cluster, sizeof(cluster));
    text_append_escaped(&text, candidate->cluster_id);
    uint64_t wait_ms = budget_wait_ns(&current->changes, &terms, now_ns) / NS_PER_MS + 1;
    error_set(
        error, -EAGAIN, SUBWG_REASON_LIMIT, "connect",
        "cluster '%s' changes its endpoint too often (at most %u times at once, then once in %u "
        "ms): try again in %u ms",
        cluster, LIMIT_CHANGES, LIMIT_CHANGE_INTERVAL_MS, (unsigned)wait_ms);
    error_hint(error, "the connection stays as it is");
    return -EAGAIN;
}
