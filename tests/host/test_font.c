/* SPDX-License-Identifier: MIT */
/* The font: characters that are there, stay in their cells and can be told apart. */
#include "font.h"
#include "test.h"

/* Characters show, do not touch their neighbours, and no two are alike. */
static void characters_are_distinct(void **state)
{
    static const uint8_t blank[FONT_ROWS];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(font); i++) {
        assert_int_equal(memcmp(font[i], blank, FONT_ROWS) == 0, i == 0);
        for (size_t y = 0; y < FONT_HEIGHT; y++)
            assert_int_equal(font_row((uint8_t)(FONT_FIRST + i), (unsigned)y) & 1, 0);
        assert_int_equal(font_row((uint8_t)(FONT_FIRST + i), 0), 0);
        assert_int_equal(font_row((uint8_t)(FONT_FIRST + i), FONT_HEIGHT - 1), 0);
        for (size_t other = 0; other < i; other++)
            assert_memory_not_equal(font[i], font[other], FONT_ROWS);
    }
}

/* Characters that are easily confused differ in several places. */
static void similar_characters_are_told_apart(void **state)
{
    static const char pairs[][2] = {{'0', 'O'}, {'0', 'o'}, {'0', 'D'}, {'0', '8'}, {'1', 'l'},
                                    {'1', 'I'}, {'l', 'I'}, {'l', '|'}, {'I', '|'}, {'i', 'l'},
                                    {'5', 'S'}, {'8', 'B'}, {'2', 'Z'}, {'6', 'b'}, {'9', 'g'},
                                    {'.', ','}, {':', ';'}, {'-', '~'}, {'(', '{'}, {'\'', '`'}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        unsigned pixels = 0;

        for (unsigned y = 0; y < FONT_HEIGHT; y++)
            pixels += (unsigned)__builtin_popcount(font_row((uint8_t)pairs[i][0], y) ^
                                                   font_row((uint8_t)pairs[i][1], y));
        assert_in_range(pixels, 2, FONT_WIDTH * FONT_HEIGHT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_distinct),
        cmocka_unit_test(similar_characters_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
