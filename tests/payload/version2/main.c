/* SPDX-License-Identifier: MIT */
/*
 * A payload as it was compiled for version 2, which whatever Footing runs now
 * must serve: it lists what it is given, and uses a call of each version.
 */
#include "footing.h"

_Static_assert(FOOTING_VERSION == 2, "this header stays as it was");

static const struct footing_info *info;

static void print(const char *text)
{
    uint64_t len = 0;

    while (text[len] != '\0')
        len++;
    info->calls->print(text, len);
}

static void print_hex(const char *before, uint64_t value)
{
    char text[] = "0x0000000000000000";

    for (unsigned i = 0; i < 16; i++)
        text[17 - i] = "0123456789abcdef"[value >> (4 * i) & 0xf];
    print(before);
    print(text);
}

void entry(const struct footing_info *handed_over);

void entry(const struct footing_info *handed_over)
{
    info = handed_over;
    if (info->magic != FOOTING_MAGIC || info->version < 2 || info->size < sizeof(*info))
        return; /* Footing says so, and stops. */
    print_hex("version2: version ", info->version);
    print_hex("\nversion2: directmap ", info->directmap_va);
    for (uint64_t i = 0; i < info->module_count; i++) {
        const struct footing_module *m = &info->modules[i];

        print_hex("\nversion2: module ", m->base_pa);
        print_hex(" ", m->end_pa);
        print_hex(" ", m->kind);
        print(" \"");
        print(m->command_line);
        print("\"");
    }
    print("\nversion2: command line \"");
    print(info->command_line);
    print_hex("\"\nversion2: foreign ", info->foreign_len);
    print("\n");
    info->calls->dump(info->root_pa);
    info->calls->finish(1);
}
