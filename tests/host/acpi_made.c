/* SPDX-License-Identifier: MIT */
#include "acpi_made.h"

#include "test.h"

static struct {
    uint64_t pa;
    size_t len;
    uint8_t bytes[ACPI_MADE_SIZE];
} regions[ACPI_MADE_MAX];
static size_t nregions;
static size_t reads;
static uint64_t bytes_read;

static struct {
    size_t count;
    const char *name;
    uint64_t pa;
    const char *why;
} told;

void acpi_made_clear(void)
{
    nregions = 0;
    reads = 0;
    bytes_read = 0;
}

uint8_t *acpi_made_put(uint64_t pa, const void *bytes, size_t len)
{
    assert_true(nregions < ACPI_MADE_MAX && len <= ACPI_MADE_SIZE);
    regions[nregions].pa = pa;
    regions[nregions].len = len;
    memcpy(regions[nregions].bytes, bytes, len);
    return regions[nregions++].bytes;
}

static void put_number(uint8_t *to, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(number >> (8 * i));
}

static uint8_t sum_to_zero(const uint8_t *bytes, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return (uint8_t)(256 - sum % 256);
}

uint8_t *acpi_made_table(uint64_t pa, const char *signature, const void *body, size_t len)
{
    uint8_t table[ACPI_MADE_SIZE] = {0};

    assert_true(36 + len <= sizeof(table));
    memcpy(table, signature, 4);
    put_number(table + 4, 36 + len, 4);
    table[8] = 1;
    memcpy(table + 10, "MADEUP", 6);
    if (len != 0)
        memcpy(table + 36, body, len);
    table[9] = sum_to_zero(table, 36 + len);
    return acpi_made_put(pa, table, 36 + len);
}

void acpi_made_resum(uint64_t pa, size_t len)
{
    for (size_t r = 0; r < nregions; r++) {
        uint8_t *table = regions[r].bytes;

        if (regions[r].pa != pa)
            continue;
        put_number(table + 4, len, 4);
        table[9] = 0;
        table[9] = sum_to_zero(table, len < regions[r].len ? len : regions[r].len);
        return;
    }
    fail_msg("no table at 0x%llx", (unsigned long long)pa);
}

static void report(const char *name, uint64_t pa, const char *why)
{
    told.count++;
    told.name = name;
    told.pa = pa;
    told.why = why;
}

void acpi_made_open(struct acpi *acpi, const struct facts *facts)
{
    told.count = 0;
    acpi_open(acpi, facts, acpi_made_read, report);
}

size_t acpi_made_reports(void)
{
    return told.count;
}

void acpi_made_assert_told(const char *name, uint64_t pa, const char *why)
{
    assert_true(told.count > 0);
    assert_string_equal(told.name, name);
    assert_int_equal(told.pa, pa);
    assert_string_equal(told.why, why);
}

void acpi_made_ecam(uint8_t *entry, uint64_t base, unsigned first_bus, unsigned last_bus)
{
    memset(entry, 0, 16);
    put_number(entry, base, 8);
    entry[10] = (uint8_t)first_bus;
    entry[11] = (uint8_t)last_bus;
}

void acpi_made_rsdp(struct facts *facts, size_t size, uint32_t rsdt, uint64_t xsdt)
{
    uint8_t *rsdp = facts->rsdp;

    memset(rsdp, 0, sizeof(facts->rsdp));
    memcpy(rsdp, "RSD PTR MADEUP", 8);
    memcpy(rsdp + 9, "MADEUP", 6);
    put_number(rsdp + 16, rsdt, 4);
    facts->rsdp_size = size;
    if (size == 20) {
        rsdp[8] = sum_to_zero(rsdp, 20);
        return;
    }
    rsdp[15] = 2;
    put_number(rsdp + 20, 36, 4);
    put_number(rsdp + 24, xsdt, 8);
    rsdp[8] = sum_to_zero(rsdp, 20);
    rsdp[32] = sum_to_zero(rsdp, 36);
}

void acpi_made_read(uint64_t pa, void *to, size_t len)
{
    uint8_t *out = to;

    if (len == 0)
        fail_msg("an empty read at 0x%llx", (unsigned long long)pa);
    reads++;
    bytes_read += len;
    memset(out, 0, len);
    for (size_t r = 0; r < nregions; r++) {
        for (size_t i = 0; i < len; i++) {
            if (pa + i - regions[r].pa < regions[r].len)
                out[i] = regions[r].bytes[pa + i - regions[r].pa];
        }
    }
}

size_t acpi_made_reads(void)
{
    return reads;
}

uint64_t acpi_made_bytes(void)
{
    return bytes_read;
}
