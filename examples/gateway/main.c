/* SPDX-License-Identifier: Apache-2.0 */
/* subwg-gateway: joins clusters with a cable driver. Reads its command and does it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/subwg.h>

#include "broker_directory.h"
#include "broker_file.h"
#include "client.h"
#include "config.h"
#include "engine.h"
#include "gateway.h"
#include "wipe.h"

static const char usage[] =
    "usage: subwg-gateway run --config FILE\n"
    "       subwg-gateway show connections [--config FILE | --address HOST:PORT]\n"
    "       subwg-gateway cleanup --config FILE\n"
    "       subwg-gateway --help | --version\n"
    "\n"
    "run      joins this cluster to the others: loads the driver, publishes the own endpoint to\n"
    "         the broker, connects to every other one there, and serves /metrics, /connections "
    "and\n"
    "         /healthz. SIGTERM ends it and leaves the tunnels up; SIGHUP looks at everything "
    "again.\n"
    "show     prints the connection table of a running gateway, 127.0.0.1:8080 unless told.\n"
    "cleanup  removes the tunnels, and the own endpoint from the broker.\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 a fault in the command or the configuration.\n";

static int misused(const char *what, const char *word)
{
    fprintf(stderr, "subwg-gateway: %s%s\nTry: subwg-gateway --help\n", what, word);
    return EXIT_MISCONFIGURED;
}

/* Reads a configuration, or prints every fault that it has. */
static int read_config(const char *path, struct config *config)
{
    static struct faults faults;

    faults_begin(&faults, path);
    if (config_read(config, path, &faults) == 0)
        return 0;
    fprintf(stderr, "%s\n", faults.text);
    fprintf(stderr, "subwg-gateway: %u fault%s in the configuration\n", faults.count,
            faults.count == 1 ? "" : "s");
    return EXIT_MISCONFIGURED;
}

static int run(const char *path)
{
    struct config config;
    int status = read_config(path, &config);

    if (status != 0)
        return status;
    status = gateway_run(&config);
    config_free(&config);
    return status;
}

static int withdraw(const struct config *config)
{
    char name[BROKER_FILE_NAME_SIZE];
    int result = broker_file_name(config->local, name);

    if (result == 0)
        result = broker_withdraw(config->broker_path, name);
    if (result == 0)
        printf("withdrew %s from %s\n", name, config->broker_path);
    else if (result == -ENOENT)
        printf("nothing was published in %s\n", config->broker_path);
    else
        fprintf(stderr, "subwg-gateway: cannot withdraw %s from %s: %s\n", name,
                config->broker_path, strerror(-result));
    return result == 0 || result == -ENOENT ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int uninstall(struct config *config)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct engine engine;
    int result = engine_create(&engine, config, &error);

    if (result < 0)
        return engine_print_fatal(config, &error);
    result = subwg_cable_cleanup(engine.cable, &error);
    engine_destroy(&engine);
    if (result == -EOPNOTSUPP) {
        printf("driver %s leaves nothing to clean up\n", config->cable_driver);
        return EXIT_SUCCESS;
    }
    if (result < 0) {
        fprintf(stderr, "subwg-gateway: cannot clean up: %s\n", error.text);
        if (error.hint[0] != '\0')
            fprintf(stderr, "%s\n", error.hint);
        return EXIT_FAILURE;
    }
    printf("removed what driver %s had set up for %s\n", config->cable_driver,
           config->local->view.cluster_id);
    return EXIT_SUCCESS;
}

static int cleanup(const char *path)
{
    struct config config;
    int status = read_config(path, &config);

    if (status != 0)
        return status;
    status = uninstall(&config);
    /* A tunnel that could not be removed is still used by the others, so its endpoint stays. */
    if (status == EXIT_SUCCESS)
        status = withdraw(&config);
    config_free(&config);
    return status;
}

static int show_connections(const char *path, const char *address)
{
    struct listen_address where;
    struct config config;
    int status;

    if (path != NULL) {
        status = read_config(path, &config);
        if (status != 0)
            return status;
        where = config.listen;
        config_free(&config);
    } else if (!listen_address_parse(address != NULL ? address : "127.0.0.1:8080", &where)) {
        return misused("--address takes a numeric address and a port, not ", address);
    }
    return client_show_connections(&where) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

struct options {
    const char *config;
    const char *address;
    bool help;
};

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int print_help(void)
{
    return fputs(usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Reads "--name VALUE" or "--name=VALUE"; 0, or the exit status after saying what is wrong. */
static int read_options(char **words, struct options *options)
{
    for (; *words != NULL; words++) {
        const char **value;
        if (is_help(*words)) {
            options->help = true;
            continue;
        }
        if (strncmp(*words, "--config", strlen("--config")) == 0)
            value = &options->config;
        else if (strncmp(*words, "--address", strlen("--address")) == 0)
            value = &options->address;
        else
            return misused("unknown word: ", *words);
        const char *rest = *words + strlen(value == &options->config ? "--config" : "--address");
        if (*rest == '=')
            *value = rest + 1;
        else if (*rest != '\0')
            return misused("unknown word: ", *words);
        else if (words[1] == NULL)
            return misused("a value is missing after ", *words);
        else
            *value = *++words;
    }
    return 0;
}

static int dispatch(char **words)
{
    struct options options = {0};
    const char *command = words[0];
    bool show = strcmp(command, "show") == 0;
    int status;

    if (show && words[1] != NULL && is_help(words[1]))
        return print_help();
    if (show && (words[1] == NULL || strcmp(words[1], "connections") != 0))
        return misused("what to show? There is: ", "connections");
    status = read_options(words + (show ? 2 : 1), &options);
    if (status != 0)
        return status;
    if (options.help)
        return print_help();
    if (show && options.config != NULL && options.address != NULL)
        return misused("either --config or --address", "");
    if (show)
        return show_connections(options.config, options.address);
    if (strcmp(command, "run") != 0 && strcmp(command, "cleanup") != 0)
        return misused("unknown command: ", command);
    if (options.config == NULL || options.address != NULL)
        return misused(command, " takes --config FILE");
    return strcmp(command, "run") == 0 ? run(options.config) : cleanup(options.config);
}

int main(int count, char **words)
{
    wipe_json_memory();
    if (count < 2)
        return misused("what to do?", "");
    if (is_help(words[1]))
        return print_help();
    if (strcmp(words[1], "--version") == 0) {
        printf("subwg-gateway %s, libsubwg %s\n", SUBWG_VERSION, subwg_version());
        return EXIT_SUCCESS;
    }
    return dispatch(words + 1);
}
