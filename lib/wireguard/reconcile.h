/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile: the whole device compared with what is wanted, told in sentences, and repaired. */
#ifndef WIREGUARD_RECONCILE_H
#define WIREGUARD_RECONCILE_H

#include <stdint.h>

#include <subwg/driver.h>

/* flags: SUBWG_RECONCILE_DRY_RUN or 0. report may be NULL: then the log gets the sentences. Returns the
 * number of differences, or the first failure after all that could be done was. */
int32_t reconcile_run(struct subwg_instance *instance, uint32_t flags, subwg_report_fn report,
                      void *report_context, struct subwg_error *error);

#endif
