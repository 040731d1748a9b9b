/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a target without libFuzzer: runs the files of folders through it, and each prefix of small
 * ones, because a truncated input is one more. A crash names its file. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define PREFIXES_BELOW 512

static char current[4096];

static void run(const uint8_t *bytes, size_t size)
{
    /* A copy of just this size, so that a memory checker sees reading beyond it. */
    uint8_t *copy = malloc(size + (size == 0));
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static size_t replay_file(const char *path)
{
    static uint8_t bytes[1u << 20];
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    size_t step = size < PREFIXES_BELOW ? 1 + size / 32 : size + 1;
    for (size_t prefix = 0; prefix < size; prefix += step)
        run(bytes, prefix);
    run(bytes, size);
    return size;
}

int main(int argc, char **argv)
{
    unsigned int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        FUZZ_CHECK(folder != NULL);
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            if (entry->d_name[0] == '.')
                continue;
            (void)snprintf(current, sizeof(current), "%s/%s", argv[i], entry->d_name);
            (void)fprintf(stderr, "%s\n", current);
            (void)replay_file(current);
            files++;
        }
        (void)closedir(folder);
    }
    printf("%s %u files replayed\n", files > 0 ? "ok" : "not ok", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
