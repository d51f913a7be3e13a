/* SPDX-License-Identifier: MIT */
/* ACPI's tables, as far as a boot needs them. Pure: memory is read through a callback. */
#ifndef ACPI_H
#define ACPI_H

#include "facts.h"

#define ACPI_LENGTH UINT64_C(4)  /* where a table's header has its length */
#define ACPI_HEADER UINT64_C(36) /* bytes of the header (ACPI 6.5 section 5.2.6) */

/* Copy len > 0 bytes of physical memory, zeros where there is none. */
typedef void (*phys_read)(uint64_t pa, void *to, size_t len);

/* Where the table of this signature (four letters) is, by the XSDT or else the RSDT; 0: nowhere. */
uint64_t acpi_find(const struct facts *facts, const char *signature, phys_read read);

/*
 * Where the last of PCI's memory-mapped configuration spaces ends, exclusive,
 * by the MCFG table (PCI Firmware Specification 3.3 section 4.1.2); 0: none.
 */
uint64_t acpi_ecam_end(const struct facts *facts, phys_read read);

#endif
