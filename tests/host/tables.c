/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include "test.h"

void tables_start(struct tables *tables, unsigned levels)
{
    memset(tables, 0, sizeof(*tables));
    tables->levels = levels;
    tables->phys_bits = 46;
    tables->plan = (struct plan){.entries = tables->entries, .max = TABLES_MAX_ENTRIES};
}

void tables_add(struct tables *tables, struct mapping mapping)
{
    assert_true(tables->plan.count < tables->plan.max);
    tables->entries[tables->plan.count++] = mapping;
}

static const uint64_t page_size[3] = {4096, M(2), G(1)};

/* One entry at or after the two cursors, which it moves. */
static struct mapping random_entry(struct rng *rng, uint64_t *va, uint64_t *pa)
{
    static const unsigned char types[] = {0, 1, 4, 5, 6};
    struct mapping entry = {.type = types[rng_below(rng, sizeof(types))]};
    unsigned agree = (unsigned)rng_below(rng, 3); /* va and pa agree modulo this page size */
    uint64_t unit = page_size[rng_below(rng, agree + 1)];

    entry.rights = (uint8_t)(rng_below(rng, 3) * 2);
    entry.max_level = (uint8_t)rng_below(rng, 3);
    if (entry.max_level == 0 && unit == G(1))
        unit = 4096;
    *va += rng_once_in(rng, 3) ? 0 : rng_below(rng, 4) * page_size[rng_below(rng, 3)];
    if (rng_once_in(rng, 2))
        *va = (*va + unit - 1) / unit * unit;
    *pa = (*pa + G(1) - 1) / G(1) * G(1) + *va % page_size[agree];
    if (agree == 0)
        *pa += rng_below(rng, 512) * 4096;
    entry.va = *va;
    entry.pa = *pa;
    entry.len = (1 + rng_below(rng, 3)) * unit + rng_below(rng, 700) * 4096;
    *va += entry.len;
    *pa += entry.len;
    return entry;
}

void tables_random(struct tables *tables, struct rng *rng)
{
    unsigned levels = 4 + (unsigned)rng_below(rng, 2);
    uint64_t low = UINT64_C(1) << (9 * levels + 11);
    uint64_t last = (uint64_t)0 - low;
    uint64_t pa = rng_below(rng, 64) * G(1);
    uint64_t va = rng_once_in(rng, 2) ? 0 : rng_below(rng, low / T(1)) * T(1);

    tables_start(tables, levels);
    for (uint64_t n = rng_below(rng, 10); n > 0; n--) {
        struct mapping entry = random_entry(rng, &va, &pa);

        if (va > low)
            break;
        tables_add(tables, entry);
    }
    va = last + rng_below(rng, 64) * T(1);
    for (uint64_t n = rng_below(rng, 10); n > 0; n--)
        tables_add(tables, random_entry(rng, &va, &pa));
    if (rng_once_in(rng, 2)) {
        va = (uint64_t)0 - M(2);
        tables_add(tables, (struct mapping){va, 0, M(2), 0, MEMTYPE_WB, 2, WHAT_STACK});
        tables->entries[tables->plan.count - 1].pa = (pa + G(1) - 1) / G(1) * G(1);
    }
    assert_int_equal(plan_check(&tables->plan, levels, tables->phys_bits).code, ERR_NONE);
}

/* Each table was asked for with its level and an address that it translates. */
static void check_requests(struct fake_memory *fake, uint64_t root, unsigned levels)
{
    struct ref_reader reader = fake_memory_ref(fake);

    for (size_t i = 0; i < fake->used; i++) {
        const struct fake_request *request = &fake->requests[i];
        uint64_t frame;

        assert_in_range(request->level, 0, levels - 1);
        frame = ref_table_for(&reader, root, levels, request->va, request->level);
        assert_int_not_equal(frame, 0);
        assert_ptr_equal(fake_memory_slots(fake, frame), fake->frames[i]);
    }
}

void tables_build_plan(struct fake_memory *fake, const struct plan *plan, unsigned levels,
                       uint64_t *root, struct pt_stats *stats)
{
    struct ref_reader reader = fake_memory_ref(fake);
    size_t counted = pt_count(plan, levels);
    struct ref_census minimum;
    struct ref_census census;
    struct pt_memory memory;

    ref_minimum(plan, levels, &minimum);
    assert_int_equal(counted, minimum.tables);
    fake_memory_init(fake, counted);
    memory = fake_memory_pt(fake);
    pt_build(plan, levels, &memory, root, stats);
    assert_int_equal(fake->used, counted);
    fake_memory_assert_written(fake);
    ref_take_census(&reader, *root, levels, &census);
    assert_int_equal(census.tables, counted);
    assert_int_equal(stats->tables, counted);
    assert_int_equal(census.stray, 0);
    assert_int_equal(census.links_not_open, 0);
    for (unsigned level = 0; level < 3; level++) {
        assert_int_equal(census.leaves[level], minimum.leaves[level]);
        assert_int_equal(stats->leaves[level], minimum.leaves[level]);
    }
    check_requests(fake, *root, levels);
}

void tables_build(struct tables *tables)
{
    tables_build_plan(&tables->fake, &tables->plan, tables->levels, &tables->root, &tables->stats);
}

void tables_end(struct tables *tables)
{
    fake_memory_free(&tables->fake);
}

uint64_t *tables_slot(struct tables *tables, uint64_t va, unsigned level)
{
    struct ref_reader reader = fake_memory_ref(&tables->fake);
    uint64_t frame = ref_table_for(&reader, tables->root, tables->levels, va, level);

    assert_int_not_equal(frame, 0);
    for (unsigned i = 0; i < level; i++)
        va /= 512;
    return &fake_memory_slots(&tables->fake, frame)[va / 4096 % 512];
}
