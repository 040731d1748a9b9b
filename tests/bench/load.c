/* SPDX-License-Identifier: Apache-2.0 */
/* load FILE...: prints the nanoseconds that loading these libraries takes in a fresh process, with the
 * table of a driver asked for where one exports it. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>

#include <subwg/driver.h>

#include "serve.h"

int main(int count, char **arguments)
{
    uint64_t begin_ns = serve_now_ns();
    for (int i = 1; i < count; i++) {
        void *library = dlopen(arguments[i], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            (void)fprintf(stderr, "load: %s\n", dlerror());
            return 1;
        }
        subwg_driver_v1_fn entry = NULL;
        *(void **)&entry = dlsym(library, SUBWG_DRIVER_ENTRY);
        if (entry != NULL && entry() == NULL)
            return 1;
    }
    printf("%" PRIu64 "\n", serve_now_ns() - begin_ns);
    return 0;
}
