/* SPDX-License-Identifier: MIT */
/*
 * Confidential guests (cvm.inc) are refused, by whatever can still be used to
 * say so: nothing here goes by an address of Footing's own page tables.
 *
 *   firmware alive   its console, and back to it with a status
 *   SEV without it   COM1 and the debug port, as any early panic
 *   others           nothing: a port access would raise #VC or #VE, and nobody
 *                    handles that. The processor stops.
 */
#include "asm.inc"
#include "cvm.inc"
#include "efi_services.h"
#include "layout.h"
#include "multiboot2.h"

/* For the firmware's own calling convention: space below the return address, and alignment. */
#define SHADOW_SPACE 32
#define STACK_ALIGN  16

/* Interrupt gates of 32-bit mode, SDM vol. 3 section 6.11, for these two vectors. */
#define VECTOR_VE           20
#define VECTOR_VC           29
#define CVM_GATES           (VECTOR_VC + 1)
#define GATE32_SIZE         8
#define GATE_OFFSET_LOW     0x0000ffff
#define GATE_SELECTOR_SHIFT 16
#define GATE_INTERRUPT      0x8e00

#define TEXT_MAX     128 /* characters of a refusal, the final zero included */

        .text
        .code32

/*
 * cvm_guard: from here on #VC and #VE stop the processor. In an SEV-ES guest
 * even CPUID raises the former.
 *
 * In:  ebp = image's physical address, a stack
 * Clobbers eax, ecx, edx
 */
        .globl  cvm_guard
FUNCTION cvm_guard
        lea     OFFSET(cvm_stop)(%ebp), %eax
        mov     %eax, %edx
        and     $GATE_OFFSET_LOW, %eax
        mov     %cs, %ecx
        shl     $GATE_SELECTOR_SHIFT, %ecx
        or      %ecx, %eax
        and     $~GATE_OFFSET_LOW, %edx
        or      $GATE_INTERRUPT, %edx
        mov     %eax, OFFSET(cvm_gates) + VECTOR_VE * GATE32_SIZE(%ebp)
        mov     %edx, OFFSET(cvm_gates) + VECTOR_VE * GATE32_SIZE + 4(%ebp)
        mov     %eax, OFFSET(cvm_gates) + VECTOR_VC * GATE32_SIZE(%ebp)
        mov     %edx, OFFSET(cvm_gates) + VECTOR_VC * GATE32_SIZE + 4(%ebp)
        lea     OFFSET(cvm_gates)(%ebp), %eax
        mov     %eax, OFFSET(cvm_idtr) + 2(%ebp)
        lidt    OFFSET(cvm_idtr)(%ebp)
        ret
END cvm_guard

/*
 * cvm_refuse32: without a firmware.
 *
 * In:  eax = what FIND_CVM found, not CVM_NONE; ebp = image's physical address
 */
        .globl  cvm_refuse32
ROOT cvm_refuse32
        cmp     $CVM_SEV, %eax
        jne     cvm_stop
        mov     $OFFSET(text_sev), %esi
        jmp     early_panic32
cvm_stop:
        cli
        hlt
        jmp     cvm_stop
END cvm_refuse32

        .code64

/*
 * cvm_refuse_efi: to the firmware that has started the image.
 *
 * In:  eax = what FIND_CVM found, not CVM_NONE; rdx = system table; all else
 *      that UEFI preserves as at entry, and the stack
 * Out: to the firmware, with EFI_UNSUPPORTED
 */
        .globl  cvm_refuse_efi
FUNCTION cvm_refuse_efi
        call    say
        mov     $EFI_UNSUPPORTED, %rax
        ret
END cvm_refuse_efi

/*
 * cvm_refuse_mb2: to the firmware that has started a multiboot2 loader.
 *
 * In:  eax = what FIND_CVM found, not CVM_NONE; rbx = boot information, with
 *      the firmware's system table and the loader's image handle in it
 */
        .globl  cvm_refuse_mb2
ROOT cvm_refuse_mb2
        mov     %eax, %r13d
        mov     $MB2_TAG_EFI64, %esi
        call    find_pointer
        test    %rax, %rax
        jz      1f
        mov     %rax, %rdx
        mov     %rax, %r12
        mov     %r13d, %eax
        call    say
        mov     $MB2_TAG_EFI64_IH, %esi
        call    find_pointer
        mov     %rax, %rcx
        mov     $EFI_UNSUPPORTED, %rdx
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        mov     SYSTEM_BOOT_SERVICES(%r12), %rax
        and     $-STACK_ALIGN, %rsp
        sub     $SHADOW_SPACE, %rsp
        call    *BOOT_EXIT(%rax)
1:      cli
        hlt
        jmp     1b
END cvm_refuse_mb2

/*
 * find_pointer: the pointer in the first tag of this type.
 *
 * In:  rbx = boot information, esi = the type
 * Out: rax = the pointer; 0: there is no such tag
 * Clobbers rcx, rdi
 */
FUNCTION find_pointer
        lea     MB2_INFO_TAGS(%rbx), %rdi
        mov     MB2_INFO_TOTAL_SIZE(%rbx), %ecx
        add     %rbx, %rcx
1:      mov     $(MB2_TAG_POINTER + 8), %eax
        add     %rdi, %rax
        cmp     %rcx, %rax
        ja      3f
        cmp     %esi, MB2_TAG_TYPE(%rdi)
        je      2f
        /* The next one; a size of 0 would lead nowhere. */
        mov     MB2_TAG_SIZE(%rdi), %eax
        test    %eax, %eax
        jz      3f
        add     $(MB2_TAG_ALIGN - 1), %rax
        and     $-MB2_TAG_ALIGN, %rax
        add     %rax, %rdi
        jmp     1b
2:      mov     MB2_TAG_POINTER(%rdi), %rax
        ret
3:      xor     %eax, %eax
        ret
END find_pointer

/*
 * say: the refusal on the firmware's console (EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL,
 * UEFI 2.10 section 12.4), in UCS-2 on the stack.
 *
 * In:  eax = what FIND_CVM found, not CVM_NONE; rdx = system table; the
 *      firmware's stack
 * Clobbers what UEFI does not preserve
 */
FUNCTION say
        SAVE    rbp
        SAVE    rsi
        SAVE    rdi
        mov     %rsp, %rbp
        .cfi_def_cfa_register rbp
        sub     $(2 * TEXT_MAX + SHADOW_SPACE), %rsp
        and     $-STACK_ALIGN, %rsp

        /* The text of the highest bit. */
        bsr     %eax, %eax
        lea     texts(%rip), %rsi
        mov     (%rsi, %rax, 4), %eax
        lea     image_start(%rip), %rsi
        add     %rax, %rsi
        lea     SHADOW_SPACE(%rsp), %rdi
        cld
        xor     %eax, %eax
1:      lodsb
        stosw
        test    %al, %al
        jnz     1b

        mov     SYSTEM_CON_OUT(%rdx), %rcx
        test    %rcx, %rcx
        jz      2f
        lea     SHADOW_SPACE(%rsp), %rdx
        call    *TEXT_OUTPUT_STRING(%rcx)
2:      mov     %rbp, %rsp
        .cfi_def_cfa_register rsp
        RESTORE rdi
        RESTORE rsi
        RESTORE rbp
        ret
END say

        .section .rodata
        .balign 4
texts:
        .long   OFFSET(text_sev)
        .long   OFFSET(text_es)
        .long   OFFSET(text_snp)
        .long   OFFSET(text_tdx)

.macro REFUSAL name, kind
text_\name:
        .asciz  "footing: panic CVM: \kind guest: its memory is encrypted, which Footing does not support\r\n"
        .if     . - text_\name > TEXT_MAX
        .error  "the text is too long"
        .endif
.endm
        REFUSAL sev, "an AMD SEV"
        REFUSAL es, "an AMD SEV-ES"
        REFUSAL snp, "an AMD SEV-SNP"
        REFUSAL tdx, "an Intel TDX"

        .data
        .balign 4
cvm_idtr:
        .word   CVM_GATES * GATE32_SIZE - 1
        .long   0                       /* filled in by cvm_guard */

        .bss
        .balign 8
cvm_gates:
        .skip   CVM_GATES * GATE32_SIZE
