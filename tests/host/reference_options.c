/* SPDX-License-Identifier: MIT */
/* LoadOptions by the list of all their characters: see reference_args.h. */
#include <stdlib.h>
#include <string.h>

#include "reference_args.h"
#include "reference_text.h"

#define DEFINED 0x1f0bu /* LOAD_OPTION_*, the bits that have a meaning */
#define BAD     UINT32_MAX

/* Bytes as characters of one kind, zeros and what is none among them. */
struct characters {
    uint32_t *point;
    size_t *end; /* in bytes */
    size_t count;
    int rest; /* the byte that is half a unit; -1: there is none */
    bool wide;
};

static bool is_text_point(uint32_t point)
{
    return point == '\t' || (point != BAD && !reference_control(point) && (point >> 11) != 0x1b);
}

static struct characters decode(const uint8_t *bytes, size_t size, bool wide)
{
    struct characters all = {calloc(size + 1, sizeof(uint32_t)), calloc(size + 1, sizeof(size_t)),
                             0, -1, wide};

    if (!all.point || !all.end)
        abort();
    for (size_t at = 0; at < size;) {
        uint32_t point = BAD;
        size_t step = 1;

        if (wide && size - at == 1) {
            all.rest = bytes[at];
            break;
        }
        if (wide) {
            point = reference_unit(bytes + at, 0);
            step = 2;
        } else if (reference_utf8(bytes + at, size - at, &point) > 0) {
            step = reference_utf8(bytes + at, size - at, &point);
        } else {
            point = BAD;
        }
        at += step;
        all.point[all.count] = point;
        all.end[all.count++] = at;
    }
    return all;
}

/* If most of these are ASCII. */
static bool plain(const struct characters *all, size_t from, size_t count)
{
    long balance = 0;

    for (size_t i = from; i < count; i++)
        balance += all->point[i] == 0 ? 0 : all->point[i] < 0x80 ? 1 : -1;
    return balance > 0;
}

/* How many characters are the text, if all is text; 0: it is not. */
static size_t whole_text(const struct characters *all)
{
    bool half = all->rest > 0;
    size_t count = all->count;

    while (count > 0 && !half && all->point[count - 1] == 0)
        count--;
    if (count == 0 || all->point[0] == 0 || all->point[count - 1] == 0)
        return 0;
    for (size_t i = 0, zero = 0; i <= count; i++) {
        if (i == count || all->point[i] == 0) {
            if ((i < count && all->point[i + 1] == 0) ||
                (all->wide && zero > 0 && !plain(all, zero, i)))
                return 0;
            zero = i;
        } else if (!is_text_point(all->point[i])) {
            return 0;
        }
    }
    return count;
}

/* How many are before the first zero, if they are text; 0: they are none. */
static size_t first_text(const struct characters *all)
{
    static const char windows[] = "WINDOWS";
    size_t count = 0;
    bool same = true;

    while (count < all->count && all->point[count] != 0) {
        if (!is_text_point(all->point[count]))
            return 0;
        same = same && count < 7 && all->point[count] == (unsigned char)windows[count];
        count++;
    }
    if (count == all->count || count == 0)
        return 0;
    if (!all->wide && (all->end[count - 1] == 1 || (same && count == 7)))
        return 0;
    return count;
}

static bool random_guid(const uint8_t *bytes, size_t size, const struct characters *wide)
{
    return size == 16 && (bytes[7] & 0xf0) == 0x40 && (bytes[8] & 0xc0) == 0x80 &&
           !plain(wide, 0, wide->count);
}

/* Write these characters as a line, and what is behind them. */
static void keep(struct reference_reading *reading, const struct characters *all, size_t count,
                 size_t size)
{
    char *at;

    free(reading->line);
    reading->line = at = calloc(4 * count + 1, 1);
    if (!at)
        abort();
    for (size_t i = 0; i < count; i++)
        at += reference_put_utf8(all->point[i] == 0 ? ' ' : all->point[i], at);
    reading->units = count == 0 ? 0 : all->wide ? count : all->end[count - 1];
    reading->behind = 0;
    for (size_t i = count; i < all->count; i++) {
        if (all->point[i] != 0 || all->rest > 0)
            reading->behind = size - all->end[count];
    }
}

/* All of it is text (first: its first piece is); false: it is not. */
static bool read_text(const uint8_t *bytes, size_t size, bool first,
                      struct reference_reading *reading)
{
    size_t skip = size >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0       ? 2
                  : size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3
                                                                       : 0;
    struct characters wide = decode(bytes + skip, size - skip, true);
    struct characters narrow = decode(bytes + skip, size - skip, false);
    size_t in_wide = first ? first_text(&wide) : whole_text(&wide);
    size_t in_narrow = first ? first_text(&narrow) : whole_text(&narrow);
    bool half = !first && in_wide > 0 && wide.rest > 0;
    bool none = skip == 0 && random_guid(bytes, size, &wide);
    const struct characters *chosen;
    size_t count;

    if (skip == 3 || (half && skip == 0 && !plain(&wide, 0, in_wide)))
        in_wide = 0;
    if (skip == 2 || (in_wide > 0 && plain(&wide, 0, in_wide)))
        in_narrow = 0;
    chosen = in_narrow > 0 ? &narrow : &wide;
    count = none ? 0 : in_narrow + (in_narrow > 0 ? 0 : in_wide);
    if (count > 0) {
        keep(reading, chosen, count, size - skip);
        reading->form = half && chosen == &wide ? FORM_HALF : FORM_TEXT;
    }
    free(wide.point);
    free(wide.end);
    free(narrow.point);
    free(narrow.end);
    return count > 0;
}

static bool only_zeros(const uint8_t *bytes, size_t size)
{
    size_t skip = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3
                  : size >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0   ? 2
                                                                     : 0;

    for (size_t i = skip; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Where the OptionalData of a whole load option of defined attributes begins; 0: it is none. */
static size_t optional_data(const uint8_t *bytes, size_t size)
{
    size_t at = 6;

    if (size < 8 || (reference_unit(bytes, 0) & ~DEFINED) != 0 || reference_unit(bytes, 1) != 0)
        return 0;
    while (at + 2 <= size && reference_unit(bytes + at, 0) != 0)
        at += 2;
    at += 2 + (size_t)reference_unit(bytes, 2);
    return at <= size ? at : 0;
}

struct reference_reading reference_load_options(const void *load_options, size_t size)
{
    struct reference_reading reading = {FORM_TEXT, calloc(1, 1), 0, 0};
    const uint8_t *bytes = load_options;
    bool marked = size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 ||
                                (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0));
    size_t data = marked ? 0 : optional_data(bytes, size);

    if (size == 0 || only_zeros(bytes, size) || read_text(bytes, size, false, &reading))
        return reading;
    if (data > 0 && (only_zeros(bytes + data, size - data) ||
                     read_text(bytes + data, size - data, false, &reading) ||
                     read_text(bytes + data, size - data, true, &reading))) {
        if (reading.form == FORM_TEXT)
            reading.form = FORM_LOAD_OPTION;
        return reading;
    }
    if (!read_text(bytes, size, true, &reading))
        reading.form = FORM_NEITHER;
    return reading;
}
