/* SPDX-License-Identifier: Apache-2.0 */
#include "canary.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define MASK           0xa5u
#define SECRET_MAX     128
#define FORM_MAX       264 /* hex and its NUL, rounded up */
#define PIECE          16
#define CANARIES_MAX   8
#define READ_AT_A_TIME (1u << 18)

struct form {
    uint8_t masked[FORM_MAX];
    size_t length;
};

static struct canary {
    const char *name;
    struct form forms[CANARY_FORMS];
} canaries[CANARIES_MAX];
static size_t canary_count;

/* Whether a piece begins with these two bytes: nearly no place in memory needs a second look. */
static uint8_t begins[65536];

/* What is being searched; may hold a secret, and is never searched itself. */
static uint8_t window[PIECE + READ_AT_A_TIME];

static int report_fd = STDERR_FILENO;

static const char *const form_names[CANARY_FORMS] = {"as it is", "in base64", "in hex", "in HEX"};

static void broken(const char *what)
{
    perror(what);
    abort();
}

/* Pieces overlap by half: bytes at 0, 8, 16 ... and the last ones. */
static size_t piece_count(const struct form *form)
{
    return form->length < PIECE ? 0 : (form->length - PIECE + 7) / 8 + 1;
}

static const uint8_t *piece(const struct form *form, size_t number)
{
    size_t offset = number * 8;
    return form->masked + (offset + PIECE <= form->length ? offset : form->length - PIECE);
}

static void keep(struct form *form, char text[FORM_MAX], size_t length)
{
    form->length = length;
    for (size_t i = 0; i < length; i++)
        form->masked[i] = (uint8_t)text[i] ^ MASK;
    sodium_memzero(text, FORM_MAX);
    for (size_t i = 0; i < piece_count(form); i++) {
        const uint8_t *begin = piece(form, i);
        begins[(begin[0] ^ MASK) << 8 | (begin[1] ^ MASK)] = 1;
    }
}

void canary_add(const char *name, const void *secret, size_t size)
{
    char text[FORM_MAX];
    if (size < PIECE || size > SECRET_MAX || canary_count == CANARIES_MAX)
        broken("canary");
    struct canary *canary = &canaries[canary_count++];
    canary->name = name;
    memcpy(text, secret, size);
    keep(&canary->forms[CANARY_RAW], text, size);
    sodium_bin2base64(text, sizeof(text), secret, size, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    keep(&canary->forms[CANARY_BASE64], text, strlen(text));
    sodium_bin2hex(text, sizeof(text), secret, size);
    keep(&canary->forms[CANARY_HEX], text, 2 * size);
    sodium_bin2hex(text, sizeof(text), secret, size);
    for (size_t i = 0; i < 2 * size; i++)
        if (text[i] >= 'a')
            text[i] = (char)(text[i] - 'a' + 'A');
    keep(&canary->forms[CANARY_HEX_UPPER], text, 2 * size);
    sodium_stackzero(8192);
}

void canary_forget(void)
{
    canary_count = 0;
    memset(begins, 0, sizeof(begins));
}

void canary_report_to(int fd)
{
    report_fd = fd;
}

size_t canary_reveal(const char *name, enum canary_form form, char *ret_text)
{
    for (size_t i = 0; i < canary_count; i++) {
        if (strcmp(canaries[i].name, name) != 0)
            continue;
        const struct form *found = &canaries[i].forms[form];
        for (size_t j = 0; j < found->length; j++)
            ret_text[j] = (char)(found->masked[j] ^ MASK);
        ret_text[found->length] = '\0';
        return found->length;
    }
    abort();
}

static bool is_piece(const uint8_t *bytes, const uint8_t *masked)
{
    for (size_t i = 0; i < PIECE; i++)
        if ((bytes[i] ^ MASK) != masked[i])
            return false;
    return true;
}

static const struct form *find_piece(const uint8_t *bytes, const struct canary **ret_canary)
{
    for (size_t i = 0; i < canary_count; i++)
        for (size_t form = 0; form < CANARY_FORMS; form++)
            for (size_t j = 0; j < piece_count(&canaries[i].forms[form]); j++)
                if (is_piece(bytes, piece(&canaries[i].forms[form], j))) {
                    *ret_canary = &canaries[i];
                    return &canaries[i].forms[form];
                }
    return NULL;
}

/* offset: of the bytes within where, for the report. */
static unsigned int search(const char *where, uint64_t offset, const uint8_t *bytes, size_t size,
                           bool on_purpose)
{
    unsigned int hits = 0;
    for (size_t i = 0; i + PIECE <= size; i++) {
        if (begins[bytes[i] << 8 | bytes[i + 1]] == 0)
            continue;
        const struct canary *canary = NULL;
        const struct form *form = find_piece(bytes + i, &canary);
        if (form == NULL)
            continue;
        hits++;
        if (!on_purpose)
            (void)dprintf(report_fd, "canary: a piece of %s, %s, in %s at 0x%" PRIx64 "\n",
                          canary->name, form_names[form - canary->forms], where, offset + i);
    }
    return hits;
}

unsigned int canary_in_bytes(const char *where, const void *bytes, size_t size, bool on_purpose)
{
    return search(where, 0, bytes, size, on_purpose);
}

struct mapping {
    uint64_t begin;
    uint64_t end;
    bool readable;
    bool secret;
    char name[160];
};

static unsigned int search_mapping(int memory, const struct mapping *mapping, bool on_purpose,
                                   uint64_t *ret_bytes)
{
    unsigned int hits = 0;
    size_t kept = 0; /* of the last read: a piece may lie across two */
    for (uint64_t at = mapping->begin; at < mapping->end;) {
        size_t wanted = mapping->end - at < READ_AT_A_TIME ? mapping->end - at : READ_AT_A_TIME;
        ssize_t got = pread(memory, window + kept, wanted, (off_t)at);
        if (got <= 0)
            break; /* what the kernel keeps there for itself */
        size_t size = kept + (size_t)got;
        hits += search(mapping->name, at - kept, window, size, on_purpose);
        kept = size < PIECE - 1 ? size : PIECE - 1;
        memmove(window, window + size - kept, kept);
        at += (uint64_t)got;
        *ret_bytes += (uint64_t)got;
    }
    sodium_memzero(window, sizeof(window));
    return hits;
}

/* All of a mapping but our own window. */
static unsigned int search_around_window(int memory, const struct mapping *mapping, bool own,
                                         bool on_purpose, uint64_t *ret_bytes)
{
    uint64_t begin = (uintptr_t)window;
    uint64_t end = begin + sizeof(window);
    if (!own || end <= mapping->begin || begin >= mapping->end)
        return search_mapping(memory, mapping, on_purpose, ret_bytes);
    struct mapping before = *mapping;
    struct mapping after = *mapping;
    before.end = begin > mapping->begin ? begin : mapping->begin;
    after.begin = end < mapping->end ? end : mapping->end;
    return search_mapping(memory, &before, on_purpose, ret_bytes) +
           search_mapping(memory, &after, on_purpose, ret_bytes);
}

static FILE *open_of(pid_t process, const char *file, int *ret_fd)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)process, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        broken(path);
    *ret_fd = fd;
    return ret_fd != NULL && strcmp(file, "smaps") == 0 ? fdopen(fd, "r") : NULL;
}

/* Reads one mapping's lines: its range and, last, its flags. */
static bool read_mapping(FILE *maps, struct mapping *mapping)
{
    static char line[4096];
    bool begun = false;
    while (fgets(line, sizeof(line), maps) != NULL) {
        uint64_t begin;
        uint64_t end;
        char rights[8];
        int name = 0;
        /* Other lines begin with a hex digit, too. */
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &begin, &end, rights,
                   &name) >= 3) {
            *mapping = (struct mapping){.begin = begin, .end = end, .readable = rights[0] == 'r'};
            begun = true;
            (void)snprintf(mapping->name, sizeof(mapping->name), "%.*s",
                           (int)strcspn(line + name, "\n"), name > 0 ? line + name : "");
        } else if (begun && strncmp(line, "VmFlags:", 8) == 0) {
            mapping->secret = strstr(line, " wf") != NULL;
            return true;
        }
    }
    return false;
}

unsigned int canary_in_process(pid_t process, bool secret_memory_too, bool on_purpose)
{
    bool own = process == 0 || process == getpid();
    pid_t number = own ? getpid() : process;
    int memory = -1;
    int maps_fd = -1;
    (void)open_of(number, "mem", &memory);
    FILE *maps = open_of(number, "smaps", &maps_fd);
    struct mapping mapping = {0};
    unsigned int hits = 0;
    uint64_t bytes = 0;
    while (maps != NULL && read_mapping(maps, &mapping))
        if (mapping.readable && (secret_memory_too || !mapping.secret))
            hits += search_around_window(memory, &mapping, own, on_purpose, &bytes);
    if (maps == NULL || bytes == 0)
        broken("nothing to search");
    (void)fclose(maps);
    (void)close(memory);
    return hits;
}
