/* SPDX-License-Identifier: MIT */
#include "error.h"

#include "test.h"

/* Every code has a name and a sentence. */
static void every_code_has_words(void **state)
{
    (void)state;
    for (unsigned code = ERR_NONE; code < ERR_CODES; code++) {
        const struct error_words words = error_words((enum error_code)code);

        assert_non_null(words.name);
        assert_true(words.name[0] != '\0');
        assert_non_null(words.says);
    }
}

/* No two codes share a name, or the panic line would be ambiguous. */
static void names_are_distinct(void **state)
{
    (void)state;
    for (unsigned a = ERR_NONE; a < ERR_CODES; a++) {
        for (unsigned b = ERR_NONE; b < a; b++)
            assert_string_not_equal(error_words((enum error_code)a).name,
                                    error_words((enum error_code)b).name);
    }
}

/* The name is the constant's, without its prefix. */
static void names_are_those_of_the_constants(void **state)
{
    static const struct {
        enum error_code code;
        const char *name;
    } samples[] = {{ERR_NONE, "NONE"},           {ERR_LOADER, "LOADER"},
                   {ERR_INFO, "INFO"},           {ERR_INFOBIG, "INFOBIG"},
                   {ERR_CMDLINE, "CMDLINE"},     {ERR_MODULES, "MODULES"},
                   {ERR_OPTION, "OPTION"},       {ERR_EFI, "EFI"},
                   {ERR_CONFIG, "CONFIG"},       {ERR_FILE, "FILE"},
                   {ERR_PAYLOAD, "PAYLOAD"},     {ERR_VERIFY, "VERIFY"},
                   {ERR_NOMAP, "NOMAP"},         {ERR_MAPENTRY, "MAPENTRY"},
                   {ERR_MAPFULL, "MAPFULL"},     {ERR_MTRR, "MTRR"},
                   {ERR_NORAM, "NORAM"},         {ERR_INUSE, "INUSE"},
                   {ERR_NOTWB, "NOTWB"},         {ERR_OVERLAP, "OVERLAP"},
                   {ERR_LEVELS, "LEVELS"},       {ERR_FOREIGN, "FOREIGN"},
                   {ERR_PLANFULL, "PLANFULL"},   {ERR_ALIGN, "ALIGN"},
                   {ERR_CANONICAL, "CANONICAL"}, {ERR_WIDTH, "WIDTH"},
                   {ERR_CLASH, "CLASH"},         {ERR_WX, "WX"},
                   {ERR_ABSENT, "ABSENT"},       {ERR_TYPE, "TYPE"},
                   {ERR_LARGE, "LARGE"},         {ERR_UNSORTED, "UNSORTED"},
                   {ERR_NOFRAMES, "NOFRAMES"},   {ERR_FRAME, "FRAME"},
                   {ERR_LISTS, "LISTS"},         {ERR_COUNT, "COUNT"},
                   {ERR_AUDIT, "AUDIT"},         {ERR_SCRUB, "SCRUB"},
                   {ERR_PMAP, "PMAP"},           {ERR_RETURNED, "RETURNED"},
                   {ERR_FAULT, "FAULT"},         {ERR_UNDEFINED, "UNDEFINED"}};

    _Static_assert(COUNT_OF(samples) == ERR_CODES, "all of them");
    (void)state;
    for (size_t i = 0; i < COUNT_OF(samples); i++)
        assert_string_equal(error_words(samples[i].code).name, samples[i].name);
}

/* A code that is none has words too: whoever panics prints them. */
static void unknown_codes_have_words(void **state)
{
    static const unsigned codes[] = {ERR_CODES, ERR_CODES + 1, 1u << 30, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        assert_non_null(error_words((enum error_code)codes[i]).name);
        assert_non_null(error_words((enum error_code)codes[i]).says);
    }
}

/* A number that the header documents has a word; one that it does not use has none. */
static void numbers_are_named_where_they_are_used(void **state)
{
    (void)state;
    assert_non_null(error_words(ERR_NOFRAMES).at);
    assert_non_null(error_words(ERR_NOFRAMES).value);
    assert_non_null(error_words(ERR_CLASH).at);
    assert_non_null(error_words(ERR_CLASH).value);
    assert_non_null(error_words(ERR_AUDIT).at);
    assert_null(error_words(ERR_NONE).at);
    assert_null(error_words(ERR_NONE).value);
    assert_null(error_words(ERR_OPTION).at);
    assert_null(error_words(ERR_OPTION).value);
}

/* Success is all zero. */
static void success_is_all_zero(void **state)
{
    struct error none = SUCCESS;

    (void)state;
    assert_int_equal(none.code, ERR_NONE);
    assert_int_equal(none.at, 0);
    assert_int_equal(none.value, 0);
    assert_null(none.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_words),
        cmocka_unit_test(names_are_distinct),
        cmocka_unit_test(unknown_codes_have_words),
        cmocka_unit_test(names_are_those_of_the_constants),
        cmocka_unit_test(numbers_are_named_where_they_are_used),
        cmocka_unit_test(success_is_all_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
