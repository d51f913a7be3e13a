/* SPDX-License-Identifier: MIT */
/*
 * The trampoline: the image's first page, and the only one that is ever
 * identity-mapped. Here paging is turned on, and from here the firmware's
 * page tables and Footing's are exchanged; what runs on both sides of such a
 * moment must be mapped at the same address in both.
 */
#include "asm.inc"
#include "firmware.h"
#include "layout.h"
#include "x86.h"

#define TRAMPOLINE_CR0 (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE)

        .section .trampoline, "ax"

/*
 * trampoline32: from 32-bit mode to C.
 *
 * In:  ebp = image's physical address, below 4 GiB, not paged; esi = boot
 *      information; eax = identity entry for boot_l4 (from BOOT_TABLES)
 * Out: start_c, with rbp and rsi zero-extended, r9 = 0
 */
        .code32
        .globl  trampoline32
ROOT trampoline32
        mov     %eax, OFFSET(boot_l4)(%ebp)

        /* The far jump and the descriptors have absolute addresses: fill them in. */
        lea     OFFSET(trampoline_long)(%ebp), %eax
        mov     %eax, OFFSET(trampoline_target)(%ebp)
        lea     OFFSET(trampoline_gdt)(%ebp), %eax
        mov     %eax, OFFSET(trampoline_gdtr) + 2(%ebp)
        mov     $OFFSET(start_c), %edi
        /* falls through */
END trampoline32

/*
 * enter_long: from 32-bit mode, not paged, to the boot tables.
 *
 * In:  ebp = image's physical address, edi = where to go on: an offset in the
 *      image; interrupts off
 * Out: there, in 64-bit mode, with rbp and rsi zero-extended, r9 = 0
 */
        .globl  enter_long
ROOT enter_long
        lgdt    OFFSET(trampoline_gdtr)(%ebp)
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        lea     OFFSET(boot_l4)(%ebp), %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $(EFER_LME | EFER_NXE), %eax
        wrmsr
        mov     $TRAMPOLINE_CR0, %eax
        mov     %eax, %cr0
        ljmp    *OFFSET(trampoline_target)(%ebp)

        .code64
trampoline_long:
        mov     %ebp, %ebp
        mov     %esi, %esi
        mov     %edi, %edi
        xor     %r9d, %r9d
        movabs  $IMAGE_VA, %r8
        add     %rdi, %r8
        jmp     *%r8
END enter_long

/*
 * trampoline64: from the firmware's 64-bit mode to C.
 *
 * In:  rbp = image's physical address, rsi = boot information, rbx = root of
 *      the boot tables, r9 = the firmware's state (a link address);
 *      the firmware's tables; interrupts off
 * Out: start_c
 */
        .globl  trampoline64
ROOT trampoline64
        movabs  $start_c, %r8
        /* falls through */
END trampoline64

/*
 * enter_footing: exchange the firmware's tables for Footing's, with NX and
 * write protection on; global pages, shadow stacks and whatever else the
 * firmware enabled in CR4 go off, but the number of levels stays.
 *
 * In:  rbx = root, r8 = link address to go on at; interrupts off
 * Clobbers rax, rcx, rdx
 */
ROOT enter_footing
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_NXE, %eax
        wrmsr
        mov     %cr4, %rax
        and     $(CR4_PAE | CR4_LA57), %eax
        mov     %rax, %cr4
        mov     $TRAMPOLINE_CR0, %eax
        mov     %rax, %cr0
        mov     %rbx, %cr3
        jmp     *%r8
END enter_footing

/*
 * firmware_gate: out to the firmware for one call, and back.
 *
 * The order is not free. CR4.PCIDE is set while CR3 has no PCID, which comes
 * after it (SDM vol. 3 section 4.10.1). CR4.CET is set when CR0.WP is (section
 * 2.5), and after the far return, which a shadow stack would have to know of
 * (vol. 1 section 17.2); the shadow stack itself is where the firmware left it.
 * On the way back CR4 goes first, and with it all that depends on the others.
 *
 * In:  rax = the function; rcx, rdx, r8, r9, r10, r11 = its arguments;
 *      rbp = the firmware state's physical address, r12 = the firmware's CR3;
 *      Footing's tables
 * Out: firmware_return, with r9 = the function's result; Footing's tables,
 *      the firmware's descriptors; all registers that UEFI does not preserve
 *      are lost
 */
        .globl  firmware_gate
ROOT firmware_gate
        mov     %r12, %rbx
        and     $~PAGE_MASK, %rbx
        mov     %rbx, %cr3
        mov     FIRMWARE_CR0(%rbp), %rbx
        mov     %rbx, %cr0
        mov     FIRMWARE_RSP(%rbp), %rsp
        lgdt    FIRMWARE_GDTR(%rbp)
        lidt    FIRMWARE_IDTR(%rbp)
        mov     FIRMWARE_SS(%rbp), %ss
        mov     FIRMWARE_DS(%rbp), %ds
        mov     FIRMWARE_ES(%rbp), %es
        movzwl  FIRMWARE_CS(%rbp), %ebx
        push    %rbx
        lea     1f(%rip), %rbx
        push    %rbx
        lretq
1:      mov     FIRMWARE_CR4(%rbp), %rbx
        mov     %rbx, %cr4
        mov     %r12, %cr3

        /* Four words of shadow space, then the fifth and sixth argument. */
        sub     $48, %rsp
        mov     %r10, 32(%rsp)
        mov     %r11, 40(%rsp)
        testl   $EFLAGS_IF, FIRMWARE_FLAGS(%rbp)
        jz      2f
        sti
2:      call    *%rax
        cli
        mov     %rax, %r9
        mov     FIRMWARE_OWN_ROOT(%rbp), %rbx
        movabs  $firmware_return, %r8
        jmp     enter_footing
END firmware_gate

        .balign 8
trampoline_gdt:
        .quad   0
        .quad   0x00af9b000000ffff      /* SEL_CODE64, already accessed: this page is read-only */
        .quad   0x00cf93000000ffff      /* SEL_DATA */
        .quad   0x00cf9b000000ffff      /* SEL_CODE32 */
        .globl  trampoline_gdtr
trampoline_gdtr:
        .word   . - trampoline_gdt - 1
        .quad   0                       /* the low half is filled in by trampoline32 */
trampoline_target:
        .long   0                       /* the same */
        .word   SEL_CODE64

/*
 * start_c: the first instructions at the link address.
 *
 * In:  rbp = image's physical address, rsi = boot information, r9 = the
 *      firmware's state or 0; boot tables
 * Out: boot_main(image, information, firmware) on the boot stack
 */
        .text
ROOT start_c
        movabs  $boot_stack_top, %rsp
        mov     %rbp, %rdi
        mov     %r9, %rdx
        xor     %ebp, %ebp
        call    boot_main
        ud2
END start_c

/*
 * firmware_call(function, args): see firmware.h.
 */
        .globl  firmware_call
FUNCTION firmware_call
        SAVE    rbx
        SAVE    rbp
        SAVE    r12
        SAVE    r13
        SAVE    r14
        SAVE    r15
        lea     firmware(%rip), %rbx
        mov     %cr3, %rax
        mov     %rax, FIRMWARE_OWN_ROOT(%rbx)
        mov     %rsp, FIRMWARE_OWN_RSP(%rbx)
        mov     FIRMWARE_IMAGE(%rbx), %rbp
        mov     FIRMWARE_ROOT(%rbx), %r12
        lea     OFFSET(firmware_gate)(%rbp), %r13
        lea     OFFSET(firmware)(%rbp), %rbp
        mov     %rdi, %rax
        mov     0 * 8(%rsi), %rcx
        mov     1 * 8(%rsi), %rdx
        mov     2 * 8(%rsi), %r8
        mov     3 * 8(%rsi), %r9
        mov     4 * 8(%rsi), %r10
        mov     5 * 8(%rsi), %r11
        jmp     *%r13

firmware_return:
        mov     firmware + FIRMWARE_OWN_RSP(%rip), %rsp
        push    %r9
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
END firmware_call
