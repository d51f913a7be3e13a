/* SPDX-License-Identifier: MIT */
/* LoadOptions that are not plain UCS-2: 8-bit text, marks, several arguments, firmware's own data. */
#include "efi_args.h"
#include "efi_options.h"
#include "exact.h"
#include "reference_args.h"
#include "test.h"

static char line[CMDLINE_MAX];
static struct efi_options options;

/* Read these bytes out of an exact allocation, and be content with the reference. */
static struct error read_bytes(const void *bytes, size_t size)
{
    const char *differs = reference_args_differ(bytes, size, "footing.efi", false);
    char *copy = exact_copy(bytes, size);
    struct error err;

    if (differs)
        fail_msg("%s differs, of %zu bytes", differs, size);
    memset(&options, 0xa5, sizeof(options));
    options.line = line;
    err = efi_options_read(copy, size, &options);
    exact_free(copy, size);
    return err;
}

static void line_is(const void *bytes, size_t size, const char *wanted, size_t behind)
{
    assert_int_equal(read_bytes(bytes, size).code, ERR_NONE);
    assert_false(options.ignored);
    assert_string_equal(line, wanted);
    assert_int_equal(options.behind, behind);
}

static void ignored(const void *bytes, size_t size)
{
    assert_int_equal(read_bytes(bytes, size).code, ERR_NONE);
    assert_true(options.ignored);
    assert_string_equal(line, "");
}

/* Without the zero that C puts behind a string. */
#define LINE_IS(bytes, wanted, behind) line_is(bytes, sizeof(bytes) - 1, wanted, behind)
#define IGNORED(bytes)                 ignored(bytes, sizeof(bytes) - 1)

/* Append ASCII as UCS-2, without a zero. */
static size_t put_text(uint8_t *to, size_t at, const char *text)
{
    for (; *text; text++) {
        to[at++] = (uint8_t)*text;
        to[at++] = 0;
    }
    return at;
}

/* An EFI_LOAD_OPTION up to its OptionalData. */
static const uint8_t load_option[] = {1, 0, 0, 0, 4, 0, 'F', 0, 0, 0, 0x7f, 0xff, 4, 0};

/* efibootmgr without -u: 8-bit text of even and odd length, with zeros or without, inside and out. */
static void ascii_of_any_length_is_read(void **state)
{
    static const char *const lines[] = {
        "x", "ab", "dbg", "usual", "debug1", "e -- frob=1", "-cfg=a.cfg b", "\xc3\xa9\xe2\x82\xac",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        for (size_t zeros = 0; zeros < 20; zeros++) {
            uint8_t bytes[64] = {0};
            size_t len = strlen(lines[i]);

            memcpy(bytes, lines[i], len);
            line_is(bytes, len + zeros, lines[i], 0);
            assert_false(options.inner);
            memcpy(bytes, load_option, sizeof(load_option));
            memcpy(bytes + sizeof(load_option), lines[i], len);
            line_is(bytes, sizeof(load_option) + len + zeros, lines[i], 0);
            assert_true(options.inner);
        }
    }
}

/* A byte order mark says how to read what follows it, and is no part of the first word. */
static void mark_is_skipped_and_obeyed(void **state)
{
    uint8_t bytes[32];

    (void)state;
    LINE_IS("\xff\xfe\x64\0\x62\0", "db", 0);
    LINE_IS("\xff\xfe\x64\0\x62\0\0\0", "db", 0);
    LINE_IS("\xff\xfe\x64\x62", "\xe6\x89\xa4", 0);
    LINE_IS("\xef\xbb\xbf\x64\x62", "db", 0);
    LINE_IS("\xef\xbb\xbf\x64\x62\x67\0", "dbg", 0);
    LINE_IS("\xef\xbb\xbf\x64\0\x62\0", "d b", 0);
    LINE_IS("\xff\xfe", "", 0);
    LINE_IS("\xef\xbb\xbf", "", 0);
    IGNORED("\xff\xfe\1\0");
    IGNORED("\xef\xbb\xbf\x80");
    memcpy(bytes, load_option, sizeof(load_option));
    memcpy(bytes + sizeof(load_option), "\xff\xfe\x64\0\x62", 6);
    line_is(bytes, sizeof(load_option) + 6, "db", 0);
}

/* efibootmgr puts a zero between two of its arguments, in either kind of text. */
static void arguments_with_zeros_between_are_one_line(void **state)
{
    uint8_t bytes[64] = {0};
    size_t end;

    (void)state;
    LINE_IS("-cfg=a\0debug\0--\0frob=1", "-cfg=a debug -- frob=1", 0);
    LINE_IS("-cfg=a\0debug\0--\0frob=12", "-cfg=a debug -- frob=12", 0);
    LINE_IS("-cfg=a\0debug\0--\0frob=12\0\0\0", "-cfg=a debug -- frob=12", 0);
    end = put_text(bytes, put_text(bytes, 0, "-cfg=a") + 2, "debug");
    for (size_t zeros = 0; zeros < 8; zeros++)
        line_is(bytes, end + zeros, "-cfg=a debug", 0);
    /* Two words more than one zero apart are not one line. */
    LINE_IS("-cfg=a\0\0debug", "-cfg=a", 6);
    end = put_text(bytes, put_text(bytes, 0, "ab") + 4, "c");
    memset(bytes + 4, 0, 4);
    line_is(bytes, end, "ab", 4);
}

/* A size that says more than there is: what is behind the zero does not count, and is told. */
static void what_is_behind_the_text_is_counted(void **state)
{
    uint8_t bytes[32] = {0};
    size_t end = put_text(bytes, 0, "debug") + 2;

    (void)state;
    memcpy(bytes + end, "\x11\x92\x33\x84\x55", 5);
    for (size_t rest = 0; rest <= 5; rest++)
        line_is(bytes, end + rest, "debug", rest);
    LINE_IS("debug\0\x01", "debug", 1);
    LINE_IS("debug\0\0\0\x80", "debug", 3);
    LINE_IS("debug1\0\xff\xff", "debug1", 2);
    IGNORED("d\0\x01\x80\x01\0");
}

/* A size that cuts a unit in two is damage where the text is UCS-2; a lone zero is not. */
static void half_a_character_is_refused(void **state)
{
    uint8_t bytes[32];
    size_t end = put_text(bytes, 0, "debug1");
    struct error err;

    (void)state;
    for (size_t size = 3; size < end; size += 2) {
        err = read_bytes(bytes, size);
        assert_int_equal(err.code, ERR_INFO);
        assert_non_null(strstr(err.text, " bytes end within a character"));
        assert_int_equal(err.at, size - 1);
        assert_int_equal(err.value, bytes[size - 1]);
        assert_string_equal(line, "");
    }
    bytes[end] = 0;
    line_is(bytes, end + 1, "debug1", 0);
    assert_int_equal(read_bytes("\xff\xfe\xe9\0\xe8\0\xe7", 7).code, ERR_INFO);
    IGNORED("\x87\x65\x2d\x4e\x87");
}

/* What can be read in both ways is UCS-2 only if it is mostly ASCII. */
static void most_likely_reading_counts(void **state)
{
    (void)state;
    LINE_IS("e\0f\0", "ef", 0);
    LINE_IS("e\0f\0-N", "ef\xe4\xb8\xad", 0);
    LINE_IS("e\0-N", "e -N", 0);
    LINE_IS("abc\0", "abc", 0);
    LINE_IS("\x87\x65\x2d\x4e", "\xe6\x96\x87\xe4\xb8\xad", 0);
    LINE_IS("\x2d\x4e", "-N", 0);
}

/*
 * Firmware's marks of the entries that it made (EDK2's first, then from the
 * listings of real machines), and what Windows puts into its own: no sections.
 */
static void firmwares_own_data_is_ignored(void **state)
{
    static const char *const guids[] = {
        "\x4e\xac\x08\x81\x11\x9f\x59\x4d\x85\x0e\xe2\x1a\x52\x2c\x59\xb2",
        "\x91\xaf\x62\x59\x56\x44\x9f\x41\xa7\xb9\x1f\x4f\x89\x2a\xb0\xf6",
        "\x00\x1c\x19\x99\x32\xd9\x4c\x4e\xae\x9a\xa0\xb6\xe9\x8e\xb8\xa4",
    };
    uint8_t bytes[32];

    (void)state;
    memcpy(bytes, load_option, sizeof(load_option));
    for (size_t i = 0; i < COUNT_OF(guids); i++) {
        ignored(guids[i], 16);
        memcpy(bytes + sizeof(load_option), guids[i], 16);
        ignored(bytes, sizeof(load_option) + 16);
    }
    IGNORED("\0\0BO");
    IGNORED("\1\0\0\0ISPH");
    IGNORED("WINDOWS\0\1\0\0\0\x88\0\0\0x\0\0\0B\0C\0D\0");
    LINE_IS("WINDOWS", "WINDOWS", 0);
    LINE_IS("WINDOWS\0", "WINDOWS", 0);
    LINE_IS("WINDOWX\0\1", "WINDOWX", 1);
    LINE_IS("WINDOW\0\1\2", "WINDOW", 2);
}

/* As a GUID no text counts that has another size or version, other bits, or is mostly ASCII. */
static void text_is_no_guid(void **state)
{
    uint8_t bytes[18];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i % 2 == 0 ? 0x87 : 0x45;
    ignored(bytes, 16);
    assert_int_equal(read_bytes(bytes, 14).code, ERR_NONE);
    assert_int_equal(strlen(line), 7 * 3);
    assert_int_equal(read_bytes(bytes, 18).code, ERR_NONE);
    assert_int_equal(strlen(line), 9 * 3);
    for (size_t version = 0; version < 8; version++) {
        bytes[7] = (uint8_t)(version << 4 | 2);
        assert_int_equal(read_bytes(bytes, 16).code, ERR_NONE);
        assert_int_equal(options.ignored, version == 4);
    }
    bytes[7] = 0x45;
    for (unsigned variant = 0; variant < 4; variant++) {
        bytes[8] = (uint8_t)(variant << 6 | 7);
        assert_int_equal(read_bytes(bytes, 16).code, ERR_NONE);
        assert_int_equal(options.ignored, variant == 2);
    }
    line_is("a\0b\0c\0\x87\x45\x87\x45\x64\0e\0f\0", 16,
            "abc\xe4\x96\x87\xe4\x96\x87"
            "def",
            0);
}

/* No options are none, wherever they are said to be. */
static void nothing_is_read_of_no_bytes(void **state)
{
    (void)state;
    line_is("", 0, "", 0);
    options.line = line;
    strcpy(line, "rest");
    assert_int_equal(efi_options_read(NULL, 0, &options).code, ERR_NONE);
    assert_string_equal(line, "");
    strcpy(line, "rest");
    assert_int_equal(efi_options_read(NULL, 99, &options).code, ERR_NONE);
    assert_string_equal(line, "");
    assert_false(options.ignored);
}

/* Pieces fill the line up to its limit; one byte more is told in units of the text. */
static void pieces_fit_up_to_the_limit(void **state)
{
    static uint8_t bytes[3 * CMDLINE_MAX];

    (void)state;
    for (size_t len = CMDLINE_MAX - 3; len <= CMDLINE_MAX + 3; len++) {
        struct error err;

        memset(bytes, 'x', sizeof(bytes));
        bytes[9] = bytes[len - 1] = 0;
        bytes[len] = 'y';
        err = read_bytes(bytes, len);
        if (len - 1 < CMDLINE_MAX) {
            assert_int_equal(err.code, ERR_NONE);
            assert_int_equal(strlen(line), len - 1);
            assert_true(line[9] == ' ');
        } else {
            assert_int_equal(err.code, ERR_CMDLINE);
            assert_int_equal(err.at, CMDLINE_MAX - 1);
            assert_int_equal(err.value, len - 1);
            assert_string_equal(line, "");
        }
        for (size_t i = 0; i < 2 * len; i++)
            bytes[i] = i % 2 == 0 && i != 40 ? 'x' : 0;
        err = read_bytes(bytes, 2 * len);
        assert_int_equal(err.code, len < CMDLINE_MAX ? ERR_NONE : ERR_CMDLINE);
        assert_int_equal(strlen(line), len < CMDLINE_MAX ? len : 0);
        assert_int_equal(err.value, len < CMDLINE_MAX ? 0 : len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_of_any_length_is_read),
        cmocka_unit_test(mark_is_skipped_and_obeyed),
        cmocka_unit_test(arguments_with_zeros_between_are_one_line),
        cmocka_unit_test(what_is_behind_the_text_is_counted),
        cmocka_unit_test(half_a_character_is_refused),
        cmocka_unit_test(most_likely_reading_counts),
        cmocka_unit_test(firmwares_own_data_is_ignored),
        cmocka_unit_test(text_is_no_guid),
        cmocka_unit_test(nothing_is_read_of_no_bytes),
        cmocka_unit_test(pieces_fit_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
