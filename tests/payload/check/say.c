/* SPDX-License-Identifier: MIT */
#include "check.h"

#define LINES_MAX 60 /* of broken promises; all are counted */

uint64_t promises_held, promises_broken;

static char line[256];
static size_t used;

static void put(char c)
{
    if (used < sizeof(line))
        line[used++] = c;
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

void say(const char *format, ...)
{
    va_list args;

    used = 0;
    va_start(args, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        format++;
        if (*format == 's') {
            for (const char *s = va_arg(args, const char *); *s; s++)
                put(*s);
        } else {
            put_number(va_arg(args, uint64_t), *format == 'x' ? 16 : 10);
        }
    }
    va_end(args);
    put('\n');
    line[used - 1] = '\n';
    info->calls->print(line, used);
}

static bool count(bool held)
{
    promises_held += held;
    promises_broken += !held;
    return !held && promises_broken <= LINES_MAX;
}

void promise(const char *what, bool held)
{
    if (count(held))
        say("payload: broken: %s", what);
}

void promise_equal(const char *what, uint64_t got, uint64_t wanted)
{
    if (count(got == wanted))
        say("payload: broken: %s: 0x%x instead of 0x%x", what, got, wanted);
}

void flaw(struct flaws *flaws, bool is_flaw, uint64_t where)
{
    if (is_flaw && flaws->count++ == 0)
        flaws->first = where;
}

void promise_none(const char *what, const struct flaws *flaws)
{
    if (count(flaws->count == 0))
        say("payload: broken: %s: %u times, first 0x%x", what, flaws->count, flaws->first);
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const char *find_argument(const char *prefix, unsigned n)
{
    const char *at = info->command_line;

    while (*at) {
        const char *p = prefix;
        const char *word = at;

        while (*p && *word == *p) {
            word++;
            p++;
        }
        if (!*p && n-- == 0)
            return word;
        while (*at && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return NULL;
}

bool has_word(const char *word)
{
    const char *rest = find_argument(word, 0);

    return rest && (*rest == '\0' || *rest == ' ');
}

uint64_t read_number(const char **text, unsigned base)
{
    uint64_t value = 0;

    for (;; (*text)++) {
        char c = **text;
        unsigned digit = c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return value;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

/* What the compiler calls. */
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);

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

int memcmp(const void *a, const void *b, size_t len)
{
    const unsigned char *x = a;
    const unsigned char *y = b;

    for (; len > 0; len--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}
