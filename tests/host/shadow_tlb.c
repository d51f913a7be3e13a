/* SPDX-License-Identifier: MIT */
#include "shadow_tlb.h"

#include "test.h"

#define BIT_P   UINT64_C(1)
#define BIT_PS  UINT64_C(0x80)
#define ADDRESS UINT64_C(0xffffffffff000)
/* Writable, dirty, no-execute, global: what may change in place. */
#define IN_PLACE UINT64_C(0x8000000000000142)

typedef unsigned long long ull;

static uint64_t span(unsigned level)
{
    return UINT64_C(4096) << (9 * level);
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (level <= 2 && (entry & BIT_PS) != 0);
}

size_t shadow_index(const struct shadow_tlb *tlb, uint64_t frame)
{
    return (size_t)(fake_memory_slots(tlb->fake, frame) - tlb->fake->frames[0]) / 512;
}

static struct shadow_frame *state_of(const struct shadow_tlb *tlb, uint64_t frame)
{
    return &tlb->frames[shadow_index(tlb, frame)];
}

/* The address that slot i of this table translates, sign-extended. */
static uint64_t slot_va(const struct shadow_tlb *tlb, const struct shadow_frame *table,
                        unsigned slot)
{
    unsigned unused = 64 - (12 + 9 * tlb->levels);
    uint64_t va = table->va + slot * span(table->level);

    return (uint64_t)((int64_t)(va << unused) >> unused);
}

static bool meet(uint64_t a, uint64_t a_last, uint64_t b, uint64_t b_last)
{
    return a <= b_last && b <= a_last;
}

/* A translation leaves the tables, or changes its rights. */
static void add_stale(struct shadow_tlb *tlb, uint64_t va, unsigned level, uint64_t entry)
{
    if (tlb->nstale == tlb->room) {
        tlb->room = tlb->room * 2 + 64;
        tlb->stale = realloc(tlb->stale, tlb->room * sizeof(tlb->stale[0]));
        assert_non_null(tlb->stale);
    }
    tlb->stale[tlb->nstale++] = (struct shadow_stale){va, level, entry, va, va + (span(level) - 1)};
}

/* It goes away: nobody but the caller of PT_UNMAP may miss it, unless it is back at once. */
static void take_away(struct shadow_tlb *tlb, uint64_t va, unsigned level, uint64_t entry)
{
    const struct pt_change *change = &tlb->change;
    bool wanted = change->op == PT_UNMAP && va >= change->va &&
                  va + (span(level) - 1) <= change->va + (change->len - 1);

    if (!tlb->exchanging && !wanted)
        fail_msg("0x%llx is not mapped for a while, outside exchange()", (ull)va);
    add_stale(tlb, va, level, entry);
}

static void unlink_table(struct shadow_tlb *tlb, uint64_t frame)
{
    const uint64_t *slots = fake_memory_slots(tlb->fake, frame);
    struct shadow_frame *table = state_of(tlb, frame);

    if (table->others > 0)
        fail_msg("the table for 0x%llx is cut off, but linked by %u other roots", (ull)table->va,
                 table->others);
    table->state = SHADOW_CACHED;
    tlb->ncached++;
    for (unsigned i = 0; i < 512; i++) {
        if (!(slots[i] & BIT_P))
            continue;
        if (is_leaf(slots[i], table->level))
            take_away(tlb, slot_va(tlb, table, i), table->level, slots[i]);
        else
            unlink_table(tlb, slots[i] & ADDRESS);
    }
}

/* A translation arrives: does a CPU hold something else for any byte of it? */
static void check_arrival(const struct shadow_tlb *tlb, uint64_t va, unsigned level, uint64_t entry)
{
    uint64_t last = va + (span(level) - 1);

    for (size_t i = 0; i < tlb->nstale; i++) {
        const struct shadow_stale *old = &tlb->stale[i];

        if (meet(va, last, old->from, old->last) &&
            (old->va != va || old->level != level || ((old->entry ^ entry) & ~IN_PLACE) != 0))
            fail_msg("0x%llx is made before 0x%llx of 0x%llx is flushed", (ull)entry,
                     (ull)old->entry, (ull)old->from);
    }
}

/* No CPU may know another way to where a table or a leaf is written. */
static void check_ways(const struct shadow_tlb *tlb, uint64_t va, unsigned level)
{
    for (size_t i = 0; tlb->ncached > 0 && i < tlb->fake->used; i++) {
        const struct shadow_frame *table = &tlb->frames[i];

        if (table->state == SHADOW_CACHED &&
            meet(va, va + (span(level) - 1), table->va, table->va + (span(table->level + 1) - 1)))
            fail_msg("0x%llx is mapped while an unlinked table of level %u is cached", (ull)va,
                     table->level);
    }
}

static void link_table(struct shadow_tlb *tlb, uint64_t frame, unsigned level, uint64_t va)
{
    const uint64_t *slots = fake_memory_slots(tlb->fake, frame);
    struct shadow_frame *table = state_of(tlb, frame);

    if (table->state != SHADOW_PRIVATE)
        fail_msg("a frame is linked at 0x%llx that is free, linked or cached", (ull)va);
    *table = (struct shadow_frame){SHADOW_LINKED, level, va, 0};
    for (unsigned i = 0; i < 512; i++) {
        if (slots[i] == FAKE_POISON)
            fail_msg("the table of level %u for 0x%llx is linked, slot %u unwritten", level,
                     (ull)va, i);
        if (!(slots[i] & BIT_P)) {
            assert_int_equal(slots[i], 0);
            continue;
        }
        if (is_leaf(slots[i], level))
            check_arrival(tlb, slot_va(tlb, table, i), level, slots[i]);
        else
            link_table(tlb, slots[i] & ADDRESS, level - 1, slot_va(tlb, table, i));
    }
}

/* An entry of a linked table changes. */
static void change_live(struct shadow_tlb *tlb, uint64_t va, unsigned level, uint64_t old,
                        uint64_t entry)
{
    if ((entry & BIT_P) == 0 && entry != 0)
        fail_msg("0x%llx of 0x%llx is neither present nor zero", (ull)entry, (ull)va);
    if (old == entry)
        return;
    if (old != 0 && entry != 0) {
        if (!is_leaf(old, level) || !is_leaf(entry, level) || ((old ^ entry) & ~IN_PLACE) != 0)
            fail_msg("0x%llx changes in place from 0x%llx to 0x%llx", (ull)va, (ull)old,
                     (ull)entry);
        add_stale(tlb, va, level, old);
    } else if (entry == 0) {
        if (is_leaf(old, level))
            take_away(tlb, va, level, old);
        else
            unlink_table(tlb, old & ADDRESS);
    } else {
        check_ways(tlb, va, level);
        if (is_leaf(entry, level))
            check_arrival(tlb, va, level, entry);
        else
            link_table(tlb, entry & ADDRESS, level - 1, va);
    }
}

static void store(struct shadow_tlb *tlb, uint64_t frame, unsigned slot, uint64_t entry)
{
    uint64_t *real = fake_memory_slots(tlb->fake, frame);

    for (size_t i = 0; i < tlb->depth; i++) {
        if (tlb->open[i].frame == frame)
            tlb->open[i].copy[slot] = entry;
    }
    real[slot] = entry;
}

void shadow_catch_up(struct shadow_tlb *tlb)
{
    for (size_t i = 0; i < tlb->depth; i++) {
        uint64_t frame = tlb->open[i].frame;
        const uint64_t *copy = tlb->open[i].copy;
        const uint64_t *real = fake_memory_slots(tlb->fake, frame);

        for (unsigned slot = 0; memcmp(copy, real, 4096) != 0; slot++) {
            if (copy[slot] == real[slot])
                continue;
            if (state_of(tlb, frame)->state != SHADOW_PRIVATE)
                fail_msg("slot %u of a live or free table is stored to directly", slot);
            store(tlb, frame, slot, copy[slot]);
            tlb->count.filled++;
        }
    }
}

static enum error_code shadow_reserve(void *ctx, size_t count)
{
    struct shadow_tlb *tlb = ctx;

    shadow_catch_up(tlb);
    tlb->count.reserves++;
    tlb->count.asked = count;
    tlb->count.refused = count > tlb->left;
    if (!tlb->count.refused && count > tlb->count.atmost)
        tlb->count.atmost = count;
    return tlb->count.refused ? ERR_NOFRAMES : ERR_NONE;
}

static uint64_t shadow_alloc(void *ctx)
{
    struct shadow_tlb *tlb = ctx;
    struct pt_memory memory = fake_memory_pt(tlb->fake);
    uint64_t frame;

    shadow_catch_up(tlb);
    if (tlb->count.allocs == tlb->count.atmost || tlb->left == 0)
        fail_msg("more than the %zu frames are taken that were reserved", tlb->count.atmost);
    tlb->count.allocs++;
    tlb->left--;
    if (tlb->nfreed > 0) {
        frame = tlb->freed[--tlb->nfreed];
        for (unsigned slot = 0; slot < 512; slot++)
            store(tlb, frame, slot, FAKE_POISON);
    } else {
        frame = memory.alloc(memory.ctx, 0, 0);
    }
    state_of(tlb, frame)->state = SHADOW_PRIVATE;
    return frame;
}

/* The tables that this root shares are linked by one root more, or one less. */
static void count_links(struct shadow_tlb *tlb, uint64_t root, unsigned step)
{
    const uint64_t *slots = fake_memory_slots(tlb->fake, root);

    for (unsigned i = 0; i < 512; i++) {
        struct shadow_frame *table;

        if (slots[i] == 0)
            continue;
        table = state_of(tlb, slots[i] & ADDRESS);
        if (slots[i] != fake_memory_slots(tlb->fake, tlb->root)[i] || !(slots[i] & BIT_P))
            fail_msg("slot %u of another root is not the main one's", i);
        assert_int_equal(table->state, SHADOW_LINKED);
        table->others += step;
    }
}

void shadow_add_root(struct shadow_tlb *tlb, uint64_t root)
{
    size_t i = 0;

    shadow_catch_up(tlb);
    while (i < SHADOW_MAX_ROOTS && tlb->others[i] != 0)
        i++;
    assert_true(i < SHADOW_MAX_ROOTS);
    assert_int_equal(state_of(tlb, root)->state, SHADOW_PRIVATE);
    *state_of(tlb, root) = (struct shadow_frame){SHADOW_LINKED, tlb->levels - 1, 0, 0};
    tlb->others[i] = root;
    tlb->shared = true;
    count_links(tlb, root, 1);
    assert_memory_equal(fake_memory_slots(tlb->fake, root), fake_memory_slots(tlb->fake, tlb->root),
                        4096);
}

/* No CPU has it in CR3, as the header demands. */
static void drop_root(struct shadow_tlb *tlb, uint64_t root)
{
    for (size_t i = 0; i < SHADOW_MAX_ROOTS; i++) {
        if (root == 0 || tlb->others[i] != root)
            continue;
        count_links(tlb, root, -1u);
        tlb->others[i] = 0;
        state_of(tlb, root)->state = SHADOW_PRIVATE;
    }
}

static void shadow_free(void *ctx, uint64_t frame)
{
    struct shadow_tlb *tlb = ctx;
    struct shadow_frame *table = state_of(tlb, frame);

    shadow_catch_up(tlb);
    drop_root(tlb, frame);
    if (table->state != SHADOW_PRIVATE)
        fail_msg("a frame is freed that is %s", table->state == SHADOW_FREE     ? "free"
                                                : table->state == SHADOW_LINKED ? "linked"
                                                                                : "cached");
    table->state = SHADOW_FREE;
    tlb->freed[tlb->nfreed++] = frame;
    tlb->left++;
    tlb->count.frees++;
}

static uint64_t *shadow_map(void *ctx, uint64_t frame)
{
    struct shadow_tlb *tlb = ctx;
    uint64_t *copy = malloc(4096);

    shadow_catch_up(tlb);
    assert_non_null(copy);
    if (tlb->depth == SHADOW_MAX_OPEN)
        fail_msg("%d tables are mapped at once", SHADOW_MAX_OPEN + 1);
    if (state_of(tlb, frame)->state == SHADOW_FREE)
        fail_msg("frame 0x%llx is used while it is free", (ull)frame);
    memcpy(copy, fake_memory_slots(tlb->fake, frame), 4096);
    tlb->open[tlb->depth].frame = frame;
    tlb->open[tlb->depth].copy = copy;
    tlb->depth++;
    return copy;
}

static void shadow_unmap(void *ctx, uint64_t *table)
{
    struct shadow_tlb *tlb = ctx;

    shadow_catch_up(tlb);
    if (tlb->depth == 0 || tlb->open[tlb->depth - 1].copy != table)
        fail_msg("a table is unmapped that was not the last one mapped");
    tlb->depth--;
    free(table);
}

/* In which open table, and where in it? */
static unsigned find_slot(const struct shadow_tlb *tlb, const uint64_t *slot, uint64_t *frame)
{
    for (size_t i = 0; i < tlb->depth; i++) {
        uintptr_t offset = (uintptr_t)slot - (uintptr_t)tlb->open[i].copy;

        if (offset < 4096 && offset % 8 == 0) {
            *frame = tlb->open[i].frame;
            return (unsigned)(offset / 8);
        }
    }
    fail_msg("a slot is written that is in no mapped table");
    return 0;
}

static void put(struct shadow_tlb *tlb, const uint64_t *slot, uint64_t entry)
{
    const struct shadow_frame *table;
    uint64_t frame = 0;
    unsigned i = find_slot(tlb, slot, &frame);
    uint64_t old = fake_memory_slots(tlb->fake, frame)[i];

    table = state_of(tlb, frame);
    store(tlb, frame, i, entry);
    if (table->state == SHADOW_PRIVATE)
        tlb->count.filled++;
    else if (table->state == SHADOW_CACHED && entry != 0)
        fail_msg("an entry is written to a table that is unlinked but cached");
    else if (table->state == SHADOW_LINKED)
        change_live(tlb, slot_va(tlb, table, i), table->level, old, entry);
}

static void shadow_write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    struct shadow_tlb *tlb = ctx;
    uint64_t frame = 0;

    shadow_catch_up(tlb);
    assert_in_range(n, 1, 512 - find_slot(tlb, slot, &frame));
    tlb->count.runs++;
    for (size_t i = 0; i < n; i++) {
        tlb->count.writes += state_of(tlb, frame)->state != SHADOW_PRIVATE;
        put(tlb, slot + i, entry + i * step);
    }
}

/* What of the stale translation i lies outside [va, last] stays; true: all of it is gone. */
static bool forget(struct shadow_tlb *tlb, size_t i, uint64_t va, uint64_t last)
{
    struct shadow_stale old = tlb->stale[i];

    if (!meet(old.from, old.last, va, last))
        return false;
    if (old.from < va && old.last > last) {
        add_stale(tlb, old.va, old.level, old.entry);
        tlb->stale[tlb->nstale - 1].from = last + 1;
        tlb->stale[i].last = va - 1;
    } else if (old.from < va) {
        tlb->stale[i].last = va - 1;
    } else if (old.last > last) {
        tlb->stale[i].from = last + 1;
    } else {
        tlb->stale[i] = tlb->stale[--tlb->nstale];
        return true;
    }
    return false;
}

static void drop(struct shadow_tlb *tlb, uint64_t va, uint64_t len)
{
    uint64_t last = va + (len - 1);

    if (va % 4096 != 0 || len % 4096 != 0 || len == 0 || last < va)
        fail_msg("0x%llx+0x%llx is flushed, which are no pages", (ull)va, (ull)len);
    for (size_t i = 0; i < tlb->nstale;)
        i += forget(tlb, i, va, last) ? 0 : 1;
    for (size_t i = 0; tlb->ncached > 0 && i < tlb->fake->used; i++) {
        struct shadow_frame *table = &tlb->frames[i];

        if (table->state == SHADOW_CACHED &&
            meet(table->va, table->va + (span(table->level + 1) - 1), va, last)) {
            table->state = SHADOW_PRIVATE;
            tlb->ncached--;
        }
    }
}

static void shadow_flush(void *ctx, uint64_t va, uint64_t len)
{
    struct shadow_tlb *tlb = ctx;

    shadow_catch_up(tlb);
    tlb->count.flushes++;
    drop(tlb, va, len);
}

static void shadow_exchange(void *ctx, const struct pt_exchange *what)
{
    struct shadow_tlb *tlb = ctx;
    uint64_t frame = 0;

    shadow_catch_up(tlb);
    assert_in_range(what->n, 1, 512 - find_slot(tlb, what->slot, &frame));
    tlb->count.exchanges++;
    tlb->exchanging = true;
    for (uint64_t i = 0; i < what->n; i++)
        put(tlb, what->slot + i, 0);
    drop(tlb, what->va, what->len);
    for (uint64_t i = 0; i < what->n; i++)
        put(tlb, what->slot + i, what->entry + i * what->step);
    shadow_clean(tlb, what);
    tlb->exchanging = false;
}

struct pt_live_memory shadow_memory(struct shadow_tlb *tlb)
{
    return (struct pt_live_memory){
        .ctx = tlb,
        .reserve = shadow_reserve,
        .alloc = shadow_alloc,
        .free = shadow_free,
        .map = shadow_map,
        .unmap = shadow_unmap,
        .write = shadow_write,
        .flush = shadow_flush,
        .exchange = shadow_exchange,
    };
}

void shadow_start(struct shadow_tlb *tlb, struct fake_memory *fake, uint64_t root, unsigned levels,
                  size_t left)
{
    *tlb = (struct shadow_tlb){.fake = fake, .root = root, .levels = levels, .left = left};
    tlb->frames = calloc(fake->limit + 16, sizeof(tlb->frames[0]));
    tlb->freed = calloc(fake->limit + 16, sizeof(tlb->freed[0]));
    assert_non_null(tlb->frames);
    assert_non_null(tlb->freed);
    assert_true(fake->used + left <= fake->limit);
    for (size_t i = 0; i < fake->used; i++)
        tlb->frames[i].state = SHADOW_PRIVATE;
    link_table(tlb, root, levels - 1, 0);
}

void shadow_end(struct shadow_tlb *tlb)
{
    free(tlb->frames);
    free(tlb->freed);
    free(tlb->stale);
    free(tlb->cleaned);
    *tlb = (struct shadow_tlb){0};
}

void shadow_begin(struct shadow_tlb *tlb, const struct pt_change *change)
{
    tlb->change = *change;
    tlb->ncleaned = 0;
    tlb->count = (struct shadow_count){0};
}
