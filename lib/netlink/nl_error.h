/* SPDX-License-Identifier: Apache-2.0 */
/* libnl's error codes, which building and parsing messages can yield, as errno values. The kernel's
 * own never pass through libnl: it folds several into one. */
#ifndef NETLINK_NL_ERROR_H
#define NETLINK_NL_ERROR_H

#include <stdint.h>

/* libnl_code: 0 or a negative NLE_... value. Returns 0 or a negative errno. */
int32_t nl_error_code(int libnl_code);

#endif
