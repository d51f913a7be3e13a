/* SPDX-License-Identifier: MIT */
/* The switch to the final page tables, and the places where measuring tools wait. */
#include "cpu.h"
#include "x86.h"

        .text

/*
 * cpu_switch(const struct cpu_state *state): write the register values that C
 * decided on. Both sets of tables map the image and the stack alike, so
 * there is nothing to jump to; the identity page is gone from here on.
 *
 * In:  rdi = state; global pages off in the old tables
 * Clobbers rax, rcx, rdx
 */
        .globl  cpu_switch
cpu_switch:
        mov     CPU_STATE_EFER(%rdi), %eax
        mov     CPU_STATE_EFER + 4(%rdi), %edx
        mov     $MSR_EFER, %ecx
        wrmsr
        /* Entries 0 to 3 keep their meaning, and nothing uses the others yet. */
        mov     CPU_STATE_PAT(%rdi), %eax
        mov     CPU_STATE_PAT + 4(%rdi), %edx
        mov     $MSR_PAT, %ecx
        mov     %eax, %esi
        or      %edx, %esi
        jz      1f
        wrmsr
1:      mov     CPU_STATE_CR0(%rdi), %rax
        mov     CPU_STATE_CR4(%rdi), %rcx
        mov     CPU_STATE_CR3(%rdi), %rdx
        mov     %rax, %cr0
        mov     %rdx, %cr3
        mov     %rcx, %cr4
        ret

/* footing_ready: everything is in place. For breakpoints and counters. */
        .globl  footing_ready
footing_ready:
        ret

/* cpu_halt: interrupts off, for good. */
        .globl  cpu_halt
cpu_halt:
        cli
        hlt
        jmp     cpu_halt

/*
 * cpu_reset: an IDT of length 0 turns the next exception into a triple
 * fault, which every PC answers with a reset.
 */
        .globl  cpu_reset
cpu_reset:
        push    $0
        push    $0
        lidt    (%rsp)
        ud2
