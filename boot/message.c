/* SPDX-License-Identifier: MIT */
#include "print.h"

static char text[MESSAGE_MAX];
static size_t used;

static void put(char c)
{
    if (used < MESSAGE_MAX)
        text[used++] = c;
}

const char *message(const char *format, ...)
{
    va_list args;

    used = 0;
    va_start(args, format);
    vprint_to(put, format, args);
    va_end(args);
    if (used == MESSAGE_MAX)
        __builtin_memcpy(text + MESSAGE_MAX - sizeof("..."), "...", sizeof("..."));
    else
        text[used] = '\0';
    return text;
}
