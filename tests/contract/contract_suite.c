/* SPDX-License-Identifier: Apache-2.0 */
/* The suite for a driver's file, described on the command line; for hooks, write a main of your own. */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_MAX 32

struct arguments {
    struct subwg_setting settings[SETTINGS_MAX + 1]; /* ends with a NULL key, as the next */
    struct subwg_setting other_settings[SETTINGS_MAX + 1];
    uint32_t setting_count;
    uint32_t other_count;
    uint32_t bad_count;
    struct contract_subject subject;
};

static void print_usage(FILE *file, const char *program)
{
    fprintf(file,
            "usage: %s [OPTION]... DRIVER.so\n"
            "  -s KEY=VALUE  a setting of the instance that is tested\n"
            "  -d NAME       the interface-name that it then publishes\n"
            "  -p PORT       the udp-port that it then publishes\n"
            "  -o KEY=VALUE  a setting of a second instance, which must not meet the first\n"
            "  -b KEY=VALUE  a setting that is refused; two different ones\n"
            "  -x KEY        a setting whose value no text may show\n"
            "  -n COUNT      the most subnets that one cluster may have\n"
            "  -h            this text\n"
            "  -t TRAIT      wireguard-keys, data-plane, owns-device, namespace or knows-networks\n"
            "What is not given is not tested. Set CK_RUN_CASE to run one chapter only.\n",
            program);
}

static void usage(const char *program)
{
    print_usage(stderr, program);
    exit(2);
}

static void take_setting(const char *program, char *argument, struct subwg_setting *settings,
                         uint32_t *count, uint32_t most)
{
    char *equals = strchr(argument, '=');
    if (equals == NULL || *count == most)
        usage(program);
    *equals = '\0';
    settings[(*count)++] = (struct subwg_setting){argument, equals + 1};
}

static uint32_t trait(const char *program, const char *name)
{
    static const struct {
        const char *name;
        uint32_t trait;
    } traits[] = {
        {"wireguard-keys", CONTRACT_WIREGUARD_KEYS}, {"data-plane", CONTRACT_DATA_PLANE},
        {"owns-device", CONTRACT_OWNS_DEVICE},       {"namespace", CONTRACT_NAMESPACE},
        {"knows-networks", CONTRACT_KNOWS_NETWORKS},
    };
    for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
        if (strcmp(traits[i].name, name) == 0)
            return traits[i].trait;
    usage(program);
    return 0;
}

static void take_option(const char *program, int option, struct arguments *arguments)
{
    struct contract_subject *subject = &arguments->subject;
    switch (option) {
    case 's':
        take_setting(program, optarg, arguments->settings, &arguments->setting_count, SETTINGS_MAX);
        break;
    case 'o':
        take_setting(program, optarg, arguments->other_settings, &arguments->other_count,
                     SETTINGS_MAX);
        subject->other_settings = arguments->other_settings;
        break;
    case 'b':
        take_setting(program, optarg, subject->bad_settings, &arguments->bad_count, 2);
        break;
    case 'd':
        subject->device = optarg;
        break;
    case 'p':
        subject->port = optarg;
        break;
    case 'x':
        subject->secret_setting = optarg;
        break;
    case 'n':
        subject->subnets_max = (uint32_t)strtoul(optarg, NULL, 10);
        break;
    case 't':
        subject->traits |= trait(program, optarg);
        break;
    case 'h':
        print_usage(stdout, program);
        exit(0);
    default:
        usage(program);
    }
}

int main(int argc, char **argv)
{
    static struct arguments arguments;
    for (int option = getopt(argc, argv, "s:o:b:d:p:x:n:t:h"); option != -1;
         option = getopt(argc, argv, "s:o:b:d:p:x:n:t:h"))
        take_option(argv[0], option, &arguments);
    if (optind != argc - 1 || arguments.bad_count == 1)
        usage(argv[0]);
    arguments.subject.name = "contract-suite";
    arguments.subject.settings = arguments.settings;
    arguments.subject.entry = contract_load(argv[optind]);
    return contract_run(&arguments.subject);
}
