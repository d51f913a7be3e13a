/* SPDX-License-Identifier: MIT */
#include "pvh_made.h"

#include "test.h"

uint8_t pvh_memory[ROOM];
uint64_t pvh_base = BASE;

/* Elsewhere there is something, too, but nothing that may count. */
static void read_memory(void *ctx, uint64_t pa, void *to, size_t len)
{
    uint8_t *out = to;

    assert_ptr_equal(ctx, pvh_memory);
    if (len > 0 && pa + (len - 1) < pa)
        fail_msg("%zu bytes at 0x%llx are asked for", len, (unsigned long long)pa);
    for (size_t i = 0; i < len; i++)
        out[i] = pa + i - pvh_base < ROOM ? pvh_memory[pa + i - pvh_base] : 0xa5;
}

const struct pvh_source pvh_all = {pvh_memory, read_memory};

void pvh_put(uint64_t at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        pvh_memory[at + i] = (uint8_t)(value >> (8 * i));
}

uint64_t pvh_get(uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | pvh_memory[at + i];
    return value;
}

/* A start info of this version and nothing else; what the version does not have is rubbish. */
void pvh_start(uint32_t version)
{
    memset(pvh_memory, 0xa5, sizeof(pvh_memory));
    pvh_base = BASE;
    memset(pvh_memory + START, 0, version > 0 ? SIZE_1 : SIZE_0);
    pvh_put(START + MAGIC, 4, PVH_MAGIC);
    pvh_put(START + VERSION, 4, version);
}

uint64_t pvh_text(uint64_t at, size_t len, char with)
{
    memset(pvh_memory + at, with, len);
    pvh_memory[at + len] = 0;
    return pvh_base + at;
}

/* One more module; its command line is at words, an address. */
void pvh_module(uint64_t pa, uint64_t size, uint64_t words)
{
    uint64_t n = pvh_get(START + NR_MODULES, 4);
    uint64_t at = LIST + MODULE * n;

    pvh_put(at + M_PADDR, 8, pa);
    pvh_put(at + M_SIZE, 8, size);
    pvh_put(at + M_CMDLINE, 8, words);
    pvh_put(at + M_RESERVED, 8, UINT64_MAX);
    pvh_put(START + NR_MODULES, 4, n + 1);
    pvh_put(START + MODLIST, 8, pvh_base + LIST);
}

void pvh_entry(uint64_t pa, uint64_t size, uint32_t type)
{
    uint64_t n = pvh_get(START + MEMMAP_ENTRIES, 4);
    uint64_t at = TABLE + ENTRY * n;

    pvh_put(at + E_ADDR, 8, pa);
    pvh_put(at + E_SIZE, 8, size);
    pvh_put(at + E_TYPE, 4, type);
    pvh_put(START + MEMMAP_ENTRIES, 4, n + 1);
    pvh_put(START + MEMMAP, 8, pvh_base + TABLE);
}

void pvh_rsdp(uint8_t revision)
{
    for (unsigned i = 0; i < RSDP_MAX; i++)
        pvh_memory[ROOT + i] = (uint8_t)(0x40 + i);
    memcpy(pvh_memory + ROOT, "RSD PTR ", 8);
    pvh_memory[ROOT + 15] = revision;
    pvh_put(ROOT + 20, 4, 36);
    for (size_t check = 8; check < 36; check += 24) { /* at 8 over 20 bytes, at 32 over 36 */
        uint8_t sum = 0;

        pvh_memory[ROOT + check] = 0;
        for (size_t i = 0; i < (check == 8 ? 20 : 36); i++)
            sum = (uint8_t)(sum + pvh_memory[ROOT + i]);
        pvh_memory[ROOT + check] = (uint8_t)(0x100 - sum);
    }
    pvh_put(START + RSDP, 8, pvh_base + ROOT);
}

struct error pvh_read(struct facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    return pvh_facts(&pvh_all, pvh_base + START, facts);
}
