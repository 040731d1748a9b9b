/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing text with a file of tests/unit/golden, byte for byte. */
#ifndef ENGINE_GOLDEN_H
#define ENGINE_GOLDEN_H

#include <stdio.h>

#include <check.h>

static inline void golden_equal(const char *text, const char *name)
{
    static char wanted[65536];
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_FOLDER, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    size_t length = fread(wanted, 1, sizeof(wanted) - 1, file);
    wanted[length] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(text, wanted);
}

#endif
