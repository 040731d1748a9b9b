/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"

int unit_run(const char *suite_name, const TTest *const *tests)
{
    return unit_run_for(suite_name, tests, 60);
}

int unit_run_for(const char *suite_name, const TTest *const *tests, unsigned int timeout_s)
{
    Suite *suite = suite_create(suite_name);
    TCase *all = tcase_create(suite_name);
    tcase_set_timeout(all, timeout_s);
    for (; *tests != NULL; tests++)
        tcase_add_test(all, *tests);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Counts over the processes that libcheck forks for its tests. */
static uint64_t *starts;

__attribute__((constructor)) static void share_starts(void)
{
    void *page =
        mmap(NULL, sizeof(*starts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    starts = page != MAP_FAILED ? page : NULL;
}

/* The same in every run, so that no change is blamed for what an unlucky run finds; another for each
 * start within one. */
static uint64_t usual_seed(const char *test)
{
    uint64_t seed = starts != NULL ? ++*starts : 0;
    for (; *test != '\0'; test++)
        seed = (seed ^ (uint8_t)*test) * 0x100000001b3u;
    return seed;
}

struct chance chance_start(const char *test)
{
    struct chance chance;
    const char *seed = getenv("SUBWG_TEST_SEED");
    if (seed == NULL)
        chance.state = usual_seed(test);
    else if (strcmp(seed, "random") == 0)
        ck_assert_int_eq(getrandom(&chance.state, sizeof(chance.state), 0), sizeof(chance.state));
    else
        chance.state = strtoull(seed, NULL, 0);
    /* Not through stdio: the buffer would be lost in a test that fails. */
    dprintf(STDOUT_FILENO, "# %s: SUBWG_TEST_SEED=%" PRIu64 "\n", test, chance.state);
    return chance;
}

/* splitmix64: any seed will do. */
uint64_t chance_next(struct chance *chance)
{
    uint64_t mixed = chance->state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

uint32_t chance_below(struct chance *chance, uint32_t limit)
{
    return (uint32_t)(chance_next(chance) % limit);
}

bool chance_is(struct chance *chance, uint32_t percent)
{
    return chance_below(chance, 100) < percent;
}

struct address address_of(const char *text)
{
    struct address address = {0};
    if (address_parse(text, &address) != ADDRESS_OK)
        ck_abort_msg("not an address: %s", text);
    return address;
}

struct prefix prefix_of(const char *text)
{
    struct prefix prefix = {0};
    if (prefix_parse(text, &prefix) != ADDRESS_OK)
        ck_abort_msg("not a prefix: %s", text);
    return prefix;
}

struct key key_of(uint32_t number)
{
    struct key key = {{9}}; /* the base point's last byte, and the number above it */
    memcpy(key.bytes + 1, &number, sizeof(number));
    return key;
}

bool is_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = utf8_sequence(text, left);
        if (length == 0)
            return false;
        text += length;
        left -= length;
    }
    return true;
}
