/* SPDX-License-Identifier: Apache-2.0 */
/* A program outside the source tree, as tests/suites/install builds it against the installed library:
 * it loads the driver whose path it is given and prints what it has got. */
#include <stdio.h>

#include <subwg/subwg.h>

int main(int argc, char **argv)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_registry *registry = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: outside PLUGIN\n");
        return 2;
    }
    if (subwg_registry_create(&registry, &error) < 0 ||
        subwg_registry_load_file(registry, argv[1], &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        subwg_registry_destroy(registry);
        return 1;
    }
    printf("libsubwg %s loaded %s\n", subwg_version(), subwg_registry_name(registry, 0));
    subwg_registry_destroy(registry);
    return 0;
}
