/* SPDX-License-Identifier: MIT */
/* What a PC BIOS leaves in low memory. */
#ifndef BIOS_H
#define BIOS_H

#include "facts.h"

/*
 * Where the segment of the extended BIOS data area starts; 0: the BIOS names
 * none that can be.
 */
uint64_t bios_ebda(void);

/*
 * Find the RSDP (ACPI 6.5 section 5.2.5.1) and the SMBIOS entry point (SMBIOS
 * 3.6 section 5.2) by their marks and checksums. An RSDP that a loader gave
 * stays as it is, and only learns where it is.
 */
void bios_find(struct facts *facts);

#endif
