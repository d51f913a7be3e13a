/* SPDX-License-Identifier: MIT */
#include "framebuffer.h"

#include "font.h"

#define BYTES_MAX UINT64_C(0x40000000)

/* Characters are enlarged by how many of these a screen has, rounded: the eye sees one size. */
#define SCALE_WIDTH  1280u
#define SCALE_HEIGHT 720u
#define SCALE_MAX    8u

#define PIXEL_BYTES_MAX 4u

/* Nothing promises that pixels are aligned, and they may be any type to whoever mapped them. */
typedef uint64_t __attribute__((aligned(1), may_alias)) pixel_word;

_Static_assert(FONT_WIDTH == sizeof(pixel_word), "a character's row is whole words at any depth");

/* The one screen of the machine. */
static struct {
    struct framebuffer fb;
    volatile uint8_t *pixels; /* NULL: not started */
    bool clean;               /* black but for its cells */
    uint32_t ink;
    unsigned pixel_bytes;
    unsigned scale;
    unsigned columns, rows;
    unsigned row, column;
    uint8_t cells[FRAMEBUFFER_ROWS_MAX][FRAMEBUFFER_COLUMNS_MAX]; /* what is shown */
} screen;

static unsigned pixel_bytes(const struct framebuffer *fb)
{
    return (fb->bits_per_pixel + 7u) / 8;
}

static bool fits(const struct framebuffer *fb, struct color_field field)
{
    return field.size > 0 && field.position + field.size <= fb->bits_per_pixel;
}

uint64_t framebuffer_bytes(const struct framebuffer *fb)
{
    return (uint64_t)fb->pitch * fb->height;
}

void framebuffer_complete(struct framebuffer *fb)
{
    uint64_t row = (uint64_t)fb->width * pixel_bytes(fb);

    if (fb->pitch == 0 && row <= UINT32_MAX)
        fb->pitch = (uint32_t)row;
}

static const char *type_flaw(unsigned type)
{
    switch (type) {
    case FRAMEBUFFER_DIRECT:
        return NULL;
    case FRAMEBUFFER_INDEXED:
        return "its colours are indexed";
    case FRAMEBUFFER_TEXT:
        return "text, but not of 80 columns at 0xb8000";
    default:
        return "of an unknown type";
    }
}

static const char *pixel_flaw(const struct framebuffer *fb)
{
    if (fb->bits_per_pixel < 15 || fb->bits_per_pixel > 32)
        return "a pixel has fewer than 15 or more than 32 bits";
    if (!fits(fb, fb->red) || !fits(fb, fb->green) || !fits(fb, fb->blue))
        return "a colour has no bits, or some that are outside the pixel";
    return NULL;
}

static const char *size_flaw(const struct framebuffer *fb)
{
    uint64_t bytes = framebuffer_bytes(fb);

    if (fb->width < FONT_WIDTH || fb->height < FONT_HEIGHT)
        return "too small for a character";
    if ((uint64_t)fb->width * pixel_bytes(fb) > fb->pitch)
        return "a row is longer than its pitch";
    if (bytes > BYTES_MAX)
        return "larger than 1 GiB";
    return fb->base + (bytes - 1) < fb->base ? "it wraps past 2^64" : NULL;
}

const char *framebuffer_flaw(const struct framebuffer *fb)
{
    const char *flaw = fb->flaw;

    if (!flaw && fb->base == 0)
        flaw = "its address is 0";
    if (!flaw)
        flaw = type_flaw(fb->type);
    if (!flaw)
        flaw = pixel_flaw(fb);
    return flaw ? flaw : size_flaw(fb);
}

/* Two thirds of full brightness, VGA's light grey: every other bit, from the highest. */
static uint32_t light(struct color_field field)
{
    return UINT32_C(0xaaaaaaaa) >> (32 - field.size) << field.position;
}

static unsigned min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The smaller of both: a wide, low screen needs its rows. */
static unsigned scale_for(const struct framebuffer *fb)
{
    unsigned scale = min((fb->width + SCALE_WIDTH / 2) / SCALE_WIDTH,
                         (fb->height + SCALE_HEIGHT / 2) / SCALE_HEIGHT);

    return scale == 0 ? 1 : min(scale, SCALE_MAX);
}

void framebuffer_start(const struct framebuffer *fb, volatile void *pixels)
{
    screen.fb = *fb;
    screen.pixels = pixels;
    screen.clean = false;
    screen.ink = light(fb->red) | light(fb->green) | light(fb->blue);
    screen.pixel_bytes = pixel_bytes(fb);
    screen.scale = scale_for(fb);
    screen.columns = min(fb->width / (FONT_WIDTH * screen.scale), FRAMEBUFFER_COLUMNS_MAX);
    screen.rows = min(fb->height / (FONT_HEIGHT * screen.scale), FRAMEBUFFER_ROWS_MAX);
}

bool framebuffer_is_in(uint64_t va, uint64_t len)
{
    uint64_t pixels = (uint64_t)screen.pixels;

    /* Either begins in the other; wherever they are, none of them wraps. */
    return pixels != 0 && (pixels - va < len || va - pixels < framebuffer_bytes(&screen.fb));
}

static void clear_line(volatile uint8_t *line)
{
    size_t bytes = (size_t)screen.fb.width * screen.pixel_bytes;
    volatile pixel_word *words = (volatile pixel_word *)line;

    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        words[i] = 0;
    for (size_t i = bytes - bytes % sizeof(*words); i < bytes; i++)
        line[i] = 0;
}

static void clear(void)
{
    for (size_t y = 0; y < screen.fb.height; y++)
        clear_line(screen.pixels + y * screen.fb.pitch);
    for (unsigned row = 0; row < screen.rows; row++) {
        for (unsigned column = 0; column < screen.columns; column++)
            screen.cells[row][column] = ' ';
    }
    screen.row = 0;
    screen.column = 0;
    screen.clean = true;
}

/* One row of a glyph, as it goes to the screen. */
static void compose(uint64_t *words, unsigned bits)
{
    uint8_t *byte = (uint8_t *)words;

    for (unsigned bit = 1u << (FONT_WIDTH - 1); bit != 0; bit >>= 1) {
        uint32_t pixel = (bits & bit) ? screen.ink : 0;

        for (unsigned n = 0; n < screen.scale; n++) {
            for (unsigned i = 0; i < screen.pixel_bytes; i++)
                *byte++ = (uint8_t)(pixel >> 8 * i);
        }
    }
}

static void draw(unsigned row, unsigned column, uint8_t c)
{
    unsigned nwords = screen.pixel_bytes * screen.scale;
    uint64_t words[PIXEL_BYTES_MAX * SCALE_MAX];
    volatile uint8_t *line = screen.pixels + column * nwords * sizeof(*words) +
                             (size_t)row * FONT_HEIGHT * screen.scale * screen.fb.pitch;

    for (unsigned y = 0; y < FONT_HEIGHT; y++) {
        compose(words, font_row(c, y));
        for (unsigned n = 0; n < screen.scale; n++) {
            for (unsigned i = 0; i < nwords; i++)
                ((volatile pixel_word *)line)[i] = words[i];
            line += screen.fb.pitch;
        }
    }
}

static void show(unsigned row, unsigned column, uint8_t c)
{
    if (screen.cells[row][column] == c)
        return;
    screen.cells[row][column] = c;
    draw(row, column, c);
}

static void scroll(void)
{
    unsigned last = screen.rows - 1;

    for (unsigned row = 0; row < last; row++) {
        for (unsigned column = 0; column < screen.columns; column++)
            show(row, column, screen.cells[row + 1][column]);
    }
    for (unsigned column = 0; column < screen.columns; column++)
        show(last, column, ' ');
}

static void newline(void)
{
    screen.column = 0;
    if (screen.row + 1 < screen.rows)
        screen.row++;
    else
        scroll();
}

static void put(uint8_t c)
{
    /* Only what follows a full line wraps: '\n' after it leaves no empty line. */
    if (screen.column == screen.columns)
        newline();
    show(screen.row, screen.column++, c);
}

void framebuffer_putc(char c)
{
    if (!screen.pixels)
        return;
    if (!screen.clean)
        clear();
    if (c == '\n')
        newline();
    else if (c == '\r')
        screen.column = 0;
    else
        put(c >= FONT_FIRST && c <= FONT_LAST ? (uint8_t)c : '?');
}
