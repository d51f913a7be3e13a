/* SPDX-License-Identifier: MIT */
/* Two command lines in one. */
#include "options.h"

#include "exact.h"
#include "random.h"
#include "test.h"

#define ROOM 512

/* Join out of exact allocations, the first without a final zero, into exactly this room. */
static size_t join_into(char *line, size_t room, const char *first, const char *second)
{
    size_t first_len = strlen(first);
    char *first_copy = exact_copy(first, first_len);
    char *second_copy = exact_copy(second, strlen(second) + 1);
    char *exact = exact_copy(line, room);
    size_t len;

    memset(exact, 0xa5, room);
    len = options_join(exact, room, first_copy, first_len, second_copy);
    assert_int_equal(strlen(exact), len < room ? len : 0);
    memcpy(line, exact, room);
    exact_free(exact, room);
    exact_free(second_copy, strlen(second) + 1);
    exact_free(first_copy, first_len);
    return len;
}

static void joined(const char *first, const char *second, const char *line)
{
    char got[ROOM];

    assert_int_equal(join_into(got, sizeof(got), first, second), strlen(line));
    assert_string_equal(got, line);
}

/* Each half of the one goes before the same half of the other. */
static void halves_go_to_halves(void **state)
{
    (void)state;
    joined("a -- p", "b -- q", "a b -- p q");
    joined("a", "b", "a b");
    joined("a -- p", "b", "a b -- p");
    joined("a", "b -- q", "a b -- q");
    joined("-- p", "-- q", "-- p q");
    joined("-- p", "b", "b -- p");
    joined("a", "-- q", "a -- q");
    joined("a -- p -- r", "b -- q -- s", "a b -- p -- r q -- s");
    joined("a--b", "--c d--", "a--b --c d--");
}

/* What is before the payload's part is as long as in the line that is joined, where it begins. */
static void own_length_is_without_the_payloads_part(void **state)
{
    static const struct {
        const char *line;
        size_t len;
    } lines[] = {{"", 0},       {"a", 1},        {"a b", 3},  {"a b  ", 3},
                 {"a -- p", 1}, {"a  -- p", 1},  {"-- p", 0}, {"a--b c", 6},
                 {"a b --", 3}, {"a\t--\tp", 1}, {"--", 0},   {"a --b", 5}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        size_t len = strlen(lines[i].line);
        char *copy = exact_copy(lines[i].line, len);
        char got[ROOM];

        assert_int_equal(options_own_length(copy, len), lines[i].len);
        join_into(got, sizeof(got), lines[i].line, "x -- y");
        assert_memory_equal(got, lines[i].line, lines[i].len);
        assert_int_equal(got[lines[i].len + (lines[i].len > 0)], 'x');
        exact_free(copy, len);
    }
}

/* A line that is empty or blank adds nothing to the other. */
static void empty_lines_add_nothing(void **state)
{
    char line[2] = "x";

    (void)state;
    joined("", "", "");
    joined("a", "", "a");
    joined("", "b", "b");
    joined("a -- p", "", "a -- p");
    joined("", "b -- q", "b -- q");
    joined(" \t", "b", "b");
    joined("a", "\t ", "a");
    assert_int_equal(options_join(line, sizeof(line), NULL, 0, "b"), 1);
    assert_string_equal(line, "b");
}

/* What does not fit leaves an empty line, and is told its length, in every room. */
static void too_long_lines_leave_nothing(void **state)
{
    static const char *const lines[][3] = {{"a -- p", "b -- q", "a b -- p q"},
                                           {"abc", "def", "abc def"},
                                           {"", "b", "b"},
                                           {"", "", ""}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        for (size_t room = 1; room < 16; room++) {
            char got[16];

            assert_int_equal(join_into(got, room, lines[i][0], lines[i][1]), strlen(lines[i][2]));
            assert_string_equal(got, strlen(lines[i][2]) < room ? lines[i][2] : "");
        }
    }
}

/* Add the words of a line that stand before its first "--", or behind it. */
static bool add_words(char *to, const char *line, bool behind)
{
    char copy[ROOM];
    bool seen = false;

    strcpy(copy, line);
    for (char *word = strtok(copy, " \t"); word; word = strtok(NULL, " \t")) {
        if (!seen && strcmp(word, "--") == 0) {
            seen = true;
            continue;
        }
        if (seen == behind)
            strcat(strcat(to, word), " ");
    }
    return seen;
}

/* Random lines join as their words do one by one, and in any room or none. */
static void random_lines_join_word_by_word(void **state)
{
    static const char *const words[] = {"a", "bc", "--", "---", "-", "then=halt", "p", "--x"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_lines_join_word_by_word");
    for (unsigned round = 0; round < 20000; round++) {
        char lines[2][ROOM / 4] = {"", ""};
        char wanted[ROOM] = "";
        char tail[ROOM] = "";
        char got[ROOM] = "";
        char words_of_it[ROOM] = "";
        size_t len;
        size_t room;

        for (unsigned i = 0; i < 2; i++) {
            strcat(lines[i], rng_once_in(&rng, 4) ? " " : "");
            for (uint64_t n = rng_below(&rng, 6); n > 0; n--)
                strcat(strcat(lines[i], words[rng_below(&rng, COUNT_OF(words))]),
                       n == 1 ? (rng_once_in(&rng, 4) ? "\t" : "")
                              : (rng_once_in(&rng, 4) ? " \t " : " "));
        }
        add_words(wanted, lines[0], false);
        add_words(wanted, lines[1], false);
        bool first = add_words(tail, lines[0], true);
        bool second = add_words(tail, lines[1], true);

        if (first || second)
            strcat(strcat(wanted, "-- "), tail);
        len = join_into(got, sizeof(got), lines[0], lines[1]);
        assert_int_equal(strlen(got), len);
        for (char *word = strtok(got, " \t"); word; word = strtok(NULL, " \t"))
            strcat(strcat(words_of_it, word), " ");
        assert_string_equal(words_of_it, wanted);
        room = 1 + (size_t)rng_below(&rng, sizeof(got) - 1);
        assert_int_equal(join_into(got, room, lines[0], lines[1]), len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_go_to_halves),
        cmocka_unit_test(own_length_is_without_the_payloads_part),
        cmocka_unit_test(empty_lines_add_nothing),
        cmocka_unit_test(too_long_lines_leave_nothing),
        cmocka_unit_test(random_lines_join_word_by_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
