/* SPDX-License-Identifier: MIT */
/* How a page-table entry says a memory type: PAT index and bits. */
#include "test.h"

#include "memtype.h"
#include "pagetable.h"

static const enum memtype all_types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};

/* Entries 0 to 3 are as after reset, and each type's index finds its own encoding. */
static void pat_index_finds_its_type(void **state)
{
    (void)state;
    assert_int_equal(PAT_VALUE & 0xffffffff, 0x00070406);
    for (size_t i = 0; i < COUNT_OF(all_types); i++) {
        unsigned index = pat_index(all_types[i]);

        assert_in_range(index, 0, 7);
        assert_int_equal((PAT_VALUE >> (8 * index)) & 0xff, all_types[i]);
    }
    assert_int_equal(pat_index(MEMTYPE_WB), 0);
}

/* PWT and PCD are bits 3 and 4; the PAT bit is 7 in a 4 KiB leaf, 12 in a larger one. */
static void pat_bit_stands_where_the_level_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all_types); i++) {
        uint64_t index = pat_index(all_types[i]);
        uint64_t low = (index & 1) << 3 | (index & 2) << 3;
        uint64_t high = index >> 2;
        uint64_t small = pte_attributes(0, all_types[i], 0);

        assert_int_equal(small & 0x1098, low | high << 7);
        for (unsigned level = 1; level <= 2; level++) {
            uint64_t large = pte_attributes(0, all_types[i], level);

            assert_int_equal(large & 0x1098, low | high << 12 | 0x80);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pat_index_finds_its_type),
        cmocka_unit_test(pat_bit_stands_where_the_level_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
