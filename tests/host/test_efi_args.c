/* SPDX-License-Identifier: MIT */
/* The EFI command line: its words. What may stand in its place is in test_efi_args_form.c. */
#include "efi_args.h"

#include "exact.h"
#include "random.h"
#include "reference_args.h"
#include "reference_text.h"
#include "test.h"

#define SELF "footing.efi"

/* The answer of the last call. */
static struct efi_args args;

/* Parse this UTF-8 as UCS-2 with a final zero, out of an exact allocation. */
static struct error parse_with(const char *text, const char *self, bool shell)
{
    size_t len = strlen(text);
    uint8_t *ucs2 = calloc(len + 1, 2);
    size_t units = 0;
    const char *differs;
    struct error err;
    char *copy;

    assert_non_null(ucs2);
    for (size_t at = 0; at < len; units++) {
        uint32_t point = 0;

        at += reference_utf8(text + at, len - at, &point);
        ucs2[2 * units] = (uint8_t)point;
        ucs2[2 * units + 1] = (uint8_t)(point >> 8);
    }
    differs = reference_args_differ(ucs2, 2 * units + 2, self, shell);
    if (differs)
        fail_msg("%s differs: \"%.200s\", self \"%s\", shell %d", differs, text, self, shell);
    copy = exact_copy(ucs2, 2 * units + 2);
    memset(&args, 0xa5, sizeof(args));
    err = efi_args_parse(copy, 2 * units + 2, self, shell, &args);
    exact_free(copy, 2 * units + 2);
    free(ucs2);
    return err;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Parse a good line, which is to mean this. */
static void good_with(const char *text, const char *self, bool shell, const char *config,
                      const char *section, const char *options)
{
    struct error err = parse_with(text, self, shell);

    if (err.code != ERR_NONE)
        fail_msg("\"%s\" is refused: %s", text, err.text ? err.text : "too long");
    assert_false(args.ignored);
    assert_string_equal(args.line, text);
    assert_string_equal(args.config, config);
    assert_string_equal(args.section, section);
    assert_non_null(args.options);
    assert_string_equal(skip_blanks(args.options), options);
    if (args.options[0] != '\0')
        assert_true(args.options >= args.line && args.options < args.line + sizeof(args.line));
}

/* Without the program's name. */
static void good(const char *text, const char *config, const char *section, const char *options)
{
    good_with(text, SELF, false, config, section, options);
}

/* Parse a bad line, and be told of this word. */
static void bad_with(const char *text, bool shell, const char *word)
{
    struct error err = parse_with(text, SELF, shell);

    if (err.code != ERR_OPTION)
        fail_msg("\"%s\" is not refused", text);
    assert_non_null(err.text);
    assert_string_equal(err.text, word);
    assert_true(err.text >= args.line && err.text < args.line + sizeof(args.line));
}

static void bad(const char *text, const char *word)
{
    bad_with(text, false, word);
}

/* The header's own example means what the header says. */
static void example_of_the_header_is_read(void **state)
{
    static const char line[] = "footing.efi -cfg=other.cfg debug -- loglevel=3";

    (void)state;
    good_with(line, SELF, false, "other.cfg", "debug", "loglevel=3");
    good_with(line, SELF, true, "other.cfg", "debug", "loglevel=3");
    good_with(line, "", false, "other.cfg", "debug", "loglevel=3");
    good_with(line, "other", true, "other.cfg", "debug", "loglevel=3");
}

/* A line without words asks for nothing. */
static void empty_line_asks_for_nothing(void **state)
{
    static const char *const lines[] = {"", " ", "\t", " \t  \t"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        good_with(lines[i], SELF, false, "", "", "");
        good_with(lines[i], SELF, true, "", "", "");
        good_with(lines[i], "", true, "", "", "");
    }
}

/* The words come in any order, with any blanks around them. */
static void words_come_in_any_order(void **state)
{
    (void)state;
    good("debug", "", "debug", "");
    good("-cfg=a.cfg", "a.cfg", "", "");
    good("-cfg=a.cfg debug", "a.cfg", "debug", "");
    good("debug -cfg=a.cfg", "a.cfg", "debug", "");
    good("\t debug\t\t-cfg=a \t", "a", "debug", "");
    good("-cfg=\\EFI\\footing\\a=b.cfg d=e", "\\EFI\\footing\\a=b.cfg", "d=e", "");
    good("-cfg=-x", "-x", "", "");
    good("-cfg=--", "--", "", "");
    good("\xc3\xa9\xe2\x82\xac -cfg=\xe2\x82\xac", "\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac", "");
}

/* All that follows "--" belongs to Footing, whatever it looks like. */
static void rest_is_footings_own(void **state)
{
    (void)state;
    good("--", "", "", "");
    good("-- ", "", "", "");
    good("-- x", "", "", "x");
    good("-- -x -cfg= -- a b", "", "", "-x -cfg= -- a b");
    good("a -- b  c\td", "", "a", "b  c\td");
    good("a\t--\tb", "", "a", "b");
    good("-cfg=c a -- -cfg=d e -- payload", "c", "a", "-cfg=d e -- payload");
    good("a -- \xe2\x82\xac", "", "a", "\xe2\x82\xac");
}

/* A word with '-' that is none of the two is refused, wherever it stands. */
static void unknown_words_are_refused(void **state)
{
    static const char *const words[] = {"-",      "-x",     "---",      "--x",    "-cfg",
                                        "-cf=x",  "-cfgx=", "-CFG=x",   "-Cfg=x", "--cfg=x",
                                        "-cfg:x", "-=x",    "-\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        char line[64];

        bad(words[i], words[i]);
        strcpy(line, "debug ");
        bad(strcat(strcat(line, words[i]), " -cfg=x"), words[i]);
        strcpy(line, "\t-cfg=x\t");
        bad(strcat(strcat(line, words[i]), "\t"), words[i]);
        strcpy(line, "footing ");
        bad_with(strcat(strcat(line, words[i]), " -- y"), true, words[i]);
    }
}

/* A file must have a name, and only one of it and of the section may be given. */
static void second_and_empty_words_are_refused(void **state)
{
    (void)state;
    bad("-cfg=", "-cfg=");
    bad("-cfg= a", "-cfg=");
    bad("a -cfg= -- x", "-cfg=");
    bad("-cfg=a -cfg=b", "-cfg=b");
    bad("-cfg=a -cfg=a", "-cfg=a");
    bad("-cfg=a -cfg=", "-cfg=");
    bad("a b", "b");
    bad("a a", "a");
    bad("a -cfg=x b -- c", "b");
    bad("a b -x", "b");
    bad("-x a b", "-x");
    bad_with("footing a b", true, "b");
}

/* A shell puts the program's name first, whatever it is; only that one word is skipped. */
static void shell_puts_the_name_first(void **state)
{
    static const char *const names[] = {"footing",      "footing.efi", "FS0:\\x\\y", "debug",
                                        "\xe2\x82\xac", "a.b",         "efi"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[64] = "\t";

        strcat(line, names[i]);
        good_with(line, "", true, "", "", "");
        good_with(strcat(line, " debug"), "", true, "", "debug", "");
        good_with(strcat(line, " -- a"), SELF, true, "", "debug", "a");
    }
    good_with("footing.efi footing.efi", SELF, true, "", "footing.efi", "");
    good_with("footing footing", SELF, true, "", "footing", "");
}

/* A shell's name may stand in quotation marks, and hold blanks then. */
static void shells_name_may_be_quoted(void **state)
{
    (void)state;
    good_with("\"footing.efi\"", SELF, true, "", "", "");
    good_with("\"fs0:\\my folder\\footing.efi\" debug", SELF, true, "", "debug", "");
    good_with("\"a b\" -cfg=c d -- e", "", true, "c", "d", "e");
    good_with("\" -- \"\t-- x", "", true, "", "", "x");
    good_with("\"\" debug", "", true, "", "debug", "");
    good_with(" \"a b\" debug", "", true, "", "debug", "");
    good_with("footing \"a\"", SELF, true, "", "\"a\"", "");
    good_with("\"a\"", SELF, false, "", "\"a\"", "");
    bad_with("\"a b\" -x", true, "-x");
    bad_with("\"a b\"", false, "b\"");
}

/* By its looks no word that begins with '-' is the program's name; behind a shell it is. */
static void word_with_a_dash_is_no_name(void **state)
{
    (void)state;
    bad_with("-x.efi", false, "-x.efi");
    bad_with("-footing debug", false, "-footing");
    good_with("-cfg=x.efi debug", SELF, false, "x.efi", "debug", "");
    good_with("-cfg=\\footing debug", SELF, false, "\\footing", "debug", "");
    good_with("-cfg=footing", "footing", false, "footing", "", "");
    good_with("-- footing.efi", SELF, false, "", "", "footing.efi");
    good_with("-x.efi debug", SELF, true, "", "debug", "");
    assert_int_equal(parse_with("-footing", "-footing.efi", false).code, ERR_OPTION);
}

/* Without a shell, what ends with ".efi" is the program's name, if it stands first. */
static void name_is_known_by_its_end(void **state)
{
    (void)state;
    good_with("other.efi", "", false, "", "", "");
    good_with("other.efi debug", SELF, false, "", "debug", "");
    good_with("\\EFI\\BOOT\\BOOTX64.efi debug", SELF, false, "", "debug", "");
    good_with(".efi debug", SELF, false, "", "debug", "");
    good_with("\xc3\xa9.efi -cfg=x", "", false, "x", "", "");
    good_with("a.efi b.efi", SELF, false, "", "b.efi", "");
    good_with("debug", SELF, false, "", "debug", "");
    good_with("other.efi2", SELF, false, "", "other.efi2", "");
    good_with("otherefi", SELF, false, "", "otherefi", "");
    good_with("efi", SELF, false, "", "efi", "");
    good_with("x.ef", SELF, false, "", "x.ef", "");
    good_with("other.efi/", SELF, false, "", "other.efi/", "");
    bad_with("debug other.efi", false, "other.efi");
}

/* Without a shell, the image's own file name is it too, in any folder and any case of A to Z. */
static void name_is_known_by_the_images_own(void **state)
{
    static const char *const mine[][2] = {
        {"footing", "footing.efi"},     {"FOOTING", "footing.efi"},
        {"footing", "FOOTING.EFI"},     {"FooTing", "fOOtING.eFi"},
        {"FOOTING.EFI", "footing.efi"}, {"a\\footing", "footing.efi"},
        {"a/footing", "footing.efi"},   {"fs0:footing", "footing.efi"},
        {"fs0:\\a/b\\footing", SELF},   {"\\footing", SELF},
        {"footing", "footing"},         {"fs0:FOOTING", "footing"},
        {"boot.bin", "boot.bin"},       {"x\\BOOT.BIN", "boot.bin"},
        {"boot.bin", "boot.bin.efi"},   {"\xc3\xa9x", "\xc3\xa9X.efi"},
    };
    static const char *const others[][2] = {
        {"footing2", "footing.efi"},
        {"2footing", "footing.efi"},
        {"footin", "footing.efi"},
        {"footing.", "footing.efi"},
        {"footing.ef", "footing.efi"},
        {"footing\\", "footing.efi"},
        {"footing\\a", "footing.efi"},
        {"footing:", "footing.efi"},
        {"boot", "boot.bin"},
        {"boot.bi", "boot.bin"},
        {"\xc3\xa9", "\xc3\x89.efi"},
        {"f[oting", "f{oting.efi"},
        {"footing", ""},
        {"a\\", ""},
        {"fs0:", ""},
        {"@", "`.efi"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(mine); i++) {
        char line[64];

        strcpy(line, mine[i][0]);
        good_with(line, mine[i][1], false, "", "", "");
        good_with(strcat(line, " debug"), mine[i][1], false, "", "debug", "");
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        good_with(others[i][0], others[i][1], false, "", others[i][0], "");
}

/* Fill text with a word of so many bytes behind what is there. */
static void add_word(char *text, const char *with, size_t bytes)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < bytes; i++)
        text[len + i] = with[i % strlen(with)];
    text[len + bytes] = '\0';
}

static void too_long(struct error err, size_t limit, size_t length)
{
    assert_int_equal(err.code, ERR_CMDLINE);
    assert_true(err.at == limit || err.at == limit - 1);
    assert_int_equal(err.value, length);
}

/* Names fit up to their limit in bytes of UTF-8, with the zero. */
static void names_fit_up_to_their_limit(void **state)
{
    (void)state;
    for (size_t len = EFI_NAME_MAX - 3; len <= EFI_NAME_MAX + 3; len++) {
        for (unsigned which = 0; which < 4; which++) {
            /* Two bytes a letter from which == 2 on. */
            size_t bytes = which < 2 ? len : len / 2 * 2;
            char text[2 * EFI_NAME_MAX] = "";
            struct error err;

            strcpy(text, which % 2 ? "-cfg=" : "");
            add_word(text, which < 2 ? "x" : "\xc3\xa9", bytes);
            err = parse_with(text, SELF, false);
            if (bytes < EFI_NAME_MAX) {
                assert_int_equal(err.code, ERR_NONE);
                assert_string_equal(which % 2 ? args.config : args.section,
                                    which % 2 ? text + 5 : text);
            } else {
                too_long(err, EFI_NAME_MAX, bytes);
            }
        }
    }
}

/* The program's name and what follows "--" may be longer than a name. */
static void other_words_have_no_limit_of_their_own(void **state)
{
    char text[4 * EFI_NAME_MAX] = "";

    (void)state;
    add_word(text, "x", EFI_NAME_MAX + 9);
    strcat(text, " debug -- ");
    add_word(text, "y", EFI_NAME_MAX + 9);
    good_with(text, "", true, "", "debug", strchr(text, 'y'));
}

/* The line fits up to its limit in bytes of UTF-8, with the zero; too long, its units are told. */
static void line_fits_up_to_its_limit(void **state)
{
    static const char *const letters[] = {"x", "\xc3\xa9", "\xe2\x82\xac"};
    static char text[2 * CMDLINE_MAX];

    (void)state;
    for (size_t wide = 1; wide <= 3; wide++) {
        for (size_t len = CMDLINE_MAX - 5; len <= CMDLINE_MAX + 5; len++) {
            size_t letters_len = (len - 3) / wide;
            size_t bytes = 3 + letters_len * wide;
            struct error err;

            strcpy(text, "-- ");
            add_word(text, letters[wide - 1], letters_len * wide);
            err = parse_with(text, SELF, false);
            if (bytes < CMDLINE_MAX) {
                assert_int_equal(err.code, ERR_NONE);
                assert_string_equal(args.line, text);
                assert_string_equal(skip_blanks(args.options), text + 3);
            } else {
                too_long(err, CMDLINE_MAX, 3 + letters_len);
            }
        }
    }
}

/* Lines of random words mean what a plain cutter of words says they mean. */
static void random_lines_are_read_as_by_the_reference(void **state)
{
    static const char *const words[] = {"debug", "-cfg=a", "-cfg=", "--",           "-x",
                                        "b",     "x.efi",  "-",     "footing",      "fs0:\\Footing",
                                        "\\",    "a:",     "---",   "\xc3\xa9.EFI", "-cfg",
                                        "\"a",   "\"",     "\"b\"", "-x.efi",       "-footing"};
    static const char *const selves[] = {"", SELF, "FOOTING", "b.efi", "debug"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_lines_are_read_as_by_the_reference");
    for (unsigned round = 0; round < 50000; round++) {
        char text[256] = "";

        for (uint64_t n = rng_below(&rng, 7); n > 0; n--) {
            strcat(text, words[rng_below(&rng, COUNT_OF(words))]);
            strcat(text, rng_once_in(&rng, 8) ? "" : rng_once_in(&rng, 2) ? " " : "\t ");
        }
        parse_with(text, selves[rng_below(&rng, COUNT_OF(selves))], rng_once_in(&rng, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_the_header_is_read),
        cmocka_unit_test(empty_line_asks_for_nothing),
        cmocka_unit_test(words_come_in_any_order),
        cmocka_unit_test(rest_is_footings_own),
        cmocka_unit_test(unknown_words_are_refused),
        cmocka_unit_test(second_and_empty_words_are_refused),
        cmocka_unit_test(shell_puts_the_name_first),
        cmocka_unit_test(shells_name_may_be_quoted),
        cmocka_unit_test(word_with_a_dash_is_no_name),
        cmocka_unit_test(name_is_known_by_its_end),
        cmocka_unit_test(name_is_known_by_the_images_own),
        cmocka_unit_test(names_fit_up_to_their_limit),
        cmocka_unit_test(other_words_have_no_limit_of_their_own),
        cmocka_unit_test(line_fits_up_to_its_limit),
        cmocka_unit_test(random_lines_are_read_as_by_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
