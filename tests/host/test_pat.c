/* SPDX-License-Identifier: MIT */
/* How a page-table entry says a memory type: PAT index and bits. */
#include "test.h"

#include "layout.h"
#include "memtype.h"
#include "pagetable.h"
#include "runtime_firmware.h"

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

static bool needs_the_pat(enum memtype type)
{
    return type == MEMTYPE_WC || type == MEMTYPE_WP;
}

/* Without the PAT an entry has two bits for a memory type, and neither WC nor WP is among them. */
static void without_the_pat_an_entry_says_no_wc_or_wp(void **state)
{
    struct mtrr_state mtrr = {.no_pat = false};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all_types); i++) {
        mtrr.no_pat = false;
        assert_true(memtype_in_entry(&mtrr, all_types[i]));
        mtrr.no_pat = true;
        assert_int_equal(memtype_in_entry(&mtrr, all_types[i]), !needs_the_pat(all_types[i]));
        assert_int_equal(needs_the_pat(all_types[i]), pat_index(all_types[i]) >= 4);
    }
}

/* A plan with such an entry is refused, and the entry named. */
static void without_the_pat_no_plan_has_wc_or_wp(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all_types); i++) {
        for (unsigned no_pat = 0; no_pat <= 1; no_pat++) {
            struct machine *m = machine_start(40);
            bool refused = no_pat && needs_the_pat(all_types[i]);
            struct error err;

            m->mtrr.no_pat = no_pat;
            machine_add(m, 0, M(8), MEM_USABLE);
            machine_want(m, (struct mapping){SCREEN_VA, G(3), M(2), RIGHT_W, (uint8_t)all_types[i],
                                             2, WHAT_FRAMEBUFFER});
            machine_settle(m);
            err = plan_make(&m->plan, &m->request);
            assert_int_equal(err.code, refused ? ERR_TYPE : ERR_NONE);
            assert_int_equal(err.at, refused ? SCREEN_VA : 0);
            assert_int_equal(m->plan.count, refused ? 0 : 2);
        }
    }
}

/* Runtime regions are mapped uncacheable then: by attribute, and where the MTRRs say so. */
static void without_the_pat_no_runtime_region_is_wc_or_wp(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(all_types); i++) {
        for (unsigned bits = 0; bits < 16; bits++) {
            struct firmware *fw = firmware_start();
            enum memtype type;

            fw->machine->mtrr.no_pat = true;
            fw->machine->mtrr.def_type = 0x800 | (uint64_t)all_types[i];
            firmware_region(MMIO, M(4), 8, bits);
            firmware_run();
            firmware_expect();
            assert_int_equal(fw->runtime.count, 1);
            type = (enum memtype)fw->runtime.mappings[0].type;
            assert_false(needs_the_pat(type));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pat_index_finds_its_type),
        cmocka_unit_test(pat_bit_stands_where_the_level_has_it),
        cmocka_unit_test(without_the_pat_an_entry_says_no_wc_or_wp),
        cmocka_unit_test(without_the_pat_no_plan_has_wc_or_wp),
        cmocka_unit_test(without_the_pat_no_runtime_region_is_wc_or_wp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
