/* SPDX-License-Identifier: MIT */
/*
 * The model of accesses: what was asked for, page by page, and what the CPU
 * does with it by SDM vol. 3, 4.6 and 4.7. It reads no page table.
 */
#include "access.h"

#define ERROR_PRESENT 0x01u
#define ERROR_WRITE   0x02u
#define ERROR_FETCH   0x10u
#define EFER_NXE      (1u << 11)

#define HIGH 0xfffffb0000000000ull
#define LOW  0x0000040000000000ull
#define WIDE 0xff80000000000000ull /* canonical with 5 levels only */

static struct page high_pages[WINDOW_PAGES], low_pages[WINDOW_PAGES], wide_pages[WINDOW_PAGES];
static struct page direct_pages[WINDOW_PAGES], text_pages[64];

struct window windows[5] = {
    {.va = HIGH, .count = WINDOW_PAGES, .pages = high_pages, .own_tables = 1},
    {.va = LOW, .count = WINDOW_PAGES, .pages = low_pages, .own_tables = 1},
    {.va = WIDE, .count = WINDOW_PAGES, .pages = wide_pages, .own_tables = 2},
};
unsigned window_count, empty_windows;
bool locked_reads_first;

bool is_canonical(uint64_t va)
{
    unsigned unused = info->levels == 5 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

struct window *model_window(uint64_t va)
{
    for (unsigned i = 0; i < window_count; i++) {
        if (va - windows[i].va < windows[i].count * PAGE_SIZE)
            return &windows[i];
    }
    return NULL;
}

struct page *model_page(uint64_t va)
{
    const struct window *w = model_window(va);

    return w ? &w->pages[(va - w->va) / PAGE_SIZE] : NULL;
}

/* All is, but for what Footing maps itself. */
bool is_modelled(uint64_t va)
{
    return model_page(va) || (va - info->directmap_va >= info->directmap_len &&
                              va - info->payload_va >= info->payload_end_va - info->payload_va);
}

/* One of the pages that an access touches; true: it faults there. */
static bool faults(uint64_t kind, uint64_t va, struct outcome *o)
{
    const struct page *page = model_page(va);
    bool write = kind == WRITE1 || kind == WRITE8 || kind == LOCKED;
    bool mapped = page && page->mapped;

    if (!is_canonical(va)) {
        *o = (struct outcome){VECTOR_GP, 0, UNTOUCHED, 0};
        return true;
    }
    if (mapped && !(write && !(page->rights & FOOTING_WRITE)) &&
        !(kind == FETCH && !(page->rights & FOOTING_EXECUTE)))
        return false;
    o->vector = VECTOR_PF;
    o->cr2 = va;
    o->error = mapped ? ERROR_PRESENT : 0;
    if (write && !(kind == LOCKED && locked_reads_first && !mapped))
        o->error |= ERROR_WRITE;
    if (kind == FETCH && info->cpu.efer & EFER_NXE)
        o->error |= ERROR_FETCH;
    return true;
}

/* A page's share of an access that succeeds: `size` bytes of it, `done` after its first. */
static void share(uint64_t kind, uint64_t va, unsigned size, unsigned done, uint64_t value,
                  struct forecast *f)
{
    uint64_t frame = model_page(va)->frame;
    unsigned offset = va & PAGE_MASK;

    if (!pool_of(frame)) {
        f->value_known = false;
        return;
    }
    frame_plant(frame);
    if (kind == READ1 || kind == READ8 || kind == LOCKED)
        f->outcome.value |= content_read(frame, offset, size) << 8 * done;
    if (kind == WRITE1 || kind == WRITE8 || kind == LOCKED)
        content_write(frame, offset, size, value >> 8 * done);
}

struct forecast foretell(uint64_t kind, uint64_t va, uint64_t value)
{
    struct forecast f = {{VECTOR_NONE, 0, UNTOUCHED, 0}, false};
    uint64_t next = (va | PAGE_MASK) + 1;
    unsigned size = kind == READ8 || kind == WRITE8 || kind == LOCKED ? 8 : 1;

    /* The last byte of each page is a prefix: its instruction ends on the next one. */
    if (kind == FETCH && next == va + 1)
        size = 2;
    if (model_page(va) && model_page(va)->mapped)
        frame_plant(model_page(va)->frame); /* it is fetched from, even if the rest faults */
    if (faults(kind, va, &f.outcome) || (next < va + size && faults(kind, next, &f.outcome)))
        return f;
    f.value_known = true;
    if (next < va + size) {
        share(kind, va, (unsigned)(next - va), 0, value, &f);
        share(kind, next, size - (unsigned)(next - va), (unsigned)(next - va), value, &f);
    } else {
        share(kind, va, size, 0, value, &f);
    }
    if (kind == WRITE1 || kind == WRITE8)
        f.value_known = false; /* there is none */
    if (kind == FETCH)
        f.outcome.value = UNTOUCHED; /* nothing but a return */
    return f;
}

/*
 * A locked access asks for the right to write at once, on a CPU; QEMU's TCG
 * with one CPU reads first, so that an absent page is a fault on a read.
 */
static void learn_locked(void)
{
    struct outcome o;

    attempt(LOCKED, windows[0].va, 0, &o);
    locked_reads_first = o.vector == VECTOR_PF && o.error == 0;
    if (locked_reads_first)
        say("a locked access reads first on this CPU");
}

/* Frames that are mapped elsewhere, too, where Footing has them: by the plan. */
static void open_booted(uint64_t va, const struct pool *pool, struct page *pages, uint32_t rights)
{
    struct window *w = &windows[window_count++];

    w->va = va;
    w->count = pool->count;
    w->pages = pages;
    w->booted = true;
    w->rights = rights;
    w->pa = pool->first * PAGE_SIZE;
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        for (uint64_t at = 0; at < m->len / PAGE_SIZE; at++) {
            uint64_t page = (m->va + at * PAGE_SIZE - va) / PAGE_SIZE;

            if (m->va + at * PAGE_SIZE < va || page >= pool->count)
                continue;
            pages[page] =
                (struct page){(m->pa / PAGE_SIZE + at) & 0xffffffffff, 1, m->rights, m->cache};
            w->mapped[page / LARGE_PAGES]++;
        }
    }
}

void model_init(void)
{
    window_count = empty_windows = info->levels == 5 ? 3 : 2;
    if (info->levels == 5)
        windows[1].own_tables = 2;
    learn_locked();
    open_booted((uint64_t)text_pool, &pools[POOL_TEXT], text_pages, FOOTING_EXECUTE);
    if (info->directmap_len > 0)
        open_booted(info->directmap_va + pools[POOL_RAM].first * PAGE_SIZE, &pools[POOL_RAM],
                    direct_pages, FOOTING_WRITE);
}

uint32_t largest(void)
{
    const char *line = info->footing_command_line;

    if (has_argument(line, "maxpage=", "4k"))
        return 0;
    if (has_argument(line, "maxpage=", "2m"))
        return 1;
    return info->cpu.features & FOOTING_CPU_1G ? 2 : 1;
}

/*
 * Of what was mapped at boot each large page that was changed may have a table
 * in its place, and so may the page of 1 GiB around it.
 */
static uint64_t booted_tables(const struct window *w)
{
    uint64_t tables = 0;

    for (unsigned i = 0; i < CHUNKS; i++)
        tables += w->changed[i];
    return tables > 0 ? tables + 2 : 0;
}

/* All of it may be one large page. */
static bool is_large(const struct page *pages)
{
    for (unsigned i = 0; i < LARGE_PAGES; i++) {
        if (!pages[i].mapped || pages[i].frame != pages[0].frame + i ||
            pages[i].rights != pages[0].rights || pages[i].cache != pages[0].cache)
            return false;
    }
    return pages[0].frame % LARGE_PAGES == 0;
}

/* Table frames below the root: with the largest pages that there may be, and with 4 KiB alone. */
static void count_tables(const struct window *w, uint64_t *least, uint64_t *most)
{
    const struct page *first = w->pages;
    uint64_t some = 0, partly = 0;
    uint32_t limit = largest();
    bool whole = limit == 2 && first->mapped && first->frame % WINDOW_PAGES == 0;

    for (unsigned i = 0; i < CHUNKS; i++) {
        const struct page *pages = &w->pages[i * LARGE_PAGES];
        bool large = limit > 0 && w->mapped[i] == LARGE_PAGES && is_large(pages);

        whole = whole && large && pages->frame == first->frame + i * LARGE_PAGES &&
                pages->rights == first->rights && pages->cache == first->cache;
        some += w->mapped[i] > 0;
        partly += w->mapped[i] > 0 && !large;
    }
    if (some > 0) {
        *least += w->own_tables + (whole ? 0 : 1 + partly);
        *most += w->own_tables + 1 + some;
    }
}

void check_frames(const char *when)
{
    uint64_t least = 0, most = 0, out = frames_taken - frames_given;

    for (unsigned i = 0; i < window_count; i++) {
        if (windows[i].booted)
            most += booted_tables(&windows[i]);
        else
            count_tables(&windows[i], &least, &most);
    }
    if (out < least || out > most)
        differs("%s: %u table frames are out, not %u to %u", when, out, least, most);
}
