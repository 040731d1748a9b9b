/* SPDX-License-Identifier: Apache-2.0 */
/* The world as text, by which tests compare before and after. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "fake_kernel.h"
#include "world.h"

#define LINE_SIZE 640

static const char *name_of(uint32_t ifindex)
{
    const struct fake_link *link = fake_link_by_index(ifindex);

    return link != NULL ? link->name : "-";
}

static const char *family_name(int family)
{
    switch (family) {
    case AF_INET:
        return "ipv4";
    case AF_INET6:
        return "ipv6";
    default:
        return "multicast";
    }
}

static void write_links(FILE *out)
{
    const struct fake_link *link;

    TAILQ_FOREACH(link, &fake_world.links, entry)
    fprintf(out, "link %s kind %s alias \"%s\" group %" PRIu32 " mtu %" PRIu32 " %s\n", link->name,
            link->kind[0] != '\0' ? link->kind : "-", link->alias, link->group, link->mtu,
            link->up ? "up" : "down");
}

static int compare_lines(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Writes lines sorted: the order of addresses and routes is only history. */
static void write_sorted(FILE *out, char **lines, size_t count)
{
    if (count > 0)
        qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++) {
        fputs(lines[i], out);
        free(lines[i]);
    }
    free(lines);
}

static void write_addresses(FILE *out)
{
    const struct fake_interface_address *address;
    size_t count = 0;
    char **lines;

    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    count++;
    lines = fake_allocate((count + 1) * sizeof(*lines));
    count = 0;
    TAILQ_FOREACH(address, &fake_world.addresses, entry)
    {
        char text[FAKE_PREFIX_TEXT];

        fake_prefix_text(&address->prefix, text);
        lines[count] = fake_allocate(LINE_SIZE);
        snprintf(lines[count++], LINE_SIZE, "address %s dev %s\n", text, name_of(address->ifindex));
    }
    write_sorted(out, lines, count);
}

static void route_line(const struct fake_route *route, char *line)
{
    char destination[FAKE_PREFIX_TEXT], gateway[FAKE_PREFIX_TEXT], source[FAKE_PREFIX_TEXT];

    fake_prefix_text(&route->destination, destination);
    fake_address_text(&route->gateway, gateway);
    fake_address_text(&route->source, source);
    snprintf(line, LINE_SIZE,
             "route table %" PRIu32 " %s dev %s via %s src %s type %u protocol %u scope %u"
             " metric %" PRIu32 " mtu %" PRIu32 "\n",
             route->table, destination, route->ifindex != 0 ? name_of(route->ifindex) : "-",
             gateway, source, route->type, route->protocol, route->scope, route->metric,
             route->mtu);
}

static void write_routes(FILE *out)
{
    const struct fake_route *route;
    size_t count = 0;
    char **lines;

    TAILQ_FOREACH(route, &fake_world.routes, entry)
    count++;
    lines = fake_allocate((count + 1) * sizeof(*lines));
    count = 0;
    TAILQ_FOREACH(route, &fake_world.routes, entry)
    {
        lines[count] = fake_allocate(LINE_SIZE);
        route_line(route, lines[count++]);
    }
    write_sorted(out, lines, count);
}

static void write_rules(FILE *out)
{
    const struct fake_rule *rule;

    TAILQ_FOREACH(rule, &fake_world.rules, entry)
    if (fake_rule_is_there(rule))
        fprintf(out,
                "rule %s %" PRIu32 ": %sfwmark 0x%" PRIx32 "/0x%" PRIx32 " lookup %" PRIu32
                " action %u protocol %u\n",
                family_name(rule->family), rule->priority,
                (rule->flags & FIB_RULE_INVERT) != 0 ? "not " : "", rule->mark, rule->mask,
                rule->table, rule->action, rule->protocol);
}

static void write_key(FILE *out, const uint8_t *key)
{
    char text[sodium_base64_ENCODED_LEN(FAKE_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(text, sizeof(text), key, FAKE_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL);
    fputs(text, out);
}

static void write_endpoint(FILE *out, const struct fake_peer *peer)
{
    bool is_ipv6 = peer->endpoint.family == AF_INET6;
    struct fake_prefix address =
        is_ipv6 ? fake_prefix_from(AF_INET6, &peer->endpoint.v6.sin6_addr, 128)
                : fake_prefix_from(peer->endpoint.family, &peer->endpoint.v4.sin_addr, 32);
    char text[FAKE_PREFIX_TEXT];

    fake_address_text(&address, text);
    fprintf(out, is_ipv6 ? " endpoint [%s]:%u" : " endpoint %s:%u", text,
            ntohs(is_ipv6 ? peer->endpoint.v6.sin6_port : peer->endpoint.v4.sin_port));
}

static void write_peer(FILE *out, const struct fake_peer *peer)
{
    static const uint8_t none[FAKE_KEY_SIZE];
    const struct fake_allowed_ip *allowed_ip;

    fputs("  peer ", out);
    write_key(out, peer->public_key);
    fprintf(out, " preshared key %s",
            memcmp(peer->masked_preshared_key, none, FAKE_KEY_SIZE) != 0 ? "yes" : "no");
    write_endpoint(out, peer);
    fprintf(out, " keepalive %u handshake %" PRId64 " rx %" PRIu64 " tx %" PRIu64 " allowed",
            peer->keepalive_s, peer->handshake_s, peer->rx_bytes, peer->tx_bytes);
    TAILQ_FOREACH(allowed_ip, &peer->allowed_ips, in_peer)
    {
        char text[FAKE_PREFIX_TEXT];

        fake_prefix_text(&allowed_ip->prefix, text);
        fprintf(out, " %s", text);
    }
    fputc('\n', out);
}

static void write_devices(FILE *out)
{
    const struct fake_link *link;
    const struct fake_peer *peer;

    TAILQ_FOREACH(link, &fake_world.links, entry)
    {
        if (link->device == NULL)
            continue;
        fprintf(out, "wireguard %s port %u mark 0x%" PRIx32 " key ", link->name, link->device->port,
                link->device->mark);
        if (link->device->has_private_key)
            write_key(out, link->device->public_key);
        else
            fputs("none", out);
        fputc('\n', out);
        TAILQ_FOREACH(peer, &link->device->peers, in_device)
        write_peer(out, peer);
    }
}

char *fake_kernel_dump_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        fake_misuse("out of memory", "");
    fake_lock();
    write_links(out);
    write_addresses(out);
    write_routes(out);
    write_rules(out);
    write_devices(out);
    fake_unlock();
    fclose(out);
    return text;
}
