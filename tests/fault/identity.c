/* SPDX-License-Identifier: Apache-2.0 */
/* The key file in the driver's life: a reboot, a device removed by hand and a fresh namespace keep the
 * identity; what cannot be right is said before anything is changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "disk.h"
#include "hand.h"
#include "wireguard/key_file.h"
#include "world.h"

/* A valid private key, and its public one in first_public. */
static const char first_key[] = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n";
static const char first_public[] = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
static const char second_key[] = "eBmbTc65jP6CHFhN9U22MRNMy8xVbYEHMt3rYi2nf0c=\n";

static char path[160];

static void start(void)
{
    world_start();
    (void)disk_start();
    (void)snprintf(path, sizeof(path), "%s", disk_path("key"));
}

static int32_t init_with_file(void)
{
    const struct subwg_setting setting = {"key-file", path};
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    ck_assert_msg(world_create(&setting, 1) == 0, "%s", world.error.text);
    return subwg_cable_init(world.cable, &world.error);
}

static void assert_init(void)
{
    ck_assert_msg(init_with_file() == 0, "%s", world.error.text);
}

/* The public key of what the file holds. */
static const char *public_of_file(void)
{
    static char text[48];
    uint8_t private_key[32];
    uint8_t public_key[32];
    size_t length = 0;
    const char *content = disk_get("key");
    ck_assert_ptr_nonnull(content);
    ck_assert_uint_eq(strlen(content), 45);
    ck_assert_uint_eq(disk_mode("key"), 0600);
    ck_assert_int_eq(sodium_base642bin(private_key, 32, content, 44, NULL, &length, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    ck_assert_uint_eq(length, 32);
    ck_assert_int_eq(crypto_scalarmult_base(public_key, private_key), 0);
    return sodium_bin2base64(text, sizeof(text), public_key, 32, sodium_base64_VARIANT_ORIGINAL);
}

START_TEST(a_new_device_saves_its_key)
{
    assert_init();
    ck_assert_str_eq(public_of_file(), world.published_key);
    ck_assert_ptr_nonnull(strstr(world.log, path));
    ck_assert_uint_eq(disk_file_count(), 1);
}
END_TEST

START_TEST(a_device_that_was_there_saves_its_key)
{
    world_init();
    char before[64];
    memcpy(before, world.published_key, sizeof(before));
    assert_init();
    ck_assert_str_eq(world.published_key, before);
    ck_assert_str_eq(public_of_file(), before);
}
END_TEST

START_TEST(a_device_removed_by_hand_comes_back_as_the_same)
{
    assert_init();
    char before[64];
    memcpy(before, world.published_key, sizeof(before));
    fake_kernel_delete_link(WORLD_DEVICE);
    assert_init();
    ck_assert_str_eq(world.published_key, before);
    ck_assert_str_eq(public_of_file(), before);
}
END_TEST

START_TEST(a_reboot_keeps_the_identity_and_without_a_file_does_not)
{
    disk_put("key", first_key, 0600);
    assert_init();
    ck_assert_str_eq(world.published_key, first_public);
    ck_assert_str_eq(disk_get("key"), first_key);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    fake_kernel_reset();
    assert_init();
    ck_assert_str_eq(world.published_key, first_public);
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    fake_kernel_reset();
    world_init();
    ck_assert_str_ne(world.published_key, first_public);
}
END_TEST

START_TEST(a_file_of_another_key_is_an_error_and_the_tunnels_stay)
{
    disk_put("key", first_key, 0600);
    assert_init();
    struct remote two;
    remote_make(&two, 2);
    ck_assert_int_eq(world_connect(&two), 0);
    disk_put("key", second_key, 0600);
    char *before = world_kernel();
    ck_assert_int_eq(init_with_file(), -EEXIST);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_CONFLICT);
    ck_assert_ptr_nonnull(strstr(world.error.text, path));
    ck_assert_ptr_nonnull(strstr(world.error.text, first_public));
    ck_assert_ptr_nonnull(strstr(world.error.text, public_of_file()));
    ck_assert_ptr_nonnull(strstr(world.error.hint, "move the file away"));
    ck_assert_uint_eq(world.published_count, 0);
    assert_kernel_is(before);
    ck_assert_str_eq(disk_get("key"), second_key);
    /* Each of both ways out that the hint names. */
    ck_assert_int_eq(remove(path), 0);
    assert_init();
    ck_assert_str_eq(world.published_key, first_public);
    disk_put("key", second_key, 0600);
    fake_kernel_delete_link(WORLD_DEVICE);
    assert_init();
    ck_assert_str_eq(world.published_key, public_of_file());
    ck_assert_str_ne(world.published_key, first_public);
}
END_TEST

START_TEST(a_file_that_cannot_be_used_stops_init_before_anything_is_made)
{
    disk_put("key", "too short\n", 0600);
    char *before = world_kernel();
    ck_assert_int_eq(init_with_file(), -EINVAL);
    ck_assert_uint_eq(world.error.reason, SUBWG_REASON_BAD_SETTING);
    disk_put("key", first_key, 0644);
    ck_assert_int_eq(init_with_file(), -EINVAL);
    assert_kernel_is(before);
    ck_assert_uint_eq(world.published_count, 0);
    disk_put("key", first_key, 0600); /* and then it goes on */
    assert_init();
    ck_assert_str_eq(world.published_key, first_public);
}
END_TEST

/* T46, with the driver around it. */
START_TEST(whatever_fails_on_the_disk_leaves_nothing_of_the_device)
{
    static const int causes[] = {EIO, ENOSPC, EROFS, EMFILE};
    unsigned int tried = 0;
    char *before = world_kernel();
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
        for (unsigned int call = 1;; call++) {
            disk_fail_call(call, causes[i]);
            int32_t code = init_with_file();
            bool struck = disk_struck();
            disk_fail_call(0, 0);
            if (code == 0) { /* nothing failed, or only tidying */
                ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
            } else {
                ck_assert_int_eq(code, -causes[i]);
                ck_assert_msg(strstr(world.error.text, path) != NULL, "%s", world.error.text);
                ck_assert_uint_eq(world.published_count, 0);
            }
            assert_kernel_equals(before);
            if (disk_get("key") != NULL) /* whole, then: the folder's synchronization failed */
                (void)public_of_file();
            ck_assert_uint_le(disk_file_count(), 1);
            (void)remove(path);
            if (!struck)
                break;
            tried++;
        }
    free(before);
    ck_assert_uint_ge(tried, 9 * 4);
    (void)printf("figure fault-points %u\n", tried);
}
END_TEST

static int32_t refuse_publishing(void)
{
    return -ENOMEM;
}

START_TEST(a_failed_init_takes_its_file_back_and_no_other)
{
    char *before = world_kernel();
    world.refuse_publishing = refuse_publishing;
    ck_assert_int_eq(init_with_file(), -ENOMEM);
    ck_assert_uint_eq(disk_file_count(), 0);
    disk_put("key", first_key, 0600);
    ck_assert_int_eq(init_with_file(), -ENOMEM);
    ck_assert_str_eq(disk_get("key"), first_key);
    assert_kernel_is(before);
}
END_TEST

START_TEST(a_kernel_that_fails_at_any_request_leaves_the_file_or_none)
{
    char *before = world_kernel();
    unsigned int tried = 0;
    for (uint64_t request = 1;; request++) {
        uint64_t requests = fake_kernel_counters().requests;
        fake_kernel_fail_request(request, ENOBUFS);
        int32_t code = init_with_file();
        bool struck = fake_kernel_counters().requests - requests >= request;
        fake_kernel_fail_request(0, 0);
        if (!struck)
            break;
        tried++;
        if (code == 0) {
            ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
            (void)remove(path);
        } else {
            ck_assert_uint_eq(disk_file_count(), 0);
        }
        assert_kernel_equals(before);
    }
    free(before);
    ck_assert_uint_ge(tried, 10);
    (void)printf("figure fault-points %u\n", tried);
}
END_TEST

START_TEST(cleanup_leaves_the_identity)
{
    assert_init();
    char before[64];
    memcpy(before, world.published_key, sizeof(before));
    ck_assert_int_eq(subwg_cable_cleanup(world.cable, &world.error), 0);
    ck_assert_str_eq(public_of_file(), before);
    ck_assert_int_eq(subwg_cable_init(world.cable, &world.error), 0);
    ck_assert_str_eq(world.published_key, before);
}
END_TEST

START_TEST(reconcile_brings_the_same_identity_back)
{
    assert_init();
    char before[64];
    memcpy(before, world.published_key, sizeof(before));
    fake_kernel_delete_link(WORLD_DEVICE);
    ck_assert_int_gt(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    ck_assert_str_eq(world.published_key, before);
    ck_assert(kernel_has(before));
    world_pass(60);
    hand_open();
    hand_set_private_key();
    ck_assert(!kernel_has(before));
    ck_assert_int_gt(subwg_cable_reconcile(world.cable, 0, NULL, NULL, &world.error), 0);
    ck_assert(kernel_has(before));
    ck_assert_str_eq(world.published_key, before);
    ck_assert_str_eq(public_of_file(), before);
}
END_TEST

int main(void)
{
    const struct world_test tests[] = {
        {a_new_device_saves_its_key, 0},
        {a_device_that_was_there_saves_its_key, 0},
        {a_device_removed_by_hand_comes_back_as_the_same, 0},
        {a_reboot_keeps_the_identity_and_without_a_file_does_not, 0},
        {a_file_of_another_key_is_an_error_and_the_tunnels_stay, 0},
        {a_file_that_cannot_be_used_stops_init_before_anything_is_made, 0},
        {whatever_fails_on_the_disk_leaves_nothing_of_the_device, 0},
        {a_failed_init_takes_its_file_back_and_no_other, 0},
        {a_kernel_that_fails_at_any_request_leaves_the_file_or_none, 0},
        {cleanup_leaves_the_identity, 0},
        {reconcile_brings_the_same_identity_back, 0},
    };
    return world_run("identity", start, tests, sizeof(tests) / sizeof(tests[0]));
}
