/* SPDX-License-Identifier: MIT */
/*
 * Text on a linear framebuffer, in the built-in font. Touches nothing but the
 * pixels it is given, so that the host can test it. Pixels are only written,
 * never read: write-combining memory is slow to read.
 */
#ifndef FRAMEBUFFER_H
#define FRAMEBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"

/* More columns and rows than this stay unused. */
#define FRAMEBUFFER_COLUMNS_MAX 240u
#define FRAMEBUFFER_ROWS_MAX    100u

/* Firmware that gives 0 as the pitch means that one row follows the other: so it is now. */
void framebuffer_complete(struct framebuffer *fb);

/*
 * Why text cannot be drawn on it; null: it can. It has an address, is of
 * direct colour (type 1) with 15 to 32 bits a pixel and three fields that lie
 * inside a pixel, a row is not longer than its pitch, it has room for one
 * character, and its bytes neither wrap nor exceed 1 GiB.
 */
const char *framebuffer_flaw(const struct framebuffer *fb);

/* Bytes from base that its pixels take: pitch x height. Of a usable one. */
uint64_t framebuffer_bytes(const struct framebuffer *fb);

/* Draw from now on to these pixels, a usable framebuffer's; blank it at the first character. */
void framebuffer_start(const struct framebuffer *fb, volatile void *pixels);

/* Does any of its pixels, where they are mapped, lie in the len > 0 bytes from va on? */
bool framebuffer_is_in(uint64_t va, uint64_t len);

/* '\n' starts a new line, '\r' goes back to the start; characters outside ASCII show as '?'. */
void framebuffer_putc(char c);

#endif
