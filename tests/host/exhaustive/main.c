/* SPDX-License-Identifier: MIT */
/*
 * Every memory map, every MTRR cut, every place for text, on a machine so
 * small that all of them can be tried; mm/ is compiled with its geometry.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "check.h"

#define WINDOW (PAGES / 2)
#define PAGE   4096u

static const enum mem_type kinds[3] = {NOTHING, MEM_USABLE, MEM_RESERVED};
static const unsigned memtypes[5] = {0, 1, 4, 5, 6};

/* Pages of one kind, told in one of three ways: as runs, page by page downwards, half pages twice. */
static void add_pages(struct world *world, const enum mem_type *page, unsigned first, unsigned n,
                      unsigned way)
{
    for (unsigned at = 0; at < n; at++) {
        unsigned run = 1;
        unsigned p = way == 1 ? n - 1 - at : at;

        if (page[p] == NOTHING)
            continue;
        while (way == 0 && at + run < n && page[at + run] == page[at])
            run++;
        world_add(world, 2 * (first + p), 2 * run, page[p]);
        if (way == 2)
            world_add(world, 2 * (first + p) + 1, 1, page[p]);
        at += run - 1;
    }
}

/* The digits of a number in a small base: one map of all that there are. */
static void spell(enum mem_type *page, unsigned n, uint64_t number, unsigned kinds_used)
{
    for (unsigned p = 0; p < n; p++, number /= kinds_used)
        page[p] = kinds[number % kinds_used];
}

/* The directmap may stand where no large page agrees with its frame. */
static void shift_directmap(struct world *world, unsigned pages)
{
    world->directmap_base += (uint64_t)pages * PAGE;
    world->directmap_size -= (uint64_t)pages * PAGE;
}

/* All 3^n maps of the n pages from `first`; the rest of the window is usable, or nothing. */
static void every_map(unsigned first, unsigned n, bool rest, unsigned shift)
{
    struct world world;
    enum mem_type page[WINDOW];
    uint64_t maps = 1;

    for (unsigned p = 0; p < n; p++)
        maps *= 3;
    for (uint64_t number = 0; number < maps; number++) {
        spell(page, n, number, 3);
        world_clear(&world);
        shift_directmap(&world, shift);
        if (rest && first > 0)
            world_add(&world, 0, 2 * first, MEM_USABLE);
        add_pages(&world, page, first, n, (unsigned)number % 3);
        if (rest)
            world_add(&world, 2 * (first + n), 2 * (WINDOW - first - n), MEM_USABLE);
        for (world.max_level = 0; world.max_level < 3; world.max_level++)
            check(&world);
    }
}

/* All 2^16 maps over pairs of pages: whole and broken pages of each size, all over the window. */
static void every_map_of_pairs(void)
{
    struct world world;

    for (unsigned number = 0; number < 1u << 16; number++) {
        world_clear(&world);
        for (unsigned pair = 0; pair < 16; pair++) {
            if (number >> pair & 1)
                world_add(&world, 4 * pair, 4, MEM_USABLE);
        }
        for (unsigned other = 0; other < 9; other++) {
            world.max_level = other / 3;
            if (other % 3 == 0)
                check(&world);
            else
                check_larger(&world, (world.max_level + other % 3) % 3);
        }
    }
}

/* All lists of three ranges with three types over n half pages: overlaps, duplicates, any order. */
static void every_list_of_ranges(unsigned n)
{
    static const enum mem_type types[3] = {MEM_USABLE, MEM_ACPI_DATA, MEM_RESERVED};
    struct {
        unsigned first;
        unsigned units;
        enum mem_type type;
    } range[512];
    size_t ranges = 0;
    struct world world;

    for (unsigned type = 0; type < 3; type++) {
        for (unsigned first = 0; first < n; first++) {
            for (unsigned end = first + 1; end <= n; end++, ranges++) {
                range[ranges].first = first;
                range[ranges].units = end - first;
                range[ranges].type = types[type];
            }
        }
    }
    for (size_t number = 0; number < ranges * ranges * ranges; number++) {
        size_t pick = number;

        world_clear(&world);
        for (unsigned i = 0; i < 3; i++, pick /= ranges)
            world_add(&world, range[pick % ranges].first, range[pick % ranges].units,
                      range[pick % ranges].type);
        check(&world);
    }
}

/* Every place of an executable mapping over every map of n pages; it also straddles their ends. */
static void every_text(unsigned n)
{
    struct world world;
    enum mem_type page[WINDOW];
    uint64_t maps = 1;

    for (unsigned p = 0; p < n; p++)
        maps *= 3;
    for (uint64_t number = 0; number < maps; number++) {
        spell(page, n, number, 3);
        for (unsigned first = 0; first < n; first++) {
            for (unsigned end = first + 1; end <= n + 1; end++) {
                world_clear(&world);
                add_pages(&world, page, 2, n, (unsigned)number % 3);
                world_add(&world, 2 * (n + 2), 2 * (WINDOW - n - 2), MEM_USABLE);
                world_want(&world, (number % 7 + 1) * PAGE, (first + 2) * PAGE,
                           (end - first) * PAGE, RIGHT_X, MEMTYPE_WB, (unsigned)(number % 3));
                check(&world);
            }
        }
    }
}

/* Every pair of executable mappings over RAM that is whole: in any order, overlapping, touching. */
static void every_pair_of_texts(unsigned n)
{
    struct world world;

    for (unsigned number = 0; number < n * n * n * n; number++) {
        unsigned a = number % n;
        unsigned la = number / n % n + 1;
        unsigned b = number / n / n % n;
        unsigned lb = number / n / n / n + 1;

        world_clear(&world);
        world_add(&world, 0, 2 * WINDOW, MEM_USABLE);
        world_want(&world, PAGE, a * PAGE, la * PAGE, RIGHT_X, MEMTYPE_WB, 2);
        world_want(&world, (number % 3 + 1 + la) * PAGE, b * PAGE, lb * PAGE, RIGHT_X, MEMTYPE_WB,
                   2);
        for (world.max_level = 0; world.max_level < 3; world.max_level++)
            check(&world);
    }
}

/* Cover pages [a, b) with as many variable ranges as that takes. */
static void cut(struct world *world, unsigned a, unsigned b, unsigned type)
{
    while (a < b) {
        unsigned size = 1;

        while (a % (2 * size) == 0 && a + 2 * size <= b)
            size *= 2;
        world_mtrr(world, a * PAGE, ~(uint64_t)(size * PAGE - 1) & 0xfffff000, type);
        a += size;
    }
}

/* Every cut of the window in two or three by type, over every default type. */
static void every_mtrr_cut(void)
{
    struct world world;

    for (unsigned number = 0; number < 25; number++) {
        for (unsigned a = 0; a < WINDOW; a++) {
            for (unsigned b = a + 1; b <= WINDOW; b++) {
                world_clear(&world);
                world_add(&world, 0, 2 * WINDOW, MEM_USABLE);
                world.mtrr.def_type = 0x800 | memtypes[number / 5];
                cut(&world, a, b, memtypes[number % 5]);
                for (world.max_level = 0; world.max_level < 3; world.max_level++)
                    check(&world);
            }
        }
    }
}

/* Every pair of aligned ranges, of every two types, over every default type: overlaps included. */
static void every_pair_of_mtrrs(void)
{
    uint64_t base[63];
    uint64_t mask[63];
    unsigned blocks = 0;
    struct world world;

    for (unsigned size = 1; size <= WINDOW; size *= 2) {
        for (unsigned first = 0; first < WINDOW; first += size, blocks++) {
            base[blocks] = first * PAGE;
            mask[blocks] = ~(uint64_t)(size * PAGE - 1) & 0xfffff000;
        }
    }
    for (unsigned number = 0; number < blocks * blocks * 125; number++) {
        unsigned i = number / 125 % blocks;
        unsigned k = number / 125 / blocks;

        world_clear(&world);
        world_add(&world, 0, 2 * WINDOW, MEM_USABLE);
        world.mtrr.def_type = 0x800 | memtypes[number % 5];
        world_mtrr(&world, base[i], mask[i], memtypes[number / 5 % 5]);
        world_mtrr(&world, base[k], mask[k], memtypes[number / 25 % 5]);
        check(&world);
    }
}

/* Every map of n pages under every aligned range of every type, over write-back or uncachable. */
static void every_map_under_an_mtrr(unsigned n)
{
    struct world world;
    enum mem_type page[WINDOW];
    uint64_t maps = 1;

    for (unsigned p = 0; p < n; p++)
        maps *= 3;
    for (uint64_t number = 0; number < maps; number++) {
        spell(page, n, number, 3);
        for (unsigned size = 1; size <= WINDOW; size *= 2) {
            for (unsigned first = 0; first < WINDOW; first += size) {
                unsigned pick = (unsigned)(number + first) % 10;

                world_clear(&world);
                world_add(&world, 0, 2 * 13, MEM_USABLE);
                add_pages(&world, page, 13, n, (unsigned)number % 3);
                world_add(&world, 2 * (13 + n), 2 * (WINDOW - 13 - n), MEM_USABLE);
                world.mtrr.def_type = 0x800 | (pick < 5 ? 6 : 0);
                world_mtrr(&world, first * PAGE, ~(uint64_t)(size * PAGE - 1) & 0xfffff000,
                           memtypes[pick % 5]);
                check(&world);
            }
        }
    }
}

/* Every mask, with holes or without, against every base, and two of them with each other. */
static void every_pair_of_masks(void)
{
    const uint64_t above = 0xfffff000 & ~(uint64_t)(WINDOW * PAGE - 1);
    struct world world;

    for (unsigned number = 0; number < 1u << 20; number++) {
        uint64_t field[4];

        for (unsigned i = 0; i < 4; i++)
            field[i] = (number >> (5 * i) & 31) * PAGE;
        world_clear(&world);
        world_add(&world, 0, 2 * WINDOW, MEM_USABLE);
        world.mtrr.def_type = 0x800 | memtypes[number % 5];
        world_mtrr(&world, field[0], field[1] | above, memtypes[number / 5 % 5]);
        world_mtrr(&world, field[2], field[3] | above, memtypes[number / 25 % 5]);
        check(&world);
    }
}

/* Fixed ranges with each type and reserved encoding, MTRRs off, absent, each limit and window. */
static void every_switch(void)
{
    struct world world;

    for (unsigned number = 0; number < 8 * 256 * 256; number++) {
        world_clear(&world);
        world_add(&world, 1, 2 * WINDOW - 2, MEM_USABLE);
        world.mtrr.present = number & 1;
        world.mtrr.def_type = (number & 2 ? 0x800u : 0) | (number & 4 ? 0x400u : 0) | 6;
        world.mtrr.fixed[0] = number >> 3 & 0xffff;
        world_mtrr(&world, 0x8000, 0xffff8000, number >> 3 & 7);
        world.max_level = number % 3;
        check(&world);
    }
    for (unsigned limit = 0; limit <= 2 * WINDOW + 1; limit++) {
        for (unsigned window = 0; window <= WINDOW; window++) {
            world_clear(&world);
            world_add(&world, 1, 2 * WINDOW, MEM_USABLE);
            world.ram_limit = limit * UNIT + limit % 3;
            world.directmap_size = window * PAGE;
            for (world.max_level = 0; world.max_level < 3; world.max_level++)
                check(&world);
        }
    }
}

/* Every two mappings of the lower half, each with every largest page, at frames of all phases. */
static void every_pair_of_mappings(unsigned n)
{
    struct world world;

    for (unsigned a = 0; a < n; a++) {
        for (unsigned b = a + 1; b <= n; b++) {
            for (unsigned c = b; c < n; c++) {
                for (unsigned d = c + 1; d <= n; d++) {
                    for (unsigned k = 0; k < 9 * 4; k++) {
                        unsigned phase = k / 9 == 3 ? 16 : k / 9 == 2 ? 4 : k / 9;

                        world_clear(&world);
                        world.directmap = false;
                        world_add(&world, 0, 2, MEM_USABLE);
                        world_want(&world, c * PAGE, (c + 64 + phase) * PAGE, (d - c) * PAGE,
                                   RIGHT_W, memtypes[(a + k) % 5], k % 3);
                        world_want(&world, a * PAGE, (a + 256 + phase) * PAGE, (b - a) * PAGE,
                                   RIGHT_X, memtypes[(b + c) % 5], k / 3 % 3);
                        check(&world);
                    }
                }
            }
        }
    }
}

/* Every bit of the tables of every map of n pages amid RAM, with text at one end. */
static void every_damage(unsigned n)
{
    struct world world;
    enum mem_type page[WINDOW];
    uint64_t maps = 1;

    for (unsigned p = 0; p < n; p++)
        maps *= 3;
    for (uint64_t number = 0; number < maps; number++) {
        spell(page, n, number, 3);
        world_clear(&world);
        add_pages(&world, page, 14, n, (unsigned)number % 3);
        world_add(&world, 2 * (14 + n), 2 * (WINDOW - 14 - n), MEM_USABLE);
        world_want(&world, 5 * PAGE, 13 * PAGE, 4 * PAGE, RIGHT_X, MEMTYPE_WB, 1);
        for (world.max_level = 0; world.max_level < 3; world.max_level++) {
            check(&world);
            check_damage(&world);
        }
    }
}

static void report(const char *what)
{
    static uint64_t before;
    static clock_t since;
    clock_t now = clock();

    printf("%-28s %9" PRIu64 " cases  %5.1f s\n", what, checked() - before,
           (double)(now - since) / CLOCKS_PER_SEC);
    before = checked();
    since = now;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    report("(start)");
    every_map(0, 12, false, 0);
    report("maps of 12 pages");
    every_map(10, 12, true, 0);
    report("the same amid RAM");
    every_map(10, 10, true, 1);
    every_map(3, 10, true, 4);
    report("large pages out of phase");
    every_map_of_pairs();
    report("maps of 16 pairs of pages");
    every_list_of_ranges(7);
    report("lists of 3 ranges");
    every_text(8);
    report("text anywhere in any map");
    every_pair_of_texts(14);
    report("two texts");
    every_mtrr_cut();
    report("MTRR cuts");
    every_pair_of_mtrrs();
    report("pairs of MTRRs");
    every_map_under_an_mtrr(8);
    report("maps under an MTRR");
    every_pair_of_masks();
    report("masks with holes");
    every_switch();
    report("fixed MTRRs, limits");
    every_pair_of_mappings(20);
    report("pairs of mappings");
    every_damage(6);
    report("every bit of tables flipped");
    printf("exhaustive: %.1f million cases, none differs (%.1f s)\n", (double)checked() / 1e6,
           (double)clock() / CLOCKS_PER_SEC);
    return 0;
}
