/* SPDX-License-Identifier: MIT */
/* Large pages are split where a part of them changes, and merged where they come to be whole. */
#include "subject.h"

#include "test.h"

#define VA G(1)
#define PA G(3)

static struct subject *start(unsigned levels, unsigned max_level, uint64_t len)
{
    struct subject *s = subject_init(levels, max_level);

    subject_arena(s, VA, G(2));
    subject_start(s, 1100);
    subject_map(s, VA, PA, len, RIGHT_W);
    return s;
}

/* 2 MiB are split for one page: one table of 512 entries, one exchange, and nothing else. */
static void split_of_2m_is_one_table_and_one_exchange(void **state)
{
    (void)state;
    for (unsigned page = 0; page < 512; page += 73) {
        for (unsigned unmap = 0; unmap < 2; unmap++) {
            struct subject *s = start(4, 1, M(2));

            if (unmap)
                subject_unmap(s, VA + page * 4096, 4096);
            else
                subject_protect(s, VA + page * 4096, 4096, 0);
            assert_int_equal(s->tlb.count.allocs, 1);
            assert_int_equal(s->tlb.count.filled, 512);
            assert_int_equal(s->tlb.count.exchanges, 1);
            assert_true(s->tlb.count.writes <= 1);
            subject_assert(s, 4, 512 - unmap, 0, 0);
            subject_end(s);
        }
    }
}

/* 1 GiB is split for one page: two tables of 512 entries, one exchange, and nothing else. */
static void split_of_1g_to_a_page_is_two_tables(void **state)
{
    static const uint64_t at[] = {0, M(2) - K(4), M(2), M(512) + K(64), G(1) - K(4)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at) * 2; i++) {
        struct subject *s = start(4 + (i & 1), 2, G(1));

        subject_protect(s, VA + at[i / 2], 4096, RIGHT_X);
        assert_int_equal(s->tlb.count.allocs, 2);
        assert_int_equal(s->tlb.count.filled, 1024);
        assert_int_equal(s->tlb.count.exchanges, 1);
        assert_true(s->tlb.count.writes <= 1);
        subject_assert(s, 4 + (i & 1), 512, 511, 0);
        subject_end(s);
    }
}

/* 1 GiB is split for 2 MiB on their boundary: one table, no page of 4 KiB. */
static void split_of_1g_to_2m_is_one_table(void **state)
{
    struct subject *s = start(4, 2, G(1));

    (void)state;
    subject_protect(s, VA + M(6), M(2), 0);
    assert_int_equal(s->tlb.count.filled, 512);
    subject_assert(s, 3, 0, 512, 0);
    subject_unmap(s, VA + M(8), M(8));
    assert_int_equal(s->tlb.count.allocs, 0);
    subject_assert(s, 3, 0, 508, 0);
    subject_end(s);
}

/* A range that begins in one large page and ends in another splits both, at each end only. */
static void range_splits_at_both_ends(void **state)
{
    struct subject *s = start(5, 2, G(2));

    (void)state;
    subject_protect(s, VA + M(512) - K(4), G(1) + K(8), 0);
    subject_assert(s, 3 + 2 + 2, 1024, 2 * 511, 0);
    subject_protect(s, VA + M(512) - K(4), G(1) + K(8), RIGHT_W);
    subject_assert(s, 3, 0, 0, 2);
    subject_unmap(s, VA + M(512) - K(4), G(1) + K(8));
    subject_assert(s, 3 + 2 + 2, 511 + 511, 255 + 255, 0);
    subject_end(s);
}

/* A range inside one 1 GiB page splits it for both its ends, in one exchange. */
static void range_inside_a_page_splits_it_once(void **state)
{
    struct subject *s = start(4, 2, G(1));

    (void)state;
    subject_unmap(s, VA + M(2) + K(4), M(4));
    assert_int_equal(s->tlb.count.exchanges, 1);
    assert_int_equal(s->tlb.count.filled, 3 * 512);
    subject_assert(s, 5, 1 + 511, 509, 0);
    subject_end(s);
}

/* What was split merges when the rights are restored, at both levels. */
static void restored_rights_merge(void **state)
{
    (void)state;
    for (unsigned max_level = 1; max_level <= 2; max_level++) {
        struct subject *s = start(4, 2, max_level == 2 ? G(1) : M(2));

        subject_protect(s, VA + K(20), K(8), 0);
        subject_protect(s, VA + K(20), K(4), RIGHT_W);
        assert_int_equal(s->leaves[0], 512);
        subject_protect(s, VA + K(24), K(4), RIGHT_W);
        subject_assert(s, max_level == 2 ? 2 : 3, 0, max_level == 1, max_level == 2);
        assert_int_equal(s->tlb.left, 1100 - (max_level == 2 ? 1 : 2));
        subject_end(s);
    }
}

/* What was split merges when the missing pages are mapped again; not with another pa or kind. */
static void mapped_hole_merges(void **state)
{
    struct subject *s = start(4, 2, G(1));

    (void)state;
    subject_unmap(s, VA + M(2), K(4));
    subject_map(s, VA + M(2), PA + M(2), K(4), RIGHT_W);
    subject_assert(s, 2, 0, 0, 1);
    subject_unmap(s, VA + M(2), K(4));
    subject_map(s, VA + M(2), PA + G(1), K(4), RIGHT_W);
    subject_assert(s, 4, 512, 511, 0);
    subject_unmap(s, VA + M(2), K(4));
    subject_map(s, VA + M(2), PA + M(2), K(4), 0);
    subject_assert(s, 4, 512, 511, 0);
    subject_protect(s, VA, G(1), 0);
    subject_assert(s, 2, 0, 0, 1);
    subject_end(s);
}

/* Whichever entry is the last to differ, in rights or by being absent, the merge waits for it. */
static void merge_waits_for_every_entry(void **state)
{
    static const unsigned pages[] = {0, 1, 255, 510, 511};
    struct subject *s = start(4, 2, G(1));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pages) * 2; i++) {
        uint64_t size = i % 2 ? K(4) : M(2);
        uint64_t at = pages[i / 2] * size;

        subject_protect(s, VA, size * 512, 0);
        subject_protect(s, VA + at, size, RIGHT_W);
        subject_protect(s, VA, size * 512, RIGHT_W);
        subject_assert(s, 2, 0, 0, 1);
        subject_unmap(s, VA, size * 512);
        if (at > 0)
            subject_map(s, VA, PA, at, RIGHT_W);
        if (at + size < size * 512)
            subject_map(s, VA + at + size, PA + at + size, size * 511 - at, RIGHT_W);
        /* The table is looked at again, with one entry missing. */
        subject_protect(s, VA + (at > 0 ? 0 : size), size, 0);
        subject_protect(s, VA + (at > 0 ? 0 : size), size, RIGHT_W);
        assert_int_equal(s->leaves[2], 0);
        subject_map(s, VA + at, PA + at, size, RIGHT_W);
        subject_assert(s, 2, 0, 0, 1);
    }
    subject_end(s);
}

/* Pages mapped one by one, in any order, come to be one large page. */
static void pages_one_by_one_merge(void **state)
{
    struct subject *s = start(4, 2, M(2));

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        subject_map(s, VA + M(4) + i * 211 % 512 * 4096, PA + M(4) + i * 211 % 512 * 4096, 4096,
                    RIGHT_W);
    subject_assert(s, 3, 0, 2, 0);
    subject_end(s);
}

/* Nothing merges into a page that the space does not allow. */
static void space_limits_merges(void **state)
{
    (void)state;
    for (unsigned max_level = 0; max_level < 2; max_level++) {
        struct subject *s = subject_init(4, max_level);
        struct pt_change map = {PT_MAP, VA, PA, G(1), RIGHT_W, MEMTYPE_WB, 0, false, false};

        subject_arena(s, VA, G(1));
        subject_start(s, 1100);
        map.len = M(2) - 4096;
        subject_expect(s, map, ERR_NONE, 0);
        map.va += map.len;
        map.pa += map.len;
        map.len = 4096;
        map.max_level = max_level;
        subject_expect(s, map, ERR_NONE, 0);
        subject_assert(s, max_level ? 3 : 4, max_level ? 0 : 512, max_level, 0);
        subject_end(s);
    }
}

/* 512 pages of 2 MiB whose pa is off by 2 MiB are in a row, but no page of 1 GiB. */
static void misaligned_row_does_not_merge(void **state)
{
    struct subject *s = start(4, 2, M(2));

    (void)state;
    subject_map(s, VA + G(1), G(6) + M(2), G(1), RIGHT_W);
    subject_protect(s, VA + G(1) + M(4), M(2), 0);
    subject_protect(s, VA + G(1) + M(4), M(2), RIGHT_W);
    subject_assert(s, 4, 0, 513, 0);
    subject_end(s);
}

/* A type that changes inside a large page splits it, and merges it when it changes back. */
static void types_split_and_merge(void **state)
{
    struct subject *s = start(4, 2, G(1));
    struct pt_change change = {PT_PROTECT, VA + M(2) + K(4), 0, K(8), RIGHT_W, MEMTYPE_WC, 0, false,
                               false};

    (void)state;
    subject_expect(s, change, ERR_NONE, 0);
    subject_assert(s, 4, 512, 511, 0);
    change.type = MEMTYPE_WP;
    subject_expect(s, change, ERR_NONE, 0);
    change.type = MEMTYPE_WB;
    subject_expect(s, change, ERR_NONE, 0);
    subject_assert(s, 2, 0, 0, 1);
    subject_end(s);
}

/* Unmapping a whole large page, and what is left of a split one, needs no frame. */
static void whole_pages_go_without_a_frame(void **state)
{
    struct subject *s = start(4, 2, G(2));

    (void)state;
    subject_unmap(s, VA + G(1), G(1));
    subject_unmap(s, VA + K(4), K(4));
    s->tlb.left = 0;
    subject_unmap(s, VA, K(4));
    subject_unmap(s, VA + K(8), G(1) - K(8));
    subject_assert(s, 1, 0, 0, 0);
    assert_int_equal(s->tlb.left, s->tlb.count.frees);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_of_2m_is_one_table_and_one_exchange),
        cmocka_unit_test(split_of_1g_to_a_page_is_two_tables),
        cmocka_unit_test(split_of_1g_to_2m_is_one_table),
        cmocka_unit_test(range_splits_at_both_ends),
        cmocka_unit_test(range_inside_a_page_splits_it_once),
        cmocka_unit_test(restored_rights_merge),
        cmocka_unit_test(mapped_hole_merges),
        cmocka_unit_test(merge_waits_for_every_entry),
        cmocka_unit_test(pages_one_by_one_merge),
        cmocka_unit_test(space_limits_merges),
        cmocka_unit_test(misaligned_row_does_not_merge),
        cmocka_unit_test(types_split_and_merge),
        cmocka_unit_test(whole_pages_go_without_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
