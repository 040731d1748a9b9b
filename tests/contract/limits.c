/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that are too long, or not there at all. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(too_many_subnets)
{
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    uint32_t count = subject->subnets_max + 1;
    char(*texts)[ADDRESS_SIZE] = calloc(count, sizeof(*texts));
    const char **subnets = calloc(count, sizeof(*subnets));
    ck_assert(texts != NULL && subnets != NULL);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "10.%u.%u.%u/32", 1 + (i >> 16), i >> 8 & 0xff,
                       i & 0xff);
        subnets[i] = texts[i];
    }
    remote.endpoint.subnets = subnets;
    remote.endpoint.subnet_count = count;
    char *before = digest_take();
    ck_assert_int_lt(engine_connect(&engine, &remote), 0);
    ck_assert_uint_eq(engine.error.reason, SUBWG_REASON_LIMIT);
    ck_assert_msg(strstr(engine.error.text, "subnets") != NULL, "\"%s\"", engine.error.text);
    digest_expect(before, "a refused endpoint");
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    free(subnets);
    free(texts);
    engine_destroy(&engine);
}
END_TEST

START_TEST(too_much_backend_config)
{
    enum { COUNT = 5000 };
    static struct subwg_setting config[COUNT];
    struct engine engine;
    struct remote remote;
    engine_start(&engine);
    remote_make(&remote, 1);
    for (int i = 0; i < COUNT; i++)
        config[i] = (struct subwg_setting){"some-key", "some-value"};
    config[COUNT - 1] = remote.config[REMOTE_CONFIG_KEY];
    remote.endpoint.backend_config = config;
    remote.endpoint.backend_config_count = COUNT;
    ck_assert_int_lt(engine_connect(&engine, &remote), 0);
    ck_assert_msg(strstr(engine.error.text, "backend_config") != NULL, "\"%s\"", engine.error.text);
    remote.endpoint.backend_config = NULL;
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    remote.endpoint.backend_config_count = 0;
    ck_assert_int_eq(engine_connect(&engine, &remote), -EINVAL);
    ck_assert_msg(strstr(engine.error.text, "publicKey") != NULL, "\"%s\"", engine.error.text);
    ck_assert_uint_eq(engine_row_count(&engine), 0);
    engine_destroy(&engine);
}
END_TEST

TCase *limit_tests(void)
{
    TCase *tests = tcase_create("limits");
    if (subject->subnets_max > 0)
        tcase_add_test(tests, too_many_subnets);
    tcase_add_test(tests, too_much_backend_config);
    return tests;
}
