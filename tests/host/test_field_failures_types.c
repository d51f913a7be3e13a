/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: memory types, and maps at the edges of what there can be. */
#include "corpus.h"
#include "layout.h"
#include "mtrr_rule.h"
#include "runtime_firmware.h"
#include "tables.h"
#include "test.h"
#include "walk.h"

/*
 * Older VirtualBox, cloud-hypervisor issue 1752, Firecracker issue 5526, EDK2
 * issue 5874: nobody has set up a guest's MTRRs. test_plan_agrees.c holds
 * footing-plan to the same answer over the whole corpus.
 */
static void mtrrs_blank_or_off_in_a_guest(void **state)
{
    static const uint64_t def_types[] = {0, 0x800, 0xc00, 0x805};

    (void)state;
    for (unsigned i = 0; i < 2 * COUNT_OF(def_types); i++) {
        bool guest = i & 1;
        struct machine *m = machine_start(46);
        bool ignored;

        machine_add(m, 0, 0x9fc00, MEM_USABLE);
        machine_add(m, M(1), G(3) - M(1), MEM_USABLE);
        machine_add(m, G(4), G(1), MEM_USABLE);
        machine_settle(m);
        m->mtrr.def_type = def_types[i / 2];
        assert_int_equal(mtrr_settle(&m->mtrr, &m->map, guest, &ignored).code, ERR_NONE);
        assert_int_equal(ignored, guest);
        assert_int_equal(plan_make(&m->plan, &m->request).code, guest ? ERR_NONE : ERR_NORAM);
        assert_int_equal(m->plan.count, guest ? 3 : 0);
    }
}

/* APM vol. 2 section 7.9.1: 0x1e is write-back, with reads and writes that go to memory. */
static void amd_rdmem_and_wrmem_of_fixed_fields(void **state)
{
    struct machine *m = machine_start(48);

    (void)state;
    machine_add(m, 0, 0x9f000, MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0xc00;
    for (unsigned reg = 0; reg < 2; reg++)
        m->mtrr.fixed[reg] = mtrr_fixed_types(UINT64_C(0x1e1e1e1e1e1e1e1e), true);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, 1);
    assert_int_equal(m->entries[0].len, 0x9f000);
    for (unsigned reg = 0; reg < 2; reg++)
        m->mtrr.fixed[reg] = mtrr_fixed_types(UINT64_C(0x1e1e1e1e1e1e1e1e), false);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NORAM);
}

/* Flash from 0xffc00000 whose last MiB is write-protect, whatever attribute its region has. */
static void runtime_region_over_an_mtrr_boundary(void **state)
{
    static const uint64_t attributes[] = {UC, WC, WT, 0, WB};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(attributes); i++) {
        struct firmware *fw = firmware_start();
        uint64_t attribute = attributes[i / 2];

        fw->machine->mtrr.def_type = 0x800;
        machine_mtrr(fw->machine, G(4) - M(1), M(1), MEMTYPE_WP);
        firmware_region(MMIO, G(4) - M(4), M(3) / PAGE, attribute);
        if (i & 1) /* a region of its own behind the boundary, or one over it */
            firmware_region(MMIO, G(4) - M(1), M(1) / PAGE, attribute);
        else
            fw->regions[0].pages = M(4) / PAGE;
        firmware_run();
        firmware_expect();
        assert_int_equal(fw->runtime.count, 2);
        assert_int_equal(fw->runtime.mappings[0].len, M(3));
        fw->machine->mtrr.present = false;
        firmware_run();
        assert_int_equal(fw->runtime.count, 1);
    }
}

/* Limine 12.4.0: more than 127 variable ranges. Here there is room for 40, as MSRs have. */
static void more_variable_ranges_than_there_is_room_for(void **state)
{
    static const unsigned counts[] = {41, 127, 128, 255};
    unsigned count;

    (void)state;
    assert_int_equal(mtrr_count(0x500 | MTRR_MAX_VARIABLE, &count).code, ERR_NONE);
    assert_int_equal(count, MTRR_MAX_VARIABLE);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct error err = mtrr_count(0x500 | counts[i], &count);

        assert_int_equal(err.code, ERR_MTRR);
        assert_int_equal(err.value, counts[i]);
        assert_string_equal(error_words(err.code).name, "MTRR");
    }
}

/*
 * Xen c5c45bcbd6, edf942201d: four sockets of 512 GiB each, the last at 18.7
 * TiB. A page of 1 GiB takes it all, and no table is spent on the holes.
 */
static void sparse_map_of_a_four_socket_machine(void **state)
{
    const struct corpus_machine *from = corpus_find("granite-rapids-4-socket-2tb");
    static const uint64_t bases[] = {0, G(4), UINT64_C(0x63e80000000), UINT64_C(0xc7e80000000),
                                     UINT64_C(0x12be80000000)};
    struct machine *m = corpus_machine(from, 4, 2);
    struct fake_memory fake;
    struct pt_reader reader;
    struct pt_stats stats;
    struct pt_stats found;
    uint64_t root;

    (void)state;
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, COUNT_OF(bases));
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        assert_int_equal(m->entries[i].pa, bases[i]);
    assert_int_equal(memmap_bytes(&m->map, MEM_USABLE), T(2));
    tables_build_plan(&fake, &m->plan, 4, &root, &stats);
    reader = fake_memory_reader(&fake);
    assert_int_equal(pt_audit(root, 4, 52, &reader, &m->plan, &m->mtrr, &found).code, ERR_NONE);
    assert_int_equal(stats.leaves[0], 0);
    assert_int_equal(stats.leaves[1], 0);
    assert_int_equal(stats.leaves[2], 2048);
    /* The root, and for each node one for each 512 GiB that it touches. */
    assert_int_equal(stats.tables, 1 + 2 + 2 + 2 + 2);
    fake_memory_free(&fake);
}

/* seL4 f34dab579: a region that begins exactly where the window ends is no part of it. */
static void region_exactly_at_the_end_of_the_window(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct machine *m = machine_start(52);
        uint64_t size = levels == 5 ? DIRECTMAP_SIZE_5 : DIRECTMAP_SIZE_4;
        uint64_t window = size < UINT64_C(1) << 52 ? size : T(1);
        struct ram_iter iter;
        struct ram_piece piece;

        m->request.directmap_base = levels == 5 ? DIRECTMAP_BASE_5 : DIRECTMAP_BASE_4;
        m->request.directmap_size = window;
        m->request.levels = levels;
        machine_add(m, M(1), M(1), MEM_USABLE);
        machine_add(m, window, M(2), MEM_USABLE);
        machine_settle(m);
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        assert_int_equal(m->plan.count, 1);
        ram_first(&iter, &m->request);
        assert_true(ram_next(&iter, &piece) && piece.fate == RAM_MAPPED);
        assert_true(ram_next(&iter, &piece) && piece.fate == RAM_OVER_WINDOW);
        assert_int_equal(piece.base, window);
        assert_int_equal(piece.end, window + M(2));
        assert_false(ram_next(&iter, &piece));
        /* One that ends there is mapped to its last byte, and one over the end is cut there. */
        for (unsigned over = 0; over < 2; over++) {
            m = machine_start(52);
            m->request.directmap_size = window;
            machine_add(m, window - M(2), M(2) + over * M(2), MEM_USABLE);
            machine_settle(m);
            assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
            assert_int_equal(m->plan.count, 1);
            assert_int_equal(m->entries[0].pa, window - M(2));
            assert_int_equal(m->entries[0].len, M(2));
        }
    }
}

/* seL4 aa329f947: what cannot be addressed is told, not passed over. */
static void memory_that_is_not_addressable_is_told(void **state)
{
    struct machine *m = machine_start(40);
    uint64_t told = 0;
    struct ram_iter iter;
    struct ram_piece piece;

    (void)state;
    assert_int_equal(memmap_add(&m->map, T(1), G(1), MEM_USABLE), MEMMAP_BEYOND);
    assert_int_equal(memmap_add(&m->map, T(1) - G(1), G(2), MEM_USABLE), MEMMAP_CUT);
    assert_string_not_equal(memmap_verdict_text(MEMMAP_BEYOND), memmap_verdict_text(MEMMAP_CUT));
    m->request.directmap_size = T(1) - M(512);
    m->request.ram_limit = T(1) - M(256);
    machine_settle(m);
    ram_first(&iter, &m->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate != RAM_MAPPED)
            told += piece.end - piece.base;
    }
    assert_int_equal(told, M(512)); /* all that is not in the directmap has a line */
}

/* vostd issue 603: a range whose exclusive end is 2^64, which is 0 in 64 bits. */
static void exclusive_end_of_zero(void **state)
{
    const struct mapping last = {UINT64_C(0) - M(4), M(64), M(4),      RIGHT_W,
                                 MEMTYPE_WB,         2,     WHAT_STACK};
    struct machine *m = machine_start(52);
    struct tables t;
    struct pt_reader reader;
    struct pt_stats found;

    (void)state;
    assert_int_equal(memmap_add(&m->map, UINT64_C(0) - G(1), G(1), MEM_RESERVED), MEMMAP_BEYOND);
    assert_int_equal(memmap_add(&m->map, UINT64_C(1) << 51, -(UINT64_C(1) << 51), MEM_MMIO),
                     MEMMAP_CUT);
    machine_add(m, M(1), G(1), MEM_USABLE);
    machine_settle(m);
    assert_true(memmap_is(&m->map, UINT64_C(1) << 51, UINT64_C(1) << 51, MEM_MMIO));
    machine_want(m, last);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->entries[m->plan.count - 1].va, last.va);
    tables_start(&t, 4);
    tables_add(&t, last);
    tables_build(&t);
    reader = fake_memory_reader(&t.fake);
    assert_int_equal(pt_audit(t.root, 4, 46, &reader, &t.plan, &t.mtrr, &found).code, ERR_NONE);
    assert_int_equal(found.leaves[1], 2);
    tables_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mtrrs_blank_or_off_in_a_guest),
        cmocka_unit_test(amd_rdmem_and_wrmem_of_fixed_fields),
        cmocka_unit_test(runtime_region_over_an_mtrr_boundary),
        cmocka_unit_test(more_variable_ranges_than_there_is_room_for),
        cmocka_unit_test(sparse_map_of_a_four_socket_machine),
        cmocka_unit_test(region_exactly_at_the_end_of_the_window),
        cmocka_unit_test(memory_that_is_not_addressable_is_told),
        cmocka_unit_test(exclusive_end_of_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
