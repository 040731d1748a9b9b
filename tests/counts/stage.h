/* SPDX-License-Identifier: Apache-2.0 */
/* The crowd over the model of the kernel. */
#ifndef COUNTS_STAGE_H
#define COUNTS_STAGE_H

#include <stdint.h>

/* A fresh kernel, a gateway, and so many connections whose tunnels are all up. */
void stage_crowd(uint32_t count);

#endif
