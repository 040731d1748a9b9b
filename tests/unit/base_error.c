/* SPDX-License-Identifier: Apache-2.0 */
/* The error record: whatever record the caller has, nothing beyond it is written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "unit.h"

static int32_t fill(struct subwg_error *error)
{
    int32_t code = error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, "add route", "route to %s: %s",
                             "10.0.0.0/8", error_phrase(EEXIST));
    error_hint(error, "see: ip route show table %d", 220);
    error_kernel(error, EEXIST);
    error_state_unknown(error);
    error_prefix(error, "connect cluster '%s'", "cluster2");
    return code;
}

START_TEST(a_filled_record_tells_all)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(fill(&error), -EEXIST);
    ck_assert_int_eq(error.code, -EEXIST);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_CONFLICT);
    ck_assert_int_eq(error.kernel_errno, EEXIST);
    ck_assert_uint_eq(error.flags, SUBWG_ERROR_STATE_UNKNOWN);
    ck_assert_str_eq(error.operation, "add route");
    ck_assert_str_eq(error.text, "connect cluster 'cluster2': route to 10.0.0.0/8: file exists");
    ck_assert_str_eq(error.hint, "see: ip route show table 220");
    struct subwg_head head = SUBWG_HEAD(struct subwg_error, SUBWG_MAGIC_ERROR);
    ck_assert_mem_eq(&error.head, &head, sizeof(head));
}
END_TEST

START_TEST(setting_it_again_leaves_nothing_of_before)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    (void)fill(&error);
    ck_assert_int_eq(error_set(&error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "x", "short"), -EINVAL);
    ck_assert_int_eq(error.kernel_errno, 0);
    ck_assert_uint_eq(error.flags, 0);
    ck_assert_str_eq(error.operation, "x");
    ck_assert_str_eq(error.text, "short");
    ck_assert_str_eq(error.hint, "");
}
END_TEST

START_TEST(no_record_is_fine)
{
    ck_assert_int_eq(fill(NULL), -EEXIST);
}
END_TEST

/* A record in exactly as many bytes as its head claims, so that a sanitizer sees each byte beyond. */
static void try_size(uint32_t size, bool written)
{
    unsigned char *bytes = malloc(size);
    unsigned char *before = malloc(size);
    ck_assert(bytes != NULL && before != NULL);
    memset(bytes, '#', size);
    struct subwg_head head = {size, SUBWG_ABI_MAJOR, SUBWG_ABI_MINOR, SUBWG_MAGIC_ERROR, 0};
    memcpy(bytes, &head, sizeof(head));
    memcpy(before, bytes, size);
    struct subwg_error *error = (struct subwg_error *)(void *)bytes;

    ck_assert_int_eq(fill(error), -EEXIST);
    ck_assert((memcmp(bytes, before, size) != 0) == written);
    ck_assert_mem_eq(bytes, &head, sizeof(head));
    if (written) {
        ck_assert_int_eq(error->code, -EEXIST);
        ck_assert_str_eq(error->hint, "see: ip route show table 220");
    }
    for (size_t i = sizeof(*error); i < size; i++)
        ck_assert_uint_eq(bytes[i], '#');
    free(before);
    free(bytes);
}

START_TEST(a_record_of_any_size_keeps_its_bounds)
{
    try_size(sizeof(struct subwg_head), false);
    try_size(SUBWG_END_OF(struct subwg_error, text), false);
    try_size(SUBWG_ERROR_SIZE_1_0 - 1, false);
    try_size(SUBWG_ERROR_SIZE_1_0, true);
    try_size(SUBWG_ERROR_SIZE_1_0 + 1, true);
    try_size(SUBWG_ERROR_SIZE_1_0 + 4096, true);
    try_size(SUBWG_STRUCT_SIZE_MAX, true);
    try_size(SUBWG_STRUCT_SIZE_MAX + 1, false);
}
END_TEST

START_TEST(a_struct_of_another_kind_is_left_alone)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    error.head.magic = SUBWG_MAGIC_EVENT;
    struct subwg_error before = error;
    ck_assert_int_eq(fill(&error), -EEXIST);
    ck_assert_mem_eq(&error, &before, sizeof(error));
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    error.head.abi_major = SUBWG_ABI_MAJOR + 1;
    before = error;
    ck_assert_int_eq(fill(&error), -EEXIST);
    ck_assert_mem_eq(&error, &before, sizeof(error));
}
END_TEST

START_TEST(long_text_is_cut_within_the_record)
{
    char longer[2 * SUBWG_ERROR_TEXT_SIZE];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(error_set(&error, -EINVAL, 0, longer, "%s", longer), -EINVAL);
    error_hint(&error, "%s", longer);
    ck_assert_uint_eq(strlen(error.operation), SUBWG_ERROR_OPERATION_SIZE - 1);
    ck_assert_uint_eq(strlen(error.text), SUBWG_ERROR_TEXT_SIZE - 1);
    ck_assert_uint_eq(strlen(error.hint), SUBWG_ERROR_HINT_SIZE - 1);
    error_prefix(&error, "before");
    ck_assert_uint_eq(strlen(error.text), SUBWG_ERROR_TEXT_SIZE - 1);
    ck_assert_int_eq(strncmp(error.text, "before: xxx", 11), 0);
    error_prefix(&error, "%s", longer);
    ck_assert_uint_eq(strlen(error.text), SUBWG_ERROR_TEXT_SIZE - 1);
}
END_TEST

START_TEST(cut_text_is_still_utf8)
{
    char names[SUBWG_ERROR_TEXT_SIZE + 64];
    for (size_t start = 0; start < 4; start++) {
        memset(names, 'x', sizeof(names));
        for (size_t i = start; i + 4 < sizeof(names); i += 4)
            memcpy(names + i, "\xf0\x9f\x98\x80", 4);
        names[sizeof(names) - 1] = '\0';
        struct subwg_error error = SUBWG_ERROR_INIT;
        (void)error_set(&error, -EINVAL, 0, "x", "%s", names);
        error_hint(&error, "%s", names);
        ck_assert(is_utf8(error.text));
        ck_assert(is_utf8(error.hint));
        error_prefix(&error, "before");
        ck_assert(is_utf8(error.text));
        ck_assert_uint_ge(strlen(error.text), SUBWG_ERROR_TEXT_SIZE - 4);
    }
}
END_TEST

START_TEST(phrases_are_a_persons_words)
{
    ck_assert_str_eq(error_phrase(EOPNOTSUPP), "operation not supported"); /* the seed's words */
    ck_assert_str_eq(error_phrase(-EOPNOTSUPP), "operation not supported");
    for (int value = -200; value <= 200; value++) {
        const char *phrase = error_phrase(value);
        ck_assert_ptr_nonnull(phrase);
        ck_assert_str_eq(phrase, error_phrase(-value));
        ck_assert(phrase[0] >= 'a' && phrase[0] <= 'z');
        ck_assert_int_ne(phrase[strlen(phrase) - 1], '.');
    }
    ck_assert_ptr_nonnull(error_phrase(INT32_MAX));
    ck_assert_ptr_nonnull(error_phrase(INT32_MIN));
}
END_TEST

START_TEST(each_code_that_operations_return_has_a_phrase)
{
    static const int codes[] = {EINVAL,     E2BIG,   ENOMEM, EBUSY,     EEXIST,     EADDRINUSE,
                                EOPNOTSUPP, EPERM,   EACCES, ETIMEDOUT, ENODEV,     ENOTCONN,
                                EINTR,      EDEADLK, ESTALE, ENOBUFS,   ENOENT,     ESRCH,
                                EBADMSG,    EMFILE,  ENONET, ENOSPC,    ENETUNREACH};
    const char *unknown = error_phrase(INT32_MAX);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        ck_assert_msg(strcmp(error_phrase(codes[i]), unknown) != 0, "errno %d", codes[i]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_filled_record_tells_all,
        setting_it_again_leaves_nothing_of_before,
        no_record_is_fine,
        a_record_of_any_size_keeps_its_bounds,
        a_struct_of_another_kind_is_left_alone,
        long_text_is_cut_within_the_record,
        cut_text_is_still_utf8,
        phrases_are_a_persons_words,
        each_code_that_operations_return_has_a_phrase,
        NULL,
    };
    return unit_run("base_error", tests);
}
