/* SPDX-License-Identifier: MIT */
#include "print.h"

/* Two, so that a message can quote the one before. */
static char texts[2][MESSAGE_MAX];
static char *text = texts[1];
static size_t used;

static void put(char c)
{
    if (used < MESSAGE_MAX)
        text[used++] = c;
}

const char *message(const char *format, ...)
{
    va_list args;

    text = text == texts[0] ? texts[1] : texts[0];
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

const char *quoted(const char *quote, size_t len)
{
    static char copy[QUOTE_MAX + sizeof("...")];
    size_t kept = len < QUOTE_MAX ? len : QUOTE_MAX;

    for (size_t i = 0; i < kept; i++)
        copy[i] = quote[i] < ' ' || quote[i] > '~' ? '?' : quote[i];
    __builtin_memcpy(copy + kept, kept < len ? "..." : "", kept < len ? sizeof("...") : 1);
    return copy;
}
