/* SPDX-License-Identifier: MIT */
/* The switch to the final page tables, and the places where measuring tools wait. */
#include "asm.inc"
#include "cpu.h"
#include "io.h"
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
FUNCTION cpu_switch
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
END cpu_switch

/* footing_ready: everything is in place. For breakpoints and counters. */
        .globl  footing_ready
FUNCTION footing_ready
        ret
END footing_ready

/*
 * cpu_enter(entry, info): the payload, in the state that README.md writes
 * down. The stack begins anew; what it held is not needed any more.
 *
 * In:  rdi = entry, rsi = info; interrupts off
 * Out: to payload_returned(rax), if the payload comes back
 */
        .globl  cpu_enter
FUNCTION cpu_enter
        mov     %rdi, %r11
        mov     %rsi, %rdi

        /* Both 8259s let nothing through; where there is none, nobody listens. */
        mov     $PIC_ALL_MASKED, %al
        out     %al, $PIC_MASTER_DATA
        out     %al, $PIC_SLAVE_DATA

        fninit
        ldmxcsr mxcsr_default(%rip)
        xor     %eax, %eax
        mov     %rax, %dr0
        mov     %rax, %dr1
        mov     %rax, %dr2
        mov     %rax, %dr3
        mov     $DR6_DEFAULT, %eax
        mov     %rax, %dr6
        mov     $DR7_DEFAULT, %eax
        mov     %rax, %dr7

        /* Selectors first: loading one sets its base, and these are to be 0. */
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs
        xor     %edx, %edx
        mov     $MSR_FS_BASE, %ecx
        wrmsr
        mov     $MSR_GS_BASE, %ecx
        wrmsr
        mov     $MSR_KERNEL_GS_BASE, %ecx
        wrmsr

        /* Nobody has called the payload: what was on the stack is gone. */
        .cfi_undefined rip
        movabs  $boot_stack_top, %rsp
        lea     1f(%rip), %rcx
        push    %rcx
        push    %r11
        push    $EFLAGS_FIXED
        xor     %ebx, %ebx
        xor     %ecx, %ecx
        xor     %esi, %esi
        xor     %ebp, %ebp
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        xor     %r12d, %r12d
        xor     %r13d, %r13d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        popf
        ret

1:      mov     %rax, %rdi
        cli
        cld
        call    payload_returned
        ud2
END cpu_enter

        .balign 4
        .type   mxcsr_default, @object
mxcsr_default:
        .long   MXCSR_DEFAULT
        .size   mxcsr_default, . - mxcsr_default

/* cpu_halt: interrupts off, for good. */
        .globl  cpu_halt
FUNCTION cpu_halt
        cli
        hlt
        jmp     cpu_halt
END cpu_halt

/*
 * cpu_reset: an IDT of length 0 turns the next exception into a triple
 * fault, which every PC answers with a reset.
 */
        .globl  cpu_reset
FUNCTION cpu_reset
        push    $0
        .cfi_adjust_cfa_offset 8
        push    $0
        .cfi_adjust_cfa_offset 8
        lidt    (%rsp)
        ud2
END cpu_reset
