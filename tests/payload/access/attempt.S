/* SPDX-License-Identifier: MIT */
/* One access at a time, and the two exceptions that it may end in. */

#define UNTOUCHED 0x5ca1ab1e0ddba115 /* as in access.h */
#define NONE      0xff

        .text
/*
 * attempt(rdi = enum kind, rsi = address, rdx = value, rcx = struct outcome):
 * all that the ABI wants kept is on the stack, so that a fault can go on from
 * `leave` with nothing but attempt_rsp.
 */
        .globl  attempt
        .hidden attempt
        .type   attempt, @function
attempt:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        push    %rcx
        mov     $UNTOUCHED, %rax
        mov     %rax, %cr2
        mov     %rsp, attempt_rsp(%rip)
        cmp     $1, %edi
        jb      .Lread1
        je      .Lread8
        cmp     $3, %edi
        jb      .Lwrite1
        je      .Lwrite8
        cmp     $5, %edi
        jb      .Llocked
        /* What is fetched is a `ret`. */
        call    *%rsi
        jmp     .Ldone
.Lread1:
        movzbl  (%rsi), %eax
        jmp     .Ldone
.Lread8:
        mov     (%rsi), %rax
        jmp     .Ldone
.Lwrite1:
        mov     %dl, (%rsi)
        jmp     .Ldone
.Lwrite8:
        mov     %rdx, (%rsi)
        jmp     .Ldone
.Llocked:
        lock xchg %rdx, (%rsi)
        mov     %rdx, %rax
.Ldone:
        mov     $NONE, %ebx
        xor     %edx, %edx
/* rbx = vector, rdx = error code, rax = value */
.Lleave:
        movq    $0, attempt_rsp(%rip)
        pop     %rcx
        mov     %rbx, (%rcx)
        mov     %rdx, 8(%rcx)
        mov     %cr2, %rdx
        mov     %rdx, 16(%rcx)
        mov     %rax, 24(%rcx)
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

/* A fault outside of attempt() is Footing's to show. */
        .macro  catch name, vector, footings
        .globl  \name
        .hidden \name
\name:
        cmpq    $0, attempt_rsp(%rip)
        je      1f
        cld
        pop     %rdx
        mov     $\vector, %ebx
        mov     attempt_rsp(%rip), %rsp
        jmp     .Lleave
1:      jmp     *\footings(%rip)
        .endm

        catch   catch_gp, 13, footings_gp
        catch   catch_pf, 14, footings_pf

        .section .note.GNU-stack, "", @progbits

        .bss
        .balign 8
/* Where the stack was before the access; 0: there is none under way. */
attempt_rsp:
        .skip   8
        .globl  footings_gp, footings_pf
        .hidden footings_gp, footings_pf
footings_gp:
        .skip   8
footings_pf:
        .skip   8

/* Frames that no mapping has writable: for executable ones that need no leave. */
        .section .text.pool, "ax", @progbits
        .balign 4096
        .globl  text_pool, text_pool_end
        .hidden text_pool, text_pool_end
text_pool:
        .fill   64 * 4096, 1, 0xc3
text_pool_end:
