/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include "machine.h"
#include "random.h"
#include "reference.h"
#include "test.h"

/* All that a test of frames needs besides the machine. */
struct fixture {
    struct machine *machine;
    struct busy_list busy;
    struct frame_pool pool;
};

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->machine = machine_start(40);
}

static void open_pool(struct fixture *f)
{
    machine_settle(f->machine);
    frame_pool_init(&f->pool, &f->machine->request, &f->busy);
}

static void assert_takes(struct fixture *f, uint64_t expected)
{
    uint64_t frame = 1;

    assert_true(frame_pool_take(&f->pool, &frame));
    assert_int_equal(frame, expected);
}

static void assert_empty(struct fixture *f)
{
    uint64_t frame;
    uint64_t found = 7;

    assert_false(frame_pool_take(&f->pool, &frame));
    assert_false(frame_pool_take(&f->pool, &frame));
    assert_false(frame_pool_has(&f->pool, 1, &found));
    assert_int_equal(found, 0);
    assert_true(frame_pool_has(&f->pool, 0, &found));
    assert_int_equal(found, 0);
}

/* Busy ranges come sorted by base, in whatever order they were added. */
static void busy_list_is_sorted(void **state)
{
    struct busy_list list = {.count = 0};
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned i = 0; i < BUSY_MAX; i++)
        assert_true(busy_add(&list, rng_below(&rng, 1000) + M(1) * (i * 37 % BUSY_MAX), 5, "x"));
    assert_int_equal(list.count, BUSY_MAX);
    for (size_t i = 1; i < list.count; i++)
        assert_true(list.ranges[i - 1].base <= list.ranges[i].base);
}

/* An added range keeps its bytes and its owner. */
static void busy_range_is_not_rounded(void **state)
{
    struct busy_list list = {.count = 0};
    const struct busy_range *found;

    (void)state;
    assert_true(busy_add(&list, 0x1001, 0x2ffe, "module"));
    found = busy_overlap(&list, 0x3ffe, 0x4000);
    assert_non_null(found);
    assert_int_equal(found->base, 0x1001);
    assert_int_equal(found->end, 0x3fff);
    assert_string_equal(found->owner, "module");
    assert_null(busy_overlap(&list, 0x1000, 0x1001));
    assert_null(busy_overlap(&list, 0x3fff, 0x5000));
}

/* An empty range is no error and leaves no trace. */
static void empty_busy_range_is_ignored(void **state)
{
    struct busy_list list = {.count = 0};

    (void)state;
    assert_true(busy_add(&list, 0x1000, 0, "nothing"));
    assert_int_equal(list.count, 0);
    assert_null(busy_overlap(&list, 0, UINT64_MAX));
}

/* A range that wraps is refused. */
static void wrapping_busy_range_is_refused(void **state)
{
    struct busy_list list = {.count = 0};

    (void)state;
    assert_false(busy_add(&list, 0x1000, UINT64_MAX, "wraps"));
    assert_false(busy_add(&list, UINT64_MAX, 2, "wraps"));
    assert_int_equal(list.count, 0);
}

/* BUSY_MAX ranges fit; one more is refused and changes nothing. */
static void one_busy_range_more_than_fits_is_refused(void **state)
{
    struct busy_list list = {.count = 0};

    (void)state;
    for (unsigned i = 0; i < BUSY_MAX; i++)
        assert_true(busy_add(&list, M(2) * i, M(1), "fits"));
    assert_false(busy_add(&list, M(1), K(4), "too many"));
    assert_int_equal(list.count, BUSY_MAX);
    assert_null(busy_overlap(&list, M(1), M(2)));
}

/* The overlap that is found has the lowest base, also under a long range that covers the others. */
static void overlap_is_the_lowest(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 2000; round++) {
        struct busy_list list = {.count = 0};
        uint64_t base = rng_below(&rng, 300);
        uint64_t end = base + 1 + rng_below(&rng, 30);
        const struct busy_range *found;
        uint64_t lowest = UINT64_MAX;

        for (uint64_t n = rng_below(&rng, 20); n > 0; n--) {
            uint64_t at = rng_below(&rng, 300);
            uint64_t len = 1 + rng_below(&rng, rng_once_in(&rng, 8) ? 200 : 10);

            assert_true(busy_add(&list, at, len, "x"));
            if (at < end && at + len > base && at < lowest)
                lowest = at;
        }
        found = busy_overlap(&list, base, end);
        assert_int_equal(found == NULL ? UINT64_MAX : found->base, lowest);
    }
}

/* Without RAM there is no frame. */
static void no_ram_has_no_frame(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, 0, G(1), MEM_RESERVED);
    open_pool(&f);
    assert_empty(&f);
}

/* Frames ascend from 1 MiB; those below come last, ascending too. */
static void low_memory_comes_last(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1) - K(8), K(16), MEM_USABLE);
    machine_add(f.machine, 0, K(8), MEM_USABLE);
    machine_add(f.machine, G(5), K(4), MEM_USABLE);
    open_pool(&f);
    assert_takes(&f, M(1));
    assert_takes(&f, M(1) + K(4));
    assert_takes(&f, G(5));
    assert_takes(&f, 0);
    assert_takes(&f, K(4));
    assert_takes(&f, M(1) - K(8));
    assert_takes(&f, M(1) - K(4));
    assert_empty(&f);
}

/* One busy byte keeps its whole page out, the first and the last byte alike. */
static void page_with_a_busy_byte_is_not_free(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1), K(24), MEM_USABLE);
    assert_true(busy_add(&f.busy, M(1) + K(4), 1, "first byte"));
    assert_true(busy_add(&f.busy, M(1) + K(16) - 1, 1, "last byte"));
    assert_true(busy_add(&f.busy, M(1) + K(20), K(4), "a page"));
    open_pool(&f);
    assert_takes(&f, M(1));
    assert_takes(&f, M(1) + K(8));
    assert_takes(&f, M(1) + K(16));
    assert_empty(&f);
}

/* A busy range that is nested in, or overlaps, another frees nothing of it. */
static void overlapping_busy_ranges_add_up(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1), K(64), MEM_USABLE);
    assert_true(busy_add(&f.busy, M(1), K(40), "long"));
    assert_true(busy_add(&f.busy, M(1) + K(8), K(4), "nested"));
    assert_true(busy_add(&f.busy, M(1) + K(36), K(24), "overlapping"));
    open_pool(&f);
    assert_takes(&f, M(1) + K(60));
    assert_empty(&f);
}

/* Partial pages and what is not write-back are no frames. */
static void only_mapped_ram_gives_frames(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1) + 1, K(12), MEM_USABLE);
    machine_add(f.machine, M(4), M(1), MEM_USABLE);
    machine_mtrr(f.machine, M(4), M(1), MEMTYPE_UC);
    open_pool(&f);
    assert_takes(&f, M(1) + K(4));
    assert_takes(&f, M(1) + K(8));
    assert_empty(&f);
}

/* Once all is handed out, RAM of another fate that lies behind is not handed out after all. */
static void exhausted_pool_stays_exhausted(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1), K(4), MEM_USABLE);
    machine_add(f.machine, M(4), M(1), MEM_USABLE);
    machine_mtrr(f.machine, M(4), M(1), MEMTYPE_UC);
    open_pool(&f);
    assert_takes(&f, M(1));
    for (unsigned i = 0; i < 4; i++)
        assert_empty(&f);
}

/* Nor is it between two pieces of low memory, when the high memory has run out. */
static void low_memory_goes_on_to_its_end(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, K(4), K(4), MEM_USABLE);
    machine_add(f.machine, K(16), K(4), MEM_USABLE);
    machine_add(f.machine, K(32), K(4), MEM_USABLE);
    machine_add(f.machine, M(1), K(5), MEM_USABLE); /* ends in a partial page */
    open_pool(&f);
    assert_takes(&f, M(1));
    assert_takes(&f, K(4));
    assert_takes(&f, K(16));
    assert_takes(&f, K(32));
    assert_empty(&f);
}

/* has() counts up to what is wanted, and takes nothing. */
static void has_counts_and_takes_nothing(void **state)
{
    uint64_t found;
    struct fixture f;

    (void)state;
    start(&f);
    machine_add(f.machine, M(1), K(12), MEM_USABLE);
    machine_add(f.machine, K(4), K(8), MEM_USABLE);
    machine_add(f.machine, M(8), K(8), MEM_USABLE);
    open_pool(&f);
    for (unsigned left = 7; left > 0; left--) {
        for (unsigned wanted = 0; wanted <= 9; wanted++) {
            assert_int_equal(frame_pool_has(&f.pool, wanted, &found), wanted <= left);
            assert_int_equal(found, wanted <= left ? wanted : left);
        }
        assert_true(frame_pool_take(&f.pool, &found));
    }
    assert_empty(&f);
}

/* Hundreds of TiB are counted and found without looking at each frame. */
static void huge_memory_is_counted_at_once(void **state)
{
    struct fixture f;
    uint64_t found;

    (void)state;
    start(&f);
    f.machine = machine_start(46);
    machine_add(f.machine, 0, T(64), MEM_USABLE);
    open_pool(&f);
    assert_true(frame_pool_has(&f.pool, T(64) / 4096, &found));
    assert_false(frame_pool_has(&f.pool, UINT64_MAX, &found));
    assert_int_equal(found, T(64) / 4096);
    assert_takes(&f, M(1));
}

static bool ref_free(const struct fixture *f, uint64_t page)
{
    struct ref_map ref = machine_ref(f->machine);

    for (size_t i = 0; i < f->busy.count; i++) {
        if (f->busy.ranges[i].base < page + 4096 && f->busy.ranges[i].end > page)
            return false;
    }
    return ref_page_is_ram(&ref, &f->machine->mtrr, page, machine_top(f->machine));
}

static void random_fixture(struct fixture *f, struct rng *rng)
{
    memset(f, 0, sizeof(*f));
    f->machine = machine_random(rng);
    for (uint64_t n = rng_below(rng, 40); n > 0; n--) {
        uint64_t len = rng_below(rng, rng_once_in(rng, 10) ? M(4) : 4096 * 3);

        assert_true(busy_add(&f->busy, rng_below(rng, M(16)), len, "random"));
    }
    frame_pool_init(&f->pool, &f->machine->request, &f->busy);
}

/* The oracle's free pages in the order in which they must be handed out. */
static size_t ref_frames(const struct fixture *f, uint64_t *frames)
{
    size_t n = 0;

    for (uint64_t page = M(1); page < M(17); page += 4096) {
        if (ref_free(f, page))
            frames[n++] = page;
    }
    for (uint64_t page = 0; page < M(1); page += 4096) {
        if (ref_free(f, page))
            frames[n++] = page;
    }
    return n;
}

/* Random fragments: exactly the oracle's frames, each once, in order, as has() foretells. */
static void random_pools_agree_with_the_oracle(void **state)
{
    static uint64_t expected[M(17) / 4096];
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 150; round++) {
        struct fixture f;
        uint64_t found;
        size_t n;

        random_fixture(&f, &rng);
        n = ref_frames(&f, expected);
        for (size_t i = 0; i < n; i++) {
            if (rng_once_in(&rng, 64)) {
                assert_true(frame_pool_has(&f.pool, n - i, &found));
                assert_int_equal(found, n - i);
                assert_false(frame_pool_has(&f.pool, n - i + 1, &found));
                assert_int_equal(found, n - i);
            }
            assert_takes(&f, expected[i]);
        }
        assert_empty(&f);
    }
}

/* Free runs are the oracle's free pages in [from, to): ascending, apart, whole. */
static void random_free_runs_agree_with_the_oracle(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 200; round++) {
        uint64_t from = rng_below(&rng, 4096) * 4096;
        uint64_t to = from + rng_below(&rng, 4097) * 4096;
        struct free_iter iter;
        struct free_run run;
        struct fixture f;
        uint64_t at = from;

        random_fixture(&f, &rng);
        free_first(&iter, &f.machine->request, &f.busy, from, to);
        while (free_next(&iter, &run)) {
            assert_true(at <= run.base && run.base < run.end && run.end <= to);
            assert_true(at == from || at < run.base);
            for (; at < run.base; at += 4096)
                assert_false(ref_free(&f, at));
            for (; at < run.end; at += 4096)
                assert_true(ref_free(&f, at));
        }
        for (; at < to; at += 4096)
            assert_false(ref_free(&f, at));
        assert_false(free_next(&iter, &run));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_list_is_sorted),
        cmocka_unit_test(busy_range_is_not_rounded),
        cmocka_unit_test(empty_busy_range_is_ignored),
        cmocka_unit_test(wrapping_busy_range_is_refused),
        cmocka_unit_test(one_busy_range_more_than_fits_is_refused),
        cmocka_unit_test(overlap_is_the_lowest),
        cmocka_unit_test(no_ram_has_no_frame),
        cmocka_unit_test(low_memory_comes_last),
        cmocka_unit_test(page_with_a_busy_byte_is_not_free),
        cmocka_unit_test(overlapping_busy_ranges_add_up),
        cmocka_unit_test(only_mapped_ram_gives_frames),
        cmocka_unit_test(exhausted_pool_stays_exhausted),
        cmocka_unit_test(low_memory_goes_on_to_its_end),
        cmocka_unit_test(has_counts_and_takes_nothing),
        cmocka_unit_test(huge_memory_is_counted_at_once),
        cmocka_unit_test(random_pools_agree_with_the_oracle),
        cmocka_unit_test(random_free_runs_agree_with_the_oracle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
