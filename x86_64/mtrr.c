/* SPDX-License-Identifier: MIT */
/* The MTRRs as they are; what they mean is mm/memtype.c's business. */
#include "cpu.h"
#include "mtrr_rule.h"
#include "port.h"
#include "x86.h"

static const uint32_t fixed_msrs[MTRR_FIXED_REGS] = {
    MSR_MTRR_FIX64K,    MSR_MTRR_FIX16K,    MSR_MTRR_FIX16K + 1, MSR_MTRR_FIX4K,
    MSR_MTRR_FIX4K + 1, MSR_MTRR_FIX4K + 2, MSR_MTRR_FIX4K + 3,  MSR_MTRR_FIX4K + 4,
    MSR_MTRR_FIX4K + 5, MSR_MTRR_FIX4K + 6, MSR_MTRR_FIX4K + 7,
};

struct error mtrr_read(struct mtrr_state *mtrr, const struct cpu_caps *caps)
{
    struct error err;
    uint64_t cap;

    mtrr->present = caps->mtrr;
    mtrr->no_pat = !caps->pat;
    mtrr->phys_bits = caps->phys_bits;
    if (!mtrr->present)
        return SUCCESS;

    cap = read_msr(MSR_MTRRCAP);
    mtrr->def_type = read_msr(MSR_MTRR_DEF_TYPE);
    if (!(cap & MTRRCAP_FIXED))
        mtrr->def_type &= ~(uint64_t)MTRR_DEF_FIXED_ENABLE;
    else
        for (unsigned i = 0; i < MTRR_FIXED_REGS; i++)
            mtrr->fixed[i] = mtrr_fixed_types(read_msr(fixed_msrs[i]), caps->amd);

    if (caps->tom2 && (read_msr(MSR_SYSCFG) & SYSCFG_TOM2_WB) == SYSCFG_TOM2_WB)
        mtrr->wb_top = read_msr(MSR_TOP_MEM2) & TOP_MEM2_MASK;

    err = mtrr_count(cap, &mtrr->variable);
    for (unsigned i = 0; i < mtrr->variable; i++) {
        mtrr->var[i].base = read_msr(MSR_MTRR_PHYSBASE0 + 2 * i);
        mtrr->var[i].mask = read_msr(MSR_MTRR_PHYSMASK0 + 2 * i);
    }
    return err;
}
