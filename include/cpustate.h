/* SPDX-License-Identifier: MIT */
/*
 * What the CPU can do, as a struct and not as ifdefs, and the register values
 * that follow from it. C decides them here, assembly only writes them.
 */
#ifndef CPUSTATE_H
#define CPUSTATE_H

#include <stdbool.h>
#include <stdint.h>

/* CPUID's raw answers; x86_64/cpu.c fills this in. A leaf that the CPU lacks is zero. */
struct cpuid_words {
    uint32_t vendor_ebx; /* the first four letters */
    uint32_t leaf1_eax;
    uint32_t leaf1_ebx;
    uint32_t leaf1_ecx;
    uint32_t leaf1_edx;
    uint32_t leaf7_ebx;
    uint32_t leaf7_ecx;
    uint32_t ext1_edx;
    uint32_t ext8_eax;
    uint32_t ext1f_eax;
    uint32_t ext1f_ebx;
    uint64_t tme_activate; /* IA32_TME_ACTIVATE, where cpuid_has_tme(); else 0 */
};

/* Can IA32_TME_ACTIVATE be read? A hypervisor need not provide it, and has keys of its own. */
bool cpuid_has_tme(const struct cpuid_words *words);

struct cpu_caps {
    unsigned phys_bits;    /* 32 to 52: what a page-table entry may hold */
    unsigned foreign_bits; /* those of them that are sure to reach memory, see cpu_caps_from() */
    unsigned ht_bits;      /* AMD's HyperTransport ends at 2^this, see foreign.h; 0: none */
    unsigned cache_line;   /* bytes that CLFLUSH takes; 0: the CPU has no CLFLUSH */
    bool amd;              /* AMD's or Hygon's */
    bool hypervisor;       /* this is a guest, and told so */
    bool tom2;             /* AMD's SYSCFG and TOP_MEM2 can be read */
    bool nx, page1g, pat, mtrr, pge, mce, smep, smap, umip, la57;
};

/*
 * A CPU without leaf 0x80000008 has 36 bits (SDM vol. 3 section 4.1.4). Of the
 * width, foreign_bits leaves out what a guest cannot use (APM vol. 3, leaf
 * 0x80000008 EAX bits 23:16), what AMD's memory encryption takes once it is on
 * (leaf 0x8000001f EBX bits 11:6), which nobody knows for later, and what
 * Intel's takes for keys (SDM vol. 4, IA32_TME_ACTIVATE bits 35:32), which is
 * settled by then.
 */
struct cpu_caps cpu_caps_from(const struct cpuid_words *words);

/* The values of the switch; SDM vol. 3 section 2.5, vol. 4. */
struct cpu_state {
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    uint64_t pat; /* 0: the CPU has none, leave it alone */
};

struct cpu_state cpu_state_for(const struct cpu_caps *caps, uint64_t root, unsigned levels);

#endif
