/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "notices.h"
#include "rtnetlink.h"

#define LARGEST_WIREGUARD_MTU 2147483552u
#define SMALLEST_CARD_MTU     68u
#define LARGEST_CARD_MTU      65535u

static const struct fake_attribute_rule link_rules[] = {
    [IFLA_IFNAME] = {FAKE_ATTRIBUTE_STRING, FAKE_NAME_SIZE - 1},
    [IFLA_MTU] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [IFLA_LINKINFO] = {FAKE_ATTRIBUTE_NEST, 0},
    [IFLA_IFALIAS] = {FAKE_ATTRIBUTE_AT_MOST, FAKE_ALIAS_SIZE - 1},
    [IFLA_GROUP] = {FAKE_ATTRIBUTE_NUMBER, 4},
};
static const struct fake_policy link_policy = {link_rules, IFLA_GROUP, false};

static const struct fake_attribute_rule info_rules[] = {
    [IFLA_INFO_KIND] = {FAKE_ATTRIBUTE_STRING, 0},
};
static const struct fake_policy info_policy = {info_rules, IFLA_INFO_KIND, false};

struct link_request {
    struct ifinfomsg head;
    const struct nlattr *attributes[IFLA_GROUP + 1];
    char name[FAKE_NAME_SIZE];
    char kind[FAKE_NAME_SIZE];
};

static int parse_link(struct fake_request *request, struct link_request *link)
{
    const struct nlattr *info[IFLA_INFO_KIND + 1] = {0};
    int status;

    if (!fake_request_attributes(request, &link_policy, sizeof(link->head), link->attributes,
                                 &status))
        return status;
    memcpy(&link->head, fake_payload(request), sizeof(link->head));
    fake_text(link->attributes[IFLA_IFNAME], link->name, sizeof(link->name));
    if (link->attributes[IFLA_LINKINFO] != NULL)
        status = fake_parse_nest(&info_policy, link->attributes[IFLA_LINKINFO], info,
                                 &request->sentence);
    fake_text(info[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
    return status;
}

static struct fake_link *named_link(const struct link_request *wanted)
{
    if (wanted->head.ifi_index > 0)
        return fake_link_by_index((uint32_t)wanted->head.ifi_index);
    return wanted->name[0] != '\0' ? fake_link_by_name(wanted->name) : NULL;
}

static bool is_valid_name(const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || name[0] == '\0')
        return false;
    for (; *name != '\0'; name++)
        if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
            return false;
    return true;
}

static int check_mtu(struct fake_request *request, const struct fake_link *link, uint32_t mtu)
{
    uint32_t smallest =
        link->device != NULL || link->ifindex == FAKE_LOOPBACK ? 0 : SMALLEST_CARD_MTU;
    uint32_t largest = link->device != NULL ? LARGEST_WIREGUARD_MTU : LARGEST_CARD_MTU;

    if (mtu > INT32_MAX || mtu < smallest)
        return fake_refuse(request, -EINVAL, "mtu less than device minimum");
    if (mtu > largest && link->ifindex != FAKE_LOOPBACK)
        return fake_refuse(request, -EINVAL, "mtu greater than device maximum");
    return 0;
}

static int rename_link(struct fake_link *link, const char *name)
{
    if (strcmp(link->name, name) == 0)
        return 0;
    if (!is_valid_name(name))
        return -EINVAL;
    if (fake_link_by_name(name) != NULL)
        return -EEXIST;
    if (link->up)
        return -EBUSY;
    memset(link->name, 0, sizeof(link->name));
    memcpy(link->name, name, strlen(name));
    return 0;
}

static int change_up(struct fake_link *link, const struct ifinfomsg *head)
{
    uint32_t changed = head->ifi_change != 0 ? head->ifi_change : UINT32_MAX;

    if ((head->ifi_flags == 0 && head->ifi_change == 0) || (changed & IFF_UP) == 0)
        return 0;
    return fake_link_set_up(link, (head->ifi_flags & IFF_UP) != 0);
}

/* In the kernel's order; what came before a fault stays. */
static int change_link(struct fake_request *request, struct fake_link *link,
                       const struct link_request *wanted)
{
    const struct nlattr *const *attributes = wanted->attributes;
    int status = 0;

    if (attributes[IFLA_MTU] != NULL) {
        status = check_mtu(request, link, fake_u32(attributes[IFLA_MTU]));
        if (status == 0)
            fake_link_set_mtu(link, fake_u32(attributes[IFLA_MTU]));
    }
    if (status == 0 && attributes[IFLA_GROUP] != NULL)
        link->group = fake_u32(attributes[IFLA_GROUP]);
    if (status == 0 && wanted->head.ifi_index > 0 && wanted->name[0] != '\0')
        status = rename_link(link, wanted->name);
    if (status == 0 && attributes[IFLA_IFALIAS] != NULL)
        fake_text(attributes[IFLA_IFALIAS], link->alias, sizeof(link->alias));
    return status == 0 ? change_up(link, &wanted->head) : status;
}

/* "wg%d" and a missing name become the first free number. */
static bool complete_name(struct link_request *wanted)
{
    char stem[FAKE_NAME_SIZE], *number = strstr(wanted->name, "%d");

    if (wanted->name[0] != '\0' && number == NULL)
        return true;
    if (number != NULL)
        *number = '\0';
    snprintf(stem, sizeof(stem), "%s", number != NULL ? wanted->name : wanted->kind);
    for (unsigned int i = 0; i < 100; i++) {
        snprintf(wanted->name, sizeof(wanted->name), "%.12s%u", stem, i);
        if (fake_link_by_name(wanted->name) == NULL)
            return true;
    }
    return false;
}

static bool knows_kind(const char *kind)
{
    return (strcmp(kind, "wireguard") == 0 && fake_world.wireguard) || strcmp(kind, "dummy") == 0 ||
           strcmp(kind, "bridge") == 0;
}

static int create_link(struct fake_request *request, struct link_request *wanted)
{
    const struct nlattr *mtu = wanted->attributes[IFLA_MTU];
    struct fake_link *link;
    int status;

    if (!knows_kind(wanted->kind))
        return fake_refuse(request, -EOPNOTSUPP, "Unknown device type");
    if (!complete_name(wanted))
        return -ENFILE;
    if (!is_valid_name(wanted->name))
        return -EINVAL;
    link = fake_link_create(wanted->name, wanted->kind);
    link->group = fake_u32(wanted->attributes[IFLA_GROUP]);
    status = mtu != NULL ? check_mtu(request, link, fake_u32(mtu)) : 0;
    if (status == 0 && mtu != NULL)
        fake_link_set_mtu(link, fake_u32(mtu));
    fake_text(wanted->attributes[IFLA_IFALIAS], link->alias, sizeof(link->alias));
    if (status == 0)
        status = change_up(link, &wanted->head);
    if (status == 0)
        fake_notice_link(link, false);
    else
        fake_link_destroy(link);
    return status;
}

int fake_link_new(struct fake_request *request)
{
    uint16_t flags = request->head->nlmsg_flags;
    struct link_request wanted;
    struct fake_link *link;
    int status = parse_link(request, &wanted);

    if (status != 0)
        return status;
    link = named_link(&wanted);
    if (link != NULL && (flags & NLM_F_EXCL) != 0)
        return -EEXIST;
    if (link != NULL && (flags & NLM_F_REPLACE) != 0)
        return -EOPNOTSUPP;
    if (link != NULL) {
        status = change_link(request, link, &wanted);
        if (status == 0 && link->up)
            fake_notice_link(link, false);
        return status;
    }
    if ((flags & NLM_F_CREATE) == 0)
        return -ENODEV;
    return create_link(request, &wanted);
}

int fake_link_delete(struct fake_request *request)
{
    struct link_request wanted;
    struct fake_link *link;
    int status = parse_link(request, &wanted);

    if (status != 0)
        return status;
    if (wanted.head.ifi_index <= 0 && wanted.name[0] == '\0')
        return -EINVAL;
    link = named_link(&wanted);
    if (link == NULL)
        return -ENODEV;
    if (link->kind[0] == '\0')
        return -EOPNOTSUPP;
    fake_link_destroy(link);
    return 0;
}

static struct ifinfomsg describe(const struct fake_link *link)
{
    struct ifinfomsg head = {.ifi_index = (int)link->ifindex, .ifi_type = ARPHRD_ETHER};

    if (link->device != NULL) {
        head.ifi_type = ARPHRD_NONE;
        head.ifi_flags = IFF_POINTOPOINT | IFF_NOARP;
    } else if (link->ifindex == FAKE_LOOPBACK) {
        head.ifi_type = ARPHRD_LOOPBACK;
        head.ifi_flags = IFF_LOOPBACK;
    } else {
        head.ifi_flags = IFF_BROADCAST | IFF_MULTICAST;
    }
    if (link->up)
        head.ifi_flags |= IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
    return head;
}

static void put_link(struct fake_writer *writer, struct nlmsghdr head, const struct fake_link *link)
{
    struct ifinfomsg inner = describe(link);
    size_t start = fake_message_start(writer, &head, &inner, sizeof(inner)), nest;

    fake_put_text(writer, IFLA_IFNAME, link->name);
    fake_put_u32(writer, IFLA_TXQLEN, 1000);
    fake_put_u8(writer, IFLA_OPERSTATE, link->up ? 0 : 2);
    fake_put_u32(writer, IFLA_MTU, link->mtu);
    fake_put_u32(writer, IFLA_GROUP, link->group);
    if (link->alias[0] != '\0')
        fake_put_text(writer, IFLA_IFALIAS, link->alias);
    if (link->kind[0] != '\0') {
        nest = fake_nest_start(writer, IFLA_LINKINFO);
        fake_put_text(writer, IFLA_INFO_KIND, link->kind);
        fake_nest_end(writer, nest);
    }
    fake_message_end(writer, start);
}

/* Not every kernel names who changed a link. */
void fake_notice_link(const struct fake_link *link, bool gone)
{
    struct nlmsghdr head = {.nlmsg_type = gone ? RTM_DELLINK : RTM_NEWLINK};
    struct fake_writer writer;

    if (!fake_notice_start(RTNLGRP_LINK, &writer))
        return;
    put_link(&writer, head, link);
    fake_notice_end(RTNLGRP_LINK, &writer);
}

static struct nlmsghdr answer_head(const struct fake_request *request, uint32_t port)
{
    return (struct nlmsghdr){
        .nlmsg_type = RTM_NEWLINK, .nlmsg_seq = request->head->nlmsg_seq, .nlmsg_pid = port};
}

int fake_link_get(struct fake_request *request)
{
    struct fake_writer writer;
    struct link_request wanted;
    struct fake_link *link;
    int status = parse_link(request, &wanted);

    if (status != 0)
        return status;
    if (wanted.head.ifi_index <= 0 && wanted.name[0] == '\0')
        return -EINVAL;
    link = named_link(&wanted);
    if (link == NULL)
        return -ENODEV;
    writer = fake_reply_start();
    put_link(&writer, answer_head(request, request->socket->port), link);
    fake_reply_end(request, &writer);
    return 0;
}

int fake_links_dump(struct fake_request *request)
{
    struct fake_writer snapshot = {0};
    struct fake_link *link;

    TAILQ_FOREACH(link, &fake_world.links, entry)
    {
        fake_snapshot_grow(&snapshot);
        put_link(&snapshot, answer_head(request, 0), link);
    }
    return fake_snapshot_start(request, snapshot);
}
