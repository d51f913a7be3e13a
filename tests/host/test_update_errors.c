/* SPDX-License-Identifier: MIT */
/* What is refused, and where; after each error subject.c sees that nothing has changed. */
#include "subject.h"

#include "test.h"

#define VA G(1)
#define PA G(3)

static struct subject *start(unsigned levels)
{
    struct subject *s = subject_init(levels, 2);

    subject_arena(s, VA, G(1));
    subject_start(s, 600);
    return s;
}

static struct pt_change map(uint64_t va, uint64_t pa, uint64_t len)
{
    return (struct pt_change){PT_MAP, va, pa, len, RIGHT_W, MEMTYPE_WB, 2, false, false};
}

/* Each operation refuses addresses and lengths that are no pages, and an empty range. */
static void odd_addresses_are_refused(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_map(s, VA, PA, M(2), RIGHT_W);
    for (uint64_t odd = 1; odd < 4096; odd = odd * 3 + 1) {
        for (unsigned op = PT_MAP; op <= PT_PROTECT; op++) {
            struct pt_change change = map(VA + odd, PA, M(2));

            change.op = (enum pt_op)op;
            subject_expect(s, change, ERR_ALIGN, VA + odd);
            change = map(VA, PA, M(2) - odd);
            change.op = (enum pt_op)op;
            subject_expect(s, change, ERR_ALIGN, VA);
            change.len = 0;
            subject_expect(s, change, ERR_ALIGN, VA);
        }
        subject_expect(s, map(VA + M(4), PA + odd, 4096), ERR_ALIGN, VA + M(4));
    }
    subject_end(s);
}

/* No range begins, ends or passes outside the canonical halves, with 4 levels or 5. */
static void addresses_that_are_not_canonical_are_refused(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        uint64_t half = UINT64_C(1) << (levels == 5 ? 56 : 47);
        const struct {
            uint64_t va;
            uint64_t len;
        } wrong[] = {{half, 4096},
                     {half - 4096, 8192},
                     {(uint64_t)0 - half - 4096, 4096},
                     {(uint64_t)0 - half - 4096, 8192},
                     {(uint64_t)0 - 4096, 8192},
                     {0, (uint64_t)0 - 4096},
                     {half - 4096, (uint64_t)0 - 2 * half + 8192},
                     {(uint64_t)0 - half, half + 4096}};
        struct subject *s = start(levels);

        for (size_t i = 0; i < COUNT_OF(wrong); i++) {
            for (unsigned op = PT_UNMAP; op <= PT_PROTECT; op++) {
                struct pt_change change = map(wrong[i].va, 0, wrong[i].len);

                change.op = (enum pt_op)op;
                subject_expect(s, change, ERR_CANONICAL, wrong[i].va);
            }
        }
        subject_expect(s, map(half - 4096, 0, 8192), ERR_CANONICAL, half - 4096);
        subject_expect(s, map((uint64_t)0 - 4096, 0, 8192), ERR_CANONICAL, (uint64_t)0 - 4096);
        subject_end(s);
    }
}

/* Frames beyond the CPU's width are refused, also where only the end or a wrap lies there. */
static void frames_beyond_the_width_are_refused(void **state)
{
    struct subject *s = start(4);
    uint64_t width = UINT64_C(1) << 46;

    (void)state;
    subject_expect(s, map(VA, width, 4096), ERR_WIDTH, VA);
    subject_expect(s, map(VA, width - 4096, 8192), ERR_WIDTH, VA);
    subject_expect(s, map(VA, (uint64_t)0 - 4096, 8192), ERR_WIDTH, VA);
    subject_expect(s, map(VA, width - M(2), M(2)), ERR_NONE, 0);
    subject_end(s);
}

/* There is no page larger than 1 GiB. */
static void larger_pages_are_refused(void **state)
{
    struct subject *s = start(4);
    struct pt_change change = map(VA, PA, M(2));

    (void)state;
    for (unsigned level = 3; level < 9; level++) {
        change.max_level = level;
        subject_expect(s, change, ERR_LARGE, VA);
    }
    subject_end(s);
}

/* Of several errors the form comes first: rights are not looked at where no page could be. */
static void form_is_judged_before_rights(void **state)
{
    struct subject *s = start(4);
    struct pt_change change = map(VA, PA, M(2));

    (void)state;
    change.rights = RIGHT_W | RIGHT_X;
    change.max_level = 3;
    subject_expect(s, change, ERR_LARGE, VA);
    change.max_level = 2;
    change.pa = UINT64_C(1) << 46;
    subject_expect(s, change, ERR_WIDTH, VA);
    subject_end(s);
}

/* A range of which any page is mapped is refused at the first of these, whatever its size. */
static void mapped_pages_clash(void **state)
{
    static const uint64_t at[] = {0, K(4), M(2) - K(4), M(2), M(6) + K(8), G(1) - K(4)};
    static const uint64_t sizes[] = {K(4), M(2)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at) * COUNT_OF(sizes); i++) {
        uint64_t size = sizes[i % 2];
        uint64_t there = VA + at[i / 2] / size * size;
        struct subject *s = start(4);

        subject_map(s, there, PA + at[i / 2] / size * size, size, RIGHT_W);
        subject_expect(s, map(VA, PA + G(4), G(1)), ERR_CLASH, there);
        subject_expect(s, map(there + size - 4096, PA + G(4), 4096), ERR_CLASH,
                       there + size - 4096);
        if (there > VA)
            subject_expect(s, map(there - 4096, PA + G(4), 8192), ERR_CLASH, there);
        subject_end(s);
    }
}

/* A range of which any page is missing is refused at the first of these, by unmap and protect. */
static void missing_pages_are_absent(void **state)
{
    static const uint64_t at[] = {0, K(4), M(2) - K(4), M(2), M(6) + K(8), G(1) - K(4)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct subject *s = start(4);
        struct pt_change change = {.op = PT_UNMAP, .va = VA, .len = G(1), .type = MEMTYPE_WB};

        subject_expect(s, change, ERR_ABSENT, VA);
        subject_map(s, VA, PA, G(1), RIGHT_W);
        subject_unmap(s, VA + at[i], 4096);
        subject_expect(s, change, ERR_ABSENT, VA + at[i]);
        change.op = PT_PROTECT;
        subject_expect(s, change, ERR_ABSENT, VA + at[i]);
        change.va = VA + at[i];
        change.len = 4096;
        subject_expect(s, change, ERR_ABSENT, VA + at[i]);
        subject_end(s);
    }
}

/* Where no table is at all, a page is absent too. */
static void pages_without_a_table_are_absent(void **state)
{
    struct subject *s = start(5);
    struct pt_change change = {.op = PT_UNMAP, .va = VA + K(4), .len = K(8)};

    (void)state;
    subject_expect(s, change, ERR_ABSENT, VA + K(4));
    subject_map(s, VA + K(4), PA, K(4), 0);
    subject_expect(s, change, ERR_ABSENT, VA + K(8));
    subject_end(s);
}

/* Writable and executable is refused in one mapping, unless the rule is lifted. */
static void writable_and_executable_is_refused(void **state)
{
    struct subject *s = start(4);
    struct pt_change change = map(VA, PA, M(4));

    (void)state;
    change.rights = RIGHT_W | RIGHT_X;
    subject_expect(s, change, ERR_WX, VA);
    change.allow_types = true;
    subject_expect(s, change, ERR_WX, VA);
    change.allow_wx = true;
    subject_expect(s, change, ERR_NONE, 0);
    change.op = PT_PROTECT;
    change.rights = RIGHT_W;
    change.allow_wx = false;
    subject_expect(s, change, ERR_NONE, 0);
    change.rights = RIGHT_W | RIGHT_X;
    change.va += M(2);
    change.len = 4096;
    subject_expect(s, change, ERR_WX, VA + M(2));
    change.allow_wx = true;
    subject_expect(s, change, ERR_NONE, 0);
    subject_end(s);
}

/* A change that needs n frames is refused with less, changes nothing, and goes with n. */
static void starve(struct subject *s, struct pt_change change)
{
    size_t left = s->tlb.left;
    size_t need;

    s->tlb.left = 0;
    if (subject_update(s, &change).code == ERR_NONE) {
        s->tlb.left += left;
        return;
    }
    need = s->tlb.count.asked;
    assert_in_range(need, 1, left);
    for (s->tlb.left = 1; s->tlb.left < need; s->tlb.left++) {
        struct error err = subject_update(s, &change);

        assert_int_equal(err.code, ERR_NOFRAMES);
        assert_int_equal(err.value, need);
    }
    subject_expect(s, change, ERR_NONE, 0);
    assert_int_equal(s->tlb.count.allocs, need);
    s->tlb.left += left - need;
}

/* Out of frames at every count: nothing happens until there are as many as are asked for. */
static void too_few_frames_change_nothing(void **state)
{
    static const struct pt_change changes[] = {
        {PT_MAP, VA + M(2) - K(4), PA, K(8), RIGHT_W, MEMTYPE_WB, 2, false, false},
        {PT_UNMAP, VA + M(2) - K(4), 0, K(8), 0, MEMTYPE_UC, 0, false, false},
        {PT_MAP, VA, PA, G(1), RIGHT_W, MEMTYPE_WB, 2, false, false},
        {PT_PROTECT, VA + M(2) - K(4), 0, K(8), 0, MEMTYPE_WB, 0, false, false},
        {PT_PROTECT, VA + M(8) + K(4), 0, K(4), RIGHT_X, MEMTYPE_WB, 0, false, false},
        {PT_UNMAP, VA + M(16) + K(8), 0, M(16), 0, MEMTYPE_WB, 0, false, false},
        {PT_MAP, VA + M(16) + K(8), PA + G(2), M(16), 0, MEMTYPE_WB, 2, false, false},
        {PT_UNMAP, VA, 0, G(1), 0, MEMTYPE_WB, 0, false, false},
    };

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = start(levels);

        for (size_t i = 0; i < COUNT_OF(changes); i++)
            starve(s, changes[i]);
        subject_assert(s, 1, 0, 0, 0);
        assert_int_equal(s->tlb.left, 600);
        subject_end(s);
    }
}

/* A wrong page at the very end of a long range is found before anything is done. */
static void last_page_wrong_changes_nothing(void **state)
{
    struct subject *s = start(4);

    (void)state;
    subject_map(s, VA + G(1) - K(4), PA, K(4), 0);
    subject_expect(s, map(VA, PA + G(2), G(1)), ERR_CLASH, VA + G(1) - K(4));
    subject_unmap(s, VA + G(1) - K(4), K(4));
    subject_map(s, VA, PA, G(1) - K(4), RIGHT_W);
    subject_expect(s, (struct pt_change){.op = PT_UNMAP, .va = VA, .len = G(1)}, ERR_ABSENT,
                   VA + G(1) - K(4));
    subject_end(s);
}

/* The list of aliases takes as many mappings as it has room for, and one more is refused. */
static void too_many_mappings_are_refused(void **state)
{
    struct subject *s = start(4);

    (void)state;
    s->registry.max = 8;
    for (uint64_t i = 0; i < 8; i++)
        subject_map(s, VA + i * K(8), PA + i * K(8), K(4), RIGHT_W);
    assert_int_equal(subject_update(s, &(struct pt_change){PT_MAP, VA + G(1) - K(4), PA + M(2),
                                                           K(4), 0, MEMTYPE_WB, 2, false, false})
                         .code,
                     ERR_PLANFULL);
    /* A neighbour of the same kind is no new one, and an unmap makes room. */
    subject_map(s, VA + K(4), PA + K(4), K(4), RIGHT_W);
    subject_unmap(s, VA + K(32), K(4));
    subject_map(s, VA + G(1) - K(4), PA + M(2), K(4), 0);
    subject_end(s);
}

/* One page in the middle of a mapping makes it three by its rights, and two when it goes. */
static void split_mappings_need_room(void **state)
{
    struct subject *s = start(4);
    struct pt_change change = {PT_PROTECT, VA + K(8), 0, K(4), 0, MEMTYPE_WB, 0, false, false};

    (void)state;
    subject_map(s, VA, PA, K(20), RIGHT_W);
    s->registry.max = 2;
    assert_int_equal(subject_update(s, &change).code, ERR_PLANFULL);
    subject_protect(s, VA, K(4), 0);
    subject_protect(s, VA, K(4), RIGHT_W);
    subject_unmap(s, VA + K(8), K(4));
    s->registry.max = 1;
    change = (struct pt_change){.op = PT_UNMAP, .va = VA, .len = K(8)};
    subject_expect(s, change, ERR_NONE, 0);
    change.va = VA + K(16);
    change.len = K(4);
    subject_expect(s, change, ERR_NONE, 0);
    subject_end(s);
}

/* Ends that go on as parts of what is added need no room: then the next run may have it. */
static void joined_ends_need_no_room(void **state)
{
    struct subject *s = start(4);
    const struct pt_change change = {
        .op = PT_PROTECT, .va = VA + K(4), .len = K(16), .rights = RIGHT_W, .type = MEMTYPE_WB};

    (void)state;
    subject_map(s, VA, PA, K(12), RIGHT_W);
    subject_protect(s, VA + K(8), K(4), 0);
    subject_map(s, VA + K(12), PA + M(4), K(12), 0);
    assert_int_equal(s->registry.count, 3);
    s->registry.max = 3;
    subject_expect(s, change, ERR_NONE, 0);
    assert_int_equal(s->registry.count, 3);
    subject_end(s);
}

/* A page of the wrong type comes before one that is mapped already: the first one is named. */
static void wrong_type_before_a_clash_is_named(void **state)
{
    struct subject *s = subject_init(4, 2);

    (void)state;
    subject_arena(s, M(2), M(2));
    subject_mtrr(s, M(8) + K(4), K(4), MEMTYPE_UC);
    subject_start(s, 20);
    subject_map(s, M(2) + K(8), M(16), K(4), 0);
    subject_expect(s, (struct pt_change){PT_MAP, M(2), M(8), K(12), 0, MEMTYPE_WB, 2, false, false},
                   ERR_TYPE, M(2) + K(4));
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_addresses_are_refused),
        cmocka_unit_test(addresses_that_are_not_canonical_are_refused),
        cmocka_unit_test(frames_beyond_the_width_are_refused),
        cmocka_unit_test(larger_pages_are_refused),
        cmocka_unit_test(form_is_judged_before_rights),
        cmocka_unit_test(mapped_pages_clash),
        cmocka_unit_test(missing_pages_are_absent),
        cmocka_unit_test(pages_without_a_table_are_absent),
        cmocka_unit_test(writable_and_executable_is_refused),
        cmocka_unit_test(too_few_frames_change_nothing),
        cmocka_unit_test(last_page_wrong_changes_nothing),
        cmocka_unit_test(too_many_mappings_are_refused),
        cmocka_unit_test(split_mappings_need_room),
        cmocka_unit_test(joined_ends_need_no_room),
        cmocka_unit_test(wrong_type_before_a_clash_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
