/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canary-scan [--pid NUMBER]... [--file PATH]...: hunts for the secrets that standard input names, one a
 * line: "text NAME SECRET", or "key NAME BASE64". Of a text, its SHA-256 is a secret, too. Prints the
 * figures; exits with 1 if there was a find, 2 if it was misused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "canary.h"

static int read_secret(char *line)
{
    char *kind = strtok(line, " \n");
    char *name = strtok(NULL, " \n");
    char *secret = strtok(NULL, "\n");
    if (kind == NULL || name == NULL || secret == NULL)
        return -EINVAL;
    uint8_t key[32];
    size_t length = 0;
    if (strcmp(kind, "text") == 0) {
        canary_add(strdup(name), secret, strlen(secret));
        (void)crypto_hash_sha256(key, (const unsigned char *)secret, strlen(secret));
        canary_add("its SHA-256", key, sizeof(key));
        return 0;
    }
    if (strcmp(kind, "key") != 0 ||
        sodium_base642bin(key, sizeof(key), secret, strlen(secret), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length != sizeof(key))
        return -EINVAL;
    canary_add(strdup(name), key, sizeof(key));
    return 0;
}

static unsigned int search_file(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        perror(path);
        exit(2);
    }
    size_t size = (size_t)status.st_size;
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (bytes == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    unsigned int hits = canary_in_bytes(path, bytes, size, false);
    if (size > 0)
        (void)munmap(bytes, size);
    (void)close(fd);
    return hits;
}

int main(int count, char **words)
{
    char line[512];
    unsigned int hunts = 0;
    unsigned int hits = 0;
    if (sodium_init() < 0 || count < 3 || count % 2 == 0)
        return 2;
    while (fgets(line, sizeof(line), stdin) != NULL)
        if (read_secret(line) != 0)
            return 2;
    for (int i = 1; i < count; i += 2, hunts++) {
        if (strcmp(words[i], "--pid") == 0)
            hits += canary_in_process((pid_t)atoi(words[i + 1]), false, false);
        else if (strcmp(words[i], "--file") == 0)
            hits += search_file(words[i + 1]);
        else
            return 2;
    }
    (void)printf("figure canary-hunts %u\nfigure canary-hits %u\n", hunts, hits);
    return hits > 0 ? 1 : 0;
}
