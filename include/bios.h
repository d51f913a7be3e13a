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
 * Find the RSDP, in the extended BIOS data and then from 896 KiB to 1 MiB (ACPI
 * 6.5 section 5.2.5.1), and there the SMBIOS entry point, as in bios_search.h.
 */
void bios_find(struct facts *facts);

#endif
