/* SPDX-License-Identifier: MIT */
#include "memtype.h"

#include "pagetable.h"
#include "random.h"
#include "reference.h"
#include "test.h"

#define ENABLE       UINT64_C(0x800)
#define FIXED_ENABLE UINT64_C(0x400)
#define VALID        UINT64_C(0x800)

static const enum memtype all_types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};

static struct mtrr_state enabled(enum memtype type, unsigned phys_bits)
{
    return (struct mtrr_state){
        .present = true, .phys_bits = phys_bits, .def_type = ENABLE | (uint64_t)type};
}

static void add_variable(struct mtrr_state *mtrr, uint64_t base, uint64_t size, uint64_t type)
{
    uint64_t width = (UINT64_C(1) << mtrr->phys_bits) - 1;

    mtrr->var[mtrr->variable].base = base | type;
    mtrr->var[mtrr->variable].mask = (width & ~(size - 1)) | VALID;
    mtrr->variable++;
}

static enum memtype type_at(const struct mtrr_state *mtrr, uint64_t pa)
{
    return memtype_span(mtrr, pa, pa + 4096).type;
}

static void assert_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit, uint64_t end,
                        enum memtype type)
{
    struct memtype_span span = memtype_span(mtrr, pa, limit);

    assert_int_equal(span.end, end);
    assert_int_equal(span.type, type);
}

/* Where the span has to end: the first page of another type, by looking at every page. */
static void check_by_page(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    enum memtype type = ref_mtrr_type(mtrr, pa);
    uint64_t end = pa + 4096;

    while (end < limit && ref_mtrr_type(mtrr, end) == type)
        end += 4096;
    assert_span(mtrr, pa, limit, end, type);
}

/* Each type has its customary name. */
static void names_are_the_manuals(void **state)
{
    (void)state;
    assert_string_equal(memtype_name(MEMTYPE_UC), "UC");
    assert_string_equal(memtype_name(MEMTYPE_WC), "WC");
    assert_string_equal(memtype_name(MEMTYPE_WT), "WT");
    assert_string_equal(memtype_name(MEMTYPE_WP), "WP");
    assert_string_equal(memtype_name(MEMTYPE_WB), "WB");
}

/* A CPU without MTRRs has write-back memory everywhere, whatever the struct else holds. */
static void without_mtrrs_all_is_wb(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);

    (void)state;
    add_variable(&mtrr, 0, M(1), MEMTYPE_WC);
    mtrr.present = false;
    assert_span(&mtrr, 0, T(1), T(1), MEMTYPE_WB);
}

/* MTRRs that are switched off make all memory uncached, ranges or not. */
static void disabled_mtrrs_make_all_uc(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    add_variable(&mtrr, 0, M(1), MEMTYPE_WC);
    memset(mtrr.fixed, 6, sizeof(mtrr.fixed));
    mtrr.def_type = FIXED_ENABLE | MEMTYPE_WB;
    assert_span(&mtrr, 0, T(1), T(1), MEMTYPE_UC);
}

/* Where no range matches, the default type rules; a reserved encoding is UC. */
static void default_type_rules_the_rest(void **state)
{
    (void)state;
    for (unsigned encoding = 0; encoding < 256; encoding++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);
        bool known = encoding == 1 || (encoding >= 4 && encoding <= 6);

        mtrr.def_type = ENABLE | encoding;
        assert_span(&mtrr, 0, T(1), T(1), known ? (enum memtype)encoding : MEMTYPE_UC);
    }
}

/* Each of the 88 fixed fields rules its own bytes, and nothing else. */
static void each_fixed_field_rules_its_own_bytes(void **state)
{
    uint64_t at = 0;

    (void)state;
    for (unsigned field = 0; field < 88; field++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);
        uint64_t size = field < 8 ? 0x10000 : field < 24 ? 0x4000 : 0x1000;

        mtrr.def_type |= FIXED_ENABLE;
        memset(mtrr.fixed, MEMTYPE_WB, sizeof(mtrr.fixed));
        mtrr.fixed[field / 8] ^= UINT64_C(2) << (field % 8 * 8); /* 6 becomes 4 */
        assert_span(&mtrr, at, M(2), at + size, MEMTYPE_WT);
        if (at > 0)
            assert_span(&mtrr, 0, M(2), at, MEMTYPE_WB);
        if (at + size < M(1))
            assert_span(&mtrr, at + size, M(2), M(2), MEMTYPE_WB);
        at += size;
    }
    assert_int_equal(at, M(1));
}

/* The VGA hole as firmware leaves it: RAM, hole, RAM, three spans. */
static void vga_hole_is_a_span_of_its_own(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    mtrr.def_type |= FIXED_ENABLE;
    memset(mtrr.fixed, MEMTYPE_WB, sizeof(mtrr.fixed));
    mtrr.fixed[2] = 0;
    assert_span(&mtrr, 0, G(4), 0xa0000, MEMTYPE_WB);
    assert_span(&mtrr, 0xa0000, G(4), 0xc0000, MEMTYPE_UC);
    assert_span(&mtrr, 0xc0000, G(4), G(4), MEMTYPE_WB);
    assert_span(&mtrr, 0xa4000, 0xa5000, 0xa5000, MEMTYPE_UC);
}

/* Fixed ranges come before variable ones and the default, but only below 1 MiB. */
static void fixed_ranges_beat_variable_ones(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    mtrr.def_type |= FIXED_ENABLE;
    memset(mtrr.fixed, MEMTYPE_WP, sizeof(mtrr.fixed));
    add_variable(&mtrr, 0, M(2), MEMTYPE_UC);
    assert_span(&mtrr, 0, M(4), M(1), MEMTYPE_WP);
    assert_span(&mtrr, M(1), M(4), M(2), MEMTYPE_UC);
    assert_span(&mtrr, M(2), M(4), M(4), MEMTYPE_WB);
}

/* With the fixed ranges off, the first MiB is like any other. */
static void disabled_fixed_ranges_do_not_count(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    memset(mtrr.fixed, MEMTYPE_WP, sizeof(mtrr.fixed));
    assert_span(&mtrr, 0, M(4), M(4), MEMTYPE_WB);
    add_variable(&mtrr, 0, K(64), MEMTYPE_WT);
    assert_span(&mtrr, 0, M(4), K(64), MEMTYPE_WT);
    assert_span(&mtrr, K(64), M(4), M(4), MEMTYPE_WB);
}

/* A reserved encoding in a fixed field is UC. */
static void reserved_fixed_encoding_is_uc(void **state)
{
    static const unsigned reserved[] = {2, 3, 7, 8, 255};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

        mtrr.def_type |= FIXED_ENABLE;
        memset(mtrr.fixed, (int)reserved[i], sizeof(mtrr.fixed));
        assert_span(&mtrr, 0, M(2), M(1), MEMTYPE_UC);
    }
}

/* A variable range rules exactly [base, base + size), at each physical width. */
static void variable_range_has_sharp_edges(void **state)
{
    (void)state;
    for (unsigned bits = 36; bits <= 52; bits++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_UC, bits);
        uint64_t width = UINT64_C(1) << bits;
        uint64_t base = width / 2;

        add_variable(&mtrr, base, G(1), MEMTYPE_WB);
        assert_span(&mtrr, 0, width, base, MEMTYPE_UC);
        assert_span(&mtrr, base, width, base + G(1), MEMTYPE_WB);
        assert_span(&mtrr, base + G(1) - 4096, width, base + G(1), MEMTYPE_WB);
        assert_span(&mtrr, base + G(1), width, width, MEMTYPE_UC);
    }
}

/* A pair that is not valid does not count. */
static void invalid_pair_does_not_count(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    add_variable(&mtrr, 0, G(1), MEMTYPE_UC);
    mtrr.var[0].mask &= ~VALID;
    assert_span(&mtrr, 0, T(1), T(1), MEMTYPE_WB);
}

/* Pairs past the number that the CPU has do not count. */
static void pairs_past_the_count_do_not_count(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    add_variable(&mtrr, 0, G(1), MEMTYPE_UC);
    mtrr.variable = 0;
    assert_span(&mtrr, 0, T(1), T(1), MEMTYPE_WB);
}

/* For every pair of types: UC wins, equal stay, WB with WT is WT, the rest is UC. */
static void overlap_of_two_follows_the_manual(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(all_types); a++) {
        for (size_t b = 0; b < COUNT_OF(all_types); b++) {
            struct mtrr_state mtrr = enabled(MEMTYPE_WP, 40);
            enum memtype both = MEMTYPE_UC;

            if (a == b)
                both = all_types[a];
            else if ((all_types[a] == MEMTYPE_WB && all_types[b] == MEMTYPE_WT) ||
                     (all_types[a] == MEMTYPE_WT && all_types[b] == MEMTYPE_WB))
                both = MEMTYPE_WT;
            add_variable(&mtrr, 0, G(1), all_types[a]);
            add_variable(&mtrr, M(512), M(512), all_types[b]);
            assert_int_equal(type_at(&mtrr, 0), all_types[a]);
            assert_int_equal(type_at(&mtrr, M(512)), both);
            assert_int_equal(type_at(&mtrr, G(1)), MEMTYPE_WP);
        }
    }
}

/* Three at once: WB, WT and WB are WT; WB, WT and WC are UC; and UC always wins. */
static void overlap_of_three_follows_the_manual(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    add_variable(&mtrr, 0, G(4), MEMTYPE_WB);
    add_variable(&mtrr, 0, G(2), MEMTYPE_WT);
    add_variable(&mtrr, 0, G(1), MEMTYPE_WB);
    assert_int_equal(type_at(&mtrr, 0), MEMTYPE_WT);
    mtrr.var[2].base = MEMTYPE_WC;
    assert_int_equal(type_at(&mtrr, 0), MEMTYPE_UC);
    mtrr.var[2].base = MEMTYPE_UC;
    assert_int_equal(type_at(&mtrr, 0), MEMTYPE_UC);
}

/* A reserved encoding in a variable range is UC, and as such wins. */
static void reserved_variable_encoding_is_uc(void **state)
{
    static const unsigned reserved[] = {2, 3, 7, 8, 255};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

        add_variable(&mtrr, 0, G(1), reserved[i]);
        assert_span(&mtrr, 0, G(2), G(1), MEMTYPE_UC);
        add_variable(&mtrr, 0, G(1), MEMTYPE_WB);
        assert_span(&mtrr, 0, G(2), G(1), MEMTYPE_UC);
    }
}

/* Two ranges of one type that touch or overlap are one span, and so is the default beside them. */
static void span_runs_over_edges_that_change_nothing(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);

    (void)state;
    add_variable(&mtrr, 0, G(2), MEMTYPE_WB);
    add_variable(&mtrr, G(2), G(1), MEMTYPE_WB);
    add_variable(&mtrr, G(1), G(1), MEMTYPE_WB);
    add_variable(&mtrr, G(3), M(256), MEMTYPE_UC);
    assert_span(&mtrr, 0, T(1), G(3), MEMTYPE_WB);
    assert_span(&mtrr, G(3), T(1), T(1), MEMTYPE_UC);
}

/* The span stops at the limit even where the type goes on. */
static void limit_ends_the_span(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);

    (void)state;
    add_variable(&mtrr, 0, G(2), MEMTYPE_WB);
    assert_span(&mtrr, M(1), M(1) + 4096, M(1) + 4096, MEMTYPE_WB);
    assert_span(&mtrr, 0, G(2), G(2), MEMTYPE_WB);
    assert_span(&mtrr, T(1) - 4096, T(1), T(1), MEMTYPE_UC);
}

/* A mask with a hole holds what agrees with the base in the mask's bits, and nothing else. */
static void mask_with_a_hole_holds_every_match(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_WB, 40);

    (void)state;
    add_variable(&mtrr, G(4), M(1), MEMTYPE_UC);
    mtrr.var[0].mask &= ~M(4); /* matches 4 GiB + 0, and + 4 MiB */
    assert_span(&mtrr, M(2), T(1), G(4), MEMTYPE_WB);
    assert_span(&mtrr, G(4), T(1), G(4) + M(1), MEMTYPE_UC);
    assert_span(&mtrr, G(4) + M(1), T(1), G(4) + M(4), MEMTYPE_WB);
    assert_span(&mtrr, G(4) + M(4), T(1), G(4) + M(5), MEMTYPE_UC);
    assert_span(&mtrr, G(4) + M(5), T(1), T(1), MEMTYPE_WB);
}

/* Firmware that takes a 46-bit CPU for a 36-bit one: RAM below is as meant, each 64 GiB has an alias. */
static void mask_short_of_the_width_repeats(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 46);

    (void)state;
    add_variable(&mtrr, 0, G(2), MEMTYPE_WB);
    mtrr.var[0].mask &= G(64) - 1;
    assert_span(&mtrr, M(1), G(64), G(2), MEMTYPE_WB);
    assert_span(&mtrr, G(2), T(1), G(64), MEMTYPE_UC);
    assert_span(&mtrr, G(64), T(1), G(66), MEMTYPE_WB);
    assert_span(&mtrr, T(64) - G(62), T(64), T(64), MEMTYPE_UC);
}

/* AMD's Tom2ForceMemTypeWB: from 4 GiB to TOP_MEM2 the default is WB, and ranges still override it. */
static void tom2_makes_the_default_write_back(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 48);

    (void)state;
    add_variable(&mtrr, 0, G(2), MEMTYPE_WB);
    add_variable(&mtrr, G(5), M(1), MEMTYPE_UC);
    mtrr.wb_top = G(8) + M(8);
    assert_span(&mtrr, M(1), T(1), G(2), MEMTYPE_WB);
    assert_span(&mtrr, G(2), T(1), G(4), MEMTYPE_UC);
    assert_span(&mtrr, G(4), T(1), G(5), MEMTYPE_WB);
    assert_span(&mtrr, G(5), T(1), G(5) + M(1), MEMTYPE_UC);
    assert_span(&mtrr, G(5) + M(1), T(1), G(8) + M(8), MEMTYPE_WB);
    assert_span(&mtrr, G(8) + M(8), T(1), T(1), MEMTYPE_UC);
    mtrr.wb_top = 0;
    assert_span(&mtrr, G(2), T(1), T(1), MEMTYPE_UC);
}

/* memtype_is() holds for exactly the stretches that memtype_span() gives. */
static void one_type_throughout(void **state)
{
    struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);

    (void)state;
    add_variable(&mtrr, 0, G(2), MEMTYPE_WB);
    assert_true(memtype_is(&mtrr, M(1), G(1), MEMTYPE_WB));
    assert_true(memtype_is(&mtrr, M(1), G(2) - M(1), MEMTYPE_WB));
    assert_false(memtype_is(&mtrr, M(1), G(2) - M(1) + 4096, MEMTYPE_WB));
    assert_false(memtype_is(&mtrr, G(2) - 4096, 8192, MEMTYPE_UC));
    assert_true(memtype_is(&mtrr, G(2), 4096, MEMTYPE_UC));
}

/* Only what the manual leaves undefined is reported so: not UC over anything, nor WB with WT. */
static void undefined_overlaps_are_told_apart(void **state)
{
    static const struct {
        enum memtype a, b;
        bool undefined;
    } pairs[] = {
        {MEMTYPE_WB, MEMTYPE_WB, false}, {MEMTYPE_WB, MEMTYPE_UC, false},
        {MEMTYPE_WC, MEMTYPE_UC, false}, {MEMTYPE_WB, MEMTYPE_WT, false},
        {MEMTYPE_WT, MEMTYPE_WB, false}, {MEMTYPE_WB, MEMTYPE_WC, true},
        {MEMTYPE_WC, MEMTYPE_WB, true},  {MEMTYPE_WP, MEMTYPE_WT, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct mtrr_state mtrr = enabled(MEMTYPE_UC, 40);

        add_variable(&mtrr, 0, G(1), pairs[i].a);
        add_variable(&mtrr, M(512), M(512), pairs[i].b);
        assert_false(memtype_span(&mtrr, M(1), M(512)).undefined);
        assert_int_equal(memtype_span(&mtrr, M(512), G(1)).undefined, pairs[i].undefined);
        if (pairs[i].undefined)
            assert_int_equal(memtype_span(&mtrr, M(512), G(1)).type, MEMTYPE_UC);
        /* UC settles it, whatever else overlaps, and wherever among the registers it stands. */
        add_variable(&mtrr, 0, G(1), MEMTYPE_UC);
        assert_false(memtype_span(&mtrr, M(512), G(1)).undefined);
    }
}

static struct mtrr_state random_mtrrs(struct rng *rng, bool holes)
{
    unsigned phys_bits = 36 + (unsigned)rng_below(rng, 17);
    struct mtrr_state mtrr = enabled(all_types[rng_below(rng, 5)], phys_bits);

    if (rng_once_in(rng, 2))
        mtrr.def_type |= FIXED_ENABLE;
    if (rng_once_in(rng, 3))
        mtrr.wb_top = G(4) + rng_below(rng, 512) * M(8);
    for (unsigned i = 0; i < 88; i++) {
        uint64_t type = rng_once_in(rng, 8) ? rng_below(rng, 8) : MEMTYPE_WB;

        mtrr.fixed[i / 8] |= type << (i % 8 * 8);
    }
    for (uint64_t n = rng_below(rng, 7); n > 0; n--) {
        uint64_t size = UINT64_C(4096) << rng_below(rng, 10);
        uint64_t base = rng_below(rng, M(4) / size) * size;

        add_variable(&mtrr, base, size, rng_below(rng, 8));
        if (holes && rng_once_in(rng, 3))
            mtrr.var[mtrr.variable - 1].mask ^= UINT64_C(4096) << rng_below(rng, 10);
    }
    return mtrr;
}

/* Random MTRRs: every span in the first 4 MiB is as long as the oracle says, page by page. */
static void random_mtrrs_agree_with_the_oracle(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 400; round++) {
        struct mtrr_state mtrr = random_mtrrs(&rng, false);

        for (uint64_t pa = 0; pa < M(5);) {
            check_by_page(&mtrr, pa, M(5));
            pa = memtype_span(&mtrr, pa, M(5)).end;
        }
        for (unsigned i = 0; i < 20; i++) {
            uint64_t pa = rng_below(&rng, M(5) / 4096) * 4096;

            check_by_page(&mtrr, pa, pa + (1 + rng_below(&rng, 512)) * 4096);
        }
    }
}

/* The same with holes in masks, which firmware must not, but can, leave. */
static void random_masks_with_holes_agree_with_the_oracle(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 400; round++) {
        struct mtrr_state mtrr = random_mtrrs(&rng, true);

        for (unsigned i = 0; i < 30; i++)
            check_by_page(&mtrr, rng_below(&rng, M(5) / 4096) * 4096, M(5));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_manuals),
        cmocka_unit_test(without_mtrrs_all_is_wb),
        cmocka_unit_test(disabled_mtrrs_make_all_uc),
        cmocka_unit_test(default_type_rules_the_rest),
        cmocka_unit_test(each_fixed_field_rules_its_own_bytes),
        cmocka_unit_test(vga_hole_is_a_span_of_its_own),
        cmocka_unit_test(fixed_ranges_beat_variable_ones),
        cmocka_unit_test(disabled_fixed_ranges_do_not_count),
        cmocka_unit_test(reserved_fixed_encoding_is_uc),
        cmocka_unit_test(variable_range_has_sharp_edges),
        cmocka_unit_test(invalid_pair_does_not_count),
        cmocka_unit_test(pairs_past_the_count_do_not_count),
        cmocka_unit_test(overlap_of_two_follows_the_manual),
        cmocka_unit_test(overlap_of_three_follows_the_manual),
        cmocka_unit_test(reserved_variable_encoding_is_uc),
        cmocka_unit_test(span_runs_over_edges_that_change_nothing),
        cmocka_unit_test(limit_ends_the_span),
        cmocka_unit_test(tom2_makes_the_default_write_back),
        cmocka_unit_test(one_type_throughout),
        cmocka_unit_test(undefined_overlaps_are_told_apart),
        cmocka_unit_test(mask_with_a_hole_holds_every_match),
        cmocka_unit_test(mask_short_of_the_width_repeats),
        cmocka_unit_test(random_mtrrs_agree_with_the_oracle),
        cmocka_unit_test(random_masks_with_holes_agree_with_the_oracle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
