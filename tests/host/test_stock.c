/* SPDX-License-Identifier: MIT */
#include "stock.h"

#include "alias.h"
#include "machine.h"
#include "random.h"
#include "test.h"

#define FRAMES 64
#define FAR    (UINT64_C(4096) * STOCK_BUCKETS) /* so far apart, frames have one bucket */
#define BASE   UINT64_C(0x200000)
#define VA     UINT64_C(0xffff900000000000)

/* RAM in two places, one bucket for each pair of frames; tables in the first of them. */
static struct {
    uint64_t near[FRAMES][512];
    uint64_t far[FRAMES][512];
    size_t tables; /* the frames from BASE on that tables are made of */
    size_t depth;
    struct machine *machine;
    struct pt_alias entries[64];
    uint64_t keys[64];
    struct pt_aliases aliases;
    struct pt_space main;
    struct pt_space others[3];
    struct stock_rules rules;
    struct frame_stock stock;
    /* What the source gives, in order, then 0; and what came back to it. */
    uint64_t script[FRAMES];
    size_t given;
    uint64_t back[FRAMES];
    size_t nback;
} made;

static uint64_t near(size_t i)
{
    return BASE + i * 4096;
}

static uint64_t far(size_t i)
{
    return BASE + FAR + i * 4096;
}

/* Nothing else may be looked at: it need not be RAM. */
static uint64_t *open(void *ctx, uint64_t frame)
{
    (void)ctx;
    made.depth++;
    assert_int_equal(frame % 4096, 0);
    if (frame - far(0) < FRAMES * 4096)
        return made.far[(frame - far(0)) / 4096];
    assert_true(frame - near(0) < FRAMES * 4096);
    return made.near[(frame - near(0)) / 4096];
}

static void close(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
    made.depth--;
}

static void write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        slot[i] = entry + i * step;
}

static void flush(void *ctx, uint64_t va, uint64_t len)
{
    (void)ctx;
    (void)va;
    (void)len;
}

static void exchange(void *ctx, const struct pt_exchange *what)
{
    write(ctx, what->slot, what->n, what->entry, what->step);
}

static enum error_code reserve(void *ctx, size_t count)
{
    return stock_reserve(ctx, count);
}

static uint64_t take(void *ctx)
{
    return stock_take(ctx);
}

static void give_back(void *ctx, uint64_t frame)
{
    stock_free(ctx, frame);
}

static const struct pt_live_memory memory = {&made.stock, reserve, take,  give_back, open,
                                             close,       write,   flush, exchange};

static uint64_t source_alloc(void *ctx)
{
    (void)ctx;
    return made.given < FRAMES ? made.script[made.given++] : 0;
}

static void source_free(void *ctx, uint64_t frame)
{
    (void)ctx;
    assert_true(made.nback < FRAMES);
    made.back[made.nback++] = frame;
}

static const struct footing_frames source = {NULL, source_alloc, source_free};

static uint64_t table_frame(void *ctx, unsigned level, uint64_t va)
{
    (void)ctx;
    (void)level;
    (void)va;
    return near(made.tables++);
}

/* The next frames that the source gives. */
static void script(const uint64_t *frames, size_t count)
{
    memset(made.script, 0, sizeof(made.script));
    memcpy(made.script, frames, count * sizeof(*frames));
    made.given = 0;
    made.nback = 0;
}

/* Both places are RAM, near(60) is reserved, near(61) uncacheable, near(62) a part of Footing. */
static void start_machine(void)
{
    made.machine = machine_start(40);
    machine_add(made.machine, BASE, FRAMES * 4096, MEM_USABLE);
    machine_add(made.machine, BASE + FAR, FRAMES * 4096, MEM_USABLE);
    machine_add(made.machine, near(60), 4096, MEM_RESERVED);
    machine_mtrr(made.machine, near(61), 4096, MEMTYPE_UC);
    machine_settle(made.machine);
}

/* Text in near(40), what is uncacheable in near(41), and a large page where no table may be. */
static void start(unsigned levels)
{
    static struct mapping entries[] = {
        {VA, BASE + 40 * UINT64_C(4096), 4096, RIGHT_X, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT},
        {VA + 4096, BASE + 41 * UINT64_C(4096), 4096, 0, MEMTYPE_UC, 0, WHAT_IMAGE_DATA},
        {VA + M(4), BASE, 4096, 0, MEMTYPE_WB, 0, WHAT_IMAGE_DATA},
        {VA + M(8), G(1), M(2), 0, MEMTYPE_WB, 1, WHAT_IMAGE_DATA},
    };
    const struct plan plan = {entries, COUNT_OF(entries), COUNT_OF(entries)};
    const struct pt_memory builder = {NULL, table_frame, open, close};
    struct pt_stats stats;

    memset(&made, 0, sizeof(made));
    start_machine();
    made.main = (struct pt_space){.levels = levels,
                                  .phys_bits = 40,
                                  .max_level = 2,
                                  .mtrr = &made.machine->mtrr,
                                  .memory = &memory,
                                  .aliases = &made.aliases};
    pt_build(&plan, levels, &builder, &made.main.root, &stats);
    made.main.main_root = made.main.root;
    pt_aliases_init(&made.aliases, made.entries, made.keys, COUNT_OF(made.entries));
    assert_int_equal(pt_space_start(&made.main, &plan).code, ERR_NONE);
    made.rules = (struct stock_rules){.map = &made.machine->map,
                                      .main = &made.main,
                                      .others = made.others,
                                      .nothers = COUNT_OF(made.others),
                                      .image_pa = near(62),
                                      .image_len = 4096};
    made.stock.source = &source;
    made.stock.memory = &memory;
    stock_start(&made.stock, &made.rules);
}

/* What had been given before comes back, each frame once; the last one given does not. */
static void assert_back(size_t count)
{
    assert_int_equal(made.nback, count);
    for (size_t i = 0; i < count; i++) {
        size_t times = 0;

        for (size_t k = 0; k < count; k++)
            times += made.back[k] == made.script[i];
        assert_int_equal(times, 1);
    }
    assert_int_equal(made.depth, 0);
}

/* So many good frames, then this one: refused by its name, and nothing is kept. */
static void assert_refused(uint64_t frame)
{
    for (size_t before = 0; before < 5; before++) {
        const uint64_t good[] = {far(50), near(51), far(51), near(50)};
        uint64_t frames[5];

        memcpy(frames, good, sizeof(good));
        frames[before] = frame;
        script(frames, before + 1);
        assert_int_equal(stock_reserve(&made.stock, before + 1), ERR_FRAME);
        assert_back(before);
        assert_int_equal(made.stock.first, 0);
    }
}

static void assert_taken(uint64_t frame)
{
    script(&frame, 1);
    assert_int_equal(stock_reserve(&made.stock, 1), ERR_NONE);
    assert_int_equal(made.nback, 0);
    stock_return(&made.stock);
    assert_int_equal(made.nback, 1);
    assert_int_equal(made.back[0], frame);
}

/* Frames come out as they went in, each once, and become tables; what is left goes back. */
static void frames_are_taken_in_advance(void **state)
{
    const uint64_t frames[] = {near(20), near(30), far(21), far(20)};
    uint64_t first;

    (void)state;
    start(4);
    script(frames, 4);
    assert_int_equal(stock_reserve(&made.stock, 4), ERR_NONE);
    first = stock_take(&made.stock);
    stock_return(&made.stock);
    assert_int_equal(made.nback, 3);
    made.back[made.nback++] = first;
    assert_back(4);
    stock_free(&made.stock, first);
    assert_int_equal(made.nback, 5);
    assert_int_equal(made.back[4], first);
}

/* An allocator that has too few: all goes back. */
static void too_few_frames_are_none(void **state)
{
    const uint64_t frames[] = {near(20), near(30), far(21), far(20)};

    (void)state;
    for (size_t had = 0; had <= 4; had++) {
        start(4);
        script(frames, had);
        assert_int_equal(stock_reserve(&made.stock, 5), ERR_NOFRAMES);
        assert_back(had);
        assert_int_equal(made.stock.first, 0);
    }
}

/* No RAM, or not for tables; none of them is even looked at. */
static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    start(4);
    assert_refused(near(20) + 8);
    assert_refused(near(20) + 1);
    assert_refused(UINT64_C(1) << 40);
    assert_refused(UINT64_MAX - 4095);
    assert_refused(BASE - 4096);
    assert_refused(BASE + FRAMES * 4096);
    assert_refused(near(60));
    assert_refused(near(61));
    assert_refused(near(62));
    assert_taken(near(63));
    assert_taken(near(59));
    made.rules.image_len = 0;
    assert_taken(near(62));
}

/* No table is to be executed by way of another mapping, or reached with another type. */
static void what_is_mapped_otherwise_is_refused(void **state)
{
    const struct pt_change unmap = {.op = PT_UNMAP, .va = VA, .len = 2 * UINT64_C(4096)};

    (void)state;
    start(4);
    assert_refused(near(40));
    assert_refused(near(41));
    assert_taken(near(42));
    assert_int_equal(pt_update(&made.main, &unmap).code, ERR_NONE);
    assert_taken(near(40));
    assert_taken(near(41));
}

/* Each table of the main root, of any level. */
static void tables_are_refused(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        start(levels);
        assert_int_equal(made.tables, levels + 1);
        for (size_t i = 0; i < made.tables; i++)
            assert_refused(near(i));
        assert_taken(near(made.tables));
        /* The same bucket, and no table. */
        for (size_t i = 0; i < made.tables; i++)
            assert_taken(far(i));
    }
}

static bool count(void *ctx, uint64_t frame)
{
    (void)frame;
    ++*(size_t *)ctx;
    return false;
}

/* Another root's tables are those that the main root has not got. */
static void tables_of_a_root_are_its_own(void **state)
{
    const uint64_t frames[] = {near(20), near(21), near(22), near(23)};
    const struct pt_change map = {
        PT_MAP, UINT64_C(0x7000000000), near(50), 4096, RIGHT_W, MEMTYPE_WB, 0, false, false};
    size_t own = 0;
    size_t mains = 0;

    (void)state;
    start(4);
    script(frames, 4);
    assert_int_equal(pt_root_create(&made.others[0], &made.main).code, ERR_NONE);
    assert_int_equal(pt_update(&made.others[0], &map).code, ERR_NONE);
    assert_false(pt_any_table(&made.others[0], count, &own));
    assert_int_equal(own, 4);
    assert_false(pt_any_table(&made.main, count, &mains));
    assert_int_equal(mains, made.tables);
}

/* A table that was linked is refused, one that was given back is not; also of other roots. */
static void tables_are_known_while_they_are(void **state)
{
    const uint64_t frames[] = {near(20), near(21), far(22), far(23), near(24)};
    const struct pt_change map = {
        PT_MAP, UINT64_C(0x7000000000), near(50), 4096, RIGHT_W, MEMTYPE_WB, 0, false, false};
    const struct pt_change unmap = {.op = PT_UNMAP, .va = map.va, .len = map.len};

    (void)state;
    start(4);
    script(frames, 5);
    assert_int_equal(pt_root_create(&made.others[1], &made.main).code, ERR_NONE);
    assert_int_equal(made.others[1].root, near(20));
    assert_int_equal(pt_update(&made.others[1], &map).code, ERR_NONE);
    assert_int_equal(made.given, 4);
    for (size_t i = 0; i < 4; i++)
        assert_refused(frames[i]);
    assert_taken(frames[4]);
    assert_int_equal(pt_update(&made.others[1], &unmap).code, ERR_NONE);
    for (size_t i = 1; i < 5; i++)
        assert_taken(frames[i]);
    assert_refused(near(20));
    pt_root_destroy(&made.others[1], &made.main);
    assert_taken(near(20));
}

/* One frame twice in one call: next to each other, or far apart. */
static void a_frame_that_comes_twice_is_refused(void **state)
{
    uint64_t frames[FRAMES];

    (void)state;
    start(4);
    for (size_t first = 0; first < 12; first++) {
        for (size_t second = first + 1; second < 12; second++) {
            for (size_t i = 0; i < 12; i++)
                frames[i] = i % 3 == 0 ? far(20 + i) : near(20 + i);
            frames[second] = frames[first];
            script(frames, 12);
            assert_int_equal(stock_reserve(&made.stock, 12), ERR_FRAME);
            assert_back(second);
        }
    }
    /* In the next call it may come again. */
    for (size_t i = 0; i < 12; i++)
        frames[i] = near(20 + i);
    for (unsigned turn = 0; turn < 2; turn++) {
        script(frames, 12);
        assert_int_equal(stock_reserve(&made.stock, 12), ERR_NONE);
        stock_return(&made.stock);
        assert_back(12);
    }
}

/* Whatever stands in a frame, it says nothing: not even what the stock itself writes into one. */
static void contents_of_a_frame_do_not_matter(void **state)
{
    (void)state;
    start(4);
    made.near[20][1] = ~near(20);
    assert_taken(near(20));
    made.near[20][0] = near(20);
    made.near[20][1] = ~near(20);
    assert_taken(near(20));
    memset(made.near[21], 0xff, 4096);
    assert_taken(near(21));
    for (unsigned i = 0; i < 512; i++)
        made.near[22][i] = near(i % 4) | 0x23;
    assert_taken(near(22));
}

/* More tables in one bucket than its byte can count: it is looked for then, for good. */
static void full_buckets_are_not_trusted(void **state)
{
    uint64_t frame = near(20);

    (void)state;
    start(4);
    made.stock.tables[frame / 4096 % STOCK_BUCKETS] = UINT8_MAX - 1;
    for (unsigned i = 0; i < 3; i++) {
        script(&frame, 1);
        assert_int_equal(stock_reserve(&made.stock, 1), ERR_NONE);
        assert_int_equal(stock_take(&made.stock), frame);
    }
    for (unsigned i = 0; i < 300; i++) {
        stock_free(&made.stock, frame);
        made.nback = 0;
    }
    assert_int_equal(made.stock.tables[frame / 4096 % STOCK_BUCKETS], UINT8_MAX);
    assert_taken(frame);
    made.stock.tables[near(0) / 4096 % STOCK_BUCKETS] = UINT8_MAX;
    stock_free(&made.stock, far(0));
    assert_refused(near(0));
}

/* Footing's own source is not looked at. */
static void without_rules_all_is_taken(void **state)
{
    (void)state;
    start(4);
    made.stock.rules = NULL;
    assert_taken(near(60));
    assert_taken(near(41));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_taken_in_advance),
        cmocka_unit_test(too_few_frames_are_none),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(what_is_mapped_otherwise_is_refused),
        cmocka_unit_test(tables_are_refused),
        cmocka_unit_test(tables_of_a_root_are_its_own),
        cmocka_unit_test(tables_are_known_while_they_are),
        cmocka_unit_test(a_frame_that_comes_twice_is_refused),
        cmocka_unit_test(contents_of_a_frame_do_not_matter),
        cmocka_unit_test(full_buckets_are_not_trusted),
        cmocka_unit_test(without_rules_all_is_taken),
    };

    return cmocka_run_group_tests_name("stock", tests, NULL, NULL);
}
