/* SPDX-License-Identifier: MIT */
/* Which screen is chosen by the map: none where any memory lies, to the page. */
#include "framebuffer.h"
#include "io.h"
#include "layout.h"
#include "screen.h"
#include "test.h"

#define RANGES 16

static uint64_t keys[2 * RANGES];
static struct mem_range ranges[2 * RANGES - 1];
static struct memmap map;

static const struct memmap *map_of(uint64_t base, uint64_t len, enum mem_type type)
{
    memmap_init(&map, keys, ranges, RANGES, 40);
    memmap_add(&map, 0, 0x1000, MEM_USABLE);
    memmap_add(&map, base, len, type);
    memmap_normalise(&map);
    return &map;
}

static struct framebuffer pixels(uint64_t base, uint32_t pitch, uint32_t height)
{
    return (struct framebuffer){.base = base,
                                .pitch = pitch,
                                .width = 64,
                                .height = height,
                                .bits_per_pixel = 32,
                                .type = FRAMEBUFFER_DIRECT,
                                .given = true,
                                .red = {16, 8},
                                .green = {8, 8},
                                .blue = {0, 8}};
}

static bool is_chosen(const struct framebuffer *fb, const struct memmap *by)
{
    struct screen_choice choice = screen_choose(fb, true, by);

    assert_int_equal(choice.screen == SCREEN_PIXELS, choice.why == NULL);
    return choice.screen == SCREEN_PIXELS;
}

/* "A framebuffer tag into RAM": by one byte, at either end, even in the same page only. */
static void a_framebuffer_tag_into_ram(void **state)
{
    struct framebuffer fb = pixels(0x40000800, 0x1000, 32); /* to 0x40020800 */

    (void)state;
    assert_true(is_chosen(&fb, map_of(0x3fff0000, 0x10000, MEM_USABLE)));
    assert_false(is_chosen(&fb, map_of(0x3fff0000, 0x10001, MEM_USABLE)));
    assert_false(is_chosen(&fb, map_of(0x40010000, 1, MEM_USABLE)));
    assert_false(is_chosen(&fb, map_of(0x40020fff, 1, MEM_USABLE)));
    assert_true(is_chosen(&fb, map_of(0x40021000, 0x1000, MEM_USABLE)));
    assert_false(is_chosen(&fb, map_of(0, G(64), MEM_USABLE)));
    assert_string_equal(screen_choose(&fb, true, &map).why, "the map has memory there");
    assert_string_equal(screen_choose(&fb, true, &map).against, "usable");
    fb = pixels(0x40001000, 0x1000, 32); /* both ends on a page */
    assert_true(is_chosen(&fb, map_of(0x40021000, 1, MEM_USABLE)));
    assert_false(is_chosen(&fb, map_of(0x40020fff, 1, MEM_USABLE)));
    assert_true(is_chosen(&fb, map_of(0x40000fff, 1, MEM_USABLE)));
}

/* Memory of every other kind has contents, too: only what is reserved or MMIO may hold pixels. */
static void other_memory_counts_too(void **state)
{
    struct framebuffer fb = pixels(0x40000000, 0x1000, 32);

    (void)state;
    for (unsigned type = 0; type < MEM_TYPES; type++) {
        bool may = type == MEM_RESERVED || type == MEM_MMIO;

        assert_int_equal(is_chosen(&fb, map_of(0x40000000, M(1), (enum mem_type)type)), may);
        if (!may)
            assert_string_equal(screen_choose(&fb, true, &map).against,
                                mem_type_name((enum mem_type)type));
    }
}

/* What firmware calls reserved and usable is reserved. */
static void the_normalised_map_counts(void **state)
{
    struct framebuffer fb = pixels(0x40000000, 0x1000, 32);

    (void)state;
    memmap_init(&map, keys, ranges, RANGES, 40);
    memmap_add(&map, 0, G(2), MEM_USABLE);
    memmap_add(&map, 0x40000000, M(1), MEM_RESERVED);
    memmap_normalise(&map);
    assert_true(is_chosen(&fb, &map));
}

/* The text screen: where nobody names another, or by name; not where a guest has RAM. */
static void text_is_shown_where_no_ram_is(void **state)
{
    struct framebuffer none = {0};
    struct framebuffer text = {.base = VGA_TEXT_PA, .width = 80, .height = 25, .type = 2};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const struct framebuffer *fb = i % 2 ? &text : &none;
        bool pc = i < 2;
        bool named = i % 2;

        map_of(0xb9000, 0x1000, MEM_USABLE);
        assert_int_equal(screen_choose(fb, pc, &map).screen,
                         pc || named ? SCREEN_TEXT : SCREEN_NONE);
        assert_null(screen_choose(fb, pc, &map).why);
        map_of(0xb8fff, 0x1000, MEM_USABLE);
        assert_int_equal(screen_choose(fb, pc, &map).screen, SCREEN_NONE);
        assert_int_equal(screen_choose(fb, pc, &map).why != NULL, pc || named);
    }
    map_of(M(1), M(1), MEM_USABLE);
    text.width = 40;
    assert_int_equal(screen_choose(&text, true, &map).screen, SCREEN_NONE);
    text.width = 80;
    text.height = 24;
    assert_int_equal(screen_choose(&text, true, &map).screen, SCREEN_NONE);
    text.height = 50;
    assert_int_equal(screen_choose(&text, true, &map).screen, SCREEN_TEXT);
    text.base = 0xb0000;
    assert_int_equal(screen_choose(&text, true, &map).screen, SCREEN_NONE);
}

/* Beyond the width, or larger than the space from its place in 2 MiB on: no, and why. */
static void reach_has_limits(void **state)
{
    struct framebuffer fb = pixels((UINT64_C(1) << 40) - 0x20000, 0x1000, 32);

    (void)state;
    map_of(M(1), M(1), MEM_USABLE);
    assert_true(is_chosen(&fb, &map));
    fb.base++;
    assert_string_equal(screen_choose(&fb, true, &map).why, "beyond the physical address width");
    fb = pixels(G(4), 0x40000, (uint32_t)(SCREEN_SIZE / 0x40000));
    assert_true(is_chosen(&fb, &map));
    fb.base += 0x1000;
    assert_string_equal(screen_choose(&fb, true, &map).why,
                        "larger than the space that is kept for it");
    fb.base += 0x1ff000;
    assert_true(is_chosen(&fb, &map));
    /* One with a flaw is not chosen; that has a line of its own. */
    fb.type = FRAMEBUFFER_INDEXED;
    assert_int_equal(screen_choose(&fb, true, &map).screen, SCREEN_NONE);
    assert_null(screen_choose(&fb, true, &map).why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_framebuffer_tag_into_ram),
        cmocka_unit_test(other_memory_counts_too),
        cmocka_unit_test(the_normalised_map_counts),
        cmocka_unit_test(text_is_shown_where_no_ram_is),
        cmocka_unit_test(reach_has_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
