/* SPDX-License-Identifier: MIT */
/* Frames that have several mappings: rights, memory types, MTRRs, the directmap, a plan's start. */
#include "subject.h"

#include "layout.h"
#include "machine.h"
#include "test.h"

#define VA  G(1)
#define TOP UINT64_C(0xffffffff80000000)
#define DM  DIRECTMAP_BASE_4

/* A directmap of the first 64 MiB, and two places for other mappings. */
static struct subject *prepare(void)
{
    struct subject *s = subject_init(4, 2);

    subject_arena(s, VA, M(64));
    subject_arena(s, DM, M(128));
    subject_arena(s, TOP, M(8));
    s->space.directmap_base = DM;
    s->space.directmap_size = DIRECTMAP_SIZE_4;
    subject_mapped(s, (struct mapping){DM, 0, M(64), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    return s;
}

static struct subject *start(void)
{
    struct subject *s = prepare();

    subject_start(s, 100);
    assert_int_equal(s->registry.count, 0);
    return s;
}

static struct pt_change map(uint64_t va, uint64_t pa, uint64_t len, unsigned rights,
                            enum memtype type)
{
    return (struct pt_change){PT_MAP, va, pa, len, rights, type, 2, false, false};
}

static struct pt_change protect(uint64_t va, uint64_t len, unsigned rights, enum memtype type)
{
    return (struct pt_change){PT_PROTECT, va, 0, len, rights, type, 0, false, false};
}

/* What the directmap writes is executable nowhere, until that part is read-only. */
static void directmap_is_not_executable_elsewhere(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_expect(s, map(TOP, M(8), K(16), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP);
    subject_protect(s, DM + M(8), K(12), 0);
    subject_expect(s, map(TOP, M(8), K(16), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP + K(12));
    subject_map(s, TOP, M(8), K(12), RIGHT_X);
    subject_expect(s, protect(DM, M(64), RIGHT_W, MEMTYPE_WB), ERR_WX, DM + M(8));
    subject_expect(s, protect(DM + M(8) + K(4), K(4), RIGHT_W, MEMTYPE_WB), ERR_WX,
                   DM + M(8) + K(4));
    subject_unmap(s, TOP, K(12));
    subject_protect(s, DM + M(8), K(12), RIGHT_W);
    assert_int_equal(s->leaves[0], 0);
    subject_end(s);
}

/* An executable page in the directmap keeps its frame from being written anywhere else. */
static void executable_directmap_is_not_written_elsewhere(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_protect(s, DM + M(4), M(2), RIGHT_X);
    subject_expect(s, map(TOP, M(4) - K(8), K(16), RIGHT_W, MEMTYPE_WB), ERR_WX, TOP + K(8));
    subject_map(s, TOP, M(4) - K(8), K(16), 0);
    subject_expect(s, protect(TOP, K(16), RIGHT_W, MEMTYPE_WB), ERR_WX, TOP + K(8));
    subject_protect(s, TOP, K(8), RIGHT_W);
    subject_protect(s, DM + M(4), M(2), RIGHT_W);
    subject_protect(s, TOP + K(8), K(8), RIGHT_W);
    subject_end(s);
}

/* Between two other mappings the same holds, page by page, in both directions. */
static void other_mappings_are_not_written_and_executed(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_map(s, VA, M(100), K(32), RIGHT_W);
    subject_expect(s, map(TOP, M(100) - K(4), K(8), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP + K(4));
    subject_protect(s, VA, K(8), 0);
    subject_expect(s, map(TOP, M(100) - K(4), K(40), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP + K(12));
    subject_map(s, TOP, M(100) - K(4), K(12), RIGHT_X);
    subject_expect(s, protect(VA, K(32), RIGHT_W, MEMTYPE_WB), ERR_WX, VA);
    subject_expect(s, map(VA + M(4), M(100) - K(8), K(8), RIGHT_W, MEMTYPE_WB), ERR_WX,
                   VA + M(4) + K(4));
    subject_unmap(s, TOP, K(12));
    subject_protect(s, VA, K(32), RIGHT_W);
    subject_end(s);
}

/* Many mappings of one frame, long and short, are all found. */
static void all_of_many_aliases_are_found(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_map(s, VA, M(70), M(16), 0);
    for (uint64_t i = 0; i < 8; i++)
        subject_map(s, VA + M(20) + i * K(8), M(72) + i * K(4), K(4), 0);
    subject_protect(s, VA + M(20) + K(40), K(4), RIGHT_W);
    for (uint64_t i = 0; i < 8; i++) {
        struct pt_change change = map(TOP, M(72) + i * K(4), K(4), RIGHT_X, MEMTYPE_WB);

        if (i == 5) {
            subject_expect(s, change, ERR_WX, TOP);
        } else {
            subject_expect(s, change, ERR_NONE, 0);
            subject_unmap(s, TOP, K(4));
        }
    }
    subject_expect(s, protect(VA, M(16), RIGHT_X, MEMTYPE_WB), ERR_WX, VA + M(2) + K(20));
    /* The long one reaches over the short ones, and is found behind them. */
    subject_protect(s, VA, M(16), RIGHT_W);
    subject_expect(s, map(TOP, M(80), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP);
    subject_end(s);
}

/* The rule against W+X over aliases is lifted by its name, and by no other. */
static void wx_over_aliases_is_lifted_by_name(void **state)
{
    struct subject *s = start();
    struct pt_change change = map(TOP, M(8), K(16), RIGHT_X, MEMTYPE_WB);

    (void)state;
    change.allow_types = true;
    subject_expect(s, change, ERR_WX, TOP);
    change.allow_wx = true;
    change.allow_types = false;
    subject_expect(s, change, ERR_NONE, 0);
    subject_expect(s, protect(DM + M(8), K(4), RIGHT_W, MEMTYPE_WB), ERR_WX, DM + M(8));
    subject_end(s);
}

/* One frame has one memory type, in the directmap or not, unless the rule is lifted. */
static void frames_have_one_type(void **state)
{
    struct subject *s = start();
    struct pt_change change = map(TOP, M(64) - K(8), K(16), 0, MEMTYPE_UC);

    (void)state;
    subject_expect(s, change, ERR_TYPE, TOP);
    change.pa = M(64) - K(4);
    change.allow_wx = true;
    subject_expect(s, change, ERR_TYPE, TOP);
    change.pa = M(64);
    subject_expect(s, change, ERR_NONE, 0);
    subject_expect(s, map(VA, M(64) - K(4), K(12), 0, MEMTYPE_WB), ERR_TYPE, VA + K(4));
    subject_expect(s, map(VA, M(64) + K(4), K(4), 0, MEMTYPE_WC), ERR_TYPE, VA);
    subject_expect(s, map(VA, M(64) + K(4), K(4), RIGHT_W, MEMTYPE_UC), ERR_NONE, 0);
    subject_expect(s, protect(TOP, K(16), 0, MEMTYPE_WC), ERR_TYPE, TOP + K(4));
    change = protect(TOP, K(16), 0, MEMTYPE_WC);
    change.allow_types = true;
    subject_expect(s, change, ERR_NONE, 0);
    subject_end(s);
}

/* A part of the directmap that has another type keeps others from being write-back. */
static void types_in_the_directmap_count(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_expect(s, protect(DM + M(2), K(8), RIGHT_W, MEMTYPE_WC), ERR_NONE, 0);
    subject_expect(s, map(TOP, M(2) - K(4), K(8), 0, MEMTYPE_WB), ERR_TYPE, TOP + K(4));
    subject_expect(s, map(TOP, M(2), K(12), 0, MEMTYPE_WC), ERR_TYPE, TOP + K(8));
    subject_expect(s, map(TOP, M(2), K(8), 0, MEMTYPE_WC), ERR_NONE, 0);
    subject_expect(s, protect(DM + M(2), K(8), RIGHT_W, MEMTYPE_WB), ERR_TYPE, DM + M(2));
    subject_unmap(s, TOP, K(8));
    subject_protect(s, DM + M(2), K(8), RIGHT_W);
    assert_int_equal(s->leaves[0], 0);
    subject_end(s);
}

/* Frames that leave the directmap can have any type, and come back when that mapping is gone. */
static void unmapped_directmap_frees_its_frames(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_unmap(s, DM + M(6), M(2));
    subject_expect(s, map(TOP, M(6), M(2), RIGHT_W, MEMTYPE_UC), ERR_NONE, 0);
    subject_expect(s, map(DM + M(6), M(6), M(2), RIGHT_W, MEMTYPE_WB), ERR_TYPE, DM + M(6));
    subject_unmap(s, TOP, M(2));
    subject_map(s, DM + M(6), M(6), M(2), RIGHT_W);
    assert_int_equal(s->leaves[1], 32);
    subject_end(s);
}

/* Write-back is refused where the MTRRs make memory something else; nothing lifts that. */
static void write_back_needs_the_mtrrs(void **state)
{
    struct subject *s = prepare();
    struct pt_change change = map(VA, M(100), M(8), RIGHT_W, MEMTYPE_WB);

    (void)state;
    subject_mtrr(s, M(104), K(8), MEMTYPE_UC);
    subject_mtrr(s, M(106), K(4), MEMTYPE_WT);
    subject_start(s, 100);
    change.allow_wx = change.allow_types = true;
    subject_expect(s, change, ERR_TYPE, VA + M(4));
    change.pa += M(4) + K(8);
    subject_expect(s, change, ERR_TYPE, VA + M(2) - K(8));
    change.type = MEMTYPE_UC;
    subject_expect(s, change, ERR_NONE, 0);
    change.op = PT_PROTECT;
    change.type = MEMTYPE_WB;
    subject_expect(s, change, ERR_TYPE, VA + M(2) - K(8));
    subject_end(s);
}

/* No leaf crosses a boundary of the MTRRs' types, whatever type the mapping itself has. */
static void leaves_end_where_mtrr_types_do(void **state)
{
    struct subject *s = prepare();

    (void)state;
    subject_mtrr(s, M(104) - K(4), K(4), MEMTYPE_UC);
    subject_mtrr(s, M(106), M(2), MEMTYPE_WC);
    subject_start(s, 100);
    subject_expect(s, map(VA, M(96), M(16), RIGHT_W, MEMTYPE_UC), ERR_NONE, 0);
    /* 32 in the directmap; here 8, of which one holds the page of another type. */
    assert_int_equal(s->leaves[0], 512);
    assert_int_equal(s->leaves[1], 32 + 7);
    /* Nor does a merge bring one about. */
    subject_expect(s, protect(VA + M(6), M(2), 0, MEMTYPE_UC), ERR_NONE, 0);
    subject_expect(s, protect(VA, M(16), RIGHT_W, MEMTYPE_UC), ERR_NONE, 0);
    assert_int_equal(s->leaves[0], 512);
    subject_end(s);
}

/* The alias list joins neighbours, in whatever order they come and go. */
static void neighbours_are_one_alias(void **state)
{
    static const uint64_t order[] = {4, 0, 2, 3, 1, 5, 7, 6};
    struct subject *s = start();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(order); i++)
        subject_map(s, VA + order[i] * K(4), M(80) + order[i] * K(4), K(4), 0);
    assert_int_equal(s->registry.count, 1);
    subject_map(s, TOP, M(80) + K(8), K(4), 0); /* between them by pa */
    subject_protect(s, VA + K(8), K(4), RIGHT_W);
    assert_int_equal(s->registry.count, 4);
    subject_protect(s, VA + K(8), K(4), 0);
    assert_int_equal(s->registry.count, 2);
    subject_unmap(s, VA + K(4), K(12));
    subject_map(s, VA + K(4), M(80) + K(4), K(12), 0);
    assert_int_equal(s->registry.count, 2);
    subject_end(s);
}

/* With no directmap there is no arithmetic: all that the plan has is in the list. */
static void space_without_a_directmap_lists_all(void **state)
{
    struct subject *s = subject_init(4, 2);

    (void)state;
    subject_arena(s, 0, M(4));
    subject_arena(s, DM, M(8));
    subject_mapped(s, (struct mapping){DM, M(2), M(4), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    subject_mapped(s, (struct mapping){DM + M(4), M(6), M(2), RIGHT_W, MEMTYPE_WB, 2, WHAT_STACK});
    subject_start(s, 100);
    assert_int_equal(s->registry.count, 1);
    subject_expect(s, map(0, M(2), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, 0);
    subject_end(s);
}

/* Behind the directmap's window the same distance is a mapping like any other, joined with none. */
static void end_of_the_window_parts_mappings(void **state)
{
    struct subject *s = subject_init(4, 2);
    const uint64_t end = DM + M(8);

    (void)state;
    subject_arena(s, VA, M(4));
    subject_arena(s, DM, M(16));
    s->space.directmap_base = DM;
    s->space.directmap_size = M(8);
    subject_mapped(s, (struct mapping){DM, 0, M(7), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    subject_start(s, 100);
    subject_map(s, end, M(8), K(4), RIGHT_W);
    subject_map(s, end - K(16), M(8) - K(16), K(16), RIGHT_W);
    assert_int_equal(s->registry.count, 1);
    s->registry.max = 1;
    subject_unmap(s, end - K(12), K(4));
    subject_map(s, end - K(12), M(8) - K(12), K(4), RIGHT_W);
    s->registry.max = 8;
    subject_unmap(s, end - K(16), K(20));
    assert_int_equal(s->registry.count, 0);
    /* Across it, in one change. */
    subject_map(s, end - K(8), M(8) - K(8), K(16), RIGHT_W);
    assert_int_equal(s->registry.count, 1);
    subject_expect(s, map(VA, M(8), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, VA);
    subject_protect(s, end - K(8), K(16), 0);
    assert_int_equal(s->registry.count, 1);
    subject_map(s, VA, M(8), K(4), RIGHT_X);
    subject_expect(s, protect(end - K(8), K(16), RIGHT_W, MEMTYPE_WB), ERR_WX, end);
    /* By pages of 2 MiB, in one row. */
    subject_unmap(s, VA, K(4));
    subject_unmap(s, end - K(8), K(16));
    subject_map(s, DM + M(7), M(7), M(5), RIGHT_W);
    assert_int_equal(s->registry.count, 1);
    subject_unmap(s, DM + M(6), M(4));
    subject_map(s, DM + M(6), M(6), M(4), RIGHT_W);
    subject_expect(s, map(VA, M(8), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, VA);
    assert_int_equal(s->registry.count, 1);
    subject_end(s);
}

/* A plan with more mappings than the list has room for is refused. */
static void plan_without_room_is_refused(void **state)
{
    struct subject *s = prepare();
    struct error err;

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        subject_mapped(s, (struct mapping){TOP + i * K(8), M(64) + i * K(16), K(4), RIGHT_W,
                                           MEMTYPE_WB, 2, WHAT_STACK});
    subject_start(s, 10);
    assert_int_equal(s->registry.count, 5);
    for (size_t room = 0; room <= 5; room++) {
        pt_aliases_init(&s->registry, s->aliases, s->keys, room);
        err = pt_space_start(&s->space, &s->plan);
        assert_int_equal(err.code, room < 5 ? ERR_PLANFULL : ERR_NONE);
        assert_int_equal(err.at, room < 5 ? room : 0);
    }
    subject_end(s);
}

/* From a planned machine: its image's text is read-only in the directmap, and stays so. */
static void planned_machine_goes_on(void **state)
{
    struct machine *m = machine_start(46);
    struct subject *s = subject_init(4, 2);

    (void)state;
    machine_add(m, 0, K(640), MEM_USABLE);
    machine_add(m, M(1), M(31), MEM_USABLE);
    machine_want(m, (struct mapping){TOP, M(4), K(32), RIGHT_X, MEMTYPE_WB, 2, WHAT_IMAGE_TEXT});
    machine_want(m, (struct mapping){TOP + K(32), M(4) + K(32), K(16), RIGHT_W, MEMTYPE_WB, 2,
                                     WHAT_IMAGE_DATA});
    machine_want(
        m, (struct mapping){TOP + M(2), M(512), M(2), RIGHT_W, MEMTYPE_WC, 2, WHAT_FRAMEBUFFER});
    machine_settle(m);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    subject_arena(s, DM, M(32));
    subject_arena(s, TOP, M(8));
    s->space.directmap_base = m->request.directmap_base;
    s->space.directmap_size = m->request.directmap_size;
    for (size_t i = 0; i < m->plan.count; i++)
        subject_mapped(s, m->plan.entries[i]);
    subject_start(s, 100);
    assert_int_equal(s->registry.count, 3);
    subject_expect(s, protect(DM + M(4), K(32), RIGHT_W, MEMTYPE_WB), ERR_WX, DM + M(4));
    subject_expect(s, protect(DM + M(2), M(4), RIGHT_W, MEMTYPE_WB), ERR_WX, DM + M(4));
    subject_expect(s, protect(TOP + K(32), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP + K(32));
    subject_expect(s, map(TOP + M(6), M(512) + K(4), K(4), 0, MEMTYPE_UC), ERR_TYPE, TOP + M(6));
    subject_unmap(s, TOP, K(32));
    subject_protect(s, DM + M(4), K(32), RIGHT_W);
    /* The whole 2 MiB are one page again: the plan's three mappings were of one kind but that. */
    assert_int_equal(s->leaves[1], 15 + 1);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directmap_is_not_executable_elsewhere),
        cmocka_unit_test(executable_directmap_is_not_written_elsewhere),
        cmocka_unit_test(other_mappings_are_not_written_and_executed),
        cmocka_unit_test(all_of_many_aliases_are_found),
        cmocka_unit_test(wx_over_aliases_is_lifted_by_name),
        cmocka_unit_test(frames_have_one_type),
        cmocka_unit_test(types_in_the_directmap_count),
        cmocka_unit_test(unmapped_directmap_frees_its_frames),
        cmocka_unit_test(write_back_needs_the_mtrrs),
        cmocka_unit_test(leaves_end_where_mtrr_types_do),
        cmocka_unit_test(neighbours_are_one_alias),
        cmocka_unit_test(space_without_a_directmap_lists_all),
        cmocka_unit_test(end_of_the_window_parts_mappings),
        cmocka_unit_test(plan_without_room_is_refused),
        cmocka_unit_test(planned_machine_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
