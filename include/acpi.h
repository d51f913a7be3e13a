/* SPDX-License-Identifier: MIT */
/*
 * ACPI's tables: any of them by its signature, each with its length and
 * checksum held against it (ACPI 6.5 sections 5.2.5 to 5.2.8). Pure: memory
 * is read through a callback, and what is damaged is told to another.
 */
#ifndef ACPI_H
#define ACPI_H

#include "facts.h"

#define ACPI_LENGTH UINT64_C(4)  /* where a table's header has its length */
#define ACPI_HEADER UINT64_C(36) /* bytes of the header (section 5.2.6) */

/* No table is longer than this, in bytes, nor a root table than that. */
#define ACPI_TABLE_MAX 0x100000u
#define ACPI_ROOT_MAX  0x10000u

/* Copy len > 0 bytes of physical memory, zeros where there is none. */
typedef void (*phys_read)(uint64_t pa, void *to, size_t len);

/* One thing that cannot be used as it is: a table's name, where it is, and what is wrong with it. */
typedef void (*acpi_report)(const char *name, uint64_t pa, const char *why);

struct acpi_table {
    uint64_t pa;  /* 0: there is none */
    uint32_t len; /* bytes, header included; 0: damaged, and not to be used */
};

struct acpi {
    phys_read read;
    acpi_report report;
    bool damaged; /* something was told of that may hide what nobody else tells */
    struct acpi_table root;
    uint32_t step; /* bytes of an address in the root table: 8 in an XSDT, 4 in an RSDT */
};

/*
 * The root table that the facts' RSDP names: the XSDT, or the RSDT where there
 * is none or it is damaged, which is reported. Null addresses in it are no
 * tables; one at which no table is gets reported. Without an RSDP there are no
 * tables, and nothing is damaged.
 */
void acpi_open(struct acpi *acpi, const struct facts *facts, phys_read read, acpi_report report);

/* The table of this signature (four letters) after `index` others. A damaged one is reported. */
struct acpi_table acpi_find(struct acpi *acpi, const char *signature, unsigned index);

/* Tell of damage, in a table that was found or to one. */
void acpi_damaged(struct acpi *acpi, const char *name, uint64_t pa, const char *why);

/* A byte that makes these sum up to 0, modulo 256, is 0: the checksum is right. */
uint8_t acpi_sum(const uint8_t *bytes, size_t len);

/* Is the RSDP's mark there, and the checksum of its first 20 bytes; of all 36 of revision 2? */
#define RSDP_MARK     "RSD PTR "
#define RSDP_1_SIZE   20u
#define RSDP_REVISION 15
bool acpi_is_rsdp(const uint8_t *bytes);
bool acpi_is_rsdp_2(const uint8_t *bytes);

#endif
