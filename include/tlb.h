/* SPDX-License-Identifier: MIT */
/* Translations that the CPU holds: SDM vol. 3 section 4.10.4. */
#ifndef TLB_H
#define TLB_H

/* Offsets of struct pt_exchange for assembly; boot/live.c pins them. */
#define EXCHANGE_SLOT      0
#define EXCHANGE_N         8
#define EXCHANGE_ENTRY     16
#define EXCHANGE_STEP      24
#define EXCHANGE_VA        32
#define EXCHANGE_LEN       40
#define EXCHANGE_CLEAN_VA  48
#define EXCHANGE_CLEAN_LEN 56

/* From so many bytes on, all of the caches are written back, not line by line. */
#define TLB_CLEAN_MAX 0x400000

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "update.h"

/*
 * All stores before are in memory: a table before it is linked, an entry before
 * what it maps is used. The CPU keeps their order (SDM vol. 3 section 9.2.2),
 * the compiler need not.
 */
static inline void tlb_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Forget all translations of [va, va + len), global ones too, and all ways that lead there. */
void tlb_flush(uint64_t va, uint64_t len);

/*
 * As struct pt_live_memory has it; interrupts are off meanwhile, and no memory
 * is touched but the slots. line: bytes of a line, for CLFLUSH; 0, or more than
 * TLB_CLEAN_MAX bytes of them: WBINVD, for all that this CPU's caches have.
 */
void tlb_exchange(const struct pt_exchange *what, uint64_t line);

#endif
#endif
