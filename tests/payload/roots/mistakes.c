/* SPDX-License-Identifier: MIT */
/* What a payload may get wrong with frames, and with its own text. */
#include "roots.h"

/* An allocator that gives one frame of a choice, after so many good ones. */
struct giver {
    uint64_t frame;
    unsigned after; /* good frames first */
    uint64_t first; /* of them */
};

static uint64_t give(void *ctx)
{
    struct giver *giver = ctx;
    uint64_t frame;

    if (giver->after == 0)
        return giver->frame ? giver->frame : giver->first;
    giver->after--;
    frame = alloc(NULL);
    giver->first = giver->first ? giver->first : frame;
    return frame;
}

/* A page in a part of the root that nothing is in: three tables, or four, that this cannot have. */
static const char *map_by(struct giver *giver, uint64_t page)
{
    const struct footing_frames source = {giver, give, give_back};
    const struct footing_update u = {.operation = FOOTING_MAP,
                                     .va = HIGH,
                                     .pa = page,
                                     .len = PAGE,
                                     .rights = FOOTING_WRITE,
                                     .cache = FOOTING_WB,
                                     .frames = &source};

    return info->calls->update(&u);
}

static void refused_by_name(const char *what, uint64_t frame)
{
    uint64_t page = alloc(NULL);
    long out = frames_out;

    for (unsigned after = 0; after < 3; after++) {
        struct giver giver = {.frame = frame, .after = after};

        if (frame == 0 && after == 0)
            continue; /* the first cannot have come already */
        promise(what, equal(map_by(&giver, page), "FRAME"));
        promise("nothing is kept of it", frames_out == out);
    }
    promise("nothing was changed", equal(unmap(0, HIGH), "ABSENT"));
    give_back(NULL, page);
}

/* A table of the main root, not the root itself: in the first slot that has one. */
static uint64_t some_table(void)
{
    const uint64_t *slots = info->calls->pmap_map(info->root_pa, PAGE);
    unsigned i = 511;
    uint64_t frame;

    while (!(slots[i] & 1))
        i--;
    frame = slots[i] & UINT64_C(0x000ffffffffff000);
    info->calls->pmap_unmap(slots);
    return frame;
}

static uint64_t reserved_memory(void)
{
    for (uint64_t i = 0; i < info->memory_count; i++) {
        const struct footing_memory *m = &info->memory[i];

        if (m->type != FOOTING_USABLE && m->end_pa - m->base_pa >= 2 * PAGE)
            return (m->base_pa + PAGE - 1) & -PAGE;
    }
    return 0;
}

void frames_that_are_none(void)
{
    uint64_t reserved = reserved_memory();
    uint64_t other = info->calls->root_create(&frames);
    uint64_t page = alloc(NULL);
    uint64_t tables = alloc(NULL);

    refused_by_name("no address of a frame", tables + 0x10);
    refused_by_name("wider than the CPU", UINT64_C(1) << info->cpu.phys_bits);
    refused_by_name("wider than all", UINT64_C(0xfffffffffffff000));
    refused_by_name("no RAM", reserved);
    refused_by_name("one frame twice", 0);
    refused_by_name("the active root", info->root_pa);
    refused_by_name("another root", other);
    refused_by_name("a table", some_table());
    refused_by_name("Footing's text", info->image_pa);
    refused_by_name("Footing's stack", info->image_pa + (info->stack_va - info->image_va));
    refused_by_name("text of the payload", physical(visit_page));
    promise("a root's own table", !map(other, LOW, page, FOOTING_WRITE));
    refused_by_name("another root's frame, once more", other);
    promise("destroyed", !info->calls->root_destroy(other, &frames));
    give_back(NULL, tables);
    give_back(NULL, page);
}

/* No writable alias of what executes, in whatever order. */
void windows_on_text(void)
{
    uint64_t text = physical(visit_page) & -PAGE;
    uint64_t page = alloc(NULL);
    const uint64_t *seen = info->calls->pmap_map(text, PAGE);
    uint64_t *window;
    const char *why;

    promise("text can be read", seen && seen[0] == *(const uint64_t *)(uint64_t)visit_page);
    promise("and is not writable there", !(pte_of(0, (uint64_t)seen) & 2));
    info->calls->pmap_unmap(seen);
    seen = info->calls->pmap_map(info->image_pa, PAGE);
    promise("nor is Footing's text", seen && !(pte_of(0, (uint64_t)seen) & 2));
    info->calls->pmap_unmap(seen);
    window = info->calls->pmap_map(page, PAGE);
    promise("other pages are writable", window && (pte_of(0, (uint64_t)window) & 2));
    *window = 0x5d;
    why = map(0, HIGH, page, FOOTING_EXECUTE);
    promise("what is open to be written cannot be executed", equal(why, "WX"));
    info->calls->pmap_unmap(window);
    /* Where there is a directmap, the frame is writable in that. */
    why = map(0, HIGH, page, FOOTING_EXECUTE);
    promise("once it is closed it can", equal(why, info->directmap_len ? "WX" : NULL));
    if (!why) {
        seen = info->calls->pmap_map(page, PAGE);
        promise("then it can be read", *seen == 0x5d && !(pte_of(0, (uint64_t)seen) & 2));
        info->calls->pmap_unmap(seen);
        promise("unmapped", !unmap(0, HIGH));
    }
    give_back(NULL, page);
}
