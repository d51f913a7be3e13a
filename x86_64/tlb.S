/* SPDX-License-Identifier: MIT */
/*
 * Translations that the CPU holds. In assembly, since between the clearing
 * and the writing of an entry not even the stack may be touched: it could be
 * what the entry maps.
 */
#include "x86.h"

/* From so many pages on, forgetting everything is quicker. */
#define TLB_PAGES_MAX 64

        .text

/*
 * FORGET: all translations of the pages from rdi on, rsi bytes.
 * Clobbers rax, rcx, rdi, rsi; no memory.
 */
.macro FORGET
        shr     $PAGE_SHIFT, %rsi
        cmp     $TLB_PAGES_MAX, %rsi
        ja      2f
1:      invlpg  (%rdi)
        add     $PAGE_SIZE, %rdi
        sub     $1, %rsi
        jnz     1b
        jmp     4f
        /* Global pages go when CR4.PGE changes; without that feature, CR3 is enough. */
2:      mov     %cr4, %rax
        test    $CR4_PGE, %eax
        jz      3f
        mov     %rax, %rcx
        and     $~CR4_PGE, %rcx
        mov     %rcx, %cr4
        mov     %rax, %cr4
        jmp     4f
3:      mov     %cr3, %rax
        mov     %rax, %cr3
4:
.endm

/* tlb_flush(va, len) */
        .globl  tlb_flush
tlb_flush:
        FORGET
        ret

/* tlb_exchange(slot, entry, va, len) */
        .globl  tlb_exchange
tlb_exchange:
        mov     %rdi, %r8
        mov     %rsi, %r9
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        pushf
        pop     %r10
        cli
        movq    $0, (%r8)
        FORGET
        mov     %r9, (%r8)
        push    %r10
        popf
        ret
