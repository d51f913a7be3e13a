/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: identity map and directmap, memory types, the CPU. */
#include "cpustate.h"
#include "layout.h"
#include "machine.h"
#include "random.h"
#include "tables.h"
#include "test.h"
#include "walk.h"
#include "x86.h"

#define HT_HOLE     UINT64_C(0xfd00000000)
#define HT_HOLE_END UINT64_C(0x10000000000)

/* Plan and tables of a machine, read back as the CPU would. */
struct live {
    struct fake_memory fake;
    struct ref_reader reader;
    uint64_t root;
    struct pt_stats stats;
};

static void make(struct machine *m)
{
    machine_settle(m);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
}

static void bring_up(struct live *live, struct machine *m)
{
    make(m);
    tables_build_plan(&live->fake, &m->plan, m->request.levels, &live->root, &live->stats);
    live->reader = fake_memory_ref(&live->fake);
}

static struct ref_hit direct(const struct live *live, const struct machine *m, uint64_t pa)
{
    return ref_translate(&live->reader, live->root, m->request.levels,
                         m->request.directmap_base + pa);
}

static struct mapping want(uint64_t offset, uint64_t pa, uint64_t len, unsigned rights,
                           enum memtype type)
{
    return (struct mapping){.va = IMAGE_VA + offset,
                            .pa = pa,
                            .len = len,
                            .rights = (uint8_t)rights,
                            .type = (uint8_t)type,
                            .max_level = 1,
                            .what = WHAT_IMAGE_TEXT};
}

/* Every leaf, all of its bytes: in RAM, and of one memory type. */
struct allowed {
    const struct machine *machine;
    size_t leaves;
};

static bool leaf_is_allowed(void *ctx, const struct pt_leaf *leaf)
{
    struct allowed *allowed = ctx;
    struct ref_map map = machine_ref(allowed->machine);

    assert_true(ref_is(&map, leaf->pa, leaf->len, MEM_USABLE));
    for (uint64_t at = 0; at < leaf->len; at += 4096)
        assert_int_equal(ref_mtrr_type(&allowed->machine->mtrr, leaf->pa + at), MEMTYPE_WB);
    allowed->leaves++;
    return true;
}

static void check_leaves(struct live *live, const struct machine *m)
{
    struct allowed allowed = {m, 0};
    const struct pt_visitor visitor = {.ctx = &allowed, .leaf = leaf_is_allowed};
    struct pt_reader reader = fake_memory_reader(&live->fake);

    assert_true(pt_walk(live->root, m->request.levels, m->request.phys_bits, &reader, &visitor));
    assert_int_equal(allowed.leaves,
                     live->stats.leaves[0] + live->stats.leaves[1] + live->stats.leaves[2]);
}

/* "A 4 KiB request maps a gigabyte": RAM of one page among reserved ones maps one page. */
static void one_page_does_not_map_a_gigabyte(void **state)
{
    struct machine *m = machine_start(40);
    struct live live;

    (void)state;
    machine_add(m, G(4), G(4), MEM_RESERVED);
    machine_add(m, 0, G(1) + M(2) + 4096, MEM_USABLE);
    bring_up(&live, m);
    check_leaves(&live, m);
    assert_int_equal(live.stats.leaves[2], 1);
    assert_int_equal(live.stats.leaves[1], 1);
    assert_int_equal(live.stats.leaves[0], 1);
    assert_true(direct(&live, m, G(1) + M(2)).present);
    assert_false(direct(&live, m, G(1) + M(2) + 4096).present);
    assert_false(direct(&live, m, G(4)).present);
    fake_memory_free(&live.fake);
}

/* "Every mapped byte lies in an allowed range", whatever the map and the largest page. */
static void every_mapped_byte_lies_in_an_allowed_range(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 40; round++) {
        struct machine *m = machine_random(&rng);
        struct live live;

        if (plan_make(&m->plan, &m->request).code == ERR_NORAM)
            continue;
        tables_build_plan(&live.fake, &m->plan, 4, &live.root, &live.stats);
        check_leaves(&live, m);
        fake_memory_free(&live.fake);
    }
}

/* "High holes must stay unmapped": a 1 TiB guest with AMD's HyperTransport hole. */
static void hypertransport_hole_of_a_1t_guest(void **state)
{
    struct machine *m = machine_start(41);
    struct live live;

    (void)state;
    machine_add(m, 0, HT_HOLE, MEM_USABLE);
    machine_add(m, HT_HOLE, HT_HOLE_END - HT_HOLE, MEM_RESERVED);
    machine_add(m, HT_HOLE_END, G(16), MEM_USABLE);
    bring_up(&live, m);
    assert_true(direct(&live, m, HT_HOLE - 1).present);
    for (uint64_t pa = HT_HOLE; pa < HT_HOLE_END; pa += M(64))
        assert_false(direct(&live, m, pa).present);
    assert_false(direct(&live, m, HT_HOLE_END - 1).present);
    assert_int_equal(direct(&live, m, HT_HOLE_END).pa, HT_HOLE_END);
    assert_int_equal(live.stats.tables, 1 + 3);
    fake_memory_free(&live.fake);
}

/* "One huge reserved entry near 1 TiB made the mapper take forever": it costs no table. */
static void huge_reserved_entry_costs_no_table(void **state)
{
    struct machine *m = machine_start(52);
    size_t tables;

    (void)state;
    machine_add(m, 0, G(2), MEM_USABLE);
    make(m);
    tables = pt_count(&m->plan, 4);
    assert_int_equal(tables, 2);
    m = machine_start(52);
    machine_add(m, 0, G(2), MEM_USABLE);
    machine_add(m, HT_HOLE, HT_HOLE_END - HT_HOLE, MEM_RESERVED);
    machine_add(m, T(64), T(1024), MEM_RESERVED);
    make(m);
    assert_int_equal(pt_count(&m->plan, 4), tables);
    assert_int_equal(m->plan.count, 1);
}

/* "More RAM than the directmap's window": 16 and 64 TiB fit, 123 fill it, the rest is told. */
static void more_ram_than_the_window(void **state)
{
    static const uint64_t sizes[] = {T(16), T(64), T(123), T(124), T(4096)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t held = sizes[i] < T(123) ? sizes[i] : T(123);
        struct machine *m = machine_start(52);
        struct ram_iter iter;
        struct ram_piece piece;
        uint64_t over = 0;

        machine_add(m, 0, sizes[i], MEM_USABLE);
        make(m);
        assert_int_equal(m->plan.count, 1);
        assert_int_equal(m->entries[0].len, held);
        assert_int_equal(pt_count(&m->plan, 4), 1 + held / G(512));
        ram_first(&iter, &m->request);
        while (ram_next(&iter, &piece))
            over += piece.fate == RAM_OVER_WINDOW ? piece.end - piece.base : 0;
        assert_int_equal(over, sizes[i] - held);
        m->request.levels = 5;
        m->request.directmap_base = DIRECTMAP_BASE_5;
        m->request.directmap_size = DIRECTMAP_SIZE_5;
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        assert_int_equal(m->entries[0].len, sizes[i]);
    }
}

/* "MAXPHYADDR off by one": tops of 2^n - 1, 2^n and 2^n + 1, on every width. */
static void maxphyaddr_off_by_one(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 52; bits++) {
        uint64_t width = UINT64_C(1) << bits;

        for (uint64_t over = 0; over < 3; over++) {
            struct machine *m = machine_start(bits);
            uint64_t kept = width - (over == 0 ? 1 : 0);

            assert_int_equal(memmap_add(&m->map, M(1), width + over - 1 - M(1), MEM_USABLE),
                             over == 2 ? MEMMAP_CUT : MEMMAP_KEPT);
            assert_int_equal(memmap_add(&m->map, width, 1, MEM_RESERVED), MEMMAP_BEYOND);
            m->request.levels = 5;
            m->request.directmap_base = DIRECTMAP_BASE_5;
            m->request.directmap_size = DIRECTMAP_SIZE_5;
            make(m);
            assert_int_equal(m->entries[0].len, kept / 4096 * 4096 - M(1));
            assert_int_equal(memmap_bytes(&m->map, MEM_USABLE), kept - M(1));
        }
    }
}

/* "CPUID width that lies": absent is 36, and no answer leads out of 32 to 52. */
static void cpuid_width_that_lies(void **state)
{
    (void)state;
    for (unsigned answer = 0; answer < 256; answer++) {
        struct cpuid_words words = {.ext8_eax = 0x3000 | answer};
        unsigned expected = answer == 0 ? 36 : answer < 32 ? 32 : answer > 52 ? 52 : answer;

        assert_int_equal(cpu_caps_from(&words).phys_bits, expected);
    }
}

/* "Superpage across fixed or variable MTRRs": an edge anywhere in a large page breaks it up. */
static void superpage_across_mtrrs(void **state)
{
    static const uint64_t edges[] = {0x1000, 0x1ff000, M(2), M(512), G(1) - 0x1000, G(1)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        struct machine *m = machine_start(40);
        struct live live;

        machine_add(m, 0, G(4), MEM_USABLE);
        machine_mtrr(m, G(1) + edges[i], 0x1000, MEMTYPE_UC);
        m->mtrr.def_type |= 0x400;
        memset(m->mtrr.fixed, MEMTYPE_WB, sizeof(m->mtrr.fixed));
        m->mtrr.fixed[2] = 0; /* 0xa0000 to 0xbffff is UC */
        bring_up(&live, m);
        check_leaves(&live, m);
        assert_false(direct(&live, m, G(1) + edges[i]).present);
        assert_true(direct(&live, m, G(1) + edges[i] - 1).present);
        assert_true(direct(&live, m, G(1) + edges[i] + 0x1000).present);
        assert_int_equal(direct(&live, m, M(1)).level, 0);
        assert_int_equal(direct(&live, m, G(3)).level, 2);
        fake_memory_free(&live.fake);
    }
}

/* "MTRR arithmetic": the SDM's example of a 96 MiB machine, section 12.11.3, edge by edge. */
static void mtrr_example_of_the_sdm(void **state)
{
    static const uint64_t pairs[6][2] = {
        {0x0000006, 0xffc000800}, {0x4000006, 0xffe000800}, {0x6000006, 0xfffc00800},
        {0x4000000, 0xfffc00800}, {0x0f00000, 0xffff00800}, {0xa0000001, 0xfff800800},
    };
    static const struct {
        uint64_t end;
        enum memtype type;
    } expected[] = {
        {M(15), MEMTYPE_WB},      {M(16), MEMTYPE_UC},  {M(64), MEMTYPE_WB},
        {M(68), MEMTYPE_UC},      {M(100), MEMTYPE_WB}, {0xa0000000, MEMTYPE_UC},
        {0xa0800000, MEMTYPE_WC}, {G(64), MEMTYPE_UC},
    };
    struct mtrr_state mtrr = {.present = true, .phys_bits = 36, .def_type = 0x800, .variable = 6};
    uint64_t at = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        mtrr.var[i].base = pairs[i][0];
        mtrr.var[i].mask = pairs[i][1];
    }
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        struct memtype_span span = memtype_span(&mtrr, at, G(64));

        assert_int_equal(span.type, expected[i].type);
        assert_int_equal(span.end, expected[i].end);
        at = span.end;
    }
}

/* "SMRR taken for a variable MTRR": a pair past the count that MTRRCAP gives has no effect. */
static void smrr_is_no_variable_mtrr(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_mtrr(m, M(8), M(8), MEMTYPE_UC);
    m->mtrr.variable = 0;
    assert_true(memtype_is(&m->mtrr, 0, G(1), MEMTYPE_WB));
}

/* "PAT bit wrong on 4 KiB pages": bit 7 there, bit 12 in larger ones, where bit 7 is the size. */
static void pat_bit_of_each_level(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        bool upper = types[i] == MEMTYPE_WC || types[i] == MEMTYPE_WP;

        for (unsigned level = 0; level < 3; level++) {
            uint64_t pte = pte_attributes(RIGHT_W, types[i], level);

            assert_int_equal((pte >> 7) & 1, level > 0 || upper);
            assert_int_equal((pte >> 12) & 1, level > 0 && upper);
        }
    }
}

/* "PAT absent": it is left alone, and write-back needs no bit of it. */
static void pat_absent(void **state)
{
    struct cpuid_words words = {.leaf1_edx = 0};
    struct cpu_caps caps = cpu_caps_from(&words);

    (void)state;
    assert_false(caps.pat);
    assert_int_equal(cpu_state_for(&caps, 0x1000, 4).pat, 0);
    words.leaf1_edx = CPUID_1_EDX_PAT;
    caps = cpu_caps_from(&words);
    assert_int_equal(cpu_state_for(&caps, 0x1000, 4).pat, PAT_VALUE);
    assert_int_equal(pte_attributes(RIGHT_W, MEMTYPE_WB, 0) & 0x98, 0);
    assert_int_equal(pte_attributes(RIGHT_W, MEMTYPE_UC, 0) & 0x98, 0x18);
}

/* "Two mappings of one frame with different memory types": refused, at either end of the other. */
static void two_types_of_one_frame(void **state)
{
    static const uint64_t at[] = {M(1), M(2), M(8) - 4096};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct machine *m = machine_start(40);

        machine_add(m, M(1), M(7), MEM_USABLE);
        machine_want(m, want(0, at[i], 4096, RIGHT_W, MEMTYPE_UC));
        machine_settle(m);
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_TYPE);
        assert_int_equal(m->plan.count, 0);
    }
}

/* "W^X through the alias": no frame is writable by one mapping and executable by another. */
static void text_is_not_writable_through_the_directmap(void **state)
{
    static const uint64_t at[] = {M(1), M(2), M(2) + 4096, M(4) - K(64)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct machine *m = machine_start(40);
        struct live live;

        machine_add(m, M(1), M(7), MEM_USABLE);
        machine_want(m, want(0, at[i], K(64), RIGHT_X, MEMTYPE_WB));
        bring_up(&live, m);
        for (uint64_t pa = M(1); pa < M(8); pa += 4096) {
            bool text = pa >= at[i] && pa < at[i] + K(64);

            assert_int_equal(direct(&live, m, pa).rights, text ? 0 : RIGHT_W);
        }
        assert_int_equal(ref_translate(&live.reader, live.root, 4, IMAGE_VA).rights, RIGHT_X);
        assert_true(ref_frames_agree(&m->plan));
        fake_memory_free(&live.fake);
    }
}

/* "VA 0 mapped; low map left over": nothing of the low half is present. */
static void va_0_and_all_low_addresses_unmapped(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        struct machine *m = machine_start(40);
        struct live live;

        m->request.levels = levels;
        if (levels == 5) {
            m->request.directmap_base = DIRECTMAP_BASE_5;
            m->request.directmap_size = DIRECTMAP_SIZE_5;
        }
        machine_add(m, 0, G(6), MEM_USABLE);
        machine_want(m, want(0, M(1), K(64), RIGHT_X, MEMTYPE_WB));
        bring_up(&live, m);
        for (unsigned slot = 0; slot < 256; slot++)
            assert_int_equal(fake_memory_slots(&live.fake, live.root)[slot], 0);
        assert_false(ref_translate(&live.reader, live.root, levels, 0).present);
        assert_true(direct(&live, m, 0).present);
        fake_memory_free(&live.fake);
    }
}

/* "Image straddling map entries": text over two entries and the hole between is carved from both. */
static void image_straddling_map_entries(void **state)
{
    struct machine *m = machine_start(40);
    struct live live;

    (void)state;
    machine_add(m, M(1), K(32), MEM_USABLE);
    machine_add(m, M(1) + K(32), K(4), MEM_ACPI_DATA);
    machine_add(m, M(1) + K(36), M(3), MEM_USABLE);
    machine_want(m, want(0, M(1) + K(16), K(40), RIGHT_X, MEMTYPE_WB));
    bring_up(&live, m);
    assert_int_equal(direct(&live, m, M(1) + K(12)).rights, RIGHT_W);
    assert_int_equal(direct(&live, m, M(1) + K(28)).rights, 0);
    assert_false(direct(&live, m, M(1) + K(32)).present);
    assert_int_equal(direct(&live, m, M(1) + K(52)).rights, 0);
    assert_int_equal(direct(&live, m, M(1) + K(56)).rights, RIGHT_W);
    fake_memory_free(&live.fake);
}

/* "Image loaded above 4 GiB": frames above it are as good as any. */
static void image_above_4g(void **state)
{
    struct machine *m = machine_start(40);
    struct live live;

    (void)state;
    machine_add(m, 0, G(8), MEM_USABLE);
    machine_want(m, want(0, G(5) + M(3), K(64), RIGHT_X, MEMTYPE_WB));
    machine_want(m, want(K(64), G(5) + M(3) + K(64), K(64), RIGHT_W, MEMTYPE_WB));
    bring_up(&live, m);
    assert_int_equal(ref_translate(&live.reader, live.root, 4, IMAGE_VA + 5).pa, G(5) + M(3) + 5);
    assert_int_equal(direct(&live, m, G(5) + M(3)).rights, 0);
    assert_int_equal(direct(&live, m, G(5) + M(3) + K(64)).rights, RIGHT_W);
    fake_memory_free(&live.fake);
}

/* "CPU state": PGE, NX and LA57 only where they are, PCID (bit 17) never, on every CPU. */
static void cpu_model_matrix(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 8; set++) {
        struct cpu_caps caps = {.phys_bits = 40, .pge = set & 1, .nx = set & 2, .la57 = set & 4};

        for (unsigned levels = 4; levels <= (caps.la57 ? 5u : 4u); levels++) {
            struct cpu_state cpu = cpu_state_for(&caps, 0x1000, levels);

            assert_int_equal((cpu.cr4 >> 7) & 1, caps.pge);
            assert_int_equal((cpu.cr4 >> 12) & 1, levels == 5);
            assert_int_equal((cpu.cr4 >> 17) & 1, 0);
            assert_int_equal((cpu.efer >> 11) & 1, caps.nx);
            assert_int_equal((cpu.cr0 >> 16) & 1, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page_does_not_map_a_gigabyte),
        cmocka_unit_test(every_mapped_byte_lies_in_an_allowed_range),
        cmocka_unit_test(hypertransport_hole_of_a_1t_guest),
        cmocka_unit_test(huge_reserved_entry_costs_no_table),
        cmocka_unit_test(more_ram_than_the_window),
        cmocka_unit_test(maxphyaddr_off_by_one),
        cmocka_unit_test(cpuid_width_that_lies),
        cmocka_unit_test(superpage_across_mtrrs),
        cmocka_unit_test(mtrr_example_of_the_sdm),
        cmocka_unit_test(smrr_is_no_variable_mtrr),
        cmocka_unit_test(pat_bit_of_each_level),
        cmocka_unit_test(pat_absent),
        cmocka_unit_test(two_types_of_one_frame),
        cmocka_unit_test(text_is_not_writable_through_the_directmap),
        cmocka_unit_test(va_0_and_all_low_addresses_unmapped),
        cmocka_unit_test(image_straddling_map_entries),
        cmocka_unit_test(image_above_4g),
        cmocka_unit_test(cpu_model_matrix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
