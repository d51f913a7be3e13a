/* SPDX-License-Identifier: MIT */
/* Putting an ELF image somewhere, and its relocations: Elf64_Rela. RELR is in test_elf_relr.c. */
#include "elf.h"

#include "elf_linked.h"
#include "test.h"

static struct elf_image image;

/* One relocation of this kind at va, and the end. */
static struct made *with_rela(uint64_t va, uint64_t info, uint64_t addend)
{
    struct made *made = linked_start();

    linked_rela_is(made, TABLES, 24, 24);
    linked_rela(made, 0, va, info, addend);
    linked_dynamic(made, 0, 0);
    return made;
}

/* All addresses count from the base, offsets and lengths do not. */
static void placing_moves_addresses_only(void **state)
{
    static const uint64_t bases[] = {0, 0x1000, BASE, UINT64_C(0xffffffff80000000), -K(32)};
    struct made *made = linked_start();

    (void)state;
    made_header(made, MADE_RELRO, MADE_R, DATA_AT, DATA, 0x800, 0x1000, 1);
    linked_dynamic(made, 0, 0);
    for (size_t i = 0; i < COUNT_OF(bases); i++) {
        struct elf_image was;

        made_good(made, &was);
        image = was;
        elf_place(&image, bases[i]);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(image.segments[k].va, was.segments[k].va + bases[i]);
            assert_int_equal(image.segments[k].len, was.segments[k].len);
            assert_int_equal(image.segments[k].offset, was.segments[k].offset);
            assert_int_equal(image.segments[k].file_len, was.segments[k].file_len);
            assert_int_equal(image.segments[k].rights, was.segments[k].rights);
        }
        assert_int_equal(image.count, 3);
        assert_int_equal(image.entry, was.entry + bases[i]);
        assert_int_equal(image.start, bases[i]);
        assert_int_equal(image.end, bases[i] + 0x7000);
        assert_int_equal(image.relro, DATA + bases[i]);
        assert_int_equal(image.relro_len, 0x1000);
        assert_int_equal(image.dynamic_offset, DYNAMIC);
        assert_int_equal(image.dynamic_len, 16);
        assert_int_equal(image.align, 4096);
        assert_true(image.relocatable);
    }
}

/* An image linked for high addresses is put low, and back, by sums that wrap. */
static void placing_wraps_around(void **state)
{
    const uint64_t high = UINT64_C(0xffffffff80000000);
    struct made *made = made_three(MADE_DYN, high);

    (void)state;
    made_good(made, &image);
    elf_place(&image, M(16) - high);
    assert_int_equal(image.start, M(16));
    assert_int_equal(image.end, M(16) + 0x7000);
    assert_int_equal(image.entry, M(16) + 0x10);
    assert_int_equal(image.segments[2].va, M(16) + DATA);
    elf_place(&image, high - M(16));
    assert_int_equal(image.start, high);
    assert_int_equal(image.segments[0].va, high);
    assert_int_equal(image.entry, high + 0x10);
}

/* An executable has no relocations, whatever its dynamic section says. */
static void executable_is_not_relocated(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, 0x12345, 7, 9);
    linked_dynamic(made, NEEDED, 1);
    made_put(made, E_TYPE, 2, MADE_EXEC);
    for (unsigned i = 0; i < 3; i++)
        made_put(made, made_field(i, P_VADDR), 8, made_get(made, made_field(i, P_VADDR), 8) + M(1));
    made_put(made, E_ENTRY, 8, M(1));
    linked_good(made, 0, 0);
    assert_false(linked.image.relocatable);
}

/* Without a dynamic section, or with an empty one, there is nothing to do. */
static void nothing_to_relocate_is_no_error(void **state)
{
    struct made *made = made_three(MADE_DYN, 0);

    (void)state;
    linked_good(made, BASE, 0);
    made = linked_start();
    linked_dynamic(made, 0, 0);
    linked_good(made, BASE, 0);
}

/* RELATIVE: the base and its addend, wrapping, whatever stood there; NONE: nothing. */
static void rela_relative_adds_the_base(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, TABLES, 5 * 24, 24);
    linked_rela(made, 0, DATA + 8, RELATIVE, 0x1234);
    linked_rela(made, 1, UINT64_MAX, NONE, UINT64_MAX);
    linked_rela(made, 2, DATA, RELATIVE, (uint64_t)-16);
    linked_rela(made, 3, DATA + MADE_DATA_ROOM - 8, RELATIVE, 0);
    linked_rela(made, 4, DATA + 0x13, RELATIVE, UINT64_MAX - BASE + 1);
    linked_dynamic(made, 0, 0);
    linked_good(made, BASE, 4);
    linked_assert_put(BASE + DATA + 8, BASE + 0x1234);
    linked_assert_put(BASE + DATA, BASE - 16);
    linked_assert_put(BASE + DATA + MADE_DATA_ROOM - 8, BASE);
    linked_assert_put(BASE + DATA + 0x13, 0);
    linked_good(made, 0, 4);
    linked_assert_put(DATA + 8, 0x1234);
}

/* As many as fill the table are done, each once. */
static void every_entry_is_done_once(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, TABLES, 80 * 24, 24);
    linked_dynamic(made, 0, 0);
    for (unsigned i = 0; i < 80; i++)
        linked_rela(made, i, DATA + 16 * (uint64_t)i, RELATIVE, i);
    linked_good(made, BASE, 80);
    for (unsigned i = 0; i < 80; i++)
        linked_assert_put(BASE + DATA + 16 * (uint64_t)i, BASE + i);
}

/* All eight bytes are in a writable segment, to its last byte and not beyond. */
static void target_must_be_writable(void **state)
{
    static const uint64_t bad[] = {0,
                                   8,
                                   TABLES,
                                   DATA - 8,
                                   DATA - 7,
                                   DATA - 1,
                                   UINT64_MAX,
                                   UINT64_MAX - 7,
                                   M(1),
                                   -BASE,
                                   DATA + MADE_DATA_ROOM - 7,
                                   DATA + MADE_DATA_ROOM - 1,
                                   DATA + MADE_DATA_ROOM,
                                   DATA + 0x2ff8,
                                   BASE + DATA};

    (void)state;
    linked_good(with_rela(DATA, RELATIVE, 0), BASE, 1);
    linked_good(with_rela(DATA + MADE_DATA_ROOM - 8, RELATIVE, 0), BASE, 1);
    linked_good(with_rela(DATA + MADE_DATA_LEN - 4, RELATIVE, 0), BASE, 1);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        linked_refused(with_rela(bad[i], RELATIVE, 0));
        assert_int_equal(linked.count, 0);
    }
}

/* What is read-only once the payload runs is still written by its relocations. */
static void relro_is_relocated(void **state)
{
    struct made *made = with_rela(DATA + 8, RELATIVE, 5);

    (void)state;
    made_header(made, MADE_RELRO, MADE_R, DATA_AT, DATA, 0x800, 0x1000, 1);
    linked_good(made, BASE, 1);
    linked_assert_put(BASE + DATA + 8, BASE + 5);
}

/* Any other kind of relocation is refused, symbols and functions to be called too. */
static void other_kinds_are_refused(void **state)
{
    (void)state;
    for (unsigned kind = 1; kind < 64; kind++) {
        if (kind != RELATIVE)
            linked_refused(with_rela(DATA, kind, 0));
    }
    linked_refused(with_rela(DATA, 256 + RELATIVE, 0));
    linked_refused(with_rela(DATA, UINT32_C(0x80000000) + RELATIVE, 0));
    linked_refused(with_rela(DATA, UINT32_MAX, 0));
    linked_refused(with_rela(DATA, (UINT64_C(1) << 32) + R_64, 0));
    linked_refused(with_rela(DATA, (UINT64_C(1) << 32) + GLOB_DAT, 0));
    linked_refused(with_rela(DATA, (UINT64_C(1) << 32) + JUMP_SLOT, 0));
    linked_refused(with_rela(DATA, IRELATIVE, 0));
}

/* Tables without addends, for procedures, and other files are refused, and writing into code. */
static void other_tables_are_refused(void **state)
{
    static const struct {
        uint64_t tags[4];
        uint64_t values[4];
    } bad[] = {{{NEEDED}, {1}},
               {{REL, RELSZ, RELENT}, {TABLES, 16, 16}},
               {{PLTREL, JMPREL, 2}, {RELA, TABLES, 24}},
               {{TEXTREL}, {0}},
               {{FLAGS}, {4}},
               {{FLAGS}, {4 | 8}}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct made *made = linked_start();

        for (size_t k = 0; k < 4 && bad[i].tags[k]; k++)
            linked_dynamic(made, bad[i].tags[k], bad[i].values[k]);
        linked_dynamic(made, 0, 0);
        linked_refused(made);
    }
}

/* What else is in a dynamic section does no harm, and nothing counts behind its end. */
static void other_entries_are_ignored(void **state)
{
    static const uint64_t tags[] = {3,  4,  5,  6,  10, 11, 12,         13,         14,        16,
                                    21, 24, 25, 26, 27, 28, 0x6ffffef5, 0x6ffffff9, 0x6ffffffb};
    struct made *made = linked_start();

    (void)state;
    linked_dynamic(made, FLAGS, 8);
    for (size_t i = 0; i < COUNT_OF(tags); i++)
        linked_dynamic(made, tags[i], UINT64_MAX);
    linked_rela_is(made, TABLES, 24, 24);
    linked_rela(made, 0, DATA, RELATIVE, 1);
    linked_dynamic(made, 0, 0);
    linked_dynamic(made, NEEDED, 1);
    linked_dynamic(made, TEXTREL, 1);
    linked_rela_is(made, 1, 1, 1);
    linked_good(made, BASE, 1);
}

/* The entries come in any order. */
static void order_of_the_entries_is_free(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 3; first++) {
        static const uint64_t tags[] = {RELA, RELASZ, RELAENT};
        static const uint64_t values[] = {TABLES, 24, 24};
        struct made *made = linked_start();

        for (unsigned i = 0; i < 3; i++)
            linked_dynamic(made, tags[(first + 2 * i) % 3], values[(first + 2 * i) % 3]);
        linked_rela(made, 0, DATA, RELATIVE, 1);
        linked_dynamic(made, 0, 0);
        linked_good(made, BASE, 1);
    }
}

/* Sizes of entries and tables must fit: half an entry is damage. */
static void damaged_tables_are_refused(void **state)
{
    (void)state;
    for (unsigned size = 0; size < 64; size++) {
        struct made *made = linked_start();

        linked_rela(made, 0, DATA, RELATIVE, 0);
        linked_rela(made, 1, DATA, RELATIVE, 0);
        linked_relr(made, 0, DATA);
        linked_relr(made, 1, DATA + 8);
        linked_rela_is(made, TABLES, 48, size);
        linked_dynamic(made, 0, 0);
        if (size != 24)
            linked_refused(made);
        linked_no_dynamic(made);
        linked_rela_is(made, TABLES, size, 24);
        linked_dynamic(made, 0, 0);
        if (size % 24 != 0)
            linked_refused(made);
        linked_no_dynamic(made);
        linked_relr_is(made, TABLE2, 16, size);
        linked_dynamic(made, 0, 0);
        if (size != 8)
            linked_refused(made);
        linked_no_dynamic(made);
        linked_relr_is(made, TABLE2, size, 8);
        linked_dynamic(made, 0, 0);
        if (size % 8 != 0)
            linked_refused(made);
    }
}

/* A table is in the bytes of a segment that are in the file, to the last one; zeros are none. */
static void tables_outside_the_file_are_refused(void **state)
{
    static const struct {
        uint64_t va, size;
    } bad[] = {{0x3000 - 24 + 1, 24},
               {0x2000, 24},
               {TABLES - 1, 24},
               {0x3000, 24},
               {DYNAMIC, 24},
               {0x8000, 24},
               {UINT64_MAX - 23, 24},
               {UINT64_MAX, 24},
               {-BASE, 24},
               {BASE + TABLES, 24},
               {TABLES, 0xff0 + 24},
               {TABLES, UINT64_MAX / 24 * 24},
               {TABLES, UINT64_C(24) << 59},
               {DATA + MADE_DATA_LEN - 23, 24},
               {DATA + MADE_DATA_LEN, 24},
               {MADE_TEXT_LEN - 23, 24}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct made *made = linked_start();

        memset(made->bytes + 0x2000, 0, 0x2000);
        linked_rela_is(made, bad[i].va, bad[i].size, 24);
        linked_dynamic(made, 0, 0);
        linked_refused(made);
        made_put(made, DYNAMIC, 8, RELR);
        made_put(made, DYNAMIC + 16, 8, RELRSZ);
        made_put(made, DYNAMIC + 32, 8, RELRENT);
        made_put(made, DYNAMIC + 40, 8, 8);
        linked_refused(made);
    }
}

/* The last bytes of a segment may be a table. */
static void table_may_end_with_its_segment(void **state)
{
    static const uint64_t at[] = {TABLES, 0x3000 - 24, DATA, DATA + MADE_DATA_LEN - 24};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct made *made = linked_start();
        uint64_t offset = at[i] < DATA ? at[i] : at[i] - DATA + DATA_AT;

        linked_rela_is(made, at[i], 24, 24);
        linked_dynamic(made, 0, 0);
        made_put(made, offset, 8, DATA + 64);
        made_put(made, offset + 8, 8, RELATIVE);
        made_put(made, offset + 16, 8, 3);
        linked_good(made, BASE, 1);
        linked_assert_put(BASE + DATA + 64, BASE + 3);
    }
}

/* An error of put ends it at once, and is passed on as it is. */
static void error_of_put_ends_it(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, TABLES, 10 * 24, 24);
    linked_relr_is(made, TABLE2, 2 * 8, 8);
    linked_dynamic(made, 0, 0);
    for (unsigned i = 0; i < 10; i++)
        linked_rela(made, i, DATA + 8 * (uint64_t)i, RELATIVE, i);
    linked_relr(made, 0, DATA + 0x100);
    linked_relr(made, 1, UINT64_C(0x1f) << 1 | 1);
    linked_good(made, BASE, 16);
    for (size_t n = 0; n < 16; n++) {
        struct error err = linked_run(made, BASE, n);

        assert_int_equal(err.code, ERR_FAULT);
        assert_int_equal(err.at, 1);
        assert_int_equal(err.value, 2);
        assert_string_equal(err.text, "3");
        assert_int_equal(linked.count, n + 1);
    }
}

/* An image linked for high addresses is relocated low, by sums that wrap. */
static void relocating_wraps_around(void **state)
{
    const uint64_t high = UINT64_C(0xffffffff80000000);
    struct made *made = linked_start();

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        made_put(made, made_field(i, P_VADDR), 8, made_get(made, made_field(i, P_VADDR), 8) + high);
    made_put(made, E_ENTRY, 8, high);
    linked_rela_is(made, high + TABLES, 24, 24);
    linked_relr_is(made, high + TABLE2, 8, 8);
    linked_dynamic(made, 0, 0);
    linked_rela(made, 0, high + DATA, RELATIVE, high + 5);
    linked_relr(made, 0, high + DATA + 8);
    made_put(made, DATA_AT + 8, 8, high + 6);
    linked_good(made, M(16) - high, 2);
    linked_assert_put(M(16) + DATA, M(16) + 5);
    linked_assert_put(M(16) + DATA + 8, M(16) + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placing_moves_addresses_only),
        cmocka_unit_test(placing_wraps_around),
        cmocka_unit_test(executable_is_not_relocated),
        cmocka_unit_test(nothing_to_relocate_is_no_error),
        cmocka_unit_test(rela_relative_adds_the_base),
        cmocka_unit_test(every_entry_is_done_once),
        cmocka_unit_test(target_must_be_writable),
        cmocka_unit_test(relro_is_relocated),
        cmocka_unit_test(other_kinds_are_refused),
        cmocka_unit_test(other_tables_are_refused),
        cmocka_unit_test(other_entries_are_ignored),
        cmocka_unit_test(order_of_the_entries_is_free),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(tables_outside_the_file_are_refused),
        cmocka_unit_test(table_may_end_with_its_segment),
        cmocka_unit_test(error_of_put_ends_it),
        cmocka_unit_test(relocating_wraps_around),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
