/* SPDX-License-Identifier: MIT */
/* options_parse_size(): what is a size, and what is none. */
#include "options.h"

#include <stdio.h>

#include "random.h"
#include "test.h"

/* Sizes as the header describes them, up to the last byte that 64 bits can count. */
static void sizes_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
    } sizes[] = {
        {"1", 1},
        {"010", 10},
        {"4096", 4096},
        {"0x1", 1},
        {"0x10", 16},
        {"0xaBcDeF", 0xabcdef},
        {"0x00ff", 0xff},
        {"4k", K(4)},
        {"4K", K(4)},
        {"3m", M(3)},
        {"3M", M(3)},
        {"2g", G(2)},
        {"2G", G(2)},
        {"5t", T(5)},
        {"5T", T(5)},
        {"0x10M", M(16)},
        {"0xfK", K(15)},
        {"18446744073709551615", UINT64_MAX},
        {"0xffffffffffffffff", UINT64_MAX},
        {"0x0000000000000000000001", 1},
        {"16777215T", T(16777215)},
        {"0xffffffT", T(16777215)},
        {"18014398509481983K", K(18014398509481983)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t size = 0;

        if (!options_parse_size(sizes[i].text, &size))
            fail_msg("\"%s\" is not read", sizes[i].text);
        assert_int_equal(size, sizes[i].size);
    }
}

/* What is no number, is 0, or is 2^64 and above, is no size. */
static void what_is_no_size_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "K",
                                        "x",
                                        "0x",
                                        "0xK",
                                        "0xG",
                                        "g1",
                                        "0",
                                        "0x0",
                                        "0K",
                                        "0x0T",
                                        "00000",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1 K",
                                        "1KK",
                                        "1KB",
                                        "1P",
                                        "1E",
                                        "1.5G",
                                        "1,000",
                                        "12a",
                                        "0x1g2",
                                        "0x1x",
                                        "1K1",
                                        "1\t",
                                        "18446744073709551616",
                                        "18446744073709551620",
                                        "28446744073709551615",
                                        "99999999999999999999999999",
                                        "0x10000000000000000",
                                        "0xffffffffffffffff0",
                                        "0x10000000000000001",
                                        "16777216T",
                                        "18014398509481984K",
                                        "17592186044416M",
                                        "17179869184G",
                                        "0xffffffffffffffffK",
                                        "36893488147419103233"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint64_t size;

        if (options_parse_size(texts[i], &size))
            fail_msg("\"%s\" is read as a size", texts[i]);
    }
}

/* Any number that is printed, with any suffix that fits, is read back. */
static void random_sizes_are_read_back(void **state)
{
    static const char suffixes[] = "kKmMgGtT";
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_sizes_are_read_back");
    for (unsigned round = 0; round < 20000; round++) {
        unsigned long number = rng_next(&rng) >> rng_below(&rng, 64);
        size_t suffix = (size_t)rng_below(&rng, 10);
        unsigned shift = suffix < 8 ? 10 * (unsigned)(suffix / 2 + 1) : 0;
        char letter[2] = {suffix < 8 ? suffixes[suffix] : '\0', '\0'};
        bool fits = number != 0 && (shift == 0 || number >> (64 - shift) == 0);
        uint64_t size = 0;
        char text[64];

        if (rng_once_in(&rng, 2))
            snprintf(text, sizeof(text), "%lu%s", number, letter);
        else
            snprintf(text, sizeof(text), "0x%lx%s", number, letter);
        assert_int_equal(options_parse_size(text, &size), fits);
        if (fits)
            assert_int_equal(size, number << shift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(random_sizes_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
