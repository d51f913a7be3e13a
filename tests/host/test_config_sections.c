/* SPDX-License-Identifier: MIT */
/* footing.cfg: which sections it has. */
#include "config.h"

#include "exact.h"
#include "random.h"
#include "reference_config.h"
#include "test.h"

/* Ask out of an exact allocation. */
static bool has(const char *text, size_t len, const char *name)
{
    char *copy = exact_copy(text, len);
    bool answer = config_has_section(copy, len, name);

    exact_free(copy, len);
    return answer;
}

static bool has_in(const char *text, const char *name)
{
    return has(text, strlen(text), name);
}

/* A section is there by its line alone: with entries or without, first, last, or again. */
static void sections_are_there_by_their_line(void **state)
{
    static const char text[] = "[global]\ndefault=a\n[a]\n[ b c\t]\nkernel=x\n [d] # [e]\n[a]\n[f]";

    (void)state;
    assert_true(has_in(text, "global"));
    assert_true(has_in(text, "a"));
    assert_true(has_in(text, "b c"));
    assert_true(has_in(text, "d"));
    assert_true(has_in(text, "f"));
    assert_true(has_in("\xef\xbb\xbf[a]", "a"));
    assert_true(has_in("[a]\r\n", "a"));
    assert_true(has_in("[\xc3\xa9]", "\xc3\xa9"));
}

/* Names are whole, and compared byte by byte; comments, values and keys are none. */
static void other_words_are_no_sections(void **state)
{
    static const char *const others[] = {"",  "A",      "ab", " a",     "a ",      "[a]", "b",
                                         "x", "kernel", "e",  "global", "default", "c",   "\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(has_in("[a]\nkernel=b [c]\n#[e]\nmodule=x\n", others[i]));
    assert_false(has_in("", "a"));
    assert_false(has_in("\n\n", ""));
}

/* What stands before a bad line is found, whatever follows; the bad line is no section. */
static void bad_lines_hide_nothing_before_them(void **state)
{
    static const char *const bad[] = {"[b", "[]", "[b]c", "b", "x=y", "\x01", "\xff", "kernel="};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[64] = "[a]\n";

        strcat(text, bad[i]);
        assert_true(has_in(text, "a"));
        assert_false(has_in(text, "b"));
        assert_false(has_in(text, ""));
    }
}

/* The line's own [name], if it is a section's; a plain second reading. */
static bool line_is(const char *at, const char *end, const char *name)
{
    const char *comment = memchr(at, '#', (size_t)(end - at));

    end = comment ? comment : end;
    while (at < end && strchr(" \t", *at))
        at++;
    while (at < end && strchr(" \t\r", end[-1]))
        end--;
    if (end - at < 2 || *at != '[' || end[-1] != ']')
        return false;
    at++;
    end--;
    while (at < end && strchr(" \t", *at))
        at++;
    while (at < end && strchr(" \t", end[-1]))
        end--;
    return (size_t)(end - at) == strlen(name) && memcmp(at, name, strlen(name)) == 0;
}

/* Before the line of this number, from 1. */
static bool stands_before(const char *text, unsigned stop, const char *name)
{
    const char *at = text;

    for (unsigned line = 1; line < stop && *at; line++) {
        const char *end = at + strcspn(at, "\n");

        if (line_is(at, end, name))
            return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

/* Random lines have the sections that a reader of lines sees in them. */
static void random_lines_have_their_sections(void **state)
{
    static const char *const lines[] = {
        "[a]",  "[b]",       " [ a ] ",    "[global]", "[a b]\r", "kernel=x", "#[b]", "",
        "[c]#", "default=a", "module=[b]", "options=", "[d",      "[a]b",     "\t"};
    static const char *const names[] = {"a", "b", "global", "a b", "c", "d", "", "x"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_lines_have_their_sections");
    for (unsigned round = 0; round < 20000; round++) {
        const char *name = names[rng_below(&rng, COUNT_OF(names))];
        struct reference_entry *entries;
        char text[128] = "";
        unsigned stop = ~0u;
        size_t count;

        for (uint64_t n = rng_below(&rng, 8); n > 0; n--)
            strcat(strcat(text, lines[rng_below(&rng, COUNT_OF(lines))]), n > 1 ? "\n" : "");
        entries = reference_config(text, strlen(text), &count);
        if (entries[count - 1].result == CONFIG_BAD)
            stop = entries[count - 1].line;
        free(entries);
        if (stands_before(text, stop, name))
            assert_true(has_in(text, name));
        else if (stop == ~0u)
            assert_false(has_in(text, name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_there_by_their_line),
        cmocka_unit_test(other_words_are_no_sections),
        cmocka_unit_test(bad_lines_hide_nothing_before_them),
        cmocka_unit_test(random_lines_have_their_sections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
