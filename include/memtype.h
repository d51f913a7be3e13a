/* SPDX-License-Identifier: MIT */
/*
 * Which memory type a physical address has by the MTRRs (SDM vol. 3 section
 * 12.11, APM vol. 2 section 7.7), and how a page-table entry says one (PAT,
 * SDM vol. 3 section 12.12).
 */
#ifndef MEMTYPE_H
#define MEMTYPE_H

#include <stdbool.h>
#include <stdint.h>

/* The encodings of the SDM, table 12-8. */
enum memtype { MEMTYPE_UC = 0, MEMTYPE_WC = 1, MEMTYPE_WT = 4, MEMTYPE_WP = 5, MEMTYPE_WB = 6 };

const char *memtype_name(enum memtype type); /* "WB", "UC", … */

#define MTRR_FIXED_REGS   11
#define MTRR_MAX_VARIABLE 40 /* as many as fit before the fixed registers */

/* IA32_MTRR_DEF_TYPE */
#define MTRR_DEF_ENABLE       0x800u
#define MTRR_DEF_FIXED_ENABLE 0x400u
#define MTRR_DEF_TYPE_MASK    0x0ffu
/* IA32_MTRRCAP */
#define MTRRCAP_COUNT 0xffu
#define MTRRCAP_FIXED 0x100u
/* IA32_MTRR_PHYSMASKn */
#define MTRR_MASK_VALID 0x800u

/*
 * The registers as RDMSR gives them, but for what mtrr_fixed_types() takes off;
 * x86_64/mtrr.c fills this in.
 */
struct mtrr_state {
    bool present;       /* CPUID.1:EDX.MTRR; if not, every address is WB */
    bool no_pat;        /* CPUID.1:EDX.PAT is clear: see memtype_in_entry() */
    unsigned phys_bits; /* 32 to 52 */
    uint64_t def_type;
    /*
     * AMD: where SYSCFG says Tom2ForceMemTypeWB, the default type from 4 GiB up
     * to TOP_MEM2 is WB (APM vol. 2 section 7.9.7); this is TOP_MEM2. Else 0.
     */
    uint64_t wb_top;
    uint64_t fixed[MTRR_FIXED_REGS]; /* 64K, 16K_80000, 16K_A0000, 4K_C0000 … 4K_F8000 */
    unsigned variable;               /* how many pairs follow */
    struct {
        uint64_t base;
        uint64_t mask;
    } var[MTRR_MAX_VARIABLE];
};

struct memtype_span {
    uint64_t end; /* exclusive */
    enum memtype type;
    bool undefined; /* somewhere on it variable ranges overlap as the manual forbids; type is UC */
};

/*
 * The longest stretch [pa, end), end <= limit, on which one effective type
 * holds. pa and limit are multiples of 4 KiB, pa < limit <= 2^phys_bits.
 * Steps: one for each place where a register begins or ceases to match; how
 * many that may be, mtrr_settle() has made sure of.
 * MTRRs disabled: UC. Fixed ranges, where enabled, rule the first MiB.
 * Overlapping variable ranges: UC wins, WB with WT is WT, any other mixture
 * is undefined by the manual and taken as UC; so is a reserved encoding. A
 * mask with holes is honoured as the CPU does: all that agrees with the base.
 */
struct memtype_span memtype_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit);

/*
 * The same without joining: as far as one look at each register tells, to
 * where the next may begin to count, or cease to. What lies behind may have
 * the same type. See MTRR_STEPS_MAX in mtrr_rule.h.
 */
struct memtype_span memtype_step(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit);

/* Is all of [base, base + len) of this one type? The conditions of memtype_span(), len > 0. */
bool memtype_is(const struct mtrr_state *mtrr, uint64_t base, uint64_t len, enum memtype type);

/*
 * Can a page-table entry say this type? Without the PAT its bit is reserved,
 * and WC and WP are not among what PWT and PCD say (SDM vol. 3 table 12-7 and
 * section 12.12).
 */
static inline bool memtype_in_entry(const struct mtrr_state *mtrr, enum memtype type)
{
    return !mtrr->no_pat || (type != MEMTYPE_WC && type != MEMTYPE_WP);
}

/* May caches hold lines of memory of this type? SDM vol. 3 table 12-2. */
static inline bool memtype_is_cached(enum memtype type)
{
    return type == MEMTYPE_WB || type == MEMTYPE_WT || type == MEMTYPE_WP;
}

/*
 * The PAT that Footing programs. Entries 0 to 3 are as after reset, so the
 * meaning of PWT and PCD never changes; 4 is WC, 5 is WP.
 */
#define PAT_VALUE UINT64_C(0x0007050100070406)

/* Index into that PAT for a type; for those that are none as for UC: that can do no harm. */
static inline unsigned pat_index(enum memtype type)
{
    /* A digit for each type, in the order of their encodings, from the right. */
    return type <= MEMTYPE_WB ? 0x0513343u >> 4 * type & 7 : 3;
}

#endif
