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

/* How chatty: a line is printed if its level is at most loglevel=. */
enum log_level {
    LOG_ALWAYS,  /* footing: ready, panics, the built-in payload */
    LOG_WARNING, /* what was dropped or left out */
    LOG_MAP,     /* the lines of the contract; the default */
    LOG_DETAIL   /* CPU, options, what holds which RAM */
};

/* To all consoles, if the level is wanted. */
__attribute__((format(printf, 2, 3))) void log_print(enum log_level level, const char *format, ...);

#endif
