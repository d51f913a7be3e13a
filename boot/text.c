/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "load.h"

static bool is_surrogate(uint32_t point)
{
    return point >= 0xd800 && point <= 0xdfff;
}

/* How long a sequence with this first byte is; 0: none begins with it. */
static size_t sequence_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0)
        return 0;
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 3;
    return first < 0xf8 ? 4 : 0;
}

size_t utf8_next(const char *text, size_t len, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t value = (uint8_t)text[0];
    size_t n = sequence_length((uint8_t)text[0]);

    if (n == 0 || n > len)
        return 0;
    if (n > 1)
        value &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        uint8_t byte = (uint8_t)text[i];

        if ((byte & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (byte & 0x3f);
    }
    if (value < least[n] || value > 0x10ffff || is_surrogate(value))
        return 0;
    *point = value;
    return n;
}

bool utf8_to_ucs2(const char *text, size_t len, uint16_t *ucs2, size_t room)
{
    size_t units = 0;
    uint32_t point;

    for (size_t at = 0, step; at < len; at += step) {
        step = utf8_next(text + at, len - at, &point);
        if (step == 0 || point == 0 || point > 0xffff || units == room)
            return false;
        ucs2[units++] = (uint16_t)point;
    }
    if (units == room)
        return false;
    ucs2[units] = 0;
    return true;
}

bool ucs2_to_utf8(const void *ucs2, size_t units, char *text, size_t room)
{
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0};
    const uint8_t *bytes = ucs2;
    size_t used = 0;

    if (room == 0)
        return false;
    for (size_t at = 0; at < units; at++) {
        uint32_t unit = load16(bytes + 2 * at);
        size_t n = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;

        if (unit == 0)
            break;
        if (is_surrogate(unit) || room - used <= n)
            return false;
        for (size_t i = n - 1; i > 0; i--, unit >>= 6)
            text[used + i] = (char)(0x80 | (unit & 0x3f));
        text[used] = (char)(first[n] | unit);
        used += n;
    }
    text[used] = '\0';
    return true;
}
