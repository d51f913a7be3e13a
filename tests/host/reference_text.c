/* SPDX-License-Identifier: MIT */
#include "reference_text.h"

/* The Unicode standard, table 3-7: the first byte, the second, and all of the length. */
static const struct {
    uint8_t first, last;
    uint8_t low, high;
    uint8_t len;
} well_formed[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t reference_utf8(const void *text, size_t len, uint32_t *point)
{
    static const uint8_t kept[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *bytes = text;

    for (size_t i = 0; i < sizeof(well_formed) / sizeof(well_formed[0]); i++) {
        uint32_t value = bytes[0] & kept[well_formed[i].len];

        if (bytes[0] < well_formed[i].first || bytes[0] > well_formed[i].last)
            continue;
        if (len < well_formed[i].len)
            return 0;
        for (size_t k = 1; k < well_formed[i].len; k++) {
            uint8_t low = k == 1 ? well_formed[i].low : 0x80;
            uint8_t high = k == 1 ? well_formed[i].high : 0xbf;

            if (bytes[k] < low || bytes[k] > high)
                return 0;
            value = value * 64 + (bytes[k] - 0x80u);
        }
        *point = value;
        return well_formed[i].len;
    }
    return 0;
}

size_t reference_put_utf8(uint32_t point, char *text)
{
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; point /= 64)
        text[i] = (char)(0x80 + point % 64);
    text[0] = (char)(len == 1 ? point : (0xf00u >> len & 0xff) + point);
    return len;
}

bool reference_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f);
}

uint32_t reference_unit(const void *ucs2, size_t index)
{
    const uint8_t *bytes = ucs2;

    return bytes[2 * index] + 256u * bytes[2 * index + 1];
}

size_t reference_from_ucs2(const void *ucs2, size_t units, char *text)
{
    size_t len = 0;

    for (size_t i = 0; i < units; i++) {
        uint32_t unit = reference_unit(ucs2, i);

        if (unit == 0)
            break;
        if (unit / 0x800 == 0xd800 / 0x800)
            return SIZE_MAX;
        len += reference_put_utf8(unit, text + len);
    }
    return len;
}
