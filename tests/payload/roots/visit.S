/* SPDX-License-Identifier: MIT */
/*
 * A visit to the identity mapping of visit_page: paging off there, and on
 * again, and back. The stack is Footing's, which both roots have; nothing else
 * of the payload need be mapped in the root of the visit.
 */

#define CR0_PG        0x80000000
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define CODE32        0x18
#define IN_PAGE(label) ((label)-visit_page)

        .text

/*
 * visit(va, pa, root): as identity_enable() and identity_prepare() gave them;
 * pa and root below 4 GiB. Returns what was written to the page while paging
 * was off, and it could be.
 */
        .globl  visit
visit:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        sub     $16, %rsp
        sgdt    6(%rsp)
        lea     visited(%rip), %rax
        push    %rax
        mov     %cr3, %rax
        push    %rax
        push    %rdi
        jmp     *%rdi

visited:
        add     $24, %rsp
        lgdt    6(%rsp)
        mov     $SELECTOR_DATA, %ecx
        mov     %ecx, %ss
        mov     %ecx, %ds
        mov     %ecx, %es
        add     $16, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .section .text.visit, "ax"
        .balign 4096
        .globl  visit_page
visit_page:
        /* At va. In: rsi = pa, rdx = root. */
        mov     %rdx, %cr3
        lea     IN_PAGE(1f)(%rsi), %rax
        jmp     *%rax

        /* At pa. The stack pointer goes in two halves: leaving 64-bit mode takes the upper one. */
1:      lea     IN_PAGE(gdt)(%rsi), %rax
        movw    $(gdt_end - gdt - 1), -10(%rsp)
        mov     %rax, -8(%rsp)
        lgdt    -10(%rsp)
        mov     %rsp, %rdi
        mov     %edi, %ebp
        shr     $32, %rdi
        mov     %esi, %ebx
        lea     IN_PAGE(2f)(%rsi), %rax
        push    $CODE32
        push    %rax
        lretq

        .code32
2:      mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        mov     %ebp, IN_PAGE(stack)(%ebx)
        mov     %edi, IN_PAGE(stack) + 4(%ebx)
        movl    $0x600d, IN_PAGE(written)(%ebx)
        lea     IN_PAGE(3f)(%ebx), %ecx
        mov     %ecx, IN_PAGE(target)(%ebx)
        mov     %edx, %cr3
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        ljmp    *IN_PAGE(target)(%ebx)

        .code64
3:      mov     stack(%rip), %rsp
        mov     written(%rip), %eax
        mov     (%rsp), %rcx
        add     $IN_PAGE(4f), %rcx
        jmp     *%rcx

        /* At va again. */
4:      mov     8(%rsp), %rcx
        mov     %rcx, %cr3
        jmp     *16(%rsp)

        .balign 8
gdt:
        .quad   0
        .quad   0x00af9b000000ffff      /* SELECTOR_CODE */
        .quad   0x00cf93000000ffff      /* SELECTOR_DATA */
        .quad   0x00cf9b000000ffff      /* CODE32 */
gdt_end:
stack:  .quad   0
written:
        .long   0
target: .long   0
        .word   SELECTOR_CODE
        .balign 4096, 0xcc
        .section .note.GNU-stack, "", @progbits
