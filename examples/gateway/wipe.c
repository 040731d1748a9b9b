/* SPDX-License-Identifier: Apache-2.0 */
#include "wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

void wipe_and_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void wipe_json_memory(void)
{
    json_set_alloc_funcs(malloc, wipe_and_free);
}
