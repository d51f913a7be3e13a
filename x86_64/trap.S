/* SPDX-License-Identifier: MIT */
/* Exception entries and descriptor tables: SDM vol. 3 chapters 3 and 6. */
#include "x86.h"

        .text

/*
 * descriptors_load: GDT, IDT and segment registers of Footing.
 *
 * In:  gdtr and idtr filled in by trap_init(); stack at a link address
 * Clobbers rax
 */
        .globl  descriptors_load
descriptors_load:
        lgdt    gdtr(%rip)
        lidt    idtr(%rip)
        mov     $SEL_DATA, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        pop     %rax
        push    $SEL_CODE64
        push    %rax
        lretq

/*
 * One entry of 16 bytes a vector: make the frame the same for all (an error
 * code, then the vector), then go to common.
 */
        .balign 16
        .globl  trap_entries
trap_entries:
vector = 0
.rept 32
        .balign 16
        /* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX push an error code. */
        .if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30))
        push    $0
        .endif
        push    $vector
        jmp     trap_common
vector = vector + 1
.endr

/*
 * trap_common: to trap_handler(frame), never back.
 *
 * In:  stack: vector, error code, rip, cs, rflags, rsp, ss
 */
trap_common:
        cld
        push    %rax
        push    %rcx
        push    %rdx
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %rdi
        and     $-16, %rsp
        call    trap_handler
        ud2
