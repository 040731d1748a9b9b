/* SPDX-License-Identifier: Apache-2.0 */
/* What the suite has to know of the WireGuard driver, whichever kernel it runs on. */
#ifndef CONTRACT_WIREGUARD_SUBJECT_H
#define CONTRACT_WIREGUARD_SUBJECT_H

#include "contract.h"

#define WIREGUARD_DEVICE "subwg7"

/* Traits and settings; the caller adds the name, the entry, the hooks and what else is true. */
struct contract_subject wireguard_subject(void);

#endif
