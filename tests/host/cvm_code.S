/* SPDX-License-Identifier: MIT */
/* FIND_CVM of boot/cvm.inc as a function, its CPUID and RDMSR answered by test_cvm.c. */

        /* What an assembler has a macro for is no instruction any more. */
.macro cpuid
        call    ask_cpuid
.endm
.macro rdmsr
        call    ask_msr
.endm

#include "cvm.inc"

        .text

        /* Only test_cvm.c has them; in a library other tests, too, are linked with this. */
        .weak   answer_cpuid, answer_msr

/* uint32_t find_cvm(void); */
        .globl  find_cvm
find_cvm:
        push    %rbx
        FIND_CVM
        pop     %rbx
        ret

/* In: eax, ecx; out: eax, ebx, ecx, edx, as CPUID has it, by answer_cpuid(leaf, subleaf, out). */
ask_cpuid:
        push    %rbp
        mov     %rsp, %rbp
        sub     $16, %rsp
        and     $-16, %rsp
        mov     %eax, %edi
        mov     %ecx, %esi
        mov     %rsp, %rdx
        call    answer_cpuid@PLT
        mov     (%rsp), %eax
        mov     4(%rsp), %ebx
        mov     8(%rsp), %ecx
        mov     12(%rsp), %edx
        leave
        ret

/* In: ecx; out: edx:eax, as RDMSR has it, by answer_msr(number). */
ask_msr:
        push    %rbp
        mov     %rsp, %rbp
        and     $-16, %rsp
        mov     %ecx, %edi
        call    answer_msr@PLT
        mov     %rax, %rdx
        shr     $32, %rdx
        leave
        ret

        .section .note.GNU-stack, "", @progbits
