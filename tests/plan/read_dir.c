/* SPDX-License-Identifier: MIT */
/* A directory like /sys/firmware/memmap: N/start, N/end (the last byte), N/type. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "read.h"

/* The one line of an entry's file; null: error says what is wrong. To be freed. */
static char *entry_text(const char *dir, const char *entry, const char *name, struct span *line,
                        struct input_error *error)
{
    size_t len;
    char *text;
    struct span rest;

    if (snprintf(error->file, sizeof(error->file), "%s/%s/%s", dir, entry, name) >=
        (int)sizeof(error->file)) {
        error->reason = "a path too long";
        return NULL;
    }
    error->line = 0;
    text = slurp(error->file, &len, error);
    if (!text)
        return NULL;
    error->line = 1;
    rest = (struct span){text, text + len};
    if (!scan_line(&rest, line))
        *line = rest;
    return text;
}

static bool entry_number(const char *dir, const char *entry, const char *name, uint64_t *value,
                         struct input_error *error)
{
    struct span line;
    char *text = entry_text(dir, entry, name, &line, error);

    if (text && (!scan_hex(&line, value) || line.at != line.end))
        error->reason = "not a number below 2^64";
    free(text);
    return !error->reason;
}

/* The names of Linux's drivers/firmware/memmap.c and arch/x86/kernel/e820.c. */
static bool entry_type(const char *dir, const char *entry, enum mem_type *type,
                       struct input_error *error)
{
    static const struct {
        const char *name;
        enum mem_type type;
    } names[] = {
        {"System RAM", MEM_USABLE},
        {"ACPI Tables", MEM_ACPI_DATA},
        {"ACPI Non-volatile Storage", MEM_ACPI_NVS},
        {"Unusable memory", MEM_UNUSABLE},
        {"Persistent Memory", MEM_PERSISTENT},
        {"Soft Reserved", MEM_SOFT_RESERVED},
    };
    struct span line;
    char *text = entry_text(dir, entry, "type", &line, error);

    *type = MEM_RESERVED;
    for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_is(line, names[i].name))
            *type = names[i].type;
    }
    if (text && span_len(line) == 0)
        error->reason = "the range has no type";
    free(text);
    return !error->reason;
}

static bool read_entry(struct survey *survey, const char *dir, const char *entry,
                       struct input_error *error)
{
    uint64_t first;
    uint64_t last;
    uint64_t len;
    enum mem_type type;

    if (!entry_number(dir, entry, "start", &first, error) ||
        !entry_number(dir, entry, "end", &last, error) || !entry_type(dir, entry, &type, error))
        return false;
    error->reason = inclusive_len(first, last, &len);
    if (error->reason) {
        snprintf(error->file, sizeof(error->file), "%s/%s/end", dir, entry);
        return false;
    }
    error->reason = survey_add(survey, first, len, type, SOURCE_E820);
    return !error->reason;
}

static bool is_entry(const char *name)
{
    return name[0] != 0 && strspn(name, "0123456789") == strlen(name);
}

bool read_firmware_dir(struct survey *survey, const char *path, struct input_error *error)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (!dir) {
        snprintf(error->file, sizeof(error->file), "%s", path);
        error->reason = strerror(errno);
        return false;
    }
    while (!error->reason && (entry = readdir(dir))) {
        if (is_entry(entry->d_name))
            read_entry(survey, path, entry->d_name, error);
        progress("reading", survey->count, 0, "ranges");
    }
    closedir(dir);
    if (error->reason)
        return false;
    error->line = 0;
    snprintf(error->file, sizeof(error->file), "%s", path);
    if (survey->count == 0)
        error->reason = "no memory map in it: no N/start, N/end, N/type";
    return !error->reason;
}
