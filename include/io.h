/* SPDX-License-Identifier: MIT */
/* I/O ports and legacy device registers, for C and assembly. */
#ifndef IO_H
#define IO_H

#define COM1 0x3f8
#define COM2 0x2f8

/* The 16550's registers (TI PC16550D data sheet, section 8). */
#define UART_DATA 0
#define UART_DLL  0 /* with DLAB: divisor, low and high */
#define UART_DLH  1
#define UART_IER  1
#define UART_FCR  2
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_SCR  7 /* scratch: keeps what is written if there is a UART */

#define UART_LCR_8N1        0x03
#define UART_LCR_DLAB       0x80
#define UART_LSR_THRE       0x20
#define UART_FCR_ENABLE     0x07
#define UART_MCR_DTR_RTS    0x03
#define UART_CLOCK          115200
#define UART_DIVISOR_115200 1
#define UART_MIN_BAUD       300
#define UART_PATIENCE       0x40000 /* polls before a UART is given up; a poll takes about 1 us */

#define DEBUG_PORT 0xe9 /* of QEMU (isa-debugcon), which reads back its own number; and of Xen */

/* QEMU isa-debug-exit: leaves with status 2 * value + 1. */
#define EXIT_PORT    0xf4
#define EXIT_SUCCESS 16
#define EXIT_PANIC   17

/* Real-mode vectors and BIOS data area; the word in it that is the EBDA's segment, and where that can lie. */
#define BIOS_DATA_END     0x500
#define BIOS_EBDA_SEGMENT 0x40e
#define BIOS_EBDA_LOWEST  0x80000
#define BIOS_EBDA_END     0xa0000

#define A20_BIT            0x100000
#define CONVENTIONAL_STACK 0x7c00 /* RAM on every PC, for who is about to stop anyway */

#define VGA_TEXT_PA   0xb8000
#define VGA_COLUMNS   80
#define VGA_ROWS      25
#define VGA_ATTRIBUTE 0x07

/* The two 8259 interrupt controllers' mask registers. */
#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PCI_ENABLE  0x80000000u

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA  0xa1
#define PIC_ALL_MASKED  0xff

#endif
