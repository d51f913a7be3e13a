/* SPDX-License-Identifier: MIT */
/* What a careless kernel gets wrong on real machines: one test a trap, named after it. */
#include "corpus.h"
#include "efi_map.h"
#include "recorder.h"
#include "tables.h"
#include "test.h"

static struct machine *planned(const char *name)
{
    struct machine *m = corpus_machine(corpus_find(name), 4, 2);

    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    return m;
}

/* Bytes of [base, end) that the plan maps. */
static uint64_t mapped(const struct machine *m, uint64_t base, uint64_t end)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < m->plan.count; i++) {
        uint64_t from = m->entries[i].pa > base ? m->entries[i].pa : base;
        uint64_t to = m->entries[i].pa + m->entries[i].len;

        to = to < end ? to : end;
        bytes += from < to ? to - from : 0;
    }
    return bytes;
}

static void assert_all_mapped(const struct machine *m, uint64_t base, uint64_t end)
{
    assert_int_equal(mapped(m, base, end), end - base);
}

static void assert_none_mapped(const struct machine *m, uint64_t base, uint64_t end)
{
    assert_int_equal(mapped(m, base, end), 0);
}

/* Bytes that the iterator over RAM gives one fate. */
static uint64_t bytes_of_fate(const struct machine *m, enum ram_fate fate)
{
    struct ram_iter iter;
    struct ram_piece piece;
    uint64_t bytes = 0;

    ram_first(&iter, &m->request);
    while (ram_next(&iter, &piece))
        bytes += piece.fate == fate ? piece.end - piece.base : 0;
    return bytes;
}

/* The AMD Elan lists its RAM twice: the kernel of the report hangs on it. It is RAM once. */
static void ram_listed_twice_counts_once(void **state)
{
    struct machine *m = planned("amd-elan-sc520-duplicate-entry");

    (void)state;
    assert_int_equal(memmap_bytes(&m->map, MEM_USABLE), 0x9f400 + M(63));
    assert_int_equal(m->map.count, 3);
    assert_int_equal(mapped(m, 0, UINT64_MAX), 0x9f000 + M(63));
}

/* The main RAM is the last entry, after the ROM below 4 GiB: it is not lost. */
static void main_ram_listed_last_is_not_lost(void **state)
{
    static const struct {
        const char *name;
        uint64_t end; /* of the main RAM, which begins at 1 MiB */
    } unsorted[] = {
        {"pentium2-400-unsorted-128m", M(128)},       {"celeron-433-unsorted-128m", 0x7ff0000},
        {"pc-smp-unsorted-ebda-usable-256m", M(256)}, {"msi-ms-6167-unsorted-256m", 0xfff0000},
        {"pc-smp-unsorted-acpi-384m", 0x17ff0000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unsorted); i++) {
        struct machine *m = planned(unsorted[i].name);
        const struct mem_range *range = memmap_find(&m->map, M(1));

        assert_non_null(range);
        assert_int_equal(range->base, M(1));
        assert_all_mapped(m, M(1), range->end / 4096 * 4096);
        assert_in_range(range->end, unsorted[i].end, unsorted[i].end + M(1));
    }
}

/* RAM above 4 GiB comes before the reserved ranges below it. */
static void ram_above_4g_listed_first(void **state)
{
    struct machine *m = planned("freebsd-smap-unsorted-12g");
    const struct mem_range *range = memmap_find(&m->map, G(4));

    (void)state;
    assert_non_null(range);
    assert_int_equal(range->type, MEM_USABLE);
    assert_all_mapped(m, G(4), range->end);
    for (size_t i = 1; i < m->map.count; i++)
        assert_true(m->map.ranges[i - 1].end <= m->map.ranges[i].base);
}

/* The EBDA is an entry of its own, and usable: two entries make one whole page of RAM. */
static void neighbours_of_one_type_share_a_page(void **state)
{
    struct machine *m = planned("pentium2-400-unsorted-128m");

    (void)state;
    assert_int_equal(m->map.ranges[0].end, 0xa0000);
    assert_all_mapped(m, 0, 0xa0000);
    m = planned("pc-smp-unsorted-ebda-usable-256m");
    assert_int_equal(m->map.ranges[0].end, 0xa0000);
    assert_all_mapped(m, 0, 0xa0000);
}

/* Below 640 KiB the RAM ends inside a page; what shares the page is not ours to map. */
static void page_shared_with_the_ebda_is_left_out(void **state)
{
    struct machine *m = planned("asus-rs100-e5-pi2-p5bv-m-rs100-e5");

    (void)state;
    assert_all_mapped(m, 0, 0x9f000);
    assert_none_mapped(m, 0x9f000, M(1));
    assert_int_equal(bytes_of_fate(m, RAM_PARTIAL_PAGE), 0xc00);
}

/* The last entry is of length 0 and type 0: it is nothing, and not the end of the map. */
static void entry_without_length_is_nothing(void **state)
{
    const struct corpus_machine *from = corpus_find("pentium-200-type0-zero-entry-48m");
    struct machine *m = planned("pentium-200-type0-zero-entry-48m");

    (void)state;
    assert_int_equal(from->e820[from->ne820 - 1].len, 0);
    assert_int_equal(m->map.nkeys, 2 * (from->ne820 - 1));
    assert_int_equal(m->map.ranges[0].base, 0);
    assert_int_equal(m->map.ranges[0].type, MEM_USABLE);
    assert_all_mapped(m, M(1), M(48));
}

/* ACPI data and NVS meet inside a page at the top of RAM; neither is mapped. */
static void boundary_inside_a_page_above_1m(void **state)
{
    struct machine *m = planned("dell-inspiron-5000e-320m");

    (void)state;
    assert_all_mapped(m, M(1), 0x13ff0000);
    assert_none_mapped(m, 0x13ff0000, UINT64_MAX);
    assert_true(memmap_is(&m->map, 0x13fffc00, 0x400, MEM_ACPI_NVS));
    assert_true(memmap_is(&m->map, 0x13ff0000, 0xfc00, MEM_ACPI_DATA));
}

/* Nothing describes 0x9fc00 to 1 MiB, and reserved ranges come last: a hole is not RAM. */
static void undescribed_hole_is_not_ram(void **state)
{
    struct machine *m = planned("pc-smp-256m-hole-and-unsorted");

    (void)state;
    assert_none_mapped(m, 0x9f000, M(1));
    assert_null(memmap_find(&m->map, 0xa0000));
}

/* A kernel started by kexec is told RAM from 0x100 or 0x400 on: page 0 stays unmapped. */
static void ram_that_begins_inside_page_0(void **state)
{
    static const char *const names[] = {"dell-poweredge-r7625-0m7yxp", "dell-poweredge-t440-021kcd",
                                        "unnamed-linux-5-17-0-rc2-00053-gdae7bf275f27",
                                        "null-null-bios-05-02-01-05-12-2023"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct machine *m = planned(names[i]);

        assert_none_mapped(m, 0, 4096);
        assert_all_mapped(m, 4096, 0x8000);
    }
}

/* 2 MiB or less are reserved at the end of each node: no 1 GiB page may lie over them. */
static void gigabyte_page_keeps_off_the_ends_of_nodes(void **state)
{
    struct machine *m = planned("amd-8-way-768g-reserved-to-7tb");

    (void)state;
    for (uint64_t end = UINT64_C(0x1880000000); end <= UINT64_C(0x9080000000);
         end += UINT64_C(0x1800000000)) {
        assert_none_mapped(m, end - M(1), end);
        assert_all_mapped(m, end - G(1), end - M(18));
        assert_int_equal(ref_planned(&m->plan, m->request.directmap_base + end - M(20)).level, 1);
        assert_int_equal(ref_planned(&m->plan, m->request.directmap_base + end - G(2)).level, 2);
    }
    m = planned("dell-poweredge-r7425-08v001");
    assert_none_mapped(m, UINT64_C(0x207f380000), UINT64_C(0x2080000000));
    assert_all_mapped(m, UINT64_C(0x2080000000), UINT64_C(0x407ff80000));
}

/* 4 GiB of each node's end are not to be touched: identity maps with 1 GiB pages did, and hung. */
static void uv_node_ends_stay_unmapped(void **state)
{
    struct machine *m = planned("hpe-uv-4tb-16node");

    (void)state;
    for (uint64_t node = 1; node <= 16; node++) {
        uint64_t end = node * UINT64_C(0x4000000000);

        assert_none_mapped(m, end - G(2), end + G(2));
        assert_int_equal(ref_planned(&m->plan, m->request.directmap_base + end - G(3)).level, 2);
    }
    assert_none_mapped(m, UINT64_C(0x40000000000), UINT64_MAX);
}

/* Reserved ranges 10 to 60 TiB above the RAM cost neither tables nor mappings. */
static void non_ram_far_above_ram_costs_nothing(void **state)
{
    static const char *const names[] = {"amd-purico", "amd-8-way-768g-reserved-to-7tb",
                                        "unnamed-linux-5-17-0-rc2-00053-gdae7bf275f27",
                                        "xen-qemu-q35-2g-ht-hole", "asrock-b650i-lightning-wifi"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct machine *m = planned(names[i]);
        size_t tables = pt_count(&m->plan, 4);
        size_t last = m->map.count - 1;
        uint64_t top;

        assert_int_not_equal(m->map.ranges[last].type, MEM_USABLE);
        while (m->map.ranges[last].type != MEM_USABLE)
            last--;
        top = m->map.ranges[last].end;
        assert_none_mapped(m, top, UINT64_MAX);
        /* Root, one per 512 GiB of RAM, and few where RAM is in pieces. */
        assert_in_range(tables, 1, 1 + top / G(512) + 1 + 3 * m->plan.count);
        m->request.ram_limit = top;
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        assert_int_equal(pt_count(&m->plan, 4), tables);
    }
}

/* The HyperTransport hole below 1 TiB lies between RAM on both sides: not one page of it. */
static void hypertransport_hole_stays_unmapped(void **state)
{
    struct machine *m = planned("amd-purico");

    (void)state;
    assert_none_mapped(m, UINT64_C(0xfc50000000), T(1));
    assert_all_mapped(m, UINT64_C(0xfc40000000), UINT64_C(0xfc50000000));
    assert_all_mapped(m, T(1), UINT64_C(0x18277e00000));
    m = planned("dell-poweredge-r7425-08v001");
    assert_none_mapped(m, UINT64_C(0xfd00000000), UINT64_C(0xfe00000000));
    assert_all_mapped(m, UINT64_C(0xfe00000000), T(1));
}

/* UC over WB: the flash below 4 GiB, carved out of the range that makes RAM write-back. */
static void uncachable_range_wins_over_write_back(void **state)
{
    struct machine *m = planned("asus-rs100-e5-pi2-p5bv-m-rs100-e5");
    struct memtype_span span = memtype_span(&m->mtrr, M(1), G(64));

    (void)state;
    assert_int_equal(span.type, MEMTYPE_WB);
    assert_int_equal(span.end, UINT64_C(0xe0000000));
    span = memtype_span(&m->mtrr, span.end, G(64));
    assert_int_equal(span.type, MEMTYPE_UC);
    assert_int_equal(span.end, G(4));
    span = memtype_span(&m->mtrr, G(4), G(64));
    assert_int_equal(span.type, MEMTYPE_WB);
    assert_int_equal(span.end, UINT64_C(0x220000000));
    assert_int_equal(bytes_of_fate(m, RAM_NOT_WB), 0);
}

/* UC over WP: the flash of a server. WP does not win, and the last byte is UC as well. */
static void uncachable_range_wins_over_write_protect(void **state)
{
    static const char *const names[] = {"dell-poweredge-r730-0h21j3", "dell-poweredge-r930-0y0v4f"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct machine *m = planned(names[i]);

        assert_true(memtype_is(&m->mtrr, 0xff000000, M(16), MEMTYPE_UC));
        assert_true(memtype_is(&m->mtrr, G(2), G(2), MEMTYPE_UC));
    }
}

/* All overlaps of differing ranges that real firmware programs: as the oracle has them. */
static void overlapping_mtrrs_are_as_the_manual_says(void **state)
{
    size_t overlaps = 0;
    size_t count;
    const struct corpus_machine *all = corpus_all(&count);

    (void)state;
    for (size_t n = 0; n < count; n++) {
        const struct mtrr_state *mtrr = &all[n].mtrr;

        for (unsigned i = 0; i < mtrr->variable; i++) {
            for (unsigned k = 0; k < mtrr->variable; k++) {
                uint64_t both = mtrr->var[i].mask & mtrr->var[k].mask & ~UINT64_C(0xfff);
                uint64_t at = mtrr->var[i].base & mtrr->var[i].mask & ~UINT64_C(0xfff);

                if (((mtrr->var[i].base ^ mtrr->var[k].base) & both) != 0 || !mtrr->present)
                    continue;
                overlaps += (mtrr->var[i].base & 0xff) != (mtrr->var[k].base & 0xff);
                struct memtype_span span = memtype_span(mtrr, at, UINT64_C(1) << mtrr->phys_bits);
                assert_int_equal(span.type, ref_mtrr_type(mtrr, at));
                assert_int_equal(span.type, ref_mtrr_type(mtrr, span.end - 4096));
                if (span.end >> mtrr->phys_bits == 0)
                    assert_int_not_equal(span.type, ref_mtrr_type(mtrr, span.end));
            }
        }
    }
    print_message("%zu ordered pairs overlap with different types\n", overlaps);
    assert_true(overlaps > 0 || getenv("FOOTING_CORPUS") != NULL);
}

/* Hyper-V: a base that is no multiple of its size. The CPU compares base & mask: 0 to 64 GiB. */
static void base_that_is_no_multiple_of_its_size(void **state)
{
    static const char *const names[] = {"microsoft-virtual-machine", "microsoft-virtual-machine-2"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct machine *m = planned(names[i]);

        assert_true(memtype_is(&m->mtrr, M(1), G(64) - M(1), MEMTYPE_WB));
        assert_true(memtype_is(&m->mtrr, G(64), G(64), MEMTYPE_UC));
        assert_int_equal(bytes_of_fate(m, RAM_NOT_WB), 0);
    }
}

/*
 * AMD firmware leaves RAM above 4 GiB to SYSCFG.Tom2ForceMemTypeWB. By the
 * MTRRs alone, none of it is write-back: left out, and told with its size.
 * With TOP_MEM2, all of it is mapped.
 */
static void ram_above_4g_beyond_the_write_back_mtrrs(void **state)
{
    static const struct {
        const char *name;
        uint64_t base; /* of the RAM above 4 GiB that the MTRRs leave out */
        uint64_t end;
    } amd[] = {
        {"asus-prime-a320m-k", G(4), UINT64_C(0x11f340000)},
        {"system76-thelio", G(4), UINT64_C(0x81f380000)},
        {"dell-optiplex-5055-ryzen-cpu-0p03dx", G(4), UINT64_C(0x81f000000)},
        {"msi-ms-7721-fm2-a75ma-e35-ms-7721", G(4) + K(4), UINT64_C(0x10f000000)},
        {"tuxedo-tuxedo-pulse-14-gen1-pulse1401", G(4), UINT64_C(0x80f340000)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(amd); i++) {
        struct machine *m = planned(amd[i].name);

        assert_none_mapped(m, G(4), UINT64_MAX);
        assert_int_equal(bytes_of_fate(m, RAM_NOT_WB), amd[i].end - amd[i].base);
        m->mtrr.wb_top = (amd[i].end + M(8) - 1) / M(8) * M(8);
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        assert_all_mapped(m, amd[i].base, amd[i].end);
        assert_int_equal(bytes_of_fate(m, RAM_NOT_WB), 0);
    }
}

/* Firmware that takes the width for 36 bits on a CPU with 40: the ranges repeat above 64 GiB. */
static void masks_short_of_the_width_repeat(void **state)
{
    const struct corpus_machine *from = corpus_find("asus-rs100-e5-pi2-p5bv-m-rs100-e5");
    struct machine *m = corpus_bare(from, 40);

    (void)state;
    assert_int_equal(from->width, 36);
    machine_add(m, M(1), G(3), MEM_USABLE);
    machine_add(m, G(68), G(1), MEM_USABLE);
    machine_settle(m);
    for (uint64_t above = 0; above < T(1); above += G(64)) {
        for (uint64_t pa = 0; pa < G(10); pa += M(256))
            assert_int_equal(memtype_span(&m->mtrr, above + pa + M(1), T(1)).type,
                             ref_mtrr_type(&m->mtrr, above + pa + M(1)));
        assert_true(memtype_is(&m->mtrr, above + G(4), G(4), MEMTYPE_WB));
    }
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_all_mapped(m, G(68), G(69));
}

/* The map covers what the hypervisor loaded, 39 MiB from 16 MiB on; all else is no RAM. */
static void map_of_the_loaded_part_only(void **state)
{
    struct machine *m = planned("cloud-hypervisor-snp-igvm");

    (void)state;
    assert_all_mapped(m, M(16), 0x3688000);
    assert_none_mapped(m, 0xa0000, M(16));
    assert_none_mapped(m, 0x3688000, UINT64_MAX);
}

/* RAM of one page between other things is mapped as one page. */
static void ram_of_a_single_page(void **state)
{
    size_t count;
    size_t single = 0;
    const struct corpus_machine *all = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct machine *m = corpus_machine(&all[i], 4, 2);

        m->mtrr.present = false;
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
        for (size_t k = 0; k < m->map.count; k++) {
            const struct mem_range *range = &m->map.ranges[k];

            if (range->type != MEM_USABLE || range->end - range->base != 4096 ||
                range->base % 4096 != 0)
                continue;
            assert_all_mapped(m, range->base, range->end);
            assert_int_equal(ref_planned(&m->plan, m->request.directmap_base + range->base).level,
                             0);
            single++;
        }
    }
    assert_true(single > 0 || getenv("FOOTING_CORPUS") != NULL);
}

static struct error to_map(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw)
{
    (void)raw;
    memmap_add(ctx, base, len, type);
    return SUCCESS;
}

/* After all descriptors: whatever the firmware may make write-back and gives up is RAM, no other. */
static void check_efi_map(const struct corpus_machine *from)
{
    static uint64_t keys[2 * CORPUS_MAX_EFI];
    static struct mem_range ranges[2 * CORPUS_MAX_EFI - 1];
    struct memmap map;
    const struct range_sink sink = {&map, to_map};
    uint8_t descriptor[48];

    memmap_init(&map, keys, ranges, CORPUS_MAX_EFI, 52);
    for (size_t k = 0; k < from->nefi; k++) {
        put_descriptor(descriptor, sizeof(descriptor), from->efi[k].type, from->efi[k].base,
                       from->efi[k].len / 4096, from->efi[k].attribute);
        assert_int_equal(
            efi_map_ranges(descriptor, sizeof(descriptor), sizeof(descriptor), 1, &sink).code,
            ERR_NONE);
    }
    memmap_normalise(&map);
    for (size_t k = 0; k < from->nefi; k++) {
        uint32_t type = from->efi[k].type;
        bool given_up = (type >= 1 && type <= 4) || type == 7;

        if (from->efi[k].len > 0)
            assert_int_equal(memmap_is(&map, from->efi[k].base, from->efi[k].len, MEM_USABLE),
                             given_up && (from->efi[k].attribute & 8) != 0);
    }
}

/* EFI maps: unsorted, with descriptors of no pages, up to 163 of them. */
static void efi_maps_unsorted_and_with_empty_descriptors(void **state)
{
    size_t count;
    const struct corpus_machine *all = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        check_efi_map(&all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ram_listed_twice_counts_once),
        cmocka_unit_test(main_ram_listed_last_is_not_lost),
        cmocka_unit_test(ram_above_4g_listed_first),
        cmocka_unit_test(neighbours_of_one_type_share_a_page),
        cmocka_unit_test(page_shared_with_the_ebda_is_left_out),
        cmocka_unit_test(entry_without_length_is_nothing),
        cmocka_unit_test(boundary_inside_a_page_above_1m),
        cmocka_unit_test(undescribed_hole_is_not_ram),
        cmocka_unit_test(ram_that_begins_inside_page_0),
        cmocka_unit_test(gigabyte_page_keeps_off_the_ends_of_nodes),
        cmocka_unit_test(uv_node_ends_stay_unmapped),
        cmocka_unit_test(non_ram_far_above_ram_costs_nothing),
        cmocka_unit_test(hypertransport_hole_stays_unmapped),
        cmocka_unit_test(uncachable_range_wins_over_write_back),
        cmocka_unit_test(uncachable_range_wins_over_write_protect),
        cmocka_unit_test(overlapping_mtrrs_are_as_the_manual_says),
        cmocka_unit_test(base_that_is_no_multiple_of_its_size),
        cmocka_unit_test(ram_above_4g_beyond_the_write_back_mtrrs),
        cmocka_unit_test(masks_short_of_the_width_repeat),
        cmocka_unit_test(map_of_the_loaded_part_only),
        cmocka_unit_test(ram_of_a_single_page),
        cmocka_unit_test(efi_maps_unsorted_and_with_empty_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
