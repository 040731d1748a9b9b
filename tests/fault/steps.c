/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "allocator.h"
#include "plausible.h"
#include "world.h"

#define COMPLAINTS_SHOWN 20u

static uint64_t complaints;

static uint64_t *points; /* shared with the parent */

void steps_count_start(void)
{
    points = mmap(NULL, sizeof(*points), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (points == MAP_FAILED)
        abort();
}

void steps_count_add(uint64_t count)
{
    __atomic_fetch_add(points, count, __ATOMIC_RELAXED);
}

uint64_t steps_count(void)
{
    return __atomic_load_n(points, __ATOMIC_RELAXED);
}

uint64_t steps_complaints(void)
{
    return complaints;
}

/* The attempt that is being made, for complaints. */
static struct attempt {
    const struct steps_reference *reference;
    const struct fault *faults;
    uint32_t count;
} attempt;

static void describe(const struct fault *fault, char *text, size_t size)
{
    static const char *const kinds[] = {"call", "request", "reply", "allocation"};
    const struct steps_reference *reference = attempt.reference;
    const char *name = "";
    const char *what = "";
    if (fault->number <= reference->counts[fault->kind] && reference->names[fault->kind] != NULL)
        name = reference->names[fault->kind][fault->number - 1];
    if (fault->kind == FAULT_REPLY)
        what = plausible_spoil_name(fault->what);
    else if (fault->kind != FAULT_ALLOCATION)
        what = strerrorname_np(plausible_error(name, fault->what));
    (void)snprintf(text, size, " %s %" PRIu64 " %s %s;", kinds[fault->kind], fault->number, name,
                   what);
}

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    if (complaints++ >= COMPLAINTS_SHOWN)
        return;
    va_list arguments;
    printf("%s:", attempt.reference->operation->name);
    for (uint32_t i = 0; i < attempt.count; i++) {
        char text[128];
        describe(&attempt.faults[i], text, sizeof(text));
        printf("%s", text);
    }
    printf(" ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    (void)fflush(stdout);
}

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Cuts a text at each of these bytes and sorts the pieces. */
static void sort_pieces(char *text, char separator)
{
    char *copy = strdup(text);
    char *pieces[256];
    size_t count = 0;
    char *rest = copy;
    ck_assert_ptr_nonnull(copy);
    for (char *piece; (piece = strsep(&rest, (char[]){separator, '\0'})) != NULL;) {
        ck_assert_uint_lt(count, 256);
        pieces[count++] = piece;
    }
    qsort(pieces, count, sizeof(pieces[0]), by_text);
    char *end = text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(pieces[i]);
        memcpy(end, pieces[i], length);
        end += length;
        *end++ = i + 1 < count ? separator : '\0';
    }
    free(copy);
}

/* What was sent: handshakes and questions, of which nobody counts on a certain number. */
static void forget_sent(char *text)
{
    static const char mark[] = " tx ";
    for (char *sent = strstr(text, mark); sent != NULL; sent = strstr(sent, mark)) {
        sent += strlen(mark);
        size_t digits = strspn(sent, "0123456789");
        memmove(sent, sent + digits, strlen(sent + digits) + 1);
    }
}

/* The kernel's state without what is history or chance: the order of peers and of their subnets, and
 * the device's own key, which goes to ret_key. */
static char *state(char ret_key[64])
{
    static const char mark[] = " key ";
    char *text = world_kernel();
    char *device = strstr(text, "\nwireguard ");
    ret_key[0] = '\0';
    if (device != NULL) {
        char *key = strstr(device, mark) + strlen(mark);
        (void)snprintf(ret_key, 64, "%.*s", (int)strcspn(key, "\n"), key);
        if (strcmp(ret_key, "none") != 0)
            memset(key, '*', strcspn(key, "\n"));
    }
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += line != text;
        char *allowed = strstr(line, " allowed ");
        char *end = strchr(line, '\n');
        if (allowed == NULL || end == NULL || allowed > end)
            continue;
        *end = '\0';
        sort_pieces(allowed + strlen(" allowed "), ' ');
        *end = '\n';
    }
    forget_sent(text);
    sort_pieces(text, '\n');
    return text;
}

/* True if each line of a state is one of two others'. */
static bool is_between(const char *text, const char *one, const char *other)
{
    bool between = true;
    for (const char *line = text; *line != '\0' && between;) {
        char wanted[1024];
        size_t length = strcspn(line, "\n");
        (void)snprintf(wanted, sizeof(wanted), "%.*s", (int)length, line);
        between = strstr(one, wanted) != NULL || strstr(other, wanted) != NULL;
        line += length + (line[length] == '\n');
    }
    return between;
}

static void complain_of_difference(const char *when, const char *has, const char *wanted)
{
    size_t line = 0;
    for (size_t i = 0; has[i] != '\0' && has[i] == wanted[i]; i++)
        if (has[i] == '\n')
            line = i + 1;
    complain("%s: '%.*s' instead of '%.*s' (%s)", when, (int)strcspn(has + line, "\n"), has + line,
             (int)strcspn(wanted + line, "\n"), wanted + line, world.error.text);
}

/* The mark on a link that an earlier run did not come to mark may stay: it says what is so. */
static bool is_same(const char *one, const char *other)
{
    static const char mark[] = "libsubwg:" WORLD_DEVICE;
    const char *marked = strstr(one, mark);
    if (marked == NULL || strstr(other, mark) != NULL)
        return strcmp(one, other) == 0;
    size_t head = (size_t)(marked - one);
    return strncmp(one, other, head) == 0 && strcmp(marked + strlen(mark), other + head) == 0;
}

static bool shows_secret(const char *text)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    char base64[64];
    (void)crypto_hash_sha256(hash, (const uint8_t *)OPERATIONS_PSK, strlen(OPERATIONS_PSK));
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    (void)sodium_bin2base64(base64, sizeof(base64), hash, sizeof(hash),
                            sodium_base64_VARIANT_ORIGINAL);
    return strstr(text, "canary") != NULL || strstr(text, hex) != NULL ||
           strstr(text, base64) != NULL;
}

static void check_record(int32_t code)
{
    const struct subwg_error *error = &world.error;
    if (error->code != code)
        complain("returned %d, and the record says %d", code, error->code);
    if (error->operation[0] == '\0' || error->text[0] == '\0')
        complain("operation '%s', text '%s'", error->operation, error->text);
    if (strstr(error->text, "unexpected error") != NULL)
        complain("no words for it: %s", error->text);
    if (memchr(error->text, '\0', sizeof(error->text)) == NULL ||
        memchr(error->hint, '\0', sizeof(error->hint)) == NULL)
        complain("a text without an end");
    if (shows_secret(error->text) || shows_secret(error->hint) || shows_secret(world.log))
        complain("a secret is shown: %s; %s", error->text, error->hint);
}

static void order(const struct fault *faults, uint32_t count)
{
    static const enum fake_kernel_fault_kind kinds[] = {
        FAKE_KERNEL_FAIL_CALL, FAKE_KERNEL_FAIL_REQUEST, FAKE_KERNEL_SPOIL_REPLY};
    struct fake_kernel_fault orders[2] = {0};
    uint64_t allocations[ALLOCATOR_ORDERS] = {0};
    uint32_t order_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (faults[i].kind == FAULT_ALLOCATION)
            allocations[i] = faults[i].number;
        else
            orders[order_count++] = (struct fake_kernel_fault){
                kinds[faults[i].kind], faults[i].number,
                faults[i].kind == FAULT_REPLY ? plausible_spoil(faults[i].what) : faults[i].what,
                faults[i].kind == FAULT_REPLY ? NULL : plausible_error};
    }
    fake_kernel_order(orders, order_count);
    allocator_fail(allocations);
}

static uint32_t happened(void)
{
    return fake_kernel_happened() + allocator_happened();
}

/* What must not be lost. */
struct census {
    uint32_t descriptors;
    uint64_t sockets;
    int64_t blocks;
};

static struct census take_census(void)
{
    struct census census = {.sockets = fake_kernel_counters().sockets};
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL)
        census.descriptors++;
    (void)closedir(folder);
    census.blocks = allocator_outstanding();
    return census;
}

static void finish(void)
{
    world_stop();
    fake_kernel_reset();
}

static void check_census(const struct census *before)
{
    struct census after = take_census();
    if (after.descriptors != before->descriptors || after.sockets != before->sockets ||
        after.blocks != before->blocks)
        complain("left: %d descriptors, %d sockets, %d blocks of memory",
                 (int)(after.descriptors - before->descriptors),
                 (int)(after.sockets - before->sockets), (int)(after.blocks - before->blocks));
}

static void check_after_failure(const char *before, const char *wanted, int32_t code)
{
    char key[64];
    check_record(code);
    char *after = state(key);
    bool known = (world.error.flags & SUBWG_ERROR_STATE_UNKNOWN) == 0;
    uint32_t flags = attempt.reference->operation->flags;
    if (known && (flags & OPERATION_STEPWISE) == 0 && !is_same(after, before) &&
        strcmp(after, wanted) != 0 &&
        !((flags & OPERATION_MANY) != 0 && is_between(after, before, wanted)))
        complain_of_difference("neither as before nor as wanted, and not said", after, before);
    /* What the kernel refused, it has not changed; a part of it on a way of no return is not known. */
    if (!known && attempt.count == 1 && attempt.faults[0].kind == FAULT_REQUEST &&
        (flags & OPERATION_ONE_WAY) == 0 && strcmp(after, before) == 0)
        complain("as before, and said to be unknown");
    free(after);
}

static void check_converged(const char *when, const char *key_before)
{
    char key[64];
    char *after = state(key);
    if (strcmp(after, attempt.reference->wanted) != 0)
        complain_of_difference(when, after, attempt.reference->wanted);
    if (key_before[0] != '\0' && key[0] != '\0' && strcmp(key_before, "none") != 0 &&
        strcmp(key, key_before) != 0)
        complain("%s: the device has another key", when);
    free(after);
}

/* A second time there is nothing to do; after repairs that one of two found the other may still ask for
 * what is so already. */
static void check_idle(int32_t code)
{
    if ((attempt.reference->operation->flags & OPERATION_STEPWISE) != 0)
        (void)attempt.reference->operation->run();
    uint64_t changes = fake_kernel_counters().changes;
    if (attempt.reference->operation->run() < 0 && code >= 0)
        complain("once more: %s", world.error.text);
    if (code >= 0 && fake_kernel_counters().changes != changes)
        complain("once more: %d requests to change something, the last one %s",
                 (int)(fake_kernel_counters().changes - changes),
                 fake_kernel_request_name(fake_kernel_counters().requests));
}

static void check_attempts(const char *before, const char *key_before, uint32_t *ret_happened)
{
    const struct steps_reference *reference = attempt.reference;
    const struct operation *operation = reference->operation;
    world.error = (struct subwg_error)SUBWG_ERROR_INIT;
    order(attempt.faults, attempt.count);
    int32_t code = operation->run();
    *ret_happened = happened();
    order(NULL, 0);
    if (code < 0)
        check_after_failure(before, reference->wanted, code);
    else
        check_converged("successful", key_before);
    if (code >= 0 && reference->code < 0)
        complain("succeeded, and must not");
    if (code < 0) {
        code = operation->run();
        if ((code < 0) != (reference->code < 0))
            complain("the next attempt: %d %s", code, world.error.text);
        check_converged("after the next attempt", key_before);
    }
    if ((operation->flags & OPERATION_AGAIN) != 0)
        check_idle(code);
    if (fake_kernel_counters().hangs != 0)
        complain("the deletion of a link hangs on a dump");
}

uint32_t steps_try(const struct steps_reference *reference, const struct fault *faults,
                   uint32_t count)
{
    char key[64];
    uint32_t all = 0;
    attempt = (struct attempt){reference, faults, count};
    struct census census = take_census();
    world_start();
    fake_kernel_skip_waiting(true);
    reference->operation->arrange();
    char *before = state(key);
    check_attempts(before, key, &all);
    free(before);
    finish();
    check_census(&census);
    return all;
}

static const char **copy_names(const char *(*name)(uint64_t), uint64_t first, uint64_t count)
{
    const char **names = calloc(count + 1, sizeof(*names));
    ck_assert_ptr_nonnull(names);
    for (uint64_t i = 0; i < count; i++)
        names[i] = name(first + i + 1);
    return names;
}

void steps_measure(const struct operation *operation, struct steps_reference *ret_reference)
{
    char key[64];
    world_start();
    operation->arrange();
    order(NULL, 0);
    struct fake_kernel_counters before = fake_kernel_counters();
    int32_t code = operation->run();
    struct fake_kernel_counters after = fake_kernel_counters();
    *ret_reference = (struct steps_reference){
        .operation = operation,
        .code = code,
        .counts = {after.calls - before.calls, after.requests - before.requests,
                   after.replies - before.replies, allocator_made()},
    };
    ret_reference->wanted = state(key);
    ret_reference->names[FAULT_CALL] =
        copy_names(fake_kernel_call_name, before.calls, ret_reference->counts[FAULT_CALL]);
    ret_reference->names[FAULT_REQUEST] =
        copy_names(fake_kernel_request_name, before.requests, ret_reference->counts[FAULT_REQUEST]);
    finish();
}

void steps_forget(struct steps_reference *reference)
{
    free(reference->wanted);
    free((void *)reference->names[FAULT_CALL]);
    free((void *)reference->names[FAULT_REQUEST]);
}

int steps_variants(const struct steps_reference *reference, enum fault_kind kind, uint64_t number)
{
    if (kind == FAULT_REPLY)
        return plausible_spoils();
    if (kind == FAULT_ALLOCATION)
        return 1;
    return number <= reference->counts[kind] ? plausible_errors(reference->names[kind][number - 1])
                                             : 1;
}

int steps_run(const char *suite_name, const TTest *test, int timeout_s)
{
    Suite *suite = suite_create(suite_name);
    TCase *cases = tcase_create(suite_name);
    tcase_set_timeout(cases, timeout_s);
    tcase_add_loop_test(cases, test, 0, (int)operation_count);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    steps_count_start();
    srunner_run_all(runner, CK_ENV);
    printf("figure fault-points %" PRIu64 "\n", steps_count());
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
