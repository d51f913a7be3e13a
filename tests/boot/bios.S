/* SPDX-License-Identifier: MIT */
/*
 * A ROM that plays firmware and multiboot2 loader. QEMU has put the image,
 * the boot information and the modules into RAM before reset; all that is
 * left is to bring the CPU into the state that the test wants and to jump.
 *
 * rom.py fills in the record at the ROM's beginning. The ROM runs from its
 * alias below 1 MiB, where address bit 20 is 0: the A20 gate may be shut.
 */

/* The record; rom.py knows the same offsets. */
        .set    CR0_SET, 0x00
        .set    CR4_SET, 0x04
        .set    A20_OFF, 0x08
        .set    LOAD_EAX, 0x0c
        .set    LOAD_EBX, 0x10
        .set    ENTRY, 0x14             /* 64 bits */
        .set    ROOT, 0x1c              /* 0: enter in 32-bit mode, not paged */
        .set    STACK, 0x20
        .set    MSR_COUNT, 0x24
        .set    MSRS, 0x28              /* number, low half, high half; each 32 bits */
        .set    RECORD_SIZE, 0x1000

        .set    SEL_CODE, 0x08
        .set    SEL_DATA, 0x10
        .set    SEL_CODE64, 0x18
        .set    CR0_PE, 0x1
        .set    CR4_OSFXSR, 0x200
        .set    SYSTEM_CONTROL_A, 0x92  /* bit 1 is the A20 gate, bit 0 resets */

        .section .text, "ax"
record:
        .skip   RECORD_SIZE

/* 32-bit flat segments, as a multiboot2 loader leaves them. */
        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00af9b000000ffff      /* the same code in 64-bit mode */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt

mxcsr_dirty:
        .long   0x9fc0
x87_dirty:
        .word   0x27f

/* Real mode, segment 0xf000. Out: 32-bit protected mode. */
        .code16
start16:
        cli
        lgdtl   %cs:(gdt_pointer - record)
        movl    %cr0, %eax
        orl     $CR0_PE, %eax
        movl    %eax, %cr0
        ljmpl   $SEL_CODE, $start32

        .code32
start32:
        movw    $SEL_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss

        /* What firmware may leave behind, and a payload must not find. */
        movl    $0x12345678, %eax
        movl    %eax, %dr0
        movl    %eax, %dr3
        movl    $0xffff4ff1, %eax
        movl    %eax, %dr6
        movl    $0x00030700, %eax
        movl    %eax, %dr7
        movl    %cr4, %ecx
        movl    %ecx, %eax
        orl     $CR4_OSFXSR, %eax
        movl    %eax, %cr4
        ldmxcsr %cs:mxcsr_dirty
        movl    %ecx, %cr4
        fld1
        fldcw   %cs:x87_dirty

        movl    $record, %ebp
        leal    MSRS(%ebp), %esi
        movl    MSR_COUNT(%ebp), %edi
1:      testl   %edi, %edi
        jz      2f
        movl    0(%esi), %ecx
        movl    4(%esi), %eax
        movl    8(%esi), %edx
        wrmsr
        addl    $12, %esi
        decl    %edi
        jmp     1b
2:
        movl    %cr4, %eax
        orl     CR4_SET(%ebp), %eax
        movl    %eax, %cr4
        movl    ROOT(%ebp), %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     CR0_SET(%ebp), %eax
        movl    %eax, %cr0
        movl    STACK(%ebp), %esp

        testl   $1, A20_OFF(%ebp)
        jz      3f
        xorl    %eax, %eax
        outb    %al, $SYSTEM_CONTROL_A
3:
        movl    LOAD_EBX(%ebp), %ebx
        movl    LOAD_EAX(%ebp), %eax
        cmpl    $0, ROOT(%ebp)
        jne     4f
        jmpl    *ENTRY(%ebp)

/* Long mode is active since CR0.PG: EFER.LME is one of the MSRs above. */
4:      ljmpl   $SEL_CODE64, $start64
        .code64
start64:
        movl    %esp, %esp
        jmpq    *ENTRY(%rbp)

/* 16 bytes below 4 GiB, and below 1 MiB. */
        .section .reset, "ax"
        .code16
        ljmpw   $0xf000, $(start16 - record)
