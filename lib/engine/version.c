/* SPDX-License-Identifier: Apache-2.0 */
#include <subwg/subwg.h>

const char *subwg_version(void)
{
    return SUBWG_VERSION;
}
