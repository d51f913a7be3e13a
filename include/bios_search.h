/* SPDX-License-Identifier: MIT */
/* What a PC BIOS has put somewhere in low memory, found by marks and checksums. Pure. */
#ifndef BIOS_SEARCH_H
#define BIOS_SEARCH_H

#include "facts.h"

/* An RSDP may begin in so many bytes of the extended BIOS data area (ACPI 6.5 section 5.2.5.1). */
#define BIOS_EBDA_SEARCHED 1024u

/*
 * Where the extended BIOS data area is, by its segment; 0: nowhere that it can
 * be, which is from 512 KiB on, below 640 KiB.
 */
uint64_t bios_ebda_at(uint16_t segment);

/* How many bytes there may hold such an RSDP: they end below the screen's memory. */
uint32_t bios_ebda_len(uint64_t ebda);

/*
 * Look for the RSDP in `len` bytes at `base`, on multiples of 16, where it
 * begins in the first `starts`: the checksum of 20 bytes is right, and of
 * revision 2 or later that of 36, too. Facts that have one from a loader only
 * learn where it is, and what its first 20 bytes leave out, if this is the
 * same. False: not here.
 */
bool bios_find_rsdp(struct facts *facts, uint64_t base, const uint8_t *bytes, uint32_t starts,
                    uint32_t len);

/*
 * Where the SMBIOS entry points are, of version 2.1 and of 3 (SMBIOS 3.6
 * sections 5.2.1 and 5.2.2), as long as they say themselves; 0: not here.
 */
void bios_find_smbios(struct facts *facts, uint64_t base, const uint8_t *bytes, uint32_t len);

#endif
