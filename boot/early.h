/* SPDX-License-Identifier: MIT */
/*
 * What both entries need before there is C: written once, assembled for
 * 32-bit mode (\r = e) and 64-bit mode (\r = r). Both run where the loader
 * put the image, with %\r()bp holding that address.
 */
#ifndef EARLY_H
#define EARLY_H

#include "image.h"
#include "io.h"
#include "layout.h"
#include "x86.h"

/* Bits of an entry that links a table, and of a leaf that may only be read. */
#define LINK (PTE_P | PTE_W | PTE_A)
#define LEAF (PTE_P | PTE_A)

/*
 * BOOT_TABLES: the tables under which C begins. One identity-mapped page, the
 * trampoline's, through tables of its own, and the image at its link address,
 * each segment with its own rights.
 *
 *   boot_l4 [trampoline >> 39]  boot_id_l3 → boot_id_l2 → boot_id_l1 → trampoline page
 *   boot_l4 [511]               boot_l3 [510] → boot_l2 → boot_l1 … → image
 *
 * In:  bp = image's physical address; the tables (.bss) are zero
 * Out: the entry that boot_l4 needs for boot_id_l3, in ax; all but that one
 *      slot of boot_l4 is done
 * Clobbers ax, bx, cx, dx, si, di. No stack.
 */
.macro BOOT_TABLES r
        /* The identity page: its entry goes into l1, the entry for l1 into l2, and so on. */
        lea     LEAF(%\r\()bp), %\r\()ax
        lea     OFFSET(boot_id_l1)(%\r\()bp), %\r\()di
        mov     $PAGE_SHIFT, %ecx
1:      mov     %\r\()bp, %\r\()dx
        shr     %cl, %\r\()dx
        and     $511, %edx
        mov     %\r\()ax, (%\r\()di, %\r\()dx, 8)
        lea     LINK(%\r\()di), %\r\()ax
        add     $PAGE_SIZE, %\r\()di
        add     $9, %ecx
        cmp     $(PAGE_SHIFT + 3 * 9), %ecx
        jb      1b
        mov     %\r\()ax, %\r\()bx

        /* The image, segment by segment; the low halves of link addresses suffice. */
        lea     OFFSET(image_segments)(%\r\()bp), %\r\()si
2:      mov     SEGMENT_START(%\r\()si), %edx
        mov     SEGMENT_END(%\r\()si), %ecx
        sub     %edx, %ecx
        jz      4f
        shr     $PAGE_SHIFT, %ecx
        sub     $(PMAP_VA & 0xffffffff), %edx
        mov     %edx, %edi
        shr     $(PAGE_SHIFT - 3), %edi
        lea     OFFSET(boot_l1)(%\r\()bp, %\r\()di), %\r\()di
        lea     -(PMAP_SLOTS * PAGE_SIZE)(%\r\()bp, %\r\()dx), %\r\()ax
        mov     SEGMENT_RIGHTS(%\r\()si), %edx
        and     $SEGMENT_W, %edx
        lea     LEAF(%\r\()ax, %\r\()dx), %\r\()ax
        xor     %edx, %edx
        testl   $SEGMENT_X, SEGMENT_RIGHTS(%\r\()si)
        jnz     3f
        mov     $PTE_NX_HI, %edx
3:      mov     %\r\()ax, (%\r\()di)
        or      %edx, 4(%\r\()di)
        add     $PAGE_SIZE, %\r\()ax
        add     $8, %\r\()di
        sub     $1, %ecx
        jnz     3b
        add     $SEGMENT_SIZE, %\r\()si
        jmp     2b

        /* Link the tables: every l1 into l2, l2 into l3, l3 into l4. */
4:      lea     OFFSET(boot_l1) + LINK(%\r\()bp), %\r\()ax
        lea     OFFSET(boot_l1_end) + LINK(%\r\()bp), %\r\()cx
        lea     OFFSET(boot_l2)(%\r\()bp), %\r\()di
5:      mov     %\r\()ax, (%\r\()di)
        add     $PAGE_SIZE, %\r\()ax
        add     $8, %\r\()di
        cmp     %\r\()cx, %\r\()ax
        jb      5b
        lea     OFFSET(boot_l2) + LINK(%\r\()bp), %\r\()ax
        mov     %\r\()ax, OFFSET(boot_l3) + 510 * 8(%\r\()bp)
        lea     OFFSET(boot_l3) + LINK(%\r\()bp), %\r\()ax
        mov     %\r\()ax, OFFSET(boot_l4) + 511 * 8(%\r\()bp)
        mov     %\r\()bx, %\r\()ax
.endm

/*
 * EARLY_PANIC: print a text on COM1 (set to 115200 8N1) and the debug port,
 * leave QEMU with the panic status, else stop for good.
 *
 * In:  si = the text's physical address, ending in a zero byte;
 *      di = where on the VGA text screen to put it, 0: nowhere
 * No stack, no return.
 */
.macro EARLY_PANIC r
        mov     $(COM1 + UART_LCR), %edx
        mov     $(UART_LCR_DLAB | UART_LCR_8N1), %al
        out     %al, %dx
        mov     $(COM1 + UART_DLL), %edx
        mov     $UART_DIVISOR_115200, %al
        out     %al, %dx
        mov     $(COM1 + UART_DLH), %edx
        xor     %eax, %eax
        out     %al, %dx
        mov     $(COM1 + UART_LCR), %edx
        mov     $UART_LCR_8N1, %al
        out     %al, %dx
1:      mov     (%\r\()si), %bl
        add     $1, %\r\()si
        test    %bl, %bl
        jz      4f
        mov     %bl, %al
        mov     $DEBUG_PORT, %edx
        out     %al, %dx
        test    %\r\()di, %\r\()di
        jz      2f
        mov     %bl, (%\r\()di)
        movb    $VGA_ATTRIBUTE, 1(%\r\()di)
        add     $2, %\r\()di
        /* A UART that never gets ready, or none, must not hang us. */
2:      mov     $UART_PATIENCE, %ecx
3:      mov     $(COM1 + UART_LSR), %edx
        in      %dx, %al
        test    $UART_LSR_THRE, %al
        jnz     31f
        sub     $1, %ecx
        jnz     3b
31:     mov     %bl, %al
        mov     $COM1, %edx
        out     %al, %dx
        jmp     1b
4:      mov     $EXIT_PORT, %edx
        mov     $EXIT_PANIC, %eax
        out     %eax, %dx
5:      cli
        hlt
        jmp     5b
.endm

#endif
