/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After each operation no piece of a preshared or private key is in what was said or in the process's
 * memory, outside the pages that are for it (T77, T79); where one is left on purpose, it is found.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <sodium.h>
#include <subwg/subwg.h>

#include "canary.h"
#include "kernel.h"
#include "netlink/netlink.h"

/* A sanitizer keeps copies of its own, in more memory than can be searched. */
#if defined(__has_feature)
#define MEMORY_IS_OURS (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_OURS 0
#else
#define MEMORY_IS_OURS 1
#endif

#define PSK_SIZE 41

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static struct subwg_error error;
static char said[1 << 18]; /* what reached the engine, in any way */
static size_t said_length;
static int printed_fd; /* what reached standard output and error */
static int stdout_fd;
static char folder[] = "/tmp/subwg-hunt-XXXXXX";
static char key_file[64];
static unsigned int hunts;
static unsigned int hits;

static void say(const char *text)
{
    size_t length = strlen(text);
    ck_assert_uint_lt(said_length + length + 1, sizeof(said));
    memcpy(said + said_length, text, length);
    said_length += length;
    said[said_length++] = '\n';
}

static void take_log(void *context, const char *driver, uint32_t level, const char *text)
{
    (void)context;
    (void)driver;
    (void)level;
    say(text);
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    (void)context;
    say(key);
    say(value);
    return 0;
}

static void take_event(void *context, const struct subwg_event *event)
{
    (void)context;
    say(event->text != NULL ? event->text : "");
}

static void take_report(void *context, uint32_t repaired, const char *text)
{
    (void)context;
    (void)repaired;
    say(text);
}

static int32_t take_rendered(void *context, const char *bytes, size_t size)
{
    (void)context;
    ck_assert_uint_lt(said_length + size, sizeof(said));
    memcpy(said + said_length, bytes, size);
    said_length += size;
    return 0;
}

static unsigned int search_printed(bool on_purpose)
{
    static char bytes[1 << 16];
    (void)fflush(stdout);
    ssize_t size = pread(printed_fd, bytes, sizeof(bytes), 0);
    ck_assert_int_ge(size, 0);
    unsigned int found = canary_in_bytes("what was printed", bytes, (size_t)size, on_purpose);
    memset(bytes, 0, sizeof(bytes));
    return found;
}

/* The hunt itself: after an operation, whatever it returned. */
static void hunt(const char *after)
{
    say(error.text);
    say(error.hint);
    unsigned int found = canary_in_bytes("what was said", said, said_length, false);
    found += search_printed(false);
    hunts += 2;
    if (MEMORY_IS_OURS) {
        found += canary_in_process(0, false, false);
        hunts++;
    }
    hits += found;
    ck_assert_msg(found == 0, "%u pieces of secrets after %s", found, after);
}

/* Secrets are made here, in memory that is for them, and stay only as masked canaries. */
static void make_secrets(char psk[PSK_SIZE], bool with_file)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    unsigned char key[32];
    char text[48];
    for (size_t i = 0; i + 1 < PSK_SIZE; i++)
        psk[i] = letters[randombytes_uniform(64)];
    psk[PSK_SIZE - 1] = '\0';
    canary_add("the preshared key's text", psk, PSK_SIZE - 1);
    (void)crypto_hash_sha256(key, (const unsigned char *)psk, PSK_SIZE - 1);
    canary_add("the preshared key", key, sizeof(key));
    if (with_file) {
        randombytes_buf(key, sizeof(key));
        key[0] &= 248;
        key[31] = (unsigned char)((key[31] & 127) | 64);
        canary_add("the private key", key, sizeof(key));
        (void)sodium_bin2base64(text, sizeof(text), key, sizeof(key),
                                sodium_base64_VARIANT_ORIGINAL);
        text[44] = '\n';
        int fd = open(key_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, 45), 45);
        (void)close(fd);
    }
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, sizeof(text));
    sodium_stackzero(16384);
}

/* The key that the driver made itself, from the kernel. */
static void learn_private_key(void)
{
    struct netlink *netlink = NULL;
    struct link_info link;
    struct key key;
    ck_assert_int_eq(netlink_open(5000, &netlink, NULL), 0);
    ck_assert_int_eq(link_find(netlink, "subwg0", &link, NULL), 0);
    ck_assert_int_eq(wg_get_private_key(netlink, link.ifindex, &key, NULL), 0);
    ck_assert(!key_is_zero(&key));
    netlink_close(netlink);
    canary_add("the private key", key.bytes, sizeof(key.bytes));
    key_wipe(&key);
}

static const char *const own_subnets[] = {"10.233.0.0/18"};
static const char *const two_subnets[] = {"10.234.0.0/18", "10.234.64.0/18"};

static int32_t create(const struct subwg_setting *settings, uint32_t count)
{
    const struct subwg_cable_callbacks callbacks = {
        .log = take_log, .publish = take_published, .event = take_event};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    local.cluster_id = "cluster1";
    local.cable_name = "cable-1";
    local.hostname = "worker1";
    local.private_ip = "10.243.64.6";
    local.backend = "wireguard";
    local.subnets = own_subnets;
    local.subnet_count = 1;
    return subwg_cable_create(registry, "wireguard", &callbacks, &local, settings, count, &cable,
                              &error);
}

/* _i != 0: with a key file. */
static void create_with_secrets(char psk[PSK_SIZE], bool with_file, bool broken)
{
    const struct subwg_setting settings[] = {
        {"psk", psk}, {"port", broken ? "none" : "5871"}, {"key-file", key_file}};
    int32_t code = create(settings, with_file ? 3 : 2);
    ck_assert_msg(broken ? code == -EINVAL : code == 0, "%s", error.text);
}

static const char remote_key[] = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
static const struct subwg_setting remote_config[] = {{"publicKey", remote_key}};

static struct subwg_endpoint remote(uint32_t subnet_count)
{
    struct subwg_endpoint two = SUBWG_ENDPOINT_INIT;
    two.cluster_id = "cluster2";
    two.cable_name = "cable-2";
    two.hostname = "worker2";
    two.private_ip = "10.243.64.7";
    two.backend = "wireguard";
    two.subnets = two_subnets;
    two.subnet_count = subnet_count;
    two.backend_config = remote_config;
    two.backend_config_count = 1;
    return two;
}

static void read_all(void)
{
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, &error), 0);
    ck_assert_int_eq(subwg_write_connection_table("cluster1", &snapshot, 1, take_rendered, NULL),
                     0);
    hunt("get_connections");
    subwg_snapshot_unref(snapshot);
    ck_assert_int_eq(subwg_cable_metrics_snapshot(cable, &snapshot, &error), 0);
    ck_assert_int_eq(subwg_write_exposition(SUBWG_PROFILE_SEED, &snapshot, 1, take_rendered, NULL),
                     0);
    hunt("metrics_snapshot");
    subwg_snapshot_unref(snapshot);
}

static void connect_and_disconnect(void)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    struct subwg_endpoint two = remote(1);
    ck_assert_msg(subwg_cable_connect(cable, &two, address, &error) == 0, "%s", error.text);
    hunt("connect");
    two.subnet_count = 2;
    ck_assert_msg(subwg_cable_connect(cable, &two, address, &error) == 0, "%s", error.text);
    hunt("an update");
    two.private_ip = "nonsense";
    ck_assert_int_lt(subwg_cable_connect(cable, &two, address, &error), 0);
    hunt("a refused connect");
    two = remote(2);
    two.cluster_id = "cluster3";
    ck_assert_int_lt(subwg_cable_connect(cable, &two, address, &error), 0);
    hunt("a key that another cluster uses");
    read_all();
    (void)subwg_cable_list_complete(cable, &error);
    hunt("list_complete");
    (void)subwg_cable_reconcile(cable, 0, take_report, NULL, &error);
    hunt("reconcile");
    if (subwg_cable_event_fd(cable, &error) >= 0)
        (void)subwg_cable_dispatch(cable, &error);
    hunt("dispatch");
    two = remote(2);
    ck_assert_int_eq(subwg_cable_disconnect(cable, &two, &error), 0);
    hunt("disconnect");
    ck_assert_int_eq(subwg_cable_connect(cable, &two, address, &error), 0);
    hunt("a second connect");
}

/* A core of a child would have everything: nothing is there. */
static void hunt_in_child(void)
{
    if (!MEMORY_IS_OURS)
        return;
    hunts++;
    ck_assert_uint_gt(canary_in_process(0, true, true), 0); /* they are in their pages, here */
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct subwg_error late = SUBWG_ERROR_INIT;
        bool stale = subwg_cable_init(cable, &late) == -ESTALE;
        _exit(canary_in_process(0, true, false) == 0 && stale ? 42 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 42);
}

static void destroy(void)
{
    subwg_cable_destroy(cable);
    cable = NULL;
    hunt("destroy");
}

static void print_figures(void)
{
    char text[96];
    int length = snprintf(text, sizeof(text), "figure canary-hunts %u\nfigure canary-hits %u\n",
                          hunts, hits);
    ck_assert_int_eq(write(stdout_fd, text, (size_t)length), length);
}

START_TEST(no_operation_leaves_a_secret_anywhere)
{
    bool with_file = _i != 0;
    char psk[PSK_SIZE];
    make_secrets(psk, with_file);
    create_with_secrets(psk, with_file, true);
    create_with_secrets(psk, with_file, false);
    char again[PSK_SIZE];
    for (size_t i = 0; i < PSK_SIZE; i++)
        again[i] = (char)(psk[i] ^ 0x3c);
    sodium_memzero(psk, sizeof(psk));
    hunt("create");
    ck_assert_msg(subwg_cable_init(cable, &error) == 0, "%s", error.text);
    if (!with_file)
        learn_private_key();
    hunt("init");
    connect_and_disconnect();
    hunt_in_child();
    destroy();
    for (size_t i = 0; i < PSK_SIZE; i++)
        psk[i] = (char)(again[i] ^ 0x3c);
    create_with_secrets(psk, true, false); /* saves the key, where there was no file */
    sodium_memzero(psk, sizeof(psk));
    ck_assert_msg(subwg_cable_init(cable, &error) == 0, "%s", error.text);
    hunt("init over what an earlier run left");
    ck_assert_int_eq(access(key_file, F_OK), 0);
    ck_assert_int_eq(chmod(key_file, 0644), 0);
    ck_assert_int_eq(subwg_cable_cleanup(cable, &error), 0);
    hunt("cleanup");
    ck_assert_int_eq(subwg_cable_init(cable, &error), -EINVAL);
    hunt("an init that failed");
    destroy();
    print_figures();
}
END_TEST

/* The controls: each place where the hunt looks, with a secret in it. */

static void leak_on_heap(const char *text, size_t length)
{
    char *block = malloc(65536); /* the hunt's own needs do not reach its middle */
    ck_assert_ptr_nonnull(block);
    memcpy(block + 32768, text, length);
    __asm__ volatile("" : : "r"(block) : "memory");
    free(block);
}

static __attribute__((noinline)) void leak_on_stack(const char *text, size_t length)
{
    char buffer[32768];
    memset(buffer, 0, sizeof(buffer));
    memcpy(buffer, text, length); /* the deep end, which later calls do not reach */
    __asm__ volatile("" : : "r"(buffer) : "memory");
}

static char leaked[512];

static const struct control {
    const char *name;
    enum canary_form form;
} controls[] = {
    {"the preshared key's text", CANARY_RAW}, {"the preshared key's text", CANARY_HEX},
    {"the preshared key", CANARY_RAW},        {"the preshared key", CANARY_BASE64},
    {"the preshared key", CANARY_HEX},        {"the private key", CANARY_RAW},
    {"the private key", CANARY_BASE64},       {"the private key", CANARY_HEX_UPPER},
};

#define CONTROL_COUNT (sizeof(controls) / sizeof(controls[0]))

static void assert_memory_leak_is_found(void (*leak)(const char *text, size_t length), int which)
{
    char text[264];
    size_t length = canary_reveal(controls[which].name, controls[which].form, text);
    leak(text, length);
    sodium_memzero(text, sizeof(text));
    ck_assert_uint_gt(canary_in_process(0, false, true), 0);
}

static void leak_statically(const char *text, size_t length)
{
    memcpy(leaked, text, length);
    __asm__ volatile("" : : "r"(leaked) : "memory"); /* nobody reads it, and it stays */
}

START_TEST(what_leaks_into_memory_is_found)
{
    char psk[PSK_SIZE];
    make_secrets(psk, true);
    sodium_memzero(psk, sizeof(psk));
    if (!MEMORY_IS_OURS)
        return;
    ck_assert_uint_eq(canary_in_process(0, false, false), 0);
    assert_memory_leak_is_found(leak_statically, _i);
    memset(leaked, 0, sizeof(leaked));
    ck_assert_uint_eq(canary_in_process(0, false, false), 0);
    assert_memory_leak_is_found(leak_on_stack, _i);
    sodium_stackzero(65536);
    ck_assert_uint_eq(canary_in_process(0, false, false), 0);
    assert_memory_leak_is_found(leak_on_heap, _i);
}
END_TEST

START_TEST(what_leaks_into_words_is_found)
{
    static const char *const channels[] = {"log", "publish", "event", "report", "rendered"};
    char psk[PSK_SIZE];
    char text[264];
    char sentence[512];
    make_secrets(psk, true);
    sodium_memzero(psk, sizeof(psk));
    size_t length = canary_reveal(controls[_i].name, controls[_i].form, text);
    (void)snprintf(sentence, sizeof(sentence), "the key is %.*s, really", (int)length, text);
    bool text_form = strlen(text) == length; /* a raw key may have a NUL */
    for (size_t i = 0; text_form && i < sizeof(channels) / sizeof(channels[0]); i++) {
        struct subwg_event event = SUBWG_EVENT_INIT;
        event.text = sentence;
        said_length = 0;
        ck_assert_uint_eq(canary_in_bytes(channels[i], said, said_length, false), 0);
        if (i == 0)
            take_log(NULL, "wireguard", 3, sentence);
        else if (i == 1)
            (void)take_published(NULL, "key", sentence);
        else if (i == 2)
            take_event(NULL, &event);
        else if (i == 3)
            take_report(NULL, 0, sentence);
        else
            (void)take_rendered(NULL, sentence, strlen(sentence));
        ck_assert_uint_gt(canary_in_bytes(channels[i], said, said_length, true), 0);
    }
    ck_assert_uint_eq(search_printed(false), 0);
    ck_assert_uint_eq(fwrite(text, 1, length, _i % 2 == 0 ? stdout : stderr), length);
    ck_assert_uint_gt(search_printed(true), 0);
}
END_TEST

static void capture_output(void)
{
    (void)fflush(stdout);
    stdout_fd = dup(STDOUT_FILENO);
    printed_fd = memfd_create("printed", MFD_CLOEXEC);
    ck_assert(stdout_fd >= 0 && printed_fd >= 0);
    canary_report_to(dup(STDERR_FILENO));
    ck_assert_int_ge(dup2(printed_fd, STDOUT_FILENO), 0);
    ck_assert_int_ge(dup2(printed_fd, STDERR_FILENO), 0);
}

static void start(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    said_length = 0;
    hunts = 0;
    hits = 0;
    canary_forget();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(key_file, sizeof(key_file), "%s/key", folder);
    kernel_start();
    ck_assert_int_eq(subwg_registry_create(&registry, &error), 0);
    ck_assert_int_eq(subwg_registry_add(registry, subwg_wireguard_driver(), &error), 0);
    capture_output();
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    (void)unlink(key_file);
    (void)rmdir(folder);
}

/*
 * Binding a function at its first call saves all registers on the stack, and the C library copies keys
 * through vector registers: what stays there is nobody's to wipe. An engine that loads the driver as a
 * plugin has everything bound at once (RTLD_NOW); one that is linked has so with LD_BIND_NOW, as here.
 */
static void bind_everything(char **words)
{
    if (getenv("LD_BIND_NOW") != NULL)
        return;
    if (setenv("LD_BIND_NOW", "1", 1) == 0)
        (void)execv(words[0], words);
    perror("cannot start again");
    exit(EXIT_FAILURE);
}

int main(int count, char **words)
{
    (void)count;
    bind_everything(words);
    Suite *suite = suite_create("secrets");
    TCase *cases = tcase_create("hunt");
    tcase_add_checked_fixture(cases, start, stop);
    tcase_set_timeout(cases, 30);
    tcase_add_loop_test(cases, no_operation_leaves_a_secret_anywhere, 0, 2);
    tcase_add_loop_test(cases, what_leaks_into_memory_is_found, 0, (int)CONTROL_COUNT);
    tcase_add_loop_test(cases, what_leaks_into_words_is_found, 0, (int)CONTROL_COUNT);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
