/* SPDX-License-Identifier: Apache-2.0 */
#include "remotes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BITS 28u

void shell(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    int status = system(command);
    ck_assert_msg(status == 0, "%s: status 0x%x", command, status);
}

void remote_describe(struct remote *remote, uint32_t number, uint32_t first, uint32_t count)
{
    struct key key = {{9}}; /* a valid public key for every number */
    memcpy(key.bytes + 1, &number, sizeof(number));
    *remote = (struct remote){.endpoint = SUBWG_ENDPOINT_INIT};
    (void)key_format(&key, remote->key);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster-%u", (unsigned)number);
    (void)snprintf(remote->address, sizeof(remote->address), "198.18.%u.%u",
                   (unsigned)(number >> 8 & 255), (unsigned)(number & 255));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (number * REMOTES_PREFIXES + (first + i) % REMOTES_PREFIXES)
                      << (32 - PREFIX_BITS);
        (void)snprintf(remote->prefixes[i], sizeof(remote->prefixes[i]), "10.%u.%u.%u/%u",
                       (unsigned)(at >> 16 & 255), (unsigned)(at >> 8 & 255), (unsigned)(at & 255),
                       PREFIX_BITS);
        remote->subnets[i] = remote->prefixes[i];
    }
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key};
    struct subwg_endpoint *endpoint = &remote->endpoint;
    endpoint->cluster_id = remote->cluster_id;
    endpoint->cable_name = remote->cluster_id;
    endpoint->hostname = remote->cluster_id;
    endpoint->private_ip = remote->address;
    endpoint->backend = "wireguard";
    endpoint->subnets = remote->subnets;
    endpoint->subnet_count = count;
    endpoint->backend_config = remote->config;
    endpoint->backend_config_count = 1;
}

void gateway_start(struct gateway *gateway)
{
    /* Silent remotes would be asked for handshakes all the time. */
    const struct subwg_setting settings[] = {{"device", REMOTES_DEVICE}, {"keepalive-s", "0"}};
    const char *const own_subnets[] = {"172.20.0.0/16"};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    shell("ip link set lo up && ip link add eth7 type dummy && ip link set eth7 up && "
          "ip address add 198.19.255.254/15 dev eth7");
    local.cluster_id = "cluster";
    local.cable_name = "cluster";
    local.hostname = "gateway";
    local.private_ip = "198.19.255.254";
    local.backend = "wireguard";
    local.subnets = own_subnets;
    local.subnet_count = 1;
    *gateway = (struct gateway){.error = SUBWG_ERROR_INIT};
    struct subwg_error *error = &gateway->error;
    REMOTES_DONE(subwg_registry_create(&gateway->registry, error), *error);
    REMOTES_DONE(subwg_registry_add(gateway->registry, subwg_wireguard_driver(), error), *error);
    REMOTES_DONE(subwg_cable_create(gateway->registry, "wireguard", NULL, &local, settings, 2,
                                    &gateway->cable, error),
                 *error);
    REMOTES_DONE(subwg_cable_init(gateway->cable, error), *error);
    REMOTES_DONE(subwg_cable_list_complete(gateway->cable, error), *error);
}

void gateway_stop(struct gateway *gateway)
{
    REMOTES_DONE(subwg_cable_cleanup(gateway->cable, &gateway->error), gateway->error);
    subwg_cable_destroy(gateway->cable);
    subwg_registry_destroy(gateway->registry);
    shell("! ip link show " REMOTES_DEVICE " 2>/dev/null && ip link delete eth7");
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    (void)context;
    (void)address;
    ck_assert_msg(code >= 0, "remote %u: %d %s", (unsigned)index, (int)code,
                  error == NULL ? "" : error->text);
}

static const struct subwg_endpoint **endpoints_of(const struct remote *remotes, uint32_t count)
{
    const struct subwg_endpoint **endpoints = calloc(count + 1, sizeof(*endpoints));
    ck_assert_ptr_nonnull(endpoints);
    for (uint32_t i = 0; i < count; i++)
        endpoints[i] = &remotes[i].endpoint;
    return endpoints;
}

void gateway_connect_many(struct gateway *gateway, const struct remote *remotes, uint32_t count)
{
    const struct subwg_endpoint **endpoints = endpoints_of(remotes, count);
    REMOTES_DONE(subwg_cable_connect_many(gateway->cable, endpoints, count, take_result, NULL,
                                          &gateway->error),
                 gateway->error);
    free((void *)endpoints);
}

void gateway_disconnect_many(struct gateway *gateway, const struct remote *remotes, uint32_t count)
{
    const struct subwg_endpoint **endpoints = endpoints_of(remotes, count);
    REMOTES_DONE(subwg_cable_disconnect_many(gateway->cable, endpoints, count, take_result, NULL,
                                             &gateway->error),
                 gateway->error);
    free((void *)endpoints);
}

/* Sorted lines of text. */
struct lines {
    char (*lines)[80];
    uint32_t count;
    uint32_t room;
};

__attribute__((format(printf, 2, 3))) static void add_line(struct lines *lines, const char *format,
                                                           ...)
{
    if (lines->count == lines->room) {
        lines->room = lines->room == 0 ? 1024 : lines->room * 2;
        lines->lines = realloc(lines->lines, lines->room * sizeof(lines->lines[0]));
        ck_assert_ptr_nonnull(lines->lines);
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(lines->lines[lines->count++], sizeof(lines->lines[0]), format, arguments);
    va_end(arguments);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void sort(struct lines *lines)
{
    if (lines->count > 1)
        qsort(lines->lines, lines->count, sizeof(lines->lines[0]), by_text);
}

static struct lines output_of(const char *command)
{
    struct lines lines = {0};
    char line[80];
    FILE *output = popen(command, "re");
    ck_assert_ptr_nonnull(output);
    while (fgets(line, sizeof(line), output) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        add_line(&lines, "%s", line);
    }
    ck_assert_int_eq(pclose(output), 0);
    sort(&lines);
    return lines;
}

/* Both are freed. */
static void check_same(struct lines *wanted, struct lines *found, const char *what)
{
    sort(wanted);
    for (uint32_t i = 0; i < wanted->count && i < found->count; i++)
        if (strcmp(wanted->lines[i], found->lines[i]) != 0)
            ck_abort_msg("%s: wanted '%s', found '%s'", what, wanted->lines[i], found->lines[i]);
    ck_assert_msg(wanted->count == found->count, "%s: wanted %u, found %u", what,
                  (unsigned)wanted->count, (unsigned)found->count);
    free(wanted->lines);
    free(found->lines);
}

void check_kernel(const struct remote *remotes, uint32_t count)
{
    struct lines peers = {0};
    struct lines routes = {0};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < remotes[i].endpoint.subnet_count; k++) {
            add_line(&peers, "%s %s", remotes[i].key, remotes[i].subnets[k]);
            add_line(&routes, "%s", remotes[i].subnets[k]);
        }
    struct lines found_peers = output_of(
        "wg show " REMOTES_DEVICE " allowed-ips | awk '{for (i = 2; i <= NF; i++) print $1, $i}'");
    struct lines found_routes =
        output_of("ip -4 route show table all dev " REMOTES_DEVICE " | awk '/^10\\./ {print $1}'");
    check_same(&peers, &found_peers, "allowed IPs");
    check_same(&routes, &found_routes, "routes");
}
