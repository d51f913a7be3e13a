/* SPDX-License-Identifier: MIT */
/* The entry: every register is put away before C can touch it. No word of .bss is written. */
#include "saved.h"

#define SLOT(number) saved + 8 * (number)(%rip)

        .macro  save_msr number, slot
        mov     $\number, %ecx
        rdmsr
        mov     %eax, saved + 8 * \slot(%rip)
        mov     %edx, saved + 8 * \slot + 4(%rip)
        .endm

        .text
#ifdef LINKED_IN
        .globl  footing_main
footing_main:
#else
        .globl  _start
_start:
#endif
#ifdef HALT
        /* To be looked at from outside, as it was entered. */
1:      cli
        hlt
        jmp     1b
#endif
        mov     %rax, SLOT(SAVED_RAX)
        mov     %rbx, SLOT(SAVED_RBX)
        mov     %rcx, SLOT(SAVED_RCX)
        mov     %rdx, SLOT(SAVED_RDX)
        mov     %rsi, SLOT(SAVED_RSI)
        mov     %rbp, SLOT(SAVED_RBP)
        mov     %r8, SLOT(SAVED_R8)
        mov     %r9, SLOT(SAVED_R8 + 1)
        mov     %r10, SLOT(SAVED_R8 + 2)
        mov     %r11, SLOT(SAVED_R8 + 3)
        mov     %r12, SLOT(SAVED_R8 + 4)
        mov     %r13, SLOT(SAVED_R8 + 5)
        mov     %r14, SLOT(SAVED_R8 + 6)
        mov     %r15, SLOT(SAVED_R8 + 7)
        mov     %rdi, SLOT(SAVED_RDI)
        mov     %rsp, SLOT(SAVED_RSP)
        mov     (%rsp), %rax
        mov     %rax, SLOT(SAVED_RETURN)
        pushf
        pop     %rax
        mov     %rax, SLOT(SAVED_RFLAGS)

        mov     %cr0, %rax
        mov     %rax, SLOT(SAVED_CR0)
        mov     %cr3, %rax
        mov     %rax, SLOT(SAVED_CR3)
        mov     %cr4, %rax
        mov     %rax, SLOT(SAVED_CR4)
        mov     %dr0, %rax
        mov     %rax, SLOT(SAVED_DR0)
        mov     %dr1, %rax
        mov     %rax, SLOT(SAVED_DR0 + 1)
        mov     %dr2, %rax
        mov     %rax, SLOT(SAVED_DR0 + 2)
        mov     %dr3, %rax
        mov     %rax, SLOT(SAVED_DR0 + 3)
        mov     %dr6, %rax
        mov     %rax, SLOT(SAVED_DR6)
        mov     %dr7, %rax
        mov     %rax, SLOT(SAVED_DR7)
        fxsave  saved_fx(%rip)

        mov     %cs, %eax
        mov     %rax, SLOT(SAVED_CS)
        mov     %ss, %eax
        mov     %rax, SLOT(SAVED_SS)
        mov     %ds, %eax
        mov     %rax, SLOT(SAVED_DS)
        mov     %es, %eax
        mov     %rax, SLOT(SAVED_ES)
        mov     %fs, %eax
        mov     %rax, SLOT(SAVED_FS)
        mov     %gs, %eax
        mov     %rax, SLOT(SAVED_GS)
        str     %eax
        mov     %rax, SLOT(SAVED_TR)
        sgdt    saved + 8 * SAVED_GDTR_LIMIT + 6(%rip)
        sidt    saved + 8 * SAVED_IDTR_LIMIT + 6(%rip)

        save_msr 0xc0000080, SAVED_EFER
        save_msr 0x277, SAVED_PAT
        save_msr 0xc0000100, SAVED_FS_BASE
        save_msr 0xc0000101, SAVED_GS_BASE
        save_msr 0xc0000102, SAVED_KERNEL_GS_BASE
        save_msr 0x1b, SAVED_APIC_BASE
        xor     %eax, %eax
        in      $0x21, %al
        mov     %rax, SLOT(SAVED_PIC_MASTER)
        in      $0xa1, %al
        mov     %rax, SLOT(SAVED_PIC_SLAVE)

        /* The stack is as a caller leaves it, and what C returns, Footing gets. */
        mov     SLOT(SAVED_RDI), %rdi
        jmp     check_main

/* Not .bss, which is to be found as Footing left it. */
        .data
        .balign 16
        .globl  saved, saved_fx
        .hidden saved, saved_fx
saved_fx:
        .fill   512, 1, 0xa5
saved:
        .fill   SAVED_WORDS, 8, 0xa5a5a5a5a5a5a5a5

#ifdef BIG
/* 3 MiB from a 2 MiB boundary on: one large page at least; each page holds its own number. */
        .balign 0x200000
        .globl  big
        .hidden big
        .set    page, 1
big:
        .rept   768
        .fill   512, 8, page
        .set    page, page + 1
        .endr
#endif

        .section .note.GNU-stack, "", @progbits
