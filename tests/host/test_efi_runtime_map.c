/* SPDX-License-Identifier: MIT */
/* What rights and which memory type the regions of the runtime services are mapped with. */
#include "runtime_firmware.h"

#include "test.h"

static struct firmware *fw;

static void start(void)
{
    fw = firmware_start();
}

/* No mappings, because of something in [base, base + pages). */
static void refused(uint64_t base, uint64_t pages)
{
    firmware_run();
    assert_non_null(fw->runtime.why);
    assert_true(strlen(fw->runtime.why) > 0);
    assert_int_equal(fw->runtime.count, 0);
    assert_true(fw->runtime.at >= base && fw->runtime.at - base < pages * PAGE);
}

/* All regions are mapped, by so many entries. */
static void mapped(size_t count)
{
    firmware_run();
    firmware_expect();
    assert_int_equal(fw->runtime.count, count);
}

/* By the table, RO takes the right to write and XP that to execute, for code and data alike. */
static void table_gives_code_and_data_their_rights(void **state)
{
    static const uint64_t bits[] = {0, RO, XP, RO | XP};
    static const unsigned rights[] = {RIGHT_W | RIGHT_X, RIGHT_X, RIGHT_W, 0};

    (void)state;
    for (uint32_t type = CODE; type <= DATA; type++) {
        for (uint32_t said = CODE; said <= DATA; said++) {
            for (size_t i = 0; i < COUNT_OF(bits); i++) {
                start();
                firmware_region(DATA, M(3), 2, WB);
                firmware_entry(DATA, M(3), 2, VARIABLES);
                firmware_region(type, M(4), 3, WB);
                firmware_entry(said, M(4), 3, bits[i] | RUNTIME | UC | WB | WP);
                if (bits[i] == 0) {
                    refused(M(4), 3);
                    continue;
                }
                mapped(2);
                assert_int_equal(fw->runtime.mappings[1].rights, rights[i]);
            }
        }
    }
}

/* Without a table data is writable data, and code is nothing. */
static void without_table_code_cannot_be_mapped(void **state)
{
    (void)state;
    start();
    fw->table = false;
    firmware_region(DATA, M(4), 3, WB);
    firmware_region(MMIO, M(6), 3, UC);
    mapped(2);
    firmware_region(CODE, M(5), 3, WB | RO);
    refused(M(5), 3);
}

/* The attributes of the map say what protection is possible; they grant and take no rights. */
static void rights_in_the_map_are_not_meant(void **state)
{
    (void)state;
    start();
    firmware_region(CODE, M(4), 3, WB | RO | XP);
    firmware_entry(CODE, M(4), 3, TEXT);
    firmware_region(DATA, M(5), 3, WB | RO);
    firmware_entry(DATA, M(5), 3, VARIABLES);
    firmware_region(MMIO, M(6), 3, UC | RO);
    mapped(3);
    fw->nregions = 0;
    fw->table = false;
    firmware_region(DATA, M(5), 3, WB | RO | XP);
    mapped(1);
}

/* Anything but code and data is writable data, in the table or outside of it. */
static void other_types_are_writable_data(void **state)
{
    (void)state;
    for (uint32_t type = 0; type <= 17; type++) {
        if (type == CODE || type == DATA)
            continue;
        for (unsigned way = 0; way < 4; way++) {
            start();
            fw->table = way != 0;
            firmware_region(type, M(4), 3, WB);
            if (way == 2)
                firmware_entry(CODE, M(4), 3, TEXT);
            if (way == 3)
                firmware_entry(DATA, M(4), 1, CONSTANTS);
            mapped(1);
            assert_int_equal(fw->runtime.mappings[0].rights, RIGHT_W);
        }
    }
}

/* Each page of code and data must be in the table. */
static void what_the_table_leaves_out_is_refused(void **state)
{
    (void)state;
    for (uint32_t type = CODE; type <= DATA; type++) {
        for (uint64_t hole = 0; hole < 8; hole++) {
            start();
            firmware_region(MMIO, M(3), 1, UC);
            firmware_region(type, M(4), 8, WB);
            firmware_region(DATA, M(5), 1, WB);
            firmware_entry(DATA, M(5), 1, VARIABLES);
            if (hole > 0)
                firmware_entry(type, M(4), hole, TEXT);
            if (hole < 7)
                firmware_entry(type, M(4) + (hole + 1) * PAGE, 7 - hole, TEXT);
            refused(M(4) + hole * PAGE, 1);
            firmware_entry(type, M(4) + hole * PAGE, 0, TEXT);
            refused(M(4), 8);
        }
        start();
        firmware_region(type, M(4), 8, WB);
        refused(M(4), 1);
        firmware_entry(type, M(4) - 4 * PAGE, 4, TEXT);
        firmware_entry(type, M(4) + 8 * PAGE, 4, TEXT);
        refused(M(4), 8);
    }
}

/* The pieces of a driver are adjacent: headers, code, constants, data. */
static void driver_is_cut_by_its_sections(void **state)
{
    (void)state;
    start();
    firmware_region(CODE, M(4), 20, WB);
    firmware_entry(DATA, M(4), 1, CONSTANTS);
    firmware_entry(CODE, M(4) + PAGE, 9, TEXT);
    firmware_entry(DATA, M(4) + 10 * PAGE, 10, VARIABLES);
    mapped(3);
    /* Another right behind it: the same, but for its headers, which are data. */
    firmware_region(CODE, M(4) + 20 * PAGE, 3, WB);
    firmware_entry(DATA, M(4) + 20 * PAGE, 1, CONSTANTS);
    firmware_entry(CODE, M(4) + 21 * PAGE, 1, TEXT);
    firmware_entry(DATA, M(4) + 22 * PAGE, 1, VARIABLES);
    mapped(6);
    /* One page of the last is too much. */
    fw->entries[5].attribute = RUNTIME;
    refused(M(4) + 22 * PAGE, 1);
}

/* Where one entry ends and the next gives the same rights, nothing changes. */
static void same_rights_are_not_cut(void **state)
{
    (void)state;
    start();
    firmware_region(CODE, M(4), 8, WB);
    firmware_entry(CODE, M(4), 3, TEXT);
    firmware_entry(CODE, M(4) + 3 * PAGE, 4, TEXT);
    firmware_entry(DATA, M(4) + 7 * PAGE, 1, TEXT);
    mapped(1);
}

/* One entry may be about more than one region, or more than a region. */
static void entry_may_be_larger_than_a_region(void **state)
{
    (void)state;
    start();
    firmware_region(DATA, M(4), 8, WB);
    firmware_region(DATA, M(4) + 16 * PAGE, 8, WB);
    firmware_region(CODE, M(5), 2, WB);
    firmware_entry(DATA, M(4) - PAGE, 100, VARIABLES);
    firmware_entry(CODE, M(5) - PAGE, 100, TEXT);
    mapped(3);
}

/* The order of the table, and the entries about nothing here, do not matter. */
static void order_of_the_table_does_not_matter(void **state)
{
    (void)state;
    start();
    firmware_region(CODE, M(4), 8, WB);
    firmware_entry(DATA, G(5), 8, RUNTIME);
    firmware_entry(DATA, M(4) + 5 * PAGE, 3, VARIABLES);
    firmware_entry(CODE, M(4) + 2 * PAGE, 3, TEXT);
    firmware_entry(DATA, M(1), 8, VARIABLES);
    firmware_entry(DATA, M(4), 2, CONSTANTS);
    mapped(3);
}

/* Write-back memory is what the MTRRs make of it, and is cut where they change. */
static void write_back_memory_is_cut_by_the_mtrrs(void **state)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        start();
        machine_mtrr(fw->machine, M(4), PAGE * 4, types[i]);
        firmware_region(DATA, M(4) - 2 * PAGE, 8, WB | WC);
        firmware_region(CODE, M(4) + 6 * PAGE, 2, WB);
        firmware_region(MMIO, M(5), 2, WB | UC);
        firmware_entry(DATA, M(4) - 2 * PAGE, 5, VARIABLES);
        firmware_entry(DATA, M(4) + 3 * PAGE, 3, CONSTANTS);
        firmware_entry(CODE, M(4) + 6 * PAGE, 2, TEXT);
        mapped(6);
        fw->machine->mtrr.present = false;
        mapped(4);
        fw->machine->mtrr.present = true;
        fw->machine->mtrr.def_type = 0;
        mapped(4);
    }
}

/* The first of UC, WC and WT counts if WB is not possible; other attributes are no types. */
static void attributes_say_the_memory_type(void **state)
{
    static const enum memtype first[8] = {MEMTYPE_UC, MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_UC,
                                          MEMTYPE_WT, MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_UC};
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
                                         MEMTYPE_WB};
    static const uint64_t others[] = {0, UCE, WP, UCE | WP};

    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        for (size_t i = 0; i < COUNT_OF(types) * COUNT_OF(others); i++) {
            enum memtype mtrr = types[i / COUNT_OF(others)];

            start();
            fw->machine->mtrr.def_type = 0x800 | (uint64_t)mtrr;
            firmware_region(bits % 2 == 0 ? DATA : MMIO, M(4), 8,
                            bits | others[i % COUNT_OF(others)]);
            firmware_entry(DATA, M(4), 8, VARIABLES);
            mapped(1);
            assert_int_equal(fw->runtime.mappings[0].type, bits & WB ? mtrr : first[bits & 7]);
        }
    }
}

/* As many entries as the header says: one more is too many. */
static void there_may_be_192_mappings(void **state)
{
    (void)state;
    for (uint64_t pages = EFI_RUNTIME_MAPPINGS - 1; pages < EFI_RUNTIME_MAPPINGS + 3; pages++) {
        start();
        firmware_region(CODE, M(4), pages, WB);
        for (uint64_t i = 0; i < pages; i++)
            firmware_entry(CODE, M(4) + i * PAGE, 1, i % 2 == 0 ? TEXT : VARIABLES);
        if (pages <= EFI_RUNTIME_MAPPINGS)
            mapped(pages);
        else
            refused(M(4), pages);
    }
    start();
    for (uint64_t i = 0; i < 97; i++) {
        firmware_region(CODE, M(4) + i * 3 * PAGE, 2, WB);
        firmware_entry(CODE, M(4) + i * 3 * PAGE, 1, TEXT);
        firmware_entry(CODE, M(4) + i * 3 * PAGE + PAGE, 1, VARIABLES);
    }
    refused(M(4), 97 * 3);
    fw->nregions--;
    mapped(192);
}

/* Start with one good region and its entry. */
static void start_simple(size_t stride, size_t entry_size)
{
    start();
    fw->stride = stride;
    fw->entry_size = entry_size;
    firmware_region(CODE, M(4), 8, WB);
    firmware_entry(CODE, M(4), 4, TEXT);
    firmware_entry(CODE, M(4) + 4 * PAGE, 4, VARIABLES);
}

static void damaged(void)
{
    firmware_run();
    assert_non_null(fw->runtime.why);
    assert_int_equal(fw->runtime.count, 0);
}

/* Map and table have each a descriptor size of its own; the largest page is the caller's. */
static void sizes_are_as_the_firmware_says(void **state)
{
    (void)state;
    for (size_t stride = 40; stride <= 56; stride += 8) {
        for (size_t size = 40; size <= 64; size += 8) {
            for (unsigned level = 0; level <= 2; level++) {
                start_simple(stride, size);
                fw->max_level = level;
                mapped(2);
            }
            fw->header[0] = 2;
            mapped(2);
            fw->len = 16 + 2 * size + 100;
            mapped(2);
        }
    }
}

/* A table that does not hold what it says is read no further. */
static void damaged_table_is_refused(void **state)
{
    static const uint32_t counts[] = {3, 4, 0x10000, 0x55555556, 0xaaaaaaab, 0xfffffffe};
    static const uint32_t sizes[] = {0, 1, 16, 39, 49, 56, 0x80000000, 0xfffffff8};

    (void)state;
    start_simple(48, 48);
    for (fw->len = 0; fw->len < 16 + 2 * 48; fw->len++)
        damaged();
    mapped(2);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        fw->header[1] = counts[i];
        damaged();
    }
    fw->header[1] = 2;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        fw->header[2] = sizes[i];
        damaged();
    }
    start_simple(48, 40);
    mapped(2);
    fw->header[2] = 39;
    damaged();
    /* Empty, but whole: there is nothing in it, so that only other regions can be mapped. */
    start();
    firmware_region(MMIO, M(4), 8, UC);
    assert_int_equal(fw->nentries, 0);
    mapped(1);
    fw->len = 15;
    damaged();
}

/* An entry with an absurd length or place is damage, or about what it says, but no other page. */
static void absurd_entries_give_no_other_rights(void **state)
{
    static const uint64_t wide = UINT64_C(1) << 52;
    const uint64_t counts[] = {wide, wide + 4, wide - 4, 2 * wide + 8, UINT64_MAX};
    const uint64_t bases[] = {0, M(4), M(5), G(1), -PAGE, -M(1)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        for (size_t b = 0; b < COUNT_OF(bases); b++) {
            start();
            firmware_region(DATA, M(4), 8, WB);
            firmware_entry(DATA, bases[b], counts[i], VARIABLES);
            firmware_run();
            if (bases[b] > M(4) || fw->runtime.why != NULL)
                damaged();
            else
                assert_int_equal(fw->runtime.mappings[0].rights, RIGHT_W);
        }
    }
}

/* Nothing kept, nothing mapped, nothing wrong. */
static void no_regions_have_no_mappings(void **state)
{
    (void)state;
    start();
    mapped(0);
    fw->table = false;
    mapped(0);
}

/* Regions one behind the other, often adjacent, and a table with pieces of all kinds. */
static void random_firmware(struct rng *rng, bool *fine)
{
    uint64_t base = rng_below(rng, 512) * PAGE;
    uint64_t covered = 0;

    start();
    fw->stride = 40 + 8 * rng_below(rng, 3);
    fw->entry_size = 40 + 8 * rng_below(rng, 4);
    fw->max_level = (unsigned)rng_below(rng, 3);
    fw->table = !rng_once_in(rng, 8);
    if (rng_once_in(rng, 3)) {
        fw->machine->mtrr.def_type |= 0x400;
        for (size_t i = 0; i < MTRR_FIXED_REGS; i++)
            fw->machine->mtrr.fixed[i] =
                rng_once_in(rng, 2) ? 0x0606060606060606 : 0x0604060005060106;
    }
    for (uint64_t n = rng_below(rng, 4); n > 0; n--) {
        uint64_t size = PAGE << rng_below(rng, 10);

        machine_mtrr(fw->machine, rng_below(rng, M(8) / size) * size, size,
                     (enum memtype)(rng_below(rng, 4) + 3 * rng_below(rng, 2)));
    }
    for (uint64_t n = rng_below(rng, 12); n > 0; n--) {
        uint32_t type =
            rng_once_in(rng, 4) ? (uint32_t)rng_below(rng, 17) : CODE + (uint32_t)rng_below(rng, 2);

        if (!fw->table && type == CODE && !rng_once_in(rng, 20))
            type = DATA;
        firmware_region(type, base, 1 + rng_below(rng, 40),
                        rng_once_in(rng, 3) ? rng_below(rng, 16) : 15);
        base += fw->regions[fw->nregions - 1].pages * PAGE;
        if (covered < fw->regions[fw->nregions - 1].base)
            covered = fw->regions[fw->nregions - 1].base;
        while (covered < base && (type == CODE || type == DATA || rng_once_in(rng, 9))) {
            static const uint64_t kinds[] = {RO, XP, RO | XP};
            uint64_t pages = 1 + rng_below(rng, 24);

            if (!rng_once_in(rng, 300))
                firmware_entry(CODE + (uint32_t)rng_below(rng, 2), covered, pages,
                               RUNTIME | (rng_once_in(rng, 300) ? 0 : kinds[rng_below(rng, 3)]));
            covered += pages * PAGE;
        }
        if (rng_once_in(rng, 2))
            base += rng_below(rng, 30) * PAGE;
        if (rng_once_in(rng, 12))
            base += G(2);
    }
    shuffle_regions(rng, fw->regions, fw->nregions);
    *fine = true;
    for (size_t r = 0; r < fw->nregions; r++) {
        unsigned rights;

        for (uint64_t at = 0; at < fw->regions[r].pages; at++)
            *fine &= firmware_rights(&fw->regions[r], fw->regions[r].base + at * PAGE, &rights);
    }
}

/* Page by page, any regions are mapped as the table and the MTRRs say, or not at all. */
static void random_regions_page_by_page(void **state)
{
    struct rng rng;
    unsigned refusals = 0;
    unsigned rounds = 1500;

    (void)state;
    rng_start(&rng, "random_regions_page_by_page");
    for (unsigned round = 0; round < rounds; round++) {
        bool fine;

        random_firmware(&rng, &fine);
        firmware_run();
        if (fine && firmware_stretches() + fw->nentries <= EFI_RUNTIME_MAPPINGS) {
            firmware_expect();
            continue;
        }
        if (fine)
            continue;
        refusals++;
        assert_non_null(fw->runtime.why);
        assert_int_equal(fw->runtime.count, 0);
        /* What it is about is a page that has no rights. */
        fine = true;
        for (size_t r = 0; r < fw->nregions; r++) {
            const struct region *in = &fw->regions[r];
            unsigned rights;

            if (fw->runtime.at - in->base < in->pages * PAGE)
                fine = firmware_rights(in, fw->runtime.at, &rights);
        }
        assert_false(fine);
    }
    print_message("%u of %u refused\n", refusals, rounds);
    assert_true(refusals < rounds / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_gives_code_and_data_their_rights),
        cmocka_unit_test(without_table_code_cannot_be_mapped),
        cmocka_unit_test(rights_in_the_map_are_not_meant),
        cmocka_unit_test(other_types_are_writable_data),
        cmocka_unit_test(what_the_table_leaves_out_is_refused),
        cmocka_unit_test(driver_is_cut_by_its_sections),
        cmocka_unit_test(same_rights_are_not_cut),
        cmocka_unit_test(entry_may_be_larger_than_a_region),
        cmocka_unit_test(order_of_the_table_does_not_matter),
        cmocka_unit_test(write_back_memory_is_cut_by_the_mtrrs),
        cmocka_unit_test(attributes_say_the_memory_type),
        cmocka_unit_test(there_may_be_192_mappings),
        cmocka_unit_test(sizes_are_as_the_firmware_says),
        cmocka_unit_test(damaged_table_is_refused),
        cmocka_unit_test(absurd_entries_give_no_other_rights),
        cmocka_unit_test(no_regions_have_no_mappings),
        cmocka_unit_test(random_regions_page_by_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
