/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/process_mark.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

int32_t process_mark_init(struct process_mark *mark)
{
    *mark = (struct process_mark){.owner = getpid()};
    uint32_t *page =
        mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -ENOMEM;
    if (madvise(page, sizeof(*page), MADV_WIPEONFORK) != 0) {
        bool unknown = errno == EINVAL; /* before Linux 4.14 */
        (void)munmap(page, sizeof(*page));
        return unknown ? 0 : -ENOMEM;
    }
    *page = 1;
    mark->alive = page;
    return 0;
}

void process_mark_release(struct process_mark *mark)
{
    if (mark->alive != NULL)
        (void)munmap(mark->alive, sizeof(*mark->alive));
    mark->alive = NULL;
}
