/* SPDX-License-Identifier: MIT */
/* ELF files as gcc and ld write them: read, placed, relocated, and found in memory. */
#define _XOPEN_SOURCE 700 /* mkdtemp() */

#include "elf.h"

#include <stdio.h>
#include <unistd.h>

#include "plan.h"
#include "reference_elf.h"
#include "test.h"

/* Pointers to be relocated: constant ones, writable ones, and some far apart. */
static const char program[] =
    "static int zeros[5000];\n"
    "static const char *const words[] = {\"alpha\", \"beta\", \"gamma\", \"delta\"};\n"
    "static const char *more[300] = {[0] = \"one\", [7] = \"two\", [299] = \"three\"};\n"
    "struct mark { char magic[16]; const char *const *words; const char **more; int *zeros; };\n"
    "struct mark mark = {\"FOOTING'S MARK!\", words, more, zeros};\n"
    "void _start(void) { volatile struct mark *m = &mark; m->zeros[1] = 2; for (;;) { } }\n";

#define FLAGS "-O1 -ffreestanding -nostdlib -fno-stack-protector -fcf-protection=none "

static uint8_t bytes[K(256)];
static size_t size;
static uint8_t memory[K(256)];
static struct elf_image image;
static size_t puts_done;

/* The file that the compiler makes with these flags; false: it is not there, or cannot. */
static bool compile(const char *flags)
{
    char folder[] = "/tmp/footing-elf-XXXXXX";
    char name[64];
    char command[512];
    FILE *file;
    int failed;

    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof(name), "%s/program.c", folder);
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(program, file) >= 0);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof(command), "gcc " FLAGS "%s %s -o %s/program 2>/dev/null", flags, name,
             folder);
    failed = system(command);
    snprintf(name, sizeof(name), "%s/program", folder);
    file = failed ? NULL : fopen(name, "rb");
    size = 0;
    if (file) {
        size = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
    }
    unlink(name);
    snprintf(name, sizeof(name), "%s/program.c", folder);
    unlink(name);
    rmdir(folder);
    assert_true(size < sizeof(bytes));
    return size > 0;
}

static void read_bytes(void *ctx, uint64_t offset, void *to, size_t len)
{
    (void)ctx;
    assert_true(offset <= size && len <= size - offset);
    memcpy(to, bytes + offset, len);
}

static const struct elf_file file = {NULL, 0, read_bytes};

static uint64_t in_memory(uint64_t va)
{
    uint64_t value;

    assert_true(va >= image.start && va - image.start <= sizeof(memory) - 8);
    memcpy(&value, memory + (va - image.start), 8);
    return value;
}

static uint64_t get(void *ctx, uint64_t va)
{
    (void)ctx;
    return in_memory(va);
}

static struct error put(void *ctx, uint64_t va, uint64_t value)
{
    (void)ctx;
    in_memory(va);
    memcpy(memory + (va - image.start), &value, 8);
    puts_done++;
    return SUCCESS;
}

/* Read the file, copy its segments to where they belong, and relocate. */
static void load(uint64_t base)
{
    struct elf_file whole = file;
    struct elf_relocations to = {NULL, put, get};

    whole.size = size;
    assert_null(reference_elf_differs(bytes, size, 4, base, SIZE_MAX));
    assert_int_equal(elf_read(&whole, 4, &image).code, ERR_NONE);
    if (image.relocatable)
        elf_place(&image, base);
    assert_true(image.end - image.start <= sizeof(memory));
    memset(memory, 0, sizeof(memory));
    for (size_t i = 0; i < image.count; i++)
        memcpy(memory + (image.segments[i].va - image.start), bytes + image.segments[i].offset,
               (size_t)image.segments[i].file_len);
    puts_done = 0;
    assert_int_equal(elf_relocate(&whole, &image, image.relocatable ? base : 0, &to).code,
                     ERR_NONE);
}

static void assert_word(uint64_t pointer, const char *word)
{
    uint64_t va = in_memory(pointer);

    assert_true(va >= image.start && va < image.end);
    assert_string_equal((const char *)memory + (va - image.start), word);
}

/* From the mark, all pointers lead to what the program says. */
static void assert_pointers(void)
{
    uint64_t at = image.start;

    while (memcmp(memory + (at - image.start), "FOOTING'S MARK!", 16) != 0) {
        at++;
        assert_true(at + 40 < image.end);
    }
    assert_word(in_memory(at + 16), "alpha");
    assert_word(in_memory(at + 16) + 8, "beta");
    assert_word(in_memory(at + 16) + 24, "delta");
    assert_word(in_memory(at + 24), "one");
    assert_word(in_memory(at + 24) + 56, "two");
    assert_int_equal(in_memory(in_memory(at + 24) + 64), 0);
    assert_word(in_memory(at + 24) + 299 * 8, "three");
    assert_true(in_memory(at + 32) >= image.start && in_memory(at + 32) + 20000 <= image.end);
}

/* An executable at a fixed address is as its linker left it. */
static void executable_runs_where_it_was_linked(void **state)
{
    (void)state;
    if (!compile("-static -no-pie -fno-pic"))
        skip();
    load(0);
    assert_false(image.relocatable);
    assert_int_equal(puts_done, 0);
    assert_int_equal(image.start, 0x400000);
    assert_pointers();
}

/* A static PIE is relocated by Elf64_Rela, wherever it is put. */
static void static_pie_is_relocated(void **state)
{
    static const uint64_t bases[] = {0, M(2), UINT64_C(0x7f0012345000),
                                     UINT64_C(0xffffffff80000000)};

    (void)state;
    if (!compile("-static-pie -fpie"))
        skip();
    for (size_t i = 0; i < COUNT_OF(bases); i++) {
        load(bases[i]);
        assert_true(image.relocatable);
        assert_int_equal(image.start, bases[i]);
        assert_int_equal(puts_done, 3 + 4 + 3);
        assert_pointers();
    }
}

/* The same with its relocations packed into RELR. */
static void packed_relocations_do_the_same(void **state)
{
    (void)state;
    if (!compile("-static-pie -fpie -Wl,-z,pack-relative-relocs"))
        skip();
    for (uint64_t base = 0; base < G(1); base += M(300)) {
        load(base);
        assert_int_equal(puts_done, 3 + 4 + 3);
        assert_pointers();
    }
}

/* A program of this system needs its dynamic linker, as this test itself does. */
static void dynamic_program_is_refused(void **state)
{
    struct elf_file whole = file;

    (void)state;
    if (!compile("-pie -fpie -Wl,--no-as-needed -lc -Wl,-dynamic-linker,/lib/ld.so"))
        skip();
    whole.size = size;
    assert_int_equal(elf_read(&whole, 4, &image).code, ERR_PAYLOAD);
}

/* One segment for everything is writable code, which is refused. */
static void writable_code_is_refused(void **state)
{
    struct elf_file whole = file;

    (void)state;
    if (!compile("-static -no-pie -fno-pic -Wl,-N"))
        skip();
    whole.size = size;
    assert_int_equal(elf_read(&whole, 4, &image).code, ERR_PAYLOAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executable_runs_where_it_was_linked),
        cmocka_unit_test(static_pie_is_relocated),
        cmocka_unit_test(packed_relocations_do_the_same),
        cmocka_unit_test(dynamic_program_is_refused),
        cmocka_unit_test(writable_code_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
