/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "netlink/handle.h"

int32_t address_current(struct netlink *netlink, const struct interface_address **ret_addresses,
                        uint32_t *ret_count, struct subwg_error *error)
{
    struct host_cache *cache = &netlink->host;
    bool lasts = host_cache_refresh(cache);
    if (!cache->addresses_known) {
        struct interface_address *addresses = NULL;
        uint32_t count = 0;
        int32_t code = address_list(netlink, &addresses, &count, error);
        if (code < 0)
            return code;
        free(cache->addresses);
        cache->addresses = addresses;
        cache->address_count = count;
        cache->addresses_known = lasts;
    }
    *ret_addresses = cache->addresses;
    *ret_count = cache->address_count;
    return 0;
}
