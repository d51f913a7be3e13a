/* SPDX-License-Identifier: MIT */
/* Where UEFI enters, through a multiboot2 loader or directly: 64-bit mode, boot services alive. */
#include "asm.inc"
#include "cvm.inc"
#include "early.inc"
#include "firmware.h"
#include "multiboot2.h"

        .text
        .code64

/*
 * footing_entry_efi64 (multiboot2 section 3.5): from GRUB.
 *
 * In:  eax = MB2_LOADER_MAGIC, ebx = boot information; the firmware's page
 *      tables (4 or 5 levels, identity, perhaps read-only), descriptors and
 *      stack
 */
        .globl  footing_entry_efi64
ROOT footing_entry_efi64
        pushf
        pop     %r8
        cli
        lea     image_start(%rip), %rbp
        mov     %ebx, %r12d
        lea     text_loader(%rip), %rsi
        cmp     $MB2_LOADER_MAGIC, %eax
        jne     early_panic64
        FIND_CVM
        mov     %r12d, %ebx
        test    %eax, %eax
        jnz     cvm_refuse_mb2
        jmp     enter64
END footing_entry_efi64

/*
 * efi_entry (UEFI 2.10 section 4.1): footing.efi, from the firmware itself.
 * There is no way back from here but the firmware's Exit().
 *
 * In:  rcx = image handle, rdx = system table; the rest as above
 */
        .globl  efi_entry
ROOT efi_entry
        /* Confidential guests go back the way they came, with all registers that UEFI preserves. */
        mov     %rbx, %r9
        mov     %rcx, %r10
        mov     %rdx, %r11
        FIND_CVM
        mov     %r9, %rbx
        mov     %r10, %rcx
        mov     %r11, %rdx
        test    %eax, %eax
        jnz     cvm_refuse_efi
        pushf
        pop     %r8
        cli
        lea     image_start(%rip), %rbp
        lea     firmware(%rip), %rdi
        mov     %rcx, FIRMWARE_IMAGE_HANDLE(%rdi)
        mov     %rdx, FIRMWARE_SYSTEM_TABLE(%rdi)
        xor     %r12d, %r12d
        /* falls through */
END efi_entry

/*
 * enter64: what both have in common.
 *
 * In:  rbp = image's physical address, r8 = flags at entry, r12 = boot
 *      information or 0; interrupts off
 * Out: to trampoline64 with rsi = boot information, rbx = root of the boot
 *      tables, r9 = saved firmware state
 */
ROOT enter64
        cld
        /* Long mode is here; NX need not be. */
        lea     text_no_nx(%rip), %rsi
        CHECK_NX early_panic64

        call    save_firmware
        BOOT_TABLES r

        /* The identity page's slot of the root; one root more if firmware runs five levels. */
        lea     boot_l4(%rip), %rbx
        mov     %rbp, %rdx
        shr     $(PAGE_SHIFT + 3 * TABLE_SHIFT), %rdx
        and     $(TABLE_SLOTS - 1), %edx
        mov     %rax, (%rbx, %rdx, 8)
        mov     %cr4, %rax
        test    $CR4_LA57, %eax
        jz      1f
        lea     LINK(%rbx), %rax
        lea     boot_l5(%rip), %rbx
        mov     %rax, (%rbx)
        mov     %rax, (TABLE_SLOTS - 1) * 8(%rbx)

1:      mov     %r12, %rsi
        movabs  $firmware, %r9
        jmp     trampoline64
END enter64

/*
 * save_firmware: all that a call into the firmware needs again.
 *
 * In:  rbp = image's physical address, r8 = flags at entry
 * Clobbers rax, rdi
 */
FUNCTION save_firmware
        lea     firmware(%rip), %rdi
        mov     %rbp, FIRMWARE_IMAGE(%rdi)
        mov     %r8, FIRMWARE_FLAGS(%rdi)
        mov     %cr3, %rax
        mov     %rax, FIRMWARE_ROOT(%rdi)
        mov     %cr0, %rax
        mov     %rax, FIRMWARE_CR0(%rdi)
        mov     %cr4, %rax
        mov     %rax, FIRMWARE_CR4(%rdi)
        sgdt    FIRMWARE_GDTR(%rdi)
        sidt    FIRMWARE_IDTR(%rdi)
        mov     %cs, FIRMWARE_CS(%rdi)
        mov     %ss, FIRMWARE_SS(%rdi)
        mov     %ds, FIRMWARE_DS(%rdi)
        mov     %es, FIRMWARE_ES(%rdi)
        /* Below this call's frame, aligned for the ABI. */
        lea     -64(%rsp), %rax
        and     $-16, %rax
        mov     %rax, FIRMWARE_RSP(%rdi)
        ret
END save_firmware

/* early_panic64: print and stop. In: rsi = the text. A UEFI screen is no text screen. */
ROOT early_panic64
        xor     %edi, %edi
        EARLY_PANIC r
END early_panic64

        .bss
        .balign 16
        .globl  firmware
firmware:
        .skip   FIRMWARE_SIZE
