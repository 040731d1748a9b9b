/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/identity.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "wireguard/key_file.h"

static int32_t compare(const struct subwg_instance *instance, const struct key *device_key,
                       struct subwg_error *error)
{
    struct key file_key;
    if (key_derive_public(&instance->secrets->private_key, &file_key) != 0)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "read key file",
                         "key file %s holds a key without a public one",
                         instance->settings.key_file);
    if (device_key == NULL || key_equal(&file_key, device_key))
        return 0;
    char of_device[KEY_TEXT_SIZE];
    char of_file[KEY_TEXT_SIZE];
    error_set(error, -EEXIST, SUBWG_REASON_CONFLICT, "take over device",
              "device %s has the public key %s, and key file %s that of %s",
              instance->settings.device, key_format(device_key, of_device),
              instance->settings.key_file, key_format(&file_key, of_file));
    error_hint(error,
               "the tunnels stay up; to keep the device's key, move the file away: it is made "
               "anew; to change to the file's, ip link del %s: remotes have to learn it then",
               instance->settings.device);
    return -EEXIST;
}

int32_t identity_check(struct subwg_instance *instance, const struct key *public_key,
                       struct subwg_error *error)
{
    const char *path = instance->settings.key_file;
    struct key *file_key = &instance->secrets->private_key;
    if (path[0] == '\0')
        return 0;
    int32_t code = key_file_read(path, file_key, error);
    if (code == 0)
        code = compare(instance, public_key, error);
    key_wipe(file_key);
    return code;
}

int32_t identity_save(struct subwg_instance *instance, struct subwg_error *error)
{
    struct key *private_key = &instance->secrets->private_key;
    int32_t code = identity_check(instance, &instance->public_key, error);
    if (code <= 0)
        return code;
    code = wg_get_private_key(instance->netlink, instance->ifindex, private_key, error);
    if (code == 0)
        code = key_file_write(instance->settings.key_file, private_key, error);
    key_wipe(private_key);
    if (code != 0)
        return code;
    instance_log(instance, SUBWG_LOG_INFO, "saved the key of device %s in %s",
                 instance->settings.device, instance->settings.key_file);
    return 1;
}

void identity_unsave(struct subwg_instance *instance)
{
    (void)unlink(instance->settings.key_file);
}
