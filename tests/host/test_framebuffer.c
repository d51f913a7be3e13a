/* SPDX-License-Identifier: MIT */
/*
 * Text on a framebuffer against a model that shares nothing with it: the model
 * keeps every line ever printed, shows the last ones, and asks for each byte
 * of memory what should stand there.
 */
#include "framebuffer.h"

#include "font.h"
#include "random.h"
#include "test.h"

#define GUARD     64
#define UNTOUCHED 0xc5
#define LINES     2000

struct canvas {
    struct framebuffer fb;
    unsigned pixel_bytes, scale, columns, rows;
    size_t line, column; /* of the next character */
    uint8_t *memory;     /* with a guard on both sides of the pixels */
    uint8_t *pixels;
    char lines[LINES][FRAMEBUFFER_COLUMNS_MAX];
};

static struct canvas canvas;

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

static uint8_t *new_pixels(size_t misalignment)
{
    size_t bytes = (size_t)canvas.fb.pitch * canvas.fb.height;

    canvas.memory = malloc(bytes + 2 * GUARD);
    assert_non_null(canvas.memory);
    memset(canvas.memory, UNTOUCHED, bytes + 2 * GUARD);
    canvas.pixels = canvas.memory + GUARD / 2 + misalignment;
    return canvas.pixels;
}

static void start_at(struct framebuffer fb, unsigned scale, size_t misalignment)
{
    assert_null(framebuffer_flaw(&fb));
    canvas.fb = fb;
    canvas.pixel_bytes = fb.bits_per_pixel <= 16 ? 2 : fb.bits_per_pixel <= 24 ? 3 : 4;
    canvas.scale = scale;
    canvas.columns = fb.width / scale / 8 < 240 ? fb.width / scale / 8 : 240;
    canvas.rows = fb.height / scale / 16 < 100 ? fb.height / scale / 16 : 100;
    canvas.line = 0;
    canvas.column = 0;
    memset(canvas.lines, ' ', sizeof(canvas.lines));
    framebuffer_start(&fb, new_pixels(misalignment));
}

static void start(struct framebuffer fb, unsigned scale)
{
    start_at(fb, scale, 0);
}

static void end(void)
{
    free(canvas.memory);
}

static void put(char c)
{
    bool printable = (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f;

    framebuffer_putc(c);
    if (c == '\r') {
        canvas.column = 0;
        return;
    }
    if (c == '\n' || canvas.column == canvas.columns) {
        canvas.column = 0;
        canvas.line++;
        assert_true(canvas.line < LINES);
    }
    if (c != '\n')
        canvas.lines[canvas.line][canvas.column++] = printable ? c : '?';
}

static void print(const char *text)
{
    while (*text)
        put(*text++);
}

/* The character that stands in a cell of the screen. */
static char shown(size_t row, size_t column)
{
    size_t top = canvas.line < canvas.rows ? 0 : canvas.line - canvas.rows + 1;

    return canvas.lines[top + row][column];
}

static uint64_t brightness(struct color_field field)
{
    uint64_t full = (UINT64_C(1) << field.size) - 1;

    return (full * 0xaa + 0x7f) / 0xff << field.position;
}

static uint64_t color_at(size_t x, size_t y)
{
    size_t column = x / canvas.scale / 8;
    size_t row = y / canvas.scale / 16;

    if (column >= canvas.columns || row >= canvas.rows)
        return 0;
    if (!(font_row((uint8_t)shown(row, column), (unsigned)(y / canvas.scale % 16)) &
          0x80u >> x / canvas.scale % 8))
        return 0;
    return brightness(canvas.fb.red) | brightness(canvas.fb.green) | brightness(canvas.fb.blue);
}

static uint8_t byte_at(size_t offset)
{
    size_t y = offset / canvas.fb.pitch;
    size_t x = offset % canvas.fb.pitch / canvas.pixel_bytes;

    if (x >= canvas.fb.width)
        return UNTOUCHED;
    return (uint8_t)(color_at(x, y) >> 8 * (offset % canvas.fb.pitch % canvas.pixel_bytes));
}

static void assert_untouched(const uint8_t *from, const uint8_t *to)
{
    while (from < to)
        assert_int_equal(*from++, UNTOUCHED);
}

/* Every byte of the first lines of pixels, and the guards. */
static void assert_lines(size_t lines)
{
    size_t bytes = (size_t)canvas.fb.pitch * canvas.fb.height;

    for (size_t i = 0; i < lines * canvas.fb.pitch; i++) {
        if (canvas.pixels[i] != byte_at(i))
            fail_msg("line %zu, byte %zu: 0x%x, not 0x%x", i / canvas.fb.pitch, i % canvas.fb.pitch,
                     (unsigned)canvas.pixels[i], (unsigned)byte_at(i));
    }
    assert_untouched(canvas.memory, canvas.pixels);
    assert_untouched(canvas.pixels + bytes, canvas.memory + bytes + 2 * GUARD);
}

static void assert_screen(void)
{
    assert_lines(canvas.fb.height);
}

/* Before there are pixels, characters go nowhere. */
static void without_pixels_nothing_happens(void **state)
{
    struct framebuffer fb = rgb(640, 480);

    (void)state;
    framebuffer_putc('a');
    framebuffer_putc('\n');
    framebuffer_start(&fb, NULL);
    framebuffer_putc('a');
    framebuffer_putc('\n');
}

/* Starting draws nothing; the first character clears the pixels, and only those. */
static void first_character_clears(void **state)
{
    struct framebuffer fb = rgb(70, 40);

    (void)state;
    fb.pitch += 24;
    start(fb, 1);
    assert_untouched(canvas.memory, canvas.pixels + (size_t)fb.pitch * fb.height + GUARD);
    put('\r');
    assert_screen();
    end();
    start(fb, 1);
    put('A');
    assert_screen();
    end();
}

#define TEXT "Footing: 0xfffffffff0080000\r->\n{|}~ 100%\nAWMgjq_@#"

/* Every depth and order of colours, with padded and odd pitches, at odd addresses. */
static void every_layout_is_drawn(void **state)
{
    static const struct {
        uint8_t bits;
        struct color_field red, green, blue;
    } layouts[] = {
        {15, {10, 5}, {5, 5}, {0, 5}},     {15, {0, 5}, {5, 5}, {10, 5}},
        {16, {11, 5}, {5, 6}, {0, 5}},     {16, {0, 5}, {5, 6}, {11, 5}},
        {16, {8, 4}, {4, 4}, {0, 4}},      {17, {12, 5}, {6, 6}, {0, 6}},
        {18, {12, 6}, {6, 6}, {0, 6}},     {23, {15, 8}, {8, 7}, {0, 8}},
        {24, {16, 8}, {8, 8}, {0, 8}},     {24, {0, 8}, {8, 8}, {16, 8}},
        {25, {16, 8}, {8, 8}, {0, 8}},     {30, {20, 10}, {10, 10}, {0, 10}},
        {32, {16, 8}, {8, 8}, {0, 8}},     {32, {0, 8}, {8, 8}, {16, 8}},
        {32, {24, 8}, {16, 8}, {8, 8}},    {32, {8, 8}, {16, 8}, {24, 8}},
        {32, {22, 10}, {11, 11}, {0, 11}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(layouts) * 8; i++) {
        struct framebuffer fb = sized(0, 8 * 20 + 5, 16 * 4 + 9, layouts[i / 8].bits);

        fb.pitch = fb.width * ((fb.bits_per_pixel + 7u) / 8) + (uint32_t)(i % 3) * 7;
        fb.red = layouts[i / 8].red;
        fb.green = layouts[i / 8].green;
        fb.blue = layouts[i / 8].blue;
        start_at(fb, 1, i % 8);
        print(TEXT);
        assert_screen();
        end();
    }
}

/* A field of any size gets two thirds of its full brightness. */
static void every_field_size_is_light_grey(void **state)
{
    (void)state;
    for (uint8_t size = 1; size <= 30; size++) {
        struct framebuffer fb = rgb(8, 16);

        fb.red = (struct color_field){0, size};
        fb.green = (struct color_field){size, 1};
        fb.blue = (struct color_field){31, 1};
        start(fb, 1);
        put('#');
        assert_screen();
        end();
    }
}

/* Each of the 256 characters: what the font has not is a question mark. */
static void every_character_shows(void **state)
{
    (void)state;
    start(rgb(8 * 32, 16 * 9), 1);
    for (unsigned c = 0; c < 256; c++)
        put((char)c);
    assert_screen();
    end();
}

/* A line is as long as the screen is wide; a full one needs no second '\n'. */
static void lines_wrap_at_the_last_column(void **state)
{
    (void)state;
    start(rgb(8 * 10 + 7, 16 * 6 + 15), 1);
    print("123456789");
    assert_screen();
    print("0");
    assert_screen();
    print("abc\n");
    print("1234567890\nfull before");
    assert_screen();
    print("\r1234567890\rX\r\nY");
    assert_screen();
    end();
}

/* A full last line scrolls only when something follows. */
static void screen_scrolls_when_something_follows(void **state)
{
    (void)state;
    start(rgb(8 * 5, 16 * 3), 1);
    print("first\nsecnd\nthird");
    assert_screen();
    print("4");
    assert_screen();
    print("\n\n");
    assert_screen();
    print("\n\n\n\n");
    assert_screen();
    end();
}

/* A screen of one character shows the last one. */
static void one_character_is_a_screen(void **state)
{
    (void)state;
    for (uint32_t extra = 0; extra < 8; extra++) {
        start(rgb(8 + extra, 16 + 2 * extra + extra % 2), 1);
        for (const char *c = "Ab\rc\nd"; *c; c++) {
            put(*c);
            assert_screen();
        }
        end();
    }
}

/* Columns and rows beyond the most that are used stay blank. */
static void columns_and_rows_beyond_the_most_stay_blank(void **state)
{
    static const uint32_t sizes[][2] = {{8 * 239, 32},  {8 * 240, 32}, {8 * 241, 32},
                                        {8 * 500, 48},  {16, 16 * 99}, {16, 16 * 100},
                                        {16, 16 * 101}, {24, 16 * 150}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        start(rgb(sizes[i][0], sizes[i][1]), 1);
        for (unsigned n = 0; n < 241 + 200; n++)
            put((char)('!' + n % 90));
        assert_screen();
        print("\nmore\n");
        assert_screen();
        end();
    }
}

/* Text grows with the screen, as far as both sides allow. */
static void text_grows_with_the_screen(void **state)
{
    static const uint32_t sizes[][3] = {
        {640, 480, 1},   {1280, 800, 1},  {1919, 1200, 1}, {1920, 1079, 1}, {1920, 1080, 2},
        {2560, 1440, 2}, {3199, 1800, 2}, {3200, 1799, 2}, {3200, 1800, 3}, {3840, 2160, 3},
        {1080, 1920, 1}, {5120, 1440, 2}, {9599, 5400, 7}, {9600, 5400, 8}, {10880, 6120, 8},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t bits = sizes[i][0] == 9600 ? 32 : 16;

        start(sized(sizes[i][0] * bits / 8, sizes[i][0], sizes[i][1], bits), sizes[i][2]);
        print("Footing\n");
        assert_lines(20 * sizes[i][2]);
        end();
    }
}

/* Whether a range of addresses has any of the pixels: to the byte, at both ends, and none before there are any. */
static void pixels_are_in_a_range_or_not(void **state)
{
    uint64_t bytes = 4 * 8 * 12 * 16 * 4;
    uint64_t base;

    (void)state;
    start(rgb(8 * 12, 16 * 4), 1);
    base = (uint64_t)canvas.pixels;
    assert_false(framebuffer_is_in(base - 0x1000, 0x1000));
    assert_true(framebuffer_is_in(base - 0x1000, 0x1001));
    assert_true(framebuffer_is_in(base, 1));
    assert_true(framebuffer_is_in(base + 100, 1));
    assert_true(framebuffer_is_in(base + bytes - 1, 0x1000));
    assert_false(framebuffer_is_in(base + bytes, 0x1000));
    assert_true(framebuffer_is_in(0, UINT64_MAX));
    framebuffer_start(&canvas.fb, NULL);
    assert_false(framebuffer_is_in(0, UINT64_MAX));
    end();
}

/* A second start begins anew. */
static void starting_again_forgets(void **state)
{
    (void)state;
    start(rgb(8 * 12, 16 * 4), 1);
    print("one\ntwo\nthree");
    end();
    start(rgb(8 * 20, 16 * 6), 1);
    print("three");
    assert_screen();
    end();
}

static char random_character(struct rng *rng)
{
    if (rng_once_in(rng, 12))
        return '\n';
    if (rng_once_in(rng, 40))
        return '\r';
    if (rng_once_in(rng, 3))
        return 'a';
    return (char)(rng_once_in(rng, 20) ? rng_next(rng) : ' ' + rng_below(rng, 95));
}

/* Random text on random screens. */
static void random_screens_agree_with_the_model(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_screens_agree_with_the_model");
    for (unsigned round = 0; round < 60; round++) {
        struct framebuffer fb =
            sized(0, 8 + (uint32_t)rng_below(&rng, 200), 16 + (uint32_t)rng_below(&rng, 100),
                  (uint8_t)(15 + rng_below(&rng, 18)));

        fb.pitch = fb.width * ((fb.bits_per_pixel + 7u) / 8) + (uint32_t)rng_below(&rng, 20);
        fb.green.position = (uint8_t)(fb.bits_per_pixel - fb.green.size);
        start_at(fb, 1, rng_below(&rng, 8));
        for (unsigned n = 0; n < 600; n++)
            put(random_character(&rng));
        assert_screen();
        end();
    }
}

static bool cell_is(size_t offset, const uint8_t *noise, char before, char after)
{
    uint8_t expected = before == after ? noise[offset] : byte_at(offset);

    return canvas.pixels[offset] == expected;
}

/* With other noise under each character: changed cells are whole, the rest as it was. */
static void only_changed_cells_are_written(void **state)
{
    enum { ROWS = 3, COLUMNS = 6, BYTES = ROWS * 16 * COLUMNS * 8 * 3 };
    static uint8_t noise[BYTES];
    char before[ROWS][COLUMNS];
    struct rng rng;

    (void)state;
    rng_start(&rng, "only_changed_cells_are_written");
    start(sized(COLUMNS * 8 * 3, COLUMNS * 8, ROWS * 16, 24), 1);
    put('\r');
    for (unsigned n = 0; n < 400; n++) {
        for (size_t i = 0; i < BYTES; i++)
            noise[i] = (uint8_t)rng_next(&rng);
        for (size_t i = 0; i < ROWS * COLUMNS; i++)
            before[i / COLUMNS][i % COLUMNS] = shown(i / COLUMNS, i % COLUMNS);
        memcpy(canvas.pixels, noise, BYTES);
        /* Wrapping would write a cell twice, which is a change even where it ends as it was. */
        put(canvas.column == COLUMNS ? '\n' : random_character(&rng));
        for (size_t i = 0; i < BYTES; i++) {
            size_t row = i / canvas.fb.pitch / 16;
            size_t column = i % canvas.fb.pitch / 24;

            assert_true(cell_is(i, noise, before[row][column], shown(row, column)));
        }
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_pixels_nothing_happens), /* while nothing has started */
        cmocka_unit_test(first_character_clears),
        cmocka_unit_test(every_layout_is_drawn),
        cmocka_unit_test(every_field_size_is_light_grey),
        cmocka_unit_test(every_character_shows),
        cmocka_unit_test(lines_wrap_at_the_last_column),
        cmocka_unit_test(screen_scrolls_when_something_follows),
        cmocka_unit_test(one_character_is_a_screen),
        cmocka_unit_test(columns_and_rows_beyond_the_most_stay_blank),
        cmocka_unit_test(text_grows_with_the_screen),
        cmocka_unit_test(pixels_are_in_a_range_or_not),
        cmocka_unit_test(starting_again_forgets),
        cmocka_unit_test(random_screens_agree_with_the_model),
        cmocka_unit_test(only_changed_cells_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
