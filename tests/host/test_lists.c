/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include "boot.h"
#include "machine.h"
#include "random.h"
#include "test.h"

#define PAGES_MAX (M(18) / 4096)

/* Who has a page: by the lists, and by the pool, frame by frame. */
enum owner { NOBODY, FREE, TABLE };

struct fixture {
    struct machine *machine;
    struct busy_list busy;
    struct frame_pool left;
    struct ram_lists lists;
    uint64_t tables;
    uint8_t pages[PAGES_MAX];
};

/* Take so many frames for tables, or as many as there are. */
static void take_tables(struct fixture *f, uint64_t wanted)
{
    struct frame_pool rest;
    uint64_t frame;

    memset(f->pages, NOBODY, sizeof(f->pages));
    frame_pool_init(&f->left, &f->machine->request, &f->busy);
    for (f->tables = 0; f->tables < wanted && frame_pool_take(&f->left, &frame); f->tables++)
        f->pages[frame / 4096] = TABLE;
    rest = f->left;
    while (frame_pool_take(&rest, &frame))
        f->pages[frame / 4096] = FREE;
}

static void start_random(struct fixture *f, struct rng *rng)
{
    memset(f, 0, sizeof(*f));
    f->machine = machine_random(rng);
    for (uint64_t n = rng_below(rng, 8); n > 0; n--)
        assert_true(busy_add(&f->busy, rng_below(rng, M(16)), rng_below(rng, M(1)), "busy"));
    take_tables(f, rng_once_in(rng, 3) ? rng_below(rng, 4096) : rng_below(rng, 12));
}

/* In a room of exactly so many words: one word more is not ours, and the sanitizer says so. */
static struct error make(struct fixture *f, size_t words)
{
    uint64_t *room = malloc(words * 8 + 1);
    struct error err;

    assert_non_null(room);
    memset(&f->lists, 0xa5, sizeof(f->lists));
    err = lists_make(&f->lists, &f->machine->request, &f->busy, f->tables, &f->left, room, words);
    if (err.code) {
        assert_int_equal(err.code, ERR_LISTS);
        assert_int_equal(f->lists.held_count + f->lists.free_count, 0);
        assert_non_null(err.text);
        free(room);
    }
    return err;
}

/* Pages that no list has had so far. */
static void set_pages(uint8_t *pages, uint64_t base, uint64_t end, enum owner owner)
{
    for (uint64_t pa = base; pa < end; pa += 4096) {
        assert_int_equal(pages[pa / 4096], NOBODY);
        pages[pa / 4096] = (uint8_t)owner;
    }
}

/* What is busy, in order and to the byte, and the tables' frames, all of them and no other. */
static void check_held(const struct fixture *f, uint8_t *pages)
{
    size_t busy = 0;

    for (size_t i = 0; i < f->lists.held_count; i++) {
        const struct footing_held *held = &f->lists.held[i];

        assert_true(i == 0 || held[-1].base_pa <= held->base_pa);
        assert_true(held->base_pa < held->end_pa);
        if (strcmp(held->owner, "busy") == 0) {
            assert_int_equal(held->base_pa, f->busy.ranges[busy].base);
            assert_int_equal(held->end_pa, f->busy.ranges[busy++].end);
            continue;
        }
        assert_string_equal(held->owner, "page tables");
        set_pages(pages, held->base_pa, held->end_pa, TABLE);
    }
    assert_int_equal(busy, f->busy.count);
}

static void check_lists(const struct fixture *f)
{
    uint8_t pages[PAGES_MAX] = {NOBODY};

    check_held(f, pages);
    for (size_t i = 0; i < f->lists.free_count; i++) {
        const struct footing_range *range = &f->lists.free[i];

        assert_true(i == 0 || range[-1].end_pa <= range->base_pa);
        assert_true(range->base_pa < range->end_pa);
        set_pages(pages, range->base_pa, range->end_pa, FREE);
    }
    assert_memory_equal(pages, f->pages, sizeof(pages));
}

/* Both lists say of each page what the pool says that gave the tables their frames. */
static void lists_are_what_the_pool_says(void **state)
{
    struct fixture f;
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned i = 0; i < 2000; i++) {
        start_random(&f, &rng);
        assert_int_equal(make(&f, 8192).code, ERR_NONE);
        check_lists(&f);
        free((void *)(uintptr_t)f.lists.held);
    }
}

/* In whatever room: the same lists, or an error; and nothing is written behind it. */
static void nothing_is_written_behind_the_room(void **state)
{
    struct fixture f;
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned i = 0; i < 100; i++) {
        bool fitted = false;

        start_random(&f, &rng);
        for (size_t words = 0; !fitted || words % 7 != 0; words++) {
            bool fits = make(&f, words).code == ERR_NONE;

            assert_true(fits || !fitted);
            fitted = fits;
            if (!fits)
                continue;
            check_lists(&f);
            free((void *)(uintptr_t)f.lists.held);
        }
    }
}

/* 128 MiB of which each second 8 KiB are write-back: a mask with a hole, and 8,192 free runs. */
static void start_holed(struct fixture *f)
{
    uint64_t width = (UINT64_C(1) << 40) - 1;

    memset(f, 0, sizeof(*f));
    f->machine = machine_start(40);
    f->machine->request.directmap = false;
    f->machine->mtrr.def_type = 0x800;
    f->machine->mtrr.variable = 1;
    f->machine->mtrr.var[0].base = M(128) | MEMTYPE_WB;
    f->machine->mtrr.var[0].mask = (width & ~(M(128) - 1)) | 0x2000 | 0x800;
    machine_add(f->machine, M(128), M(128), MEM_USABLE);
    machine_settle(f->machine);
    f->tables = 1;
    frame_pool_init(&f->left, &f->machine->request, &f->busy);
    assert_true(frame_pool_take(&f->left, &(uint64_t){0}));
}

/* So many runs are refused, and the list that has them is named with its limit. */
static void more_free_runs_than_room_are_refused(void **state)
{
    struct fixture f;
    struct error err;

    (void)state;
    start_holed(&f);
    assert_true(BOOT_LISTS_WORDS < 3 + 2 * 8192);
    err = make(&f, BOOT_LISTS_WORDS);
    assert_int_equal(err.code, ERR_LISTS);
    assert_string_equal(err.text, "free RAM");
    assert_int_equal(err.at, (BOOT_LISTS_WORDS - 3) / 2);
    assert_int_equal(make(&f, 3 + 2 * 8191 + 1).code, ERR_LISTS);
    assert_int_equal(make(&f, 3 + 2 * 8192).code, ERR_NONE);
    assert_int_equal(f.lists.held_count, 1);
    assert_int_equal(f.lists.free_count, 8192);
    free((void *)(uintptr_t)f.lists.held);
}

/* Tables in as many runs as they have frames: that list is held to its room, too. */
static void more_table_runs_than_room_are_refused(void **state)
{
    struct fixture f;
    struct error err;

    (void)state;
    start_holed(&f);
    f.tables = 2 * 8000;
    err = make(&f, BOOT_LISTS_WORDS);
    assert_int_equal(err.code, ERR_LISTS);
    assert_string_equal(err.text, "held RAM");
    f.tables = 2 * 8192;
    assert_string_equal(make(&f, 100).text, "held RAM");
}

/* All that a map of the largest size can have without such a mask fits. */
static void what_a_directmap_can_have_fits(void **state)
{
    (void)state;
    assert_true(BOOT_LISTS_WORDS >= 3 * (BUSY_MAX + 1) + 2 * (BOOT_MAX_MAPPINGS + BUSY_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_what_the_pool_says),
        cmocka_unit_test(nothing_is_written_behind_the_room),
        cmocka_unit_test(more_free_runs_than_room_are_refused),
        cmocka_unit_test(more_table_runs_than_room_are_refused),
        cmocka_unit_test(what_a_directmap_can_have_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
