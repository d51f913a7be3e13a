/* SPDX-License-Identifier: MIT */
/*
 * A kernel with Footing in it: linked to libfooting.a, it is an image that GRUB
 * (multiboot2) and QEMU's -kernel (PVH) start. Its code and data are part of
 * Footing's image, at 0xfffffffff0080000 and up, with the same rights.
 */
#include <footing.h>

static const struct footing_info *info;

static void print(const char *text)
{
    uint64_t len = 0;

    while (text[len] != '\0')
        len++;
    info->calls->print(text, len);
}

static void print_number(uint64_t value)
{
    char text[sizeof("18446744073709551615")];
    char *at = text + sizeof(text);

    *--at = '\0';
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    print(at);
}

/* Which part of the image this is in: what the plan says of its page. */
static void show(const char *what, uint64_t va)
{
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        if (va - m->va < m->len) {
            print("linked: ");
            print(what);
            print(" is in ");
            print(info->mapping_name(m));
            print("\n");
        }
    }
}

static const char constant[] = "never written";
static char buffer[4 << 20]; /* zeroed by the loader, however large */

/* Footing calls the function of this name when everything is in place. */
void footing_main(const struct footing_info *handed_over)
{
    uint64_t bytes = 0;

    info = handed_over;
    for (uint64_t i = 0; i < info->free_count; i++)
        bytes += info->free[i].end_pa - info->free[i].base_pa;
    print("linked: free MiB: ");
    print_number(bytes >> 20);
    print("\nlinked: command line: ");
    print(info->command_line);
    print("\n");

    show("code", (uint64_t)footing_main);
    show("constant", (uint64_t)constant);
    show("variable", (uint64_t)buffer);
    for (uint64_t i = 0; i < sizeof(buffer); i++) {
        if (buffer[i] != 0)
            info->calls->finish(0);
    }
    info->calls->finish(1); /* leaves QEMU with status 33; halts a real machine */
}
