/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody else does to the device with wg(8) and ip(8), over sockets of his own. */
#ifndef FAULT_HAND_H
#define FAULT_HAND_H

#include <stdint.h>

void hand_open(void); /* once a test */

void hand_set_port(uint16_t port);
void hand_set_mark(uint32_t mark);
void hand_set_private_key(void); /* a fresh one */
void hand_clear_private_key(void);
void hand_set_link_down_and_rename(const char *name);
void hand_set_preshared_key(const uint8_t public_key[32]); /* some other */
void hand_set_keepalive(const uint8_t public_key[32], uint16_t keepalive_s);

#endif
