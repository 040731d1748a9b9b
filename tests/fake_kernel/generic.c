/* SPDX-License-Identifier: Apache-2.0 */
/* Generic netlink: the controller, which knows WireGuard's number, and WireGuard's own entry. */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "faults.h"
#include "wireguard.h"
#include "world.h"

#define WIREGUARD_ADMIN_GET (GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL)
#define WIREGUARD_ADMIN_SET (GENL_UNS_ADMIN_PERM | GENL_CMD_CAP_DO | GENL_CMD_CAP_HASPOL)

static const struct fake_attribute_rule controller_rules[] = {
    [CTRL_ATTR_FAMILY_ID] = {FAKE_ATTRIBUTE_NUMBER, 2},
    [CTRL_ATTR_FAMILY_NAME] = {FAKE_ATTRIBUTE_NUL_STRING, GENL_NAMSIZ - 1},
};
static const struct fake_policy controller_policy = {controller_rules, CTRL_ATTR_FAMILY_NAME,
                                                     false};

static const struct fake_attribute_rule device_rules[] = {
    [WGDEVICE_A_IFINDEX] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [WGDEVICE_A_IFNAME] = {FAKE_ATTRIBUTE_NUL_STRING, FAKE_NAME_SIZE - 1},
    [WGDEVICE_A_PRIVATE_KEY] = {FAKE_ATTRIBUTE_EXACT, FAKE_KEY_SIZE},
    [WGDEVICE_A_PUBLIC_KEY] = {FAKE_ATTRIBUTE_EXACT, FAKE_KEY_SIZE},
    [WGDEVICE_A_FLAGS] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [WGDEVICE_A_LISTEN_PORT] = {FAKE_ATTRIBUTE_NUMBER, 2},
    [WGDEVICE_A_FWMARK] = {FAKE_ATTRIBUTE_NUMBER, 4},
    [WGDEVICE_A_PEERS] = {FAKE_ATTRIBUTE_NEST, 0},
};
static const struct fake_policy device_policy = {device_rules, WGDEVICE_A_MAX, true};

static void put_operation(struct fake_writer *writer, uint16_t number, uint32_t id, uint32_t flags)
{
    size_t nest = fake_nest_start(writer, number);

    fake_put_u32(writer, CTRL_ATTR_OP_ID, id);
    fake_put_u32(writer, CTRL_ATTR_OP_FLAGS, flags);
    fake_nest_end(writer, nest);
}

static void reply_family(struct fake_request *request)
{
    struct nlmsghdr head = {.nlmsg_type = GENL_ID_CTRL,
                            .nlmsg_seq = request->head->nlmsg_seq,
                            .nlmsg_pid = request->socket->port};
    struct genlmsghdr inner = {.cmd = CTRL_CMD_NEWFAMILY, .version = 2};
    struct fake_writer writer = fake_reply_start();
    size_t nest;

    fake_message_start(&writer, &head, &inner, sizeof(inner));
    fake_put_text(&writer, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    fake_put_u16(&writer, CTRL_ATTR_FAMILY_ID, fake_world.wireguard_family);
    fake_put_u32(&writer, CTRL_ATTR_VERSION, WG_GENL_VERSION);
    fake_put_u32(&writer, CTRL_ATTR_HDRSIZE, 0);
    fake_put_u32(&writer, CTRL_ATTR_MAXATTR, WGDEVICE_A_MAX);
    nest = fake_nest_start(&writer, CTRL_ATTR_OPS);
    put_operation(&writer, 1, WG_CMD_GET_DEVICE, WIREGUARD_ADMIN_GET);
    put_operation(&writer, 2, WG_CMD_SET_DEVICE, WIREGUARD_ADMIN_SET);
    fake_nest_end(&writer, nest);
    fake_message_end(&writer, 0);
    fake_reply_end(request, &writer);
}

static int get_family(struct fake_request *request)
{
    const struct nlattr *attributes[CTRL_ATTR_FAMILY_NAME + 1];
    char name[GENL_NAMSIZ];
    int status;

    if (!fake_request_attributes(request, &controller_policy, GENL_HDRLEN, attributes, &status))
        return status;
    if (attributes[CTRL_ATTR_FAMILY_ID] == NULL && attributes[CTRL_ATTR_FAMILY_NAME] == NULL)
        return -EINVAL;
    fake_text(attributes[CTRL_ATTR_FAMILY_NAME], name, sizeof(name));
    if (!fake_world.wireguard ||
        (attributes[CTRL_ATTR_FAMILY_NAME] != NULL && strcmp(name, WG_GENL_NAME) != 0) ||
        (attributes[CTRL_ATTR_FAMILY_ID] != NULL &&
         fake_u16(attributes[CTRL_ATTR_FAMILY_ID]) != fake_world.wireguard_family))
        return -ENOENT;
    reply_family(request);
    return 0;
}

int fake_wireguard_link(const struct nlattr **attributes, struct fake_link **ret_link)
{
    const struct nlattr *ifindex = attributes[WGDEVICE_A_IFINDEX];
    const struct nlattr *ifname = attributes[WGDEVICE_A_IFNAME];
    char name[FAKE_NAME_SIZE];

    if ((ifindex == NULL) == (ifname == NULL))
        return -EBADR;
    fake_text(ifname, name, sizeof(name));
    *ret_link = ifindex != NULL ? fake_link_by_index(fake_u32(ifindex)) : fake_link_by_name(name);
    if (*ret_link == NULL)
        return -ENODEV;
    return (*ret_link)->device != NULL ? 0 : -EOPNOTSUPP;
}

static int answer_wireguard(struct fake_request *request, uint8_t command)
{
    bool dump = (request->head->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    const struct nlattr *attributes[WGDEVICE_A_MAX + 1];
    int status;

    if (dump != (command == WG_CMD_GET_DEVICE) || command > WG_CMD_SET_DEVICE)
        return -EOPNOTSUPP;
    if (!fake_world.capable)
        return -EPERM;
    if (!fake_request_attributes(request, &device_policy, GENL_HDRLEN, attributes, &status))
        return status;
    return dump ? fake_wireguard_get(request, attributes) : fake_wireguard_set(request, attributes);
}

int fake_generic_request(struct fake_request *request)
{
    struct genlmsghdr inner;
    uint16_t family = request->head->nlmsg_type;

    if (family != GENL_ID_CTRL && (family != fake_world.wireguard_family || !fake_world.wireguard))
        return -ENOENT;
    if (fake_payload_size(request) < sizeof(inner))
        return -EINVAL;
    memcpy(&inner, fake_payload(request), sizeof(inner));
    if (family != GENL_ID_CTRL)
        return answer_wireguard(request, inner.cmd);
    if (inner.cmd != CTRL_CMD_GETFAMILY)
        return -EOPNOTSUPP;
    return get_family(request);
}
