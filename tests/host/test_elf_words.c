/* SPDX-License-Identifier: MIT */
/* What is said of an ELF file that is refused: which part, what stands there, and the remedy. */
#include <stdio.h>

#include "elf_linked.h"
#include "test.h"

#define VA    UINT64_C(0x400000)
#define HALF4 (UINT64_C(1) << 47)

/* Where a field of segment 02, the writable one, is. */
#define SEGMENT_2(field) (MADE_HEADERS + 2 * P_SIZE + (field))

static struct elf_image image;

static void assert_words(struct error err, const char *words)
{
    assert_int_equal(err.code, ERR_PAYLOAD);
    assert_non_null(err.text);
    assert_string_equal(err.text, words);
}

/* One number of a good executable with three segments, and what is said when it is another. */
static const struct {
    uint64_t at;
    unsigned bytes;
    uint64_t value;
    const char *words;
} faults[] = {
    {0, 1, 0x7e,
     "it is a file that begins with the bytes 7e 45 4c 46, no ELF executable for x86-64"},
    {E_MACHINE, 2, 183, "it is a 64-bit ELF file for AArch64, no ELF executable for x86-64"},
    {E_TYPE, 2, 1, "it is an ELF object file that is not linked, no ELF executable for x86-64"},
    {E_PHENTSIZE, 2, 32, "its program headers have 32 bytes each, where 64-bit ones have 56"},
    {E_PHNUM, 2, 0, "it has no segments of type LOAD"},
    {E_PHNUM, 2, 200, "it has 200 program headers, the limit is 128"},
    {E_PHOFF, 8, 0x7fff,
     "its 3 program headers at offset 0x7fff are outside the file, which has 0x8000 bytes: it may "
     "be cut off"},
    {SEGMENT_2(P_OFFSET), 8, 0x8000,
     "segment 02 (RW, 0x404000+0x2001): its 0x800 bytes at offset 0x8000 are outside the file, "
     "which has 0x8000: it may be cut off"},
    {SEGMENT_2(P_MEMSZ), 8, 1,
     "segment 02 (RW, 0x404000+0x1): larger in the file (0x800 bytes) than in memory (0x1): its "
     "header is damaged"},
    {SEGMENT_2(P_MEMSZ), 8, 0,
     "segment 02 (RW, 0x404000+0x0): larger in the file (0x800 bytes) than in memory (0x0): its "
     "header is damaged"},
    {SEGMENT_2(P_MEMSZ), 8, UINT64_MAX,
     "segment 02 (RW, 0x404000+0xffffffffffffffff): it goes beyond the end of the address space"},
    {SEGMENT_2(P_MEMSZ), 8, HALF4,
     "segment 02 (RW, 0x404000+0x800000000000): not canonical with 4 levels of page tables: "
     "addresses have 48 bits"},
    {MADE_HEADERS + P_VADDR, 8, 0x1000,
     "segment 00 (R E, 0x1000+0x123): the first 64 KiB are never mapped: link it at 0x10000 or "
     "above, or as a PIE"},
    {MADE_HEADERS + P_ALIGN, 8, 24,
     "segment 00 (R E, 0x400000+0x123): unaligned: 0x18 is no power of two"},
    {SEGMENT_2(P_OFFSET), 8, 0x3008,
     "segment 02 (RW, 0x404000+0x2001): unaligned: its address and its offset in the file, 0x3008, "
     "differ modulo its alignment, 0x1000"},
    {SEGMENT_2(P_FLAGS), 4, MADE_R | MADE_W | MADE_X,
     "segment 02 (RWE, 0x404000+0x2001): writable and executable: put . = ALIGN(4096) before what "
     "is written (.data) in the linker script, and do not link with -N"},
    {SEGMENT_2(P_FLAGS), 4, MADE_W | MADE_X,
     "segment 02 (WE, 0x404000+0x2001): writable and executable: put . = ALIGN(4096) before what "
     "is written (.data) in the linker script, and do not link with -N"},
    {SEGMENT_2(P_VADDR), 8, VA + 0x1000,
     "segment 02 (RW, 0x401000+0x2001): it is below segment 01 (0x402010): segments must ascend"},
    {MADE_HEADERS + P_MEMSZ, 8, 0x2011,
     "segment 01 (R, 0x402010+0x45): it overlaps segment 00 (0x400000+0x2011)"},
    {MADE_HEADERS + P_MEMSZ, 8, 0x2010,
     "segment 01 (R, 0x402010+0x45): it shares the page 0x402000 with segment 00 (R E), which has "
     "other rights: put . = ALIGN(4096) between their sections in the linker script"},
    {SEGMENT_2(P_TYPE), 4, MADE_INTERP,
     "it needs a dynamic linker (INTERP): link it with -static-pie or -static"},
    {E_ENTRY, 8, VA + 0x4000,
     "its entry, 0x404000, is in no executable segment: name it with ENTRY() or -Wl,-e"},
};

static void each_refusal_says_which_what_and_how_else(void **state)
{
    struct made *made = made_three(MADE_EXEC, VA);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        assert_words(made_refused_with(made, faults[i].at, faults[i].bytes, faults[i].value),
                     faults[i].words);
    made_good(made, &image);
}

/* Numbers are those of the program headers, as readelf counts them, not of the segments. */
static void segments_are_numbered_as_readelf_does(void **state)
{
    struct made *made = made_start(MADE_EXEC);

    (void)state;
    made_put(made, E_ENTRY, 8, VA);
    made_load(made, MADE_R | MADE_X, VA, 1);
    for (unsigned i = 0; i < 10; i++)
        made_header(made, MADE_NOTE, MADE_R, 0, 0, 0, 0, 0);
    made_load(made, MADE_R, VA + 0x1000, 1);
    made_good(made, &image);
    assert_int_equal(image.segments[0].number, 0);
    assert_int_equal(image.segments[1].number, 11);
    made_load(made, MADE_R | MADE_W, VA + 0x1001, 1);
    assert_words(made_refused(made),
                 "segment 12 (RW, 0x401001+0x1): it shares the page 0x401000 with segment 11 (R), "
                 "which has other rights: put . = ALIGN(4096) between their sections in the linker "
                 "script");
}

static void limits_and_doubles_are_named(void **state)
{
    struct made *made = made_three(MADE_EXEC, VA);

    (void)state;
    made_header(made, MADE_RELRO, MADE_R, 0x3000, VA + 0x4000, 0x800, 0x1000, 1);
    made_header(made, MADE_RELRO, MADE_R, 0x3000, VA + 0x4000, 0x800, 0x1000, 1);
    assert_words(made_refused(made), "program header 04 is a second one of type GNU_RELRO");
    made_put(made, made_field(4, P_TYPE), 4, MADE_NOTE);
    made_put(made, made_field(3, P_MEMSZ), 8, 0x3001);
    assert_words(made_refused(made),
                 "its GNU_RELRO, 0x404000+0x3001, is outside its segments, 0x400000-0x406fff");
    made = made_three(MADE_EXEC, VA);
    made_header(made, MADE_DYNAMIC, MADE_R, 0x3000, VA + 0x4000, 0x10, 0x10, 1);
    made_header(made, MADE_DYNAMIC, MADE_R, 0x3000, VA + 0x4000, 0x10, 0x10, 1);
    assert_words(made_refused(made), "program header 04 is a second one of type DYNAMIC");
    made = made_three(MADE_EXEC, VA);
    while (made->count < ELF_SEGMENTS_MAX + 1)
        made_load(made, MADE_R, M(8) + K(4) * made->count, 1);
    assert_words(made_refused(made),
                 "segment 32 (R, 0x820000+0x1): it has more than 32 of type LOAD");
}

/* Five levels of page tables reach further, and the text says how far. */
static void levels_are_those_of_the_page_tables(void **state)
{
    struct made *made = made_start(MADE_EXEC);

    (void)state;
    made_load(made, MADE_X, UINT64_C(1) << 56, 1);
    assert_words(made_read(made, 5, &image),
                 "segment 00 (E, 0x100000000000000+0x1): not canonical with 5 levels of page "
                 "tables: addresses have 57 bits");
}

static struct made *with_dynamic(uint64_t tag, uint64_t value)
{
    struct made *made = linked_start();

    linked_dynamic(made, tag, value);
    linked_dynamic(made, 0, 0);
    return made;
}

static void dynamic_section_is_named(void **state)
{
    static const struct {
        uint64_t tag, value;
        const char *words;
    } bad[] = {
        {NEEDED, 1, "it needs a shared library (NEEDED): link it with -static-pie"},
        {REL, TABLES, "it has relocations without addends (REL), which x86-64 has not"},
        {JMPREL, TABLES,
         "it has relocations of calls (JMPREL): link it with -static-pie, and without symbols that "
         "are not defined"},
        {TEXTREL, 0, "it has relocations in what is not writable (TEXTREL): compile with -fPIE"},
        {FLAGS, 4, "it has relocations in what is not writable (TEXTREL): compile with -fPIE"},
        {RELASZ, 24,
         "its table of relocations RELA, 0x0+0x18 with entries of 0x0 bytes, lacks its address, "
         "its size or that of its entries"},
    };
    struct made *made;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_words(linked_run(with_dynamic(bad[i].tag, bad[i].value), BASE, SIZE_MAX),
                     bad[i].words);
    made = linked_start();
    linked_dynamic(made, RELRSZ, 8);
    linked_dynamic(made, RELRSZ, 8);
    assert_words(linked_run(made, BASE, SIZE_MAX), "its dynamic section has RELRSZ twice");
    made = linked_start();
    linked_dynamic(made, FLAGS, 0);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "its dynamic section, up to offset 0x7010, does not end with NULL");
    made_put(made, made_field(3, P_OFFSET), 8, 0x7ff8);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "its dynamic section, 0x10 bytes at offset 0x7ff8, is outside the file, which has "
                 "0x8000");
}

static void tables_of_relocations_are_named(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, TABLES, 24, 16);
    linked_dynamic(made, 0, 0);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "its table of relocations RELA, 0x2010+0x18 with entries of 0x10 bytes, is "
                 "damaged: entries have 24 bytes");
    made = linked_start();
    linked_relr_is(made, UINT64_C(0x9000), 8, 8);
    linked_dynamic(made, 0, 0);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "its table of relocations RELR, 0x9000+0x8 with entries of 0x8 bytes, is in no "
                 "segment's part of the file");
    made = linked_start();
    linked_relr_is(made, TABLE2, 8, 8);
    linked_relr(made, 0, 0x13);
    linked_dynamic(made, 0, 0);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "its table of relocations RELR, 0x2800+0x8 with entries of 0x8 bytes, begins with "
                 "a bitmap, 0x13, before any address");
}

/* The addresses are those of the file, as readelf shows them, wherever the payload is put. */
static void relocations_are_named(void **state)
{
    static const struct {
        uint32_t type;
        const char *name;
    } types[] = {
        {1, "1, R_X86_64_64"},          {2, "2, R_X86_64_PC32"},
        {5, "5, R_X86_64_COPY"},        {6, "6, R_X86_64_GLOB_DAT"},
        {7, "7, R_X86_64_JUMP_SLOT"},   {10, "10, R_X86_64_32"},
        {16, "16, R_X86_64_DTPMOD64"},  {17, "17, R_X86_64_DTPOFF64"},
        {18, "18, R_X86_64_TPOFF64"},   {36, "36, R_X86_64_TLSDESC"},
        {37, "37, R_X86_64_IRELATIVE"}, {9, "9, of no known name"},
        {38, "38, of no known name"},   {UINT32_MAX, "4294967295, of no known name"},
    };
    struct made *made = linked_start();
    char words[256];

    (void)state;
    linked_rela_is(made, TABLES, 24, 24);
    linked_dynamic(made, 0, 0);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        linked_rela(made, 0, DATA + 8, types[i].type, 0);
        snprintf(words, sizeof(words),
                 "its relocation of 0x4008 has type %s, where only R_X86_64_RELATIVE needs no "
                 "dynamic linker: link it with -static-pie",
                 types[i].name);
        assert_words(linked_run(made, BASE, SIZE_MAX), words);
    }
    linked_rela(made, 0, TABLES, RELATIVE, 0);
    assert_words(linked_run(made, BASE, SIZE_MAX),
                 "a relocation, of the 8 bytes at 0x2010, is outside the writable segments");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_says_which_what_and_how_else),
        cmocka_unit_test(segments_are_numbered_as_readelf_does),
        cmocka_unit_test(limits_and_doubles_are_named),
        cmocka_unit_test(levels_are_those_of_the_page_tables),
        cmocka_unit_test(dynamic_section_is_named),
        cmocka_unit_test(tables_of_relocations_are_named),
        cmocka_unit_test(relocations_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
