/* SPDX-License-Identifier: MIT */
/* pt_walk() and pt_lookup(): what is read back is what stands in the tables. */
#include "walk.h"

#include "layout.h"
#include "tables.h"
#include "test.h"

#define HIGH UINT64_C(0xffffffff80000000)

/* What a walk has met. */
struct record {
    struct tables *tables;
    size_t tables_met;
    size_t leaves_met;
    size_t bad_met;
    uint64_t next_va; /* no leaf may lie below */
    bool at_top;      /* the last leaf ended at 2^64 */
    struct pt_leaf last_leaf;
    unsigned bad_level;
    uint64_t bad_va;
    uint64_t bad_entry;
    size_t stop_after; /* callbacks; 0: never */
};

static bool go_on(struct record *record)
{
    return record->stop_after == 0 ||
           record->tables_met + record->leaves_met + record->bad_met < record->stop_after;
}

static bool on_table(void *ctx, unsigned level, uint64_t frame, uint64_t va)
{
    struct record *record = ctx;
    struct ref_reader reader = fake_memory_ref(&record->tables->fake);

    assert_int_equal(
        frame, ref_table_for(&reader, record->tables->root, record->tables->levels, va, level));
    record->tables_met++;
    return go_on(record);
}

static bool on_leaf(void *ctx, const struct pt_leaf *leaf)
{
    struct record *record = ctx;
    struct ref_reader reader = fake_memory_ref(&record->tables->fake);
    struct ref_hit hit =
        ref_translate(&reader, record->tables->root, record->tables->levels, leaf->va);

    assert_false(record->at_top);
    assert_true(leaf->va >= record->next_va);
    assert_true(hit.present);
    assert_int_equal(leaf->pa, hit.pa);
    assert_int_equal(leaf->level, hit.level);
    assert_int_equal(leaf->len, UINT64_C(4096) << (9 * hit.level));
    assert_int_equal(leaf->rights, hit.rights);
    assert_int_equal(leaf->user, hit.user);
    assert_int_equal(leaf->type, hit.type);
    record->next_va = leaf->va + leaf->len;
    record->at_top = record->next_va == 0;
    record->last_leaf = *leaf;
    record->leaves_met++;
    return go_on(record);
}

static bool on_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    struct record *record = ctx;

    record->bad_level = level;
    record->bad_va = va;
    record->bad_entry = entry;
    record->bad_met++;
    return go_on(record);
}

static bool walk(struct tables *t, struct record *record, size_t stop_after)
{
    struct pt_reader reader = fake_memory_reader(&t->fake);
    struct pt_visitor visitor = {record, on_table, on_leaf, on_bad};
    bool whole;

    *record = (struct record){.tables = t, .stop_after = stop_after};
    whole = pt_walk(t->root, t->levels, t->phys_bits, &reader, &visitor);
    assert_int_equal(t->fake.depth, 0);
    return whole;
}

/* Pages of all three sizes in both halves, the last one at the top. */
static void three_sizes(struct tables *t)
{
    tables_start(t, 4);
    tables_add(t, (struct mapping){M(2), M(2), 4096, 0, MEMTYPE_UC, 0, WHAT_STACK});
    tables_add(t, (struct mapping){DIRECTMAP_BASE_4, G(4), G(2) + M(4), RIGHT_W, MEMTYPE_WB, 2,
                                   WHAT_DIRECTMAP});
    tables_add(t, (struct mapping){(uint64_t)0 - 4096, G(1), 4096, RIGHT_X, MEMTYPE_WP, 2,
                                   WHAT_IMAGE_TEXT});
    tables_build(t);
}

/* The root of an empty plan is one table without leaves. */
static void empty_root_is_one_table(void **state)
{
    struct record record;
    struct tables t;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        tables_start(&t, levels);
        tables_build(&t);
        assert_true(walk(&t, &record, 0));
        assert_int_equal(record.tables_met, 1);
        assert_int_equal(record.leaves_met, 0);
        assert_int_equal(record.bad_met, 0);
        tables_end(&t);
    }
}

/* All tables and leaves are met, in ascending order, as the oracle's MMU sees them. */
static void every_table_and_leaf_is_met_in_order(void **state)
{
    struct record record;
    struct tables t;

    (void)state;
    three_sizes(&t);
    assert_true(walk(&t, &record, 0));
    assert_int_equal(record.tables_met, t.stats.tables);
    assert_int_equal(record.leaves_met, 1 + 2 + 2 + 1);
    assert_int_equal(record.bad_met, 0);
    assert_int_equal(record.last_leaf.va, (uint64_t)0 - 4096);
    assert_int_equal(record.last_leaf.type, MEMTYPE_WP);
    tables_end(&t);
}

/* Whatever callback says stop, the walk stops there, says so, and unmaps all. */
static void any_callback_can_stop_the_walk(void **state)
{
    struct record record;
    struct tables t;
    size_t all;

    (void)state;
    three_sizes(&t);
    *tables_slot(&t, (uint64_t)0 - G(1), 1) = UINT64_C(0x1000); /* one bad entry as well */
    assert_true(walk(&t, &record, 0));
    all = record.tables_met + record.leaves_met + record.bad_met;
    assert_int_equal(record.bad_met, 1);
    for (size_t stop = 1; stop <= all; stop++) {
        assert_false(walk(&t, &record, stop));
        assert_int_equal(record.tables_met + record.leaves_met + record.bad_met, stop);
    }
    assert_true(walk(&t, &record, all + 1));
    tables_end(&t);
}

/* A callback that is null is not called, and the walk goes through. */
static void null_callbacks_are_skipped(void **state)
{
    struct pt_visitor none = {0};
    struct pt_reader reader;
    struct tables t;

    (void)state;
    three_sizes(&t);
    *tables_slot(&t, (uint64_t)0 - G(1), 1) = UINT64_C(0x1000);
    reader = fake_memory_reader(&t.fake);
    assert_true(pt_walk(t.root, 4, t.phys_bits, &reader, &none));
    assert_int_equal(t.fake.depth, 0);
    tables_end(&t);
}

/* Rights and user are those over all levels: each level alone can take them away. */
static void rights_are_effective_over_all_levels(void **state)
{
    struct record record;
    struct tables t;

    (void)state;
    tables_start(&t, 5);
    tables_add(&t, (struct mapping){HIGH, M(1), 4096, RIGHT_W, MEMTYPE_WB, 0, WHAT_STACK});
    tables_build(&t);
    for (unsigned level = 0; level < 5; level++)
        *tables_slot(&t, HIGH, level) |= PTE_U;
    *tables_slot(&t, HIGH, 0) &= ~PTE_NX;
    assert_true(walk(&t, &record, 0));
    assert_true(record.last_leaf.user);
    assert_int_equal(record.last_leaf.rights, RIGHT_W | RIGHT_X);
    for (unsigned level = 0; level < 5; level++) {
        uint64_t *slot = tables_slot(&t, HIGH, level);

        *slot ^= PTE_U;
        assert_true(walk(&t, &record, 0));
        assert_false(record.last_leaf.user);
        *slot ^= PTE_U | PTE_W;
        assert_true(walk(&t, &record, 0));
        assert_int_equal(record.last_leaf.rights, RIGHT_X);
        *slot ^= PTE_W | PTE_NX;
        assert_true(walk(&t, &record, 0));
        assert_int_equal(record.last_leaf.rights, RIGHT_W);
        *slot ^= PTE_NX;
    }
    tables_end(&t);
}

/* All eight PAT indices are read at each leaf level, from the bits where that level has them. */
static void pat_is_read_where_the_level_has_it(void **state)
{
    static const unsigned types[8] = {6, 4, 0, 0, 1, 5, 0, 0}; /* UC- reads as UC */
    static const uint64_t sizes[3] = {4096, M(2), G(1)};

    (void)state;
    for (unsigned level = 0; level < 3; level++) {
        for (unsigned index = 0; index < 8; index++) {
            uint64_t pat = level == 0 ? PTE_PAT_4K : PTE_PAT_LARGE;
            struct record record;
            struct tables t;

            tables_start(&t, 4);
            tables_add(&t,
                       (struct mapping){HIGH, G(3), sizes[level], 0, MEMTYPE_WB, 2, WHAT_STACK});
            tables_build(&t);
            *tables_slot(&t, HIGH, level) |=
                (index & 1 ? PTE_PWT : 0) | (index & 2 ? PTE_PCD : 0) | (index & 4 ? pat : 0);
            assert_true(walk(&t, &record, 0));
            assert_int_equal(record.leaves_met, 1);
            assert_int_equal(record.bad_met, 0);
            assert_int_equal(record.last_leaf.level, level);
            assert_int_equal(record.last_leaf.pa, G(3));
            assert_int_equal(record.last_leaf.type, types[index]);
            tables_end(&t);
        }
    }
}

static void assert_bad(struct tables *t, uint64_t va, unsigned level, uint64_t entry)
{
    uint64_t *slot = tables_slot(t, va, level);
    uint64_t kept = *slot;
    struct record record;

    *slot = entry;
    assert_true(walk(t, &record, 0));
    assert_int_equal(record.bad_met, 1);
    assert_int_equal(record.bad_level, level);
    assert_int_equal(record.bad_va, va);
    assert_int_equal(record.bad_entry, entry);
    *slot = kept;
}

/* At each level, a slot that is not present but not zero is bad, and is no leaf. */
static void stray_entry_is_bad(void **state)
{
    struct tables t;

    (void)state;
    three_sizes(&t);
    assert_bad(&t, UINT64_C(1) << 39, 3, PTE_W);
    assert_bad(&t, G(1), 2, PTE_NX);
    assert_bad(&t, M(4), 1, M(4) | PTE_PS);
    assert_bad(&t, M(2) + 4096, 0, UINT64_C(0x700000000) | PTE_A);
    assert_bad(&t, HIGH, 2, UINT64_C(1) << 62);
    tables_end(&t);
}

/* Address bits at or above the physical width are reserved, in leaves and in links. */
static void bits_beyond_the_width_are_bad(void **state)
{
    struct tables t;

    (void)state;
    three_sizes(&t);
    for (unsigned bit = t.phys_bits; bit < 52; bit++) {
        uint64_t wide = UINT64_C(1) << bit;

        assert_bad(&t, M(2), 0, *tables_slot(&t, M(2), 0) | wide);
        assert_bad(&t, DIRECTMAP_BASE_4, 2, *tables_slot(&t, DIRECTMAP_BASE_4, 2) | wide);
        assert_bad(&t, 0, 3, *tables_slot(&t, 0, 3) | wide);
    }
    tables_end(&t);
}

/* In large leaves, the address bits below the page's size are reserved, bar the PAT bit. */
static void misaligned_large_leaf_is_bad(void **state)
{
    struct tables t;

    (void)state;
    three_sizes(&t);
    for (unsigned bit = 13; bit < 21; bit++)
        assert_bad(&t, DIRECTMAP_BASE_4 + G(2), 1,
                   *tables_slot(&t, DIRECTMAP_BASE_4 + G(2), 1) | UINT64_C(1) << bit);
    for (unsigned bit = 13; bit < 30; bit++)
        assert_bad(&t, DIRECTMAP_BASE_4 + G(1), 2,
                   *tables_slot(&t, DIRECTMAP_BASE_4 + G(1), 2) | UINT64_C(1) << bit);
    tables_end(&t);
}

/* No page is larger than 1 GiB: the size bit above level 2 is reserved. */
static void size_bit_above_level_2_is_bad(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 5);
    tables_add(&t, (struct mapping){0, M(1), 4096, 0, MEMTYPE_WB, 0, WHAT_STACK});
    tables_build(&t);
    assert_bad(&t, 0, 3, *tables_slot(&t, 0, 3) | PTE_PS);
    assert_bad(&t, 0, 4, *tables_slot(&t, 0, 4) | PTE_PS);
    tables_end(&t);
}

/* A look-up returns the entries from the root down, and ends where the CPU's walk ends. */
static void lookup_returns_the_entries_on_the_way(void **state)
{
    const struct {
        uint64_t va;
        unsigned read;
    } ways[] = {{M(2) + 123, 4},
                {M(2) + 4096, 4},
                {M(4), 3},
                {G(1), 2},
                {G(512), 1},
                {DIRECTMAP_BASE_4 + G(1) + 5, 2},
                {DIRECTMAP_BASE_4 + G(2), 3},
                {(uint64_t)0 - 1, 4}};
    struct pt_reader reader;
    struct tables t;

    (void)state;
    three_sizes(&t);
    reader = fake_memory_reader(&t.fake);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        uint64_t entries[4];
        unsigned read = pt_lookup(t.root, 4, ways[i].va, &reader, entries);

        assert_int_equal(read, ways[i].read);
        assert_int_equal(t.fake.depth, 0);
        for (unsigned k = 0; k < read; k++)
            assert_int_equal(entries[k], *tables_slot(&t, ways[i].va, 3 - k));
    }
    tables_end(&t);
}

/* Random plans, read back: as many tables and leaves as were built, and look-ups that agree. */
static void random_tables_are_read_back_whole(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 25; round++) {
        struct pt_reader reader;
        struct record record;
        struct tables t;

        tables_random(&t, &rng);
        tables_build(&t);
        assert_true(walk(&t, &record, 0));
        assert_int_equal(record.tables_met, t.stats.tables);
        assert_int_equal(record.leaves_met,
                         t.stats.leaves[0] + t.stats.leaves[1] + t.stats.leaves[2]);
        assert_int_equal(record.bad_met, 0);
        reader = fake_memory_reader(&t.fake);
        for (size_t i = 0; i < t.plan.count; i++) {
            uint64_t va = t.entries[i].va + rng_below(&rng, t.entries[i].len);
            unsigned level = ref_page_level(&t.entries[i], va);
            uint64_t entries[5];

            assert_int_equal(pt_lookup(t.root, t.levels, va, &reader, entries), t.levels - level);
            assert_int_equal(entries[t.levels - level - 1], *tables_slot(&t, va, level));
        }
        tables_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_root_is_one_table),
        cmocka_unit_test(every_table_and_leaf_is_met_in_order),
        cmocka_unit_test(any_callback_can_stop_the_walk),
        cmocka_unit_test(null_callbacks_are_skipped),
        cmocka_unit_test(rights_are_effective_over_all_levels),
        cmocka_unit_test(pat_is_read_where_the_level_has_it),
        cmocka_unit_test(stray_entry_is_bad),
        cmocka_unit_test(bits_beyond_the_width_are_bad),
        cmocka_unit_test(misaligned_large_leaf_is_bad),
        cmocka_unit_test(size_bit_above_level_2_is_bad),
        cmocka_unit_test(lookup_returns_the_entries_on_the_way),
        cmocka_unit_test(random_tables_are_read_back_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
