/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

#include "efi_map.h"

void survey_free(struct survey *survey)
{
    free(survey->ranges);
    *survey = (struct survey){0};
}

static bool grow(struct survey *survey)
{
    size_t max = survey->max ? 2 * survey->max : 64;
    struct raw_range *ranges;

    if (survey->count < survey->max)
        return true;
    ranges = realloc(survey->ranges, max * sizeof(*ranges));
    if (!ranges)
        return false;
    survey->ranges = ranges;
    survey->max = max;
    return true;
}

const char *inclusive_len(uint64_t first, uint64_t last, uint64_t *len)
{
    *len = last - first + 1;
    if (last < first && *len != 0)
        return "the range ends before it starts";
    /* All 2^64 bytes have no length in 64 bits; the last of them is beyond every CPU's width. */
    if (first == 0 && last == UINT64_MAX)
        *len = UINT64_MAX;
    return NULL;
}

const char *exclusive_len(uint64_t first, uint64_t end, uint64_t *len)
{
    *len = end - first;
    return end < first && end != 0 ? "the range ends before it starts" : NULL;
}

const char *survey_add(struct survey *survey, uint64_t base, uint64_t len, enum mem_type type,
                       enum map_source source)
{
    if (!grow(survey))
        return "out of memory";
    survey->ranges[survey->count++] = (struct raw_range){base, len, type, source};
    return NULL;
}

const char *survey_settle(struct survey *survey)
{
    size_t kept = 0;

    for (size_t i = 0; i < survey->count; i++) {
        if (survey->ranges[i].source == SOURCE_E820)
            survey->ranges[kept++] = survey->ranges[i];
    }
    if (kept > 0)
        survey->count = kept;
    return survey->count > 0 ? NULL : "no memory map in it";
}

void survey_name(struct survey *survey, const char *name, size_t len)
{
    size_t kept = len < SURVEY_NAME_MAX ? len : SURVEY_NAME_MAX - 1;

    if (survey->machine[0])
        return;
    for (size_t i = 0; i < kept; i++)
        survey->machine[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
    survey->machine[kept] = 0;
}

/* As hypervisors name the machines that they make up; a Linux log has it after "DMI: ". */
bool names_a_guest(const char *name, size_t len)
{
    static const char *const words[] = {
        "QEMU",
        "Bochs",
        "VirtualBox",
        "VMware",
        "Microsoft Corporation Virtual",
        "HVM domU",
        "Cloud Hypervisor",
        "Parallels Virtual",
        "BHYVE",
        "Google Compute Engine",
        "Red Hat KVM",
        "OpenStack",
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);

        for (size_t at = 0; at + n <= len; at++) {
            if (memcmp(name + at, words[i], n) == 0)
                return true;
        }
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/*
 * Kernels and UEFI spell these names in several ways: only letters count, and
 * of those as many as tell the types apart.
 */
static const struct {
    const char *letters;
    uint32_t type;
} efi_names[] = {
    {"loadercode", 1},
    {"loaderdata", 2},
    {"bootservicescode", 3},
    {"bootservicesdata", 4},
    {"bootcode", 3},
    {"bootdata", 4},
    {"runtimeservicescode", 5},
    {"runtimeservicesdata", 6},
    {"runtimecode", 5},
    {"runtimedata", 6},
    {"conventional", 7},
    {"unusable", 8},
    {"acpireclaim", 9},
    {"acpimem", 10},
    {"memorymappedioport", 12},
    {"mmioport", 12},
    {"memorymappedio", 11},
    {"mmio", 11},
    {"palcode", 13},
    {"persistent", 14},
    {"unaccepted", 15},
};

enum mem_type efi_named_type(const char *name, size_t len, uint64_t attribute)
{
    char letters[32];
    size_t n = 0;
    uint32_t type = 0;

    for (size_t i = 0; i < len && n + 1 < sizeof(letters); i++) {
        char c = lower(name[i]);

        if (c >= 'a' && c <= 'z')
            letters[n++] = c;
        else if (c >= '0' && c <= '9' && type < 1000)
            type = type * 10 + (uint32_t)(c - '0');
    }
    letters[n] = 0;
    /* A number alone, or "Type" and a number, is the type; 0 and what is unknown: reserved. */
    if (n > 0 && strcmp(letters, "type") != 0)
        type = 0;
    for (size_t i = 0; i < sizeof(efi_names) / sizeof(efi_names[0]); i++) {
        if (strncmp(letters, efi_names[i].letters, strlen(efi_names[i].letters)) == 0)
            return efi_mem_type(efi_names[i].type, attribute);
    }
    return efi_mem_type(type, attribute);
}
