/* SPDX-License-Identifier: MIT */
/* footing.cfg: parts; values of a file and its command line; and random texts, read twice. */
#include "config.h"

#include <stdio.h>

#include "exact.h"
#include "random.h"
#include "reference_config.h"
#include "test.h"

/* A part is a word if it has all its bytes and no others. */
static void parts_are_compared_whole(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *word;
        bool same;
    } cases[] = {{"", 0, "", true},        {"a", 1, "a", true},
                 {"a", 1, "", false},      {"", 0, "a", false},
                 {"abc", 3, "abc", true},  {"abc", 3, "ab", false},
                 {"ab", 2, "abc", false},  {"abc", 3, "abd", false},
                 {"abc", 3, "bbc", false}, {"aBc", 3, "abc", false},
                 {"a\0c", 3, "a", false},  {"a\0", 2, "a", false},
                 {"\0", 1, "", false},     {"\xc3\xa9", 2, "\xc3\xa9", true}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *copy = exact_copy(cases[i].bytes, cases[i].len);

        if (config_text_is((struct config_text){copy, cases[i].len}, cases[i].word) !=
            cases[i].same)
            fail_msg("case %zu: \"%s\"", i, cases[i].word);
        exact_free(copy, cases[i].len);
    }
}

/* Split a value of exactly these bytes. */
static void split(const char *bytes, size_t len, const char *file, const char *options)
{
    char *copy = exact_copy(bytes, len);
    struct config_text first;
    struct config_text second;

    memset(&first, 0xa5, sizeof(first));
    memset(&second, 0xa5, sizeof(second));
    config_split((struct config_text){copy, len}, &first, &second);
    if (!config_text_is(first, file) || !config_text_is(second, options))
        fail_msg("\"%.*s\" is not split into \"%s\" and \"%s\"", (int)len, bytes, file, options);
    if (first.len > 0)
        assert_ptr_equal(first.at, copy);
    if (second.len > 0)
        assert_true(second.at > copy && second.at + second.len <= copy + len);
    exact_free(copy, len);
}

/* The file ends at the first blank, its command line begins behind all the blanks there. */
static void values_are_cut_at_their_first_blank(void **state)
{
    static const char *const values[][3] = {
        {"payload.elf quiet", "payload.elf", "quiet"},
        {"a\tb", "a", "b"},
        {"a \t \tb", "a", "b"},
        {"a b  c\td", "a", "b  c\td"},
        {"a=b c=d", "a=b", "c=d"},
        {"\\efi\\a.elf -- x", "\\efi\\a.elf", "-- x"},
        {"\xc3\xa9 \xe2\x82\xac", "\xc3\xa9", "\xe2\x82\xac"},
        {"a\xc2\xa0x b", "a\xc2\xa0x", "b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        split(values[i][0], strlen(values[i][0]), values[i][1], values[i][2]);
}

/* Without a blank all of it is the file; without anything behind it the options are empty. */
static void options_may_be_empty(void **state)
{
    (void)state;
    split("payload.elf", 11, "payload.elf", "");
    split("a", 1, "a", "");
    split("a b", 1, "a", "");
    split("a b", 2, "a", "");
    split("a \t b", 4, "a", "");
    split("", 0, "", "");
}

/* The two parts are made of the value's own bytes, and only blanks are lost between them. */
static void random_values_lose_blanks_alone(void **state)
{
    static const char letters[] = "ab \t=#\xc3";
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_values_lose_blanks_alone");
    for (unsigned round = 0; round < 50000; round++) {
        char value[16] = "x";
        char file[16] = "";
        char options[16] = "";
        size_t len = 1 + (size_t)rng_below(&rng, 14);

        for (size_t i = 1; i < len; i++)
            value[i] = letters[rng_below(&rng, sizeof(letters) - 1)];
        /* sscanf()'s blanks are more, but no others are among the letters. */
        sscanf(value, "%15[^ \t]%*[ \t]%15[^\n]", file, options);
        split(value, len, file, options);
    }
}

/* Texts of random pieces are read as a reader reads them that cuts them into lines first. */
static void random_texts_are_read_as_by_the_reference(void **state)
{
    static const char *const pieces[] = {
        "[",        "]",        "[a]\n",      "[global]\n",   "[b]\r\n",  "=",
        "#",        " ",        "\t",         "\n",           "\r\n",     "\r",
        "default",  "chain",    "options",    "kernel",       "ramdisk",  "module",
        "x",        "kernel=x", "y z",        "\xc3\xa9",     "\xe2\x82", "\xef\xbb\xbf",
        "options=", "\x01",     "default=",   "module=a b\n", "\n",       "\n",
        "[a]\n",    "#c\n",     "kernel=x\n", "options=\n",   "[ b ]\n"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_texts_are_read_as_by_the_reference");
    for (unsigned round = 0; round < 100000; round++) {
        char text[512];
        size_t len = 0;
        const char *differs;

        for (uint64_t n = rng_below(&rng, 30); n > 0; n--) {
            const char *piece = pieces[rng_below(&rng, COUNT_OF(pieces))];

            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        if (len > 0 && rng_once_in(&rng, 8))
            len -= (size_t)rng_below(&rng, len);
        differs = reference_config_differs(text, len);
        if (differs)
            fail_msg("%s differs: \"%.*s\"", differs, (int)len, text);
    }
}

/* Good texts, with one byte of them changed to any other, are still read as by the reference. */
static void damaged_texts_are_read_as_by_the_reference(void **state)
{
    static const char good[] = "\xef\xbb\xbf[global]\r\ndefault = a # \xc3\xa9\r\n\n[a]\n"
                               "options=\n\tkernel=x y\nmodule=\xe2\x82\xac\n[b]\nramdisk=z";

    (void)state;
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[sizeof(good)];
            const char *differs;

            memcpy(text, good, sizeof(good));
            text[at] = (char)byte;
            differs = reference_config_differs(text, sizeof(good) - 1);
            if (differs)
                fail_msg("%s differs with %02x at %zu", differs, byte, at);
        }
        assert_null(reference_config_differs(good, at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_compared_whole),
        cmocka_unit_test(values_are_cut_at_their_first_blank),
        cmocka_unit_test(options_may_be_empty),
        cmocka_unit_test(random_values_lose_blanks_alone),
        cmocka_unit_test(random_texts_are_read_as_by_the_reference),
        cmocka_unit_test(damaged_texts_are_read_as_by_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
