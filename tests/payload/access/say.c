/* SPDX-License-Identifier: MIT */
#include "access.h"

#define LINES_MAX 40 /* of differences; all are counted */

uint64_t differences;

static char line[512];
static size_t used;

static void put(char c)
{
    if (used < sizeof(line) - 1)
        line[used++] = c;
}

static void put_text(const char *text)
{
    while (*text)
        put(*text++);
}

static void put_number(uint64_t value, unsigned base)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (n > 0)
        put(digits[--n]);
}

static void put_line(const char *before, const char *format, va_list args)
{
    used = 0;
    put_text("access: ");
    put_text(before);
    for (; *format; format++) {
        if (*format != '%')
            put(*format);
        else if (*++format == 's')
            put_text(va_arg(args, const char *));
        else
            put_number(va_arg(args, uint64_t), *format == 'x' ? 16 : 10);
    }
    line[used++] = '\n';
    info->calls->print(line, used);
}

void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

void differs(const char *format, ...)
{
    va_list args;

    if (differences++ >= LINES_MAX)
        return;
    va_start(args, format);
    put_line("differs: ", format, args);
    va_end(args);
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* What follows the prefix in the line's word that begins with it, or null. */
static const char *find(const char *at, const char *prefix)
{
    while (*at) {
        const char *p = prefix;
        const char *word = at;

        while (*p && *word == *p) {
            word++;
            p++;
        }
        if (!*p)
            return word;
        while (*at && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return NULL;
}

uint64_t argument(const char *prefix, uint64_t otherwise)
{
    const char *at = find(info->command_line, prefix);
    uint64_t value = 0;

    if (!at)
        return otherwise;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

bool has_argument(const char *text, const char *prefix, const char *value)
{
    const char *at = find(text, prefix);

    if (!at)
        return false;
    while (*value && *at == *value) {
        at++;
        value++;
    }
    return !*value && (!*at || *at == ' ');
}

/* What the compiler calls. */
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
    return start;
}

void *memset(void *to, int value, size_t len)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(value) : "memory");
    return start;
}
