/* SPDX-License-Identifier: MIT */
/* Relative relocations in few bytes (System V ABI, RELR), by themselves and beside Elf64_Rela. */
#include "elf.h"

#include "elf_linked.h"
#include "test.h"

/* RELR, an address: what stands there, and the base. */
static void relr_address_adds_the_base(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_relr_is(made, TABLE2, 4 * 8, 8);
    linked_relr(made, 0, DATA);
    linked_relr(made, 1, DATA + 0x100);
    linked_relr(made, 2, DATA + MADE_DATA_ROOM - 9);
    linked_relr(made, 3, DATA + 0x80);
    made_put(made, DATA_AT, 8, 0x1111);
    made_put(made, DATA_AT + 0x100, 8, UINT64_MAX);
    made_put(made, DATA_AT + 0x80, 8, -BASE);
    linked_dynamic(made, 0, 0);
    linked_good(made, BASE, 4);
    linked_assert_put(BASE + DATA, BASE + 0x1111);
    linked_assert_put(BASE + DATA + 0x100, BASE - 1);
    linked_assert_put(BASE + DATA + 0x80, 0);
    linked_assert_put(BASE + DATA + MADE_DATA_ROOM - 9, BASE);
}

/* A bitmap's 63 bits are the words behind, from the lowest; the next bitmap goes on there. */
static void relr_bitmaps_are_the_words_behind(void **state)
{
    struct made *made = linked_start();

    (void)state;
    for (unsigned bit = 0; bit < 63; bit++) {
        linked_no_dynamic(made);
        linked_relr_is(made, TABLE2, 5 * 8, 8);
        linked_relr(made, 0, DATA);
        linked_relr(made, 1, UINT64_C(2) << bit | 1);
        linked_relr(made, 2, 1);
        linked_relr(made, 3, UINT64_C(2) << (62 - bit) | 1);
        linked_relr(made, 4, DATA + 0x700);
        for (uint64_t i = 0; i < MADE_DATA_LEN; i += 8)
            made_put(made, DATA_AT + i, 8, 0x10000 + i);
        linked_dynamic(made, 0, 0);
        linked_good(made, BASE, 4);
        linked_assert_put(BASE + DATA, BASE + 0x10000);
        for (unsigned i = 0; i < 2; i++) {
            uint64_t at = i == 0 ? 8 * (UINT64_C(1) + bit) : 8 * (UINT64_C(127) + 62 - bit);

            linked_assert_put(BASE + DATA + at, BASE + (at < MADE_DATA_LEN ? 0x10000 + at : 0));
        }
        linked_assert_put(BASE + DATA + 0x700, BASE + 0x10700);
    }
}

/* A full bitmap is 63 words, in ascending order behind the one before. */
static void relr_full_bitmap_is_63_words(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_relr_is(made, TABLE2, 2 * 8, 8);
    linked_relr(made, 0, DATA);
    linked_relr(made, 1, UINT64_MAX);
    linked_dynamic(made, 0, 0);
    linked_good(made, BASE, 64);
    for (uint64_t i = 0; i < 64; i++)
        linked_assert_put(BASE + DATA + 8 * i, BASE + made_get(made, DATA_AT + 8 * i, 8));
}

/* Words of RELR must be writable too, one of a bitmap as well. */
static void relr_words_must_be_writable(void **state)
{
    static const uint64_t first[] = {0,
                                     8,
                                     TABLES,
                                     DATA - 8,
                                     DATA - 2,
                                     DATA + MADE_DATA_ROOM - 7,
                                     DATA + 0x2ffe,
                                     UINT64_MAX - 7,
                                     UINT64_MAX - 1,
                                     -BASE};
    struct made *made = linked_start();

    (void)state;
    linked_relr_is(made, TABLE2, 2 * 8, 8);
    linked_dynamic(made, 0, 0);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        linked_relr(made, 0, first[i] & ~UINT64_C(1));
        linked_relr(made, 1, 1);
        linked_refused(made);
        assert_int_equal(linked.count, 0);
    }
    linked_relr(made, 0, DATA + MADE_DATA_ROOM - 1 - 16);
    linked_relr(made, 1, 3);
    linked_good(made, BASE, 2);
    linked_relr(made, 1, 5);
    linked_refused(made);
    linked_relr(made, 1, UINT64_C(1) << 63 | 1);
    linked_refused(made);
}

/* Both kinds of table in one image. */
static void both_tables_are_done(void **state)
{
    struct made *made = linked_start();

    (void)state;
    linked_rela_is(made, TABLES, 24, 24);
    linked_relr_is(made, TABLE2, 8, 8);
    linked_rela(made, 0, DATA, RELATIVE, 1);
    linked_relr(made, 0, DATA + 8);
    made_put(made, DATA_AT + 8, 8, 2);
    linked_dynamic(made, 0, 0);
    linked_good(made, BASE, 2);
    linked_assert_put(BASE + DATA, BASE + 1);
    linked_assert_put(BASE + DATA + 8, BASE + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relr_address_adds_the_base),
        cmocka_unit_test(relr_bitmaps_are_the_words_behind),
        cmocka_unit_test(relr_full_bitmap_is_63_words),
        cmocka_unit_test(relr_words_must_be_writable),
        cmocka_unit_test(both_tables_are_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
