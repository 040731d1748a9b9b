/* SPDX-License-Identifier: Apache-2.0 */
/* The table of RTRlib, made for the origins of routes: a trie of prefixes with their owners. It tells who
 * covers a prefix, and has no question for who owns a part of it. */
#include <endian.h>
#include <rtrlib/pfx/pfx.h>
#include <stdlib.h>
#include <string.h>

#include "prefix_keeper.h"

static uint32_t word_of(const struct prefix *prefix, size_t index)
{
    uint32_t word;
    memcpy(&word, prefix->bytes + index * sizeof(word), sizeof(word));
    return be32toh(word);
}

static struct lrtr_ip_addr address_in(const struct prefix *prefix)
{
    struct lrtr_ip_addr address = {.ver = LRTR_IPV4};
    if (prefix->family == FAMILY_IPV4) {
        address.u.addr4.addr = word_of(prefix, 0);
        return address;
    }
    address.ver = LRTR_IPV6;
    for (size_t i = 0; i < 4; i++)
        address.u.addr6.addr[i] = word_of(prefix, i);
    return address;
}

static struct pfx_record record_of(uint32_t number, const struct prefix *prefix)
{
    return (struct pfx_record){.asn = number,
                               .prefix = address_in(prefix),
                               .min_len = prefix->length,
                               .max_len = prefix->family};
}

static void *start(uint32_t most)
{
    (void)most;
    struct pfx_table *table = calloc(1, sizeof(*table));
    if (table != NULL)
        pfx_table_init(table, NULL);
    return table;
}

static bool overlaps(void *state, const struct prefix *prefix)
{
    enum pfxv_state found = BGP_PFXV_STATE_NOT_FOUND;
    struct lrtr_ip_addr address = address_in(prefix);
    return pfx_table_validate(state, 0, &address, prefix->length, &found) == PFX_SUCCESS &&
           found != BGP_PFXV_STATE_NOT_FOUND;
}

static bool add(void *state, uint32_t number, const struct prefix *prefix)
{
    struct pfx_record record = record_of(number, prefix);
    return !overlaps(state, prefix) && pfx_table_add(state, &record) == PFX_SUCCESS;
}

static void take_out(void *state, uint32_t number, const struct prefix *prefix)
{
    struct pfx_record record = record_of(number, prefix);
    (void)pfx_table_remove(state, &record);
}

static void finish(void *state)
{
    pfx_table_free(state);
    free(state);
}

const struct prefix_keeper prefix_keeper_rtr = {
    .name = "RTRlib's table",
    .start = start,
    .add = add,
    .overlaps = overlaps,
    .take_out = take_out,
    .finish = finish,
};
