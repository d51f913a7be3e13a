/* SPDX-License-Identifier: MIT */
#include "alias.h"

#include "x86.h"

static uint64_t end_of(const struct pt_alias *alias)
{
    return alias->pa + alias->len;
}

static bool in_window(const struct pt_space *space, uint64_t va)
{
    return va - space->directmap_base < space->directmap_size;
}

/* How many begin below this address. */
static size_t below(const struct pt_space *space, uint64_t pa)
{
    size_t low = 0;
    size_t high = space->naliases;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (space->aliases[middle].pa < pa)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct error conflict(const struct pt_run *run, unsigned rights, enum memtype type,
                             const struct pt_change *change)
{
    struct error err = {.at = run->va, .value = run->pa};
    unsigned both = run->rights | rights;

    if (!change->allow_wx && (both & RIGHT_W) && (both & RIGHT_X))
        err.code = ERR_WX;
    else if (!change->allow_types && run->type != type)
        err.code = ERR_TYPE;
    return err.code ? err : SUCCESS;
}

/* The entry that translates va, its level, and the span of that; 0: not mapped. */
static uint64_t find_leaf(const struct pt_space *space, uint64_t va, unsigned *level)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t frame = space->root;

    for (*level = space->levels; (*level)-- > 0;) {
        uint64_t *table = memory->map(memory->ctx, frame);
        uint64_t entry = table[va >> (PT_PAGE_SHIFT + PT_BITS * *level) & (PT_SLOTS - 1)];

        memory->unmap(memory->ctx, table);
        if (entry == 0 || *level == 0 || (entry & PTE_PS))
            return entry;
        frame = entry & PTE_ADDR;
    }
    return 0;
}

/* The directmap's own mapping of these frames, leaf by leaf. */
static struct error check_directmap(const struct pt_space *space, const struct pt_run *run,
                                    const struct pt_change *change)
{
    struct error err = SUCCESS;

    for (uint64_t at = 0; at < run->len && run->pa + at < space->directmap_size && !err.code;) {
        uint64_t va = space->directmap_base + run->pa + at;
        unsigned level;
        uint64_t leaf = find_leaf(space, va, &level);
        uint64_t span = UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * level);
        unsigned rights;
        enum memtype type;

        if (leaf != 0) {
            pte_decode(leaf, level, &rights, &type);
            err = conflict(run, rights, type, change);
        }
        at += span - (va & (span - 1));
    }
    return err;
}

struct error alias_check(const struct pt_space *space, const struct pt_run *run,
                         const struct pt_change *change)
{
    struct error err = SUCCESS;

    for (size_t i = below(space, run->pa + run->len); i-- > 0 && !err.code;) {
        const struct pt_alias *alias = &space->aliases[i];

        if (alias->reach <= run->pa)
            break;
        /* One that keeps the same distance is this very mapping. */
        if (end_of(alias) > run->pa && alias->va - alias->pa != run->va - run->pa)
            err = conflict(run, alias->rights, (enum memtype)alias->type, change);
    }
    if (err.code || in_window(space, run->va))
        return err;
    /* In the directmap frames are writable and write-back; those that are not are aliases above. */
    if ((run->rights & RIGHT_X) || run->type != MEMTYPE_WB)
        err = check_directmap(space, run, change);
    return err;
}

bool alias_room(const struct pt_space *space, size_t runs)
{
    return runs <= (space->max_aliases - space->naliases) / 2;
}

static void update_reach(struct pt_space *space, size_t from)
{
    uint64_t reach = from > 0 ? space->aliases[from - 1].reach : 0;

    for (size_t i = from; i < space->naliases; i++) {
        if (end_of(&space->aliases[i]) > reach)
            reach = end_of(&space->aliases[i]);
        space->aliases[i].reach = reach;
    }
}

static void insert(struct pt_space *space, size_t at, const struct pt_alias *alias)
{
    for (size_t i = space->naliases++; i > at; i--)
        space->aliases[i] = space->aliases[i - 1];
    space->aliases[at] = *alias;
}

static void take_out(struct pt_space *space, size_t at)
{
    space->naliases--;
    for (size_t i = at; i < space->naliases; i++)
        space->aliases[i] = space->aliases[i + 1];
}

void alias_add(struct pt_space *space, const struct pt_run *run)
{
    struct pt_alias alias = {
        .pa = run->pa,
        .len = run->len,
        .va = run->va,
        .rights = (uint8_t)run->rights,
        .type = (uint8_t)run->type,
    };
    size_t at = below(space, run->pa);

    if (in_window(space, run->va) && !(run->rights & RIGHT_X) && run->type == MEMTYPE_WB)
        return;
    /* More of the one before it, as when pages are mapped one by one. */
    if (at > 0) {
        struct pt_alias *last = &space->aliases[at - 1];

        if (end_of(last) == alias.pa && last->va + last->len == alias.va &&
            last->rights == alias.rights && last->type == alias.type) {
            last->len += alias.len;
            update_reach(space, at - 1);
            return;
        }
    }
    insert(space, at, &alias);
    update_reach(space, at);
}

void alias_remove(struct pt_space *space, const struct pt_run *run)
{
    uint64_t end = run->pa + run->len;

    for (size_t i = below(space, end); i-- > 0;) {
        struct pt_alias *alias = &space->aliases[i];
        struct pt_alias rest = *alias;

        if (alias->reach <= run->pa)
            break;
        if (end_of(alias) <= run->pa || alias->va - alias->pa != run->va - run->pa)
            continue;
        rest.va += end - rest.pa;
        rest.len = end_of(alias) > end ? end_of(alias) - end : 0;
        rest.pa = end;
        alias->len = alias->pa < run->pa ? run->pa - alias->pa : 0;
        if (alias->len == 0)
            take_out(space, i);
        if (rest.len > 0)
            insert(space, below(space, rest.pa), &rest);
        update_reach(space, 0);
        i = i < space->naliases ? i : space->naliases;
    }
}

struct error pt_space_start(struct pt_space *space, const struct plan *plan)
{
    space->naliases = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        const struct pt_run run = {m->va, m->pa, m->len, m->rights, (enum memtype)m->type};

        if (space->naliases == space->max_aliases)
            return (struct error){.code = ERR_PLANFULL, .at = space->max_aliases};
        alias_add(space, &run);
    }
    return SUCCESS;
}
