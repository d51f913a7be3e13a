/* SPDX-License-Identifier: MIT */
/* UTF-8 by RFC 3629, and its way to UCS-2 and back. */
#include "text.h"

#include "exact.h"
#include "random.h"
#include "reference_text.h"
#include "test.h"

#define POINTS 0x110000u

static bool surrogate(uint32_t point)
{
    return point >= 0xd800 && point <= 0xdfff;
}

/* utf8_next() on a copy of exactly these bytes. */
static size_t next(const char *text, size_t len, uint32_t *point)
{
    char *copy = exact_copy(text, len);
    size_t got = utf8_next(copy, len, point);

    exact_free(copy, len);
    return got;
}

/* utf8_to_ucs2() from and to exact allocations; what it wrote goes to ucs2[room]. */
static bool to_ucs2(const char *text, size_t len, uint16_t *ucs2, size_t room)
{
    char *from = exact_copy(text, len);
    uint16_t *to = exact_copy(ucs2, 2 * room);
    bool good = utf8_to_ucs2(from, len, to, room);

    memcpy(ucs2, to, 2 * room);
    exact_free(to, 2 * room);
    exact_free(from, len);
    return good;
}

/* ucs2_to_utf8() likewise; the units are little endian already. */
static bool to_utf8(const void *ucs2, size_t units, char *text, size_t room)
{
    void *from = exact_copy(ucs2, 2 * units);
    char *to = exact_copy(text, room);
    bool good = ucs2_to_utf8(from, units, to, room);

    memcpy(text, to, room);
    exact_free(to, room);
    exact_free(from, 2 * units);
    return good;
}

/* Every code point but the surrogates is read back, with nothing behind it and with something. */
static void every_code_point_is_read(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < POINTS; point++) {
        char text[5];
        size_t len = reference_put_utf8(point, text);
        uint32_t got = ~point;

        if (surrogate(point))
            continue;
        text[len] = (char)0xbf;
        if (next(text, len, &got) != len || got != point)
            fail_msg("U+%04X alone: U+%04X", point, got);
        got = ~point;
        if (utf8_next(text, len + 1, &got) != len || got != point)
            fail_msg("U+%04X: U+%04X", point, got);
    }
}

/* A sequence that the text's end cuts off is none, wherever it is cut. */
static void cut_sequences_are_none(void **state)
{
    static const uint32_t points[] = {0x80,   0x7ff,  0x800,   0xd7ff,
                                      0xe000, 0xffff, 0x10000, 0x10ffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        char text[4];
        size_t len = reference_put_utf8(points[i], text);
        uint32_t got;

        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(next(text, cut, &got), 0);
        assert_int_equal(next(text, len, &got), len);
    }
}

/* Surrogates have no UTF-8. */
static void surrogates_are_none(void **state)
{
    (void)state;
    for (uint32_t point = 0xd800; point <= 0xdfff; point++) {
        char text[4];
        size_t len = reference_put_utf8(point, text);
        uint32_t got;

        assert_int_equal(len, 3);
        assert_int_equal(next(text, len, &got), 0);
    }
}

/* A code point has one form, the shortest; and none is above U+10FFFF. */
static void overlong_forms_and_large_points_are_none(void **state)
{
    static const char *const texts[] = {"\xc0\xaf",
                                        "\xc0\xbf",
                                        "\xc1\x80",
                                        "\xc1\xbf",
                                        "\xe0\x80\x80",
                                        "\xe0\x80\xaf",
                                        "\xe0\x9f\xbf",
                                        "\xf0\x80\x80\x80",
                                        "\xf0\x80\x80\xaf",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf4\xbf\xbf\xbf",
                                        "\xf5\x80\x80\x80",
                                        "\xf7\xbf\xbf\xbf",
                                        "\xf8\x88\x80\x80",
                                        "\xf8\x80\x80\x80\xaf",
                                        "\xfc\x80\x80\x80\xaf",
                                        "\xfe\xbf\xbf\xbf",
                                        "\xff\xbf\xbf\xbf"};
    uint32_t got;

    (void)state;
    assert_int_equal(next("\xc0\x80", 2, &got), 0);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(next(texts[i], strlen(texts[i]), &got), 0);
}

/* Over all pairs of first bytes, with others at the bounds behind them, RFC 3629 alone decides. */
static void all_pairs_are_judged_by_the_table(void **state)
{
    static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        for (unsigned tail = 0; tail < COUNT_OF(tails) * COUNT_OF(tails); tail++) {
            char text[4] = {(char)(pair >> 8), (char)pair, (char)tails[tail % COUNT_OF(tails)],
                            (char)tails[tail / COUNT_OF(tails)]};

            for (size_t len = 1; len <= 4; len++) {
                uint32_t point = 0;
                uint32_t wanted = 0;
                size_t got = utf8_next(text, len, &point);

                if (got != reference_utf8(text, len, &wanted) || (got > 0 && point != wanted))
                    fail_msg("%04x %02x %02x, %zu bytes: %zu", pair, (uint8_t)text[2],
                             (uint8_t)text[3], len, got);
            }
        }
    }
}

/* Every code point that one unit holds becomes that unit, with a zero behind it. */
static void every_point_of_one_unit_is_converted(void **state)
{
    (void)state;
    for (uint32_t point = 1; point < 0x10000; point++) {
        uint16_t ucs2[2] = {0xaaaa, 0xaaaa};
        char text[4];
        size_t len = reference_put_utf8(point, text);

        assert_int_equal(to_ucs2(text, len, ucs2, 2), !surrogate(point));
        if (!surrogate(point) && (ucs2[0] != point || ucs2[1] != 0))
            fail_msg("U+%04X: %04x %04x", point, ucs2[0], ucs2[1]);
    }
}

/* What no unit holds is refused, a zero inside the text too, wherever it stands. */
static void what_ucs2_lacks_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } texts[] = {{"\0", 1},   {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4}, {"\xc3", 1},
                 {"\x80", 1}, {"\xed\xa0\x80", 3},     {"\xc0\x80", 2}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t before = 0; before < 3; before++) {
            char text[16] = "abc";
            uint16_t ucs2[16] = {0};

            memcpy(text + before, texts[i].text, texts[i].len);
            assert_false(to_ucs2(text, before + texts[i].len, ucs2, COUNT_OF(ucs2)));
            text[before + texts[i].len] = 'z';
            assert_false(to_ucs2(text, before + texts[i].len + 1, ucs2, COUNT_OF(ucs2)));
        }
    }
}

/* The room for units counts the final zero, and is all that is written. */
static void room_for_units_counts_the_zero(void **state)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac";
    uint16_t ucs2[8];

    (void)state;
    for (size_t room = 0; room < COUNT_OF(ucs2); room++) {
        memset(ucs2, 0xaa, sizeof(ucs2));
        assert_int_equal(to_ucs2(text, 6, ucs2, room), room >= 4);
        if (room >= 4) {
            assert_int_equal(ucs2[0], 'a');
            assert_int_equal(ucs2[1], 0xe9);
            assert_int_equal(ucs2[2], 0x20ac);
            assert_int_equal(ucs2[3], 0);
        }
    }
}

/* No text becomes a zero alone; without room for that it does not fit. */
static void empty_text_needs_room_for_its_zero(void **state)
{
    uint16_t ucs2[1] = {0xaaaa};
    char text[1] = {'x'};

    (void)state;
    assert_false(to_ucs2("", 0, ucs2, 0));
    assert_true(to_ucs2("", 0, ucs2, 1));
    assert_int_equal(ucs2[0], 0);
    assert_false(to_utf8("", 0, text, 0));
    assert_true(to_utf8("", 0, text, 1));
    assert_int_equal(text[0], '\0');
    text[0] = 'x';
    assert_true(to_utf8("\0\0", 1, text, 1));
    assert_int_equal(text[0], '\0');
    assert_false(to_utf8("\0\0", 1, text, 0));
}

/* Every unit but the surrogates becomes its UTF-8, into just the room that takes. */
static void every_unit_is_converted(void **state)
{
    (void)state;
    for (uint32_t point = 1; point < 0x10000; point++) {
        const uint8_t unit[2] = {(uint8_t)point, (uint8_t)(point >> 8)};
        char wanted[4];
        size_t len = reference_put_utf8(point, wanted);

        for (size_t room = 0; room <= 5; room++) {
            char text[5];

            memset(text, 'x', sizeof(text));
            if (to_utf8(unit, 1, text, room) != (!surrogate(point) && room > len))
                fail_msg("U+%04X into %zu bytes", point, room);
            if (!surrogate(point) && room > len) {
                assert_memory_equal(text, wanted, len);
                assert_int_equal(text[len], '\0');
            }
        }
    }
}

/* Two surrogates are UTF-16, which UCS-2 is not. */
static void surrogate_pairs_are_refused(void **state)
{
    char text[16];

    (void)state;
    assert_false(to_utf8("\x3d\xd8\x00\xde", 2, text, sizeof(text)));
    assert_false(to_utf8("a\0\x3d\xd8", 2, text, sizeof(text)));
    assert_false(to_utf8("\x00\xde\x3d\xd8", 2, text, sizeof(text)));
    assert_false(to_utf8("\xff\xdf", 1, text, sizeof(text)));
}

/* A zero unit ends the text: what follows is neither converted, nor judged, nor read. */
static void zero_unit_ends_the_text(void **state)
{
    static const char ucs2[] = "a\0b\0\0\0\0\xd8z";
    char text[3] = "xxx";
    char *copy = exact_copy(ucs2, 6);

    (void)state;
    assert_true(to_utf8(ucs2, 4, text, sizeof(text)));
    assert_string_equal(text, "ab");
    memset(text, 'x', sizeof(text));
    assert_true(ucs2_to_utf8(copy, 100, text, sizeof(text)));
    assert_string_equal(text, "ab");
    exact_free(copy, 6);
}

/* Without a zero the text ends after its units, whatever stands behind them. */
static void units_end_the_text(void **state)
{
    char text[8] = "xxxxxxx";

    (void)state;
    assert_true(to_utf8("a\0b\0c\0", 2, text, sizeof(text)));
    assert_string_equal(text, "ab");
    assert_true(ucs2_to_utf8("a\0b\0\0\xd8", 2, text, 3));
    assert_string_equal(text, "ab");
}

/* Units stand at any address, also an odd one. */
static void units_stand_at_any_address(void **state)
{
    char text[4];

    (void)state;
    for (size_t offset = 0; offset < 8; offset++) {
        char *bytes = malloc(offset + 4);

        assert_non_null(bytes);
        memset(bytes, 0, offset);
        memcpy(bytes + offset, "\xac\x20", 2);
        memcpy(bytes + offset + 2, "\0", 2);
        assert_true(ucs2_to_utf8(bytes + offset, 2, text, sizeof(text)));
        assert_string_equal(text, "\xe2\x82\xac");
        free(bytes);
    }
}

/* Random text, half of it damaged, is converted as a table's reading of it says, or refused. */
static void random_text_is_converted_or_refused(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_text_is_converted_or_refused");
    for (unsigned round = 0; round < 50000; round++) {
        char text[64];
        uint16_t wanted[64];
        uint16_t ucs2[64];
        size_t points = (size_t)rng_below(&rng, 12);
        size_t len = 0;
        size_t units = 0;
        size_t room;
        bool good = true;

        while (points-- > 0) {
            uint32_t point =
                1 + (uint32_t)rng_below(&rng, UINT64_C(1) << (1 + rng_below(&rng, 16)));

            len += reference_put_utf8(surrogate(point) ? 'x' : point, text + len);
        }
        if (len > 0 && rng_once_in(&rng, 2))
            text[rng_below(&rng, len)] = (char)rng_next(&rng);
        for (size_t at = 0; good && at < len;) {
            uint32_t point = 0;
            size_t step = reference_utf8(text + at, len - at, &point);

            good = step > 0 && point > 0 && point < 0x10000;
            wanted[units++] = (uint16_t)point;
            at += step;
        }
        wanted[units++] = 0;
        room = units - 1 + (size_t)rng_below(&rng, 3);
        assert_int_equal(to_ucs2(text, len, ucs2, room), good && room >= units);
        if (good && room >= units)
            assert_memory_equal(ucs2, wanted, 2 * units);
    }
}

/* Random units become what the table says, or are refused; and come back from it. */
static void random_units_there_and_back(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_units_there_and_back");
    for (unsigned round = 0; round < 50000; round++) {
        uint16_t units[16];
        uint16_t back[17];
        char wanted[64];
        char text[64];
        size_t count = (size_t)rng_below(&rng, COUNT_OF(units) + 1);
        size_t room;
        size_t len;

        for (size_t i = 0; i < count; i++)
            units[i] = (uint16_t)(rng_next(&rng) >> (48 + rng_below(&rng, 16)));
        len = reference_from_ucs2(units, count, wanted);
        room = len == SIZE_MAX ? sizeof(text) : len + (size_t)rng_below(&rng, 3);
        assert_int_equal(to_utf8(units, count, text, room), len != SIZE_MAX && room > len);
        if (len == SIZE_MAX || room <= len)
            continue;
        assert_memory_equal(text, wanted, len);
        assert_int_equal(text[len], '\0');
        assert_true(to_ucs2(text, len, back, COUNT_OF(back)));
        for (size_t i = 0; i < count && units[i] != 0; i++)
            assert_int_equal(back[i], units[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_read),
        cmocka_unit_test(cut_sequences_are_none),
        cmocka_unit_test(surrogates_are_none),
        cmocka_unit_test(overlong_forms_and_large_points_are_none),
        cmocka_unit_test(all_pairs_are_judged_by_the_table),
        cmocka_unit_test(every_point_of_one_unit_is_converted),
        cmocka_unit_test(what_ucs2_lacks_is_refused),
        cmocka_unit_test(room_for_units_counts_the_zero),
        cmocka_unit_test(empty_text_needs_room_for_its_zero),
        cmocka_unit_test(every_unit_is_converted),
        cmocka_unit_test(surrogate_pairs_are_refused),
        cmocka_unit_test(zero_unit_ends_the_text),
        cmocka_unit_test(units_end_the_text),
        cmocka_unit_test(units_stand_at_any_address),
        cmocka_unit_test(random_text_is_converted_or_refused),
        cmocka_unit_test(random_units_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
