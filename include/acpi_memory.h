/* SPDX-License-Identifier: MIT */
/*
 * Memory and windows that ACPI's static tables list and the memory map need
 * not: RAM that is plugged in, or can be (SRAT), persistent memory (NFIT),
 * CXL's windows and host bridges (CEDT), PCI's memory-mapped configuration
 * spaces (MCFG). Pure. What is damaged is reported, and nothing of it is used.
 */
#ifndef ACPI_MEMORY_H
#define ACPI_MEMORY_H

#include "acpi.h"
#include "known.h"
#include "pci.h"

/*
 * All that SRAT (ACPI 6.5 section 5.2.16.2: what is enabled, hot-pluggable or
 * not), NFIT (5.2.25.2, of any kind) and CEDT (CXL 3.1 sections 9.18.1.2 and
 * 9.18.1.3) list.
 */
void acpi_memory(struct acpi *acpi, struct known *known);

/*
 * PCI's configuration spaces by MCFG (PCI Firmware Specification 3.3 section
 * 4.1.2) into spaces; how many. Reported and left out is one that has no bus,
 * wraps, or shares a byte with usable RAM of the normalised map; and those
 * that are more than max.
 */
size_t acpi_ecams(struct acpi *acpi, const struct memmap *map, struct pci_ecam *spaces, size_t max);

#endif
