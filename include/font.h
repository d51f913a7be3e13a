/* SPDX-License-Identifier: MIT */
/* A font of Footing's own for the printable ASCII characters. */
#ifndef FONT_H
#define FONT_H

#include <stdint.h>

#define FONT_FIRST  0x20
#define FONT_LAST   0x7e
#define FONT_WIDTH  8
#define FONT_HEIGHT 16

/* The rows that are not blank in all characters: those before and after need no room. */
#define FONT_TOP  2
#define FONT_ROWS 13
extern const uint8_t font[FONT_LAST - FONT_FIRST + 1][FONT_ROWS];

/* A row of a character that the font has, from the top; the leftmost pixel is the highest bit. */
static inline unsigned font_row(uint8_t c, unsigned y)
{
    return y - FONT_TOP < FONT_ROWS ? font[c - FONT_FIRST][y - FONT_TOP] : 0;
}

#endif
