/* SPDX-License-Identifier: MIT */
/*
 * ACPI's tables as they come: the search ends, believes no table of another
 * name or sum, and what is not damaged gives what a walk of its own gives.
 *
 * Input: the size of the RSDP (bit 2: its sums are made right), the RSDP, a
 * number of stretches of memory, each with address, length (bit 15: its sum is
 * made right, as that of a table) and bytes. RAM is from 4 to 8 GiB.
 */
#include "acpi_made.h"
#include "acpi_memory.h"
#include "fuzz.h"

#define MOST_READS 1000000u
#define MOST_BYTES 512u
#define SPACES     16u
#define GIB        (UINT64_C(1) << 30)

static uint64_t number(const uint8_t *at, unsigned len)
{
    uint64_t value = 0;

    while (len-- > 0)
        value = value << 8 | at[len];
    return value;
}

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;

    while (len-- > 0)
        sum = (uint8_t)(sum + bytes[len]);
    return sum;
}

static void sum_up(uint8_t *bytes, size_t len, size_t at)
{
    bytes[at] = 0;
    bytes[at] = (uint8_t)(0x100 - sum_of(bytes, len));
}

static void memory_from(struct bytes *in, struct facts *facts)
{
    static const uint8_t sizes[] = {0, 20, 36, 36};
    unsigned kind = take8(in);

    facts->rsdp_size = sizes[kind % 4];
    for (size_t i = 0; i < sizeof(facts->rsdp); i++)
        facts->rsdp[i] = take8(in);
    if (kind & 4) {
        memcpy(facts->rsdp, "RSD PTR ", 8);
        sum_up(facts->rsdp, 20, 8);
        sum_up(facts->rsdp, 36, 32);
    }
    for (unsigned n = take8(in) % 16; n > 0; n--) {
        uint64_t pa = take64(in);
        unsigned len = take16(in);
        uint8_t bytes[MOST_BYTES];

        for (size_t i = 0; i < len % MOST_BYTES; i++)
            bytes[i] = take8(in);
        if (len & 0x8000 && len % MOST_BYTES >= 36) {
            size_t says = number(bytes + 4, 4);

            sum_up(bytes, says < len % MOST_BYTES ? says : len % MOST_BYTES, 9);
        }
        acpi_made_put(pa, bytes, len % MOST_BYTES);
    }
}

/* A table, whole; null: it is damaged. */
static uint8_t *table_at(struct acpi_table table, const char *name)
{
    uint8_t *bytes;

    if (table.len == 0)
        return NULL;
    CHECK(table.len >= 36 && table.len <= ACPI_TABLE_MAX && table.pa + table.len > table.pa);
    bytes = malloc(table.len);
    if (!bytes)
        exit(1);
    acpi_made_read(table.pa, bytes, table.len);
    CHECK(memcmp(bytes, name, 4) == 0 && number(bytes + 4, 4) == table.len);
    CHECK(sum_of(bytes, table.len) == 0);
    return bytes;
}

static void reaches(uint64_t *end, const uint8_t *base, const uint8_t *len)
{
    uint64_t sum = number(base, 8) + number(len, 8);

    if (number(len, 8) != 0 && sum > *end)
        *end = sum;
}

/* Entries of a table in which nothing is wrong. */
static void naive_walk(const char *name, const uint8_t *t, uint32_t len, uint64_t *end)
{
    if (!strcmp(name, "SRAT")) {
        for (const uint8_t *e = t + 48; e < t + len; e += e[1]) {
            if (e[0] == 1 && e[28] & 1)
                reaches(end, e + 8, e + 16);
        }
    } else if (!strcmp(name, "NFIT")) {
        for (const uint8_t *e = t + 40; e < t + len; e += number(e + 2, 2)) {
            if (number(e, 2) == 0)
                reaches(end, e + 32, e + 40);
        }
    } else {
        for (const uint8_t *e = t + 36; e < t + len; e += number(e + 2, 2)) {
            if (e[0] == 0)
                reaches(end, e + 16, e + 24);
            if (e[0] == 1)
                reaches(end, e + 8, e + 16);
        }
    }
}

static void check_memory(const struct facts *facts)
{
    static const char *const names[] = {"SRAT", "NFIT", "CEDT"};
    struct known known = {0, NULL};
    struct acpi acpi;
    uint64_t end = 0;

    acpi_made_open(&acpi, facts);
    acpi_memory(&acpi, &known);
    CHECK(!acpi.damaged || acpi_made_reports() > 0);
    CHECK((known.end != 0) == (known.what != NULL));
    if (acpi.damaged)
        return;
    for (unsigned i = 0; i < 3; i++) {
        struct acpi_table table;

        for (unsigned n = 0; (table = acpi_find(&acpi, names[i], n)).pa != 0; n++) {
            uint8_t *bytes = table_at(table, names[i]);

            CHECK(bytes != NULL);
            naive_walk(names[i], bytes, table.len, &end);
            free(bytes);
        }
    }
    CHECK(known.end == end);
}

static void check_spaces(const struct facts *facts)
{
    struct mem_range ram = {4 * GIB, 8 * GIB, MEM_USABLE};
    struct memmap map = {.ranges = &ram, .count = 1};
    struct pci_ecam spaces[SPACES];
    struct acpi acpi;
    size_t count;

    acpi_made_open(&acpi, facts);
    count = acpi_ecams(&acpi, &map, spaces, SPACES);
    CHECK(count <= SPACES && (!acpi.damaged || acpi_made_reports() > 0));
    for (size_t i = 0; i < count; i++) {
        uint64_t base = pci_ecam_base(&spaces[i]);
        uint64_t end = base + pci_ecam_len(&spaces[i]);

        CHECK(base >= spaces[i].base && end > base);
        CHECK(end <= ram.base || base >= ram.end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"MCFG", "APIC"};
    static struct facts facts;
    struct bytes in = {data, data + size};
    struct acpi acpi;

    acpi_made_clear();
    memory_from(&in, &facts);
    acpi_made_open(&acpi, &facts);
    for (unsigned i = 0; i < 2; i++) {
        struct acpi_table table = acpi_find(&acpi, names[i], 0);

        CHECK(table.pa != 0 || table.len == 0);
        CHECK(table.pa == 0 || table.len != 0 || acpi.damaged);
        free(table_at(table, names[i]));
    }
    check_memory(&facts);
    check_spaces(&facts);
    CHECK(acpi_made_reads() < MOST_READS);
    return 0;
}
