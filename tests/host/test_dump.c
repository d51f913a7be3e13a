/* SPDX-License-Identifier: MIT */
/* pt_dump(): runs as a plain reading of all entries joins them, for any root. */
#include "dump.h"

#include "layout.h"
#include "tables.h"
#include "test.h"

#define MAX_MET 20000

#define ENTRY_P  UINT64_C(0x1)
#define ENTRY_W  UINT64_C(0x2)
#define ENTRY_U  UINT64_C(0x4)
#define ENTRY_PS UINT64_C(0x80)
#define ENTRY_NX (UINT64_C(1) << 63)
#define ADDRESS  UINT64_C(0x000ffffffffff000)

/* Runs and bad entries, in the order in which they came. */
struct met {
    bool is_bad;
    struct pt_dump_run run; /* of a bad entry only va is set */
    unsigned level;
    uint64_t entry;
};

struct list {
    struct met met[MAX_MET];
    size_t count;
};

static struct list dumped;
static struct list expected;

static struct met *next(struct list *list)
{
    assert_true(list->count < MAX_MET);
    list->met[list->count] = (struct met){0};
    return &list->met[list->count++];
}

static void on_run(void *ctx, const struct pt_dump_run *run)
{
    next(ctx)->run = *run;
}

static void on_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    struct met *met = next(ctx);

    *met = (struct met){.is_bad = true, .level = level, .entry = entry};
    met->run.va = va;
}

static void dump(struct fake_memory *fake, uint64_t root, unsigned levels)
{
    struct pt_reader reader = fake_memory_reader(fake);
    struct pt_dump_sink sink = {&dumped, on_run, on_bad};

    dumped.count = 0;
    pt_dump(root, levels, 46, &reader, &sink);
    assert_int_equal(fake->depth, 0);
}

/* What a reader of the manual sees of a page, by the oracle's MMU; joined to the run before. */
static void naive_leaf(struct fake_memory *fake, uint64_t root, unsigned levels, uint64_t va)
{
    struct ref_reader reader = fake_memory_ref(fake);
    struct ref_hit hit = ref_translate(&reader, root, levels, va);
    uint64_t len = hit.level == 0 ? 4096 : hit.level == 1 ? M(2) : G(1);
    struct pt_dump_run *last = NULL;

    assert_true(hit.present);
    if (expected.count != 0 && !expected.met[expected.count - 1].is_bad)
        last = &expected.met[expected.count - 1].run;
    if (last == NULL || last->va + last->len != va || last->pa + last->len != hit.pa ||
        last->rights != hit.rights || last->user != hit.user || (unsigned)last->type != hit.type) {
        last = &next(&expected)->run;
        *last = (struct pt_dump_run){.va = va, .pa = hit.pa, .rights = hit.rights};
        last->user = hit.user;
        last->type = (enum memtype)hit.type;
    }
    last->len += len;
    last->leaves[hit.level]++;
}

static bool naive_bad(uint64_t entry, unsigned level)
{
    bool leaf = level == 0 || (level < 3 && (entry & ENTRY_PS) != 0);
    uint64_t low = level == 1 ? 0x1fe000 : level == 2 ? 0x3fffe000 : 0;

    if ((entry & ENTRY_P) == 0)
        return entry != 0;
    if ((entry & ADDRESS) >> 46 != 0 || (level > 2 && (entry & ENTRY_PS) != 0))
        return true;
    return leaf && (entry & low) != 0;
}

static void naive_table(struct fake_memory *fake, uint64_t root, unsigned levels, uint64_t table,
                        unsigned level, uint64_t va)
{
    uint64_t span = UINT64_C(1) << (12 + 9 * level);

    for (unsigned slot = 0; slot < 512; slot++) {
        uint64_t entry = fake_memory_slots(fake, table)[slot];
        uint64_t at = va + slot * span;

        if (level + 1 == levels && slot >= 256) /* the upper half */
            at |= (uint64_t)0 - (512 * span);
        if (naive_bad(entry, level))
            on_bad(&expected, level, at, entry);
        else if (entry != 0 && (level == 0 || (level < 3 && (entry & ENTRY_PS) != 0)))
            naive_leaf(fake, root, levels, at);
        else if (entry != 0)
            naive_table(fake, root, levels, entry & ADDRESS, level - 1, at);
    }
}

static void check(struct fake_memory *fake, uint64_t root, unsigned levels)
{
    expected.count = 0;
    naive_table(fake, root, levels, root, levels - 1, 0);
    dump(fake, root, levels);
    assert_int_equal(dumped.count, expected.count);
    for (size_t i = 0; i < expected.count; i++) {
        const struct met *a = &dumped.met[i];
        const struct met *b = &expected.met[i];

        assert_int_equal(a->is_bad, b->is_bad);
        assert_int_equal(a->level, b->level);
        assert_int_equal(a->entry, b->entry);
        assert_int_equal(a->run.va, b->run.va);
        assert_int_equal(a->run.pa, b->run.pa);
        assert_int_equal(a->run.len, b->run.len);
        assert_int_equal(a->run.rights, b->run.rights);
        assert_int_equal(a->run.user, b->run.user);
        assert_int_equal(a->run.type, b->run.type);
        for (unsigned level = 0; level < 3; level++)
            assert_int_equal(a->run.leaves[level], b->run.leaves[level]);
    }
}

/* Tables made by hand, linked with all rights from the root down to the given level. */
struct made {
    struct fake_memory fake;
    unsigned levels;
    uint64_t root;
};

static void made_start(struct made *made, unsigned levels)
{
    made->levels = levels;
    fake_memory_init(&made->fake, 200);
    made->root = fake_memory_zeroed(&made->fake);
}

static uint64_t *made_slot(struct made *made, uint64_t va, unsigned level)
{
    uint64_t table = made->root;

    for (unsigned at = made->levels - 1;; at--) {
        uint64_t *slot = &fake_memory_slots(&made->fake, table)[va >> (12 + 9 * at) & 511];

        if (at == level)
            return slot;
        if (*slot == 0)
            *slot = fake_memory_zeroed(&made->fake) | ENTRY_P | ENTRY_W | ENTRY_U;
        table = *slot & ADDRESS;
    }
}

static void made_end(struct made *made)
{
    check(&made->fake, made->root, made->levels);
    fake_memory_free(&made->fake);
}

/* An empty root has no run. */
static void empty_root_has_no_run(void **state)
{
    struct made made;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        made_start(&made, levels);
        made_end(&made);
        assert_int_equal(dumped.count, 0);
    }
}

/* 4 KiB, 2 MiB and 1 GiB pages that go on are one run, with all of them counted. */
static void run_spans_page_sizes(void **state)
{
    struct made made;

    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        uint64_t va = DIRECTMAP_BASE_4;

        made_start(&made, levels);
        for (uint64_t i = 0; i < 512; i++)
            *made_slot(&made, va + G(1) - M(2) + i * 4096, 0) =
                (G(7) - M(2) + i * 4096) | ENTRY_P | ENTRY_W;
        for (uint64_t i = 0; i < 2; i++)
            *made_slot(&made, va + G(1) + i * G(1), 2) =
                (G(7) + i * G(1)) | ENTRY_P | ENTRY_W | ENTRY_PS;
        for (uint64_t i = 0; i < 3; i++)
            *made_slot(&made, va + G(3) + i * M(2), 1) =
                (G(9) + i * M(2)) | ENTRY_P | ENTRY_W | ENTRY_PS;
        *made_slot(&made, va + G(3) + M(6), 0) = (G(9) + M(6)) | ENTRY_P | ENTRY_W;
        made_end(&made);
        assert_int_equal(dumped.count, 1);
        assert_int_equal(dumped.met[0].run.va, va + G(1) - M(2));
        assert_int_equal(dumped.met[0].run.len, G(2) + M(8) + 4096);
        assert_int_equal(dumped.met[0].run.leaves[0], 513);
        assert_int_equal(dumped.met[0].run.leaves[1], 3);
        assert_int_equal(dumped.met[0].run.leaves[2], 2);
    }
}

/* What differs in one thing is another run. */
static void each_difference_ends_a_run(void **state)
{
    static const uint64_t other[] = {ENTRY_W, ENTRY_U, ENTRY_NX, 0x08,
                                     0x10,    0x80,    0x1000,   UINT64_C(0x100000)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        struct made made;

        made_start(&made, 4);
        for (uint64_t page = 0; page < 4; page++)
            *made_slot(&made, G(5) + page * 4096, 0) =
                ((G(9) + page * 4096) | ENTRY_P) ^ (page == 2 ? other[i] : 0);
        made_end(&made);
        assert_int_equal(dumped.count, 3);
    }
}

/* Bits that are neither rights nor type nor address do not end a run. */
static void other_bits_do_not_end_a_run(void **state)
{
    static const uint64_t other[] = {0x20, 0x40, 0x100, 0x200, 0x800, UINT64_C(1) << 58};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        struct made made;

        made_start(&made, 4);
        for (uint64_t page = 0; page < 4; page++)
            *made_slot(&made, G(5) + page * 4096, 0) =
                ((G(9) + page * 4096) | ENTRY_P) ^ (page == 2 ? other[i] : 0);
        made_end(&made);
        assert_int_equal(dumped.count, 1);
    }
}

/* A right that one level withholds is withheld, from all that is below. */
static void rights_hold_over_all_levels(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (unsigned level = 0; level < levels; level++) {
            for (unsigned right = 0; right < 3; right++) {
                static const uint64_t bits[] = {ENTRY_W, ENTRY_U, ENTRY_NX};
                struct made made;

                made_start(&made, levels);
                *made_slot(&made, G(700), 0) = G(3) | ENTRY_P | ENTRY_W | ENTRY_U;
                *made_slot(&made, G(700), level) ^= bits[right];
                made_end(&made);
                assert_int_equal(dumped.count, 1);
                assert_int_equal(dumped.met[0].run.rights, right == 0   ? RIGHT_X
                                                           : right == 1 ? RIGHT_W | RIGHT_X
                                                                        : RIGHT_W);
                assert_int_equal(dumped.met[0].run.user, right != 1);
            }
        }
    }
}

/* A bad entry is told with its level and address, and the runs around it are whole. */
static void bad_entries_are_told(void **state)
{
    static const struct {
        unsigned level;
        uint64_t entry;
    } bad[] = {
        {0, 0x2},
        {1, UINT64_C(0x1234000)},
        {2, ENTRY_NX},
        {3, 0x100},
        {0, UINT64_C(1) << 46 | ENTRY_P},
        {1, UINT64_C(1) << 51 | ENTRY_P},
        {1, UINT64_C(1) << 47 | ENTRY_P | ENTRY_PS},
        {1, 0x2000 | ENTRY_P | ENTRY_PS},
        {2, 0x200000 | ENTRY_P | ENTRY_PS},
        {2, 0x20000000 | ENTRY_P | ENTRY_PS},
        {3, UINT64_C(0x40000000) | ENTRY_P | ENTRY_PS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint64_t span = UINT64_C(1) << (12 + 9 * bad[i].level);
        uint64_t va = T(1) + G(512);
        struct made made;

        made_start(&made, 4 + i % 2);
        *made_slot(&made, va - 4096, 0) = (G(8) - 4096) | ENTRY_P;
        *made_slot(&made, va, bad[i].level) = bad[i].entry;
        *made_slot(&made, va + span, 0) = (G(8) + (span & (M(4) - 1))) | ENTRY_P;
        made_end(&made);
        assert_int_equal(dumped.count, 3);
        assert_true(dumped.met[1].is_bad);
        assert_int_equal(dumped.met[1].run.va, va);
        assert_int_equal(dumped.met[1].level, bad[i].level);
    }
}

/* The first page and the last one; the last run ends at 2^64. */
static void both_ends_are_dumped(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct made made;

        made_start(&made, levels);
        *made_slot(&made, (uint64_t)0 - 4096, 0) = (G(8) - 4096) | ENTRY_P;
        *made_slot(&made, 0, 0) = G(8) | ENTRY_P;
        *made_slot(&made, (UINT64_C(1) << (9 * levels + 11)) - 4096, 0) = G(1) | ENTRY_P;
        *made_slot(&made, (uint64_t)0 - (UINT64_C(1) << (9 * levels + 11)), 0) =
            (G(1) + 4096) | ENTRY_P;
        made_end(&made);
        assert_int_equal(dumped.count, 4);
        assert_int_equal(dumped.met[3].run.va, (uint64_t)0 - 4096);
    }
}

static uint64_t random_attributes(struct rng *rng)
{
    uint64_t entry = ENTRY_P | ENTRY_W;

    if (rng_once_in(rng, 12))
        entry ^= rng_once_in(rng, 2) ? ENTRY_W : ENTRY_NX;
    return entry ^ (rng_once_in(rng, 12) ? ENTRY_U : 0);
}

/* A table with stretches that follow its addresses, tables below it, gaps, and bad entries. */
static uint64_t random_table(struct rng *rng, struct made *made, unsigned level, uint64_t va)
{
    uint64_t frame = fake_memory_zeroed(&made->fake);
    uint64_t span = UINT64_C(1) << (12 + 9 * level);
    uint64_t left = 0;
    uint64_t entry = 0;

    for (uint64_t slot = 0; slot < 512; slot++) {
        uint64_t at = va + slot * span;
        uint64_t *to = &fake_memory_slots(&made->fake, frame)[slot];

        if (level < 3 && left-- > 0 && entry != 0) {
            *to = entry | (at % T(16));
        } else if (level < 3 && rng_once_in(rng, 12)) {
            left = rng_below(rng, 200);
            entry = random_attributes(rng) | (level ? ENTRY_PS : rng_below(rng, 2) * 0x80);
            entry |= rng_once_in(rng, 4) ? 0x08 : 0;
        } else if (rng_once_in(rng, 300)) {
            *to = rng_next(rng) & ~ENTRY_P;
        } else if (rng_once_in(rng, 300)) {
            *to = ENTRY_P | UINT64_C(1) << (46 + rng_below(rng, 6));
        } else if (level > 0 && rng_once_in(rng, level == 1 ? 40 : 150) && made->fake.used < 150) {
            uint64_t below = random_table(rng, made, level - 1, at);

            *to = below | random_attributes(rng) | ENTRY_U;
        }
    }
    return frame;
}

/* Random roots of 4 and 5 levels, one table of which is linked twice. */
static void random_roots_agree_with_a_plain_reading(void **state)
{
    struct rng rng;
    size_t all = 0;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 60; round++) {
        struct made made = {.levels = 4 + (unsigned)rng_below(&rng, 2)};
        uint64_t *slots;

        fake_memory_init(&made.fake, 200);
        made.root = random_table(&rng, &made, made.levels - 1, 0);
        slots = fake_memory_slots(&made.fake, made.root);
        slots[5] = slots[3];
        made_end(&made);
        all += dumped.count;
    }
    assert_true(all > 60);
}

/* What pt_build() makes of random plans is dumped as planned: no bad entry, each byte once. */
static void built_tables_are_dumped_as_planned(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 60; round++) {
        uint64_t planned = 0;
        uint64_t found = 0;
        struct tables t;

        tables_random(&t, &rng);
        tables_build(&t);
        check(&t.fake, t.root, t.levels);
        for (size_t i = 0; i < t.plan.count; i++)
            planned += t.plan.entries[i].len;
        for (size_t i = 0; i < dumped.count; i++) {
            const struct pt_dump_run *run = &dumped.met[i].run;
            struct ref_hit first = ref_planned(&t.plan, run->va);
            struct ref_hit last = ref_planned(&t.plan, run->va + (run->len - 1));

            assert_false(dumped.met[i].is_bad);
            assert_true(first.present && last.present);
            assert_int_equal(first.pa, run->pa);
            assert_int_equal(last.pa, run->pa + (run->len - 1));
            assert_int_equal(first.rights, run->rights);
            found += run->len;
        }
        assert_int_equal(found, planned);
        tables_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_root_has_no_run),
        cmocka_unit_test(run_spans_page_sizes),
        cmocka_unit_test(each_difference_ends_a_run),
        cmocka_unit_test(other_bits_do_not_end_a_run),
        cmocka_unit_test(rights_hold_over_all_levels),
        cmocka_unit_test(bad_entries_are_told),
        cmocka_unit_test(both_ends_are_dumped),
        cmocka_unit_test(random_roots_agree_with_a_plain_reading),
        cmocka_unit_test(built_tables_are_dumped_as_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
