/* SPDX-License-Identifier: MIT */
#include "efi_runtime.h"

#include "efi_map.h"
#include "load.h"
#include "x86.h"

/* EFI_MEMORY_DESCRIPTOR, UEFI 2.10 section 7.2.3. */
#define DESC_TYPE      0
#define DESC_PHYS      8
#define DESC_VIRT      16
#define DESC_PAGES     24
#define DESC_ATTRIBUTE 32
#define DESC_SIZE      40

#define RUNTIME_CODE 5
#define RUNTIME_DATA 6

#define EFI_MEMORY_UC      UINT64_C(0x0000000000000001)
#define EFI_MEMORY_WC      UINT64_C(0x0000000000000002)
#define EFI_MEMORY_WT      UINT64_C(0x0000000000000004)
#define EFI_MEMORY_WB      UINT64_C(0x0000000000000008)
#define EFI_MEMORY_XP      UINT64_C(0x0000000000004000)
#define EFI_MEMORY_RO      UINT64_C(0x0000000000020000)
#define EFI_MEMORY_RUNTIME UINT64_C(0x8000000000000000)

/* EFI_MEMORY_ATTRIBUTES_TABLE, section 4.6.4. */
#define TABLE_COUNT     4
#define TABLE_DESC_SIZE 8
#define TABLE_HEADER    16u

/* Code and data of one driver are closer to each other than this. */
#define NEAR (UINT64_C(1) << 30)

#define CONGRUENT (UINT64_C(1) << 21)

static void refuse(struct efi_runtime *runtime, const char *why, uint64_t at)
{
    runtime->count = 0;
    runtime->why = why;
    runtime->at = at;
}

/* Bytes of a region; 0: more than 64 bits can say. */
static uint64_t length(const uint8_t *desc)
{
    uint64_t pages = load64(desc + DESC_PAGES);

    return pages > UINT64_MAX >> PAGE_SHIFT ? 0 : pages << PAGE_SHIFT;
}

static uint64_t end_of(const uint8_t *desc)
{
    return load64(desc + DESC_PHYS) + length(desc);
}

/* Copy the runtime regions in order. Returns how many, or one more than there may be. */
static size_t gather(const uint8_t *map, size_t size, size_t step, uint8_t *regions, size_t max)
{
    size_t count = 0;

    for (size_t from = 0; from + step <= size && count <= max; from += step) {
        const uint8_t *desc = map + from;
        size_t at = count;

        if (!(load64(desc + DESC_ATTRIBUTE) & EFI_MEMORY_RUNTIME) || load64(desc + DESC_PAGES) == 0)
            continue;
        for (; at > 0 && load64(regions + (at - 1) * step + DESC_PHYS) > load64(desc + DESC_PHYS);
             at--)
            __builtin_memcpy(regions + at * step, regions + (at - 1) * step, step);
        __builtin_memcpy(regions + at * step, desc, step);
        count++;
    }
    return count;
}

/* Null, or what is wrong with this region behind one that ends at `before`. */
static const char *check_region(const uint8_t *desc, uint64_t before, unsigned phys_bits)
{
    uint64_t base = load64(desc + DESC_PHYS);
    uint64_t len = length(desc);
    uint64_t width = UINT64_C(1) << phys_bits;

    if (base & PAGE_MASK)
        return "a region is not 4 KiB aligned";
    if (len == 0 || base >= width || len > width - base)
        return "a region exceeds the physical address width";
    return base < before ? "regions overlap" : NULL;
}

size_t efi_runtime_keep(const void *map, size_t size, size_t descriptor_size, void *regions,
                        size_t room, uint64_t window, uint64_t window_size, unsigned phys_bits,
                        struct efi_runtime *runtime)
{
    size_t fit = room / descriptor_size;
    size_t max = fit > EFI_RUNTIME_REGIONS ? EFI_RUNTIME_REGIONS : fit - 1;
    size_t count;
    uint64_t before = 0; /* where the last region ends, physical */
    uint64_t used = 0;   /* and in the window */

    runtime->count = 0;
    runtime->why = NULL;
    if (fit < 2) {
        refuse(runtime, "their descriptors are too large", descriptor_size);
        return 0;
    }
    count = gather(map, size, descriptor_size, regions, max);
    if (count > max) {
        refuse(runtime, "too many regions",
               load64((uint8_t *)regions + max * descriptor_size + DESC_PHYS));
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t *desc = (uint8_t *)regions + i * descriptor_size;
        uint64_t base = load64(desc + DESC_PHYS);
        const char *why = check_region(desc, before, phys_bits);
        uint64_t va;

        if (i > 0 && base - before < NEAR)
            used += base - before;
        else
            used += (base - used) & (CONGRUENT - 1);
        if (!why && (used > window_size || length(desc) > window_size - used))
            why = "the window for them is too small";
        if (why) {
            refuse(runtime, why, base);
            return 0;
        }
        va = window + used;
        __builtin_memcpy(desc + DESC_VIRT, &va, sizeof(va));
        used += length(desc);
        before = end_of(desc);
    }
    return count * descriptor_size;
}

bool efi_runtime_unmarked(const void *map, size_t size, size_t descriptor_size, size_t *at,
                          uint64_t *base, uint64_t *pages)
{
    while (*at + descriptor_size <= size) {
        const uint8_t *desc = (const uint8_t *)map + *at;
        uint32_t type = load32(desc + DESC_TYPE);

        *at += descriptor_size;
        *base = load64(desc + DESC_PHYS);
        *pages = load64(desc + DESC_PAGES);
        if ((type == RUNTIME_CODE || type == RUNTIME_DATA) && *pages > 0 &&
            !(load64(desc + DESC_ATTRIBUTE) & EFI_MEMORY_RUNTIME))
            return true;
    }
    return false;
}

/* The Memory Attributes Table's entries. */
struct attributes {
    const uint8_t *entries; /* null: there is no table */
    size_t count;
    size_t step;
};

static const char *read_table(const void *table, size_t len, struct attributes *attributes)
{
    const uint8_t *bytes = table;

    *attributes = (struct attributes){0};
    if (!table)
        return NULL;
    if (len < TABLE_HEADER)
        return "the Memory Attributes Table is damaged";
    attributes->entries = bytes + TABLE_HEADER;
    attributes->count = load32(bytes + TABLE_COUNT);
    attributes->step = load32(bytes + TABLE_DESC_SIZE);
    if (attributes->step < DESC_SIZE || attributes->count > (len - TABLE_HEADER) / attributes->step)
        return "the Memory Attributes Table is damaged";
    return NULL;
}

/* From `pa` on: attributes, and how far they reach. False: it is in no entry. */
static bool find_attributes(const struct attributes *attributes, uint64_t pa, uint64_t *end,
                            uint64_t *attribute)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const uint8_t *desc = attributes->entries + i * attributes->step;
        uint64_t base = load64(desc + DESC_PHYS);

        if (pa < base || pa - base >= length(desc) || (base & PAGE_MASK))
            continue;
        *attribute = load64(desc + DESC_ATTRIBUTE);
        if (end_of(desc) < *end)
            *end = end_of(desc);
        return true;
    }
    return false;
}

/* Rights from `pa` on, and how far they reach; null, or why there are none. */
static const char *find_rights(const struct attributes *attributes, uint32_t type, uint64_t pa,
                               uint64_t *end, unsigned *rights)
{
    uint64_t attribute;

    *rights = RIGHT_W;
    if (type != RUNTIME_CODE && type != RUNTIME_DATA)
        return NULL;
    if (!attributes->entries)
        return type == RUNTIME_DATA ? NULL : "the firmware has no Memory Attributes Table";
    if (!find_attributes(attributes, pa, end, &attribute))
        return "a region is not in the Memory Attributes Table";
    *rights = (attribute & EFI_MEMORY_RO ? 0 : RIGHT_W) | (attribute & EFI_MEMORY_XP ? 0 : RIGHT_X);
    return *rights == (RIGHT_W | RIGHT_X) ? "a region is writable and executable" : NULL;
}

/* From `pa` on: the type, and how far it reaches: no further than that of the MTRRs, whichever it is. */
static enum memtype wanted_type(const struct mtrr_state *mtrr, uint64_t attribute, uint64_t pa,
                                uint64_t *end)
{
    struct memtype_span span = memtype_span(mtrr, pa, *end);

    *end = span.end;
    if (attribute & EFI_MEMORY_WB)
        return span.type;
    if (attribute & EFI_MEMORY_UC)
        return MEMTYPE_UC;
    if (attribute & EFI_MEMORY_WC)
        return MEMTYPE_WC;
    return attribute & EFI_MEMORY_WT ? MEMTYPE_WT : MEMTYPE_UC;
}

/* Uncacheable, where the CPU has no way to say what is wanted: that can do no harm. */
static enum memtype find_type(const struct mtrr_state *mtrr, uint64_t attribute, uint64_t pa,
                              uint64_t *end)
{
    enum memtype type = wanted_type(mtrr, attribute, pa, end);

    return memtype_in_entry(mtrr, type) ? type : MEMTYPE_UC;
}

/* Could one page lie on both sides of this address, by the MTRRs? */
static bool joins(const struct mtrr_state *mtrr, uint64_t pa)
{
    return memtype_span(mtrr, pa - PAGE_SIZE, pa + PAGE_SIZE).end == pa + PAGE_SIZE;
}

/* One more mapping, or more of the last one. False: there is no room. */
static bool add_mapping(struct efi_runtime *runtime, const struct mapping *m,
                        const struct mtrr_state *mtrr)
{
    struct mapping *last = runtime->count > 0 ? &runtime->mappings[runtime->count - 1] : NULL;

    if (last && last->va + last->len == m->va && last->pa + last->len == m->pa &&
        last->rights == m->rights && last->type == m->type && joins(mtrr, m->pa)) {
        last->len += m->len;
        return true;
    }
    if (runtime->count == EFI_RUNTIME_MAPPINGS)
        return false;
    runtime->mappings[runtime->count++] = *m;
    return true;
}

static const char *map_region(const uint8_t *desc, const struct attributes *attributes,
                              const struct mtrr_state *mtrr, unsigned max_level,
                              struct efi_runtime *runtime)
{
    uint64_t base = load64(desc + DESC_PHYS);
    uint64_t end = end_of(desc);

    for (uint64_t pa = base; pa < end;) {
        uint64_t stop = end;
        struct mapping m = {
            .va = load64(desc + DESC_VIRT) + (pa - base),
            .pa = pa,
            .max_level = (uint8_t)max_level,
            .what = WHAT_EFI_RUNTIME,
        };
        unsigned rights;
        const char *why = find_rights(attributes, load32(desc + DESC_TYPE), pa, &stop, &rights);

        runtime->at = pa;
        if (why)
            return why;
        m.rights = (uint8_t)rights;
        m.type = (uint8_t)find_type(mtrr, load64(desc + DESC_ATTRIBUTE), pa, &stop);
        m.len = stop - pa;
        if (!add_mapping(runtime, &m, mtrr))
            return "too many mappings";
        pa = stop;
    }
    return NULL;
}

void efi_runtime_map(const void *regions, size_t size, size_t descriptor_size, const void *table,
                     size_t len, const struct mtrr_state *mtrr, unsigned max_level,
                     struct efi_runtime *runtime)
{
    struct attributes attributes;
    const char *why = read_table(table, len, &attributes);

    runtime->count = 0;
    runtime->at = 0;
    for (size_t at = 0; at + descriptor_size <= size && !why; at += descriptor_size)
        why = map_region((const uint8_t *)regions + at, &attributes, mtrr, max_level, runtime);
    runtime->why = NULL;
    if (why)
        refuse(runtime, why, runtime->at);
}
