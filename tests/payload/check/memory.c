/* SPDX-License-Identifier: MIT */
/* The memory map, what is free and what is held; writing to what is free. */
#include "check.h"

static void check_map(void)
{
    struct flaws order = {0, 0};
    struct flaws maximal = {0, 0};
    struct flaws types = {0, 0};

    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];

        flaw(&order, m->base_pa >= m->end_pa, m->base_pa);
        flaw(&types, m->type > FOOTING_UNUSABLE, m->type);
        flaw(&types, m->type > FOOTING_UNUSABLE || !info->memory_name(m->type)[0], m->type);
        if (i == 0)
            continue;
        flaw(&order, m->base_pa < m[-1].end_pa, m->base_pa);
        flaw(&maximal, m->base_pa == m[-1].end_pa && m->type == m[-1].type, m->base_pa);
    }
    promise("the memory map has ranges", info->memory_count > 0);
    promise_none("the memory map ascends, disjoint", &order);
    promise_none("the memory map is maximal", &maximal);
    promise_none("the memory map's types are known and have names", &types);
}

uint64_t usable_bytes(uint64_t base, uint64_t end)
{
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];
        uint64_t from = m->base_pa > base ? m->base_pa : base;
        uint64_t to = m->end_pa < end ? m->end_pa : end;

        if (m->type == FOOTING_USABLE && from < to)
            bytes += to - from;
    }
    return bytes;
}

static bool is_usable(uint64_t base, uint64_t end)
{
    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];

        if (m->type == FOOTING_USABLE && m->base_pa <= base && end <= m->end_pa)
            return true;
    }
    return false;
}

static void check_free(void)
{
    struct flaws order = {0, 0};
    struct flaws aligned = {0, 0};
    struct flaws usable = {0, 0};
    struct flaws held = {0, 0};
    struct flaws mapped = {0, 0};

    for (uint64_t i = 0; i < info->free_count; i++) {
        const struct footing_range *r = &info->free[i];

        flaw(&aligned, ((r->base_pa | r->end_pa) & PAGE_MASK) != 0, r->base_pa);
        flaw(&order, r->base_pa >= r->end_pa || (i > 0 && r->base_pa < r[-1].end_pa), r->base_pa);
        flaw(&usable, !is_usable(r->base_pa, r->end_pa), r->base_pa);
        flaw(&held, held_bytes(r->base_pa, r->end_pa, NULL) != 0, r->base_pa);
        flaw(&mapped,
             has_directmap() && !is_mapped(info->directmap_va + r->base_pa, r->end_pa - r->base_pa,
                                           true, false, FOOTING_WB),
             r->base_pa);
    }
    promise("some memory is free", info->free_count > 0);
    promise("page 0 is not free", info->free_count == 0 || info->free[0].base_pa > 0);
    promise_none("free memory is whole pages", &aligned);
    promise_none("free memory ascends, disjoint", &order);
    promise_none("free memory is usable", &usable);
    promise_none("free memory is not held", &held);
    promise_none("free memory is mapped writable and write-back, if there is a directmap", &mapped);
}

static bool is_directmap(const struct footing_mapping *m)
{
    return text_equal(info->mapping_name(m), "directmap");
}

/* Without a directmap, and where the MTRRs make all of it write-back. */
static uint64_t usable_pages(uint64_t base, uint64_t end)
{
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];
        uint64_t from = (m->base_pa + PAGE_MASK) & ~PAGE_MASK;
        uint64_t to = m->end_pa & ~PAGE_MASK;

        from = from > base ? from : base;
        to = to < end ? to : end;
        if (m->type == FOOTING_USABLE && from < to)
            bytes += to - from;
    }
    return bytes;
}

uint64_t ram_bytes(uint64_t base, uint64_t end)
{
    uint64_t bytes = 0;

    if (!has_directmap())
        return usable_pages(base, end);
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];
        uint64_t from = m->pa > base ? m->pa : base;
        uint64_t to = m->pa + m->len < end ? m->pa + m->len : end;

        if (is_directmap(m) && from < to)
            bytes += to - from;
    }
    return bytes;
}

static bool is_held_as(uint64_t base, uint64_t end, const char *owner)
{
    return held_bytes(base, end, owner) == end - base;
}

static void check_held(void)
{
    struct flaws order = {0, 0};
    struct flaws payload = {0, 0};
    struct flaws modules = {0, 0};
    uint64_t free = 0;
    uint64_t held = 0;
    uint64_t done = 0;

    for (uint64_t i = 0; i < info->held_count; i++) {
        const struct footing_held *h = &info->held[i];
        uint64_t from = h->base_pa & ~PAGE_MASK;
        uint64_t to = (h->end_pa + PAGE_MASK) & ~PAGE_MASK;

        flaw(&order, h->base_pa >= h->end_pa || (i > 0 && h->base_pa < h[-1].base_pa), h->base_pa);
        from = from > done ? from : done;
        done = to > done ? to : done;
        if (from < to)
            held += ram_bytes(from, to);
    }
    for (uint64_t i = 0; i < info->free_count; i++)
        free += info->free[i].end_pa - info->free[i].base_pa;
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        flaw(&payload,
             text_equal(info->mapping_name(m), "payload") &&
                 !is_held_as(m->pa, m->pa + m->len, "payload"),
             m->va);
    }
    for (uint64_t i = 0; i < info->module_count; i++) {
        const struct footing_module *m = &info->modules[i];

        flaw(&modules, !is_held_as(m->base_pa, m->end_pa, "module"), m->base_pa);
    }
    promise_none("what is held ascends", &order);
    promise("the image is held",
            is_held_as(info->image_pa, info->image_pa + info->image_len, "image"));
    promise_none("the payload is held", &payload);
    promise_none("modules are held", &modules);
    promise_equal("each page of RAM is free or held", free + held, ram_bytes(0, UINT64_MAX));
}

void check_memory(void)
{
    check_map();
    check_free();
    check_held();
}

bool overlaps_free(uint64_t base, uint64_t end)
{
    for (uint64_t i = 0; i < info->free_count; i++) {
        if (info->free[i].base_pa < end && base < info->free[i].end_pa)
            return true;
    }
    return false;
}

/* Nothing is known to be there; or it is RAM, and held. */
void check_foreign(void)
{
    const char *text = find_argument("foreign=", 0);
    uint64_t wanted = text ? read_number(&text, 16) : 0;
    uint64_t base = info->foreign_pa;
    uint64_t end = base + info->foreign_len;

    say("payload: foreign 0x%x len 0x%x ram %u", base, info->foreign_len, info->foreign_ram);
    if (info->foreign_len == 0) {
        promise("no foreign space, no address", base == 0 && info->foreign_ram == 0);
        return;
    }
    promise_equal("foreign: as long as asked for", info->foreign_len, wanted);
    promise("foreign: below the CPU's width",
            end > base && end - 1 <= (1ull << info->cpu.phys_bits) - 1);
    promise("foreign: not free", !overlaps_free(base, end));
    promise_equal("foreign: RAM, or none of it", usable_bytes(base, end),
                  info->foreign_ram ? info->foreign_len : 0);
    if (info->foreign_ram) {
        promise_equal("foreign: says so with 1", info->foreign_ram, 1);
        promise("foreign: RAM is held", is_held_as(base, end, "foreign space"));
    } else {
        promise_equal("foreign: a multiple of 1 GiB", base & ((1ull << 30) - 1), 0);
        promise_equal("foreign: held by nobody", held_bytes(base, end, NULL), 0);
    }
}

static void fill_page(uint64_t pa)
{
    uint64_t *words = reach(pa, PAGE_SIZE);

    for (uint64_t i = 0; i < PAGE_SIZE / 8; i++)
        words[i] = (pa + i * 8) * 0x9e3779b97f4a7c15ull;
    leave(words);
}

static bool page_is_filled(uint64_t pa)
{
    const uint64_t *words = reach(pa, PAGE_SIZE);
    bool filled = true;

    for (uint64_t i = 0; i < PAGE_SIZE / 8; i++)
        filled &= words[i] == (pa + i * 8) * 0x9e3779b97f4a7c15ull;
    leave(words);
    return filled;
}

/* The first and the last page of each run, or every one. */
static uint64_t next_page(const struct footing_range *r, uint64_t pa, bool every)
{
    uint64_t last = r->end_pa - PAGE_SIZE;

    return every || pa == last ? pa + PAGE_SIZE : last;
}

void write_free_memory(bool every)
{
    for (uint64_t i = 0; i < info->free_count; i++) {
        const struct footing_range *r = &info->free[i];

        for (uint64_t pa = r->base_pa; pa < r->end_pa; pa = next_page(r, pa, every))
            fill_page(pa);
    }
}

void verify_free_memory(bool every)
{
    struct flaws lost = {0, 0};

    for (uint64_t i = 0; i < info->free_count; i++) {
        const struct footing_range *r = &info->free[i];

        for (uint64_t pa = r->base_pa; pa < r->end_pa; pa = next_page(r, pa, every))
            flaw(&lost, !page_is_filled(pa), pa);
    }
    promise_none("free memory keeps what is written to it", &lost);
}
