/* SPDX-License-Identifier: Apache-2.0 */
/* The MTUs of the paths to new endpoints; the device follows the smallest one. */
#include <errno.h>

#include "base/error.h"
#include "base/limits.h"
#include "wireguard/instance.h"

/* That there is no way is an answer; that the kernel could not look for one is none. */
static bool is_answer(int32_t kernel_errno)
{
    switch (kernel_errno) {
    case 0:
    case EPERM:
    case EINTR:
    case ENOMEM:
    case ENOBUFS:
    case EBUSY:
    case EBADMSG:
        return false;
    default:
        return true;
    }
}

/* Not knowing it (no route yet) is no reason to fail. */
int32_t path_find_mtu(struct subwg_instance *instance, struct connection *candidate,
                      struct subwg_error *error)
{
    struct subwg_error failure = SUBWG_ERROR_INIT;
    struct route_lookup lookup;
    if (instance->settings.mtu != 0)
        return 0;
    int32_t code = route_lookup(instance->netlink, &candidate->endpoint.address,
                                instance->settings.mark, &lookup, &failure);
    if (code == 0)
        candidate->path_mtu = lookup.mtu;
    if (code == 0 || code == -ENODEV || code == -ENETUNREACH || is_answer(failure.kernel_errno))
        return 0;
    error_copy(error, &failure);
    return code;
}

/* As many as one request asks for, or all. Behind one address there may be several gateways, which then
 * mostly follow each other. Returns how many; *ret_code receives the first failure. */
static uint32_t find_some(struct subwg_instance *instance, struct connection *const *candidates,
                          uint32_t count, int32_t *ret_code, struct subwg_error *error)
{
    struct address addresses[LIMIT_LOOKUPS_A_SEND];
    struct route_lookup lookups[LIMIT_LOOKUPS_A_SEND];
    int32_t results[LIMIT_LOOKUPS_A_SEND];
    uint32_t asked = 0;
    uint32_t taken = 0;
    for (; taken < count; taken++) {
        const struct address *address = &candidates[taken]->endpoint.address;
        if (asked > 0 && address_equal(address, &addresses[asked - 1]))
            continue;
        if (asked == LIMIT_LOOKUPS_A_SEND)
            break;
        addresses[asked++] = *address;
    }
    int32_t code = route_lookup_many(instance->netlink, addresses, asked, instance->settings.mark,
                                     lookups, results, error);
    uint32_t at = 0;
    for (uint32_t i = 0; i < taken && code == 0; i++) {
        at += !address_equal(&candidates[i]->endpoint.address, &addresses[at]);
        if (results[at] == 0)
            candidates[i]->path_mtu = lookups[at].mtu;
        else if (!is_answer(-results[at]))
            code = path_find_mtu(instance, candidates[i], error);
    }
    *ret_code = code;
    return taken;
}

int32_t path_find_mtus(struct subwg_instance *instance, struct connection *const *candidates,
                       uint32_t count, struct subwg_error *error)
{
    int32_t code = 0;
    for (uint32_t done = 0; done < count && code == 0 && instance->settings.mtu == 0;)
        done += find_some(instance, candidates + done, count - done, &code, error);
    return code;
}
