/* SPDX-License-Identifier: MIT */
/*
 * Translations and lines that the CPU holds. In assembly, since between the clearing
 * and the writing of an entry not even the stack may be touched: it could be
 * what the entry maps.
 */
#include "asm.inc"
#include "tlb.h"
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
FUNCTION tlb_flush
        FORGET
        ret
END tlb_flush

/*
 * tlb_exchange(what, line): see tlb.h. All of *what is read first, and the
 * caller's registers are back on the stack only when it is over: the stack and
 * *what may be what the entries map. The manual's order (SDM vol. 3 section
 * 12.12.4): unmap, flush translations, map, flush caches. CLFLUSH needs a
 * mapping, and its memory type does not matter; MFENCE orders it (SDM vol. 2).
 *
 * In:  rdi = what, rsi = line
 * Clobbers rax, rcx, rdx, rdi, rsi, r8, r9, r10, r11
 */
        .globl  tlb_exchange
FUNCTION tlb_exchange
        SAVE    rbx
        SAVE    rbp
        SAVE    r12
        SAVE    r13
        mov     EXCHANGE_SLOT(%rdi), %r8
        mov     EXCHANGE_N(%rdi), %r9
        mov     EXCHANGE_ENTRY(%rdi), %r10
        mov     EXCHANGE_STEP(%rdi), %r12
        mov     EXCHANGE_CLEAN_VA(%rdi), %rbx
        mov     EXCHANGE_CLEAN_LEN(%rdi), %rbp
        mov     %rsi, %r13
        cmp     $TLB_CLEAN_MAX, %rbp
        jbe     5f
        xor     %r13d, %r13d
5:      mov     EXCHANGE_LEN(%rdi), %rsi
        mov     EXCHANGE_VA(%rdi), %rdi
        pushf
        .cfi_adjust_cfa_offset 8
        pop     %r11
        .cfi_adjust_cfa_offset -8
        cli

        mov     %r8, %rdx
        mov     %r9, %rcx
6:      movq    $0, (%rdx)
        add     $8, %rdx
        sub     $1, %rcx
        jnz     6b
        FORGET
7:      mov     %r10, (%r8)
        add     %r12, %r10
        add     $8, %r8
        sub     $1, %r9
        jnz     7b

        test    %rbp, %rbp
        jz      10f
        test    %r13, %r13
        jz      9f
        mfence
8:      clflush (%rbx)
        add     %r13, %rbx
        sub     %r13, %rbp
        jnz     8b
        mfence
        jmp     10f
9:      wbinvd
10:     push    %r11
        .cfi_adjust_cfa_offset 8
        popf
        .cfi_adjust_cfa_offset -8
        RESTORE r13
        RESTORE r12
        RESTORE rbp
        RESTORE rbx
        ret
END tlb_exchange
