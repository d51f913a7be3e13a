/* SPDX-License-Identifier: MIT */
/*
 * From 4 paging levels to 5, or back. CR4.LA57 can only change while paging
 * is off (SDM vol. 3 section 4.1.2), so this leaves long mode and enters it
 * again, on a page that is identity-mapped before and after: a copy of
 * levels_start … levels_end in RAM below 4 GiB.
 */
#include "asm.inc"
#include "layout.h"
#include "x86.h"

/* A label's distance from the start of the copy. */
#define IN_COPY(label) ((label)-levels_start)

        .text

/*
 * cpu_change_levels(code, root, new_root): see cpu.h.
 *
 * In:  rdi = the copy; rsi = root for the levels that are on; edx = root for
 *      those that shall be, below 4 GiB; both identity-map the copy, and map
 *      the image; interrupts off, no global pages
 * Out: under new_root
 */
        .globl  cpu_change_levels
FUNCTION cpu_change_levels
        SAVE    rbx
        SAVE    rbp
        SAVE    r12
        SAVE    r13
        SAVE    r14
        SAVE    r15
        mov     %rsp, levels_rsp(%rip)
        mov     %rsi, %cr3
        jmp     *%rdi

levels_changed:
        mov     levels_rsp(%rip), %rsp
        call    descriptors_load
        RESTORE r15
        RESTORE r14
        RESTORE r13
        RESTORE r12
        RESTORE rbp
        RESTORE rbx
        ret
END cpu_change_levels

/* From here on all runs in the copy. In: rdi = its address, edx = new root. */
        .globl  levels_start, levels_end
ROOT levels_start
        lea     IN_COPY(levels_gdt)(%rdi), %rax
        movw    $(levels_gdt_end - levels_gdt - 1), -10(%rsp)
        mov     %rax, -8(%rsp)
        lgdt    -10(%rsp)
        mov     %edi, %ebx
        lea     IN_COPY(1f)(%rdi), %rax
        push    $SEL_CODE32
        push    %rax
        lretq

        /* Compatibility mode, then without paging: what is written goes to the copy itself. */
        .code32
1:      mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        mov     %cr4, %ecx
        xor     $CR4_LA57, %ecx
        mov     %ecx, %cr4
        mov     %edx, %cr3
        lea     IN_COPY(2f)(%ebx), %ecx
        mov     %ecx, IN_COPY(levels_target)(%ebx)
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        ljmp    *IN_COPY(levels_target)(%ebx)

        .code64
2:      movabs  $levels_changed, %rax
        jmp     *%rax

        .balign 8
levels_gdt:
        .quad   0
        .quad   0x00af9b000000ffff      /* SEL_CODE64, already accessed: the page is read-only */
        .quad   0x00cf93000000ffff      /* SEL_DATA */
        .quad   0x00cf9b000000ffff      /* SEL_CODE32 */
levels_gdt_end:
levels_target:
        .long   0                       /* filled in */
        .word   SEL_CODE64
END levels_start
levels_end:

        .bss
        .balign 8
levels_rsp:
        .skip   8
