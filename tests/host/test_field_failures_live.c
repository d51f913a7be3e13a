/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: live changes of page tables. */
#include "subject.h"
#include "test.h"

#define VA UINT64_C(0xffff900000000000)

static struct pt_change change(enum pt_op op, uint64_t va, uint64_t len, unsigned rights)
{
    return (struct pt_change){.op = op,
                              .va = va,
                              .pa = G(64),
                              .len = len,
                              .rights = rights,
                              .type = MEMTYPE_WB,
                              .max_level = 2};
}

/*
 * Large leaves of 1 GiB and of 2 MiB, and a table of pages after them. What
 * they map is no table: where the shadow memory is asked for it, the test fails.
 */
static struct subject *start_with_large_leaves(unsigned levels)
{
    struct subject *s = subject_init(levels, 2);

    subject_arena(s, VA, G(1) + M(6));
    subject_start(s, 16);
    subject_map(s, VA, G(8), G(1), RIGHT_W);
    subject_map(s, VA + G(1), G(16), M(4), RIGHT_W);
    subject_map(s, VA + G(1) + M(4), G(24) + K(4), K(64), RIGHT_W);
    return s;
}

static void assert_nothing_done(const struct subject *s)
{
    const struct shadow_count *count = &s->tlb.count;

    assert_int_equal(count->allocs + count->frees + count->filled, 0);
    assert_int_equal(count->exchanges, 0);
}

/*
 * Walk goes on below a large leaf that needed no split, and writes entries into
 * the mapped page (patina #1238).
 */
static void walk_ends_at_a_large_leaf_that_needs_no_split(void **state)
{
    static const struct {
        uint64_t at, len;
    } parts[] = {{K(4), K(4)},
                 {M(2), M(2)},
                 {0, M(4)},
                 {G(1) - K(4), K(8)},
                 {G(1) + K(4), K(4)},
                 {G(1) + M(2) - K(4), K(8)},
                 {G(1) + M(4) - K(4), K(8)},
                 {K(4), G(1) + M(4)},
                 {0, G(1) + M(4) + K(64)}};

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = start_with_large_leaves(levels);

        for (size_t i = 0; i < COUNT_OF(parts); i++) {
            uint64_t va = VA + parts[i].at;

            subject_expect(s, change(PT_PROTECT, va, parts[i].len, RIGHT_W), ERR_NONE, 0);
            assert_nothing_done(s);
            /* Nor where it is refused: at the leaf. */
            subject_expect(s, change(PT_MAP, va, parts[i].len, 0), ERR_CLASH, va);
            assert_nothing_done(s);
        }
        subject_assert(s, levels, 16, 2, 1);
        subject_end(s);
    }
}

/* The same where a neighbour of the leaf has to be split, or changes as a whole. */
static void walk_ends_at_a_large_leaf_beside_one_that_is_split(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = start_with_large_leaves(levels);

        subject_protect(s, VA + G(1) + M(2), K(4), 0);
        subject_assert(s, levels + 1, 16 + 512, 1, 1);
        /* All but that page is writable already. */
        subject_protect(s, VA + K(4), G(1) + M(2), RIGHT_W);
        subject_protect(s, VA + G(1), M(4), 0);
        subject_assert(s, levels, 16, 2, 1);
        subject_protect(s, VA + M(4), G(1) + M(2) - M(4), 0);
        subject_unmap(s, VA + G(1) + M(2) - K(4), K(8));
        subject_end(s);
    }
}

/*
 * Table writes reordered by the compiler (EDK2 dcffad2491): when a table is
 * linked, all of its entries are in memory, and those of all tables below it.
 * The shadow memory looks at the moment of the link, and has poison where
 * nothing was written. test_update_order.py looks at the image itself.
 */
static void table_is_in_memory_when_it_is_linked(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = subject_init(levels, 2);

        subject_arena(s, VA, G(1) + M(4));
        subject_start(s, 16);
        /* Three tables, or four, by one link; the root alone was there. */
        subject_map(s, VA + G(1) - K(4), G(8) - K(4), K(4), RIGHT_W);
        assert_int_equal(s->tlb.count.filled, (levels - 1) * 512);
        assert_int_equal(s->tlb.count.writes, 1);
        subject_unmap(s, VA + G(1) - K(4), K(4));
        /* Two tables in place of a leaf. */
        subject_map(s, VA, G(8), G(1), RIGHT_W);
        subject_protect(s, VA + M(2) + K(4), K(4), 0);
        assert_int_equal(s->tlb.count.filled, 2 * 512);
        assert_int_equal(s->tlb.count.exchanges, 1);
        subject_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_ends_at_a_large_leaf_that_needs_no_split),
        cmocka_unit_test(walk_ends_at_a_large_leaf_beside_one_that_is_split),
        cmocka_unit_test(table_is_in_memory_when_it_is_linked),
    };

    return cmocka_run_group_tests_name("field_failures_live", tests, NULL, NULL);
}
