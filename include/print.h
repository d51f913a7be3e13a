/* SPDX-License-Identifier: MIT */
/* Formatted output, small: %s %c %u %x %lu %lx %%, a field width, '-' and '0'. */
#ifndef PRINT_H
#define PRINT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Takes one character of output. */
typedef void (*print_sink)(char c);

void vprint_to(print_sink sink, const char *format, va_list args);
__attribute__((format(printf, 2, 3))) void print_to(print_sink sink, const char *format, ...);

/*
 * A line in words for a struct error. It may quote the message before; the
 * next but one takes its place. Longer ones than MESSAGE_MAX - 1 end in "...".
 */
#define MESSAGE_MAX 512
__attribute__((format(printf, 1, 2))) const char *message(const char *format, ...);

/*
 * Somebody's text for such a line: without what would upset a terminal, and
 * cut after QUOTE_MAX bytes, with "..." then. The next one takes its place.
 */
#define QUOTE_MAX 120
const char *quoted(const char *quote, size_t len);

#endif
