/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration may hold a preshared key: no memory that had a piece of it is freed unwiped. */
#ifndef GATEWAY_WIPE_H
#define GATEWAY_WIPE_H

/* From now on jansson wipes what it frees. */
void wipe_json_memory(void);

/* Frees what malloc gave, wiped; accepts NULL. */
void wipe_and_free(void *memory);

#endif
