/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/nl_error.h"

#include <errno.h>
#include <netlink/errno.h>

int32_t nl_error_code(int libnl_code)
{
    switch (libnl_code < 0 ? -libnl_code : libnl_code) {
    case NLE_SUCCESS:
        return 0;
    case NLE_NOMEM:
        return -ENOMEM;
    case NLE_RANGE:
        return -ERANGE;
    case NLE_NOADDR:
    case NLE_INVAL:
    case NLE_MISSING_ATTR:
        return -EINVAL;
    case NLE_AF_NOSUPPORT:
    case NLE_AF_MISMATCH:
        return -EAFNOSUPPORT;
    case NLE_MSGSIZE:
        return -EMSGSIZE;
    default:
        return -EBADMSG;
    }
}
