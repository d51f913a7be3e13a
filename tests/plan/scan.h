/* SPDX-License-Identifier: MIT */
/*
 * Reading text that nobody vouches for: a span is a pointer and an end, every
 * read is checked against it, and no terminator is relied upon.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *at;
    const char *end;
};

struct span span_of(const char *literal);
size_t span_len(struct span s);
bool span_is(struct span s, const char *literal);
bool span_starts(struct span s, const char *literal);

/* What follows the first occurrence of literal in s. False: it does not occur. */
bool span_after(struct span s, const char *literal, struct span *rest);

/* The next line, without its end and without blanks around it; false: no more. */
bool scan_line(struct span *text, struct span *line);

/* The next word between blanks; empty: no more. */
struct span scan_word(struct span *line);

/* Step over the literal, after blanks; false: something else stands there. */
bool scan_literal(struct span *s, const char *literal);

/* A number, after blanks: digits up to 2^64 - 1. False and no step: there is none, or a larger. */
bool scan_hex(struct span *s, uint64_t *value); /* "0x" may precede */
bool scan_decimal(struct span *s, uint64_t *value);

/* The whole word is one number: "0x…" hexadecimal, else decimal. */
bool word_number(struct span word, uint64_t *value);

#endif
