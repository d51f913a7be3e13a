/* SPDX-License-Identifier: MIT */
/* A second opinion on UTF-8 and UCS-2, by the Unicode standard's tables. */
#ifndef REFERENCE_TEXT_H
#define REFERENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As utf8_next() promises. */
size_t reference_utf8(const void *text, size_t len, uint32_t *point);

/* The sequence of a code point up to U+10FFFF, surrogates too, without a final zero; its length. */
size_t reference_put_utf8(uint32_t point, char *text);

/* Unicode's general category Cc. */
bool reference_control(uint32_t point);

/* A unit of UCS-2, little endian, at any address. */
uint32_t reference_unit(const void *ucs2, size_t index);

/* As ucs2_to_utf8() promises, for any room: the bytes without the zero; SIZE_MAX: a surrogate. */
size_t reference_from_ucs2(const void *ucs2, size_t units, char *text);

#endif
