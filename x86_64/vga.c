/* SPDX-License-Identifier: MIT */
#include "vga.h"

#include <stdbool.h>

#include "io.h"

static struct {
    volatile uint16_t *cells;
    bool clean;
    unsigned row, column;
} vga;

void vga_start(volatile uint16_t *cells)
{
    vga.cells = cells;
}

static uint16_t cell(char c)
{
    return (uint16_t)(VGA_ATTRIBUTE << 8 | (uint8_t)c);
}

static void newline(void)
{
    vga.column = 0;
    if (vga.row + 1 < VGA_ROWS) {
        vga.row++;
        return;
    }
    for (unsigned i = 0; i < VGA_COLUMNS * (VGA_ROWS - 1); i++)
        vga.cells[i] = vga.cells[i + VGA_COLUMNS];
    for (unsigned i = 0; i < VGA_COLUMNS; i++)
        vga.cells[VGA_COLUMNS * (VGA_ROWS - 1) + i] = cell(' ');
}

static void clear(void)
{
    for (unsigned i = 0; i < VGA_COLUMNS * VGA_ROWS; i++)
        vga.cells[i] = cell(' ');
    vga.clean = true;
    vga.row = 0;
    vga.column = 0;
}

void vga_putc(char c)
{
    if (!vga.clean)
        clear();
    if (c == '\n') {
        newline();
        return;
    }
    if (c == '\r') {
        vga.column = 0;
        return;
    }
    vga.cells[VGA_COLUMNS * vga.row + vga.column] = cell(c);
    if (++vga.column == VGA_COLUMNS)
        newline();
}
