/* SPDX-License-Identifier: MIT */
/* Mapping, unmapping and changing rights: pages of all sizes, 4 and 5 levels. */
#include "subject.h"

#include "test.h"

#define HIGH UINT64_C(0xffffffff80000000)

static struct subject *start(unsigned levels, unsigned max_level, uint64_t va, uint64_t len)
{
    struct subject *s = subject_init(levels, max_level);

    subject_arena(s, va, len);
    subject_start(s, 1100);
    return s;
}

/* One page takes a table a level, changes its rights in place, and gives all back. */
static void one_page_comes_and_goes(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = start(levels, 2, HIGH, M(2));

        subject_map(s, HIGH + 8192, M(1), 4096, RIGHT_W);
        subject_assert(s, levels, 1, 0, 0);
        assert_int_equal(s->tlb.count.allocs, levels - 1);
        subject_protect(s, HIGH + 8192, 4096, RIGHT_X);
        assert_int_equal(s->tlb.count.writes + s->tlb.count.exchanges, 1);
        assert_int_equal(s->tlb.count.allocs, 0);
        subject_unmap(s, HIGH + 8192, 4096);
        subject_assert(s, 1, 0, 0, 0);
        assert_int_equal(s->tlb.left, 1100);
        subject_end(s);
    }
}

/* A page into a table that is there costs one write and no frame, and needs no flush. */
static void page_in_a_table_is_one_write(void **state)
{
    struct subject *s = start(4, 2, HIGH, M(2));

    (void)state;
    subject_map(s, HIGH, M(1), 4096, RIGHT_W);
    subject_map(s, HIGH + K(16), M(9), 4096, 0);
    assert_int_equal(s->tlb.count.allocs, 0);
    assert_int_equal(s->tlb.count.writes, 1);
    assert_int_equal(s->tlb.count.filled, 0);
    subject_assert(s, 4, 2, 0, 0);
    subject_end(s);
}

/* 512 pages, on and off the 2 MiB boundary, in one table and in two. */
static void pages_of_a_table_come_and_go(void **state)
{
    (void)state;
    for (uint64_t shift = 0; shift < M(2); shift += K(4) * 73) {
        struct subject *s = start(4, 2, HIGH, M(4));

        subject_map(s, HIGH + shift, M(8) + 4096, M(2), RIGHT_W);
        subject_assert(s, shift ? 5 : 4, 512, 0, 0);
        subject_protect(s, HIGH + shift, M(2), 0);
        subject_assert(s, shift ? 5 : 4, 512, 0, 0);
        subject_unmap(s, HIGH + shift, M(2));
        subject_assert(s, 1, 0, 0, 0);
        subject_end(s);
    }
}

/* Two pages to both sides of the border of each table, from 2 MiB to half the address space. */
static void ranges_cross_the_borders_of_tables(void **state)
{
    static const uint64_t edges[] = {M(2), G(1), G(512), UINT64_C(1) << 48};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        struct subject *s = start(5, 2, edges[i] - M(2), M(4));

        subject_map(s, edges[i] - 8192, M(1), 16384, RIGHT_X);
        subject_assert(s, 6 + i, 4, 0, 0);
        subject_protect(s, edges[i] - 4096, 8192, 0);
        subject_unmap(s, edges[i] - 4096, 8192);
        subject_assert(s, 6 + i, 2, 0, 0);
        subject_unmap(s, edges[i] - 8192, 4096);
        subject_assert(s, 5, 1, 0, 0);
        subject_unmap(s, edges[i] + 4096, 4096);
        subject_assert(s, 1, 0, 0, 0);
        subject_end(s);
    }
}

/* The first and the last page of the address space, and of its halves. */
static void edges_of_the_address_space_are_pages(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        uint64_t half = UINT64_C(1) << (levels == 5 ? 56 : 47);
        const uint64_t at[] = {0, half - M(2), (uint64_t)0 - half, (uint64_t)0 - M(2)};

        for (size_t i = 0; i < COUNT_OF(at); i++) {
            struct subject *s = start(levels, 2, at[i], M(2));

            subject_map(s, at[i], M(2), M(2), RIGHT_W);
            subject_assert(s, levels - 1, 0, 1, 0);
            subject_unmap(s, at[i] + M(2) - 4096, 4096);
            subject_unmap(s, at[i], 4096);
            subject_assert(s, levels, 510, 0, 0);
            subject_protect(s, at[i] + 4096, M(2) - 8192, 0);
            subject_unmap(s, at[i] + 4096, M(2) - 8192);
            subject_assert(s, 1, 0, 0, 0);
            subject_end(s);
        }
    }
}

/* 1 GiB, or 64 MiB of small pages: pages up to one level in the space, up to another wanted. */
static void map_1g(unsigned space, unsigned wanted)
{
    unsigned level = space < wanted ? space : wanted;
    uint64_t len = level == 0 ? M(64) : G(1);
    struct subject *s = start(4, space, G(1), len);
    struct pt_change change = {PT_MAP, G(1), G(3), len, RIGHT_W, MEMTYPE_WB, wanted, false, false};

    subject_expect(s, change, ERR_NONE, 0);
    if (level == 2)
        subject_assert(s, 2, 0, 0, 1);
    else if (level == 1)
        subject_assert(s, 3, 0, 512, 0);
    else
        subject_assert(s, 3 + 32, 32 * 512, 0, 0);
    subject_unmap(s, G(1), len);
    subject_assert(s, 1, 0, 0, 0);
    subject_end(s);
}

/* 1 GiB is one leaf, 512, or all small pages: as the change has it. */
static void largest_page_is_the_changes(void **state)
{
    (void)state;
    for (unsigned space = 0; space <= 2; space++) {
        for (unsigned wanted = 0; wanted <= space; wanted++)
            map_1g(space, wanted);
    }
}

/* A change may allow more than the space does, and gets what that allows. */
static void space_limits_the_changes_page(void **state)
{
    (void)state;
    map_1g(0, 1);
    map_1g(0, 2);
    map_1g(1, 2);
}

/* Where va and pa agree modulo 4 KiB or 2 MiB only, so do the pages. */
static void pages_are_as_large_as_addresses_agree(void **state)
{
    struct subject *s = start(4, 2, 0, G(2));

    (void)state;
    subject_map(s, G(1), G(3) + M(2), G(1), RIGHT_W);
    subject_assert(s, 3, 0, 512, 0);
    subject_map(s, M(4), G(7) + K(4), M(4), 0);
    subject_assert(s, 6, 1024, 512, 0);
    subject_unmap(s, M(4), M(4));
    subject_unmap(s, G(1), G(1));
    subject_assert(s, 1, 0, 0, 0);
    subject_end(s);
}

/* A piece that is off the boundaries by a page on both sides uses all sizes, and goes again. */
static void odd_piece_uses_all_sizes(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = start(levels, 2, 0, G(3));
        uint64_t va = G(1) - M(2) - 4096;
        uint64_t len = G(1) + M(4) + 8192;

        subject_map(s, va, G(4) + va, len, RIGHT_W);
        subject_assert(s, levels + 2, 2, 2, 1);
        subject_protect(s, va, len, RIGHT_X);
        subject_assert(s, levels + 2, 2, 2, 1);
        subject_unmap(s, va, len);
        subject_assert(s, 1, 0, 0, 0);
        assert_int_equal(s->tlb.left, 1100);
        subject_end(s);
    }
}

/* Each memory type and right arrives at each level, and can be changed into each other. */
static void attributes_arrive_and_change(void **state)
{
    static const uint64_t sizes[] = {K(4), M(2), G(1)};
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};

    (void)state;
    for (unsigned level = 0; level <= 2; level++) {
        struct subject *s = start(4, 2, G(1), sizes[level]);
        struct pt_change change = {.va = G(1), .pa = G(3), .len = sizes[level], .max_level = 2};

        for (unsigned i = 0; i < 15 * 15; i++) {
            change.op = PT_MAP;
            change.rights = i / 15 % 3 * 2;
            change.type = types[i / 15 / 3];
            subject_expect(s, change, ERR_NONE, 0);
            change.op = PT_PROTECT;
            change.rights = i % 15 % 3 * 2;
            change.type = types[i % 15 / 3];
            subject_expect(s, change, ERR_NONE, 0);
            assert_int_equal(s->tlb.count.allocs, 0);
            assert_int_equal(s->leaves[level], 1);
            change.op = PT_UNMAP;
            subject_expect(s, change, ERR_NONE, 0);
        }
        subject_end(s);
    }
}

/* What is not of an operation may be anything: pa, rights, type and page of the others. */
static void fields_of_other_operations_are_ignored(void **state)
{
    struct subject *s = start(4, 2, HIGH, M(2));
    struct pt_change change = {PT_PROTECT, HIGH, 123, 4096, RIGHT_W, MEMTYPE_WB, 77, false, false};

    (void)state;
    subject_map(s, HIGH, M(2), 4096, 0);
    subject_expect(s, change, ERR_NONE, 0);
    change.pa = UINT64_MAX;
    change.op = PT_UNMAP;
    change.rights = RIGHT_W | RIGHT_X;
    subject_expect(s, change, ERR_NONE, 0);
    subject_assert(s, 1, 0, 0, 0);
    subject_end(s);
}

/* Protecting a page as it is changes nothing: no frame, and no large page is split for good. */
static void same_rights_again_change_nothing(void **state)
{
    struct subject *s = start(4, 2, G(1), G(1));

    (void)state;
    subject_map(s, G(1), G(3), G(1), RIGHT_W);
    subject_protect(s, G(1) + M(6), K(12), RIGHT_W);
    subject_assert(s, 2, 0, 0, 1);
    subject_protect(s, G(1), G(1), RIGHT_W);
    subject_assert(s, 2, 0, 0, 1);
    subject_end(s);
}

/* One unmap takes pages of all sizes, of several mappings. */
static void one_unmap_takes_many_mappings(void **state)
{
    struct subject *s = start(5, 2, G(1), G(3));

    (void)state;
    subject_map(s, G(1), G(8), G(1), RIGHT_W);
    subject_map(s, G(2), G(16) + M(2), M(4), RIGHT_X);
    subject_map(s, G(2) + M(4), G(20) + K(8), K(8), 0);
    subject_unmap(s, G(1) + M(2) + K(4), G(1) + M(2));
    subject_assert(s, 7, 2, 1, 0);
    subject_unmap(s, G(1), M(2) + K(4));
    subject_unmap(s, G(2) + M(4) + K(4), K(4));
    subject_assert(s, 1, 0, 0, 0);
    assert_int_equal(s->tlb.left, 1100);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page_comes_and_goes),
        cmocka_unit_test(page_in_a_table_is_one_write),
        cmocka_unit_test(pages_of_a_table_come_and_go),
        cmocka_unit_test(ranges_cross_the_borders_of_tables),
        cmocka_unit_test(edges_of_the_address_space_are_pages),
        cmocka_unit_test(largest_page_is_the_changes),
        cmocka_unit_test(space_limits_the_changes_page),
        cmocka_unit_test(pages_are_as_large_as_addresses_agree),
        cmocka_unit_test(odd_piece_uses_all_sizes),
        cmocka_unit_test(attributes_arrive_and_change),
        cmocka_unit_test(fields_of_other_operations_are_ignored),
        cmocka_unit_test(same_rights_again_change_nothing),
        cmocka_unit_test(one_unmap_takes_many_mappings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
