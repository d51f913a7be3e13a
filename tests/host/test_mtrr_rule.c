/* SPDX-License-Identifier: MIT */
/* Whether the MTRRs can be gone by, and whether a guest's count. */
#include "mtrr_rule.h"

#include "machine.h"
#include "test.h"

/* A guest with 1 GiB, BIOS style: 636 KiB, and the rest from 1 MiB on. */
static struct machine *guest_with_ram(void)
{
    struct machine *m = machine_start(40);

    machine_add(m, 0, 0x9f000, MEM_USABLE);
    machine_add(m, 0xf0000, 0x10000, MEM_RESERVED);
    machine_add(m, M(1), M(1023), MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0;
    return m;
}

/* Settle a copy, so that one machine serves for guest and bare metal. */
static bool ignored_by(const struct machine *m, bool guest)
{
    struct mtrr_state mtrr = m->mtrr;
    bool ignored = !guest;

    assert_int_equal(mtrr_settle(&mtrr, &m->map, guest, &ignored).code, ERR_NONE);
    assert_int_equal(mtrr.present, m->mtrr.present && !ignored);
    mtrr.present = m->mtrr.present;
    assert_memory_equal(&mtrr, &m->mtrr, sizeof(mtrr));
    return ignored;
}

/* The states of the field: off, on without ranges, fixed ranges too, default write-protect. */
static void blank_mtrrs_of_a_guest_are_not_there(void **state)
{
    static const uint64_t def_types[] = {0,     6,     0x400, 0x406, 0x800,
                                         0xc00, 0x801, 0x804, 0x805, 0xc05};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(def_types); i++) {
        struct machine *m = guest_with_ram();

        m->mtrr.def_type = def_types[i];
        assert_true(ignored_by(m, true));
        assert_false(ignored_by(m, false));
        assert_int_equal(ram_check(&m->request).code, ERR_NORAM);
        m->mtrr.present = false;
        assert_false(ignored_by(m, true));
        assert_int_equal(ram_check(&m->request).code, ERR_NONE);
    }
}

/* One page of RAM that is write-back, and they were set up: they count, however little it is. */
static void mtrrs_that_somebody_set_count(void **state)
{
    struct machine *m = guest_with_ram();

    (void)state;
    m->mtrr.def_type = 0x806;
    assert_false(ignored_by(m, true));
    m->mtrr.def_type = 0x800;
    machine_mtrr(m, M(512), K(4), MEMTYPE_WB);
    assert_false(ignored_by(m, true));
    m->mtrr.var[0].base = G(2) | MEMTYPE_WB; /* where no RAM is */
    assert_true(ignored_by(m, true));
    m->mtrr.var[0].base = M(512) | MEMTYPE_WT;
    assert_true(ignored_by(m, true));
    m->mtrr.var[0].base = M(512) | MEMTYPE_WB;
    m->mtrr.def_type = 0;
    assert_true(ignored_by(m, true));
    m = machine_start(40);
    machine_add(m, G(5), G(1), MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0x800;
    assert_true(ignored_by(m, true));
    m->mtrr.wb_top = G(5) + K(4); /* AMD's TOP_MEM2 */
    assert_false(ignored_by(m, true));
}

/* Fixed ranges say nothing of RAM above; where there is none, they decide. */
static void fixed_ranges_decide_for_the_first_mebibyte_alone(void **state)
{
    struct machine *m = guest_with_ram();

    (void)state;
    m->mtrr.def_type = 0xc00;
    memset(m->mtrr.fixed, MEMTYPE_WB, sizeof(m->mtrr.fixed));
    assert_true(ignored_by(m, true));
    m->mtrr.def_type = 0xc06;
    memset(m->mtrr.fixed, 0, sizeof(m->mtrr.fixed));
    assert_false(ignored_by(m, true));
    m = machine_start(40);
    machine_add(m, 0, 0x9f000, MEM_USABLE);
    machine_add(m, 0xfffff, 2, MEM_USABLE); /* no whole page above */
    machine_settle(m);
    m->mtrr.def_type = 0xc00;
    assert_true(ignored_by(m, true));
    m->mtrr.fixed[1] = MEMTYPE_WB;
    assert_false(ignored_by(m, true));
}

/* Without RAM there is nothing to decide, and the MTRRs are not to blame. */
static void without_ram_they_are_not_to_blame(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(1), G(1), MEM_RESERVED);
    machine_add(m, G(2) + 1, 0x1ffe, MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0;
    assert_false(ignored_by(m, true));
    assert_string_equal(ram_check(&m->request).text, "shares its page with something else");
}

/* Against a look at every page. */
static void random_guests_agree_with_the_oracle(void **state)
{
    struct rng rng;
    unsigned ignored = 0;

    (void)state;
    rng_start(&rng, "guests");
    for (unsigned round = 0; round < 2000; round++) {
        struct machine *m = machine_random(&rng);
        struct ref_map ref = machine_ref(m);
        bool any[2] = {false, false};
        bool good[2] = {false, false};

        m->mtrr.def_type = rng_below(&rng, 4) * 0x400 | rng_below(&rng, 7);
        for (uint64_t page = 0; page < M(16); page += 4096) {
            any[page >= M(1)] |= ref_is(&ref, page, 4096, MEM_USABLE);
            good[page >= M(1)] |= ref_page_is_ram(&ref, &m->mtrr, page, UINT64_MAX);
        }
        bool wanted = any[1] ? !good[1] : any[0] && !good[0];
        assert_int_equal(ignored_by(m, true), wanted);
        assert_false(ignored_by(m, false));
        ignored += wanted;
    }
    assert_true(ignored > 200 && ignored < 1800);
}

/* What MTRRcap counts is what there is, or it is refused; it is never less. */
static void count_of_variable_ranges_is_never_cut(void **state)
{
    (void)state;
    for (uint64_t cap = 0; cap < 0x1000; cap++) {
        unsigned count = 12345;
        struct error err = mtrr_count(cap | UINT64_C(0xabcdef0000000000), &count);

        if ((cap & 0xff) <= 40) {
            assert_int_equal(err.code, ERR_NONE);
            assert_int_equal(count, cap & 0xff);
            continue;
        }
        assert_int_equal(err.code, ERR_MTRR);
        assert_int_equal(err.at, 40);
        assert_int_equal(err.value, cap & 0xff);
        assert_non_null(err.text);
        assert_int_equal(count, 0);
    }
}

/* 0x1e is write-back with RdMem and WrMem; a bit that AMD reserves too is no flag. */
static void amd_fixed_fields_have_the_type_in_three_bits(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};
    struct mtrr_state mtrr = {.present = true, .phys_bits = 48, .def_type = 0xc00};

    (void)state;
    for (unsigned flags = 0; flags < 4; flags++) {
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            uint64_t field = (uint64_t)types[i] | flags << 3;

            for (unsigned reg = 0; reg < MTRR_FIXED_REGS; reg++)
                mtrr.fixed[reg] = mtrr_fixed_types(field * UINT64_C(0x0101010101010101), true);
            assert_true(memtype_is(&mtrr, 0, M(1), types[i]));
            assert_int_equal(memtype_step(&mtrr, 0, M(1)).end, K(64));
            assert_int_equal(memtype_step(&mtrr, 0, K(4)).end, K(4));
            mtrr.fixed[0] = mtrr_fixed_types(field, false);
            assert_int_equal(memtype_span(&mtrr, 0, K(4)).type, flags ? MEMTYPE_UC : types[i]);
        }
    }
}

/* All the steps from 0 to the end of RAM. */
static uint64_t steps_through(const struct mtrr_state *mtrr, uint64_t end)
{
    uint64_t steps = 0;

    for (uint64_t pa = 0; pa < end; steps++)
        pa = memtype_step(mtrr, pa, end).end;
    return steps;
}

static struct machine *machine_with_4t(void)
{
    struct machine *m = machine_start(46);

    machine_add(m, M(1), T(4) - M(1), MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0xc00;
    for (unsigned i = 0; i < MTRR_FIXED_REGS; i++)
        m->mtrr.fixed[i] = UINT64_C(0x0600060006000600);
    return m;
}

/* In every other one of its 2^i stretches each pattern matches; all bits above are compared. */
static void mask_of(struct machine *m, unsigned i, unsigned lowest, unsigned holes)
{
    uint64_t width = UINT64_C(1) << 46;
    uint64_t low = UINT64_C(1) << lowest;

    m->mtrr.var[i].base = low * (i & 1) | (i & 2 ? MEMTYPE_WB : MEMTYPE_WC);
    m->mtrr.var[i].mask = ((width - (low << (holes + 1))) | low) | 0x800;
    m->mtrr.variable = i + 1;
}

/* The worst that is accepted takes no more steps than is promised, and nearly as many. */
static void worst_masks_with_holes_take_bounded_steps(void **state)
{
    struct machine *m = machine_with_4t();
    uint64_t steps;
    bool ignored;

    (void)state;
    mask_of(m, 0, 12, 16);
    assert_int_equal(mtrr_settle(&m->mtrr, &m->map, false, &ignored).code, ERR_NONE);
    steps = steps_through(&m->mtrr, T(4));
    assert_in_range(steps, 130900, MTRR_STEPS_MAX);
    /* All 40 registers in use, each with as many as there may be then, at sizes of their own. */
    for (unsigned i = 0; i < MTRR_MAX_VARIABLE; i++)
        mask_of(m, i, 12 + i % 16, i < 24 ? 11 : 10);
    assert_int_equal(mtrr_settle(&m->mtrr, &m->map, false, &ignored).code, ERR_NONE);
    assert_in_range(steps_through(&m->mtrr, T(4)), 4000, MTRR_STEPS_MAX);
}

/* A mask whose lowest bit is 4 KiB, and free up to TiB of RAM: refused without a step. */
static void masks_that_cut_ram_to_pieces_are_refused(void **state)
{
    struct machine *m = machine_with_4t();

    (void)state;
    for (unsigned holes = 17; holes <= 29; holes++) {
        for (unsigned guest = 0; guest < 2; guest++) {
            bool ignored = true;
            struct error err;

            mask_of(m, 0, 12, holes);
            err = mtrr_settle(&m->mtrr, &m->map, guest, &ignored);
            assert_int_equal(err.code, ERR_MTRR);
            assert_int_equal(err.at, MTRR_STRETCHES_MAX);
            assert_int_equal(err.value, UINT64_C(1) << holes);
            assert_non_null(err.text);
            assert_false(ignored);
            assert_true(m->mtrr.present);
        }
    }
    mask_of(m, 0, 12, 30); /* bit 42 is none of an address of RAM */
    assert_int_equal(mtrr_settle(&m->mtrr, &m->map, false, &(bool){false}).value, 1 << 29);
    m->mtrr.var[0].mask &= ~UINT64_C(0x800); /* not valid: it cuts nothing */
    assert_false(ignored_by(m, false));
    /* Together too many: the sum counts. */
    for (unsigned i = 0; i < 40; i++)
        mask_of(m, i, 12, 11);
    assert_int_equal(mtrr_settle(&m->mtrr, &m->map, false, &(bool){false}).value, 40 << 11);
    /* The empty mask matches everything, once. */
    m->mtrr.variable = 1;
    m->mtrr.var[0].mask = 0x800;
    assert_false(ignored_by(m, false));
}

/* Holes above RAM cut nothing of it: firmware that takes 46 bits for 36 goes on booting. */
static void holes_above_ram_do_not_count(void **state)
{
    struct machine *m = machine_start(52);

    (void)state;
    machine_add(m, M(1), G(64) - M(1), MEM_USABLE);
    machine_add(m, T(4095), T(1), MEM_RESERVED);
    machine_settle(m);
    for (unsigned i = 0; i < 10; i++) {
        machine_mtrr(m, i * G(1), G(1), MEMTYPE_UC);
        m->mtrr.var[i].mask &= G(64) - 1;
    }
    assert_false(ignored_by(m, false));
    /* But within the largest page they do, wherever RAM ends. */
    m = machine_start(40);
    machine_add(m, M(1), M(1), MEM_USABLE);
    machine_settle(m);
    machine_mtrr(m, G(4), K(4), MEMTYPE_UC);
    m->mtrr.var[0].mask &= ~(G(1) - K(8));
    assert_int_equal(mtrr_settle(&m->mtrr, &m->map, true, &(bool){false}).value, 1 << 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank_mtrrs_of_a_guest_are_not_there),
        cmocka_unit_test(mtrrs_that_somebody_set_count),
        cmocka_unit_test(fixed_ranges_decide_for_the_first_mebibyte_alone),
        cmocka_unit_test(without_ram_they_are_not_to_blame),
        cmocka_unit_test(random_guests_agree_with_the_oracle),
        cmocka_unit_test(count_of_variable_ranges_is_never_cut),
        cmocka_unit_test(amd_fixed_fields_have_the_type_in_three_bits),
        cmocka_unit_test(worst_masks_with_holes_take_bounded_steps),
        cmocka_unit_test(masks_that_cut_ram_to_pieces_are_refused),
        cmocka_unit_test(holes_above_ram_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
