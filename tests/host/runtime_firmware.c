/* SPDX-License-Identifier: MIT */
#include "runtime_firmware.h"

#include "recorder.h"
#include "test.h"

static struct firmware fw;

void shuffle_regions(struct rng *rng, struct region *regions, size_t count)
{
    for (size_t i = count; i-- > 1;) {
        size_t with = (size_t)rng_below(rng, i + 1);
        struct region swap = regions[i];

        regions[i] = regions[with];
        regions[with] = swap;
    }
}

struct firmware *firmware_start(void)
{
    memset(&fw, 0, sizeof(fw));
    fw.table = true;
    fw.stride = 48;
    fw.entry_size = 48;
    for (size_t i = 0; i < COUNT_OF(fw.header); i++)
        fw.header[i] = FIRMWARE_DEFAULT;
    fw.len = SIZE_MAX;
    fw.max_level = 2;
    fw.machine = machine_start(WIDTH);
    return &fw;
}

void firmware_region(uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute)
{
    assert_true(fw.nregions < FIRMWARE_REGIONS);
    fw.regions[fw.nregions++] = (struct region){type, base, pages, attribute | RUNTIME};
}

void firmware_entry(uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute)
{
    assert_true(fw.nentries < FIRMWARE_ENTRIES);
    fw.entries[fw.nentries++] = (struct region){type, base, pages, attribute};
}

/* The table (UEFI 2.10 section 4.6.4), at the very end of its allocation. */
static uint8_t *make_table(size_t *len)
{
    const uint32_t meant[] = {1, (uint32_t)fw.nentries, (uint32_t)fw.entry_size};
    size_t whole = 16 + fw.nentries * fw.entry_size;
    uint8_t *all = calloc(1, whole);
    uint8_t *table;

    *len = fw.len == SIZE_MAX ? whole : fw.len;
    table = calloc(1, *len > 0 ? *len : 1);
    assert_non_null(all);
    assert_non_null(table);
    for (size_t i = 0; i < COUNT_OF(fw.header); i++) {
        uint32_t word = fw.header[i] == FIRMWARE_DEFAULT ? meant[i] : fw.header[i];

        memcpy(all + 4 * i, &word, 4);
    }
    for (size_t i = 0; i < fw.nentries; i++)
        put_descriptor(all + 16 + i * fw.entry_size, fw.entry_size, fw.entries[i].type,
                       fw.entries[i].base, fw.entries[i].pages, fw.entries[i].attribute);
    memcpy(table, all, *len < whole ? *len : whole);
    free(all);
    return table;
}

void firmware_run(void)
{
    size_t size = fw.nregions * fw.stride;
    size_t len;
    uint8_t *table = make_table(&len);
    uint8_t *map = malloc(size > 0 ? size : 1);
    size_t room = size + fw.stride; /* one more than is accepted */
    uint8_t *regions = malloc(room);

    assert_non_null(map);
    assert_non_null(regions);
    assert_true(size <= sizeof(fw.map));
    for (size_t i = 0; i < fw.nregions; i++)
        put_descriptor(map + i * fw.stride, fw.stride, fw.regions[i].type, fw.regions[i].base,
                       fw.regions[i].pages, fw.regions[i].attribute);
    fw.bytes = efi_runtime_keep(map, size, fw.stride, regions, room, WINDOW, WINDOW_SIZE, WIDTH,
                                &fw.runtime);
    assert_int_equal(fw.bytes, size);
    memcpy(fw.map, regions, size);
    memset(&fw.runtime, 0xa5, sizeof(fw.runtime));
    efi_runtime_map(regions, fw.bytes, fw.stride, fw.table ? table : NULL, fw.table ? len : 0,
                    &fw.machine->mtrr, fw.max_level, &fw.runtime);
    assert_memory_equal(regions, fw.map, size);
    free(regions);
    free(map);
    free(table);
}

static enum memtype wanted_type(const struct region *of, uint64_t pa)
{
    if (of->attribute & WB)
        return ref_mtrr_type(&fw.machine->mtrr, pa);
    if (of->attribute & UC)
        return MEMTYPE_UC;
    if (of->attribute & WC)
        return MEMTYPE_WC;
    return of->attribute & WT ? MEMTYPE_WT : MEMTYPE_UC;
}

enum memtype firmware_type(const struct region *of, uint64_t pa)
{
    enum memtype type = wanted_type(of, pa);

    return fw.machine->mtrr.no_pat && (type == MEMTYPE_WC || type == MEMTYPE_WP) ? MEMTYPE_UC
                                                                                 : type;
}

bool firmware_rights(const struct region *of, uint64_t pa, unsigned *rights)
{
    *rights = RIGHT_W;
    if ((of->type != CODE && of->type != DATA) || (!fw.table && of->type == DATA))
        return true;
    for (size_t i = 0; fw.table && i < fw.nentries; i++) {
        const struct region *e = &fw.entries[i];

        if (pa < e->base || pa - e->base >= e->pages * PAGE)
            continue;
        *rights = (e->attribute & RO ? 0 : RIGHT_W) | (e->attribute & XP ? 0 : RIGHT_X);
        return *rights != (RIGHT_W | RIGHT_X);
    }
    return false;
}

size_t firmware_stretches(void)
{
    size_t count = 0;

    for (size_t r = 0; r < fw.nregions; r++) {
        const struct region *region = &fw.regions[r];
        unsigned last = UINT32_MAX;

        for (uint64_t at = 0; at < region->pages * PAGE; at += PAGE) {
            unsigned rights;

            (void)firmware_rights(region, region->base + at, &rights);
            rights |= (unsigned)firmware_type(region, region->base + at) << 8;
            rights |= (unsigned)ref_mtrr_type(&fw.machine->mtrr, region->base + at) << 16;
            if (rights != last)
                count++;
            last = rights;
        }
    }
    return count;
}

/* The virtual address that the kept map gives a region. */
static uint64_t placed(const struct region *region)
{
    for (size_t i = 0; i < fw.bytes; i += fw.stride) {
        uint64_t base;
        uint64_t va;

        memcpy(&base, fw.map + i + 8, 8);
        memcpy(&va, fw.map + i + 16, 8);
        if (base == region->base)
            return va;
    }
    fail_msg("a region is gone");
    return 0;
}

/* A page of a region, by the one mapping that holds it. */
static void expect_page(const struct region *region, uint64_t va, uint64_t pa)
{
    const struct mapping *m = fw.runtime.mappings;
    size_t i = 0;
    unsigned rights;

    while (i < fw.runtime.count && va - m->va >= m->len) {
        i++;
        m++;
    }
    assert_true(i < fw.runtime.count);
    assert_int_equal(m->pa + (va - m->va), pa);
    assert_true(firmware_rights(region, pa, &rights));
    assert_int_equal(m->rights, rights);
    assert_int_equal(m->type, firmware_type(region, pa));
}

void firmware_expect(void)
{
    struct plan plan = {fw.runtime.mappings, fw.runtime.count, EFI_RUNTIME_MAPPINGS};
    uint64_t pages = 0;

    if (fw.runtime.why != NULL)
        fail_msg("refused: %s at %#jx", fw.runtime.why, (uintmax_t)fw.runtime.at);
    for (size_t i = 0; i < fw.runtime.count; i++) {
        const struct mapping *m = &fw.runtime.mappings[i];

        assert_true(m->len > 0);
        assert_int_equal((m->va | m->pa | m->len) % PAGE, 0);
        assert_int_equal(m->what, WHAT_EFI_RUNTIME);
        assert_int_equal(m->max_level, fw.max_level);
        assert_true(i == 0 || m->va >= m[-1].va + m[-1].len);
        for (uint64_t at = PAGE; at < m->len; at += PAGE)
            assert_int_equal(ref_mtrr_type(&fw.machine->mtrr, m->pa + at),
                             ref_mtrr_type(&fw.machine->mtrr, m->pa));
        pages += m->len / PAGE;
    }
    for (size_t r = 0; r < fw.nregions; r++) {
        const struct region *region = &fw.regions[r];
        uint64_t va = placed(region);

        for (uint64_t at = 0; at < region->pages * PAGE; at += PAGE)
            expect_page(region, va + at, region->base + at);
        pages -= region->pages;
    }
    assert_int_equal(pages, 0);
    assert_int_equal(plan_check(&plan, 4, WIDTH).code, ERR_NONE);
}
