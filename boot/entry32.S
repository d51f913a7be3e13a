/* SPDX-License-Identifier: MIT */
/* Where multiboot2 loaders on BIOS, and PVH, enter: 32-bit protected mode, paging off. */
#include "asm.inc"
#include "cvm.inc"
#include "early.inc"
#include "firmware32.h"
#include "multiboot2.h"
#include "pvh_format.h"

        .text
        .code32

/*
 * footing_entry: the first instruction.
 *
 * In:  eax = MB2_LOADER_MAGIC, ebx = boot information (multiboot2 section 3.3);
 *      flat 32-bit segments, interrupts off, no stack that may be relied on
 * Out: to trampoline32 with ebp = image's physical address, esi = boot
 *      information, eax = the entry for the identity map's slot of boot_l4
 */
        .globl  footing_entry
ROOT footing_entry
        cli
        cld
        cmp     $MB2_LOADER_MAGIC, %eax
        jne     not_multiboot2

        /* Where are we? One call, on the reserved word of the boot information as its stack. */
        mov     MB2_INFO_RESERVED(%ebx), %ecx
        lea     MB2_INFO_TAGS(%ebx), %esp
        call    1f
1:      pop     %ebp
        mov     %ecx, MB2_INFO_RESERVED(%ebx)
        sub     $OFFSET(1b), %ebp
        lea     OFFSET(boot_stack_top)(%ebp), %esp

        /*
         * enter32: what both have in common; which of them it was,
         * entered_by_pvh tells C.
         *
         * In:  ebp = image's physical address, ebx = what the loader left, esp =
         *      the boot stack's top, not yet to be used
         */
enter32:
        /* All of the image must be RAM, or neither its stack nor its tables are any: its end tells. */
        lea     OFFSET(image_end)(%ebp), %edi
        mov     -4(%edi), %ecx
        mov     %ecx, %eax
        not     %eax
        mov     %eax, -4(%edi)
        cmp     -4(%edi), %eax
        mov     %ecx, -4(%edi)
        mov     $OFFSET(text_no_ram), %esi
        jne     early_panic32
        push    %ebx
        call    save_firmware_32
        call    cvm_guard
        call    check_cpu
        call    check_a20
        BOOT_TABLES e
        pop     %esi
        jmp     trampoline32
END footing_entry

/*
 * pvh_entry (Xen, docs/misc/pvh.pandoc): from QEMU's -kernel, or Xen.
 *
 * In:  ebx = start info; the rest as above
 */
        .globl  pvh_entry
ROOT pvh_entry
        cli
        cld
        /* The same question; here the stack is a word of conventional memory. */
        mov     CONVENTIONAL_STACK - 4, %ecx
        mov     $CONVENTIONAL_STACK, %esp
        call    1f
1:      pop     %ebp
        mov     %ecx, CONVENTIONAL_STACK - 4
        sub     $OFFSET(1b), %ebp
        lea     OFFSET(boot_stack_top)(%ebp), %esp
        movb    $1, OFFSET(entered_by_pvh)(%ebp)

        /*
         * QEMU puts its initrd at the end of RAM, over the image if there is
         * too little. C could not say so, with its variables under the
         * module; everything else about modules is said by C.
         */
        cmpl    $PVH_MAGIC, PVH_INFO_MAGIC(%ebx)
        jne     enter32
        mov     PVH_INFO_MODULES(%ebx), %ecx
        mov     PVH_INFO_MODLIST(%ebx), %esi
        cmp     $PVH_MODULES_MAX, %ecx
        ja      enter32
        test    %esi, %esi
        jz      enter32
        lea     OFFSET(image_end)(%ebp), %edx
2:      sub     $1, %ecx
        jc      enter32
        cmpl    $0, PVH_MODULE_ADDRESS + 4(%esi)
        jne     3f
        mov     PVH_MODULE_LENGTH(%esi), %eax
        test    %eax, %eax
        jz      3f
        mov     PVH_MODULE_ADDRESS(%esi), %edi
        add     %edi, %eax
        cmp     %edx, %edi
        jae     3f
        cmp     %ebp, %eax
        ja      module_over_image
3:      add     $PVH_MODULE_SIZE, %esi
        jmp     2b

module_over_image:
        mov     $OFFSET(text_over_image), %esi
        jmp     early_panic32
END pvh_entry

/*
 * save_firmware_32: what a 32-bit firmware runs with, if one is alive; the
 * loader's own descriptor table is of no use to it.
 *
 * In:  ebp = image's physical address
 * Clobbers eax, edi
 */
ROOT save_firmware_32
        lea     OFFSET(firmware32)(%ebp), %edi
        mov     %ebp, FIRMWARE32_IMAGE(%edi)
        mov     %cr0, %eax
        mov     %eax, FIRMWARE32_CR0(%edi)
        mov     %cr4, %eax
        mov     %eax, FIRMWARE32_CR4(%edi)
        sidt    FIRMWARE32_IDTR(%edi)
        ret
END save_firmware_32

/*
 * check_cpu: CPUID, long mode and NX, and no confidential guest, or a panic.
 *
 * In:  ebp = image's physical address, a stack
 * Clobbers eax, ebx, ecx, edx, esi
 */
ROOT check_cpu
        pushf
        mov     (%esp), %eax
        xorl    $EFLAGS_ID, (%esp)
        popf
        pushf
        pop     %ecx
        mov     $OFFSET(text_no_long_mode), %esi
        xor     %eax, %ecx
        test    $EFLAGS_ID, %ecx
        jz      early_panic32

        FIND_CVM
        test    %eax, %eax
        jnz     cvm_refuse32
        mov     $OFFSET(text_no_long_mode), %esi

        mov     $CPUID_EXT_MAX, %eax
        cpuid
        cmp     $CPUID_EXT_1, %eax
        jb      early_panic32
        mov     $CPUID_EXT_1, %eax
        cpuid
        test    $CPUID_EXT_1_EDX_LM, %edx
        jz      early_panic32
        mov     $OFFSET(text_no_nx), %esi
        CHECK_NX early_panic32
        ret
END check_cpu

/*
 * check_a20: address line 20 must be open, or every odd MiB is another's
 * alias. Writes to a variable of the image only.
 *
 * In:  ebp = image's physical address, a stack
 * Clobbers eax, edx, esi, edi
 */
ROOT check_a20
        lea     OFFSET(a20_probe)(%ebp), %edi
        mov     %edi, %edx
        xor     $A20_BIT, %edx
        mov     (%edx), %eax
        not     %eax
        mov     %eax, (%edi)
        cmp     (%edx), %eax
        mov     $OFFSET(text_no_a20), %esi
        je      early_panic32
        ret
END check_a20

/* No boot information, so no stack yet: any conventional memory will do, nothing comes after. */
ROOT not_multiboot2
        mov     $CONVENTIONAL_STACK, %esp
        call    1f
1:      pop     %ebp
        sub     $OFFSET(1b), %ebp
        mov     $OFFSET(text_loader), %esi
END not_multiboot2

/*
 * early_panic32: print and stop.
 *
 * In:  ebp = image's physical address, esi = the text's offset in the image
 */
        .globl  early_panic32
ROOT early_panic32
        add     %ebp, %esi
        mov     $VGA_TEXT_PA, %edi
        EARLY_PANIC e
END early_panic32

        .section .rodata
text_no_long_mode:
        .asciz  "footing: panic NOLM: the CPU has no long mode (CPUID 0x80000001 EDX bit 29)\r\n"
        .globl  text_no_nx
text_no_nx:
        .asciz  "footing: panic NONX: the CPU has no execute-disable (CPUID 0x80000001 EDX bit 20)\r\n"
text_no_a20:
        .asciz  "footing: panic A20: address line 20 is off, odd MiB cannot be reached\r\n"
text_no_ram:
        .asciz  "footing: panic INUSE: loaded where the memory map has no usable RAM: the image's end does not read back\r\n"
text_over_image:
        .asciz  "footing: panic OVERLAP: loaded over something else: a module over the image, as with too little RAM\r\n"
        .globl  text_loader
text_loader:
        .asciz  "footing: panic LOADER: eax is not 0x36d76289, so this is no multiboot2 loader\r\n"

        .bss
        .balign 4
a20_probe:
        .skip   4
        .globl  entered_by_pvh
entered_by_pvh:
        .skip   1

        .section .bss.tables, "aw", @nobits
        .balign PAGE_SIZE
        .globl  boot_id_l1, boot_id_l2, boot_id_l3, boot_l2, boot_l3, boot_l4, boot_l5
boot_id_l1: .skip PAGE_SIZE  /* these three in this order: BOOT_TABLES climbs them */
boot_id_l2: .skip PAGE_SIZE
boot_id_l3: .skip PAGE_SIZE
boot_l2:    .skip PAGE_SIZE
boot_l3:    .skip PAGE_SIZE
boot_l4:    .skip PAGE_SIZE
boot_l5:    .skip PAGE_SIZE
