/* SPDX-License-Identifier: MIT */
#include "pagetable.h"

#include "layout.h"
#include "tables.h"
#include "test.h"

#define HIGH UINT64_C(0xffffffff80000000)

static struct mapping ram(uint64_t pa, uint64_t len, unsigned max_level)
{
    return (struct mapping){DIRECTMAP_BASE_4 + pa, pa, len, RIGHT_W, MEMTYPE_WB, (uint8_t)max_level,
                            WHAT_DIRECTMAP};
}

static void assert_translates(struct fake_memory *fake, uint64_t root, unsigned levels,
                              const struct plan *plan, uint64_t va)
{
    struct ref_reader reader = fake_memory_ref(fake);
    struct ref_hit got = ref_translate(&reader, root, levels, va);
    struct ref_hit planned = ref_planned(plan, va);

    assert_int_equal(got.present, planned.present);
    if (!planned.present)
        return;
    assert_int_equal(got.pa, planned.pa);
    assert_int_equal(got.level, planned.level);
    assert_int_equal(got.rights, planned.rights);
    assert_int_equal(got.type, planned.type);
    assert_false(got.user);
    assert_true(got.global);
    assert_true(got.accessed);
    if (planned.dirty)
        assert_true(got.dirty);
}

/* Both sides of every edge of every entry, and a few odd bytes inside. */
static void check_edges(struct fake_memory *fake, uint64_t root, unsigned levels,
                        const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        uint64_t va = plan->entries[i].va;
        uint64_t last = va + (plan->entries[i].len - 1);
        uint64_t at[] = {va - 1, va, va + 1, va + (last - va) / 2, last - 1, last, last + 1};

        for (size_t k = 0; k < COUNT_OF(at); k++)
            assert_translates(fake, root, levels, plan, at[k]);
    }
}

/* Build, then hold edges, and every single page, against the plan. */
static void check(struct tables *t)
{
    tables_build(t);
    check_edges(&t->fake, t->root, t->levels, &t->plan);
    for (size_t i = 0; i < t->plan.count; i++) {
        const struct mapping *entry = &t->plan.entries[i];

        for (uint64_t done = 0; done < entry->len && done < M(8); done += 4096)
            assert_translates(&t->fake, t->root, t->levels, &t->plan, entry->va + done);
    }
}

static void assert_stats(const struct tables *t, size_t count, size_t small, size_t medium,
                         size_t large)
{
    assert_int_equal(t->stats.tables, count);
    assert_int_equal(t->stats.leaves[0], small);
    assert_int_equal(t->stats.leaves[1], medium);
    assert_int_equal(t->stats.leaves[2], large);
}

/* An empty plan is an empty root. */
static void empty_plan_needs_the_root_alone(void **state)
{
    struct tables t;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        tables_start(&t, levels);
        check(&t);
        assert_stats(&t, 1, 0, 0, 0);
        tables_end(&t);
    }
}

/* One page needs one table a level. */
static void one_page_needs_one_table_a_level(void **state)
{
    struct tables t;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        tables_start(&t, levels);
        tables_add(&t, (struct mapping){HIGH, M(1), 4096, RIGHT_X, MEMTYPE_WB, 2, WHAT_STACK});
        check(&t);
        assert_stats(&t, levels, 1, 0, 0);
        tables_end(&t);
    }
}

/* 1 GiB on its boundary is one leaf, two or 512 of the smaller ones as max_level says. */
static void largest_page_follows_max_level(void **state)
{
    struct tables t;

    (void)state;
    for (unsigned level = 0; level <= 2; level++) {
        tables_start(&t, 4);
        tables_add(&t, ram(G(1), G(1), level));
        tables_build(&t);
        check_edges(&t.fake, t.root, 4, &t.plan);
        if (level == 2)
            assert_stats(&t, 2, 0, 0, 1);
        else if (level == 1)
            assert_stats(&t, 3, 0, 512, 0);
        else
            assert_stats(&t, 3 + 512, 512 * 512, 0, 0);
        tables_end(&t);
    }
}

/* A piece that is off the boundaries by a page on both sides uses all three sizes. */
static void odd_piece_uses_all_sizes(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, ram(G(1) - M(2) - 4096, G(1) + M(4) + 8192, 2));
    check(&t);
    assert_stats(&t, 6, 2, 2, 1);
    tables_end(&t);
}

/* Where va and pa agree modulo 4 KiB only, all leaves are small; modulo 2 MiB, none is 1 GiB. */
static void addresses_that_disagree_need_smaller_pages(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){HIGH, M(4) + 4096, M(4), RIGHT_W, MEMTYPE_WB, 2, WHAT_STACK});
    check(&t);
    assert_stats(&t, 5, 1024, 0, 0);
    tables_end(&t);
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){HIGH, M(2), G(1), RIGHT_W, MEMTYPE_WB, 2, WHAT_STACK});
    check(&t);
    assert_stats(&t, 3, 0, 512, 0);
    tables_end(&t);
}

/* A large page never spans two entries, though they touch and agree. */
static void page_lies_in_one_entry(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, ram(M(2), M(1), 2));
    tables_add(&t, ram(M(3), M(1), 2));
    check(&t);
    assert_stats(&t, 4, 512, 0, 0);
    tables_end(&t);
}

/* The last page of the address space is mapped, and nothing wraps to 0. */
static void top_of_the_address_space_is_mapped(void **state)
{
    struct tables t;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        tables_start(&t, levels);
        tables_add(&t,
                   (struct mapping){(uint64_t)0 - M(2), M(2), M(2), 0, MEMTYPE_WB, 0, WHAT_STACK});
        check(&t);
        assert_stats(&t, levels, 512, 0, 0);
        assert_translates(&t.fake, t.root, levels, &t.plan, 0);
        tables_end(&t);
    }
}

/* Entries to both sides of each window's edge, from page to whole address space. */
static void entries_in_other_windows_have_their_own_tables(void **state)
{
    static const uint64_t edges[] = {M(2), G(1), UINT64_C(1) << 39, UINT64_C(1) << 48};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        struct tables t;

        tables_start(&t, 5);
        tables_add(&t, (struct mapping){edges[i] - 4096, M(1), 8192, 0, MEMTYPE_WB, 2, WHAT_STACK});
        check(&t);
        assert_stats(&t, 6 + i, 2, 0, 0);
        tables_end(&t);
    }
}

/* Each memory type and right arrives in the leaf, at each level. */
static void attributes_arrive_at_each_level(void **state)
{
    static const uint64_t sizes[] = {4096, M(2), G(1)};
    static const unsigned char types[] = {0, 1, 4, 5, 6};

    (void)state;
    for (unsigned level = 0; level <= 2; level++) {
        for (size_t i = 0; i < COUNT_OF(types) * 3; i++) {
            struct tables t;

            tables_start(&t, 4);
            tables_add(&t, (struct mapping){HIGH, G(3), sizes[level], (uint8_t)(i % 3 * 2),
                                            types[i / 3], 2, WHAT_STACK});
            check(&t);
            assert_int_equal(t.stats.leaves[level], 1);
            tables_end(&t);
        }
    }
}

/* A leaf's bits by the manual: present, rights, accessed, dirty if writable, global, size. */
static void leaf_bits_are_the_manuals(void **state)
{
    (void)state;
    for (unsigned level = 0; level <= 2; level++) {
        uint64_t size = level == 0 ? 0 : 0x80;

        /* P A G, NX; then W and D; then no NX */
        assert_int_equal(pte_attributes(0, MEMTYPE_WB, level), UINT64_C(0x8000000000000121) | size);
        assert_int_equal(pte_attributes(RIGHT_W, MEMTYPE_WB, level),
                         UINT64_C(0x8000000000000163) | size);
        assert_int_equal(pte_attributes(RIGHT_X, MEMTYPE_WB, level), UINT64_C(0x121) | size);
    }
}

/* 16, 64 and 123 TiB of RAM with 1 GiB pages: as few tables as can be. */
static void many_terabytes_need_few_tables(void **state)
{
    static const uint64_t sizes[] = {T(16), T(64), T(123)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct tables t;

        tables_start(&t, 4);
        tables_add(&t, ram(0, sizes[i], 2));
        tables_build(&t);
        check_edges(&t.fake, t.root, 4, &t.plan);
        assert_stats(&t, 1 + sizes[i] / G(512), 0, 0, sizes[i] / G(1));
        tables_end(&t);
    }
}

/* With five levels, RAM may end at the 52nd bit. */
static void ram_at_the_last_bit_is_mapped(void **state)
{
    struct mapping entry = {DIRECTMAP_BASE_5 + (UINT64_C(1) << 52) - M(4),
                            (UINT64_C(1) << 52) - M(4),
                            M(4),
                            RIGHT_W,
                            MEMTYPE_WB,
                            2,
                            WHAT_DIRECTMAP};
    struct tables t;

    (void)state;
    tables_start(&t, 5);
    tables_add(&t, entry);
    check(&t);
    assert_stats(&t, 4, 0, 2, 0);
    tables_end(&t);
}

/* 5,000 pieces of 12 KiB with holes between them, exactly. */
static void five_thousand_pieces_are_exact(void **state)
{
    static struct mapping entries[5000];
    struct plan plan = {entries, COUNT_OF(entries), COUNT_OF(entries)};
    struct fake_memory fake;
    struct pt_stats stats;
    uint64_t root;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        entries[i] = ram(M(1) + K(24) * i, K(12), 2);
    tables_build_plan(&fake, &plan, 4, &root, &stats);
    assert_int_equal(stats.leaves[0], 15000);
    for (uint64_t pa = 0; pa < M(1) + K(24) * 5001; pa += 4096)
        assert_translates(&fake, root, 4, &plan, DIRECTMAP_BASE_4 + pa);
    check_edges(&fake, root, 4, &plan);
    fake_memory_free(&fake);
}

/* However many mappings a table has, the last may need the next table too. */
static void last_of_many_mappings_goes_on(void **state)
{
    (void)state;
    for (unsigned many = 1; many < 20; many++) {
        struct tables t;

        tables_start(&t, 4);
        for (unsigned i = 0; i < many; i++)
            tables_add(&t, ram(i * K(8), K(4), 0));
        tables_add(&t, ram(M(2) - K(4), K(8), 0));
        tables_add(&t, ram(M(6), K(4), 0));
        check(&t);
        assert_stats(&t, 6, many + 3, 0, 0);
        tables_end(&t);
    }
}

/* Runs of every short length, at every place before and across the end of a table. */
static void short_runs_end_anywhere_in_a_table(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 90; round++) {
        uint64_t pages = 1 + round % 9;
        uint64_t period = pages + round / 9;

        for (uint64_t shift = 0; shift < period; shift++) {
            uint64_t pa = M(4) - (8 * period + shift) * 4096;
            struct tables t;

            tables_start(&t, 4);
            for (unsigned i = 0; i < 11; i++, pa += period * 4096) {
                tables_add(&t, ram(pa, pages * 4096, 0));
                t.entries[i].rights = i % 3 == 2 ? 0 : RIGHT_W;
            }
            check(&t);
            tables_end(&t);
        }
    }
}

/* Random plans: count, minimum, every edge, every page, and random addresses. */
static void random_plans_translate_as_planned(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 150; round++) {
        struct tables t;

        tables_random(&t, &rng);
        check(&t);
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t near = t.plan.count ? t.entries[rng_below(&rng, t.plan.count)].va : 0;
            uint64_t span = UINT64_C(1) << (10 + rng_below(&rng, 40));
            uint64_t va = near + rng_below(&rng, span) - span / 2;

            assert_translates(&t.fake, t.root, t.levels, &t.plan,
                              rng_once_in(&rng, 4) ? rng_next(&rng) : va);
        }
        tables_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_plan_needs_the_root_alone),
        cmocka_unit_test(one_page_needs_one_table_a_level),
        cmocka_unit_test(largest_page_follows_max_level),
        cmocka_unit_test(odd_piece_uses_all_sizes),
        cmocka_unit_test(addresses_that_disagree_need_smaller_pages),
        cmocka_unit_test(page_lies_in_one_entry),
        cmocka_unit_test(top_of_the_address_space_is_mapped),
        cmocka_unit_test(entries_in_other_windows_have_their_own_tables),
        cmocka_unit_test(attributes_arrive_at_each_level),
        cmocka_unit_test(leaf_bits_are_the_manuals),
        cmocka_unit_test(many_terabytes_need_few_tables),
        cmocka_unit_test(ram_at_the_last_bit_is_mapped),
        cmocka_unit_test(five_thousand_pieces_are_exact),
        cmocka_unit_test(last_of_many_mappings_goes_on),
        cmocka_unit_test(short_runs_end_anywhere_in_a_table),
        cmocka_unit_test(random_plans_translate_as_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
