/* SPDX-License-Identifier: MIT */
/* Translations that the CPU holds: SDM vol. 3 section 4.10.4. */
#ifndef TLB_H
#define TLB_H

#include <stdint.h>

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
 * Clear *slot, forget [va, va + len), write the entry; interrupts are off
 * meanwhile, and no memory is touched but the slot.
 */
void tlb_exchange(volatile uint64_t *slot, uint64_t entry, uint64_t va, uint64_t len);

#endif
