/* SPDX-License-Identifier: MIT */
/* Out of long mode to a 32-bit firmware, for as long as one call lasts: see firmware32.h. */
#include "asm.inc"
#include "firmware32.h"
#include "layout.h"
#include "x86.h"

        .section .trampoline, "ax"

/*
 * firmware_gate_32: to the firmware, without paging, and back. All that is
 * reached on the way lies in the image, by its physical address.
 *
 * In:  edi = the function, esi = its arguments, ebp = firmware32, all physical;
 *      runs where the trampoline is identity-mapped; the boot tables,
 *      interrupts off
 * Out: firmware_return_32, with esi = the function's result; the boot tables
 */
ROOT firmware_gate_32
        lgdt    trampoline_gdtr(%rip)
        lea     2f(%rip), %rbx
        lea     1f(%rip), %rax
        push    $SEL_CODE32
        push    %rax
        lretq

        .code32
1:      mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        mov     $MSR_EFER, %ecx
        rdmsr
        and     $~EFER_LME, %eax
        wrmsr
        mov     FIRMWARE32_CR4(%ebp), %eax
        mov     %eax, %cr4
        mov     FIRMWARE32_CR0(%ebp), %eax
        mov     %eax, %cr0
        lgdt    FIRMWARE32_GDTR(%ebp)
        lidt    FIRMWARE32_IDTR(%ebp)
        movzwl  FIRMWARE32_DATA(%ebp), %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     FIRMWARE32_ESP(%ebp), %esp
        movzwl  FIRMWARE32_CODE(%ebp), %eax
        push    %eax
        push    %ebx
        lret

2:      sub     $(-FIRMWARE32_PUSHED & 15), %esp
        pushl   5 * 8(%esi)
        pushl   4 * 8(%esi)
        pushl   3 * 8(%esi)
        pushl   2 * 8(%esi)
        pushl   1 * 8(%esi)
        pushl   0 * 8(%esi)
        sti
        call    *%edi
        cli
        mov     %eax, %esi
        sub     $OFFSET(firmware32), %ebp
        mov     $OFFSET(firmware_return_32), %edi
        jmp     enter_long
END firmware_gate_32

        .text
        .code64

/* firmware_call_32(function, args): see firmware32.h. */
        .globl  firmware_call_32
FUNCTION firmware_call_32
        SAVE    rbx
        SAVE    rbp
        SAVE    r12
        SAVE    r13
        SAVE    r14
        SAVE    r15
        mov     %rsp, firmware32_own_rsp(%rip)
        mov     firmware32 + FIRMWARE32_IMAGE(%rip), %ebx
        lea     OFFSET(firmware32)(%rbx), %rbp
        lea     OFFSET(firmware_gate_32)(%rbx), %rax
        movabs  $IMAGE_VA, %rcx
        sub     %rcx, %rsi
        add     %rbx, %rsi
        jmp     *%rax

firmware_return_32:
        mov     firmware32_own_rsp(%rip), %rsp
        push    %rsi
        .cfi_adjust_cfa_offset 8
        call    descriptors_load
        pop     %rax
        .cfi_adjust_cfa_offset -8
        RESTORE r15
        RESTORE r14
        RESTORE r13
        RESTORE r12
        RESTORE rbp
        RESTORE rbx
        cld
        ret
END firmware_call_32

        .bss
        .balign 8
firmware32_own_rsp:
        .skip   8
        .globl  firmware32
firmware32:
        .skip   FIRMWARE32_SIZE
