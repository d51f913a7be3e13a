/* SPDX-License-Identifier: MIT */
/* The four functions that compilers call on their own (GCC manual, "Standards"). */
#include "asm.inc"

        .text

/* memcpy(rdi = to, rsi = from, rdx = bytes) */
        .globl  memcpy
FUNCTION memcpy
        mov     %rdi, %rax
        mov     %rdx, %rcx
        rep movsb
        ret
END memcpy

/* memset(rdi = to, esi = byte, rdx = bytes) */
        .globl  memset
FUNCTION memset
        mov     %rdi, %r8
        mov     %esi, %eax
        mov     %rdx, %rcx
        rep stosb
        mov     %r8, %rax
        ret
END memset

/* memmove(rdi = to, rsi = from, rdx = bytes): downwards if `to` lies in [from, from + bytes). */
        .globl  memmove
FUNCTION memmove
        mov     %rdi, %rax
        sub     %rsi, %rax
        cmp     %rdx, %rax
        jae     memcpy
        mov     %rdi, %rax
        mov     %rdx, %rcx
        lea     -1(%rdi, %rdx), %rdi
        lea     -1(%rsi, %rdx), %rsi
        std
        rep movsb
        cld
        ret
END memmove

/* memcmp(rdi, rsi, rdx = bytes) */
        .globl  memcmp
FUNCTION memcmp
        mov     %rdx, %rcx
        xor     %eax, %eax
        repe cmpsb
        je      1f
        movzbl  -1(%rdi), %eax
        movzbl  -1(%rsi), %ecx
        sub     %ecx, %eax
1:      ret
END memcmp
