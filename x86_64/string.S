/* SPDX-License-Identifier: MIT */
/* The four functions that compilers call on their own (GCC manual, "Standards"). */
        .text

/* memcpy(rdi = to, rsi = from, rdx = bytes) */
        .globl  memcpy
memcpy:
        mov     %rdi, %rax
        mov     %rdx, %rcx
        rep movsb
        ret

/* memset(rdi = to, esi = byte, rdx = bytes) */
        .globl  memset
memset:
        mov     %rdi, %r8
        mov     %esi, %eax
        mov     %rdx, %rcx
        rep stosb
        mov     %r8, %rax
        ret

/* memmove(rdi = to, rsi = from, rdx = bytes): downwards if `to` lies in [from, from + bytes). */
        .globl  memmove
memmove:
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

/* memcmp(rdi, rsi, rdx = bytes) */
        .globl  memcmp
memcmp:
        mov     %rdx, %rcx
        xor     %eax, %eax
        repe cmpsb
        je      1f
        movzbl  -1(%rdi), %eax
        movzbl  -1(%rsi), %ecx
        sub     %ecx, %eax
1:      ret
