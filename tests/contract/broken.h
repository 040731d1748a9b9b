/* SPDX-License-Identifier: Apache-2.0 */
/* A driver with one fault at a time: a sound one's table, with one entry exchanged. */
#ifndef CONTRACT_BROKEN_H
#define CONTRACT_BROKEN_H

#include <subwg/driver.h>

struct broken_fault {
    const char *name;
    const char *chapter;       /* of the suite, which has to notice */
    struct subwg_driver parts; /* what is exchanged in the table */
    subwg_driver_v1_fn entry;  /* instead of the usual one */
};

extern const struct broken_fault broken_faults[];
extern const int broken_fault_count;

/* The entry function of the sound driver with this fault; NULL: with none. */
subwg_driver_v1_fn broken_install(subwg_driver_v1_fn sound_entry, const struct broken_fault *fault);

#endif
