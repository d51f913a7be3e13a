/* SPDX-License-Identifier: MIT */
/* LoadOptions: text, an EFI_LOAD_OPTION with text in it, or what is ignored. */
#include "efi_args.h"
#include "exact.h"
#include "random.h"
#include "reference_args.h"
#include "test.h"

#define SELF   "footing.efi"
#define ACTIVE 1u

static struct efi_args args;

/* Parse these bytes, in an exact allocation. */
static struct error parse(const void *bytes, size_t size, bool shell)
{
    const char *differs = reference_args_differ(bytes, size, SELF, shell);
    char *copy = exact_copy(bytes, size);
    struct error err;

    if (differs)
        fail_msg("%s differs, of %zu bytes, shell %d", differs, size, shell);
    memset(&args, 0xa5, sizeof(args));
    err = efi_args_parse(copy, size, SELF, shell, &args);
    exact_free(copy, size);
    return err;
}

/* These bytes are a text, of this line and section. */
static void text_is(const void *bytes, size_t size, bool shell, const char *line,
                    const char *section)
{
    struct error err = parse(bytes, size, shell);

    assert_int_equal(err.code, ERR_NONE);
    assert_false(args.ignored);
    assert_string_equal(args.line, line);
    assert_string_equal(args.section, section);
    assert_string_equal(args.config, "");
    assert_string_equal(args.options, "");
}

/* These bytes are no text, and leave nothing, with a shell or without. */
static void ignored(const void *bytes, size_t size)
{
    for (unsigned shell = 0; shell < 2; shell++) {
        struct error err = parse(bytes, size, shell == 1);

        assert_int_equal(err.code, ERR_NONE);
        assert_true(args.ignored);
        assert_string_equal(args.config, "");
        assert_string_equal(args.section, "");
        assert_string_equal(args.options, "");
    }
}

/* Append ASCII as UCS-2, without a zero. */
static size_t put_text(uint8_t *to, size_t at, const char *text)
{
    for (; *text; text++) {
        to[at++] = (uint8_t)*text;
        to[at++] = 0;
    }
    return at;
}

/* The parts of an EFI_LOAD_OPTION. */
struct load_option {
    uint32_t attributes;
    const char *description;
    size_t paths; /* how many device paths of one node each, of `extra` bytes */
    size_t extra;
};

static const struct load_option usual = {ACTIVE, "Footing", 1, 8};

/* Write it up to its OptionalData, where that is to stand. */
static size_t put_load_option(uint8_t *to, const struct load_option *option)
{
    size_t at = 6;
    size_t from;

    for (size_t i = 0; i < 4; i++)
        to[i] = (uint8_t)(option->attributes >> (8 * i));
    at = put_text(to, at, option->description);
    to[at++] = 0;
    to[at++] = 0;
    from = at;
    for (size_t i = 0; i < option->paths; i++) {
        const uint8_t head[4] = {4, 4, (uint8_t)(4 + option->extra), 0};
        const uint8_t tail[4] = {0x7f, 0xff, 4, 0};

        memcpy(to + at, head, 4);
        memset(to + at + 4, 'p', option->extra);
        memcpy(to + at + 4 + option->extra, tail, 4);
        at += 8 + option->extra;
    }
    to[4] = (uint8_t)(at - from);
    to[5] = (uint8_t)((at - from) >> 8);
    return at;
}

/* No LoadOptions are an empty text, and their address does not count. */
static void nothing_is_an_empty_text(void **state)
{
    (void)state;
    for (unsigned shell = 0; shell < 2; shell++) {
        struct error err;

        text_is("", 0, shell == 1, "", "");
        memset(&args, 0xa5, sizeof(args));
        err = efi_args_parse(NULL, 0, SELF, shell == 1, &args);
        assert_int_equal(err.code, ERR_NONE);
        assert_false(args.ignored);
        assert_string_equal(args.line, "");
        assert_string_equal(args.config, "");
        assert_string_equal(args.section, "");
        assert_string_equal(args.options, "");
    }
}

/* A text ends with a zero unit or with its size; what stands behind the zero does not count. */
static void text_ends_with_zero_or_size(void **state)
{
    uint8_t bytes[32];
    size_t end = put_text(bytes, 0, "debug");

    (void)state;
    text_is(bytes, end, false, "debug", "debug");
    memset(bytes + end, 0, 2);
    text_is(bytes, end + 2, false, "debug", "debug");
    memcpy(bytes + end + 2, "\x01\x00\x00\xd8\x07\x00z\x00", 8);
    for (size_t rest = 2; rest <= 8; rest += 2)
        text_is(bytes, end + 2 + rest, false, "debug", "debug");
    text_is("\0\0\0", 3, true, "", "");
    text_is("\0\0", 2, true, "", "");
    text_is("x", 2, false, "x", "x");
}

/* Text holds none of Unicode's control characters, but tabs are none of those. */
static void control_characters_make_it_no_text(void **state)
{
    uint8_t bytes[16];
    size_t end = put_text(bytes, 0, "debug");

    (void)state;
    for (uint8_t c = 1; c < 0xa0; c++) {
        if (c == '\t' || (c >= ' ' && c < 0x7f))
            continue;
        for (size_t at = 0; at < end; at += 2) {
            put_text(bytes, 0, "debug");
            bytes[at] = c;
            ignored(bytes, end);
        }
    }
    put_text(bytes, 0, "a\t\t ");
    text_is(bytes, 8, false, "a\t\t ", "a");
}

/* UCS-2 has no surrogates, alone or in pairs. */
static void surrogates_make_it_no_text(void **state)
{
    (void)state;
    ignored("a\0\x00\xd8", 4);
    ignored("\xff\xdf", 2);
    ignored("\x3d\xd8\x00\xde", 4);
    text_is("\xff\xd7\x00\xe0", 4, false, "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80");
}

/* What is no text is ignored also where it is longer than a line may be. */
static void long_rubbish_is_ignored(void **state)
{
    static uint8_t bytes[4 * CMDLINE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i % 2 ? 0 : 'x';
    bytes[sizeof(bytes) - 2] = 1;
    ignored(bytes, sizeof(bytes));
}

/* Units need not be aligned. */
static void text_stands_at_any_address(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < 8; offset++) {
        uint8_t *bytes = calloc(1, offset + 10);

        assert_non_null(bytes);
        put_text(bytes, offset, "debug");
        memset(&args, 0xa5, sizeof(args));
        assert_int_equal(efi_args_parse(bytes + offset, 10, SELF, false, &args).code, ERR_NONE);
        assert_string_equal(args.section, "debug");
        free(bytes);
    }
}

/* Of a whole EFI_LOAD_OPTION its OptionalData is the text, whatever its other parts. */
static void load_options_text_is_its_optional_data(void **state)
{
    static const struct load_option options[] = {
        {ACTIVE, "Footing", 1, 8}, {ACTIVE, "", 1, 0},          {ACTIVE, "F", 3, 4},
        {ACTIVE, "Footing", 1, 7}, {ACTIVE, "Footing", 2, 3},   {ACTIVE | 2, "a b", 1, 200},
        {ACTIVE, "debug", 4, 120}, {ACTIVE | 2 | 8, "x", 1, 2}, {ACTIVE, "\\-cfg=x", 1, 0},
    };
    uint8_t bytes[1024] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        for (unsigned shell = 0; shell < 2; shell++) {
            size_t start = put_load_option(bytes, &options[i]);
            size_t end = put_text(bytes, start, " debug");

            text_is(bytes, end, shell == 1, " debug", "debug");
            memcpy(bytes + end, "\0\0\x01\xd8", 4);
            text_is(bytes, end + 2, shell == 1, " debug", "debug");
            text_is(bytes, end + 4, shell == 1, " debug", "debug");
            text_is(bytes, start, shell == 1, "", "");
        }
    }
}

/* Its text has no program's name in front, but what looks like it is skipped there too. */
static void load_option_has_no_name_but_by_looks(void **state)
{
    uint8_t bytes[128];
    size_t start = put_load_option(bytes, &usual);

    (void)state;
    for (unsigned shell = 0; shell < 2; shell++) {
        text_is(bytes, put_text(bytes, start, "debug"), shell == 1, "debug", "debug");
        text_is(bytes, put_text(bytes, start, "x.efi debug"), shell == 1, "x.efi debug", "debug");
        text_is(bytes, put_text(bytes, start, "FOOTING a"), shell == 1, "FOOTING a", "a");
        text_is(bytes, put_text(bytes, start, "a\\footing"), shell == 1, "a\\footing", "");
        assert_int_equal(parse(bytes, put_text(bytes, start, "a b"), shell == 1).code, ERR_OPTION);
        assert_string_equal(args.line + 2, "b");
    }
}

/* An EFI_LOAD_OPTION that ends before its OptionalData begins is none. */
static void cut_load_options_are_ignored(void **state)
{
    uint8_t bytes[128];
    size_t start = put_load_option(bytes, &usual);

    (void)state;
    /* Two bytes are a text's lone control character, and an empty size is an empty text. */
    for (size_t size = 1; size < start; size++)
        ignored(bytes, size);
    text_is(bytes, start, false, "", "");
}

/* A description without an end, or more paths than there are bytes, make it none. */
static void damaged_lengths_are_ignored(void **state)
{
    uint8_t bytes[128];
    size_t end = put_text(bytes, put_load_option(bytes, &usual), "debug");
    size_t room = end - 6 - 2 * sizeof("Footing");

    (void)state;
    for (size_t len = room + 1; len < 0x10000; len += len < room + 4 ? 1 : 1111) {
        bytes[4] = (uint8_t)len;
        bytes[5] = (uint8_t)(len >> 8);
        ignored(bytes, end);
    }
    bytes[4] = bytes[5] = 0xff;
    ignored(bytes, end);
    memset(bytes, 'x', sizeof(bytes));
    put_load_option(bytes, &usual);
    for (size_t i = 6; i < sizeof(bytes); i++)
        bytes[i] = 'x';
    for (size_t size = 6; size <= sizeof(bytes); size += 2)
        ignored(bytes, size);
}

/* Its OptionalData must be text as any other. */
static void load_option_without_text_is_ignored(void **state)
{
    uint8_t bytes[128];
    size_t start = put_load_option(bytes, &usual);

    (void)state;
    memcpy(bytes + start, "\x01\0a\0", 4);
    ignored(bytes, start + 2);
    ignored(bytes, start + 4);
    memcpy(bytes + start, "a\0\x7f\0", 4);
    ignored(bytes, start + 4);
    memcpy(bytes + start, "a\0\0\xdc", 4);
    ignored(bytes, start + 4);
    text_is(bytes, start + 2, false, "a", "a");
    text_is(bytes, start + 1, false, "a", "a");
}

/* Attributes: any set of the defined ones makes a load option, any other bit text, if it can be. */
static void attributes_tell_load_options_from_text(void **state)
{
    uint8_t bytes[128];
    struct load_option option = usual;

    (void)state;
    for (uint32_t set = 0; set < 0x2000; set++) {
        size_t end;

        option.attributes = set;
        end = put_text(bytes, put_load_option(bytes, &option), "debug");
        if ((set & ~0x1f0bu) == 0)
            text_is(bytes, end, false, "debug", "debug");
        else
            parse(bytes, end, false);
    }
    for (unsigned bit = 13; bit < 32; bit++) {
        option.attributes = UINT32_C(1) << bit;
        parse(bytes, put_text(bytes, put_load_option(bytes, &option), "debug"), false);
    }
    option.attributes = 'x';
    text_is(bytes, put_text(bytes, put_load_option(bytes, &option), "debug"), false, "x", "x");
}

/* Text with something behind its zero is text only where it is no load option. */
static void load_option_comes_before_text_with_a_tail(void **state)
{
    uint8_t bytes[128];
    struct load_option option = {0, "x", 1, 8};
    size_t end = put_text(bytes, put_load_option(bytes, &option), "debug");

    (void)state;
    text_is(bytes, end, true, "debug", "debug");
    bytes[4] = 0xff;
    ignored(bytes, end);
    option.attributes = '\t';
    end = put_text(bytes, put_load_option(bytes, &option), "debug");
    text_is(bytes, end, false, "debug", "debug");
    bytes[end - 2] = 1;
    text_is(bytes, end, false, "\t", "");
}

/* The limit of the line holds for an EFI_LOAD_OPTION's text alone. */
static void load_option_text_fits_up_to_the_limit(void **state)
{
    static uint8_t bytes[1024 + 4 * CMDLINE_MAX];
    static char text[2 * CMDLINE_MAX];
    size_t start = put_load_option(bytes, &usual);

    (void)state;
    for (size_t len = CMDLINE_MAX - 3; len <= CMDLINE_MAX + 3; len++) {
        struct error err;
        size_t end;

        memset(text, 'x', len);
        memcpy(text, "-- ", 3);
        text[len] = '\0';
        end = put_text(bytes, start, text);
        err = parse(bytes, end, false);
        assert_int_equal(err.code, len < CMDLINE_MAX ? ERR_NONE : ERR_CMDLINE);
        if (err.code == ERR_CMDLINE)
            assert_int_equal(err.value, len);
    }
}

/* Random units, load options and damage to both are told apart as the reference does it. */
static void random_bytes_are_told_apart_as_by_the_reference(void **state)
{
    static const char *const texts[] = {"",     "debug",      "-cfg=a -- b", "x.efi a", "a b",
                                        "\t\t", "footing -x", "a -cfg=",     "-- ",     "-cfg=b c"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_bytes_are_told_apart_as_by_the_reference");
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t bytes[512];
        struct load_option option = {(uint32_t)(rng_next(&rng) >> (48 + rng_below(&rng, 16))), "ab",
                                     rng_below(&rng, 3), rng_below(&rng, 12)};
        size_t end = rng_once_in(&rng, 3) ? 0 : put_load_option(bytes, &option);
        const char *differs;

        end = put_text(bytes, end, texts[rng_below(&rng, COUNT_OF(texts))]);
        for (uint64_t n = rng_below(&rng, 4); n > 0; n--)
            bytes[end++] = (uint8_t)(rng_next(&rng) >> (56 + rng_below(&rng, 8)));
        for (uint64_t n = rng_below(&rng, 3); n > 0 && end > 0; n--)
            bytes[rng_below(&rng, end)] = (uint8_t)(rng_next(&rng) >> (56 + rng_below(&rng, 8)));
        if (end > 0 && rng_once_in(&rng, 4))
            end -= (size_t)rng_below(&rng, end);
        differs = reference_args_differ(bytes, end, SELF, rng_once_in(&rng, 2));
        if (differs)
            fail_msg("%s differs, in round %u", differs, round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_an_empty_text),
        cmocka_unit_test(text_ends_with_zero_or_size),
        cmocka_unit_test(control_characters_make_it_no_text),
        cmocka_unit_test(surrogates_make_it_no_text),
        cmocka_unit_test(long_rubbish_is_ignored),
        cmocka_unit_test(text_stands_at_any_address),
        cmocka_unit_test(load_options_text_is_its_optional_data),
        cmocka_unit_test(load_option_has_no_name_but_by_looks),
        cmocka_unit_test(cut_load_options_are_ignored),
        cmocka_unit_test(damaged_lengths_are_ignored),
        cmocka_unit_test(load_option_without_text_is_ignored),
        cmocka_unit_test(attributes_tell_load_options_from_text),
        cmocka_unit_test(load_option_comes_before_text_with_a_tail),
        cmocka_unit_test(load_option_text_fits_up_to_the_limit),
        cmocka_unit_test(random_bytes_are_told_apart_as_by_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
