/* SPDX-License-Identifier: MIT */
#include "bios.h"

#include "io.h"
#include "pmap.h"

#define EBDA_SEARCHED 1024u
#define ROM_START     0xe0000u
#define ROM_SIZE      0x20000u
#define STEP          16u

#define RSDP_MARK     "RSD PTR "
#define RSDP_1_SIZE   20u
#define RSDP_REVISION 15
#define SMBIOS_3_SIZE 24u
#define SMBIOS_2_SIZE 31u

uint64_t bios_ebda(void)
{
    const uint16_t *segment = pmap_map("BIOS data", BIOS_EBDA_SEGMENT, sizeof(*segment));
    uint64_t ebda = (uint64_t)*segment << 4;

    pmap_unmap(segment);
    return ebda >= BIOS_EBDA_LOWEST && ebda < BIOS_EBDA_END ? ebda : 0;
}

/* A structure with this mark, whose bytes add up to 0; its offset, or len. */
static uint32_t find(const uint8_t *bytes, uint32_t len, const char *mark, size_t mark_len,
                     uint32_t size)
{
    for (uint32_t at = 0; at + size <= len; at += STEP) {
        uint8_t sum = 0;

        if (__builtin_memcmp(bytes + at, mark, mark_len) != 0)
            continue;
        for (uint32_t i = 0; i < size; i++)
            sum = (uint8_t)(sum + bytes[at + i]);
        if (sum == 0)
            return at;
    }
    return len;
}

static void find_rsdp(struct facts *facts, uint64_t base, uint32_t len)
{
    const uint8_t *bytes = pmap_map("extended BIOS data", base, len);
    uint32_t at = find(bytes, len, RSDP_MARK, sizeof(RSDP_MARK) - 1, RSDP_1_SIZE);

    if (at < len && !facts->rsdp_pa) {
        facts->rsdp_pa = base + at;
        if (facts->rsdp_size == 0) {
            facts->rsdp_size =
                bytes[at + RSDP_REVISION] >= 2 && len - at >= RSDP_MAX ? RSDP_MAX : RSDP_1_SIZE;
            __builtin_memcpy(facts->rsdp, bytes + at, facts->rsdp_size);
        }
    }
    pmap_unmap(bytes);
}

static void find_smbios(struct facts *facts)
{
    const uint8_t *bytes = pmap_map("BIOS", ROM_START, ROM_SIZE);
    uint32_t at = find(bytes, ROM_SIZE, "_SM3_", 5, SMBIOS_3_SIZE);

    if (at == ROM_SIZE)
        at = find(bytes, ROM_SIZE, "_SM_", 4, SMBIOS_2_SIZE);
    if (at < ROM_SIZE)
        facts->smbios_pa = ROM_START + at;
    pmap_unmap(bytes);
}

void bios_find(struct facts *facts)
{
    uint64_t ebda = bios_ebda();

    if (ebda)
        find_rsdp(facts, ebda, EBDA_SEARCHED);
    find_rsdp(facts, ROM_START, ROM_SIZE);
    find_smbios(facts);
}
