/* SPDX-License-Identifier: MIT */
/* vprint_to() against the C library's printf, which shares nothing with it. */
#include "print.h"

#include <stdio.h>

#include "random.h"
#include "test.h"

static char printed[512];
static size_t printed_len;

static void collect(char c)
{
    assert_true(printed_len < sizeof(printed) - 1);
    printed[printed_len++] = c;
}

/* Print, and let the C library print the same. */
__attribute__((format(printf, 1, 2))) static void same_as_libc(const char *format, ...)
{
    char expected[sizeof(printed)];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(expected, sizeof(expected), format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof(expected) - 1);
    printed_len = 0;
    va_start(args, format);
    vprint_to(collect, format, args);
    va_end(args);
    assert_int_equal(printed_len, len);
    assert_memory_equal(printed, expected, printed_len);
}

/* Text without conversions comes out as it is, and an empty format prints nothing. */
static void plain_text_is_unchanged(void **state)
{
    (void)state;
    same_as_libc("%s", "");
    same_as_libc("a");
    same_as_libc("footing: ready\n");
    same_as_libc("tab\tbyte \x80\xff end");
}

/* Every conversion prints its smallest and largest values. */
static void every_conversion_at_its_limits(void **state)
{
    (void)state;
    same_as_libc("%u %u %u %u", 0u, 1u, 9u, 10u);
    same_as_libc("%u", 0xffffffffu);
    same_as_libc("%x %x %x %x", 0u, 9u, 10u, 16u);
    same_as_libc("%x", 0xffffffffu);
    same_as_libc("%x", 0xabcdef12u);
    same_as_libc("%lu %lu %lu", 0ul, 4294967295ul, 4294967296ul);
    same_as_libc("%lu", 18446744073709551615ul);
    same_as_libc("%lx %lx %lx", 0ul, 0xfffffffful, 0x100000000ul);
    same_as_libc("%lx", 0xfedcba9876543210ul);
    same_as_libc("%c%c%c", 'a', ' ', '\n');
    same_as_libc("%s|%s", "", "text");
    same_as_libc("100%%");
    same_as_libc("%%%%x%%u");
}

/* A narrow argument does not disturb the wide ones after it. */
static void arguments_of_several_sizes_keep_in_step(void **state)
{
    (void)state;
    same_as_libc("%u %lx %c %s %x %lu %%", 0xffffffffu, 0xfffffffffffffffful, 'c', "s", 1u, 2ul);
    same_as_libc("%u%u%u%u%u%u%u%u%lu%lx", 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9ul, 10ul);
}

/* A width pads on the left with blanks, and never cuts. */
static void width_pads_on_the_left(void **state)
{
    (void)state;
    same_as_libc("[%5u][%5x][%5lu][%5lx][%5s][%5c]", 42u, 0x42u, 42ul, 0x42ul, "ab", 'c');
    same_as_libc("[%1u][%1x][%2lu][%2lx][%2s][%1c]", 1234u, 0xabcdu, 12345ul, 0xabcdul, "text",
                 'c');
    same_as_libc("[%5u][%5x][%3s][%4s]", 12345u, 0x12345u, "abc", "");
    same_as_libc("[%10u][%12lx][%20s]", 0u, 0ul, "twelve");
}

/* '-' pads on the right instead. */
static void minus_pads_on_the_right(void **state)
{
    (void)state;
    same_as_libc("[%-5u][%-5x][%-5lu][%-5lx][%-5s][%-5c]", 42u, 0x42u, 42ul, 0x42ul, "ab", 'c');
    same_as_libc("[%-1u][%-2s][%-1c]", 1234u, "text", 'c');
    same_as_libc("[%-20s][%-16lx]", "", 0xfffffffffffffffful);
}

/* '0' pads numbers with zeros. */
static void zero_pads_with_zeros(void **state)
{
    (void)state;
    same_as_libc("[%05u][%05x][%05lu][%05lx]", 42u, 0x42u, 42ul, 0x42ul);
    same_as_libc("[%016lx][%08x][%020lu]", 0x1000ul, 0u, 18446744073709551615ul);
    same_as_libc("[%01u][%02x][%010u]", 1234u, 0xabcdu, 7u);
}

/* A width far beyond any number's digits is still only padding. */
static void wide_fields_overrun_nothing(void **state)
{
    (void)state;
    same_as_libc("[%100u][%0100x]", 1u, 2u);
    same_as_libc("[%-200lu][%0200lx]", 3ul, 4ul);
    same_as_libc("[%255s]", "s");
    same_as_libc("[%-255c]", 'c');
}

/* Numbers of every magnitude, in every combination of flag and width. */
static void random_numbers_agree_with_libc(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_numbers_agree_with_libc");
    for (unsigned round = 0; round < 20000; round++) {
        unsigned long wide = rng_next(&rng) >> rng_below(&rng, 64);
        unsigned narrow = (unsigned)(rng_next(&rng) >> (32 + rng_below(&rng, 32)));

        same_as_libc("%u|%x|%lu|%lx", narrow, narrow, wide, wide);
        same_as_libc("%7u|%7x|%7lu|%7lx", narrow, narrow, wide, wide);
        same_as_libc("%-9u|%-9x|%-9lu|%-9lx|", narrow, narrow, wide, wide);
        same_as_libc("%011u|%011x|%018lu|%016lx", narrow, narrow, wide, wide);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_unchanged),
        cmocka_unit_test(every_conversion_at_its_limits),
        cmocka_unit_test(arguments_of_several_sizes_keep_in_step),
        cmocka_unit_test(width_pads_on_the_left),
        cmocka_unit_test(minus_pads_on_the_right),
        cmocka_unit_test(zero_pads_with_zeros),
        cmocka_unit_test(wide_fields_overrun_nothing),
        cmocka_unit_test(random_numbers_agree_with_libc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
