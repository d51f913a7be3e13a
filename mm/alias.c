/* SPDX-License-Identifier: MIT */
#include "alias.h"

#include "x86.h"

static uint64_t end_of(const struct pt_alias *alias)
{
    return alias->pa + alias->len;
}

/* Is this the directmap itself? */
static bool is_direct(const struct pt_space *space, const struct pt_run *run)
{
    return run->va - space->directmap_base < space->directmap_size &&
           run->va - space->directmap_base == run->pa;
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

/* Frames from `pa` on are shared with a mapping of these rights and type: the first page is wrong? */
static struct error conflict(const struct pt_run *run, uint64_t pa, unsigned rights,
                             enum memtype type, const struct pt_change *change)
{
    uint64_t first = pa > run->pa ? pa : run->pa;
    struct error err = {.at = run->va + (first - run->pa), .value = first};
    unsigned both = run->rights | rights;

    if (!change->allow_wx && (both & RIGHT_W) && (both & RIGHT_X))
        err.code = ERR_WX;
    else if (!change->allow_types && run->type != type)
        err.code = ERR_TYPE;
    return err.code ? err : SUCCESS;
}

/* Of two errors, the one about the page that comes first. */
static struct error first_of(struct error a, struct error b)
{
    if (!a.code || !b.code)
        return a.code ? a : b;
    return b.value < a.value ? b : a;
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
            err = conflict(run, run->pa + at, rights, type, change);
        }
        at += span - (va & (span - 1));
    }
    return err;
}

struct error alias_check(const struct pt_space *space, const struct pt_run *run,
                         const struct pt_change *change)
{
    struct error err = SUCCESS;

    for (size_t i = below(space, run->pa + run->len); i-- > 0;) {
        const struct pt_alias *alias = &space->aliases[i];

        if (alias->reach <= run->pa)
            break;
        /* One that keeps the same distance is this very mapping. */
        if (end_of(alias) > run->pa && alias->va - alias->pa != run->va - run->pa)
            err = first_of(
                err, conflict(run, alias->pa, alias->rights, (enum memtype)alias->type, change));
    }
    if (is_direct(space, run))
        return err;
    /* In the directmap frames are writable and write-back; those that are not are aliases above. */
    if ((run->rights & RIGHT_X) || run->type != MEMTYPE_WB)
        err = first_of(err, check_directmap(space, run, change));
    return err;
}

/* Of the directmap, only what is out of the ordinary is kept. */
static bool is_kept(const struct pt_space *space, const struct pt_run *run)
{
    return !is_direct(space, run) || (run->rights & RIGHT_X) || run->type != MEMTYPE_WB;
}

/* Of the same kind, and at the same distance. */
static bool continues(const struct pt_alias *alias, const struct pt_run *run)
{
    return alias->va - alias->pa == run->va - run->pa && alias->rights == run->rights &&
           alias->type == run->type;
}

/* Where the alias is that ends where this run begins, or begins where it ends; naliases: nowhere. */
static size_t find_before(const struct pt_space *space, const struct pt_run *run)
{
    for (size_t i = below(space, run->pa); i-- > 0 && space->aliases[i].reach >= run->pa;) {
        if (end_of(&space->aliases[i]) == run->pa && continues(&space->aliases[i], run))
            return i;
    }
    return space->naliases;
}

static size_t find_after(const struct pt_space *space, const struct pt_run *run)
{
    uint64_t end = run->pa + run->len;

    for (size_t i = below(space, end); i < space->naliases && space->aliases[i].pa == end; i++) {
        if (continues(&space->aliases[i], run))
            return i;
    }
    return space->naliases;
}

bool alias_known(const struct pt_space *space, const struct pt_run *run)
{
    for (size_t i = below(space, run->pa + 1); i-- > 0;) {
        const struct pt_alias *alias = &space->aliases[i];

        if (alias->reach <= run->pa)
            break;
        if (end_of(alias) >= run->pa + run->len && continues(alias, run))
            return true;
    }
    return false;
}

long alias_growth(const struct pt_space *space, const struct pt_run *run, enum pt_op op)
{
    uint64_t end = run->pa + run->len;
    long growth = 0;

    for (size_t i = op == PT_MAP ? 0 : below(space, end); i-- > 0;) {
        const struct pt_alias *alias = &space->aliases[i];
        bool stays = op == PT_PROTECT && continues(alias, run);

        if (alias->reach <= run->pa)
            break;
        /* It goes, and its ends stay: on their own, or as parts of what is added. */
        if (end_of(alias) > run->pa && alias->va - alias->pa == run->va - run->pa)
            growth += (alias->pa < run->pa && !stays) + (end_of(alias) > end && !stays) - 1;
    }
    if (op != PT_UNMAP && is_kept(space, run))
        growth += 1 - (find_before(space, run) < space->naliases) -
                  (find_after(space, run) < space->naliases);
    return growth;
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
    size_t at;

    if (!is_kept(space, run))
        return;
    at = find_after(space, run);
    if (at < space->naliases) {
        alias.len += space->aliases[at].len;
        take_out(space, at);
        update_reach(space, at);
    }
    at = find_before(space, run);
    if (at < space->naliases) {
        space->aliases[at].len += alias.len;
    } else {
        at = below(space, run->pa);
        insert(space, at, &alias);
    }
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

        if (space->naliases == space->max_aliases && alias_growth(space, &run, PT_MAP) > 0)
            return (struct error){.code = ERR_PLANFULL, .at = space->max_aliases};
        alias_add(space, &run);
    }
    return SUCCESS;
}
