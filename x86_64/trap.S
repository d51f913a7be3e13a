/* SPDX-License-Identifier: MIT */
/* Exception entries and descriptor tables: SDM vol. 3 chapters 3 and 6. */
#include "trap.h"
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

/* One entry of TRAP_ENTRY_SIZE bytes a vector. */
        .balign TRAP_ENTRY_SIZE
        .globl  trap_entries
trap_entries:
vector = 0
.rept TRAP_VECTORS
        .balign TRAP_ENTRY_SIZE
        push    $vector
        jmp     trap_common
vector = vector + 1
.endr

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX push an error code. */
#define HAVE_ERROR_CODE 0x60227d00

/*
 * trap_common: to trap_handler(frame), never back.
 *
 * In:  stack: vector, error code where there is one, rip, cs, rflags, rsp, ss
 */
trap_common:
        cld
        push    %rax
        push    %rcx
        mov     16(%rsp), %ecx
        mov     $HAVE_ERROR_CODE, %eax
        bt      %ecx, %eax
        pop     %rcx
        pop     %rax
        jc      1f
        push    (%rsp)
        movq    $0, 8(%rsp)
1:
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
