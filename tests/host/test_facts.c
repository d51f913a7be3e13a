/* SPDX-License-Identifier: MIT */
/* Modules among the facts, and messages. */
#include "facts.h"

#include "exact.h"
#include "print.h"
#include "test.h"

static struct facts *start(void)
{
    struct facts *facts = calloc(1, sizeof(*facts));

    assert_non_null(facts);
    return facts;
}

/* Every module keeps its place, kind and command line, in the order in which they came. */
static void modules_keep_what_they_were_given(void **state)
{
    static const char *const lines[] = {"quiet a=b", "", "x", "\xc3\xa9 --", ""};
    struct facts *facts = start();

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(lines); i++) {
        char *copy = exact_copy(lines[i], strlen(lines[i]));

        assert_true(facts_add_module(facts, M(1) * i, M(1) * i + 7, (enum module_kind)(i % 3), copy,
                                     strlen(lines[i])));
        exact_free(copy, strlen(lines[i]));
    }
    assert_int_equal(facts->nmodules, COUNT_OF(lines));
    for (unsigned i = 0; i < COUNT_OF(lines); i++) {
        assert_int_equal(facts->modules[i].base, M(1) * i);
        assert_int_equal(facts->modules[i].end, M(1) * i + 7);
        assert_int_equal(facts->modules[i].kind, i % 3);
        assert_string_equal(facts->texts + facts->modules[i].text, lines[i]);
    }
    free(facts);
}

/* Command lines fit as long as their zeros do; the one that does not leaves all as it was. */
static void command_lines_fit_up_to_the_limit(void **state)
{
    static char line[FACTS_TEXT_MAX + 1];

    (void)state;
    memset(line, 'x', sizeof(line));
    for (size_t before = 0; before < 3; before++) {
        for (size_t len = FACTS_TEXT_MAX - 4; len <= FACTS_TEXT_MAX; len++) {
            struct facts *facts = start();
            struct facts *same = start();
            bool fits = before + len + 1 <= FACTS_TEXT_MAX;

            for (size_t i = 0; i < before; i++)
                assert_true(facts_add_module(facts, 1, 2, MODULE_PLAIN, "", 0));
            *same = *facts;
            assert_int_equal(facts_add_module(facts, 3, 4, MODULE_KERNEL, line, len), fits);
            if (fits)
                assert_int_equal(strlen(facts->texts + facts->modules[before].text), len);
            else
                assert_memory_equal(facts, same, sizeof(*facts));
            free(same);
            free(facts);
        }
    }
}

/* When the room is used up, not even an empty command line has its zero. */
static void nothing_fits_behind_the_last_byte(void **state)
{
    static char line[FACTS_TEXT_MAX];
    struct facts *facts = start();

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_true(facts_add_module(facts, 1, 2, MODULE_PLAIN, line, FACTS_TEXT_MAX - 1));
    assert_false(facts_add_module(facts, 1, 2, MODULE_PLAIN, "", 0));
    assert_int_equal(facts->nmodules, 1);
    free(facts);
}

/* There is room for as many modules as the header says. */
static void all_modules_have_room(void **state)
{
    struct facts *facts = start();

    (void)state;
    for (unsigned i = 0; i < MODULES_MAX; i++)
        assert_true(facts_add_module(facts, i, i + 1, MODULE_PLAIN, "12345678", 8));
    assert_int_equal(facts->nmodules, MODULES_MAX);
    assert_int_equal(facts->modules[MODULES_MAX - 1].base, MODULES_MAX - 1);
    free(facts);
}

/* A name is the last module's; those without one have "", and a name takes no command line's room. */
static void names_are_the_last_modules(void **state)
{
    static const char *const names[] = {"kernel.elf", "", "x", "\xc3\xa9.img", ""};
    struct facts *facts = start();

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        char *copy = exact_copy(names[i], strlen(names[i]));

        assert_true(facts_add_module(facts, 1, 2, MODULE_PLAIN, "a b", 3));
        assert_true(facts_name_module(facts, copy, strlen(names[i])));
        exact_free(copy, strlen(names[i]));
    }
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(facts->names + facts->modules[i].name, names[i]);
        assert_string_equal(facts->texts + facts->modules[i].text, "a b");
    }
    assert_true(facts_add_module(facts, 1, 2, MODULE_PLAIN, "", 0));
    assert_string_equal(facts->names + facts->modules[COUNT_OF(names)].name, "");
    assert_int_equal(facts->texts_used, 4 * COUNT_OF(names) + 1);
    free(facts);
}

/* As many of the longest names that a configuration can have fit as there are modules. */
static void names_fit_up_to_the_limit(void **state)
{
    static char name[FACTS_NAMES_MAX];
    struct facts *facts = start();

    (void)state;
    memset(name, 'x', sizeof(name));
    for (unsigned i = 0; i < MODULES_MAX; i++) {
        assert_true(facts_add_module(facts, 1, 2, MODULE_PLAIN, "", 0));
        if (i == MODULES_MAX - 1)
            assert_false(facts_name_module(facts, name, 256));
        assert_string_equal(facts->names + facts->modules[i].name, "");
        assert_true(facts_name_module(facts, name, 255));
        assert_int_equal(strlen(facts->names + facts->modules[i].name), 255);
    }
    assert_int_equal(facts->names_used, FACTS_NAMES_MAX - 1);
    assert_false(facts_name_module(facts, name, 1));
    assert_true(facts_name_module(facts, name, 0));
    free(facts);
}

/* A message is what printf makes of it, up to its limit, and the next takes its place. */
static void messages_are_printed_up_to_their_limit(void **state)
{
    static char text[2 * MESSAGE_MAX];
    const char *first = message("%s:%u: %lx", "a", 7u, 0xfful);

    (void)state;
    assert_string_equal(first, "a:7: ff");
    assert_string_equal(message("%s", ""), "");
    for (size_t len = MESSAGE_MAX - 6; len < MESSAGE_MAX + 6; len++) {
        const char *got;

        memset(text, 'x', len);
        text[len] = '\0';
        got = message("%s", text);
        if (len < MESSAGE_MAX) {
            assert_string_equal(got, text);
        } else {
            assert_int_equal(strlen(got), MESSAGE_MAX - 1);
            assert_string_equal(got + MESSAGE_MAX - 4, "...");
            assert_memory_equal(got, text, MESSAGE_MAX - 4);
        }
        assert_string_equal(message("%c", 'y'), "y");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_keep_what_they_were_given),
        cmocka_unit_test(command_lines_fit_up_to_the_limit),
        cmocka_unit_test(nothing_fits_behind_the_last_byte),
        cmocka_unit_test(all_modules_have_room),
        cmocka_unit_test(names_are_the_last_modules),
        cmocka_unit_test(names_fit_up_to_the_limit),
        cmocka_unit_test(messages_are_printed_up_to_their_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
