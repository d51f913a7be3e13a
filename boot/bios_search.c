/* SPDX-License-Identifier: MIT */
#include "bios_search.h"

#include "acpi.h"
#include "io.h"

#define STEP 16u

#define SMBIOS_3_MARK   "_SM3_"
#define SMBIOS_3_LENGTH 6
#define SMBIOS_3_LEAST  0x18u
/* Of 31 bytes, some call themselves 30 long: so had version 2.1 of the specification it. */
#define SMBIOS_2_MARK   "_SM_"
#define SMBIOS_2_LENGTH 5
#define SMBIOS_2_LEAST  0x1eu
#define SMBIOS_MOST     0x20u

uint64_t bios_ebda_at(uint16_t segment)
{
    uint64_t ebda = (uint64_t)segment << 4;

    return ebda >= BIOS_EBDA_LOWEST && ebda < BIOS_EBDA_END ? ebda : 0;
}

uint32_t bios_ebda_len(uint64_t ebda)
{
    uint64_t rest = BIOS_EBDA_END - ebda;

    return rest < BIOS_EBDA_SEARCHED + RSDP_MAX ? (uint32_t)rest : BIOS_EBDA_SEARCHED + RSDP_MAX;
}

/* The size of the RSDP here, of so many bytes as there are; 0: there is none. */
static size_t rsdp_size(const uint8_t *bytes, uint32_t len)
{
    if (len < RSDP_1_SIZE || !acpi_is_rsdp(bytes))
        return 0;
    if (bytes[RSDP_REVISION] < 2)
        return RSDP_1_SIZE;
    return len >= RSDP_MAX && acpi_is_rsdp_2(bytes) ? RSDP_MAX : 0;
}

/* What a loader has copied, if anything, is this one, as far as both go. */
static bool is_known(const struct facts *facts, const uint8_t *bytes, size_t size)
{
    size_t both = facts->rsdp_size < size ? facts->rsdp_size : size;

    return __builtin_memcmp(facts->rsdp, bytes, both) == 0;
}

bool bios_find_rsdp(struct facts *facts, uint64_t base, const uint8_t *bytes, uint32_t starts,
                    uint32_t len)
{
    for (uint32_t at = 0; at < starts && at < len; at += STEP) {
        size_t size = rsdp_size(bytes + at, len - at);

        if (size == 0 || !is_known(facts, bytes + at, size))
            continue;
        facts->rsdp_pa = base + at;
        if (size > facts->rsdp_size) {
            facts->rsdp_size = size;
            __builtin_memcpy(facts->rsdp, bytes + at, size);
        }
        return true;
    }
    return false;
}

/* An entry point with this mark, whose length is at `length`, at least so many bytes. */
static uint64_t find_entry_point(uint64_t base, const uint8_t *bytes, uint32_t len,
                                 const char *mark, uint32_t length, uint32_t least)
{
    for (uint32_t at = 0; at + least <= len; at += STEP) {
        uint32_t size = bytes[at + length];

        if (__builtin_memcmp(bytes + at, mark, length - 1) == 0 && size >= least &&
            size <= SMBIOS_MOST && size <= len - at && acpi_sum(bytes + at, size) == 0)
            return base + at;
    }
    return 0;
}

void bios_find_smbios(struct facts *facts, uint64_t base, const uint8_t *bytes, uint32_t len)
{
    facts->smbios_64_pa =
        find_entry_point(base, bytes, len, SMBIOS_3_MARK, SMBIOS_3_LENGTH, SMBIOS_3_LEAST);
    facts->smbios_32_pa =
        find_entry_point(base, bytes, len, SMBIOS_2_MARK, SMBIOS_2_LENGTH, SMBIOS_2_LEAST);
}
