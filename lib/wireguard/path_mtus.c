/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/path_mtus.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void path_mtus_finish(struct path_mtus *mtus)
{
    free(mtus->counts);
    *mtus = (struct path_mtus){0};
}

bool path_mtus_reserve(struct path_mtus *mtus, uint32_t more)
{
    while (mtus->capacity - mtus->count < more) {
        struct path_mtu_count *grown =
            array_grow(mtus->counts, &mtus->capacity, mtus->capacity, sizeof(*grown));
        if (grown == NULL)
            return false;
        mtus->counts = grown;
    }
    return true;
}

/* The position of the first that is not smaller. */
static uint32_t position_of(const struct path_mtus *mtus, uint32_t mtu)
{
    uint32_t low = 0;
    uint32_t high = mtus->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mtus->counts[middle].mtu < mtu)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void path_mtus_add(struct path_mtus *mtus, uint32_t mtu)
{
    uint32_t at = position_of(mtus, mtu);
    if (mtu == 0)
        return;
    struct path_mtu_count *here = &mtus->counts[at];
    if (at == mtus->count || here->mtu != mtu) {
        memmove(here + 1, here, (mtus->count - at) * sizeof(*here));
        *here = (struct path_mtu_count){.mtu = mtu};
        mtus->count++;
    }
    here->count++;
}

void path_mtus_remove(struct path_mtus *mtus, uint32_t mtu)
{
    uint32_t at = position_of(mtus, mtu);
    if (mtu == 0)
        return;
    struct path_mtu_count *here = &mtus->counts[at];
    if (--here->count == 0)
        memmove(here, here + 1, (--mtus->count - at) * sizeof(*here));
}

uint32_t path_mtus_least(const struct path_mtus *mtus, const uint32_t *except,
                         uint32_t except_count)
{
    for (uint32_t i = 0; i < mtus->count; i++) {
        uint32_t left = mtus->counts[i].count;
        for (uint32_t j = 0; j < except_count; j++)
            left -= except[j] == mtus->counts[i].mtu;
        if (left > 0)
            return mtus->counts[i].mtu;
    }
    return 0;
}
