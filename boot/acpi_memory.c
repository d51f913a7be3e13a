/* SPDX-License-Identifier: MIT */
#include "acpi_memory.h"

#include "load.h"

/* Entries of one type, which tell of a range. Offsets and sizes are in bytes. */
struct listing {
    const char *what;
    uint8_t type;
    uint8_t least; /* bytes of such an entry */
    uint8_t base_at;
    uint8_t size_at;
    uint8_t flags_at; /* whose bit 0 says that the entry counts; 0: each does */
};

/* A table whose entries begin with a type and a length, both of one byte or of two. */
struct form {
    const char *table;
    uint8_t first; /* entry in the table */
    uint8_t type_size;
    uint8_t len_at; /* 1: the length has one byte, 2: it has two */
    uint8_t count;
    struct listing listings[2];
};

static const struct form forms[] = {
    {
        .table = "SRAT",
        .first = 48,
        .type_size = 1,
        .len_at = 1,
        .count = 1,
        .listings = {{"memory by SRAT", 1, 40, 8, 16, 28}},
    },
    {
        .table = "NFIT",
        .first = 40,
        .type_size = 2,
        .len_at = 2,
        .count = 1,
        .listings = {{"persistent memory by NFIT", 0, 56, 32, 40, 0}},
    },
    {
        .table = "CEDT",
        .first = 36,
        .type_size = 1,
        .len_at = 2,
        .count = 2,
        .listings = {{"CXL host bridge by CEDT", 0, 32, 16, 24, 0},
                     {"CXL window by CEDT", 1, 32, 8, 16, 0}},
    },
};

/* There is one table of a name (ACPI 6.5 section 5.2.6); some more do no harm. */
#define TABLES_MAX 8u

#define ENTRY_MAX  56u /* the longest `least` */
#define ENTRY_HEAD 4u
#define ENABLED    0x1u

/* MCFG: eight bytes behind the header, and an allocation for each segment, or for a part of it. */
#define MCFG_FIRST     44u
#define MCFG_ENTRY     16u
#define MCFG_SEGMENT   8
#define MCFG_BUS_FIRST 10
#define MCFG_BUS_LAST  11

static unsigned entry_type(const struct form *form, const uint8_t *entry)
{
    return form->type_size == 1 ? entry[0] : load16(entry);
}

static unsigned entry_length(const struct form *form, const uint8_t *entry)
{
    return form->len_at == 1 ? entry[1] : load16(entry + 2);
}

static const struct listing *listing_of(const struct form *form, const uint8_t *entry)
{
    for (unsigned i = 0; i < form->count; i++) {
        if (form->listings[i].type == entry_type(form, entry))
            return &form->listings[i];
    }
    return NULL;
}

/* What is wrong with the entry at pa, of len bytes; null: nothing, and its range is known. */
static const char *use_entry(const struct acpi *acpi, const struct listing *listing, uint64_t pa,
                             uint32_t len, struct known *known)
{
    uint8_t entry[ENTRY_MAX];
    uint64_t base;
    uint64_t size;

    if (len < listing->least)
        return "an entry is too short";
    acpi->read(pa, entry, listing->least);
    if (listing->flags_at != 0 && !(load32(entry + listing->flags_at) & ENABLED))
        return NULL;
    base = load64(entry + listing->base_at);
    size = load64(entry + listing->size_at);
    if (base + size < base)
        return "an entry's range wraps";
    known_add(known, base, size, listing->what);
    return NULL;
}

/* The entry that begins `at` bytes into a table: its length, or 0 if it is damaged. */
static uint32_t walk_entry(struct acpi *acpi, const struct form *form, struct acpi_table table,
                           uint32_t at, struct known *known)
{
    uint64_t pa = table.pa + at;
    uint8_t head[ENTRY_HEAD];
    const struct listing *listing;
    const char *why = NULL;
    uint32_t len;

    acpi->read(pa, head, sizeof(head));
    len = entry_length(form, head);
    listing = listing_of(form, head);
    if (len < sizeof(head) || len > table.len - at)
        why = "an entry's length cannot be";
    else if (listing)
        why = use_entry(acpi, listing, pa, len, known);
    if (!why)
        return len;
    acpi_damaged(acpi, form->table, pa, why);
    return 0;
}

static void walk_table(struct acpi *acpi, const struct form *form, struct acpi_table table,
                       struct known *known)
{
    uint32_t len = 1;

    for (uint32_t at = form->first; at < table.len && len != 0; at += len)
        len = walk_entry(acpi, form, table, at, known);
}

/* The n-th table of a name, `first` bytes long at the least; where there are too many, none. */
static struct acpi_table find_nth(struct acpi *acpi, const char *name, unsigned n, uint32_t first)
{
    struct acpi_table table = acpi_find(acpi, name, n);

    if (table.pa != 0 && n >= TABLES_MAX) {
        acpi_damaged(acpi, name, table.pa, "there are too many of them");
        table.pa = 0;
    } else if (table.len != 0 && table.len < first) {
        acpi_damaged(acpi, name, table.pa, "it is too short");
    }
    return table;
}

void acpi_memory(struct acpi *acpi, struct known *known)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *form = &forms[i];
        struct acpi_table table = find_nth(acpi, form->table, 0, form->first);

        for (unsigned n = 1; table.pa != 0; n++) {
            walk_table(acpi, form, table, known);
            table = find_nth(acpi, form->table, n, form->first);
        }
    }
}

static bool meets_ram(const struct memmap *map, uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct mem_range *range = &map->ranges[i];

        if (range->type == MEM_USABLE && range->base < end && base < range->end)
            return true;
    }
    return false;
}

/* What is wrong with a configuration space; null: nothing. */
static const char *wrong_with_space(const struct pci_ecam *space, const struct memmap *map)
{
    uint64_t base = pci_ecam_base(space);
    uint64_t len = pci_ecam_len(space);

    if (space->last_bus < space->first_bus)
        return "a configuration space has no bus";
    if (base < space->base || base + len < base)
        return "a configuration space wraps";
    if (meets_ram(map, base, base + len))
        return "a configuration space lies in RAM";
    return NULL;
}

static size_t use_mcfg(struct acpi *acpi, struct acpi_table table, const struct memmap *map,
                       struct pci_ecam *spaces, size_t max)
{
    size_t count = 0;

    for (uint32_t at = MCFG_FIRST; at < table.len; at += MCFG_ENTRY) {
        uint8_t entry[MCFG_ENTRY];
        struct pci_ecam space;
        const char *why = "its last entry is cut off";

        if (table.len - at >= MCFG_ENTRY) {
            acpi->read(table.pa + at, entry, sizeof(entry));
            space = (struct pci_ecam){load64(entry), load16(entry + MCFG_SEGMENT),
                                      entry[MCFG_BUS_FIRST], entry[MCFG_BUS_LAST]};
            why = count == max ? "it has too many entries" : wrong_with_space(&space, map);
        }
        if (why) {
            acpi_damaged(acpi, "MCFG", table.pa + at, why);
            break;
        }
        spaces[count++] = space;
    }
    return count;
}

size_t acpi_ecams(struct acpi *acpi, const struct memmap *map, struct pci_ecam *spaces, size_t max)
{
    struct acpi_table table = find_nth(acpi, "MCFG", 0, MCFG_FIRST);
    size_t count = 0;

    for (unsigned n = 1; table.pa != 0; n++) {
        count += use_mcfg(acpi, table, map, spaces + count, max - count);
        table = find_nth(acpi, "MCFG", n, MCFG_FIRST);
    }
    return count;
}
