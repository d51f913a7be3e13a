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

/* A file in the folder, with this text. */
static void write_file(const char *folder, const char *name, const char *text)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void take_file(const char *folder, const char *name)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    size = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
    if (file)
        fclose(file);
    assert_true(size < sizeof(bytes));
}

static void remove_file(const char *folder, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
}

/* The file that the compiler makes with these flags and linker script; false: it cannot. */
static bool compile_by(const char *flags, const char *script)
{
    char folder[] = "/tmp/footing-elf-XXXXXX";
    char command[512];
    int failed;

    assert_non_null(mkdtemp(folder));
    write_file(folder, "program.c", program);
    write_file(folder, "program.ld", script);
    snprintf(command, sizeof(command),
             "cd %s && gcc " FLAGS "%s %s program.c -o program 2>/dev/null", folder, flags,
             script[0] != '\0' ? "-Wl,-T,program.ld" : "");
    failed = system(command);
    size = 0;
    if (!failed)
        take_file(folder, "program");
    remove_file(folder, "program");
    remove_file(folder, "program.c");
    remove_file(folder, "program.ld");
    rmdir(folder);
    return size > 0;
}

static bool compile(const char *flags)
{
    return compile_by(flags, "");
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

/* A linker script as hobby kernels have them, with what stands before .data. */
#define SCRIPT(before_data) \
    "ENTRY(_start)\n" \
    "SECTIONS { . = 2M; .text : { *(.text*) } .rodata : { *(.rodata*) } " before_data \
    " .data : { *(.data*) } .bss : { *(.bss*) } /DISCARD/ : { *(.comment .note* .eh_frame) } }\n"

#define SCRIPTED "-static -no-pie -fno-pic -Wl,-z,max-page-size=4096"

/* Without an alignment before .data it is all one segment; the remedy that is named helps. */
static void linker_script_without_alignment_is_told_the_remedy(void **state)
{
    static const char words[] = "segment 00 (RWE, 0x200000+0x";
    struct elf_file whole = file;
    struct error err;

    (void)state;
    if (!compile_by(SCRIPTED, SCRIPT("")))
        skip();
    whole.size = size;
    err = elf_read(&whole, 4, &image);
    assert_int_equal(err.code, ERR_PAYLOAD);
    assert_memory_equal(err.text, words, sizeof(words) - 1);
    assert_non_null(strstr(err.text, ": writable and executable: put . = ALIGN(4096) before"));
    assert_true(compile_by(SCRIPTED, SCRIPT(". = ALIGN(4096);")));
    load(0);
    assert_int_equal(image.count, 2);
    assert_pointers();
}

/* Program headers by hand: two of the same rights, the second where the first ends. */
static void segments_of_one_page_are_loaded(void **state)
{
    (void)state;
    if (!compile_by(
            SCRIPTED,
            "ENTRY(_start)\n"
            "PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); more PT_LOAD FLAGS(6); }\n"
            "SECTIONS { . = 2M; .text : { *(.text*) *(.rodata*) } :text . = ALIGN(4096);\n"
            " .data : { *(.data*) } :data .bss : { *(.bss*) } :more\n"
            " /DISCARD/ : { *(.comment .note* .eh_frame) } }\n"))
        skip();
    load(0);
    assert_int_equal(image.count, 3);
    assert_true(elf_own_page(&image, 2) > image.segments[2].va);
    assert_pointers();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executable_runs_where_it_was_linked),
        cmocka_unit_test(static_pie_is_relocated),
        cmocka_unit_test(packed_relocations_do_the_same),
        cmocka_unit_test(dynamic_program_is_refused),
        cmocka_unit_test(writable_code_is_refused),
        cmocka_unit_test(linker_script_without_alignment_is_told_the_remedy),
        cmocka_unit_test(segments_of_one_page_are_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
