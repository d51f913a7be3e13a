/* SPDX-License-Identifier: MIT */
/*
 * Single pages in tables that are there, of few frames in a row that several
 * mappings of two roots share: each change meets neighbours, aliases, or both.
 * In the middle of these frames the directmap's window ends.
 */
#include "random.h"
#include "subject.h"

#include "layout.h"
#include "test.h"

#define OWN    UINT64_C(0x0000123400000000) /* in a slot that the main root does not use at first */
#define DM     DIRECTMAP_BASE_4
#define WINDOW M(8)
#define FRAMES (WINDOW - K(48)) /* the directmap ends there, and its window farther on */

/* A small directmap, and the same addresses in two roots, each with a table of its own. */
static struct subject *start(void)
{
    struct subject *s = subject_init(4, 2);

    subject_arena(s, DM, WINDOW + K(64));
    subject_arena(s, OWN, K(256));
    s->space.directmap_base = DM;
    s->space.directmap_size = WINDOW;
    subject_mapped(s, (struct mapping){DM, 0, FRAMES, RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    subject_start(s, 100);
    subject_add_root(s);
    subject_arena(s, OWN, K(256));
    return s;
}

static struct pt_change change_of(enum pt_op op, uint64_t page, uint64_t frame, unsigned rights)
{
    return (struct pt_change){.op = op,
                              .va = OWN + page * K(4),
                              .pa = FRAMES + frame * K(4),
                              .len = K(4),
                              .rights = rights,
                              .type = MEMTYPE_WB};
}

static void expect(struct subject *s, enum pt_op op, uint64_t page, uint64_t frame, unsigned rights,
                   enum error_code code)
{
    subject_expect(s, change_of(op, page, frame, rights), code, code ? OWN + page * K(4) : 0);
}

/* Mappings farther on in both tables, so that these are needed whatever else comes and goes. */
static struct subject *start_used(void)
{
    struct subject *s = start();

    for (unsigned owner = 0; owner < 2; owner++) {
        subject_turn(s, owner);
        for (uint64_t page = 32; page < 48; page++)
            expect(s, PT_MAP, page, 2 * page + 100 * owner, 0, ERR_NONE);
    }
    subject_turn(s, 0);
    return s;
}

/* A long mapping is found behind a short one that begins later and ends before the page. */
static void long_mapping_behind_a_short_one_is_found(void **state)
{
    struct subject *s = start_used();
    struct pt_change code = change_of(PT_MAP, 16, 0, RIGHT_X);

    (void)state;
    code.len = 8 * K(4);
    subject_expect(s, code, ERR_NONE, 0);
    expect(s, PT_MAP, 0, 3, 0, ERR_NONE);
    expect(s, PT_MAP, 2, 5, RIGHT_W, ERR_WX);
    expect(s, PT_MAP, 2, 5, 0, ERR_NONE);
    expect(s, PT_PROTECT, 2, 0, RIGHT_W, ERR_WX);
    expect(s, PT_MAP, 4, 8, RIGHT_W, ERR_NONE);
    subject_end(s);
}

/* The same pages of two roots lie beside each other, and are two mappings. */
static void neighbours_in_two_roots_are_two(void **state)
{
    struct subject *s = start_used();
    size_t count = s->registry.count;

    (void)state;
    expect(s, PT_MAP, 4, 4, RIGHT_W, ERR_NONE);
    subject_turn(s, 1);
    expect(s, PT_MAP, 5, 5, RIGHT_W, ERR_NONE);
    assert_int_equal(s->registry.count, count + 2);
    expect(s, PT_MAP, 4, 4, RIGHT_W, ERR_NONE);
    assert_int_equal(s->registry.count, count + 2);
    subject_turn(s, 0);
    expect(s, PT_MAP, 5, 5, RIGHT_W, ERR_NONE);
    assert_int_equal(s->registry.count, count + 2);
    expect(s, PT_UNMAP, 4, 0, 0, ERR_NONE);
    assert_int_equal(s->registry.count, count + 2);
    expect(s, PT_UNMAP, 5, 0, 0, ERR_NONE);
    assert_int_equal(s->registry.count, count + 1);
    subject_end(s);
}

/* In a full list there is room for a page only where it goes on another, or fills a hole. */
static void full_list_takes_what_goes_on(void **state)
{
    struct subject *s = start_used();

    (void)state;
    expect(s, PT_MAP, 4, 4, RIGHT_W, ERR_NONE);
    s->registry.max = s->registry.count;
    subject_expect(s, change_of(PT_MAP, 6, 6, RIGHT_W), ERR_PLANFULL, s->registry.max);
    subject_expect(s, change_of(PT_MAP, 5, 6, RIGHT_W), ERR_PLANFULL, s->registry.max);
    subject_expect(s, change_of(PT_MAP, 5, 5, 0), ERR_PLANFULL, s->registry.max);
    expect(s, PT_MAP, 5, 5, RIGHT_W, ERR_NONE);
    expect(s, PT_MAP, 3, 3, RIGHT_W, ERR_NONE);
    subject_expect(s, change_of(PT_PROTECT, 4, 4, 0), ERR_PLANFULL, s->registry.max);
    subject_expect(s, change_of(PT_UNMAP, 4, 4, 0), ERR_PLANFULL, s->registry.max);
    expect(s, PT_UNMAP, 5, 0, 0, ERR_NONE);
    expect(s, PT_PROTECT, 3, 0, RIGHT_W, ERR_NONE);
    s->registry.max++;
    expect(s, PT_PROTECT, 3, 0, 0, ERR_NONE);
    expect(s, PT_PROTECT, 4, 0, 0, ERR_NONE);
    s->registry.max--;
    expect(s, PT_MAP, 5, 5, 0, ERR_NONE);
    subject_end(s);
}

/* Of several mappings that begin, or end, beside a page, the one of its kind is joined with it. */
static void right_one_of_many_neighbours_is_joined(void **state)
{
    struct subject *s = start_used();
    size_t count = s->registry.count;

    (void)state;
    /* Frame 5 is mapped at four places, frame 3 at four others; page 4 goes between two of them. */
    for (uint64_t i = 0; i < 4; i++) {
        expect(s, PT_MAP, 5 + 2 * i, 5, RIGHT_W, ERR_NONE);
        expect(s, PT_MAP, 3 - i, 3, RIGHT_W, ERR_NONE);
    }
    assert_int_equal(s->registry.count, count + 8);
    for (uint64_t turn = 0; turn < 4; turn++) {
        expect(s, PT_MAP, 4, 4, RIGHT_W, ERR_NONE);
        assert_int_equal(s->registry.count, count + 7);
        expect(s, PT_PROTECT, 4, 0, 0, ERR_NONE);
        assert_int_equal(s->registry.count, count + 9);
        expect(s, PT_PROTECT, 4, 0, RIGHT_W, ERR_NONE);
        assert_int_equal(s->registry.count, count + 7);
        expect(s, PT_UNMAP, 4, 0, 0, ERR_NONE);
        assert_int_equal(s->registry.count, count + 8);
        /* The next time they come in another order. */
        expect(s, PT_UNMAP, 5, 0, 0, ERR_NONE);
        expect(s, PT_MAP, 5, 5, RIGHT_W, ERR_NONE);
        expect(s, PT_UNMAP, 3 - turn, 0, 0, ERR_NONE);
        expect(s, PT_MAP, 3 - turn, 3, RIGHT_W, ERR_NONE);
    }
    subject_end(s);
}

static struct pt_change random_change(struct rng *rng, const struct subject *s)
{
    static const unsigned rights[] = {0, 0, RIGHT_W, RIGHT_W, RIGHT_X};
    bool direct = s->owner == 0 && rng_once_in(rng, 3);
    uint64_t page = rng_below(rng, 16);
    struct pt_change change = change_of(PT_MAP, page, 0, rights[rng_below(rng, COUNT_OF(rights))]);

    if (direct)
        change.va = DM + FRAMES + page * K(4);
    if (*subject_page(s, change.va) != 0 && !rng_once_in(rng, 16))
        change.op = rng_once_in(rng, 2) ? PT_PROTECT : PT_UNMAP;
    if (change.op != PT_MAP || rng_once_in(rng, 4))
        change.len = (1 + rng_below(rng, rng_once_in(rng, 3) ? 16 - page : 1)) * K(4);
    /* Few distances, so that many go on others. */
    change.pa = direct ? change.va - DM : FRAMES + (page + 4 * rng_below(rng, 3)) * K(4);
    change.type = rng_once_in(rng, 12) ? MEMTYPE_WC : MEMTYPE_WB;
    change.allow_wx = rng_once_in(rng, 8);
    change.allow_types = rng_once_in(rng, 8);
    return change;
}

/* Whatever a page meets, it is as the model has it: translations, errors, and the list. */
static void random_pages_are_as_foretold(void **state)
{
    struct subject *s = start_used();
    unsigned done[3] = {0};
    unsigned full = 0;
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned step = 0; step < 4000; step++) {
        struct pt_change change;
        struct error err;

        subject_turn(s, (unsigned)rng_below(&rng, 2));
        change = random_change(&rng, s);
        s->registry.max =
            rng_once_in(&rng, 3) ? s->registry.count + rng_below(&rng, 3) : SUBJECT_ALIASES;
        err = subject_update(s, &change);
        done[change.op] += err.code == ERR_NONE;
        full += err.code == ERR_PLANFULL;
    }
    for (unsigned op = 0; op < 3; op++)
        assert_in_range(done[op], 200, 4000);
    assert_in_range(full, 20, 4000);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_mapping_behind_a_short_one_is_found),
        cmocka_unit_test(neighbours_in_two_roots_are_two),
        cmocka_unit_test(full_list_takes_what_goes_on),
        cmocka_unit_test(right_one_of_many_neighbours_is_joined),
        cmocka_unit_test(random_pages_are_as_foretold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
