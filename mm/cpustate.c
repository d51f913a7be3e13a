/* SPDX-License-Identifier: MIT */
#include "cpustate.h"

#include "memtype.h"
#include "x86.h"

#define PHYS_BITS_DEFAULT 36
#define PHYS_BITS_MIN     32
#define PHYS_BITS_MAX     52

static bool is_amd(const struct cpuid_words *words)
{
    return words->vendor_ebx == CPUID_VENDOR_AMD_EBX || words->vendor_ebx == CPUID_VENDOR_HYGON_EBX;
}

static uint32_t family_of(const struct cpuid_words *words)
{
    return (words->leaf1_eax >> 8 & 0xf) + (words->leaf1_eax >> 20 & 0xff);
}

/*
 * SYSCFG is there on every AMD and Hygon CPU since family 0Fh (BKDG for
 * family 0Fh), but a hypervisor need not provide it.
 */
static bool has_tom2(const struct cpuid_words *words)
{
    return is_amd(words) && family_of(words) >= 0xf && !(words->leaf1_ecx & CPUID_1_ECX_HYPERVISOR);
}

/*
 * Below 2^40 at first, and at the top since family 17h: 12 GiB, as Xen's dom0
 * has to avoid them. Should they move down with the width, there they are; if
 * they do not, nobody looks so far up.
 */
static unsigned ht_bits(const struct cpuid_words *words, unsigned usable_bits)
{
    if (!is_amd(words))
        return 0;
    return family_of(words) >= 0x17 ? usable_bits : 40;
}

/* IA32_TME_ACTIVATE: it counts once firmware has locked it. */
#define TME_LOCKED      0x1u
#define TME_ENABLED     0x2u
#define TME_KEYID_SHIFT 32
#define TME_KEYID_BITS  0xfu

bool cpuid_has_tme(const struct cpuid_words *words)
{
    return (words->leaf7_ecx & CPUID_7_ECX_TME) && !(words->leaf1_ecx & CPUID_1_ECX_HYPERVISOR);
}

/* The topmost bits of an address, which Intel's memory encryption takes for a key's number. */
static unsigned key_bits(const struct cpuid_words *words)
{
    bool locked = words->tme_activate & TME_LOCKED;
    bool enabled = words->tme_activate & TME_ENABLED;

    return locked && enabled ? words->tme_activate >> TME_KEYID_SHIFT & TME_KEYID_BITS : 0;
}

static unsigned foreign_bits(const struct cpuid_words *words, unsigned phys_bits)
{
    unsigned guest = words->ext8_eax >> 16 & 0xff;
    unsigned bits = guest >= PHYS_BITS_MIN && guest < phys_bits ? guest : phys_bits;
    unsigned taken = key_bits(words);

    if (words->ext1f_eax & (CPUID_1F_EAX_SME | CPUID_1F_EAX_SEV))
        taken += words->ext1f_ebx >> 6 & 0x3f;
    return bits >= taken + PHYS_BITS_MIN ? bits - taken : PHYS_BITS_MIN;
}

/*
 * Bits 15:8 of EBX count eight bytes each (SDM vol. 2 "CPUID"). A line that a
 * page is no multiple of is taken for none.
 */
static unsigned cache_line(const struct cpuid_words *words)
{
    unsigned bytes = (words->leaf1_ebx >> 8 & 0xff) * 8;

    return (words->leaf1_edx & CPUID_1_EDX_CLFSH) && (bytes & (bytes - 1)) == 0 ? bytes : 0;
}

struct cpu_caps cpu_caps_from(const struct cpuid_words *words)
{
    unsigned bits = words->ext8_eax & 0xff;

    if (bits == 0)
        bits = PHYS_BITS_DEFAULT;
    if (bits < PHYS_BITS_MIN)
        bits = PHYS_BITS_MIN;
    if (bits > PHYS_BITS_MAX)
        bits = PHYS_BITS_MAX;
    return (struct cpu_caps){
        .phys_bits = bits,
        .foreign_bits = foreign_bits(words, bits),
        .ht_bits = ht_bits(words, foreign_bits(words, bits)),
        .cache_line = cache_line(words),
        .amd = is_amd(words),
        .hypervisor = words->leaf1_ecx & CPUID_1_ECX_HYPERVISOR,
        .tom2 = has_tom2(words),
        .nx = words->ext1_edx & CPUID_EXT_1_EDX_NX,
        .page1g = words->ext1_edx & CPUID_EXT_1_EDX_1G,
        .pat = words->leaf1_edx & CPUID_1_EDX_PAT,
        .mtrr = words->leaf1_edx & CPUID_1_EDX_MTRR,
        .pge = words->leaf1_edx & CPUID_1_EDX_PGE,
        .mce = words->leaf1_edx & CPUID_1_EDX_MCE,
        .smep = words->leaf7_ebx & CPUID_7_EBX_SMEP,
        .smap = words->leaf7_ebx & CPUID_7_EBX_SMAP,
        .umip = words->leaf7_ecx & CPUID_7_ECX_UMIP,
        .la57 = words->leaf7_ecx & CPUID_7_ECX_LA57,
    };
}

struct cpu_state cpu_state_for(const struct cpu_caps *caps, uint64_t root, unsigned levels)
{
    struct cpu_state state = {
        .cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE,
        .cr3 = root,
        /* SSE is part of the x86-64 ABI that payloads are compiled for. */
        .cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT,
        .efer = EFER_LME | EFER_LMA | (caps->nx ? EFER_NXE : 0),
        .pat = caps->pat ? PAT_VALUE : 0,
    };

    if (caps->pge)
        state.cr4 |= CR4_PGE;
    if (caps->mce)
        state.cr4 |= CR4_MCE;
    if (caps->smep)
        state.cr4 |= CR4_SMEP;
    if (caps->smap)
        state.cr4 |= CR4_SMAP;
    if (caps->umip)
        state.cr4 |= CR4_UMIP;
    if (levels == 5)
        state.cr4 |= CR4_LA57;
    return state;
}
