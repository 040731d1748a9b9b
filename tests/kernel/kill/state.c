/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <dirent.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/limits.h"
#include "gateway.h"
#include "netlink/netlink.h"

#define LINES 8192

struct sheet {
    struct netlink *netlink;
    char *lines[LINES];
    uint32_t count;
};

__attribute__((format(printf, 2, 3))) static void add(struct sheet *sheet, const char *format, ...)
{
    va_list arguments;
    if (sheet->count == LINES)
        gateway_die("more than %d lines of state", LINES);
    va_start(arguments, format);
    if (vasprintf(&sheet->lines[sheet->count], format, arguments) < 0)
        abort();
    va_end(arguments);
    sheet->count++;
}

static void must(const char *what, int32_t code, const struct subwg_error *error)
{
    if (code != 0)
        gateway_die("%s: %d: %s", what, code, error->text);
}

static const char *name_of(uint32_t ifindex, char name[IF_NAMESIZE])
{
    return ifindex != 0 && if_indextoname(ifindex, name) != NULL ? name : "-";
}

static void add_peers(struct sheet *sheet, const struct wg_device *device)
{
    char key[KEY_TEXT_SIZE];
    char text[PREFIX_TEXT_SIZE];
    for (uint32_t i = 0; i < device->peer_count; i++) {
        const struct wg_peer *peer = &device->peers[i];
        (void)key_format(&peer->public_key, key);
        add(sheet, "peer %s psk %u keepalive %u endpoint %s:%u\n", key, peer->preshared_key,
            peer->keepalive_s,
            peer->endpoint.address.family != FAMILY_NONE
                ? address_format(&peer->endpoint.address, text)
                : "-",
            peer->endpoint.port);
        for (uint32_t j = 0; j < peer->allowed_ip_count; j++)
            add(sheet, "peer %s allowed %s\n", key,
                prefix_format(&device->allowed_ips[peer->allowed_ip_first + j], text));
    }
}

static void add_wireguard(struct sheet *sheet, const struct link_info *link, struct key *ret_key)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct wg_device device = {0};
    struct key psk;
    (void)crypto_hash_sha256(psk.bytes, (const uint8_t *)GATEWAY_PSK, strlen(GATEWAY_PSK));
    must("read device", wg_get_device(sheet->netlink, link->ifindex, &psk, &device, &error),
         &error);
    add(sheet, "wireguard %s port %u mark %u key %s\n", link->name, device.listen_port, device.mark,
        device.has_private_key ? "there" : "none");
    if (device.has_private_key)
        *ret_key = device.public_key;
    add_peers(sheet, &device);
    wg_device_finish(&device);
}

static void add_links(struct sheet *sheet, struct key *ret_key)
{
    struct if_nameindex *names = if_nameindex();
    if (names == NULL)
        gateway_die("the links could not be listed");
    for (size_t i = 0; names[i].if_index != 0; i++) {
        struct subwg_error error = SUBWG_ERROR_INIT;
        struct link_info link;
        must("find link", link_by_index(sheet->netlink, names[i].if_index, &link, &error), &error);
        add(sheet, "link %s kind %s alias %s group %u mtu %u %s\n", link.name, link.kind,
            link.alias, link.group, link.mtu, link.up ? "up" : "down");
        if (strcmp(link.kind, "wireguard") == 0)
            add_wireguard(sheet, &link, ret_key);
    }
    if_freenameindex(names);
}

static void add_addresses(struct sheet *sheet)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct interface_address *addresses = NULL;
    uint32_t count = 0;
    char name[IF_NAMESIZE];
    char text[PREFIX_TEXT_SIZE];
    must("list addresses", address_list(sheet->netlink, &addresses, &count, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        add(sheet, "address %s dev %s\n", prefix_format(&addresses[i].prefix, text),
            name_of(addresses[i].ifindex, name));
    free(addresses);
}

static void add_routes(struct sheet *sheet)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct route *routes = NULL;
    uint32_t count = 0;
    char name[IF_NAMESIZE];
    char text[PREFIX_TEXT_SIZE];
    must("list routes", route_list(sheet->netlink, 0, 0, &routes, &count, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        add(sheet, "route %s table %u dev %s metric %u protocol %u type %u\n",
            prefix_format(&routes[i].destination, text), routes[i].table,
            name_of(routes[i].ifindex, name), routes[i].metric, routes[i].protocol, routes[i].type);
    free(routes);
}

static void add_rules(struct sheet *sheet)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct rule *rules = NULL;
    uint32_t count = 0;
    must("list rules", rule_list(sheet->netlink, &rules, &count, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        add(sheet, "rule %u priority %u %sfwmark %u/%u lookup %u protocol %u\n", rules[i].family,
            rules[i].priority, rules[i].invert ? "not " : "", rules[i].mark, rules[i].mask,
            rules[i].table, rules[i].protocol);
    free(rules);
}

static void add_files(struct sheet *sheet, const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    if (stream == NULL)
        return;
    while ((entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.' || entry->d_name[1] > '.')
            add(sheet, "file %s\n", entry->d_name);
    (void)closedir(stream);
}

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static char *join(struct sheet *sheet)
{
    size_t length = 1;
    qsort(sheet->lines, sheet->count, sizeof(sheet->lines[0]), by_text);
    for (uint32_t i = 0; i < sheet->count; i++)
        length += strlen(sheet->lines[i]);
    char *text = malloc(length);
    char *end = text;
    if (text == NULL)
        abort();
    for (uint32_t i = 0; i < sheet->count; i++) {
        size_t size = strlen(sheet->lines[i]);
        memcpy(end, sheet->lines[i], size);
        end += size;
        free(sheet->lines[i]);
    }
    *end = '\0';
    return text;
}

void state_device_key(struct key *ret_key)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct wg_device device = {0};
    struct netlink *netlink;
    struct link_info link;
    *ret_key = (struct key){{0}};
    must("open netlink", netlink_open(LIMIT_REPLY_MS, &netlink, &error), &error);
    if (link_find(netlink, GATEWAY_DEVICE, &link, &error) == 0 &&
        wg_get_device(netlink, link.ifindex, NULL, &device, &error) == 0 && device.has_private_key)
        *ret_key = device.public_key;
    wg_device_finish(&device);
    netlink_close(netlink);
}

char *state_text(const char *folder, struct key *ret_key)
{
    static struct sheet sheet;
    struct subwg_error error = SUBWG_ERROR_INIT;
    sheet.count = 0;
    *ret_key = (struct key){{0}};
    must("open netlink", netlink_open(LIMIT_REPLY_MS, &sheet.netlink, &error), &error);
    add_links(&sheet, ret_key);
    add_addresses(&sheet);
    add_routes(&sheet);
    add_rules(&sheet);
    if (folder != NULL)
        add_files(&sheet, folder);
    netlink_close(sheet.netlink);
    return join(&sheet);
}
