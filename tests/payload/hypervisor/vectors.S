/* SPDX-License-Identifier: MIT */
        .text

/* One entry of 16 bytes for each vector: all leave an error code and the vector on the stack. */
        .balign 16
        .globl  vectors
vectors:
        .set    vector, 0
        .rept   48
        .balign 16
        /* These push an error code of their own: #DF, #TS to #PF, #AC, #CP, #VC, #SX. */
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        push    $0
        .endif
        push    $vector
        jmp     common
        .set    vector, vector + 1
        .endr

/* To trap(frame), and back to where it happened. The stack is a multiple of 16 at the call. */
common:
        cld
        .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        push    %\reg
        .endr
        mov     %rsp, %rdi
        call    trap
        .irp    reg, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
        pop     %\reg
        .endr
        add     $16, %rsp
        iretq

/* traps_load(rdi = GDT, rsi = IDT): the selectors are 0x08, code, and 0x10, data. */
        .globl  traps_load
traps_load:
        lgdt    (%rdi)
        lidt    (%rsi)
        mov     $0x10, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        pop     %rax
        push    $0x08
        push    %rax
        lretq

        .section .note.GNU-stack, "", @progbits
