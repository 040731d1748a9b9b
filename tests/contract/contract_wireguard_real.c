/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WireGuard plugin on a kernel that has WireGuard: each test in a network namespace of its own. With
 * "net-admin-alone" the process has no capability but CAP_NET_ADMIN from then on (T36).
 */
#include "wireguard_subject.h"

#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

/* Runs a program with this text as its input; its output is the caller's to free. Processes are slow
 * on an emulated machine, so there is no shell in between and `ip` gets all its commands at once. */
static char *run(const char *const *command, const char *input)
{
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    ck_assert(in != NULL && out != NULL);
    ck_assert(fputs(input, in) >= 0 && fflush(in) == 0);
    rewind(in);
    posix_spawn_file_actions_t files;
    ck_assert_int_eq(posix_spawn_file_actions_init(&files), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&files, fileno(in), STDIN_FILENO), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&files, fileno(out), STDOUT_FILENO), 0);
    pid_t child = 0;
    char *arguments[8] = {NULL};
    for (size_t i = 0; i < 7 && command[i] != NULL; i++)
        arguments[i] = strdup(command[i]);
    ck_assert_msg(posix_spawnp(&child, command[0], &files, NULL, arguments, environ) == 0,
                  "cannot start %s", command[0]);
    (void)posix_spawn_file_actions_destroy(&files);
    for (size_t i = 0; arguments[i] != NULL; i++)
        free(arguments[i]);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "%s %s ended with status 0x%x", command[0], command[1], status);
    long size = ftell(out) < 0 || fseek(out, 0, SEEK_END) != 0 ? -1 : ftell(out);
    ck_assert_int_ge(size, 0);
    rewind(out);
    char *text = calloc((size_t)size + 1, 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, out), (size_t)size);
    (void)fclose(in);
    (void)fclose(out);
    return text;
}

#define RUN(input, ...) run((const char *const[]){__VA_ARGS__, NULL}, input)

/* Without link-local addresses, which would come up while a test looks. */
static void enter_fresh_namespace(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    free(RUN("link set lo up\n"
             "link add underlay type dummy\n"
             "link set underlay addrgenmode none\n"
             "link set underlay up\n"
             "address add " CONTRACT_LOCAL_IP "/24 dev underlay\n"
             "address add " CONTRACT_LOCAL_IPV6 "/64 dev underlay nodad\n",
             "ip", "-batch", "-"));
}

/* What `ip` and `wg` get when they start is bounded, too. */
static void keep_net_admin_alone(void)
{
    for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++)
        if (capability != CAP_NET_ADMIN)
            (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = 1u << CAP_NET_ADMIN, .permitted = 1u << CAP_NET_ADMIN}};
    ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
}

static void enter_fresh_namespace_with_net_admin_alone(void)
{
    enter_fresh_namespace();
    keep_net_admin_alone();
    ck_assert_int_eq(unshare(CLONE_NEWNET), -1); /* nothing but CAP_NET_ADMIN is left */
}

static void remove_peer(const char *key)
{
    free(RUN("", "wg", "set", WIREGUARD_DEVICE, "peer", key, "remove"));
}

static void add_peer(const char *key)
{
    free(RUN("", "wg", "set", WIREGUARD_DEVICE, "peer", key));
}

/* A peer's line without what changes by itself: the columns handshake, rx and tx. */
static void append_peer_line(FILE *digest, char *line)
{
    int column = 0;
    for (char *field = strtok(line, "\t"); field != NULL; field = strtok(NULL, "\t"), column++)
        if (column < 5 || column > 7)
            (void)fprintf(digest, " %s", field);
    (void)fputc('\n', digest);
}

static char *digest(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *digest = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(digest);
    char *both =
        RUN("link show\naddress show\nroute show table all\nrule show\n", "ip", "-batch", "-");
    char *ipv6 = RUN("route show table all\nrule show\n", "ip", "-6", "-batch", "-");
    char *wireguard = RUN("", "wg", "show", "all", "dump");
    (void)fprintf(digest, "%s%s", both, ipv6);
    char *rest = NULL;
    for (char *line = strtok_r(wireguard, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        append_peer_line(digest, line);
    free(both);
    free(ipv6);
    free(wireguard);
    (void)fclose(digest);
    return text;
}

static void read_private_key(char *text, size_t size)
{
    if (if_nametoindex(WIREGUARD_DEVICE) == 0)
        return;
    char *key = RUN("", "wg", "show", WIREGUARD_DEVICE, "private-key");
    key[strcspn(key, "\n")] = '\0';
    (void)snprintf(text, size, "%s", key);
    free(key);
}

int main(int argc, char **argv)
{
    bool alone = argc == 3 && strcmp(argv[2], "net-admin-alone") == 0;
    if (argc != 2 && !alone) {
        fprintf(stderr, "usage: %s DRIVER.so [net-admin-alone]\n", argv[0]);
        return 2;
    }
    struct contract_subject subject = wireguard_subject();
    subject.name = "contract-wireguard-real";
    subject.entry = contract_load(argv[1]);
    if (!alone) /* who may make none cannot be elsewhere */
        subject.traits |= CONTRACT_NAMESPACE;
    subject.setup = alone ? enter_fresh_namespace_with_net_admin_alone : enter_fresh_namespace;
    subject.remove_peer_by_hand = remove_peer;
    subject.add_peer_by_hand = add_peer;
    subject.kernel_digest = digest;
    subject.read_private_key = read_private_key;
    return contract_run(&subject);
}
