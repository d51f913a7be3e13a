/* SPDX-License-Identifier: MIT */
/* Exception entries and descriptor tables: SDM vol. 3 chapters 3 and 6. */
#include "asm.inc"
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
FUNCTION descriptors_load
        lgdt    gdtr(%rip)
        lidt    idtr(%rip)
        mov     $SEL_DATA, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        pop     %rax
        .cfi_adjust_cfa_offset -8
        .cfi_register rip, rax
        push    $SEL_CODE64
        .cfi_adjust_cfa_offset 8
        push    %rax
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rip, 0
        lretq
END descriptors_load

/*
 * TRAP_FRAME: what the CPU has pushed, and `pushed` bytes below it; for unwinding, all that
 * an interrupted function had.
 */
.macro TRAP_FRAME pushed
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa rsp, TRAP_CPU_SIZE + \pushed
        .cfi_offset rip, -TRAP_CPU_SIZE
        .cfi_offset rsp, -16
.endm

/* One entry of TRAP_ENTRY_SIZE bytes a vector; all leave a vector and an error code. */
        .balign TRAP_ENTRY_SIZE
        .globl  trap_entries
        .type   trap_entries, @function
trap_entries:
vector = 0
.rept TRAP_VECTORS
        .balign TRAP_ENTRY_SIZE
.if (TRAP_HAVE_CODE >> vector) & 1
        TRAP_FRAME 8
.else
        TRAP_FRAME 0
        push    $0
        .cfi_adjust_cfa_offset 8
.endif
        push    $vector
        .cfi_adjust_cfa_offset 8
        jmp     trap_common
        .cfi_endproc
vector = vector + 1
.endr
        .size   trap_entries, . - trap_entries

/*
 * trap_common: to trap_handler(frame), never back.
 *
 * In:  stack: vector, error code, rip, cs, rflags, rsp, ss. The CPU has aligned
 *      it to 16 before (SDM vol. 3 section 6.14.2), and a struct trap_frame is
 *      a multiple of that
 */
        .type   trap_common, @function
trap_common:
        TRAP_FRAME 16
        cld
.irp reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        SAVE    \reg
.endr
        mov     %rsp, %rdi
        call    trap_handler
        ud2
END trap_common
