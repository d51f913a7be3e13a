/* SPDX-License-Identifier: MIT */
#include "acpi.h"

#include "load.h"

/* ACPI 6.5 section 5.2.5.3: the RSDP. */
#define RSDP_RSDT 16
#define RSDP_XSDT 24

/* As much of a table as is read at a time. */
#define PART 256u

uint8_t acpi_sum(const uint8_t *bytes, size_t len)
{
    unsigned sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return (uint8_t)sum;
}

bool acpi_is_rsdp(const uint8_t *bytes)
{
    return __builtin_memcmp(bytes, RSDP_MARK, sizeof(RSDP_MARK) - 1) == 0 &&
           acpi_sum(bytes, RSDP_1_SIZE) == 0;
}

bool acpi_is_rsdp_2(const uint8_t *bytes)
{
    return acpi_is_rsdp(bytes) && bytes[RSDP_REVISION] >= 2 && acpi_sum(bytes, RSDP_MAX) == 0;
}

void acpi_damaged(struct acpi *acpi, const char *name, uint64_t pa, const char *why)
{
    acpi->damaged = true;
    acpi->report(name, pa, why);
}

/* What is wrong with the table at pa; null: nothing, and this is its length. */
static const char *wrong_with(const struct acpi *acpi, uint64_t pa, uint32_t max, uint32_t *length)
{
    uint8_t part[PART];
    uint8_t sum = 0;
    uint32_t len;

    acpi->read(pa + ACPI_LENGTH, part, sizeof(len));
    len = load32(part);
    if (len < ACPI_HEADER || len > max || pa + len < pa)
        return "its length cannot be";
    for (uint32_t at = 0; at < len; at += PART) {
        uint32_t now = len - at < PART ? len - at : PART;

        acpi->read(pa + at, part, now);
        sum = (uint8_t)(sum + acpi_sum(part, now));
    }
    if (sum != 0)
        return "its checksum is wrong";
    *length = len;
    return NULL;
}

static bool is_called(const struct acpi *acpi, uint64_t pa, const char *signature)
{
    uint8_t letters[4];

    acpi->read(pa, letters, sizeof(letters));
    return __builtin_memcmp(letters, signature, sizeof(letters)) == 0;
}

/* A signature is printable (section 5.2.6); no memory reads as zeros or as ones. */
static bool has_signature(const struct acpi *acpi, uint64_t pa)
{
    uint8_t letters[4];
    bool printable = true;

    acpi->read(pa, letters, sizeof(letters));
    for (unsigned i = 0; i < sizeof(letters); i++)
        printable = printable && letters[i] >= ' ' && letters[i] <= '~';
    return printable;
}

/* Use this root table. What is wrong with it; null: nothing. */
static const char *use_root(struct acpi *acpi, const char *name, uint64_t pa, uint32_t step)
{
    const char *why = "it is not there";
    uint32_t len;

    if (pa != 0 && is_called(acpi, pa, name))
        why = wrong_with(acpi, pa, ACPI_ROOT_MAX, &len);
    if (why)
        return why;
    if ((len - ACPI_HEADER) % step != 0)
        return "its last address is cut off";
    acpi->root = (struct acpi_table){pa, len};
    acpi->step = step;
    return NULL;
}

static uint64_t address_at(const struct acpi *acpi, uint32_t at)
{
    uint8_t bytes[8] = {0};

    acpi->read(acpi->root.pa + at, bytes, acpi->step);
    return load64(bytes);
}

static void open_root(struct acpi *acpi, const struct facts *facts)
{
    const uint8_t *rsdp = facts->rsdp;
    bool is_new = facts->rsdp_size == RSDP_MAX && rsdp[RSDP_REVISION] >= 2;
    uint64_t rsdt = load32(rsdp + RSDP_RSDT);
    uint64_t xsdt = is_new ? load64(rsdp + RSDP_XSDT) : 0;
    const char *why;

    if (!acpi_is_rsdp(rsdp)) {
        acpi_damaged(acpi, "RSDP", facts->rsdp_pa, "its mark or checksum is wrong");
        return;
    }
    if (is_new && !acpi_is_rsdp_2(rsdp)) {
        acpi->report("RSDP", facts->rsdp_pa,
                     "its second checksum is wrong, the RSDT is used instead of the XSDT");
    } else if (is_new) {
        why = use_root(acpi, "XSDT", xsdt, sizeof(uint64_t));
        if (!why)
            return;
        acpi->report("XSDT", xsdt, why);
    }
    why = use_root(acpi, "RSDT", rsdt, sizeof(uint32_t));
    if (why)
        acpi_damaged(acpi, "RSDT", rsdt, why);
}

void acpi_open(struct acpi *acpi, const struct facts *facts, phys_read read, acpi_report report)
{
    *acpi = (struct acpi){.read = read, .report = report};
    if (facts->rsdp_size == 0)
        return;
    open_root(acpi, facts);
    for (uint32_t at = ACPI_HEADER; at < acpi->root.len; at += acpi->step) {
        uint64_t pa = address_at(acpi, at);

        if (pa != 0 && !has_signature(acpi, pa)) {
            acpi_damaged(acpi, "table", pa, "there is none");
            break;
        }
    }
}

struct acpi_table acpi_find(struct acpi *acpi, const char *signature, unsigned index)
{
    struct acpi_table table = {0, 0};

    for (uint32_t at = ACPI_HEADER; at < acpi->root.len; at += acpi->step) {
        const char *why;

        table.pa = address_at(acpi, at);
        if (table.pa == 0 || !is_called(acpi, table.pa, signature) || index-- != 0)
            continue;
        why = wrong_with(acpi, table.pa, ACPI_TABLE_MAX, &table.len);
        if (why)
            acpi_damaged(acpi, signature, table.pa, why);
        return table;
    }
    return (struct acpi_table){0, 0};
}
