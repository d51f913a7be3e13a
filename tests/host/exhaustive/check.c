/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pagetable.h"
#include "walk.h"

_Static_assert(PT_SLOTS == SLOTS && PT_PAGE_SHIFT == 12, "mm/ has the model's geometry");

#define MAX_TABLES 21u /* 1 + 4 + 16 */
#define FRAMES     UINT64_C(0x7000000)
#define POISON     UINT64_C(0xdb5ad5ad5ad5ad5b)

static uint64_t passed;
static uint64_t tables[MAX_TABLES][SLOTS];
static size_t used;
static size_t limit;

/* What mm/ made of the case. */
static struct made {
    uint64_t keys[2 * MAX_IN];
    struct mem_range ranges[2 * MAX_IN - 1];
    struct memmap map;
    struct mapping entries[PAGES];
    struct plan plan;
    struct error err;
    size_t counted;
    uint64_t root;
    struct pt_stats stats;
    struct pt_stats found;
} made;

void world_clear(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->mtrr = (struct mtrr_state){.present = true, .phys_bits = WIDTH, .def_type = 0x806};
    world->directmap_base = (uint64_t)0 - PAGES / 2 * 4096;
    world->directmap_size = PAGES / 2 * 4096;
    world->directmap = true;
    world->ram_limit = UINT64_MAX;
    world->max_level = 2;
}

void world_add(struct world *world, unsigned unit, unsigned units, enum mem_type type)
{
    world->in[world->count].base = (uint64_t)unit * UNIT;
    world->in[world->count].len = (uint64_t)units * UNIT;
    world->in[world->count++].type = type;
}

void world_mtrr(struct world *world, uint64_t base, uint64_t mask, unsigned type)
{
    world->mtrr.var[world->mtrr.variable].base = base | type;
    world->mtrr.var[world->mtrr.variable++].mask = mask | 0x800;
}

void world_want(struct world *world, uint64_t va, uint64_t pa, uint64_t len, unsigned rights,
                unsigned type, unsigned max_level)
{
    world->fixed[world->nfixed++] = (struct mapping){.va = va,
                                                     .pa = pa,
                                                     .len = len,
                                                     .rights = (uint8_t)rights,
                                                     .type = (uint8_t)type,
                                                     .max_level = (uint8_t)max_level,
                                                     .what = WHAT_IMAGE_TEXT};
}

static void show(const struct world *w)
{
    printf("directmap %d at 0x%" PRIx64 ", 0x%" PRIx64 " bytes, limit 0x%" PRIx64 ", level %u\n",
           w->directmap, w->directmap_base, w->directmap_size, w->ram_limit, w->max_level);
    for (size_t i = 0; i < w->count; i++)
        printf("  range 0x%" PRIx64 " + 0x%" PRIx64 " type %u\n", w->in[i].base, w->in[i].len,
               (unsigned)w->in[i].type);
    printf("  mtrr present %d, default 0x%" PRIx64 ", fixed[0] 0x%" PRIx64 "\n", w->mtrr.present,
           w->mtrr.def_type, w->mtrr.fixed[0]);
    for (unsigned i = 0; i < w->mtrr.variable; i++)
        printf("  mtrr base 0x%" PRIx64 " mask 0x%" PRIx64 "\n", w->mtrr.var[i].base,
               w->mtrr.var[i].mask);
    for (size_t i = 0; i < w->nfixed; i++)
        printf("  fixed va 0x%" PRIx64 " pa 0x%" PRIx64 " len 0x%" PRIx64
               " rights %u type %u level %u\n",
               w->fixed[i].va, w->fixed[i].pa, w->fixed[i].len, w->fixed[i].rights,
               w->fixed[i].type, w->fixed[i].max_level);
}

static void show_made(void)
{
    for (size_t i = 0; i < made.map.count; i++)
        printf("  normalised 0x%" PRIx64 "-0x%" PRIx64 " type %u\n", made.map.ranges[i].base,
               made.map.ranges[i].end, (unsigned)made.map.ranges[i].type);
    for (size_t i = 0; i < made.plan.count; i++)
        printf("  planned va 0x%" PRIx64 " pa 0x%" PRIx64 " len 0x%" PRIx64
               " rights %u type %u level %u\n",
               made.entries[i].va, made.entries[i].pa, made.entries[i].len, made.entries[i].rights,
               made.entries[i].type, made.entries[i].max_level);
    printf("  error %d (%s) at 0x%" PRIx64 "; counted %zu, built %zu, found %zu\n",
           (int)made.err.code, made.err.text ? made.err.text : "", made.err.at, made.counted,
           made.stats.tables, made.found.tables);
    for (size_t i = 0; i < used; i++)
        printf("  table %zu: %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i,
               tables[i][0], tables[i][1], tables[i][2], tables[i][3]);
}

static void expect(bool good, const struct world *world, const struct naive *naive,
                   const char *wrong)
{
    if (good)
        return;
    printf("FAILED after %" PRIu64 " cases: %s\n", passed, wrong);
    show(world);
    show_made();
    printf("  the model: %zu entries, %zu tables, %zu/%zu/%zu leaves\n", naive->entries,
           naive->tables, naive->leaves[0], naive->leaves[1], naive->leaves[2]);
    for (unsigned v = 0; v < PAGES; v++) {
        if (naive->page[v].present)
            printf("  page %2u: entry %u, level %u, leaf 0x%016" PRIx64 "\n", v,
                   naive->page[v].entry, naive->page[v].level, naive->page[v].leaf);
    }
    exit(1);
}

/* Frames whose number is not the index of their table. */
static uint64_t frame_of(size_t index)
{
    return FRAMES + (MAX_TABLES - index) * 0x3000;
}

static size_t index_of(uint64_t frame)
{
    size_t index = MAX_TABLES - (size_t)((frame - FRAMES) / 0x3000);

    if (frame < FRAMES || (frame - FRAMES) % 0x3000 != 0 || index >= used) {
        printf("FAILED: frame 0x%" PRIx64 " was never handed out\n", frame);
        exit(1);
    }
    return index;
}

static uint64_t alloc_table(void *ctx, unsigned level, uint64_t va)
{
    (void)ctx;
    (void)level;
    (void)va;
    if (used == limit) {
        printf("FAILED: more tables taken than the %zu counted\n", limit);
        exit(1);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        tables[used][slot] = POISON;
    return frame_of(used++);
}

static uint64_t *map_table(void *ctx, uint64_t frame)
{
    (void)ctx;
    return tables[index_of(frame)];
}

static void unmap_table(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
}

/* A damaged entry may lead anywhere: there, memory is empty. */
static bool damaged;

static const uint64_t *map_to_read(void *ctx, uint64_t frame)
{
    static const uint64_t empty[SLOTS];

    (void)ctx;
    for (size_t i = 0; damaged && i <= used; i++) {
        if (i == used)
            return empty;
        if (frame_of(i) == frame)
            break;
    }
    return tables[index_of(frame)];
}

static void unmap_read(void *ctx, const uint64_t *table)
{
    (void)ctx;
    (void)table;
}

static uint64_t read_slot(uint64_t frame, unsigned slot)
{
    return tables[index_of(frame)][slot];
}

static void normalise(const struct world *world, const struct naive *naive)
{
    unsigned unit = 0;
    enum mem_type before = MEM_TYPES;

    memmap_init(&made.map, made.keys, made.ranges, MAX_IN, WIDTH);
    for (size_t i = 0; i < world->count; i++)
        expect(memmap_add(&made.map, world->in[i].base, world->in[i].len, world->in[i].type) ==
                   MEMMAP_KEPT,
               world, naive, "a range is not kept");
    memmap_normalise(&made.map);
    for (size_t i = 0; i < made.map.count; i++) {
        const struct mem_range *range = &made.map.ranges[i];

        expect(range->base % UNIT == 0 && range->end % UNIT == 0 && range->base < range->end &&
                   range->end <= UNITS * UNIT,
               world, naive, "a range has edges that no input has");
        expect(range->base >= (uint64_t)unit * UNIT, world, naive, "ranges overlap");
        expect(range->base > (uint64_t)unit * UNIT || range->type != before, world, naive,
               "a range is not maximal");
        for (; unit < range->base / UNIT; unit++)
            expect(naive->unit[unit] == NOTHING, world, naive, "a covered byte is in no range");
        for (; unit < range->end / UNIT; unit++)
            expect(naive->unit[unit] == (unsigned)range->type, world, naive, "a byte's type");
        before = range->type;
    }
    for (; unit < UNITS; unit++)
        expect(naive->unit[unit] == NOTHING, world, naive, "a covered byte is in no range");
}

/* False: there is nothing to build. */
static bool make_plan(const struct world *world, const struct naive *naive)
{
    const struct plan_request request = {.map = &made.map,
                                         .mtrr = &world->mtrr,
                                         .fixed = world->fixed,
                                         .nfixed = world->nfixed,
                                         .directmap_base = world->directmap_base,
                                         .directmap_size = world->directmap_size,
                                         .directmap = world->directmap,
                                         .ram_limit = world->ram_limit,
                                         .levels = LEVELS,
                                         .phys_bits = WIDTH,
                                         .max_level = world->max_level};
    unsigned v = 0;

    used = 0;
    made.plan = (struct plan){made.entries, 0, PAGES};
    made.err = plan_make(&made.plan, &request);
    if (naive->ram_pages == 0) {
        expect(made.err.code == ERR_NORAM && made.plan.count == 0, world, naive,
               "a plan without RAM");
        return false;
    }
    expect(made.err.code == ERR_NONE, world, naive, "the plan is refused");
    expect(made.plan.count == naive->entries, world, naive, "number of entries");
    for (size_t i = 0; i < made.plan.count; i++) {
        const struct mapping *m = &made.entries[i];
        unsigned first = (unsigned)(m->va / 4096 % PAGES);

        for (; v < first; v++)
            expect(!naive->page[v].present, world, naive, "a page is not planned");
        for (; v < first + m->len / 4096; v++)
            expect(naive->page[v].present && naive->page[v].entry == i &&
                       naive->page[v].pa == m->pa + (v - first) * 4096u &&
                       naive->page[v].rights == m->rights && naive->page[v].type == m->type &&
                       naive->page[v].max_level == m->max_level,
                   world, naive, "a page is planned otherwise");
    }
    for (; v < PAGES; v++)
        expect(!naive->page[v].present, world, naive, "a page is not planned");
    return true;
}

static void build(const struct world *world, const struct naive *naive)
{
    static const struct pt_memory memory = {NULL, alloc_table, map_table, unmap_table};
    const char *wrong;
    size_t seen;

    made.counted = limit = pt_count(&made.plan, LEVELS);
    expect(made.counted == naive->tables, world, naive, "number of tables counted");
    pt_build(&made.plan, LEVELS, &memory, &made.root, &made.stats);
    expect(used == made.counted && made.stats.tables == made.counted, world, naive,
           "number of tables used");
    for (unsigned level = 0; level < 3; level++)
        expect(made.stats.leaves[level] == naive->leaves[level], world, naive, "number of leaves");
    wrong = naive_compare(naive, made.root, read_slot, &seen);
    expect(wrong == NULL, world, naive, wrong);
    expect(seen == used, world, naive, "a table that nothing links");
}

/* The walk's report, held against the model page by page. */
struct tour {
    const struct naive *naive;
    unsigned next; /* page */
    bool good;
};

static bool on_leaf(void *ctx, const struct pt_leaf *leaf)
{
    struct tour *tour = ctx;
    unsigned first = (unsigned)(leaf->va / 4096 % PAGES);
    uint64_t sign = first < PAGES / 2 ? 0 : (uint64_t)0 - PAGES * 4096;

    tour->good = tour->good && first >= tour->next && leaf->va == sign + (uint64_t)first * 4096 &&
                 leaf->len == (uint64_t)naive_span(leaf->level) * 4096;
    for (; tour->good && tour->next < first; tour->next++)
        tour->good = !tour->naive->page[tour->next].present;
    for (; tour->good && tour->next < first + naive_span(leaf->level); tour->next++) {
        const struct naive_page *page = &tour->naive->page[tour->next];

        tour->good = page->present && page->level == leaf->level && !leaf->user &&
                     page->pa == leaf->pa + (tour->next - first) * 4096u &&
                     page->rights == leaf->rights && page->type == (unsigned)leaf->type;
    }
    return tour->good;
}

static void read_back(const struct world *world, const struct naive *naive)
{
    static const struct pt_reader reader = {NULL, map_to_read, unmap_read};
    struct tour tour = {naive, 0, true};
    const struct pt_visitor visitor = {.ctx = &tour, .leaf = on_leaf};
    unsigned v = (unsigned)(passed % PAGES);
    uint64_t entries[LEVELS];
    unsigned steps;

    expect(pt_walk(made.root, LEVELS, WIDTH, &reader, &visitor), world, naive, "the walk");
    for (; tour.next < PAGES; tour.next++)
        expect(!naive->page[tour.next].present, world, naive, "the walk misses a leaf");
    steps = pt_lookup(made.root, LEVELS, (uint64_t)v * 4096, &reader, entries);
    expect(naive->page[v].present
               ? steps == LEVELS - naive->page[v].level && entries[steps - 1] == naive->page[v].leaf
               : entries[steps - 1] == 0,
           world, naive, "the lookup");
    made.err = pt_audit(made.root, LEVELS, WIDTH, &reader, &made.plan, &world->mtrr, &made.found);
    expect(made.err.code == ERR_NONE, world, naive, "the audit");
    expect(memcmp(&made.found, &made.stats, sizeof(made.found)) == 0, world, naive,
           "the audit counts otherwise");
}

void check(const struct world *world)
{
    static struct naive naive;

    naive_work_out(world, &naive);
    normalise(world, &naive);
    if (make_plan(world, &naive)) {
        build(world, &naive);
        read_back(world, &naive);
    }
    passed++;
}

/* Rights of all leaves below a link, or of the leaf itself. */
static unsigned rights_below(uint64_t entry, unsigned level)
{
    unsigned rights = 0;

    if ((entry & 1) == 0)
        return 0;
    if (level == 0 || (entry & 0x80))
        return (entry & 2 ? RIGHT_W : 0) | (entry >> 63 ? 0 : RIGHT_X);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        rights |= rights_below(read_slot(entry & UINT64_C(0x000ffffffffff000), slot), level - 1);
    return rights;
}

/* Must a flip of this bit be seen? */
static bool matters(uint64_t entry, unsigned level, unsigned bit)
{
    bool leaf = level == 0 || (entry & 0x80);

    if (entry == 0 || bit == 0 || bit == 7 || (bit >= 12 && bit < 52))
        return true;
    if (leaf)
        return bit == 1 || bit == 3 || bit == 4 || bit == 63;
    return (bit == 1 && (rights_below(entry, level) & RIGHT_W)) ||
           (bit == 63 && (rights_below(entry, level) & RIGHT_X));
}

static void damage_table(const struct world *world, uint64_t frame, unsigned level)
{
    static const struct pt_reader reader = {NULL, map_to_read, unmap_read};
    static struct naive naive;
    uint64_t *table = tables[index_of(frame)];

    for (unsigned slot = 0; slot < SLOTS; slot++) {
        uint64_t entry = table[slot];

        for (unsigned bit = 0; bit < 64; bit++) {
            if (!matters(entry, level, bit))
                continue;
            table[slot] = entry ^ UINT64_C(1) << bit;
            damaged = true;
            made.err =
                pt_audit(made.root, LEVELS, WIDTH, &reader, &made.plan, &world->mtrr, &made.found);
            damaged = false;
            if (made.err.code != ERR_AUDIT) {
                naive_work_out(world, &naive);
                expect(false, world, &naive, "the audit does not see a flipped bit");
            }
            passed++;
        }
        table[slot] = entry;
        if (level > 0 && (entry & 1) && (entry & 0x80) == 0)
            damage_table(world, entry & UINT64_C(0x000ffffffffff000), level - 1);
    }
}

void check_damage(const struct world *world)
{
    if (used > 0)
        damage_table(world, made.root, LEVELS - 1);
}

void check_larger(const struct world *world, unsigned max_level)
{
    static const struct pt_reader reader = {NULL, map_to_read, unmap_read};
    static struct naive naive;
    static struct naive larger;
    struct world other = *world;
    unsigned v = 0;

    if (used == 0)
        return;
    other.max_level = max_level;
    naive_work_out(world, &naive);
    naive_work_out(&other, &larger);
    while (v < PAGES && naive.page[v].level == larger.page[v].level)
        v++;
    for (size_t i = 0; i < made.plan.count; i++) {
        if (made.entries[i].what == WHAT_DIRECTMAP)
            made.entries[i].max_level = (uint8_t)max_level;
    }
    made.err = pt_audit(made.root, LEVELS, WIDTH, &reader, &made.plan, &world->mtrr, &made.found);
    expect(v < PAGES ? made.err.code == ERR_AUDIT && made.err.at / 4096 % PAGES == v
                     : made.err.code == ERR_NONE,
           world, &larger, "the audit of tables with other sizes of page");
    passed++;
}

uint64_t checked(void)
{
    return passed;
}
