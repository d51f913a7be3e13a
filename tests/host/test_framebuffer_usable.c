/* SPDX-License-Identifier: MIT */
/* Which framebuffers text can be drawn on: each refusal, and both sides of each limit. */
#include "framebuffer.h"
#include "test.h"

static struct framebuffer rgb(uint32_t width, uint32_t height)
{
    return (struct framebuffer){.base = 0xe0000000,
                                .pitch = 4 * width,
                                .width = width,
                                .height = height,
                                .bits_per_pixel = 32,
                                .type = FRAMEBUFFER_DIRECT,
                                .red = {16, 8},
                                .green = {8, 8},
                                .blue = {0, 8}};
}

static struct framebuffer sized(uint32_t pitch, uint32_t width, uint32_t height, uint8_t bits)
{
    struct framebuffer fb = rgb(width, height);

    fb.pitch = pitch;
    fb.bits_per_pixel = bits;
    fb.red = fb.green = fb.blue = (struct color_field){0, 5};
    return fb;
}

static void assert_refused(struct framebuffer fb)
{
    assert_non_null(framebuffer_flaw(&fb));
}

static void assert_usable(struct framebuffer fb)
{
    assert_null(framebuffer_flaw(&fb));
}

/* Only an addressed framebuffer of direct colour is usable. */
static void other_kinds_are_refused(void **state)
{
    struct framebuffer fb = rgb(640, 480);

    (void)state;
    assert_usable(fb);
    for (unsigned type = 0; type < 256; type++) {
        fb.type = (uint8_t)type;
        assert_int_equal(!framebuffer_flaw(&fb), type == 1);
    }
    fb = rgb(640, 480);
    fb.base = 0;
    assert_refused(fb);
    fb.base = 1;
    assert_usable(fb);
    assert_refused((struct framebuffer){0});
}

/* 15 to 32 bits a pixel, and each field inside them and not empty. */
static void depths_and_fields_have_limits(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 256; bits++) {
        struct framebuffer fb = sized(640 * 32, 640, 480, (uint8_t)bits);

        assert_int_equal(!framebuffer_flaw(&fb), bits >= 15 && bits <= 32);
    }
    for (unsigned i = 0; i < 3 * 256 * 256; i++) {
        struct framebuffer fb = rgb(640, 480);
        struct color_field field = {(uint8_t)(i >> 8), (uint8_t)i};

        fb.bits_per_pixel = 24;
        *(i >> 16 == 0 ? &fb.red : i >> 16 == 1 ? &fb.green : &fb.blue) = field;
        assert_int_equal(!framebuffer_flaw(&fb),
                         field.size != 0 && field.position + field.size <= 24);
    }
}

/* A row has room for its pixels, in whole bytes, and the screen for a character. */
static void sizes_have_limits(void **state)
{
    static const uint8_t bits[][2] = {{15, 2}, {16, 2}, {17, 3}, {24, 3}, {25, 4}, {32, 4}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        assert_usable(sized(100u * bits[i][1], 100, 16, bits[i][0]));
        assert_refused(sized(100u * bits[i][1] - 1, 100, 16, bits[i][0]));
        assert_usable(sized(8u * bits[i][1], 8, 16, bits[i][0]));
        assert_refused(sized(1000, 7, 16, bits[i][0]));
        assert_refused(sized(1000, 8, 15, bits[i][0]));
        assert_refused(sized(0, 0x80000000, 16, bits[i][0]));
        assert_refused(sized(0x1000, 0xffffffff, 16, bits[i][0]));
    }
    assert_refused(sized(0, 8, 16, 32));
    assert_refused(sized(1000, 0, 16, 32));
    assert_refused(sized(1000, 8, 0, 32));
    /* 4 x 0x40000002 is 8 in 32 bits. */
    assert_refused(sized(1000, 0x40000002, 16, 32));
}

/* At most 1 GiB, none of it beyond the last address. */
static void bytes_have_limits(void **state)
{
    struct framebuffer fb = sized(0x10000, 640, 0x4000, 32);

    (void)state;
    assert_usable(fb);
    assert_true(framebuffer_bytes(&fb) == G(1));
    assert_refused(sized(0x10000, 640, 0x4001, 32));
    assert_refused(sized(0x10001, 640, 0x4000, 32));
    assert_usable(sized(0x4000000, 640, 16, 32));
    assert_refused(sized(42949673, 640, 25, 32)); /* one byte more */
    assert_refused(sized(0x4000001, 640, 16, 32));
    /* 2^16 x 2^16 is 0 in 32 bits. */
    assert_refused(sized(0x10000, 640, 0x10000, 32));
    assert_refused(sized(0xffffffff, 0x3fffffff, 0xffffffff, 32));
    fb.base = UINT64_MAX - G(1) + 1;
    assert_usable(fb);
    fb.base++;
    assert_refused(fb);
    fb.base = UINT64_MAX;
    assert_refused(fb);
    fb.pitch = 0xffffffff;
    fb.height = 0xffffffff;
    assert_true(framebuffer_bytes(&fb) == UINT64_C(0xfffffffe00000001));
}

/* Each refusal in its own words. */
static void each_flaw_has_its_words(void **state)
{
    static const struct {
        struct framebuffer fb;
        const char *says;
    } flaws[] = {
#define RGB \
    .base = 1, .pitch = 64, .width = 8, .height = 16, .bits_per_pixel = 32, .type = 1, \
    .red = {16, 8}, .green = {8, 8}, .blue = {0, 8}
        {{.type = 1}, "its address is 0"},
        {{.base = 1, .type = 0}, "its colours are indexed"},
        {{.base = 0xb8000, .type = 2, .width = 40}, "text, but not of 80 columns at 0xb8000"},
        {{.base = 1, .type = 3}, "of an unknown type"},
        {{.base = 1, .type = 1, .bits_per_pixel = 8},
         "a pixel has fewer than 15 or more than 32 bits"},
        {{.base = 1, .type = 1, .bits_per_pixel = 32},
         "a colour has no bits, or some that are outside the pixel"},
    };
    struct framebuffer fb = {RGB};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(flaws); i++)
        assert_string_equal(framebuffer_flaw(&flaws[i].fb), flaws[i].says);
    assert_null(framebuffer_flaw(&fb));
    fb.flaw = "as the protocol says";
    assert_string_equal(framebuffer_flaw(&fb), "as the protocol says");
    fb = (struct framebuffer){RGB};
    fb.width = 7;
    assert_string_equal(framebuffer_flaw(&fb), "too small for a character");
    fb.width = 17;
    assert_string_equal(framebuffer_flaw(&fb), "a row is longer than its pitch");
    fb = (struct framebuffer){RGB};
    fb.height = 0x1000001;
    assert_string_equal(framebuffer_flaw(&fb), "larger than 1 GiB");
    fb.height = 16;
    fb.base = UINT64_MAX - 64 * 16 + 2;
    assert_string_equal(framebuffer_flaw(&fb), "it wraps past 2^64");
}
#undef RGB

/* "Stride 0 or below the width": 0 is the width in whole bytes; less is refused, more is kept. */
static void stride_0_or_below_the_width(void **state)
{
    static const uint8_t bits[][2] = {{15, 2}, {16, 2}, {24, 3}, {32, 4}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        for (uint32_t pitch = 0; pitch < 1000; pitch++) {
            struct framebuffer fb = sized(pitch, 100, 16, bits[i][0]);

            framebuffer_complete(&fb);
            assert_int_equal(fb.pitch, pitch == 0 ? 100u * bits[i][1] : pitch);
            assert_int_equal(!framebuffer_flaw(&fb), pitch == 0 || pitch >= 100u * bits[i][1]);
        }
    }
    /* A row of 2^32 bytes and more has no pitch. */
    struct framebuffer fb = sized(0, 0x40000001, 16, 32);

    framebuffer_complete(&fb);
    assert_int_equal(fb.pitch, 0);
    assert_non_null(framebuffer_flaw(&fb));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_kinds_are_refused), cmocka_unit_test(depths_and_fields_have_limits),
        cmocka_unit_test(sizes_have_limits),       cmocka_unit_test(bytes_have_limits),
        cmocka_unit_test(each_flaw_has_its_words), cmocka_unit_test(stride_0_or_below_the_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
