/* SPDX-License-Identifier: MIT */
/*
 * A payload that Footing loads: an ELF executable whose entry is a C function.
 * It says what memory there is and what its command line is, and leaves.
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

static void print_hex(uint64_t value)
{
    char text[sizeof("0x0123456789abcdef")];
    char *at = text + sizeof(text);

    *--at = '\0';
    do
        *--at = "0123456789abcdef"[value & 0xf];
    while ((value >>= 4) != 0);
    *--at = 'x';
    *--at = '0';
    print(at);
}

/* The entry, by the System V ABI: interrupts off, 64 KiB of stack, SSE on. */
void hello_main(const struct footing_info *handed_over);

void hello_main(const struct footing_info *handed_over)
{
    uint64_t bytes = 0;

    info = handed_over;
    if (info->magic != FOOTING_MAGIC || info->version < FOOTING_VERSION)
        return; /* Footing says so, and stops. */

    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];

        print("hello: ");
        print_hex(m->base_pa);
        print(" to ");
        print_hex(m->end_pa);
        print(" ");
        print(info->memory_name(m->type));
        print("\n");
    }
    for (uint64_t i = 0; i < info->free_count; i++)
        bytes += info->free[i].end_pa - info->free[i].base_pa;
    print("hello: free bytes: ");
    print_hex(bytes);
    print("\nhello: command line: ");
    print(info->command_line);
    print("\n");

    info->calls->finish(1); /* leaves QEMU with status 33; halts a real machine */
}
