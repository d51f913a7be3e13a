/* SPDX-License-Identifier: MIT */
/* Physical memory: how it is reached, which frames are looked at, and what is in them. */
#include "access.h"

#define DIRECT_MAX   64
#define RESERVE      (8 * MIB) /* behind the pool, for tables: frames.c */
#define TEXT_FRAMES  64
#define FIRST_BYTE   0xc3ull /* ret; behind the last byte, 0xf3, it is `rep ret` */
#define LAST_BYTE    0xf3ull
#define MIDDLE       0x800u
#define LAST         0xff8u
#define POISON       UINT64_MAX /* present, with reserved bits */
#define TABLE_FRAMES (RESERVE / PAGE_SIZE)

static struct footing_range direct[DIRECT_MAX]; /* writable in the directmap */
static unsigned direct_count;

static struct aliases ram_aliases[WINDOW_PAGES], text_aliases[TEXT_FRAMES];
static struct content ram_contents[WINDOW_PAGES], text_contents[TEXT_FRAMES];
static uint8_t ram_planted[WINDOW_PAGES], text_planted[TEXT_FRAMES];

struct pool pools[POOLS] = {
    [POOL_RAM] = {0, 0, ram_aliases, ram_contents, ram_planted},
    [POOL_TEXT] = {0, 0, text_aliases, text_contents, text_planted},
};
bool pool_is_gib;

/* ---- reaching it */

/* Through the directmap where it has the page writable, else through PMAP. */
uint64_t *physical_get(uint64_t pa)
{
    const struct page *page = info->directmap_len > 0 ? model_page(info->directmap_va + pa) : NULL;
    bool is_changed =
        page && !(page->mapped && page->rights & FOOTING_WRITE && page->frame == pa / PAGE_SIZE);
    void *mapped;

    for (unsigned i = 0; i < direct_count && !is_changed; i++) {
        if (direct[i].base_pa <= pa && pa < direct[i].end_pa)
            return (uint64_t *)(info->directmap_va + pa);
    }
    mapped = info->calls->pmap_map(pa, PAGE_SIZE);
    if (!mapped) {
        say("FAILED: pmap_map has no slot");
        info->calls->finish(0);
    }
    return mapped;
}

static bool is_pmap(const uint64_t *page)
{
    return (uint64_t)page - info->pmap_va < info->pmap_slots * PAGE_SIZE;
}

void physical_put(uint64_t *page)
{
    if (is_pmap(page))
        info->calls->pmap_unmap(page);
}

static void find_directmap(void)
{
    for (uint64_t i = 0; info->directmap_len > 0 && i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        if (direct_count < DIRECT_MAX && m->rights & FOOTING_WRITE &&
            text_equal(info->mapping_name(m), "directmap"))
            direct[direct_count++] = (struct footing_range){m->pa, m->pa + m->len};
    }
}

/* ---- table frames, counted */

uint64_t frames_taken, frames_given, frames_left = NO_LIMIT;

static uint64_t table_base;
static uint16_t stack[TABLE_FRAMES]; /* frames that can be taken, the next one last */
static unsigned stacked;
static bool is_out[TABLE_FRAMES];
static uint16_t came_back[TABLE_FRAMES]; /* since the last frames_poison() */
static unsigned came_back_count;

static uint64_t take_frame(void *ctx)
{
    unsigned i;

    if (ctx != &frames_taken)
        differs("alloc has another context than it was given");
    if (stacked == 0 || frames_left == 0)
        return 0;
    if (frames_left != NO_LIMIT)
        frames_left--;
    i = stack[--stacked];
    is_out[i] = true;
    frames_taken++;
    return table_base + i * PAGE_SIZE;
}

/* Of the tables that Footing was booted with; it gives back those that no table needs any more. */
static bool is_footings_table(uint64_t pa)
{
    for (uint64_t i = 0; i < info->held_count; i++) {
        if (info->held[i].base_pa <= pa && pa < info->held[i].end_pa)
            return text_equal(info->held[i].owner, "page tables");
    }
    return false;
}

static void give_frame(void *ctx, uint64_t pa)
{
    uint64_t i = (pa - table_base) / PAGE_SIZE;

    if (ctx != &frames_taken)
        differs("free has another context than it was given");
    if (is_footings_table(pa) && pa % PAGE_SIZE == 0)
        return;
    if (pa < table_base || i >= TABLE_FRAMES || pa % PAGE_SIZE != 0 || !is_out[i]) {
        differs("frame 0x%x is given back, but was not taken", pa);
        return;
    }
    is_out[i] = false;
    stack[stacked++] = (uint16_t)i;
    if (came_back_count < TABLE_FRAMES)
        came_back[came_back_count++] = (uint16_t)i;
    frames_given++;
}

const struct footing_frames counted_frames = {&frames_taken, take_frame, give_frame};

static void poison(unsigned i)
{
    uint64_t *words = physical_get(table_base + i * PAGE_SIZE);

    for (unsigned w = 0; w < PAGE_SIZE / sizeof(*words); w++)
        words[w] = POISON;
    physical_put(words);
}

/* After the call: in it, PMAP is Footing's. A table that is still in use faults then. */
void frames_poison(void)
{
    while (came_back_count > 0) {
        unsigned i = came_back[--came_back_count];

        if (!is_out[i])
            poison(i);
    }
}

/* ---- the pools */

struct pool *pool_of(uint64_t frame)
{
    for (unsigned i = 0; i < POOLS; i++) {
        if (pools[i].first <= frame && frame - pools[i].first < pools[i].count)
            return &pools[i];
    }
    return NULL;
}

/* Tables from the end of the largest free run; of the rest a whole GiB, or what is in one piece. */
static void choose_ram(void)
{
    struct footing_range best = {0, 0};
    struct pool *pool = &pools[POOL_RAM];
    uint64_t base, end;

    for (uint64_t i = 0; i < info->free_count; i++) {
        const struct footing_range *r = &info->free[i];

        if (r->end_pa - r->base_pa > best.end_pa - best.base_pa)
            best = *r;
    }
    if (best.end_pa - best.base_pa < RESERVE + 64 * MIB) {
        say("FAILED: too little free memory");
        info->calls->finish(0);
    }
    table_base = best.end_pa - RESERVE;
    base = (best.base_pa + GIB - 1) & ~(GIB - 1);
    end = base + GIB;
    pool_is_gib = base >= best.base_pa && end <= table_base;
    if (!pool_is_gib) {
        base = (best.base_pa + 2 * MIB - 1) & ~(2 * MIB - 1);
        end = table_base & ~(2 * MIB - 1);
        end = end - base > GIB ? base + GIB : end;
    }
    pool->first = base / PAGE_SIZE;
    pool->count = (end - base) / PAGE_SIZE;
    for (unsigned i = 0; i < TABLE_FRAMES; i++) {
        poison(i);
        stack[stacked++] = (uint16_t)i;
    }
}

/* Our own text: by the plan, for as many pages as have frames in a row. */
static void choose_text(void)
{
    uint64_t va = (uint64_t)text_pool;
    struct pool *pool = &pools[POOL_TEXT];

    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        if (m->va <= va && va < m->va + m->len) {
            uint64_t end = m->va + m->len;

            end = end < (uint64_t)text_pool_end ? end : (uint64_t)text_pool_end;
            pool->first = (m->pa + (va - m->va)) / PAGE_SIZE;
            pool->count = (end - va) / PAGE_SIZE;
        }
    }
}

/* What Footing maps of them itself. */
static void count_plan(struct pool *pool)
{
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];
        uint64_t from = m->pa / PAGE_SIZE;
        uint64_t to = from + m->len / PAGE_SIZE;

        from = from > pool->first ? from : pool->first;
        to = to < pool->first + pool->count ? to : pool->first + pool->count;
        for (uint64_t frame = from; frame < to; frame++) {
            struct aliases *a = &pool->aliases[frame - pool->first];

            if (m->rights & FOOTING_WRITE)
                a->write++;
            if (m->rights & FOOTING_EXECUTE)
                a->execute++;
            a->type[m->cache]++;
        }
    }
}

void physical_init(void)
{
    find_directmap();
    choose_ram();
    choose_text();
    for (unsigned i = 0; i < POOLS; i++)
        count_plan(&pools[i]);
}

/* ---- contents: what is not one of three words per frame is never looked at */

static unsigned word_of(unsigned offset)
{
    return offset < 8 ? 0 : offset < LAST ? 1 : 2;
}

static unsigned offset_of(unsigned word)
{
    return word == 0 ? 0 : word == 1 ? MIDDLE : LAST;
}

/* A value of its own for each, with a `ret` where one is fetched. */
static uint64_t first_content(uint64_t frame, unsigned word)
{
    uint64_t value = (frame * 4 + word + 1) * 0x9e3779b97f4a7c15ull;

    value ^= value >> 29;
    if (word == 2)
        return (value & ~(0xffull << 56)) | LAST_BYTE << 56;
    return (value & ~0xffull) | FIRST_BYTE;
}

/* Where no window is, nor anything else. */
#define PLANT_VA 0xfffffb8000000000ull

static void change_plant(uint32_t operation, uint64_t frame)
{
    struct footing_update u = {
        .operation = operation,
        .flags = FOOTING_ALLOW_WX | FOOTING_ALLOW_CACHE,
        .va = PLANT_VA,
        .pa = frame * PAGE_SIZE,
        .len = PAGE_SIZE,
        .rights = operation == FOOTING_MAP ? FOOTING_WRITE : 0,
        .cache = FOOTING_WB,
        .frames = &counted_frames,
    };
    uint64_t left = frames_left;
    const char *why;

    frames_left = NO_LIMIT;
    why = info->calls->update(&u);
    frames_left = left;
    if (why)
        differs("frame 0x%x cannot be planted: %s", frame * PAGE_SIZE, why);
}

/* PMAP gives what is executable only to be read: that is written by leave, through update. */
static uint64_t *plant_get(uint64_t frame, const struct aliases *aliases)
{
    uint64_t *page = physical_get(frame * PAGE_SIZE);

    if (aliases->execute == 0 || !is_pmap(page))
        return page;
    physical_put(page);
    change_plant(FOOTING_MAP, frame);
    return (uint64_t *)PLANT_VA;
}

static void plant_put(uint64_t frame, uint64_t *page)
{
    if ((uint64_t)page == PLANT_VA)
        change_plant(FOOTING_UNMAP, frame);
    else
        physical_put(page);
}

void frame_plant(uint64_t frame)
{
    struct pool *pool = pool_of(frame);
    uint64_t i = pool ? frame - pool->first : 0;
    uint64_t *page;

    if (!pool || pool->planted[i])
        return;
    page = plant_get(frame, &pool->aliases[i]);
    for (unsigned w = 0; w < 3; w++) {
        pool->contents[i].word[w] = first_content(frame, w);
        page[offset_of(w) / 8] = first_content(frame, w);
    }
    plant_put(frame, page);
    pool->planted[i] = 1;
}

/* Around the page tables that are being tried. */
void frame_verify(uint64_t frame)
{
    struct pool *pool = pool_of(frame);
    uint64_t *page = physical_get(frame * PAGE_SIZE);

    for (unsigned w = 0; w < 3; w++) {
        uint64_t wanted = pool->contents[frame - pool->first].word[w];
        uint64_t seen = page[offset_of(w) / 8];

        if (seen != wanted)
            differs("frame 0x%x has 0x%x at 0x%x instead of 0x%x", frame * PAGE_SIZE, seen,
                    (uint64_t)offset_of(w), wanted);
    }
    physical_put(page);
}

uint64_t content_read(uint64_t frame, unsigned offset, unsigned size)
{
    struct pool *pool = pool_of(frame);
    unsigned word = word_of(offset);
    unsigned shift = 8 * (offset - offset_of(word));
    uint64_t value = pool->contents[frame - pool->first].word[word] >> shift;

    return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

void content_write(uint64_t frame, unsigned offset, unsigned size, uint64_t value)
{
    struct pool *pool = pool_of(frame);
    unsigned word = word_of(offset);
    unsigned shift = 8 * (offset - offset_of(word));
    uint64_t mask = (size == 8 ? UINT64_MAX : (1ull << 8 * size) - 1) << shift;
    uint64_t *to = &pool->contents[frame - pool->first].word[word];

    *to = (*to & ~mask) | (value << shift & mask);
}
