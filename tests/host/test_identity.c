/* SPDX-License-Identifier: MIT */
/* A root with one page at its physical address, and else as the main one. */
#include "identity.h"

#include "random.h"
#include "reference.h"
#include "test.h"

#define FRAMES 64
#define BASE   UINT64_C(0x100000) /* of the first table frame */

/* A main root of which every other slot has a table, and frames for one more root. */
struct made {
    unsigned levels;
    uint64_t tables[FRAMES][512];
    bool taken[FRAMES];
    size_t left;  /* that reserve() has to give */
    size_t stock; /* given by it, and not taken yet */
    size_t depth; /* tables that are open */
    uint64_t flushed;
    struct mtrr_state mtrr;
    struct pt_alias entries[8];
    uint64_t keys[8];
    struct pt_aliases aliases;
    struct pt_space space;
};
static struct made made;

static uint64_t *table_of(uint64_t frame)
{
    assert_true(frame >= BASE && (frame - BASE) / 4096 < FRAMES);
    return made.tables[(frame - BASE) / 4096];
}

static enum error_code reserve(void *ctx, size_t count)
{
    (void)ctx;
    if (count > made.left)
        return ERR_NOFRAMES;
    made.left -= count;
    made.stock += count;
    return ERR_NONE;
}

static uint64_t alloc(void *ctx)
{
    size_t i = 0;

    (void)ctx;
    assert_int_not_equal(made.stock--, 0);
    while (made.taken[i])
        i++;
    assert_true(i < FRAMES);
    made.taken[i] = true;
    memset(made.tables[i], 0xa5, sizeof(made.tables[i]));
    return BASE + i * 4096;
}

static void give_back(void *ctx, uint64_t frame)
{
    (void)ctx;
    assert_true(made.taken[(frame - BASE) / 4096]);
    made.taken[(frame - BASE) / 4096] = false;
}

static uint64_t *open(void *ctx, uint64_t frame)
{
    (void)ctx;
    made.depth++;
    return table_of(frame);
}

static void close(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
    made.depth--;
}

static void write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        slot[i] = entry + i * step;
}

static void flush(void *ctx, uint64_t va, uint64_t len)
{
    (void)ctx;
    (void)len;
    made.flushed = va;
}

static void exchange(void *ctx, const struct pt_exchange *what)
{
    flush(ctx, what->va, what->len);
    write(ctx, what->slot, what->n, what->entry, what->step);
}

static const struct pt_live_memory memory = {NULL,  reserve, alloc, give_back, open,
                                             close, write,   flush, exchange};

static uint64_t read_slot(void *ctx, uint64_t frame, unsigned slot)
{
    (void)ctx;
    return table_of(frame)[slot];
}

static const struct ref_reader reader = {NULL, read_slot};

static size_t count_taken(void)
{
    size_t count = 0;

    for (size_t i = 0; i < FRAMES; i++)
        count += made.taken[i];
    return count;
}

static void start(unsigned levels, size_t frames)
{
    memset(&made, 0, sizeof(made));
    made.levels = levels;
    made.mtrr.phys_bits = 52;
    pt_aliases_init(&made.aliases, made.entries, made.keys, COUNT_OF(made.entries));
    made.stock = 2;
    made.space = (struct pt_space){.root = alloc(NULL),
                                   .levels = levels,
                                   .phys_bits = 52,
                                   .max_level = 2,
                                   .mtrr = &made.mtrr,
                                   .memory = &memory,
                                   .aliases = &made.aliases};
    made.space.main_root = made.space.root;
    uint64_t below = alloc(NULL);
    memset(table_of(below), 0, 4096);
    for (unsigned i = 0; i < 512; i++)
        table_of(made.space.root)[i] = i % 2 == 0 ? below | PT_LINK : 0;
    made.left = frames;
}

static unsigned top_slot(uint64_t va)
{
    return (unsigned)(va >> (12 + 9 * (made.levels - 1))) % 512;
}

static void check(const struct pt_space *identity, uint64_t pa)
{
    const uint64_t *mains = table_of(made.space.root);
    const uint64_t *own = table_of(identity->root);

    assert_int_not_equal(identity->root, made.space.root);
    for (unsigned i = 0; i < 512; i++) {
        if (i != top_slot(pa))
            assert_int_equal(own[i], mains[i]);
    }
    for (uint64_t offset = 0; offset < 4096; offset += 1365) {
        struct ref_hit hit = ref_translate(&reader, identity->root, made.levels, pa + offset);

        assert_true(hit.present && !hit.user && !hit.global);
        assert_int_equal(hit.pa, pa + offset);
        assert_int_equal(hit.level, 0);
        assert_int_equal(hit.rights, RIGHT_X);
        assert_int_equal(hit.type, MEMTYPE_WB);
        assert_false(ref_translate(&reader, made.space.root, made.levels, pa + offset).present);
    }
    assert_false(ref_translate(&reader, identity->root, made.levels, pa ^ 4096).present);
    assert_int_equal(made.depth, 0);
}

/* Wherever the page is: in a slot that the main root uses, or not; and all is given back. */
static void any_page_is_mapped_to_itself(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (unsigned bit = 12; bit < (levels == 4 ? 47 : 52); bit++) {
            uint64_t pa = (UINT64_C(1) << bit) + (bit > 13 ? 0x3000 : 0);
            struct pt_space identity;

            start(levels, levels + 1);
            assert_int_equal(identity_create(&identity, &made.space, pa).code, ERR_NONE);
            check(&identity, pa);
            assert_int_equal(count_taken(), 2 + levels);
            assert_int_equal(made.aliases.count, 1);
            pt_root_destroy(&identity, &made.space);
            assert_int_equal(count_taken(), 2);
            assert_int_equal(made.aliases.count, 0);
        }
    }
}

static void refused(uint64_t pa, enum error_code code)
{
    struct pt_space identity;

    assert_int_equal(identity_create(&identity, &made.space, pa).code, code);
    assert_int_equal(count_taken(), 2);
    assert_int_equal(made.depth, 0);
}

/* What cannot be, leaves no root behind. */
static void refusals_leave_nothing(void **state)
{
    const struct pt_change writable = {
        PT_MAP, UINT64_C(0xffff808000000000), M(7), K(4), RIGHT_W, MEMTYPE_WB, 0, false, false};

    (void)state;
    start(4, 10);
    refused(M(5) + 8, ERR_ALIGN);
    refused(UINT64_C(1) << 47, ERR_CANONICAL);
    made.mtrr = (struct mtrr_state){.present = true, .phys_bits = 52, .def_type = MTRR_DEF_ENABLE};
    refused(M(5), ERR_TYPE);
    made.mtrr.present = false;
    start(4, 10);
    table_of(made.space.root)[257] = 0;
    assert_int_equal(pt_update(&made.space, &writable).code, ERR_NONE);
    size_t taken = count_taken();
    struct pt_space identity;

    assert_int_equal(identity_create(&identity, &made.space, M(7)).code, ERR_WX);
    assert_int_equal(count_taken(), taken);
}

/* One frame too few, at each of them. */
static void too_few_frames_are_an_error(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        for (size_t frames = 0; frames < levels; frames++) {
            start(levels, frames);
            refused(M(9), ERR_NOFRAMES);
        }
    }
}

#define PGE UINT64_C(0x80)
#define CR4 UINT64_C(0x303620) /* what else is set in it */

/* Prepared, then disabled: CR4 is what it was, however often it was enabled in between. */
static void global_pages_are_as_they_were(void **state)
{
    (void)state;
    for (uint64_t before = CR4; before <= (CR4 | PGE); before += PGE) {
        for (unsigned times = 0; times < 4; times++) {
            struct identity_page page = {.pa = M(5), .root = M(6)};
            uint64_t cr4 = before;

            for (unsigned i = 0; i < times; i++) {
                cr4 = identity_enable(&page, cr4);
                assert_int_equal(cr4, CR4);
                assert_int_equal(page.root, M(6));
            }
            cr4 = identity_disable(&page, cr4);
            assert_int_equal(cr4, before);
            assert_int_equal(page.root | page.pa, 0);
            /* Once more: nothing is prepared, nothing changes. */
            assert_int_equal(identity_disable(&page, cr4), before);
        }
    }
}

/* What else of CR4 was changed meanwhile stays so. */
static void other_bits_of_cr4_are_the_callers(void **state)
{
    struct identity_page page = {.pa = M(5), .root = M(6)};

    (void)state;
    assert_int_equal(identity_enable(&page, CR4 | PGE), CR4);
    assert_int_equal(identity_disable(&page, CR4 | 0x40000), CR4 | PGE | 0x40000);
}

/* Any calls in any order: off while a page is enabled, else as before; no other bit changes. */
static void any_order_of_calls_keeps_cr4(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned i = 0; i < 1000; i++) {
        struct identity_page page = {0};
        uint64_t before = CR4 | (rng_once_in(&rng, 2) ? PGE : 0);
        uint64_t cr4 = before;
        bool on = false;

        for (unsigned n = 0; n < 12; n++) {
            if (rng_once_in(&rng, 2)) {
                cr4 = identity_enable(&page, cr4);
                on = true;
            } else {
                cr4 = identity_disable(&page, cr4);
                on = false;
            }
            assert_int_equal(cr4, on ? CR4 : before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_page_is_mapped_to_itself),
        cmocka_unit_test(refusals_leave_nothing),
        cmocka_unit_test(too_few_frames_are_an_error),
        cmocka_unit_test(global_pages_are_as_they_were),
        cmocka_unit_test(other_bits_of_cr4_are_the_callers),
        cmocka_unit_test(any_order_of_calls_keeps_cr4),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
