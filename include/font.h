/* SPDX-License-Identifier: MIT */
/* A font of Footing's own for the printable ASCII characters. */
#ifndef FONT_H
#define FONT_H

#include <stdint.h>

#define FONT_FIRST  0x20
#define FONT_LAST   0x7e
#define FONT_WIDTH  8
#define FONT_HEIGHT 16

/* Rows from the top; the most significant bit is the leftmost pixel. */
extern const uint8_t font[FONT_LAST - FONT_FIRST + 1][FONT_HEIGHT];

#endif
