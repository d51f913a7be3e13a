/* SPDX-License-Identifier: MIT */
/* plan_check(): which plans may be built, one fault at a time. */
#include "layout.h"
#include "plan.h"
#include "random.h"
#include "reference.h"
#include "test.h"

#define HIGH UINT64_C(0xffffffff80000000)

static struct mapping page(uint64_t va, uint64_t pa, unsigned rights, enum memtype type)
{
    return (struct mapping){va, pa, 4096, (uint8_t)rights, (uint8_t)type, 2, WHAT_IMAGE_DATA};
}

static struct error check(struct mapping *entries, size_t count, unsigned levels, unsigned bits)
{
    struct plan plan = {entries, count, count};

    return plan_check(&plan, levels, bits);
}

/* A plan of this one entry has this fault, which names the entry. */
static void assert_fault(struct mapping entry, unsigned levels, unsigned bits, enum error_code code)
{
    struct error error = check(&entry, 1, levels, bits);

    assert_int_equal(error.code, code);
    if (code == ERR_NONE)
        return;
    assert_int_equal(error.at, entry.va);
    assert_int_equal(error.value, entry.pa);
}

static void assert_pair(struct mapping a, struct mapping b, enum error_code code)
{
    struct mapping entries[2] = {a, b};
    struct error error = check(entries, 2, 4, 40);

    assert_int_equal(error.code, code);
    if (code == ERR_NONE)
        return;
    assert_true(error.at == a.va || error.at == b.va);
    assert_true(error.value == a.pa || error.value == b.pa);
}

/* A plan of nothing is a plan. */
static void empty_plan_is_sound(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, 0, 4, 40).code, ERR_NONE);
    assert_int_equal(check(NULL, 0, 5, 52).code, ERR_NONE);
}

/* Anything that is no multiple of a page, or empty, is misaligned. */
static void misaligned_is_refused(void **state)
{
    static const uint64_t off[] = {1, 8, 2048, 4095};
    struct mapping good = page(HIGH, M(1), RIGHT_W, MEMTYPE_WB);

    (void)state;
    assert_fault(good, 4, 40, ERR_NONE);
    for (size_t i = 0; i < COUNT_OF(off); i++) {
        struct mapping bad = good;

        bad.va += off[i];
        assert_fault(bad, 4, 40, ERR_ALIGN);
        bad = good;
        bad.pa += off[i];
        assert_fault(bad, 4, 40, ERR_ALIGN);
        bad = good;
        bad.len += off[i];
        assert_fault(bad, 4, 40, ERR_ALIGN);
    }
    good.len = 0;
    assert_fault(good, 4, 40, ERR_ALIGN);
}

/* The non-canonical gap may be touched but not entered, at 4 and at 5 levels. */
static void gap_is_not_entered(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        uint64_t low = levels == 4 ? UINT64_C(1) << 47 : UINT64_C(1) << 56;
        uint64_t high = (uint64_t)0 - low;
        struct mapping two = page(low - 4096, M(1), 0, MEMTYPE_WB);

        assert_fault(page(low - 4096, M(1), 0, MEMTYPE_WB), levels, 40, ERR_NONE);
        assert_fault(page(low, M(1), 0, MEMTYPE_WB), levels, 40, ERR_CANONICAL);
        assert_fault(page(high - 4096, M(1), 0, MEMTYPE_WB), levels, 40, ERR_CANONICAL);
        assert_fault(page(high, M(1), 0, MEMTYPE_WB), levels, 40, ERR_NONE);
        two.len = 8192;
        assert_fault(two, levels, 40, ERR_CANONICAL);
    }
}

/* One entry over the whole gap, from one half into the other, is not canonical. */
static void gap_is_not_spanned(void **state)
{
    struct mapping entry = page(UINT64_C(1) << 47, 0, 0, MEMTYPE_WB);

    (void)state;
    entry.va -= 4096;
    entry.len = (uint64_t)0 - (UINT64_C(1) << 48) + 8192;
    assert_int_equal(check(&entry, 1, 4, 52).code, ERR_CANONICAL);
}

/* The last page of the address space may be mapped; past it, va wraps. */
static void top_page_may_be_mapped_but_not_passed(void **state)
{
    struct mapping last = page((uint64_t)0 - 4096, M(1), 0, MEMTYPE_WB);

    (void)state;
    assert_fault(last, 4, 40, ERR_NONE);
    assert_fault(last, 5, 40, ERR_NONE);
    last.len = 8192;
    assert_fault(last, 4, 40, ERR_CANONICAL);
    assert_fault(last, 5, 40, ERR_CANONICAL);
}

/* The last frame inside the physical width may be mapped, the first outside not. */
static void physical_width_is_a_sharp_edge(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 52; bits++) {
        uint64_t width = UINT64_C(1) << bits;
        struct mapping entry = page(HIGH, width - 4096, 0, MEMTYPE_WB);

        assert_fault(entry, 4, bits, ERR_NONE);
        entry.len = 8192;
        assert_fault(entry, 4, bits, ERR_WIDTH);
        assert_fault(page(HIGH, width, 0, MEMTYPE_WB), 4, bits, ERR_WIDTH);
        assert_fault(page(HIGH, (uint64_t)0 - 4096, 0, MEMTYPE_WB), 4, bits, ERR_WIDTH);
        entry = page(HIGH, (uint64_t)0 - 4096, 0, MEMTYPE_WB);
        entry.len = 8192; /* pa wraps to 0 */
        assert_fault(entry, 4, bits, ERR_WIDTH);
    }
}

/* No CPU has a page above level 2. */
static void page_size_above_1g_is_refused(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 256; level++) {
        struct mapping entry = page(HIGH, M(1), 0, MEMTYPE_WB);

        entry.max_level = (uint8_t)level;
        assert_fault(entry, 4, 40, level <= 2 ? ERR_NONE : ERR_LARGE);
    }
}

/* Writable and executable in one entry is refused, each alone is not. */
static void writable_and_executable_is_refused(void **state)
{
    (void)state;
    assert_fault(page(HIGH, M(1), 0, MEMTYPE_WB), 4, 40, ERR_NONE);
    assert_fault(page(HIGH, M(1), RIGHT_W, MEMTYPE_WB), 4, 40, ERR_NONE);
    assert_fault(page(HIGH, M(1), RIGHT_X, MEMTYPE_WB), 4, 40, ERR_NONE);
    assert_fault(page(HIGH, M(1), RIGHT_W | RIGHT_X, MEMTYPE_WB), 4, 40, ERR_WX);
}

/* A later entry with a lower address is out of order. */
static void descending_entries_are_unsorted(void **state)
{
    (void)state;
    assert_pair(page(HIGH, M(1), 0, MEMTYPE_WB), page(HIGH + 4096, M(2), 0, MEMTYPE_WB), ERR_NONE);
    assert_pair(page(HIGH + 4096, M(1), 0, MEMTYPE_WB), page(HIGH, M(2), 0, MEMTYPE_WB),
                ERR_UNSORTED);
    assert_pair(page(HIGH, M(1), 0, MEMTYPE_WB), page(0, M(2), 0, MEMTYPE_WB), ERR_UNSORTED);
}

/* Two entries that share a virtual page clash, even if they would say the same of it. */
static void shared_virtual_page_is_a_clash(void **state)
{
    struct mapping two = page(HIGH, M(1), 0, MEMTYPE_WB);

    (void)state;
    two.len = 8192;
    assert_pair(two, page(HIGH + 4096, M(4), 0, MEMTYPE_WB), ERR_CLASH);
    assert_pair(two, page(HIGH + 4096, M(1) + 4096, 0, MEMTYPE_WB), ERR_CLASH);
    assert_pair(two, page(HIGH, M(1), 0, MEMTYPE_WB), ERR_CLASH);
    assert_pair(two, page(HIGH + 8192, M(4), 0, MEMTYPE_WB), ERR_NONE);
}

/* An entry that ends at 2^64 does not end at 0: what lies inside it clashes. */
static void entry_that_ends_at_the_top_is_compared_right(void **state)
{
    struct mapping top = page((uint64_t)0 - 8192, M(1), 0, MEMTYPE_WB);

    (void)state;
    top.len = 8192;
    assert_pair(top, page((uint64_t)0 - 4096, M(4), 0, MEMTYPE_WB), ERR_CLASH);
    assert_pair(top, page(0, M(4), 0, MEMTYPE_WB), ERR_UNSORTED);
}

/* A frame writable here and executable there is refused, in both orders, by one page's overlap. */
static void alias_may_not_break_wx(void **state)
{
    struct mapping wide = page(HIGH, M(1), RIGHT_W, MEMTYPE_WB);
    struct mapping last = page(HIGH + M(1), M(1) + K(12), RIGHT_X, MEMTYPE_WB);

    (void)state;
    wide.len = K(16);
    assert_pair(wide, last, ERR_WX);
    wide.rights = RIGHT_X;
    last.rights = RIGHT_W;
    assert_pair(wide, last, ERR_WX);
    last.pa += 4096;
    assert_pair(wide, last, ERR_NONE);
    last.pa = M(1) - 4096;
    assert_pair(wide, last, ERR_NONE);
    last.pa = M(1);
    last.rights = 0;
    assert_pair(wide, last, ERR_NONE);
}

/* A frame has one memory type over all its aliases, whatever the rights. */
static void alias_may_not_differ_in_type(void **state)
{
    struct mapping wide = page(HIGH, M(1), 0, MEMTYPE_WB);

    (void)state;
    wide.len = K(16);
    assert_pair(wide, page(HIGH + M(1), M(1) + K(12), 0, MEMTYPE_UC), ERR_TYPE);
    assert_pair(wide, page(HIGH + M(1), M(1), 0, MEMTYPE_WC), ERR_TYPE);
    assert_pair(wide, page(HIGH + M(1), M(1), 0, MEMTYPE_WB), ERR_NONE);
    assert_pair(wide, page(HIGH + M(1), M(1) + K(16), 0, MEMTYPE_UC), ERR_NONE);
}

/* A fault is found however many sound entries stand around it, and wherever. */
static void one_bad_alias_among_many_is_found(void **state)
{
    static struct mapping entries[2000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        entries[i] = page(DIRECTMAP_BASE_4 + i * 8192, M(16) + i * 8192, RIGHT_W, MEMTYPE_WB);
    assert_int_equal(check(entries, COUNT_OF(entries), 4, 40).code, ERR_NONE);
    for (size_t i = 0; i + 1 < COUNT_OF(entries); i += 333) {
        struct mapping *last = &entries[COUNT_OF(entries) - 1];
        struct mapping kept = *last;

        last->pa = entries[i].pa;
        last->rights = RIGHT_X;
        assert_int_equal(check(entries, COUNT_OF(entries), 4, 40).code, ERR_WX);
        last->rights = RIGHT_W;
        last->type = MEMTYPE_UC;
        assert_int_equal(check(entries, COUNT_OF(entries), 4, 40).code, ERR_TYPE);
        *last = kept;
    }
}

/* Random plans on few frames are refused exactly if the oracle finds frames that disagree. */
static void random_aliases_agree_with_the_oracle(void **state)
{
    struct rng rng;
    size_t sound = 0;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 20000; round++) {
        struct mapping entries[8];
        struct plan plan = {entries, 1 + rng_below(&rng, COUNT_OF(entries)), COUNT_OF(entries)};
        enum error_code code;

        for (size_t i = 0; i < plan.count; i++) {
            unsigned rights = (unsigned)rng_below(&rng, 3) * 2;

            entries[i] = page(HIGH + M(1) * i, rng_below(&rng, 40) * 4096, rights,
                              rng_once_in(&rng, 8) ? MEMTYPE_UC : MEMTYPE_WB);
            entries[i].len = (1 + rng_below(&rng, 5)) * 4096;
        }
        code = plan_check(&plan, 4, 36).code;
        assert_int_equal(code == ERR_NONE, ref_frames_agree(&plan));
        assert_true(code == ERR_NONE || code == ERR_WX || code == ERR_TYPE);
        sound += code == ERR_NONE;
    }
    assert_true(sound > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_plan_is_sound),
        cmocka_unit_test(misaligned_is_refused),
        cmocka_unit_test(gap_is_not_entered),
        cmocka_unit_test(gap_is_not_spanned),
        cmocka_unit_test(top_page_may_be_mapped_but_not_passed),
        cmocka_unit_test(physical_width_is_a_sharp_edge),
        cmocka_unit_test(page_size_above_1g_is_refused),
        cmocka_unit_test(writable_and_executable_is_refused),
        cmocka_unit_test(descending_entries_are_unsorted),
        cmocka_unit_test(shared_virtual_page_is_a_clash),
        cmocka_unit_test(entry_that_ends_at_the_top_is_compared_right),
        cmocka_unit_test(alias_may_not_break_wx),
        cmocka_unit_test(alias_may_not_differ_in_type),
        cmocka_unit_test(one_bad_alias_among_many_is_found),
        cmocka_unit_test(random_aliases_agree_with_the_oracle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
