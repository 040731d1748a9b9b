/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "values.h"

#define GOOD_KEY "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

/* Where a value stands. */
enum place {
    SUBNET_ALONE,
    SUBNET_FIRST,
    SUBNET_MIDDLE,
    SUBNET_LAST,
    PRIVATE_IP,
    PUBLIC_IP, /* behind address translation */
    USE_IP,    /* the engine's choice, without and with translation */
    USE_IP_NAT,
    KEY,
    KEY_AGAIN, /* after a good one of the same name: the last one counts */
    PORT,
    PORT_AGAIN,
    CLUSTER_ID,
    CABLE_NAME,
    HOSTNAME
};

struct writer {
    struct document document;
    document_fn take;
    void *context;
    uint32_t count;
};

/* A document without fault. */
static void begin(struct writer *writer, const struct hostile_value *value)
{
    struct document *document = &writer->document;
    *document = (struct document){
        .endpoint = SUBWG_ENDPOINT_INIT,
        .subnets = {"172.20.0.0/16", "fd20::/48"},
        .config = {{"publicKey", GOOD_KEY}, {"udp-port", "5871"}},
        .value = value->text,
        .reason = value->reason,
        .word = value->word,
        .number = writer->count,
    };
    (void)snprintf(document->cluster_id, sizeof(document->cluster_id), "evil-%u",
                   (unsigned)writer->count);
    document->endpoint.cluster_id = document->cluster_id;
    document->endpoint.cable_name = "cable-evil";
    document->endpoint.hostname = "worker";
    document->endpoint.private_ip = "198.51.100.200";
    document->endpoint.public_ip = "";
    document->endpoint.backend = "wireguard";
    document->endpoint.subnets = document->subnets;
    document->endpoint.subnet_count = 2;
    document->endpoint.backend_config = document->config;
    document->endpoint.backend_config_count = 2;
}

static void end(struct writer *writer)
{
    writer->take(&writer->document, writer->context);
    writer->count++;
}

static void put_address(struct document *document, enum place place, const char *value)
{
    struct subwg_endpoint *endpoint = &document->endpoint;
    endpoint->nat_enabled = place == PUBLIC_IP || place == USE_IP_NAT;
    if (place == PRIVATE_IP) {
        endpoint->private_ip = value;
    } else if (place == PUBLIC_IP) {
        endpoint->public_ip = value;
    } else {
        endpoint->present = SUBWG_ENDPOINT_USE_IP;
        endpoint->use_nat = place == USE_IP_NAT;
        endpoint->use_ip = value;
    }
}

static void put(struct document *document, enum place place, const char *value)
{
    switch (place) {
    case SUBNET_ALONE:
    case SUBNET_FIRST:
    case SUBNET_MIDDLE:
    case SUBNET_LAST:
        document->endpoint.subnet_count = place == SUBNET_ALONE ? 1 : 3;
        document->subnets[2] = "172.21.0.0/16";
        document->subnets[place == SUBNET_ALONE ? 0 : place - SUBNET_FIRST] = value;
        break;
    case KEY:
    case PORT:
        document->config[place == PORT].value = value;
        break;
    case KEY_AGAIN:
    case PORT_AGAIN:
        document->config[2] =
            (struct subwg_setting){place == KEY_AGAIN ? "publicKey" : "udp-port", value};
        document->endpoint.backend_config_count = 3;
        break;
    case CLUSTER_ID:
        document->endpoint.cluster_id = value;
        break;
    case CABLE_NAME:
        document->endpoint.cable_name = value;
        break;
    case HOSTNAME:
        document->endpoint.hostname = value;
        break;
    default:
        put_address(document, place, value);
        break;
    }
}

static const char *field_of(enum place place)
{
    static const char *const names[] = {
        [SUBNET_ALONE] = "subnet",   [SUBNET_FIRST] = "subnet",   [SUBNET_MIDDLE] = "subnet",
        [SUBNET_LAST] = "subnet",    [PRIVATE_IP] = "private_ip", [PUBLIC_IP] = "public_ip",
        [USE_IP] = "use_ip",         [USE_IP_NAT] = "use_ip",     [KEY] = "publicKey",
        [KEY_AGAIN] = "publicKey",   [PORT] = "udp-port",         [PORT_AGAIN] = "udp-port",
        [CLUSTER_ID] = "cluster_id", [CABLE_NAME] = "cable_name", [HOSTNAME] = "hostname",
    };
    return names[place];
}

static void write_one(struct writer *writer, const struct hostile_value *value, enum place place)
{
    begin(writer, value);
    writer->document.field = field_of(place);
    put(&writer->document, place, value->text);
    end(writer);
}

/* The same IPv6 address or prefix in other words; false if there are none. */
enum spelling { CAPITALS, IN_FULL, DOTTED_TAIL, SPELLINGS };

static bool spell(const char *text, enum spelling how, char *buffer, size_t size)
{
    char address[80];
    uint8_t bytes[16];
    (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, "/"), text);
    if (inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    const char *rest = text + strlen(address);
    size_t length = 0;
    for (int i = 0; i < (how == DOTTED_TAIL ? 12 : 16); i += 2)
        length += (size_t)snprintf(buffer + length, size - length, "%s%02x%02x", i == 0 ? "" : ":",
                                   bytes[i], bytes[i + 1]);
    if (how == DOTTED_TAIL)
        length += (size_t)snprintf(buffer + length, size - length, ":%u.%u.%u.%u", bytes[12],
                                   bytes[13], bytes[14], bytes[15]);
    if (how == CAPITALS) {
        (void)snprintf(buffer, size, "%s", address);
        length = strlen(buffer);
        for (size_t i = 0; i < length; i++)
            buffer[i] = (char)toupper((unsigned char)buffer[i]);
    }
    (void)snprintf(buffer + length, size - length, "%s", rest);
    return strcmp(buffer, text) != 0;
}

static void write_spellings(struct writer *writer, const struct hostile_value *value,
                            enum place place)
{
    for (enum spelling how = CAPITALS; how < SPELLINGS; how++) {
        begin(writer, value);
        struct document *document = &writer->document;
        document->field = field_of(place);
        if (!spell(value->text, how, document->spelling, sizeof(document->spelling)))
            continue;
        document->value = document->spelling;
        put(document, place, document->spelling);
        end(writer);
    }
}

static void write_all(struct writer *writer, const struct hostile_values *values, enum place first,
                      enum place last)
{
    for (size_t i = 0; i < values->count; i++) {
        for (enum place place = first; place <= last; place++)
            write_one(writer, &values->list[i], place);
        if (first == SUBNET_ALONE || first == PRIVATE_IP)
            write_spellings(writer, &values->list[i], first);
    }
}

/* Keys that are somebody's. */
static void write_taken_keys(struct writer *writer, const struct document_world *world)
{
    const struct hostile_value own = {world->own_key, SUBWG_REASON_REFUSED, "own"};
    const struct hostile_value others = {world->cluster2_key, SUBWG_REASON_CONFLICT, "'cluster2'"};
    for (enum place place = KEY; place <= KEY_AGAIN; place++) {
        write_one(writer, &own, place);
        if (world->cluster2_key != NULL)
            write_one(writer, &others, place);
    }
}

/* One more than there may be, or far more; excess 0: just as many. */
static void write_long(struct writer *writer, enum place place, size_t limit, size_t excess,
                       const char *word)
{
    static char letters[(1u << 20) + 1];
    const struct hostile_value value = {
        letters, excess > 0 ? SUBWG_REASON_LIMIT : SUBWG_REASON_UNSPECIFIED, word};
    memset(letters, 'x', limit + excess);
    letters[limit + excess] = '\0';
    begin(writer, &value);
    writer->document.field = field_of(place);
    if (place == KEY_AGAIN) { /* an entry that nobody asks for */
        put(&writer->document, place, letters);
        writer->document.config[2].key = "other";
        writer->document.field = "backend_config";
    } else {
        put(&writer->document, place, letters);
    }
    end(writer);
}

static void write_many_subnets(struct writer *writer, uint32_t count, const char *word)
{
    static char texts[DOCUMENT_SUBNETS_MAX][24];
    const struct hostile_value value = {
        "(many)", count > 1024 ? SUBWG_REASON_LIMIT : SUBWG_REASON_UNSPECIFIED, word};
    begin(writer, &value);
    struct document *document = &writer->document;
    document->field = "subnets";
    for (uint32_t i = 0; i < DOCUMENT_SUBNETS_MAX; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "172.%u.%u.0/24", 16 + i / 256, i % 256);
        document->subnets[i] = texts[i];
    }
    document->endpoint.subnet_count = count;
    end(writer);
}

static void write_many_entries(struct writer *writer, uint32_t count, const char *word)
{
    const struct hostile_value value = {
        "(many)", count > 64 ? SUBWG_REASON_LIMIT : SUBWG_REASON_UNSPECIFIED, word};
    begin(writer, &value);
    writer->document.field = "backend_config";
    for (uint32_t i = 2; i < DOCUMENT_CONFIG_MAX; i++)
        writer->document.config[i] = (struct subwg_setting){"other", "x"};
    writer->document.endpoint.backend_config_count = count;
    end(writer);
}

static const struct {
    enum place place;
    size_t limit;
    const char *word;
} lengths[] = {
    {CLUSTER_ID, 253, "253"},
    {CABLE_NAME, 253, "253"},
    {HOSTNAME, 253, "253"},
    {KEY_AGAIN, 1024, "1024"},
};

uint32_t documents_hostile(const struct document_world *world, document_fn take, void *context)
{
    struct writer writer = {.take = take, .context = context};
    write_all(&writer, &hostile_subnets, SUBNET_ALONE, SUBNET_LAST);
    write_all(&writer, &hostile_subnets_of_others, SUBNET_ALONE, SUBNET_LAST);
    if (!world->marked)
        write_all(&writer, &hostile_subnets_unmarked, SUBNET_ALONE, SUBNET_LAST);
    write_all(&writer, &hostile_addresses, PRIVATE_IP, USE_IP_NAT);
    write_all(&writer, &hostile_keys, KEY, KEY_AGAIN);
    write_taken_keys(&writer, world);
    write_all(&writer, &hostile_ports, PORT, PORT_AGAIN);
    write_all(&writer, &hostile_names, CLUSTER_ID, HOSTNAME);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        write_long(&writer, lengths[i].place, lengths[i].limit, 1, lengths[i].word);
        write_long(&writer, lengths[i].place, lengths[i].limit, (1u << 20) - lengths[i].limit,
                   lengths[i].word);
    }
    write_long(&writer, PRIVATE_IP, 63, 1, "63");
    write_long(&writer, PUBLIC_IP, 63, (1u << 20) - 63, "63");
    write_many_subnets(&writer, 1025, "1024");
    write_many_subnets(&writer, UINT32_MAX, "1024"); /* they must not be looked at */
    write_many_entries(&writer, 65, "64");
    write_many_entries(&writer, UINT32_MAX, "64");
    return writer.count;
}

uint32_t documents_harmless(const struct document_world *world, document_fn take, void *context)
{
    struct writer writer = {.take = take, .context = context};
    write_all(&writer, &harmless_subnets, SUBNET_ALONE, SUBNET_LAST);
    if (world->marked)
        write_all(&writer, &hostile_subnets_unmarked, SUBNET_ALONE, SUBNET_LAST);
    write_all(&writer, &harmless_addresses, PRIVATE_IP, USE_IP_NAT);
    write_all(&writer, &harmless_keys, KEY, KEY_AGAIN);
    write_all(&writer, &harmless_ports, PORT, PORT_AGAIN);
    write_all(&writer, &harmless_names, CLUSTER_ID, HOSTNAME);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        write_long(&writer, lengths[i].place, lengths[i].limit - 1, 0, "");
        write_long(&writer, lengths[i].place, lengths[i].limit, 0, "");
    }
    for (uint32_t more = 0; more < 2; more++) {
        write_many_subnets(&writer, 1023 + more, "");
        write_many_entries(&writer, 63 + more, "");
    }
    return writer.count;
}
