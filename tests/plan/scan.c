/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void skip_blanks(struct span *s)
{
    while (s->at < s->end && blank(*s->at))
        s->at++;
}

struct span span_of(const char *literal)
{
    return (struct span){literal, literal + strlen(literal)};
}

size_t span_len(struct span s)
{
    return (size_t)(s.end - s.at);
}

bool span_is(struct span s, const char *literal)
{
    size_t len = strlen(literal);

    return span_len(s) == len && memcmp(s.at, literal, len) == 0;
}

bool span_starts(struct span s, const char *literal)
{
    size_t len = strlen(literal);

    return span_len(s) >= len && memcmp(s.at, literal, len) == 0;
}

bool span_after(struct span s, const char *literal, struct span *rest)
{
    size_t len = strlen(literal);

    while (span_len(s) >= len) {
        const char *hit = memchr(s.at, literal[0], span_len(s) - len + 1);

        if (!hit)
            return false;
        s.at = hit;
        if (memcmp(hit, literal, len) == 0) {
            *rest = (struct span){hit + len, s.end};
            return true;
        }
        s.at++;
    }
    return false;
}

bool scan_line(struct span *text, struct span *line)
{
    const char *newline;

    if (text->at == text->end)
        return false;
    newline = memchr(text->at, '\n', span_len(*text));
    *line = (struct span){text->at, newline ? newline : text->end};
    text->at = newline ? newline + 1 : text->end;
    skip_blanks(line);
    while (line->at < line->end && blank(line->end[-1]))
        line->end--;
    return true;
}

struct span scan_word(struct span *line)
{
    struct span word;

    skip_blanks(line);
    word.at = line->at;
    while (line->at < line->end && !blank(*line->at))
        line->at++;
    word.end = line->at;
    return word;
}

bool scan_literal(struct span *s, const char *literal)
{
    struct span rest = *s;

    skip_blanks(&rest);
    if (!span_starts(rest, literal))
        return false;
    s->at = rest.at + strlen(literal);
    return true;
}

/* 16 and more: no digit of any base here. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

static bool scan_base(struct span *s, unsigned base, uint64_t *value)
{
    const char *at = s->at;
    uint64_t sum = 0;

    for (; at < s->end && digit(*at) < base; at++) {
        unsigned d = digit(*at);

        if (sum > (UINT64_MAX - d) / base)
            return false;
        sum = sum * base + d;
    }
    if (at == s->at)
        return false;
    s->at = at;
    *value = sum;
    return true;
}

bool scan_hex(struct span *s, uint64_t *value)
{
    struct span rest = *s;

    skip_blanks(&rest);
    if (span_starts(rest, "0x") || span_starts(rest, "0X"))
        rest.at += 2;
    if (!scan_base(&rest, 16, value))
        return false;
    *s = rest;
    return true;
}

bool scan_decimal(struct span *s, uint64_t *value)
{
    struct span rest = *s;

    skip_blanks(&rest);
    if (!scan_base(&rest, 10, value))
        return false;
    *s = rest;
    return true;
}

bool word_number(struct span word, uint64_t *value)
{
    bool found = span_starts(word, "0x") ? scan_hex(&word, value) : scan_decimal(&word, value);

    return found && word.at == word.end;
}
