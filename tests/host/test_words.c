/* SPDX-License-Identifier: MIT */
/* Names by number, out of one text; it lies in memory of its own size. */
#include "words.h"

#include "random.h"
#include "test.h"

static void *exact_copy(const char *text, size_t size)
{
    void *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

/* Each word has its number; behind the last one there is none. */
static void words_are_found_by_number(void **state)
{
    static const char text[] = "one\0two\0\0four\0f";
    static const char *const expected[] = {"one", "two", NULL, "four", "f", NULL, NULL};
    char *copy = exact_copy(text, sizeof(text));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const char *word = word_at(copy, sizeof(text), i);

        if (expected[i] == NULL)
            assert_null(word);
        else
            assert_string_equal(word, expected[i]);
    }
    assert_null(word_at(copy, sizeof(text), SIZE_MAX));
    for (size_t i = 5; i < 9; i++) /* whatever follows the text */
        assert_null(word_at("one\0two\0\0four\0f\0more\0\0more\0more", sizeof(text), i));
    free(copy);
}

/* Empty words at the beginning and the end are null, and count. */
static void empty_words_are_null(void **state)
{
    char *copy = exact_copy("\0\0a\0\0", 6);

    (void)state;
    assert_null(word_at(copy, 6, 0));
    assert_null(word_at(copy, 6, 1));
    assert_string_equal(word_at(copy, 6, 2), "a");
    for (size_t i = 3; i < 9; i++)
        assert_null(word_at(copy, 6, i));
    free(copy);
}

/* A text of no bytes has no word, nor has one of a single zero. */
static void empty_text_has_no_word(void **state)
{
    char *copy = exact_copy("", 1);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_null(word_at(copy, 1, i));
        assert_null(word_at(copy, 0, i));
        assert_null(word_at("x", 0, i));
    }
    free(copy);
}

/* Random texts: the pointer is where a plain count of zeros arrives. */
static void random_texts_agree_with_counting(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 2000; round++) {
        size_t size = 1 + rng_below(&rng, 60);
        char *text = malloc(size);
        size_t start = 0;
        size_t number = 0;

        assert_non_null(text);
        for (size_t i = 0; i < size; i++)
            text[i] = rng_once_in(&rng, 4) ? '\0' : (char)('a' + rng_below(&rng, 26));
        text[size - 1] = '\0';
        for (size_t i = 0; i < size; i++) {
            if (text[i] != '\0')
                continue;
            assert_ptr_equal(word_at(text, size, number), start == i ? NULL : text + start);
            start = i + 1;
            number++;
        }
        assert_null(word_at(text, size, number));
        assert_null(word_at(text, size, number + 1 + rng_below(&rng, 9)));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_by_number),
        cmocka_unit_test(empty_words_are_null),
        cmocka_unit_test(empty_text_has_no_word),
        cmocka_unit_test(random_texts_agree_with_counting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
