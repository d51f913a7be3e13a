/* SPDX-License-Identifier: MIT */
#include "bios.h"

#include "bios_search.h"
#include "io.h"
#include "pmap.h"

#define ROM_START 0xe0000u
#define ROM_SIZE  0x20000u

uint64_t bios_ebda(void)
{
    const uint16_t *segment = pmap_map("BIOS data", BIOS_EBDA_SEGMENT, sizeof(*segment));
    uint64_t ebda = bios_ebda_at(*segment);

    pmap_unmap(segment);
    return ebda;
}

static void search_ebda(struct facts *facts, uint64_t ebda)
{
    uint32_t len = bios_ebda_len(ebda);
    const uint8_t *bytes = pmap_map("extended BIOS data", ebda, len);

    bios_find_rsdp(facts, ebda, bytes, BIOS_EBDA_SEARCHED, len);
    pmap_unmap(bytes);
}

void bios_find(struct facts *facts)
{
    uint64_t ebda = bios_ebda();
    const uint8_t *rom;

    if (ebda && !facts->rsdp_pa)
        search_ebda(facts, ebda);
    rom = pmap_map("BIOS", ROM_START, ROM_SIZE);
    if (!facts->rsdp_pa)
        bios_find_rsdp(facts, ROM_START, rom, ROM_SIZE, ROM_SIZE);
    bios_find_smbios(facts, ROM_START, rom, ROM_SIZE);
    pmap_unmap(rom);
}
