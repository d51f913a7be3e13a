/* SPDX-License-Identifier: MIT */
#include "alias.h"

#include "update_table.h"

_Static_assert((RIGHT_W | RIGHT_X) >> ALIAS_TYPE_SHIFT == 0, "rights lie below the type");

static uint64_t pa_of(const struct pt_aliases *aliases, size_t i)
{
    return aliases->keys[i] & ~PAGE_MASK;
}

static struct pt_alias *alias_of(const struct pt_aliases *aliases, size_t i)
{
    return &aliases->entries[aliases->keys[i] & PAGE_MASK];
}

void pt_aliases_init(struct pt_aliases *aliases, struct pt_alias *entries, uint64_t *keys,
                     size_t max)
{
    *aliases = (struct pt_aliases){.entries = entries, .keys = keys, .max = max};
    for (size_t i = 0; i < max; i++)
        keys[i] = i;
}

/* What the change's entry is to be. */
static uint64_t kind_of(const struct pt_space *space, const struct pt_change *change)
{
    return space->root | ((unsigned)change->type & 0xff) << ALIAS_TYPE_SHIFT |
           (change->rights & (RIGHT_W | RIGHT_X));
}

/* In one root, and at the same distance: where these meet, they are the same mapping. */
static bool is_same(const struct pt_alias *alias, uint64_t distance, uint64_t kind)
{
    return alias->distance == distance && ((alias->kind ^ kind) & ~PAGE_MASK) == 0;
}

/* Of the same rights and type too: where these meet, they are one entry. */
static bool is_alike(const struct pt_alias *alias, uint64_t distance, uint64_t kind)
{
    return alias->distance == distance && alias->kind == kind;
}

/* Is this the directmap itself? That is the main root's: no other maps anything in its window. */
static bool is_direct(const struct pt_space *space, const struct pt_run *run)
{
    return run->va - space->directmap_base < space->directmap_size &&
           run->va - space->directmap_base == run->pa;
}

/* Write-back and not executable: as all of the directmap is that is not in the list. */
static bool is_ordinary(const struct pt_change *change)
{
    return !(change->rights & RIGHT_X) && change->type == MEMTYPE_WB;
}

/* Has this an entry at all? */
static bool is_kept(const struct pt_space *space, const struct pt_change *change,
                    const struct pt_run *run)
{
    return !is_direct(space, run) || !is_ordinary(change);
}

/* How many begin below this address. */
static inline size_t below(const struct pt_aliases *aliases, uint64_t pa)
{
    size_t low = 0;

    for (size_t high = aliases->count; low < high;) {
        size_t middle = (low + high) / 2;

        if (aliases->keys[middle] < pa)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The run's frames from `pa` on have another mapping. The first wrong page counts. */
static void check(const struct pt_run *run, uint64_t pa, unsigned rights, enum memtype type,
                  const struct pt_change *change, struct error *err)
{
    uint64_t first = pa > run->pa ? pa : run->pa;
    unsigned both = change->rights | rights;
    bool wx = (both & RIGHT_W) && (both & RIGHT_X) && !change->allow_wx;
    bool types = change->type != type && !change->allow_types;

    if ((wx || types) && (!err->code || first < err->value))
        *err = (struct error){
            .code = wx ? ERR_WX : ERR_TYPE, .at = run->va + (first - run->pa), .value = first};
}

static void check_alias(const struct pt_run *run, uint64_t pa, const struct pt_alias *alias,
                        const struct pt_change *change, struct error *err)
{
    check(run, pa, alias->kind & (RIGHT_W | RIGHT_X),
          (enum memtype)(alias->kind >> ALIAS_TYPE_SHIFT & 0xff), change, err);
}

/*
 * The directmap's own mapping of these frames, leaf by leaf. There they are
 * writable and write-back; those that are not are in the list.
 */
static void check_directmap(const struct pt_space *space, const struct pt_change *change,
                            const struct pt_run *run, struct error *err)
{
    if (is_ordinary(change) || is_direct(space, run))
        return;
    for (uint64_t at = 0; at < run->len && run->pa + at < space->directmap_size;) {
        if (err->code && err->value <= run->pa + at)
            break;
        uint64_t va = space->directmap_base + run->pa + at;
        unsigned level;
        uint64_t leaf = table_find(space, space->main_root, va, 0, &level);
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

/* Room for a new entry in front of the one that is `at`; the caller fills it, reach included. */
static inline struct pt_alias *open_gap(struct pt_aliases *aliases, size_t at, uint64_t pa)
{
    uint64_t unused = aliases->keys[aliases->count] & PAGE_MASK;

    for (size_t i = aliases->count++; i > at; i--)
        aliases->keys[i] = aliases->keys[i - 1];
    aliases->keys[at] = pa | unused;
    return &aliases->entries[unused];
}

/* [pa, end) of a mapping, of one kind; may be empty. */
struct part {
    uint64_t pa;
    uint64_t end;
    uint64_t kind;
};

/* A new entry, before those that begin at the same address. */
static void put_in(struct pt_aliases *aliases, const struct part *part, uint64_t distance)
{
    size_t at = below(aliases, part->pa);
    uint64_t reach = at > 0 ? alias_of(aliases, at - 1)->reach : 0;

    *open_gap(aliases, at, part->pa) = (struct pt_alias){part->end, distance, reach, part->kind};
    for (size_t i = at; i < aliases->count && alias_of(aliases, i)->reach < part->end; i++)
        alias_of(aliases, i)->reach = part->end;
}

/* An entry goes. Where a reach is what it was, so are all that follow. */
static void take_out(struct pt_aliases *aliases, size_t at)
{
    uint64_t unused = aliases->keys[at] & PAGE_MASK;
    uint64_t reach = at > 0 ? alias_of(aliases, at - 1)->reach : 0;

    aliases->count--;
    for (size_t i = at; i < aliases->count; i++)
        aliases->keys[i] = aliases->keys[i + 1];
    aliases->keys[aliases->count] = unused;
    for (size_t i = at; i < aliases->count; i++) {
        struct pt_alias *alias = alias_of(aliases, i);

        if (alias->end > reach)
            reach = alias->end;
        if (alias->reach == reach)
            break;
        alias->reach = reach;
    }
}

/*
 * An entry of the run's own mapping touches it. True: it goes, and is in the
 * parts instead. These are what stays before the run, the run itself with the
 * entries that it joins, being alike, and what stays behind it.
 */
static bool divide(struct part parts[3], const struct pt_run *run, uint64_t pa,
                   const struct pt_alias *alias, bool alike)
{
    uint64_t end = run->pa + run->len;

    if (alike) {
        if (pa < parts[1].pa)
            parts[1].pa = pa;
        if (alias->end > parts[1].end)
            parts[1].end = alias->end;
        return true;
    }
    if (pa >= end || alias->end <= run->pa)
        return false;
    if (pa < run->pa)
        parts[0] = (struct part){pa, run->pa, alias->kind};
    if (alias->end > end)
        parts[2] = (struct part){end, alias->end, alias->kind};
    return true;
}

long alias_update(const struct pt_space *space, const struct pt_change *change,
                  const struct pt_run *run, bool commit, struct error *err)
{
    struct pt_aliases *aliases = space->aliases;
    bool unmap = change->op == PT_UNMAP;
    uint64_t distance = run->va - run->pa;
    uint64_t kind = kind_of(space, change);
    uint64_t end = run->pa + run->len;
    struct part parts[3] = {{0}, {run->pa, end, kind}, {0}};
    long growth = 0;

    if (unmap || !is_kept(space, change, run))
        parts[1].end = 0;
    for (size_t i = below(aliases, end + PAGE_SIZE);
         i-- > 0 && alias_of(aliases, i)->reach >= run->pa;) {
        const struct pt_alias *alias = alias_of(aliases, i);
        uint64_t pa = pa_of(aliases, i);

        if (alias->end < run->pa)
            continue;
        if (is_same(alias, distance, kind)) {
            if (!divide(parts, run, pa, alias, parts[1].end != 0 && alias->kind == kind))
                continue;
            growth--;
            if (commit)
                take_out(aliases, i);
        } else if (err && !unmap && pa < end && alias->end > run->pa) {
            check_alias(run, pa, alias, change, err);
        }
    }
    if (err && !unmap)
        check_directmap(space, change, run, err);
    for (const struct part *part = parts; part < parts + 3; part++) {
        if (part->pa >= part->end)
            continue;
        growth++;
        if (commit)
            put_in(aliases, part, distance);
    }
    return growth;
}

/*
 * What is ordinary may be so in several places, writable or not. Are the
 * entries before this one such, as far as they overlap the page, and does none
 * end there that it is to go on?
 */
static inline bool is_clear(const struct pt_aliases *aliases, size_t i, uint64_t pa,
                            uint64_t distance, uint64_t kind)
{
    while (i-- > 0 && alias_of(aliases, i)->reach >= pa) {
        const struct pt_alias *alias = alias_of(aliases, i);
        uint64_t differs = (alias->kind ^ kind) & (PAGE_MASK - RIGHT_W);

        if (alias->end == pa ? is_alike(alias, distance, kind) : alias->end > pa && differs)
            return false;
    }
    return true;
}

/* A new page: an entry of its own, or it goes on the one before. */
static bool add_page(struct pt_aliases *aliases, size_t found, uint64_t pa, uint64_t distance,
                     uint64_t kind)
{
    uint64_t end = pa + PAGE_SIZE;
    uint64_t reach = end;

    if (found > 0) {
        struct pt_alias *before = alias_of(aliases, found - 1);

        if (!is_clear(aliases, found, pa, distance, kind)) {
            if (before->reach > pa || before->end < pa || !is_alike(before, distance, kind))
                return false;
            before->end = end;
            before->reach = end;
            return true;
        }
        if (before->reach > end)
            reach = before->reach;
    }
    *open_gap(aliases, found, pa) = (struct pt_alias){end, distance, reach, kind};
    return true;
}

/* The common cases, where nothing is cut. False: nothing has changed, and it takes more. */
static bool change_simply(const struct pt_space *space, const struct pt_change *change, uint64_t pa)
{
    struct pt_aliases *aliases = space->aliases;
    uint64_t kind = kind_of(space, change);
    uint64_t distance = change->va - pa;
    uint64_t end = pa + PAGE_SIZE;
    size_t found = below(aliases, end);
    struct pt_alias *own;

    if (change->va - space->directmap_base < space->directmap_size ||
        aliases->count == aliases->max)
        return false;
    if (change->op != PT_UNMAP) {
        if (!is_ordinary(change))
            return false;
        /* These may be keys that are not in use; then their address is 0. */
        if (pa_of(aliases, found) == end && (is_alike(alias_of(aliases, found), distance, kind) ||
                                             pa_of(aliases, found + 1) == end))
            return false;
    }
    if (change->op == PT_MAP)
        return add_page(aliases, found, pa, distance, kind);
    if (found-- == 0)
        return false;
    own = alias_of(aliases, found);
    if (pa_of(aliases, found) != pa || own->end != end || !is_same(own, distance, kind))
        return false;
    if (change->op == PT_UNMAP)
        take_out(aliases, found);
    else if (is_clear(aliases, found, pa, distance, kind))
        own->kind = kind;
    else
        return false;
    return true;
}

/* First all is looked at, then it is put down. False: *err, if that is asked for, or no room. */
static bool change_fully(const struct pt_space *space, const struct pt_change *change,
                         const struct pt_run *run, struct error *err)
{
    if (alias_is_full(space->aliases, alias_update(space, change, run, false, err)) ||
        (err && err->code))
        return false;
    alias_update(space, change, run, true, NULL);
    return true;
}

bool alias_page(const struct pt_space *space, const struct pt_change *change, uint64_t pa)
{
    const struct pt_run run = {change->va, pa, PAGE_SIZE};
    struct error err;

    if (change_simply(space, change, pa))
        return true;
    err.code = ERR_NONE;
    return change_fully(space, change, &run, &err);
}

void alias_forget(const struct pt_space *space)
{
    for (size_t i = space->aliases->count; i-- > 0;) {
        if ((alias_of(space->aliases, i)->kind & ~PAGE_MASK) == space->root)
            take_out(space->aliases, i);
    }
}

struct error pt_space_start(struct pt_space *space, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        const struct pt_run run = {m->va, m->pa, m->len};
        const struct pt_change change = {
            .op = PT_MAP, .rights = m->rights, .type = (enum memtype)m->type};

        if (!change_fully(space, &change, &run, NULL))
            return (struct error){.code = ERR_PLANFULL, .at = space->aliases->max};
    }
    return SUCCESS;
}
