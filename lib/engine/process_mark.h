/* SPDX-License-Identifier: Apache-2.0 */
/* Is this still the process that made something? Asked for each call, so without a system call: a page
 * that the kernel wipes in a fork's child. */
#ifndef ENGINE_PROCESS_MARK_H
#define ENGINE_PROCESS_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

struct process_mark {
    uint32_t
        *alive; /* zero in a child; NULL where the kernel cannot wipe: then owner is compared */
    pid_t owner;
};

/* 0 or -ENOMEM. */
int32_t process_mark_init(struct process_mark *mark);
void process_mark_release(struct process_mark *mark); /* in a child, too */

static inline bool process_mark_is_own(const struct process_mark *mark)
{
    return mark->alive != NULL ? *mark->alive != 0 : mark->owner == getpid();
}

#endif
