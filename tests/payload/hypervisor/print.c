/* SPDX-License-Identifier: MIT */
#include "hypervisor.h"

#include <stdarg.h>

static void put_number(uint64_t value, unsigned base)
{
    char digits[20];
    char *at = digits + sizeof(digits);

    do
        *--at = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    info->calls->print(at, (uint64_t)(digits + sizeof(digits) - at));
}

static void put_text(const char *text)
{
    while (*text != '\0')
        info->calls->print(text++, 1);
}

void print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            info->calls->print(format, 1);
        } else if (*++format == 's') {
            put_text(va_arg(args, const char *));
        } else { /* %lu, %lx */
            put_number(va_arg(args, unsigned long), *++format == 'x' ? 16 : 10);
        }
    }
    va_end(args);
}
