/* SPDX-License-Identifier: Apache-2.0 */
/* The errnos that a call or a request can plausibly fail with. Left out are those by which the kernel
 * would say what is not so, such as ESRCH for a route that is there. */
#ifndef FAULT_PLAUSIBLE_H
#define FAULT_PLAUSIBLE_H

int plausible_errors(const char *name);           /* how many; 0: it cannot fail */
int plausible_error(const char *name, int which); /* modulo how many; 0 where there is none */

int plausible_spoils(void);
int plausible_spoil(int which); /* enum fake_kernel_spoil, modulo how many */
const char *plausible_spoil_name(int which);

#endif
