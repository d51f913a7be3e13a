/* SPDX-License-Identifier: MIT */
/*
 * Memory types that change under pt_update(): which can be said at all, and
 * which pages lose their lines in the caches. That no page keeps lines, and
 * none loses them in vain, subject_update() holds of every change; here are the
 * cases by name.
 */
#include "random.h"
#include "subject.h"
#include "test.h"

#define VA UINT64_C(0xffff900000000000)

static struct pt_change retype(uint64_t va, uint64_t len, enum memtype type)
{
    return (struct pt_change){
        .op = PT_PROTECT, .va = va, .len = len, .rights = RIGHT_W, .type = type};
}

static struct pt_change map(uint64_t va, uint64_t pa, uint64_t len, enum memtype type)
{
    return (struct pt_change){PT_MAP, va, pa, len, RIGHT_W, type, 2, false, false};
}

static void expect(struct subject *s, struct pt_change change)
{
    subject_expect(s, change, ERR_NONE, 0);
}

static struct subject *start(unsigned levels)
{
    struct subject *s = subject_init(levels, 2);

    subject_arena(s, VA, G(1) + M(4));
    subject_mtrr(s, G(4), M(4), MEMTYPE_UC);
    subject_mtrr(s, G(4) + M(4), M(2), MEMTYPE_WC);
    return s;
}

static void assert_cleaned(const struct subject *s, uint64_t va, uint64_t len)
{
    assert_int_equal(s->tlb.ncleaned, 1);
    assert_int_equal(s->tlb.cleaned[0].va, va);
    assert_int_equal(s->tlb.cleaned[0].len, len);
}

static void assert_kept(const struct subject *s)
{
    assert_int_equal(s->tlb.ncleaned, 0);
}

/* From write-back to each other type: single pages, large ones, parts of those. */
static void what_was_write_back_leaves_the_caches(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP};
    static const struct {
        uint64_t at, len;
    } parts[] = {{0, K(4)}, {K(4), K(8)}, {0, M(2)},     {M(2) - K(4), K(8)}, {M(1), M(5)},
                 {0, G(1)}, {K(4), G(1)}, {M(4), M(10)}, {G(1), M(4)},        {0, G(1) + M(4)}};

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (size_t i = 0; i < COUNT_OF(parts) * COUNT_OF(types); i++) {
            struct subject *s = start(levels);
            uint64_t va = VA + parts[i % COUNT_OF(parts)].at;
            uint64_t len = parts[i % COUNT_OF(parts)].len;

            subject_start(s, 16);
            expect(s, map(VA, G(8), G(1) + M(4), MEMTYPE_WB));
            assert_kept(s);
            expect(s, retype(va, len, types[i / COUNT_OF(parts)]));
            assert_cleaned(s, va, len);
            expect(s, retype(va, len, types[i / COUNT_OF(parts)]));
            assert_kept(s);
            subject_end(s);
        }
    }
}

/* No cache has lines of what was uncacheable or write-combining. */
static void what_was_uncached_has_no_lines(void **state)
{
    static const struct {
        enum memtype before, after;
        bool cleaned;
    } cases[] = {
        {MEMTYPE_UC, MEMTYPE_WB, false}, {MEMTYPE_WC, MEMTYPE_WB, false},
        {MEMTYPE_UC, MEMTYPE_WC, false}, {MEMTYPE_WC, MEMTYPE_UC, false},
        {MEMTYPE_WT, MEMTYPE_UC, true},  {MEMTYPE_WP, MEMTYPE_WC, true},
        {MEMTYPE_WT, MEMTYPE_WB, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct subject *s = start(4);

        subject_start(s, 16);
        expect(s, map(VA, G(8), M(6), MEMTYPE_WB));
        expect(s, retype(VA, M(6), cases[i].before));
        expect(s, retype(VA, M(6), cases[i].after));
        if (cases[i].cleaned)
            assert_cleaned(s, VA, M(6));
        else
            assert_kept(s);
        subject_end(s);
    }
}

/* Rights alone, or the page size: all lines may stay. */
static void what_keeps_its_type_keeps_its_lines(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_start(s, 16);
    subject_map(s, VA, G(8), M(4), RIGHT_W);
    subject_protect(s, VA + K(4), K(4), 0);
    assert_kept(s);
    subject_protect(s, VA + K(4), K(4), RIGHT_W);
    assert_kept(s);
    subject_unmap(s, VA + M(2), K(4));
    assert_kept(s);
    subject_end(s);
}

/* Unmapped, then mapped with another type: lines of the first mapping may still be there. */
static void ram_that_is_mapped_uncached_leaves_the_caches(void **state)
{
    static const struct {
        uint64_t at, len;
    } parts[] = {{0, K(4)}, {0, M(2)}, {K(8), M(2)}, {M(1), M(3)}, {0, G(1)}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct subject *s = start(4);
        uint64_t va = VA + parts[i].at;
        uint64_t pa = G(8) + parts[i].at;

        subject_start(s, 16);
        subject_map(s, va, pa, parts[i].len, RIGHT_W);
        subject_unmap(s, va, parts[i].len);
        assert_kept(s);
        expect(s, map(va, pa, parts[i].len, MEMTYPE_WC));
        assert_cleaned(s, va, parts[i].len);
        subject_unmap(s, va, parts[i].len);
        expect(s, map(va, pa, parts[i].len, MEMTYPE_WB));
        assert_kept(s);
        subject_end(s);
    }
}

/* A page between others, in a table that is there. */
static void one_page_of_ram_mapped_uncached_leaves_the_caches(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_start(s, 16);
    for (uint64_t i = 0; i < 4; i++)
        subject_map(s, VA + i * K(8), G(8) + i * K(16), K(4), RIGHT_W);
    expect(s, map(VA + K(4), G(9), K(4), MEMTYPE_UC));
    assert_cleaned(s, VA + K(4), K(4));
    subject_unmap(s, VA + K(4), K(4));
    expect(s, map(VA + K(4), G(4), K(4), MEMTYPE_UC));
    assert_kept(s);
    subject_end(s);
}

/* A device is in no cache, whatever a driver maps it with; nor is half a range that is none. */
static void devices_are_in_no_cache(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_start(s, 16);
    expect(s, map(VA, G(4), M(4), MEMTYPE_WC));
    assert_kept(s);
    subject_unmap(s, VA, M(4));
    expect(s, map(VA, G(4) + M(4), M(2), MEMTYPE_WC));
    assert_kept(s);
    subject_unmap(s, VA, M(2));
    /* The last half of this is RAM. */
    expect(s, map(VA, G(4) + M(5), M(2), MEMTYPE_UC));
    assert_cleaned(s, VA + M(1), M(1));
    subject_end(s);
}

/* All pages of one table change at once: one exchange. */
static void a_row_is_one_exchange(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_start(s, 16);
    subject_map(s, VA, G(8) + K(4), M(2), RIGHT_W);
    expect(s, retype(VA + K(16), M(1), MEMTYPE_UC));
    assert_int_equal(s->tlb.count.exchanges, 1);
    assert_int_equal(s->tlb.count.flushes, 0);
    subject_end(s);
}

/* WC and WP have no entry on a CPU without the PAT; what is there already can be unmapped. */
static void without_the_pat_wc_and_wp_are_refused(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        bool refused = types[i] == MEMTYPE_WC || types[i] == MEMTYPE_WP;
        enum error_code code = refused ? ERR_TYPE : ERR_NONE;
        struct subject *s = start(4);

        s->mtrr.no_pat = true;
        subject_start(s, 16);
        subject_map(s, VA, G(8), K(64), RIGHT_W);
        subject_expect(s, retype(VA + K(4), K(4), types[i]), code, VA + K(4));
        subject_expect(s, map(VA + M(2), G(9), K(8), types[i]), code, VA + M(2));
        subject_expect(s, map(VA + K(64), G(9) + M(2), K(4), types[i]), code, VA + K(64));
        /* What an unmapping says of types does not matter. */
        subject_expect(s,
                       (struct pt_change){.op = PT_UNMAP, .va = VA, .len = K(4), .type = types[i]},
                       ERR_NONE, 0);
        subject_end(s);
    }
}

/* Changes of all kinds in two windows, with all types, with and without the PAT. */
static void random_types_leave_no_lines(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT,
                                         MEMTYPE_WP, MEMTYPE_WB, MEMTYPE_WB};
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 12; round++) {
        struct subject *s = subject_init(4 + round % 2, (unsigned)rng_below(&rng, 3));

        s->mtrr.no_pat = rng_once_in(&rng, 4);
        subject_arena(s, VA, M(8));
        subject_mtrr(s, M(10), M(1), MEMTYPE_UC);
        subject_mtrr(s, M(12), K(64), MEMTYPE_WT);
        subject_start(s, 24);
        for (unsigned i = 0; i < 150; i++) {
            uint64_t unit = rng_once_in(&rng, 2) ? M(2) : K(4);
            uint64_t at = rng_below(&rng, M(8) / unit) * unit;
            uint64_t len = (1 + rng_below(&rng, rng_once_in(&rng, 2) ? 3 : 600)) * unit;
            const struct pt_change change = {
                .op = (enum pt_op)rng_below(&rng, 3),
                .va = VA + at,
                .pa = M(8) + at,
                .len = len < M(8) - at ? len : M(8) - at,
                .rights = (unsigned)rng_below(&rng, 2) * RIGHT_W,
                .type = types[rng_below(&rng, COUNT_OF(types))],
                .max_level = 2,
                .allow_types = true,
            };

            subject_update(s, &change);
        }
        subject_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_write_back_leaves_the_caches),
        cmocka_unit_test(what_was_uncached_has_no_lines),
        cmocka_unit_test(what_keeps_its_type_keeps_its_lines),
        cmocka_unit_test(ram_that_is_mapped_uncached_leaves_the_caches),
        cmocka_unit_test(one_page_of_ram_mapped_uncached_leaves_the_caches),
        cmocka_unit_test(devices_are_in_no_cache),
        cmocka_unit_test(a_row_is_one_exchange),
        cmocka_unit_test(without_the_pat_wc_and_wp_are_refused),
        cmocka_unit_test(random_types_leave_no_lines),
    };

    return cmocka_run_group_tests_name("update_types", tests, NULL, NULL);
}
