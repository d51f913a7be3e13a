/* SPDX-License-Identifier: MIT */
/* Further roots: what they share, what is theirs, and the rules that hold over all of them. */
#include "random.h"
#include "subject.h"

#include "layout.h"
#include "test.h"

#define OWN UINT64_C(0x0000123400000000) /* in a slot that the main root does not use */
#define TOP UINT64_C(0xffffffff80000000)
#define DM  DIRECTMAP_BASE_4

/* The main root: a directmap of 32 MiB, and some pages of text. */
static struct subject *start(size_t frames)
{
    struct subject *s = subject_init(4, 2);

    subject_arena(s, DM, M(64));
    subject_arena(s, TOP, M(4));
    subject_arena(s, OWN, M(4));
    s->space.directmap_base = DM;
    s->space.directmap_size = DIRECTMAP_SIZE_4;
    subject_mapped(s, (struct mapping){DM, 0, M(32), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    subject_mapped(s, (struct mapping){TOP, M(40), K(32), RIGHT_X, MEMTYPE_WB, 2, WHAT_IMAGE_TEXT});
    subject_start(s, frames);
    return s;
}

/* One root more, with an arena of its own. */
static unsigned add_root(struct subject *s)
{
    unsigned owner = subject_add_root(s);

    subject_arena(s, OWN, M(4));
    return owner;
}

static struct pt_change map(uint64_t va, uint64_t pa, uint64_t len, unsigned rights,
                            enum memtype type)
{
    return (struct pt_change){PT_MAP, va, pa, len, rights, type, 2, false, false};
}

static struct pt_change unmap(uint64_t va, uint64_t len)
{
    return (struct pt_change){.op = PT_UNMAP, .va = va, .len = len};
}

/* What the main root changes in a slot that is shared holds in all roots; the rest does not. */
static void shared_slots_follow_the_main_root(void **state)
{
    struct subject *s = start(20);
    unsigned owner = add_root(s);

    (void)state;
    subject_turn(s, 0);
    subject_map(s, TOP + M(2), M(48), K(16), RIGHT_W);
    subject_protect(s, DM + M(2), K(4), 0);
    subject_unmap(s, TOP, K(8));
    /* The main root's own from now on: the other one has its own there, or nothing. */
    subject_map(s, OWN, M(50), K(8), 0);
    subject_turn(s, owner);
    subject_expect(s, unmap(OWN, K(8)), ERR_ABSENT, OWN);
    subject_map(s, OWN, M(52), K(8), RIGHT_W);
    subject_unmap(s, OWN, K(8));
    subject_turn(s, 0);
    subject_unmap(s, OWN, K(8));
    subject_end(s);
}

static bool is_global(struct subject *s, uint64_t va)
{
    struct ref_reader reader = fake_memory_ref(&s->fake);
    struct ref_hit hit = ref_translate(&reader, subject_space(s, s->owner)->root, s->levels, va);

    assert_true(hit.present);
    return hit.global;
}

/* What a change of CR3 is to end is not global: all that is mapped while roots may differ. */
static void leaves_are_global_while_there_is_one_root(void **state)
{
    struct subject *s = start(20);
    unsigned owner;

    (void)state;
    subject_map(s, TOP + M(2), M(48), K(4), RIGHT_W);
    assert_true(is_global(s, TOP + M(2)));
    owner = add_root(s);
    subject_map(s, OWN, M(52), K(4), RIGHT_W);
    assert_false(is_global(s, OWN));
    subject_turn(s, 0);
    subject_map(s, OWN, M(50), K(4), RIGHT_W);
    assert_false(is_global(s, OWN));
    assert_true(is_global(s, TOP + M(2)));
    subject_drop_root(s, owner);
    subject_end(s);
}

/* Pages that are global and pages that are not become one large page, as far as that may be global. */
static void global_pages_merge_with_others(void **state)
{
    struct subject *s = start(20);
    unsigned owner = subject_add_root(s);

    (void)state;
    subject_turn(s, 0);
    subject_protect(s, DM + M(2) + K(8), K(4), 0);
    assert_true(is_global(s, DM + M(2)));
    assert_false(is_global(s, DM + M(2) + K(8)));
    subject_protect(s, DM + M(2) + K(8), K(4), RIGHT_W);
    subject_assert(s, 7, 8, 16, 0);
    assert_false(is_global(s, DM + M(2)));
    subject_protect(s, DM + M(2) + K(8), K(4), 0);
    subject_drop_root(s, owner);
    subject_protect(s, DM + M(2) + K(8), K(4), RIGHT_W);
    subject_assert(s, 6, 8, 16, 0);
    assert_true(is_global(s, DM + M(2)));
    subject_end(s);
}

/* Nothing of the main root's is changed through another, whatever the operation. */
static void shared_slots_are_refused(void **state)
{
    struct subject *s = start(20);
    unsigned owner = add_root(s);
    struct pt_change change = {
        .op = PT_PROTECT, .va = TOP, .len = K(4), .rights = RIGHT_X, .type = MEMTYPE_WB};

    (void)state;
    subject_expect(s, change, ERR_CLASH, TOP);
    subject_expect(s, unmap(TOP + K(4), K(8)), ERR_CLASH, TOP + K(4));
    subject_expect(s, unmap(DM, M(32)), ERR_CLASH, DM);
    subject_expect(s, map(TOP + M(2), M(48), K(4), 0, MEMTYPE_WB), ERR_CLASH, TOP + M(2));
    subject_expect(s, map(DM + M(48), M(48), K(4), 0, MEMTYPE_WB), ERR_CLASH, DM + M(48));
    /* A range that only ends in a shared slot, and one that begins before the window. */
    subject_expect(s, map(TOP - TOP % G(512) - K(8), M(48), K(16), 0, MEMTYPE_WB), ERR_CLASH,
                   TOP - TOP % G(512));
    /* The window is the main root's, also where there is no table yet. */
    subject_expect(s, map(DM + G(512), G(512), K(4), 0, MEMTYPE_WB), ERR_CLASH, DM + G(512));
    subject_turn(s, 0);
    subject_unmap(s, TOP, K(32));
    subject_turn(s, owner);
    subject_expect(s, unmap(TOP, K(4)), ERR_CLASH, TOP);
    subject_end(s);
}

/* A root's own tables come with its pages and go with them, as in the main root. */
static void own_tables_come_and_go(void **state)
{
    struct subject *s = start(20);
    size_t left;

    (void)state;
    add_root(s);
    left = s->tlb.left;
    subject_map(s, OWN + M(2), M(48), M(2), RIGHT_W);
    assert_int_equal(s->tlb.left, left - 2);
    subject_protect(s, OWN + M(2) + K(4), K(4), 0);
    assert_int_equal(s->tlb.left, left - 3);
    subject_protect(s, OWN + M(2) + K(4), K(4), RIGHT_W);
    assert_int_equal(s->tlb.left, left - 2);
    subject_unmap(s, OWN + M(2), M(2));
    assert_int_equal(s->tlb.left, left);
    subject_end(s);
}

/* What other roots link stays, were it empty; and it is there when something is mapped again. */
static void tables_below_a_shared_root_stay(void **state)
{
    struct subject *s = start(20);
    size_t tables;

    (void)state;
    tables = shadow_linked(&s->tlb);
    subject_unmap(s, TOP, K(32));
    assert_int_equal(shadow_linked(&s->tlb), tables - 3);
    subject_map(s, TOP, M(40), K(32), RIGHT_X);
    add_root(s);
    subject_turn(s, 0);
    subject_unmap(s, TOP, K(32));
    assert_int_equal(shadow_linked(&s->tlb), tables + 1 - 2);
    subject_unmap(s, DM, M(32));
    subject_map(s, TOP, M(40), K(32), RIGHT_X);
    subject_map(s, DM, 0, M(32), RIGHT_W);
    subject_end(s);
}

/* Once all other roots are gone, and not before, it is as if there had been none. */
static void last_root_that_goes_leaves_the_main_one_alone(void **state)
{
    struct subject *s = start(20);
    unsigned owners[2];
    size_t tables;

    (void)state;
    owners[0] = subject_add_root(s);
    owners[1] = subject_add_root(s);
    for (unsigned i = 0; i < 2; i++) {
        subject_turn(s, 0);
        subject_unmap(s, TOP, K(32));
        tables = shadow_linked(&s->tlb);
        subject_map(s, TOP, M(40), K(32), RIGHT_X);
        assert_int_equal(shadow_linked(&s->tlb), tables + 2);
        subject_drop_root(s, owners[i]);
    }
    subject_unmap(s, TOP, K(32));
    assert_int_equal(shadow_linked(&s->tlb), tables - 1 - 1); /* the root, and what it shared */
    subject_end(s);
}

/* A frame is writable and executable over all roots, in whichever order, or it is not. */
static void wx_holds_over_all_roots(void **state)
{
    struct subject *s = start(30);
    unsigned first = add_root(s);
    unsigned second = add_root(s);
    struct pt_change change = {
        .op = PT_PROTECT, .va = OWN, .len = K(8), .rights = RIGHT_X, .type = MEMTYPE_WB};

    (void)state;
    subject_turn(s, first);
    subject_map(s, OWN, M(48), K(8), RIGHT_W);
    subject_expect(s, map(OWN + M(2), M(40), K(8), RIGHT_W, MEMTYPE_WB), ERR_WX, OWN + M(2));
    subject_expect(s, map(OWN + M(2), M(8), K(8), RIGHT_X, MEMTYPE_WB), ERR_WX, OWN + M(2));
    subject_turn(s, 0);
    subject_expect(s, map(TOP + M(2), M(48) + K(4), K(8), RIGHT_X, MEMTYPE_WB), ERR_WX, TOP + M(2));
    /* The same va and pa in another root is another mapping. */
    subject_expect(s, map(OWN, M(48), K(8), RIGHT_X, MEMTYPE_WB), ERR_WX, OWN);
    subject_turn(s, second);
    subject_expect(s, map(OWN, M(48), K(8), RIGHT_X, MEMTYPE_WB), ERR_WX, OWN);
    subject_map(s, OWN, M(48), K(8), 0);
    subject_expect(s, change, ERR_WX, OWN);
    subject_turn(s, first);
    subject_protect(s, OWN, K(8), 0);
    subject_turn(s, second);
    subject_protect(s, OWN, K(8), RIGHT_X);
    subject_turn(s, 0);
    subject_expect(s, map(OWN, M(48), K(8), RIGHT_W, MEMTYPE_WB), ERR_WX, OWN);
    subject_protect(s, DM + M(8), K(4), 0);
    subject_turn(s, first);
    subject_map(s, OWN + M(2), M(8), K(4), RIGHT_X);
    subject_turn(s, 0);
    change = (struct pt_change){
        .op = PT_PROTECT, .va = DM + M(8), .len = K(4), .rights = RIGHT_W, .type = MEMTYPE_WB};
    subject_expect(s, change, ERR_WX, DM + M(8));
    subject_end(s);
}

/* So with memory types; the directmap's is write-back in every root. */
static void types_hold_over_all_roots(void **state)
{
    struct subject *s = start(30);
    unsigned first = add_root(s);
    unsigned second = add_root(s);

    (void)state;
    subject_turn(s, first);
    subject_expect(s, map(OWN, M(8), K(4), 0, MEMTYPE_UC), ERR_TYPE, OWN);
    subject_expect(s, map(OWN, M(40), K(4), 0, MEMTYPE_WC), ERR_TYPE, OWN);
    subject_expect(s, map(OWN, M(48), K(8), 0, MEMTYPE_WC), ERR_NONE, 0);
    subject_turn(s, second);
    subject_expect(s, map(OWN, M(48), K(8), 0, MEMTYPE_WB), ERR_TYPE, OWN);
    subject_expect(s, map(OWN, M(48), K(8), 0, MEMTYPE_WC), ERR_NONE, 0);
    subject_turn(s, 0);
    subject_expect(s, map(TOP + M(2), M(48) - K(4), K(8), 0, MEMTYPE_UC), ERR_TYPE,
                   TOP + M(2) + K(4));
    subject_expect(s, map(DM + M(48), M(48), K(4), RIGHT_W, MEMTYPE_WB), ERR_TYPE, DM + M(48));
    subject_drop_root(s, first);
    subject_drop_root(s, second);
    subject_map(s, DM + M(48), M(48), K(4), RIGHT_W);
    subject_end(s);
}

/* A part of the directmap that the main root got later counts in the roots that lack it. */
static void later_directmap_counts_everywhere(void **state)
{
    struct subject *s = start(30);
    unsigned owner = add_root(s);

    (void)state;
    subject_turn(s, 0);
    subject_arena(s, DM + G(512), M(2));
    subject_map(s, DM + G(512), G(512), M(2), RIGHT_W);
    subject_turn(s, owner);
    subject_expect(s, map(OWN, G(512), K(4), RIGHT_X, MEMTYPE_WB), ERR_WX, OWN);
    subject_expect(s, map(OWN, G(512), K(4), 0, MEMTYPE_UC), ERR_TYPE, OWN);
    subject_map(s, OWN, G(512), K(4), RIGHT_W);
    subject_end(s);
}

/* In the registry neighbours are joined in one root only, and what one root changes stays apart. */
static void registry_keeps_roots_apart(void **state)
{
    struct subject *s = start(30);
    unsigned owner = add_root(s);

    (void)state;
    subject_map(s, OWN, M(48), K(8), 0);
    subject_turn(s, 0);
    subject_map(s, OWN + K(8), M(48) + K(8), K(8), 0);
    subject_map(s, OWN, M(48), K(4), 0);
    assert_int_equal(s->registry.count, 1 + 3);
    subject_protect(s, OWN, K(4), RIGHT_W);
    subject_unmap(s, OWN, K(4));
    subject_turn(s, owner);
    subject_protect(s, OWN + K(4), K(4), RIGHT_W);
    subject_unmap(s, OWN, K(8));
    /* And there is one room for all. */
    s->registry.max = s->registry.count;
    assert_int_equal(subject_update(s, &(struct pt_change){PT_MAP, OWN, M(60), K(4), 0, MEMTYPE_WB,
                                                           2, false, false})
                         .code,
                     ERR_PLANFULL);
    s->registry.max++;
    subject_map(s, OWN, M(60), K(4), 0);
    subject_end(s);
}

/* A root takes one frame, or nothing happens; and its changes as many as are asked for. */
static void too_few_frames_make_no_root(void **state)
{
    struct subject *s = start(10);
    const struct pt_change none = {.op = PT_MAP};
    const struct pt_change page = map(OWN, M(48), K(4), 0, MEMTYPE_WB);
    struct pt_space space = {0};
    struct error err;

    (void)state;
    s->tlb.left = 0;
    shadow_begin(&s->tlb, &none);
    err = pt_root_create(&space, &s->space);
    shadow_finish(&s->tlb, err.code);
    assert_int_equal(err.code, ERR_NOFRAMES);
    assert_int_equal(err.value, 1);
    assert_int_equal(space.root, 0);
    assert_int_equal(s->space.sharers, 0);
    s->tlb.left = 1;
    add_root(s);
    for (s->tlb.left = 0; s->tlb.left < 3; s->tlb.left++) {
        err = subject_update(s, &page);
        assert_int_equal(err.code, ERR_NOFRAMES);
        assert_int_equal(err.value, 3);
    }
    subject_expect(s, page, ERR_NONE, 0);
    assert_int_equal(s->tlb.left, 0);
    subject_drop_root(s, 1);
    assert_int_equal(s->tlb.left, 4);
    subject_end(s);
}

/* What a root had for itself is given back, all of it, flushed; its frames have no alias left. */
static void destroyed_root_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct subject *s = subject_init(levels, 2);
        uint64_t high = (uint64_t)0 - G(512) - M(2);
        unsigned owner;

        subject_arena(s, TOP, M(4));
        subject_mapped(s, (struct mapping){TOP, M(40), K(32), 0, MEMTYPE_WB, 2, WHAT_IMAGE_TEXT});
        subject_start(s, 50);
        owner = subject_add_root(s);
        if (levels == 4)
            subject_arena(s, high, M(2));
        subject_arena(s, G(1), G(2));
        subject_arena(s, UINT64_C(0x700000000000), M(4));
        subject_map(s, G(1), G(1), G(2), RIGHT_W);
        subject_unmap(s, G(1) + M(2) + K(4), K(4));
        subject_map(s, UINT64_C(0x700000000000), G(4), M(2) + K(4), RIGHT_W);
        if (levels == 4)
            subject_map(s, high, M(64), K(4), 0);
        subject_drop_root(s, owner);
        assert_int_equal(s->tlb.left, 50);
        assert_int_equal(s->registry.count, 1);
        subject_map(s, TOP + M(2), G(4), K(4), RIGHT_X);
        subject_end(s);
    }
}

static struct pt_change random_change(struct rng *rng, const struct subject *s)
{
    static const unsigned rights[] = {0, 0, RIGHT_W, RIGHT_X};
    const struct arena *arena = &s->arenas[rng_below(rng, s->narenas)];
    struct pt_change change = {.op = (enum pt_op)rng_below(rng, 3), .max_level = 2};
    size_t from;

    while (arena->count == 0)
        arena = &s->arenas[rng_below(rng, s->narenas)];
    from = rng_below(rng, rng_once_in(rng, 3) ? arena->count : 24);
    change.va = arena->va + from * 4096;
    change.len = (1 + rng_below(rng, rng_once_in(rng, 6) ? arena->count - from : 3)) * 4096;
    change.len = change.len > (arena->count - from) * 4096 ? 4096 : change.len;
    change.pa = M(44) + rng_below(rng, 32) * 4096;
    if (change.va - DM < DIRECTMAP_SIZE_4)
        change.pa = change.va - DM;
    change.rights = rights[rng_below(rng, COUNT_OF(rights))];
    change.type = rng_once_in(rng, 6) ? MEMTYPE_WC : MEMTYPE_WB;
    return change;
}

/* Any change in any root does what it says, in that root and in those that share it. */
static void random_changes_in_several_roots(void **state)
{
    struct rng rng;
    struct subject *s = start(100);
    unsigned done = 0;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 2; round++) {
        /* In the second round the main root has a table at OWN, which the others share. */
        for (unsigned k = 0; k < 2; k++) {
            subject_add_root(s);
            subject_arena(s, OWN + round * G(512), M(4));
        }
        for (unsigned step = 0; step < 150; step++) {
            struct pt_change change;

            subject_turn(s, (unsigned)rng_below(&rng, 3));
            change = random_change(&rng, s);
            /* What is modelled in no arena cannot be told. */
            if (subject_page(s, change.va) == NULL && s->owner == 0)
                continue;
            done += subject_update(s, &change).code == ERR_NONE;
        }
        subject_drop_root(s, 1 + round % 2);
        subject_drop_root(s, 2 - round % 2);
    }
    assert_in_range(done, 20, 300);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_slots_follow_the_main_root),
        cmocka_unit_test(leaves_are_global_while_there_is_one_root),
        cmocka_unit_test(global_pages_merge_with_others),
        cmocka_unit_test(shared_slots_are_refused),
        cmocka_unit_test(own_tables_come_and_go),
        cmocka_unit_test(tables_below_a_shared_root_stay),
        cmocka_unit_test(last_root_that_goes_leaves_the_main_one_alone),
        cmocka_unit_test(wx_holds_over_all_roots),
        cmocka_unit_test(types_hold_over_all_roots),
        cmocka_unit_test(later_directmap_counts_everywhere),
        cmocka_unit_test(registry_keeps_roots_apart),
        cmocka_unit_test(too_few_frames_make_no_root),
        cmocka_unit_test(destroyed_root_leaves_nothing),
        cmocka_unit_test(random_changes_in_several_roots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
