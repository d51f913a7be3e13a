/* SPDX-License-Identifier: MIT */
#include "efi_options.h"

#include "load.h"
#include "print.h"
#include "text.h"

/*
 * EFI_LOAD_OPTION, UEFI 2.10 section 3.1.3: a fixed part, a description that
 * ends with a zero unit, FilePathListLength bytes of paths, and OptionalData.
 */
#define OPTION_ATTRIBUTES  UINT32_C(0x1f0b) /* all that are defined */
#define OPTION_PATHS       4
#define OPTION_DESCRIPTION 6u

/* A GUID of random bits, RFC 4122 section 4.1. */
#define GUID_BYTES   16
#define GUID_VERSION 7 /* the byte with the version in its upper half */
#define GUID_VARIANT 8

/* Bytes of a unit. */
#define UTF8 1u
#define UCS2 2u

/* Bytes that may be text. */
struct bytes {
    const uint8_t *at;
    size_t size;
};

/* The same bytes read as text of one kind. */
struct reading {
    unsigned unit; /* UTF8, UCS2 */
    size_t len;    /* bytes of text: to where all that follows is zero, or to the first zero */
    bool is_text;
    bool half; /* UCS-2 that ends with half a unit */
};

/* The bytes of the character at this place; 0: it is none that text may have. */
static size_t character_size(const struct bytes *bytes, size_t at, unsigned unit)
{
    const char *text = (const char *)bytes->at + at;
    size_t left = bytes->size - at;
    uint32_t point = 0;
    size_t size = unit;

    if (unit == UTF8)
        size = utf8_next(text, left, &point);
    else if (left >= UCS2)
        point = load16(bytes->at + at);
    if (point >= 0xd800 && point <= 0xdfff)
        return 0;
    return text_is_control(point) && point != '\t' ? 0 : size;
}

/* Where the piece of text from there on ends: with a zero unit, or all bytes; SIZE_MAX: no text. */
static size_t piece_end(const struct bytes *bytes, size_t at, unsigned unit)
{
    while (bytes->size - at >= unit && (unit == UTF8 ? bytes->at[at] : load16(bytes->at + at))) {
        size_t size = character_size(bytes, at, unit);

        if (size == 0)
            return SIZE_MAX;
        at += size;
    }
    return at;
}

static bool is_zero(const struct bytes *bytes, size_t from)
{
    while (from < bytes->size && bytes->at[from] == 0)
        from++;
    return from >= bytes->size;
}

/* UCS-2 of which more than half is ASCII, zeros left out. */
static bool is_mostly_ascii(const struct bytes *bytes, size_t at, size_t end)
{
    size_t ascii = 0;
    size_t others = 0;

    for (; at < end; at += UCS2) {
        uint16_t unit = load16(bytes->at + at);

        if (unit != 0)
            *(unit < 0x80 ? &ascii : &others) += 1;
    }
    return ascii > others;
}

/* All of it, but for zeros at its end. Behind a zero most 16-bit numbers would pass for text. */
static struct reading read_whole(const struct bytes *bytes, unsigned unit)
{
    struct reading reading = {.unit = unit};
    size_t at = 0;

    for (;;) {
        size_t end = piece_end(bytes, at, unit);

        if (end == SIZE_MAX || end == at ||
            (unit == UCS2 && at > 0 && !is_mostly_ascii(bytes, at, end)))
            return reading;
        reading.len = end;
        reading.half = bytes->size - end == 1 && unit == UCS2 && bytes->at[end] != 0;
        reading.is_text = reading.half || is_zero(bytes, end);
        if (reading.is_text)
            return reading;
        at = end + unit;
    }
}

/* Up to the first zero, whatever follows. */
static struct reading read_first(const struct bytes *bytes, unsigned unit)
{
    static const char windows[] = "WINDOWS"; /* its BCD object and more follow */
    size_t end = piece_end(bytes, 0, unit);
    bool is_windows;

    if (end == SIZE_MAX || end == 0 || bytes->size - end < unit)
        return (struct reading){.unit = unit};
    is_windows = end == sizeof(windows) - 1 && !__builtin_memcmp(bytes->at, windows, end);
    return (struct reading){
        .unit = unit,
        .len = end,
        .is_text = unit == UCS2 || (end > 1 && !is_windows),
    };
}

/* Skip a byte order mark. UTF8 or UCS2: it says so; 0: there is none. */
static unsigned skip_mark(struct bytes *bytes)
{
    static const uint8_t utf8[] = {0xef, 0xbb, 0xbf};
    size_t size = 0;

    if (bytes->size >= UCS2 && load16(bytes->at) == 0xfeff)
        size = UCS2;
    else if (bytes->size >= sizeof(utf8) && !__builtin_memcmp(bytes->at, utf8, sizeof(utf8)))
        size = sizeof(utf8);
    bytes->at += size;
    bytes->size -= size;
    return size == sizeof(utf8) ? UTF8 : (unsigned)size;
}

/* No UTF-8 looks so: a byte below 0x80, then one that only continues a character. */
static bool is_guid(const struct bytes *bytes)
{
    return bytes->size == GUID_BYTES && bytes->at[GUID_VERSION] >> 4 == 4 &&
           bytes->at[GUID_VARIANT] >> 6 == 2 && !is_mostly_ascii(bytes, 0, bytes->size);
}

/* The more likely of the two readings, as text or not. */
static struct reading choose(const struct bytes *bytes, unsigned marked,
                             struct reading (*read)(const struct bytes *bytes, unsigned unit))
{
    struct reading wide = read(bytes, UCS2);
    struct reading narrow = read(bytes, UTF8);
    bool ascii = wide.is_text && is_mostly_ascii(bytes, 0, wide.len);

    if (marked != 0)
        return marked == UCS2 ? wide : narrow;
    if (is_guid(bytes))
        return (struct reading){0};
    if (wide.half && !ascii)
        wide.is_text = false;
    return wide.is_text && (ascii || !narrow.is_text) ? wide : narrow;
}

/* If it can be an EFI_LOAD_OPTION, narrow it to the OptionalData. */
static bool narrow_to_data(struct bytes *bytes)
{
    size_t end = OPTION_DESCRIPTION;
    size_t paths;

    if (bytes->size < OPTION_DESCRIPTION || (load32(bytes->at) & ~OPTION_ATTRIBUTES) != 0)
        return false;
    while (bytes->size - end >= UCS2 && load16(bytes->at + end) != 0)
        end += UCS2;
    if (bytes->size - end < UCS2)
        return false;
    end += UCS2;
    paths = load16(bytes->at + OPTION_PATHS);
    if (paths > bytes->size - end)
        return false;
    *bytes = (struct bytes){bytes->at + end + paths, bytes->size - end - paths};
    return true;
}

/* The text's pieces into one line. */
static bool copy_line(const struct bytes *bytes, const struct reading *text, char *line)
{
    const struct bytes all = {bytes->at, text->len};
    size_t used = 0;

    for (size_t at = 0; at < text->len; at += text->unit) {
        size_t end = piece_end(&all, at, text->unit);

        if (at > 0)
            line[used++] = ' ';
        if (text->unit == UTF8) {
            if (end - at >= CMDLINE_MAX - used)
                return false;
            __builtin_memcpy(line + used, bytes->at + at, end - at);
            line[used + end - at] = '\0';
        } else if (!ucs2_to_utf8(bytes->at + at, (end - at) / UCS2, line + used,
                                 CMDLINE_MAX - used)) {
            return false;
        }
        used += text_len(line + used);
        at = end;
    }
    return true;
}

/* Of an EFI_LOAD_OPTION's OptionalData: the same. */
static bool find_inner_text(struct bytes *data, struct reading *text)
{
    unsigned marked = skip_mark(data);

    *text = choose(data, marked, read_whole);
    if (!text->is_text)
        *text = choose(data, marked, read_first);
    return text->is_text || is_zero(data, 0);
}

/* Narrow the bytes to text and what is behind it, *text: how to read it; false: there is none. */
static bool find_text(struct bytes *bytes, struct efi_options *options, struct reading *text)
{
    struct bytes data = *bytes;
    unsigned marked = skip_mark(bytes);

    *text = choose(bytes, marked, read_whole);
    if (text->is_text || is_zero(bytes, 0))
        return true;
    options->inner = narrow_to_data(&data) && find_inner_text(&data, text);
    if (options->inner) {
        *bytes = data;
        return true;
    }
    *text = choose(bytes, marked, read_first);
    return text->is_text;
}

struct error efi_options_read(const void *load_options, size_t size, struct efi_options *options)
{
    struct bytes bytes = {load_options, load_options ? size : 0};
    struct reading text;

    options->line[0] = '\0';
    options->behind = 0;
    options->inner = false;
    options->ignored = !find_text(&bytes, options, &text);
    if (options->ignored || !text.is_text)
        return SUCCESS;
    if (text.half)
        return (struct error){.code = ERR_INFO,
                              .text =
                                  message("load options of %lu bytes end within a character", size),
                              .at = size - 1,
                              .value = bytes.at[bytes.size - 1]};
    if (!copy_line(&bytes, &text, options->line)) {
        options->line[0] = '\0';
        return facts_too_long("the EFI command line: ", CMDLINE_MAX - 1, text.len / text.unit);
    }
    if (!is_zero(&bytes, text.len))
        options->behind = bytes.size - text.len - text.unit;
    return SUCCESS;
}
