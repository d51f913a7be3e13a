/* SPDX-License-Identifier: MIT */
/* Further roots, and what tables a root has. */
#include "alias.h"
#include "update_table.h"

struct error pt_root_create(struct pt_space *space, struct pt_space *main)
{
    const struct pt_live_memory *memory = main->memory;
    uint64_t *from;
    uint64_t *to;
    enum error_code code = memory->reserve(memory->ctx, 1);

    if (code)
        return (struct error){.code = code, .value = 1};
    main->sharers++;
    *space = *main;
    space->sharers = 0;
    space->recent.frame = 0; /* the main root's table: not to be changed through this one */
    space->root = memory->alloc(memory->ctx);
    from = memory->map(memory->ctx, main->root);
    to = memory->map(memory->ctx, space->root);
    for (size_t i = 0; i < PT_SLOTS; i++)
        to[i] = from[i];
    memory->unmap(memory->ctx, to);
    memory->unmap(memory->ctx, from);
    return SUCCESS;
}

/* The slot of a root: no CPU is to know what it led to, by a global translation or a cached way. */
static void cut_off(const struct pt_space *space, uint64_t *slot, uint64_t i)
{
    unsigned unused = 64 - slot_shift(space->levels);
    uint64_t span = span_of(space->levels - 1);
    uint64_t va = (uint64_t)((int64_t)(i * span << unused) >> unused);

    space->memory->write(space->memory->ctx, slot, 1, 0, 0);
    space->memory->flush(space->memory->ctx, va, span);
}

/* A table of this level and all below it; of a root, all but what is in the main root's slots. */
static void free_tables(const struct pt_space *space, unsigned level, uint64_t frame,
                        const uint64_t *mains)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t *table = memory->map(memory->ctx, frame);

    for (uint64_t i = 0; i < PT_SLOTS && level > 0; i++) {
        uint64_t entry = table[i];

        if (entry == 0 || (entry & PTE_PS) || (mains && entry == mains[i]))
            continue;
        if (mains)
            cut_off(space, &table[i], i);
        free_tables(space, level - 1, entry & PTE_ADDR, NULL);
    }
    memory->unmap(memory->ctx, table);
    memory->free(memory->ctx, frame);
}

void pt_root_destroy(struct pt_space *space, struct pt_space *main)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t *mains = memory->map(memory->ctx, space->main_root);

    free_tables(space, space->levels - 1, space->root, mains);
    memory->unmap(memory->ctx, mains);
    alias_forget(space);
    space->root = 0;
    main->sharers--;
}

struct table_search {
    const struct pt_space *space;
    bool (*found)(void *ctx, uint64_t frame);
    void *ctx;
};

/* The same for a table of this level and all below it, but for what is in the main root's slots. */
static bool any_below(const struct table_search *search, unsigned level, uint64_t frame,
                      const uint64_t *mains)
{
    const struct pt_live_memory *memory = search->space->memory;
    bool found = search->found(search->ctx, frame);
    uint64_t *table;

    if (found || level == 0)
        return found;
    table = memory->map(memory->ctx, frame);
    for (size_t i = 0; i < PT_SLOTS && !found; i++) {
        uint64_t entry = table[i];

        if (entry != 0 && !(entry & PTE_PS) && !(mains && entry == mains[i]))
            found = any_below(search, level - 1, entry & PTE_ADDR, NULL);
    }
    memory->unmap(memory->ctx, table);
    return found;
}

bool pt_any_table(const struct pt_space *space, bool (*found)(void *ctx, uint64_t frame), void *ctx)
{
    const struct table_search search = {space, found, ctx};
    const struct pt_live_memory *memory = space->memory;
    uint64_t *mains;
    bool any;

    if (space->root == space->main_root)
        return any_below(&search, space->levels - 1, space->root, NULL);
    mains = memory->map(memory->ctx, space->main_root);
    any = any_below(&search, space->levels - 1, space->root, mains);
    memory->unmap(memory->ctx, mains);
    return any;
}
