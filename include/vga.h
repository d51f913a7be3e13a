/* SPDX-License-Identifier: MIT */
/* The VGA text screen, 80 x 25 cells. */
#ifndef VGA_H
#define VGA_H

#include <stdint.h>

/* Where its memory is mapped; it is blanked at the first character. */
void vga_start(volatile uint16_t *cells);

void vga_putc(char c);

#endif
