/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard_sample.h"

#include <errno.h>
#include <string.h>

struct settings settings;
struct subwg_error error;
struct connection *connection;

void sample_fill(struct sample *sample)
{
    *sample = (struct sample){
        .config = {{"publicKey", SAMPLE_KEY}, {"udp-port", "5872"}},
        .subnets = {"10.234.0.0/18", "10.234.64.0/18"},
    };
    sample->endpoint = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    sample->endpoint.cluster_id = "cluster2";
    sample->endpoint.cable_name = "submariner-cable-cluster2-10-243-64-7";
    sample->endpoint.hostname = "worker2";
    sample->endpoint.private_ip = "10.243.64.7";
    sample->endpoint.public_ip = "";
    sample->endpoint.backend = "wireguard";
    sample->endpoint.subnets = sample->subnets;
    sample->endpoint.subnet_count = 2;
    sample->endpoint.backend_config = sample->config;
    sample->endpoint.backend_config_count = 2;
}

static void use_defaults(void)
{
    struct secret_page *secrets = secret_page_create();
    ck_assert_ptr_nonnull(secrets);
    ck_assert_int_eq(settings_read(NULL, 0, NULL, 0, &settings, secrets, NULL), 0);
    secret_page_destroy(secrets);
}

int32_t sample_check(const struct sample *sample)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    connection_destroy(connection);
    connection = NULL;
    if (settings.port == 0)
        use_defaults();
    int32_t code = connection_from_endpoint(&interfaces_here, &sample->endpoint, &settings,
                                            &connection, &error);
    ck_assert((code == 0) == (connection != NULL));
    ck_assert_int_eq(error.code, code);
    return code;
}

void sample_check_taken(const struct sample *sample)
{
    int32_t code = sample_check(sample);
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
}

void sample_check_refused(const struct sample *sample, enum subwg_reason reason, const char *field,
                          const char *value)
{
    int32_t code = sample_check(sample);
    ck_assert_msg(code == (reason == SUBWG_REASON_REFUSED ? -EPERM : -EINVAL), "%s %s: %d", field,
                  value, code);
    ck_assert_msg(error.reason == reason, "%s %s: reason %u, %s", field, value, error.reason,
                  error.text);
    ck_assert_msg(strstr(error.text, field) != NULL, "no word of %s: %s", field, error.text);
    ck_assert_msg(strstr(error.text, value) != NULL, "no word of %s: %s", value, error.text);
    ck_assert_msg(is_utf8(error.text), "%s %s", field, value);
    for (const char *byte = error.text; *byte != '\0'; byte++)
        ck_assert((unsigned char)*byte >= ' ');
}
