/* SPDX-License-Identifier: MIT */
/* A root with one page at its physical address, and else as the one that it is like. */
#include "identity.h"

#include "layout.h"
#include "tables.h"
#include "test.h"

struct made {
    struct fake_memory fake;
    uint64_t (*before)[512]; /* all frames as they were */
    size_t used_before;
    unsigned levels;
    uint64_t like;
    uint64_t pa;
    uint64_t root;
};

/* Any entries at all, in a root alone: nothing below it is looked at. */
static void start(struct made *made, struct rng *rng, unsigned levels)
{
    uint64_t *slots;

    made->levels = levels;
    fake_memory_init(&made->fake, 1 + identity_frames(levels));
    made->like = fake_memory_zeroed(&made->fake);
    slots = fake_memory_slots(&made->fake, made->like);
    for (unsigned slot = 0; slot < 512; slot++)
        slots[slot] = rng_once_in(rng, 3) ? 0 : rng_next(rng);
}

static void build(struct made *made, uint64_t pa)
{
    struct pt_memory memory = fake_memory_pt(&made->fake);

    made->pa = pa;
    made->used_before = made->fake.used;
    made->before = malloc(made->fake.used * sizeof(made->before[0]));
    assert_non_null(made->before);
    memcpy(made->before, made->fake.frames, made->fake.used * sizeof(made->before[0]));
    made->root = identity_build(pa, made->levels, made->like, &memory);
    assert_int_equal(made->fake.used, made->used_before + identity_frames(made->levels));
    made->fake.rewrites = 0; /* a slot may be written twice: the root is live later */
    fake_memory_assert_written(&made->fake);
    assert_memory_equal(made->before, made->fake.frames,
                        made->used_before * sizeof(made->before[0]));
    free(made->before);
}

static unsigned slot_of(uint64_t va, unsigned level)
{
    return (unsigned)((va >> (12 + 9 * level)) % 512);
}

/* The root is as the other one, but for one slot; below that there is the one way to the page. */
static void check(struct made *made)
{
    struct ref_reader reader = fake_memory_ref(&made->fake);
    const uint64_t *like = fake_memory_slots(&made->fake, made->like);
    const uint64_t *root = fake_memory_slots(&made->fake, made->root);
    unsigned own = slot_of(made->pa, made->levels - 1);
    uint64_t frame = made->root;

    assert_int_not_equal(made->root, made->like);
    for (unsigned slot = 0; slot < 512; slot++) {
        if (slot != own)
            assert_int_equal(root[slot], like[slot]);
    }
    for (uint64_t offset = 0; offset < 4096; offset += 1365) {
        struct ref_hit hit = ref_translate(&reader, made->root, made->levels, made->pa + offset);

        assert_true(hit.present);
        assert_int_equal(hit.pa, made->pa + offset);
        assert_int_equal(hit.level, 0);
        assert_int_equal(hit.rights, RIGHT_X);
        assert_int_equal(hit.type, MEMTYPE_WB);
        assert_false(hit.user);
    }
    for (unsigned level = made->levels - 1; level-- > 0;) {
        frame = ref_table_for(&reader, made->root, made->levels, made->pa, level);
        assert_int_not_equal(frame, 0);
        for (unsigned slot = 0; slot < 512; slot++) {
            if (slot != slot_of(made->pa, level))
                assert_int_equal(fake_memory_slots(&made->fake, frame)[slot], 0);
        }
    }
    for (size_t i = made->used_before; i < made->fake.used; i++) {
        const struct fake_request *request = &made->fake.requests[i];

        assert_true(request->level < made->levels);
        frame = ref_table_for(&reader, made->root, made->levels, made->pa, request->level);
        assert_ptr_equal(fake_memory_slots(&made->fake, frame), made->fake.frames[i]);
        assert_int_equal(request->va >> 12 >> (9 * (request->level + 1)),
                         made->pa >> 12 >> (9 * (request->level + 1)));
    }
}

static uint64_t top_of(unsigned levels)
{
    return UINT64_C(1) << (levels == 4 ? 47 : 52); /* no physical address has more */
}

/* Each edge of the low half: the first page, the last, and around each power of two. */
static void page_may_be_anywhere(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (unsigned bit = 12; bit <= 52; bit++) {
            for (unsigned i = 0; i < 4; i++) {
                uint64_t pa = (i % 2 ? 0 : UINT64_C(1) << bit) - (i / 2 ? 4096 : 0);
                struct made made;

                pa = pa % top_of(levels);
                start(&made, &rng, levels);
                build(&made, pa);
                check(&made);
                fake_memory_free(&made.fake);
            }
        }
    }
}

/* Random pages and roots. */
static void random_pages_are_mapped_to_themselves(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 300; round++) {
        unsigned levels = 4 + (unsigned)rng_below(&rng, 2);
        struct made made;

        start(&made, &rng, levels);
        build(&made, (rng_next(&rng) >> rng_below(&rng, 50)) % top_of(levels) / 4096 * 4096);
        check(&made);
        fake_memory_free(&made.fake);
    }
}

/* Beside real tables: whatever they map in other slots of the root is still there. */
static void all_else_stays_mapped(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 40; round++) {
        struct ref_reader reader;
        struct made made = {0};
        struct tables t;

        tables_random(&t, &rng);
        tables_build(&t);
        made.levels = t.levels;
        made.fake = t.fake;
        made.fake.limit += identity_frames(t.levels); /* of those for planting */
        made.like = t.root;
        build(&made, rng_below(&rng, G(64)) / 4096 * 4096);
        check(&made);
        reader = fake_memory_ref(&made.fake);
        for (size_t i = 0; i < t.plan.count; i++) {
            const struct mapping *entry = &t.plan.entries[i];
            uint64_t va = entry->va + rng_below(&rng, entry->len);
            struct ref_hit hit = ref_translate(&reader, made.root, t.levels, va);

            if (slot_of(va, t.levels - 1) == slot_of(made.pa, t.levels - 1))
                continue;
            assert_true(hit.present);
            assert_int_equal(hit.pa, entry->pa + (va - entry->va));
            assert_int_equal(hit.rights, entry->rights);
        }
        t.fake = made.fake;
        tables_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_may_be_anywhere),
        cmocka_unit_test(random_pages_are_mapped_to_themselves),
        cmocka_unit_test(all_else_stays_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
