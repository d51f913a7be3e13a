/* SPDX-License-Identifier: MIT */
#include "acpi.h"

#include "load.h"

/* ACPI 6.5 sections 5.2.5.3 (RSDP), 5.2.7 and 5.2.8 (RSDT, XSDT). */
#define RSDP_MARK "RSD PTR "
#define RSDP_RSDT 16
#define RSDP_XSDT 24
#define LIST_MAX  4096u

/* The MCFG's header, eight bytes, and an allocation for each segment. */
#define MCFG_FIRST   44u
#define MCFG_ENTRY   16u
#define MCFG_MAX     4096u
#define MCFG_BUS_END 11
#define BUS_SHIFT    20

static uint32_t length_of(uint64_t table, uint32_t max, phys_read read)
{
    uint8_t bytes[4];

    read(table + ACPI_LENGTH, bytes, sizeof(bytes));
    return load32(bytes) < max ? load32(bytes) : max;
}

/* The XSDT, or else the RSDT; 0: neither. */
static uint64_t find_list(const struct facts *facts, bool *extended)
{
    const uint8_t *rsdp = facts->rsdp;

    if (facts->rsdp_size == 0 || __builtin_memcmp(rsdp, RSDP_MARK, sizeof(RSDP_MARK) - 1) != 0)
        return 0;
    *extended = facts->rsdp_size == RSDP_MAX && load64(rsdp + RSDP_XSDT) != 0;
    return *extended ? load64(rsdp + RSDP_XSDT) : load32(rsdp + RSDP_RSDT);
}

static bool is_called(uint64_t table, const char *signature, phys_read read)
{
    uint8_t bytes[4];

    read(table, bytes, sizeof(bytes));
    return __builtin_memcmp(bytes, signature, sizeof(bytes)) == 0;
}

uint64_t acpi_find(const struct facts *facts, const char *signature, phys_read read)
{
    bool extended = false;
    uint64_t list = find_list(facts, &extended);
    uint64_t step = extended ? sizeof(uint64_t) : sizeof(uint32_t);
    bool known = list && is_called(list, extended ? "XSDT" : "RSDT", read);
    uint32_t len = known ? length_of(list, LIST_MAX, read) : 0;

    for (uint64_t at = ACPI_HEADER; at + step <= len; at += step) {
        uint8_t bytes[8] = {0};
        uint64_t table;

        read(list + at, bytes, step);
        table = load64(bytes);
        if (table && is_called(table, signature, read))
            return table;
    }
    return 0;
}

uint64_t acpi_ecam_end(const struct facts *facts, phys_read read)
{
    uint64_t table = acpi_find(facts, "MCFG", read);
    uint32_t len = table ? length_of(table, MCFG_MAX, read) : 0;
    uint64_t last = 0;

    for (uint32_t at = MCFG_FIRST; at + MCFG_ENTRY <= len; at += MCFG_ENTRY) {
        uint8_t entry[MCFG_ENTRY];
        uint64_t end;

        read(table + at, entry, sizeof(entry));
        end = load64(entry) + ((entry[MCFG_BUS_END] + UINT64_C(1)) << BUS_SHIFT);
        if (end > last)
            last = end;
    }
    return last;
}
