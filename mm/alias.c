/* SPDX-License-Identifier: MIT */
#include "alias.h"

#include "update_table.h"

static uint64_t end_of(const struct pt_alias *alias)
{
    return alias->pa + alias->len;
}

/* Is this the directmap itself? That is the main root's: no other maps anything in its window. */
static bool is_direct(const struct pt_space *space, const struct pt_run *run)
{
    return run->va - space->directmap_base < space->directmap_size &&
           run->va - space->directmap_base == run->pa;
}

/* Of the directmap, only what is out of the ordinary is kept. */
static bool is_kept(const struct pt_space *space, const struct pt_run *run)
{
    return (run->rights & RIGHT_X) || run->type != MEMTYPE_WB || !is_direct(space, run);
}

/* How many begin below this address. */
static size_t below(const struct pt_aliases *aliases, uint64_t pa)
{
    size_t low = 0;

    for (size_t high = aliases->count; low < high;) {
        size_t middle = (low + high) / 2;

        if (aliases->entries[middle].pa < pa)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Frames from `pa` on have another mapping, of these rights and type. The first wrong page counts. */
static void check(const struct pt_run *run, uint64_t pa, unsigned rights, enum memtype type,
                  const struct pt_change *change, struct error *err)
{
    uint64_t first = pa > run->pa ? pa : run->pa;
    unsigned both = run->rights | rights;
    bool wx = (both & RIGHT_W) && (both & RIGHT_X) && !change->allow_wx;
    bool types = run->type != type && !change->allow_types;

    if ((wx || types) && (!err->code || first < err->value))
        *err = (struct error){
            .code = wx ? ERR_WX : ERR_TYPE, .at = run->va + (first - run->pa), .value = first};
}

/* The main root's entry that translates va, its level, and the span of that; 0: not mapped. */
static uint64_t find_leaf(const struct pt_space *space, uint64_t va, unsigned *level)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t frame = space->main_root;

    for (*level = space->levels; (*level)-- > 0;) {
        uint64_t *table = memory->map(memory->ctx, frame);
        uint64_t entry = *slot_of(table, *level, va);

        memory->unmap(memory->ctx, table);
        if (entry == 0 || is_leaf(entry, *level))
            return entry;
        frame = entry & PTE_ADDR;
    }
    return 0;
}

/* In one root, and at the same distance: where these meet, they are the same mapping. */
static bool is_same(const struct pt_space *space, const struct pt_alias *alias,
                    const struct pt_run *run)
{
    return alias->va - alias->pa == run->va - run->pa && alias->root == space->root;
}

static bool is_alike(const struct pt_alias *alias, const struct pt_run *run)
{
    return alias->rights == run->rights && alias->type == run->type;
}

/* An entry of the same mapping, which the run begins in, covers, or follows. */
static void meet_same(struct alias_view *view, size_t i, const struct pt_alias *alias,
                      const struct pt_run *run, enum pt_op op)
{
    uint64_t alias_end = end_of(alias);
    uint64_t end = run->pa + run->len;
    bool alike = op != PT_UNMAP && is_alike(alias, run);

    if (alias_end == run->pa) {
        if (alike)
            view->before = i;
        return;
    }
    if (alias->pa == run->pa && alias_end == end)
        view->whole = i;
    /* It goes, and its ends stay: on their own, or as parts of what is added. */
    view->growth--;
    if (alike)
        view->known |= alias->pa <= run->pa && alias_end >= end;
    else
        view->growth += (alias->pa < run->pa) + (alias_end > end);
}

void alias_look(const struct pt_space *space, const struct pt_run *run, enum pt_op op,
                struct alias_view *view)
{
    struct pt_aliases *aliases = space->aliases;
    const struct pt_alias *entries = aliases->entries;
    uint64_t end = run->pa + run->len;
    size_t found = below(aliases, end);

    *view = (struct alias_view){
        .at = found, .end = found, .whole = ALIAS_NONE, .before = ALIAS_NONE, .after = ALIAS_NONE};
    for (size_t i = found; i-- > 0 && entries[i].reach >= run->pa;) {
        const struct pt_alias *alias = &entries[i];

        if (alias->pa >= run->pa)
            view->at = i;
        if (end_of(alias) >= run->pa && is_same(space, alias, run))
            meet_same(view, i, alias, run, op);
    }
    if (op == PT_UNMAP)
        return;
    view->kept = is_kept(space, run);
    for (size_t i = found; i < aliases->count && entries[i].pa == end; i++) {
        if (is_same(space, &entries[i], run) && is_alike(&entries[i], run))
            view->after = i;
    }
    if (view->known)
        view->growth = 0;
    else if (view->kept)
        view->growth += 1 - (view->before != ALIAS_NONE) - (view->after != ALIAS_NONE);
}

/* The directmap's own mapping of these frames, leaf by leaf. */
static void check_directmap(const struct pt_space *space, const struct pt_run *run,
                            const struct pt_change *change, struct error *err)
{
    for (uint64_t at = 0; at < run->len && run->pa + at < space->directmap_size;) {
        if (err->code && err->value <= run->pa + at)
            break;
        uint64_t va = space->directmap_base + run->pa + at;
        unsigned level;
        uint64_t leaf = find_leaf(space, va, &level);
        uint64_t span = span_of(level);
        unsigned rights;
        enum memtype type;

        if (leaf != 0) {
            pte_decode(leaf, level, &rights, &type);
            check(run, run->pa + at, rights, type, change, err);
        }
        at += span - (va & (span - 1));
    }
}

void alias_check(const struct pt_space *space, const struct pt_run *run,
                 const struct pt_change *change, const struct alias_view *view, struct error *err)
{
    const struct pt_alias *entries = space->aliases->entries;

    for (size_t i = view->end; i-- > 0 && entries[i].reach > run->pa;) {
        if (end_of(&entries[i]) > run->pa && !is_same(space, &entries[i], run))
            check(run, entries[i].pa, entries[i].rights, (enum memtype)entries[i].type, change,
                  err);
    }
    /* In the directmap frames are writable and write-back; those that are not are entries above. */
    if (((run->rights & RIGHT_X) || run->type != MEMTYPE_WB) && !is_direct(space, run))
        check_directmap(space, run, change, err);
}

/* Entry `from` has changed, alone: where a reach is what it was, so are all that follow. */
static void update_reach(struct pt_aliases *aliases, size_t from)
{
    uint64_t reach = from > 0 ? aliases->entries[from - 1].reach : 0;

    for (size_t i = from; i < aliases->count; i++) {
        struct pt_alias *alias = &aliases->entries[i];

        if (end_of(alias) > reach)
            reach = end_of(alias);
        if (alias->reach == reach)
            break;
        alias->reach = reach;
    }
}

/* Room for one more, where the caller puts what update_reach() is to look at. */
static struct pt_alias *open_gap(struct pt_aliases *aliases, size_t at)
{
    for (size_t i = aliases->count++; i > at; i--)
        aliases->entries[i] = aliases->entries[i - 1];
    return &aliases->entries[at];
}

static void take_out(struct pt_aliases *aliases, size_t at)
{
    aliases->count--;
    for (size_t i = at; i < aliases->count; i++)
        aliases->entries[i] = aliases->entries[i + 1];
    update_reach(aliases, at);
}

static void set_kind(struct pt_alias *alias, const struct pt_run *run)
{
    alias->rights = (uint8_t)run->rights;
    alias->type = (uint8_t)run->type;
}

/* A neighbour grows, or two become one, or it is an entry of its own. */
static void add(struct pt_space *space, const struct pt_run *run, const struct alias_view *view)
{
    struct pt_aliases *aliases = space->aliases;
    size_t at = view->before;
    uint64_t len = run->len;
    struct pt_alias *alias;

    if (!view->kept)
        return;
    if (view->after != ALIAS_NONE) {
        len += aliases->entries[view->after].len;
        take_out(aliases, view->after);
    }
    if (at != ALIAS_NONE) {
        aliases->entries[at].len += len;
    } else {
        at = view->at;
        alias = open_gap(aliases, at);
        alias->pa = run->pa;
        alias->len = len;
        alias->va = run->va;
        alias->root = space->root;
        set_kind(alias, run);
    }
    update_reach(aliases, at);
}

/* What of these entries lies in the run goes; what of them lies beside it stays. */
static void cut_out(struct pt_space *space, const struct pt_run *run, size_t end_index)
{
    struct pt_aliases *aliases = space->aliases;
    uint64_t end = run->pa + run->len;

    for (size_t i = end_index; i-- > 0;) {
        struct pt_alias *alias = &aliases->entries[i];
        struct pt_alias rest;

        if (alias->reach <= run->pa)
            break;
        if (end_of(alias) <= run->pa || !is_same(space, alias, run))
            continue;
        rest = *alias;
        if (alias->pa < run->pa) {
            alias->len = run->pa - alias->pa;
            update_reach(aliases, i);
        } else {
            take_out(aliases, i);
            end_index--;
        }
        if (end_of(&rest) > end) {
            rest.len = end_of(&rest) - end;
            rest.va += end - rest.pa;
            rest.pa = end;
            rest.reach = 0;
            *open_gap(aliases, end_index) = rest;
            update_reach(aliases, end_index);
        }
    }
}

void alias_change(struct pt_space *space, const struct pt_run *run, enum pt_op op,
                  const struct alias_view *view)
{
    struct pt_aliases *aliases = space->aliases;
    struct alias_view now;

    if (view->known)
        return;
    if (op != PT_MAP) {
        if (view->whole != ALIAS_NONE && op == PT_UNMAP) {
            take_out(aliases, view->whole);
            return;
        }
        if (view->whole != ALIAS_NONE && view->growth == 0) {
            set_kind(&aliases->entries[view->whole], run); /* stays one: nothing is to be joined */
            return;
        }
        cut_out(space, run, view->end);
        if (op == PT_UNMAP)
            return;
        alias_look(space, run, PT_MAP, &now);
        view = &now;
    }
    add(space, run, view);
}

void alias_forget(struct pt_space *space)
{
    for (size_t i = space->aliases->count; i-- > 0;) {
        if (space->aliases->entries[i].root == space->root)
            take_out(space->aliases, i);
    }
}

struct error pt_space_start(struct pt_space *space, const struct plan *plan)
{
    struct pt_aliases *aliases = space->aliases;

    aliases->count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        const struct pt_run run = {m->va, m->pa, m->len, m->rights, (enum memtype)m->type};
        struct alias_view view;

        alias_look(space, &run, PT_MAP, &view);
        if (aliases->count == aliases->max && view.growth > 0)
            return (struct error){.code = ERR_PLANFULL, .at = aliases->max};
        alias_change(space, &run, PT_MAP, &view);
    }
    return SUCCESS;
}
