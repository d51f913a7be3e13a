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

#endif
