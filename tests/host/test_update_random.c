/* SPDX-License-Identifier: MIT */
/* Long random sequences; after each change all tables are held against a model of single pages. */
#include "subject.h"

#include "random.h"
#include "test.h"

#define STEPS 250

/* Pages [*from, *to) around page i of which all are mapped, or none. */
static void find_run(const struct arena *arena, size_t i, size_t *from, size_t *to)
{
    bool mapped = arena->pages[i] != 0;

    for (*from = i; *from > 0 && (arena->pages[*from - 1] != 0) == mapped;)
        --*from;
    for (*to = i + 1; *to < arena->count && (arena->pages[*to] != 0) == mapped;)
        ++*to;
}

/* A range for the operation: mostly one that is not refused at once. */
static void random_range(struct rng *rng, const struct arena *arena, struct pt_change *change)
{
    size_t i = rng_below(rng, arena->count);
    size_t from = 0;
    size_t to = arena->count;

    for (unsigned k = 0; k < 8 && (arena->pages[i] != 0) == (change->op == PT_MAP); k++)
        i = rng_below(rng, arena->count);
    if (!rng_once_in(rng, 16))
        find_run(arena, i, &from, &to);
    if (rng_once_in(rng, 2))
        from += rng_below(rng, i - from + 1);
    if (rng_once_in(rng, 4) && i - i % 512 >= from)
        from = i - i % 512;
    if (rng_once_in(rng, 3))
        to = from + 1;
    else if (rng_once_in(rng, 2))
        to = from + 1 + rng_below(rng, to - from);
    else if (rng_once_in(rng, 3) && from + 512 <= to)
        to = from + 512;
    change->va = arena->va + from * 4096;
    change->len = (to - from) * 4096;
}

static uint64_t random_frame(struct rng *rng, const struct subject *s, uint64_t va)
{
    uint64_t pa = rng_below(rng, SMALL_TOP / 4096) * 4096;

    if (va - s->space.directmap_base < s->space.directmap_size)
        return va - s->space.directmap_base;
    return rng_once_in(rng, 3) ? pa : pa / M(2) * M(2) + va % M(2);
}

static struct pt_change random_change(struct rng *rng, const struct subject *s)
{
    static const unsigned rights[] = {0,       0,       0,       RIGHT_W,
                                      RIGHT_W, RIGHT_X, RIGHT_X, RIGHT_W | RIGHT_X};
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP};
    const struct arena *arena = &s->arenas[rng_below(rng, s->narenas)];
    struct pt_change change = {.op = (enum pt_op)rng_below(rng, 3)};

    random_range(rng, arena, &change);
    change.pa = random_frame(rng, s, change.va);
    change.rights = rights[rng_below(rng, COUNT_OF(rights))];
    change.type = change.pa >= M(10) && change.op == PT_MAP ? MEMTYPE_WC : MEMTYPE_WB;
    if (rng_once_in(rng, 6))
        change.type = types[rng_below(rng, COUNT_OF(types))];
    change.max_level =
        rng_once_in(rng, 4) ? (unsigned)rng_below(rng, s->space.max_level + 1) : s->space.max_level;
    change.allow_wx = rng_once_in(rng, 5);
    change.allow_types = rng_once_in(rng, 5);
    return change;
}

/* Now and then there are few frames, or none. */
static enum error_code random_step(struct rng *rng, struct subject *s,
                                   const struct pt_change *change)
{
    size_t hidden = 0;
    struct error err;

    if (rng_once_in(rng, 8)) {
        hidden = s->tlb.left;
        s->tlb.left = rng_below(rng, 3) % (hidden + 1);
        hidden -= s->tlb.left;
    }
    err = subject_update(s, change);
    s->tlb.left += hidden;
    return err.code;
}

static void unmap_all(struct subject *s)
{
    for (size_t i = 0; i < s->narenas; i++) {
        const struct arena *arena = &s->arenas[i];
        size_t from;
        size_t to;

        for (size_t k = 0; k < arena->count; k = to) {
            find_run(arena, k, &from, &to);
            if (arena->pages[k] != 0)
                subject_unmap(s, arena->va + k * 4096, (to - k) * 4096);
        }
    }
    subject_assert(s, 1, 0, 0, 0);
    assert_int_equal(s->registry.count, 0);
}

/* Any change, in any order, does what it says and no more; in the end all can be unmapped. */
static void random_changes_do_what_they_say(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 6; round++) {
        struct subject *s = subject_small(4 + round % 2, round / 2);
        unsigned done[3] = {0};

        for (unsigned step = 0; step < STEPS; step++) {
            struct pt_change change = random_change(&rng, s);

            done[change.op] += random_step(&rng, s, &change) == ERR_NONE;
        }
        for (unsigned op = 0; op < 3; op++)
            assert_in_range(done[op], STEPS / 30, STEPS);
        unmap_all(s);
        subject_end(s);
    }
}

/* The same with pages of 1 GiB: a space of 2 GiB that is split, merged and filled at random. */
static void random_changes_of_large_pages(void **state)
{
    static const uint64_t sizes[] = {K(4), M(2), M(2), G(1)};
    struct rng rng;
    struct subject *s = subject_init(4, 2);

    (void)state;
    rng_start(&rng, __func__);
    subject_arena(s, G(1), G(2));
    subject_start(s, 1100);
    for (unsigned step = 0; step < 60; step++) {
        struct pt_change change = {.op = (enum pt_op)rng_below(&rng, 3), .max_level = 2};
        uint64_t size = sizes[rng_below(&rng, COUNT_OF(sizes))];
        size_t from;
        size_t to;

        find_run(&s->arenas[0], rng_below(&rng, s->arenas[0].count), &from, &to);
        change.va = G(1) + from * 4096;
        change.len = (to - from) * 4096;
        if (!rng_once_in(&rng, 3)) {
            change.va = G(1) + rng_below(&rng, G(2) / size) * size;
            change.len = size;
        }
        change.pa = change.va + G(2);
        change.rights = rng_once_in(&rng, 3) ? 0 : RIGHT_W;
        change.type = MEMTYPE_WB;
        random_step(&rng, s, &change);
    }
    unmap_all(s);
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_do_what_they_say),
        cmocka_unit_test(random_changes_of_large_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
