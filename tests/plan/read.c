/* SPDX-License-Identifier: MIT */
/* Which reader an input is for: its content decides, not its name. */
#define _POSIX_C_SOURCE 200809L

#include "read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "progress.h"

/* More than any log; what does not end is no input. */
#define INPUT_MAX (UINT64_C(1) << 30)

static bool is_map_line(struct span line)
{
    static const char *const keywords[] = {"e820",         "efi",        "mtrr",
                                           "mtrr-default", "mtrr-fixed", "note"};
    struct span word = scan_word(&line);

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (span_is(word, keywords[i]))
            return true;
    }
    return false;
}

static bool is_log(struct span text)
{
    static const char *const signs[] = {"BIOS-e820:", "BIOS-e801:", "BIOS-88:", "efi: mem",
                                        "EFI: mem",   "MTRR ",      "reg0",     "Linux version "};
    struct span rest;

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (span_after(text, signs[i], &rest))
            return true;
    }
    return false;
}

bool read_text(struct survey *survey, const char *text, size_t len, struct input_error *error)
{
    struct span all = {text, text + len};
    struct span rest = all;
    struct span line = {0};

    error->line = 0;
    do {
        error->line++;
        if (!scan_line(&rest, &line)) {
            error->reason = "no memory map before the end";
            return false;
        }
    } while (span_len(line) == 0 || span_starts(line, "#"));
    if (is_map_line(line))
        return read_map_file(survey, all, error);
    if (is_log(all))
        return read_kernel_log(survey, all, error);
    error->reason = "no map file, as the line begins with none of its words, nor a kernel log, as "
                    "there is no line with BIOS-e820: or efi: mem in it";
    return false;
}

char *slurp(const char *path, size_t *len, struct input_error *error)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t max = 0;

    *len = 0;
    error->reason = file ? NULL : strerror(errno);
    while (file && !error->reason) {
        if (*len == max) {
            char *more = max < INPUT_MAX ? realloc(text, max ? 2 * max : 65536) : NULL;

            if (!more) {
                error->reason = max < INPUT_MAX ? "out of memory" : "larger than 1 GiB";
                break;
            }
            text = more;
            max = max ? 2 * max : 65536;
        }
        size_t got = fread(text + *len, 1, max - *len, file);

        if (got == 0)
            break;
        *len += got;
        progress("reading", *len >> 20, 0, "MiB");
    }
    if (file && !error->reason && ferror(file))
        error->reason = strerror(errno);
    if (file)
        fclose(file);
    if (error->reason) {
        free(text);
        return NULL;
    }
    return text;
}

static bool read_file(struct survey *survey, const char *path, struct input_error *error)
{
    size_t len;
    char *text = slurp(path, &len, error);
    bool good = text && read_text(survey, text, len, error);

    free(text);
    return good;
}

/* One word, as it stands there: Linux's list of what the CPU has. */
static bool has_word(struct span text, const char *word)
{
    struct span line;

    while (scan_line(&text, &line)) {
        for (struct span w; span_len(w = scan_word(&line)) > 0;) {
            if (span_is(w, word))
                return true;
        }
    }
    return false;
}

/* What is not there or cannot be read stays unknown. */
static void name_this_machine(struct survey *survey)
{
    struct input_error unreadable;
    size_t len;
    char *text = slurp("/proc/cpuinfo", &len, &unreadable);

    survey->guest = text && has_word((struct span){text, text + len}, "hypervisor");
    free(text);
    text = slurp("/sys/class/dmi/id/product_name", &len, &unreadable);
    if (text)
        survey_name(survey, text, strcspn(text, "\n"));
    free(text);
}

/* Root may read the map, and everybody the variable MTRRs; their default type nobody. */
static bool read_this_machine(struct survey *survey, struct input_error *error)
{
    struct input_error unreadable;
    size_t len;
    char *text;
    struct span rest;
    struct span line;

    if (!read_firmware_dir(survey, "/sys/firmware/memmap", error))
        return false;
    text = slurp("/proc/mtrr", &len, &unreadable);
    rest = (struct span){text, text ? text + len : text};
    for (size_t n = 1; text && !error->reason && scan_line(&rest, &line); n++) {
        error->line = n;
        read_proc_mtrr_line(&survey->mtrr, line, &error->reason);
    }
    free(text);
    if (error->reason)
        snprintf(error->file, sizeof(error->file), "/proc/mtrr");
    name_this_machine(survey);
    return !error->reason;
}

bool read_input(struct survey *survey, const char *path, struct input_error *error)
{
    struct stat status;

    *error = (struct input_error){.reason = NULL};
    if (!path)
        return read_this_machine(survey, error);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return read_firmware_dir(survey, path, error);
    return read_file(survey, path, error);
}
