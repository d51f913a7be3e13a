/* SPDX-License-Identifier: MIT */
#include "plan_options.h"

#include <stddef.h>
#include <string.h>

#include "scan.h"

const char plan_help[] =
    "Usage: footing-plan [OPTION]... [FILE|DIRECTORY]\n"
    "Show the page tables that Footing would make of a machine's memory map.\n"
    "\n"
    "Input, recognised by its content:\n"
    "  a Linux kernel log     the first BIOS-e820 list; only where there is none, the\n"
    "                         first list of \"efi: memNN:\" lines. MTRR lines as dmesg\n"
    "                         prints them (newer kernels: with mtrr=debug); else, those\n"
    "                         of /proc/mtrr. Printed masks are taken to reach up to the\n"
    "                         CPU's physical width; TOM2 right after them makes AMD's\n"
    "                         RAM above 4 GiB write-back.\n"
    "  a map file             lines of e820, efi, mtrr-default, mtrr-fixed, mtrr; its\n"
    "                         syntax is in footing-plan(1)\n"
    "  a directory            laid out like /sys/firmware/memmap\n"
    "  none                   this machine's own /sys/firmware/memmap and /proc/mtrr\n"
    "MTRRs count where the input gives both the default type and the variable ranges;\n"
    "where it gives only half of them, they are ignored, and it says so. So are those\n"
    "of a guest that make no usable RAM write-back, as in a boot.\n"
    "\n"
    "Options:\n"
    "  --maxpage=4k|2m|1g     the largest page of the directmap (1g)\n"
    "  --no-1g                a CPU without 1 GiB pages\n"
    "  --phys-bits=N          the CPU's physical address width, 32 to 52 (52)\n"
    "  --la57                 five levels of tables\n"
    "  --image=PA:LEN         plan an image too: LEN bytes at PA, all of them read and\n"
    "                         execute, so that the directmap is read-only there. Numbers\n"
    "                         are decimal or 0x, with K, M or G after them or not\n"
    "  --format=text|json|svg\n"
    "  --compare=blanket      what superpages rounded outward around RAM would have\n"
    "                         reached that is not RAM\n"
    "  --guest=auto|yes|no    is there a hypervisor under the machine? auto: if the input\n"
    "                         says so (\"Hypervisor detected:\", \"Booting paravirtualized\n"
    "                         kernel on\", the machine's name after \"DMI:\"; in a map file\n"
    "                         \"# firmware: hypervisor\"; else /proc/cpuinfo)\n"
    "  --help, -h\n"
    "Exit status: 0 all is well; 1 the output could not be written; 2 an option or the\n"
    "input is wrong, or Footing would refuse to boot with it. Then there is no output.\n"
    "\n"
    "JSON: one object. Addresses and lengths are strings of 0x and hexadecimal digits,\n"
    "counts are numbers. Members may be added, none will change or go.\n"
    "  ranges   the normalised map, ascending: pa, len, type\n"
    "  plan     ascending by va: va, pa, len, type (WB, UC, ...), rights (rw-, r--, r-x),\n"
    "           maxpage (4K, 2M, 1G), what (directmap, image-text)\n"
    "  tables   frames that the tables take, the root included\n"
    "  leaves   how many of 4K, 2M and 1G\n"
    "  dropped  what was not mapped or not taken: pa, len, type, from (ram: usable but not\n"
    "           in the directmap; input: a range that the normaliser refused or cut), why\n"
    "  levels   4 or 5\n"
    "  mtrr     used, absent, or \"ignored: \" and why\n"
    "  blanket  only with --compare=blanket, one per page size: page, reached, not_ram,\n"
    "           by (type, len)\n";

/* The value of "NAME=VALUE" or of "NAME" "VALUE"; null: this is not that option, or has none. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
    size_t len = strlen(name);

    if (strncmp(argv[*i], name, len) != 0)
        return NULL;
    if (argv[*i][len] == '=')
        return argv[*i] + len + 1;
    if (argv[*i][len] == 0 && *i + 1 < argc)
        return argv[++*i];
    return NULL;
}

/* Which of the words it is; -1: none of them. */
static int choice(const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0)
            return i;
    }
    return -1;
}

static bool scan_size(struct span *s, uint64_t *size)
{
    static const char units[] = "kKmMgG";
    const char *unit;
    unsigned shift;

    if (!(span_starts(*s, "0x") ? scan_hex(s, size) : scan_decimal(s, size)))
        return false;
    if (s->at == s->end || !(unit = memchr(units, *s->at, sizeof(units) - 1)))
        return true;
    s->at++;
    shift = 10 * (unsigned)((unit - units) / 2 + 1);
    if (*size > UINT64_MAX >> shift)
        return false;
    *size <<= shift;
    return true;
}

static bool parse_image(struct plan_options *options, const char *value)
{
    struct span s = span_of(value);

    options->image = true;
    return scan_size(&s, &options->image_pa) && scan_literal(&s, ":") &&
           scan_size(&s, &options->image_len) && s.at == s.end;
}

static const char *take_value(struct plan_options *options, int argc, char **argv, int *i)
{
    static const char *const pages[] = {"4k", "2m", "1g", NULL};
    static const char *const formats[] = {"text", "json", "svg", NULL};
    static const char *const guests[] = {"auto", "yes", "no", NULL};
    const char *value;
    uint64_t number;
    int found;

    if ((value = value_of("--maxpage", argc, argv, i))) {
        found = choice(value, pages);
        options->max_level = (unsigned)found;
        return found >= 0 ? NULL : "should be 4k, 2m or 1g";
    }
    if ((value = value_of("--format", argc, argv, i))) {
        found = choice(value, formats);
        options->format = (enum format)found;
        return found >= 0 ? NULL : "should be text, json or svg";
    }
    if ((value = value_of("--guest", argc, argv, i))) {
        found = choice(value, guests);
        options->guest = (enum guest)found;
        return found >= 0 ? NULL : "should be auto, yes or no";
    }
    if ((value = value_of("--phys-bits", argc, argv, i))) {
        if (!word_number(span_of(value), &number) || number < 32 || number > 52)
            return "should be 32 to 52";
        options->phys_bits = (unsigned)number;
        return NULL;
    }
    if ((value = value_of("--image", argc, argv, i)))
        return parse_image(options, value) ? NULL : "should be PA:LEN";
    if ((value = value_of("--compare", argc, argv, i))) {
        options->blanket = true;
        return strcmp(value, "blanket") == 0 ? NULL : "should be blanket";
    }
    return "unknown option, or one without its value";
}

bool plan_options_parse(struct plan_options *options, int argc, char **argv, const char **bad,
                        const char **reason)
{
    bool no_1g = false;
    bool only_paths = false;

    *options = (struct plan_options){.max_level = 2, .phys_bits = 52};
    for (int i = 1; i < argc; i++) {
        *bad = argv[i];
        *reason = NULL;
        if (only_paths || argv[i][0] != '-') {
            *reason = options->path ? "one input only" : argv[i][0] ? NULL : "an empty name";
            options->path = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_paths = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options->help = true;
        } else if (strcmp(argv[i], "--no-1g") == 0) {
            no_1g = true;
        } else if (strcmp(argv[i], "--la57") == 0) {
            options->la57 = true;
        } else {
            *reason = take_value(options, argc, argv, &i);
        }
        if (*reason)
            return false;
    }
    if (no_1g && options->max_level > 1)
        options->max_level = 1;
    return true;
}
