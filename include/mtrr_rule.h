/* SPDX-License-Identifier: MIT */
/* Whether the MTRRs can be gone by, and whether they count: one rule for every way in, and for footing-plan. */
#ifndef MTRR_RULE_H
#define MTRR_RULE_H

#include "error.h"
#include "memmap.h"
#include "memtype.h"

/*
 * How many variable ranges the CPU has: IA32_MTRRCAP bits 7:0 (SDM vol. 3
 * section 12.11.1). ERR_MTRR: more than MTRR_MAX_VARIABLE; *count is 0 then.
 */
struct error mtrr_count(uint64_t mtrrcap, unsigned *count);

/*
 * The types in a fixed register. On AMD and Hygon (amd) bits 4 and 3 of a
 * field are RdMem and WrMem, which say where an access goes, and the type is
 * in bits 2 to 0 (APM vol. 2 section 7.9.1); firmware that is not done with
 * its memory leaves them visible (SYSCFG.MtrrFixDramModEn).
 */
uint64_t mtrr_fixed_types(uint64_t value, bool amd);

/*
 * A mask with holes makes one variable range several stretches, up to 2^40 of
 * them. So many are accepted of all ranges together, as far up as RAM is and
 * at least to 1 GiB. Each begins and ends once, so a way through all of RAM
 * takes at most MTRR_STEPS_MAX steps of memtype_step(): 25 ms at 2.6 GHz with
 * all 40 registers in use. A boot goes that way some ten times.
 */
#define MTRR_STRETCHES_MAX 65536u
#define MTRR_STEPS_MAX     (2 * MTRR_STRETCHES_MAX + 8 * MTRR_FIXED_REGS + 3)

/*
 * Settle the MTRRs, once, when the map (normalised) is known. ERR_MTRR: masks
 * with holes make more than MTRR_STRETCHES_MAX stretches.
 *
 * Under a hypervisor, MTRRs that make no usable RAM write-back are those that
 * nobody has set up; they mean nothing to a guest, whose memory types are the
 * hypervisor's business. *ignored is true then, and they are taken as not
 * there (mtrr->present is false). On bare metal they count, and there is no
 * RAM. What fixed ranges make of the first MiB decides only where there is no
 * RAM above; without any RAM there is nothing to decide.
 */
struct error mtrr_settle(struct mtrr_state *mtrr, const struct memmap *map, bool guest,
                         bool *ignored);

#endif
