/* SPDX-License-Identifier: MIT */
/* What the mutation check (tests/mutate) found no other test to notice: one case each. */
#include "frames.h"
#include "layout.h"
#include "machine.h"
#include "options.h"
#include "tables.h"
#include "test.h"
#include "walk.h"

#define RAM DIRECTMAP_BASE_4

static struct mtrr_state write_back(unsigned phys_bits)
{
    return (struct mtrr_state){
        .present = true, .phys_bits = phys_bits, .def_type = 0x800 | MEMTYPE_WB};
}

/* Key bits may make the width less than the registers have: bits above it count for nothing. */
static void variable_mtrr_bits_above_the_width_do_not_count(void **state)
{
    struct mtrr_state mtrr = write_back(36);

    (void)state;
    mtrr.variable = 1;
    mtrr.var[0].base = T(1) | G(2) | MEMTYPE_UC;
    mtrr.var[0].mask = UINT64_C(0xfffff80000800);
    assert_true(memtype_is(&mtrr, 0, G(2), MEMTYPE_WB));
    assert_true(memtype_is(&mtrr, G(2), G(2), MEMTYPE_UC));
    assert_true(memtype_is(&mtrr, G(4), G(60), MEMTYPE_WB));
}

/* No address bit compared: the range holds all there is. */
static void variable_mtrr_with_an_empty_mask_holds_all(void **state)
{
    struct mtrr_state mtrr = write_back(36);
    struct memtype_span span;

    (void)state;
    mtrr.variable = 1;
    mtrr.var[0].base = G(2) | MEMTYPE_WT;
    mtrr.var[0].mask = 0x800;
    span = memtype_span(&mtrr, 0, G(64));
    assert_int_equal(span.end, G(64));
    assert_int_equal(span.type, MEMTYPE_WT);
    assert_true(memtype_is(&mtrr, G(3), 4096, MEMTYPE_WT));
}

/* Overlaps without a meaning are said to be so in the span that they join, and in RAM's pieces. */
static void mixtures_without_a_meaning_are_passed_on(void **state)
{
    struct machine *m = machine_start(36);
    struct ram_iter iter;
    struct ram_piece piece;
    struct memtype_span span;

    (void)state;
    m->mtrr.def_type = 0x800 | MEMTYPE_UC;
    machine_mtrr(m, G(2), G(1), MEMTYPE_WB);
    machine_mtrr(m, G(2), G(1), MEMTYPE_WC);
    machine_add(m, G(1), G(2), MEM_USABLE);
    machine_settle(m);
    span = memtype_span(&m->mtrr, 0, G(2));
    assert_false(span.undefined);
    span = memtype_span(&m->mtrr, 0, G(4));
    assert_int_equal(span.type, MEMTYPE_UC);
    assert_int_equal(span.end, G(4));
    assert_true(span.undefined);
    ram_first(&iter, &m->request);
    assert_true(ram_next(&iter, &piece));
    assert_int_equal(piece.fate, RAM_NOT_WB);
    assert_true(piece.undefined);
}

/* Half a page is not a page: va and pa have to agree modulo the whole size. */
static void half_a_large_page_off_is_no_large_page(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){RAM + G(1), G(1) + M(512), G(1), 0, MEMTYPE_WB, 2, 0});
    tables_add(&t, (struct mapping){RAM + G(4), G(4) + M(1), M(4), 0, MEMTYPE_WB, 2, 0});
    tables_build(&t);
    assert_int_equal(t.stats.leaves[2], 0);
    assert_int_equal(t.stats.leaves[1], 512);
    assert_int_equal(t.stats.leaves[0], 1024);
    tables_end(&t);
}

/* alloc() is told a canonical address, and no entry of any level is open to user mode. */
static void requests_are_canonical_and_entries_are_not_for_users(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 20; round++) {
        struct tables t;

        tables_random(&t, &rng);
        tables_build(&t);
        for (size_t i = 0; i < t.fake.used; i++) {
            uint64_t high = t.fake.requests[i].va >> (9 * t.levels + 11);

            assert_true(high == 0 || high == UINT64_MAX >> (9 * t.levels + 11));
            for (unsigned slot = 0; slot < 512; slot++)
                assert_int_equal(t.fake.frames[i][slot] & 4, 0);
        }
        tables_end(&t);
    }
}

/* maxpage= reaches the directmap's entries, and no others. */
static void directmap_keeps_to_the_largest_page(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 3; level++) {
        struct machine *m = machine_start(40);

        machine_add(m, M(1), G(2), MEM_USABLE);
        machine_want(m, (struct mapping){IMAGE_VA, M(4), K(4), RIGHT_W, MEMTYPE_WB, 1, WHAT_STACK});
        m->request.max_level = level;
        machine_settle(m);
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        assert_int_equal(m->plan.count, 2);
        assert_int_equal(m->plan.entries[0].max_level, level);
        assert_int_equal(m->plan.entries[1].max_level, 1);
    }
}

/* Executable frames beside RAM, on both sides, leave no mark on the directmap. */
static void executable_frames_that_touch_ram_cut_nothing(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(2), M(2), MEM_USABLE);
    machine_want(m, (struct mapping){IMAGE_VA, M(1), M(1), RIGHT_X, MEMTYPE_WB, 0, 1});
    machine_want(m, (struct mapping){IMAGE_VA + M(1), M(4), M(1), RIGHT_X, MEMTYPE_WB, 0, 1});
    machine_settle(m);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, 3);
    assert_int_equal(m->plan.entries[0].pa, M(2));
    assert_int_equal(m->plan.entries[0].len, M(2));
    assert_int_equal(m->plan.entries[0].rights, RIGHT_W);
}

/* As many fixed mappings as the header says, and not one more. */
static void fixed_mappings_up_to_the_limit(void **state)
{
    struct machine *m = machine_start(40);
    struct mapping fixed[PLAN_MAX_FIXED + 1];
    struct error err;

    (void)state;
    machine_add(m, M(1), M(1), MEM_USABLE);
    machine_settle(m);
    for (unsigned i = 0; i < COUNT_OF(fixed); i++)
        fixed[i] = (struct mapping){
            .va = IMAGE_VA + K(4) * i, .pa = G(1) + K(4) * i, .len = K(4), .type = MEMTYPE_WB};
    m->request.fixed = fixed;
    m->request.nfixed = PLAN_MAX_FIXED;
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, PLAN_MAX_FIXED + 1);
    m->request.nfixed = PLAN_MAX_FIXED + 1;
    err = plan_make(&m->plan, &m->request);
    assert_int_equal(err.code, ERR_PLANFULL);
    assert_int_equal(err.at, PLAN_MAX_FIXED);
    assert_int_equal(m->plan.count, 0);
}

/* One range over the window and then over the limit is two pieces of two fates. */
static void over_the_window_ends_at_the_limit(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_iter iter;
    struct ram_piece piece;

    (void)state;
    machine_add(m, M(1), M(7), MEM_USABLE);
    m->request.directmap_size = M(2);
    m->request.ram_limit = M(4);
    machine_settle(m);
    ram_first(&iter, &m->request);
    assert_true(ram_next(&iter, &piece));
    assert_int_equal(piece.fate, RAM_MAPPED);
    assert_int_equal(piece.end, M(2));
    assert_true(ram_next(&iter, &piece));
    assert_int_equal(piece.fate, RAM_OVER_WINDOW);
    assert_int_equal(piece.end, M(4));
    assert_true(ram_next(&iter, &piece));
    assert_int_equal(piece.fate, RAM_OVER_LIMIT);
    assert_int_equal(piece.end, M(8));
    assert_false(ram_next(&iter, &piece));
}

/* Whole runs: what frames were taken from, then the rest in the pool's order, each once. */
static void runs_taken_are_what_is_left(void **state)
{
    static struct busy_list busy;
    struct machine *m = machine_start(40);
    struct frame_pool pool;
    struct free_run run;
    uint64_t frame;

    (void)state;
    machine_add(m, K(4), K(8), MEM_USABLE);
    machine_add(m, M(1), K(16), MEM_USABLE);
    machine_add(m, M(8), K(8), MEM_USABLE);
    machine_settle(m);
    busy.count = 0;
    assert_true(busy_add(&busy, M(8), 1, "first byte"));
    frame_pool_init(&pool, &m->request, &busy);
    assert_true(frame_pool_take(&pool, &frame));
    assert_int_equal(frame, M(1));
    assert_true(frame_pool_take_run(&pool, &run));
    assert_int_equal(run.base, M(1) + K(4));
    assert_int_equal(run.end, M(1) + K(16));
    assert_true(frame_pool_take_run(&pool, &run));
    assert_int_equal(run.base, M(8) + K(4));
    assert_int_equal(run.end, M(8) + K(8));
    assert_true(frame_pool_take_run(&pool, &run));
    assert_int_equal(run.base, K(4));
    assert_int_equal(run.end, K(12));
    assert_false(frame_pool_take_run(&pool, &run));
    assert_false(frame_pool_take(&pool, &frame));
}

static bool count_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    size_t *bad = ctx;

    (void)va;
    (void)entry;
    assert_int_equal(level, 3);
    ++*bad;
    return true;
}

/* A page of 512 GiB exists on no CPU: an entry that claims to be one is bad, not a leaf. */
static void size_bit_above_1g_is_bad_however_aligned(void **state)
{
    struct tables t;
    struct pt_reader reader;
    struct pt_visitor visitor = {.bad = count_bad};
    size_t bad = 0;

    (void)state;
    tables_start(&t, 4);
    tables_build(&t);
    fake_memory_slots(&t.fake, t.root)[1] = T(1) | 0x83;
    reader = fake_memory_reader(&t.fake);
    visitor.ctx = &bad;
    assert_true(pt_walk(t.root, 4, t.phys_bits, &reader, &visitor));
    assert_int_equal(bad, 1);
    tables_end(&t);
}

/* CR3 has flags below the address; a walk may start from its value. */
static void cr3_flags_are_no_address(void **state)
{
    struct tables t;
    struct pt_reader reader;
    struct pt_stats found;
    uint64_t entries[5];

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){RAM, 0, M(2), 0, MEMTYPE_WB, 1, WHAT_DIRECTMAP});
    tables_build(&t);
    reader = fake_memory_reader(&t.fake);
    assert_int_equal(pt_audit(t.root | 0x18, 4, 46, &reader, &t.plan, &t.mtrr, &found).code,
                     ERR_NONE);
    assert_int_equal(pt_lookup(t.root | 0x18, 4, RAM, &reader, entries), 3);
    tables_end(&t);
}

/* Tables for a longer mapping than planned: the text says where the plan ended. */
static void leaf_beyond_its_entry_is_named_so(void **state)
{
    struct tables t;
    struct pt_reader reader;
    struct pt_stats found;
    struct error err;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){RAM, 0, M(2), 0, MEMTYPE_WB, 1, WHAT_DIRECTMAP});
    tables_build(&t);
    t.entries[0].len = M(1);
    reader = fake_memory_reader(&t.fake);
    err = pt_audit(t.root, 4, t.phys_bits, &reader, &t.plan, &t.mtrr, &found);
    assert_int_equal(err.code, ERR_AUDIT);
    assert_string_equal(err.text, "mapped beyond what is planned");
    assert_int_equal(err.at, RAM + M(1));
    tables_end(&t);
}

/* Small pages where one large page fills the entry exactly: to its very end. */
static void exact_fit_of_a_larger_page_is_noticed(void **state)
{
    struct tables t;
    struct pt_reader reader;
    struct pt_stats found;
    struct error err;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){RAM, 0, M(2), 0, MEMTYPE_WB, 0, WHAT_DIRECTMAP});
    tables_build(&t);
    t.entries[0].max_level = 1;
    reader = fake_memory_reader(&t.fake);
    err = pt_audit(t.root, 4, t.phys_bits, &reader, &t.plan, &t.mtrr, &found);
    assert_int_equal(err.code, ERR_AUDIT);
    assert_string_equal(err.text, "a smaller page than possible");
    assert_int_equal(err.at, RAM);
    tables_end(&t);
}

/* The first number that is no error's reads no words beyond the table. */
static void first_unknown_error_has_the_words_of_none(void **state)
{
    (void)state;
    assert_ptr_equal(error_words(ERR_CODES).name, error_words(ERR_NONE).name);
}

/* However many blanks stand before it, the payload's line begins with a word. */
static void payload_line_begins_behind_all_blanks(void **state)
{
    struct options options = options_default();
    char line[] = "loglevel=1 -- \t two words";

    (void)state;
    assert_int_equal(options_parse(&options, line).code, ERR_NONE);
    assert_string_equal(options.payload, "two words");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variable_mtrr_bits_above_the_width_do_not_count),
        cmocka_unit_test(variable_mtrr_with_an_empty_mask_holds_all),
        cmocka_unit_test(mixtures_without_a_meaning_are_passed_on),
        cmocka_unit_test(half_a_large_page_off_is_no_large_page),
        cmocka_unit_test(requests_are_canonical_and_entries_are_not_for_users),
        cmocka_unit_test(directmap_keeps_to_the_largest_page),
        cmocka_unit_test(executable_frames_that_touch_ram_cut_nothing),
        cmocka_unit_test(fixed_mappings_up_to_the_limit),
        cmocka_unit_test(over_the_window_ends_at_the_limit),
        cmocka_unit_test(runs_taken_are_what_is_left),
        cmocka_unit_test(size_bit_above_1g_is_bad_however_aligned),
        cmocka_unit_test(cr3_flags_are_no_address),
        cmocka_unit_test(leaf_beyond_its_entry_is_named_so),
        cmocka_unit_test(exact_fit_of_a_larger_page_is_noticed),
        cmocka_unit_test(first_unknown_error_has_the_words_of_none),
        cmocka_unit_test(payload_line_begins_behind_all_blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
