/* SPDX-License-Identifier: MIT */
/* UTF-8, which configurations are written in, and UCS-2, which UEFI speaks. Pure. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes before the final zero. */
static inline size_t text_len(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0')
        len++;
    return len;
}

/* A blank of a line; an ASCII capital made small; Unicode's control characters, a tab included. */
static inline bool text_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool text_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/*
 * The length of the UTF-8 sequence at text, of which len > 0 bytes are there,
 * and its code point. 0: none that RFC 3629 allows (overlong forms, surrogates
 * and what is above U+10FFFF are not allowed).
 */
size_t utf8_next(const char *text, size_t len, uint32_t *point);

/*
 * UTF-8 to UCS-2 with a final zero; room counts units, the zero included.
 * False: no UTF-8, a code point above U+FFFF or 0, or too long.
 */
bool utf8_to_ucs2(const char *text, size_t len, uint16_t *ucs2, size_t room);

/*
 * UCS-2 (units of two bytes at any address, little endian) to UTF-8 with a
 * final zero; stops at a zero unit, or after `units`. False: a surrogate, or
 * the text does not fit in `room` bytes.
 */
bool ucs2_to_utf8(const void *ucs2, size_t units, char *text, size_t room);

#endif
