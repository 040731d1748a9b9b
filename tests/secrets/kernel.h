/* SPDX-License-Identifier: Apache-2.0 */
/* What the hunt needs of a kernel, the model or the real one. */
#ifndef SECRETS_KERNEL_H
#define SECRETS_KERNEL_H

/* A fresh network namespace with 10.243.64.6/24 on a link. */
void kernel_start(void);

#endif
