/* SPDX-License-Identifier: MIT */
#include "print.h"

#include <stdbool.h>

#include "text.h"

/* One conversion: flags and width as given between '%' and its letter. */
struct field {
    unsigned width;
    bool left;
    char fill;
};

static void put_padding(print_sink sink, const struct field *field, size_t len, char fill)
{
    for (size_t i = len; i < field->width; i++)
        sink(fill);
}

static void put_text(print_sink sink, const struct field *field, const char *text, size_t len)
{
    if (!field->left)
        put_padding(sink, field, len, field->fill);
    for (size_t i = 0; i < len; i++)
        sink(text[i]);
    if (field->left)
        put_padding(sink, field, len, ' ');
}

static void put_number(print_sink sink, const struct field *field, uint64_t value, unsigned base)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_text(sink, field, digits + at, sizeof(digits) - at);
}

static void put_string(print_sink sink, const struct field *field, const char *text)
{
    put_text(sink, field, text, text_len(text));
}

static const char *parse_field(const char *format, struct field *field)
{
    *field = (struct field){0, false, ' '};
    for (; *format == '-' || *format == '0'; format++) {
        if (*format == '-')
            field->left = true;
        else
            field->fill = '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        field->width = field->width * 10 + (unsigned)(*format - '0');
    return format;
}

void vprint_to(print_sink sink, const char *format, va_list args)
{
    for (; *format != '\0'; format++) {
        struct field field;
        bool is_long;
        char c;

        if (*format != '%') {
            sink(*format);
            continue;
        }
        format = parse_field(format + 1, &field);
        is_long = *format == 'l';
        if (is_long)
            format++;
        switch (*format) {
        case 's':
            put_string(sink, &field, va_arg(args, const char *));
            break;
        case 'c':
            c = (char)va_arg(args, int);
            put_text(sink, &field, &c, 1);
            break;
        case 'u':
        case 'x':
            put_number(sink, &field, is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned),
                       *format == 'u' ? 10 : 16);
            break;
        case '%':
            sink('%');
            break;
        default: /* a mistake in this source: show it, do not guess at the arguments */
            sink('%');
            return;
        }
    }
}

void print_to(print_sink sink, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprint_to(sink, format, args);
    va_end(args);
}
