/* SPDX-License-Identifier: MIT */
#include "update.h"

#include "alias.h"
#include "x86.h"

/* One way through the tables: the first checks and counts, the second commits. */
struct pass {
    struct pt_space *space;
    const struct pt_live_memory *memory;
    const struct pt_change *change;
    struct mapping piece; /* of PT_MAP: on it one MTRR type holds */
    struct pt_run run;    /* pages in a row, as they are met; len 0: none yet */
    uint64_t attributes[PT_LEAF_LEVELS];
    bool commit;
    size_t frames;
    long growth; /* of the registry of aliases, and the most that it came to on the way */
    long peak;
};

static unsigned slot_shift(unsigned level)
{
    return PT_PAGE_SHIFT + PT_BITS * level;
}

static uint64_t span_of(unsigned level)
{
    return UINT64_C(1) << slot_shift(level);
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & PTE_PS);
}

static uint64_t frame_of(uint64_t leaf, unsigned level)
{
    return leaf & PTE_ADDR & ~(span_of(level) - 1);
}

static uint64_t canonical(const struct pass *p, uint64_t va)
{
    unsigned unused = 64 - slot_shift(p->space->levels);

    return (uint64_t)((int64_t)(va << unused) >> unused);
}

static struct error wrong(enum error_code code, uint64_t va, uint64_t pa)
{
    return (struct error){.code = code, .at = va, .value = pa};
}

/* By the MTRRs and by other mappings of its frames; the first page that is wrong counts. */
static struct error check_run(const struct pass *p, const struct pt_run *run)
{
    struct error err = alias_check(p->space, run, p->change);
    uint64_t end = run->pa + run->len;
    uint64_t pa = run->pa;

    while (run->type == MEMTYPE_WB && pa < end) {
        struct memtype_span span = memtype_span(p->space->mtrr, pa, end);

        if (span.type != MEMTYPE_WB) {
            if (!err.code || pa <= err.value)
                err = wrong(ERR_TYPE, run->va + (pa - run->pa), pa);
            break;
        }
        pa = span.end;
    }
    return err;
}

/* The run has ended: in the first pass check its aliases, in the second keep account of it. */
static struct error end_run(struct pass *p)
{
    const struct pt_change *change = p->change;
    struct pt_run run = p->run;
    bool known;

    p->run.len = 0;
    if (run.len == 0)
        return SUCCESS;
    run.rights = change->rights;
    run.type = change->type;
    known = change->op == PT_PROTECT && alias_known(p->space, &run);
    if (p->commit && known)
        return SUCCESS;
    if (p->commit) {
        if (change->op != PT_MAP)
            alias_remove(p->space, &run);
        if (change->op != PT_UNMAP)
            alias_add(p->space, &run);
        return SUCCESS;
    }
    p->growth += known ? 0 : alias_growth(p->space, &run, change->op);
    if (p->growth > p->peak)
        p->peak = p->growth;
    if (change->op == PT_UNMAP)
        return SUCCESS;
    return check_run(p, &run);
}

static struct error note(struct pass *p, uint64_t va, uint64_t pa, uint64_t len)
{
    struct error err = SUCCESS;

    va = canonical(p, va);
    if (p->run.len > 0 && p->run.va + p->run.len == va && p->run.pa + p->run.len == pa) {
        p->run.len += len;
        return SUCCESS;
    }
    err = end_run(p);
    p->run = (struct pt_run){.va = va, .pa = pa, .len = len};
    return err;
}

/* What a leaf becomes; 0 if it goes. */
static uint64_t changed(const struct pass *p, uint64_t leaf, unsigned level)
{
    return p->change->op == PT_UNMAP ? 0 : frame_of(leaf, level) | p->attributes[level];
}

static uint64_t alloc_for_build(void *ctx, unsigned level, uint64_t va)
{
    const struct pass *p = ctx;

    (void)level;
    (void)va;
    return p->memory->alloc(p->memory->ctx);
}

static uint64_t *map_for_build(void *ctx, uint64_t frame)
{
    const struct pass *p = ctx;

    return p->memory->map(p->memory->ctx, frame);
}

static void unmap_for_build(void *ctx, uint64_t *table)
{
    const struct pass *p = ctx;

    p->memory->unmap(p->memory->ctx, table);
}

/* The piece's part in one slot that nothing is in yet: a table for it. */
static struct error map_under(struct pass *p, unsigned level, uint64_t *slot, uint64_t va,
                              uint64_t stop)
{
    const struct pt_memory memory = {p, alloc_for_build, map_for_build, unmap_for_build};
    struct mapping part = p->piece;

    part.va = va;
    part.pa = p->piece.pa + (va - p->piece.va);
    part.len = stop - va;
    if (p->commit)
        p->memory->write(p->memory->ctx, slot, 1,
                         pt_build_under(&part, p->space->levels, level, &memory) | PT_LINK, 0);
    else
        p->frames += pt_count_under(&part, p->space->levels, level);
    return note(p, va, part.pa, part.len);
}

/* Slots that are empty, from `slot` on; *va goes on behind what was done. */
static struct error on_empty(struct pass *p, unsigned level, uint64_t *slot, uint64_t *va,
                             uint64_t end)
{
    uint64_t span = span_of(level);
    uint64_t from = *va;
    uint64_t stop = (from & ~(span - 1)) + span;
    uint64_t pa = p->piece.pa + (from - p->piece.va);
    uint64_t room = PT_SLOTS - ((from >> slot_shift(level)) & (PT_SLOTS - 1));
    uint64_t n = 1;

    if (p->change->op != PT_MAP)
        return wrong(ERR_ABSENT, canonical(p, from), 0);
    if (stop > end || from + span != stop || level > p->piece.max_level ||
        ((from ^ pa) & (span - 1))) {
        *va = stop < end ? stop : end;
        return map_under(p, level, slot, from, *va);
    }
    while (n < room && n < (end - from) >> slot_shift(level) && slot[n] == 0)
        n++;
    if (p->commit)
        p->memory->write(p->memory->ctx, slot, n, pa | p->attributes[level], span);
    *va = from + n * span;
    return note(p, from, pa, n * span);
}

/* Whole leaves of one kind in a row: new entries in place where only rights change. */
static void change_leaves(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t n)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t span = span_of(level);
    uint64_t leaf = changed(p, slot[0], level);
    unsigned rights;
    enum memtype type;

    pte_decode(slot[0], level, &rights, &type);
    if (leaf == 0 || type == p->change->type) {
        memory->write(memory->ctx, slot, n, leaf, leaf ? span : 0);
        memory->flush(memory->ctx, canonical(p, va), n * span);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        memory->exchange(memory->ctx, &slot[i], leaf + i * span, canonical(p, va + i * span), span);
}

/* Tables for a leaf that changes only on [va, stop): two at most on each level. */
static size_t count_split(unsigned level, uint64_t va, uint64_t stop)
{
    uint64_t span = span_of(level);
    uint64_t first = va & (span - 1);
    uint64_t last = stop & (span - 1);
    size_t count = 1;

    if (first != 0 && last != 0 && (va & ~(span - 1)) == (stop & ~(span - 1)))
        return count + count_split(level - 1, va, stop);
    if (first != 0)
        count += count_split(level - 1, va, va - first + span);
    if (last != 0)
        count += count_split(level - 1, stop - last, stop);
    return count;
}

/* A table of this level that says what the leaf above it said, but for [va, stop). */
static uint64_t build_split(struct pass *p, unsigned level, uint64_t leaf, uint64_t va,
                            uint64_t stop)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t span = span_of(level);
    unsigned first = va >> slot_shift(level) & (PT_SLOTS - 1);
    uint64_t frame = memory->alloc(memory->ctx);
    uint64_t *table = memory->map(memory->ctx, frame);
    unsigned i = first;

    if (first > 0)
        pt_put(table, first, leaf, span);
    for (; va < stop; i++) {
        uint64_t next = (va & ~(span - 1)) + span;
        uint64_t old = leaf + i * span;
        uint64_t end = next < stop ? next : stop;
        uint64_t small = old;
        unsigned rights;
        enum memtype type;

        if (end - va == span) {
            table[i] = changed(p, old, level);
        } else {
            pte_decode(old, level, &rights, &type);
            small = frame_of(old, level) | pte_attributes(rights, type, level - 1);
            table[i] = build_split(p, level - 1, small, va, end) | PT_LINK;
        }
        va = end;
    }
    if (i < PT_SLOTS)
        pt_put(table + i, PT_SLOTS - i, leaf + i * span, span);
    memory->unmap(memory->ctx, table);
    return frame;
}

/* A leaf of which a part changes. */
static struct error split(struct pass *p, unsigned level, uint64_t *slot, uint64_t va,
                          uint64_t stop)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t span = span_of(level);
    uint64_t start = va & ~(span - 1);
    uint64_t pa = frame_of(*slot, level);
    unsigned rights;
    enum memtype type;

    pte_decode(*slot, level, &rights, &type);
    if (p->change->op == PT_PROTECT && rights == p->change->rights && type == p->change->type)
        return note(p, va, pa + (va - start), stop - va);
    if (p->commit) {
        uint64_t frame;

        frame = build_split(p, level - 1, pa | pte_attributes(rights, type, level - 1), va, stop);
        memory->exchange(memory->ctx, slot, frame | PT_LINK, canonical(p, start), span);
    } else {
        p->frames += count_split(level - 1, va, stop);
    }
    return note(p, va, pa + (va - start), stop - va);
}

/* A leaf, or several in a row, from `slot` on. */
static struct error on_leaf(struct pass *p, unsigned level, uint64_t *slot, uint64_t *va,
                            uint64_t end)
{
    uint64_t span = span_of(level);
    uint64_t from = *va;
    uint64_t stop = (from & ~(span - 1)) + span;
    uint64_t room = PT_SLOTS - ((from >> slot_shift(level)) & (PT_SLOTS - 1));
    uint64_t pa = frame_of(*slot, level);
    uint64_t n = 1;

    if (p->change->op == PT_MAP)
        return wrong(ERR_CLASH, canonical(p, from), pa + (from & (span - 1)));
    if (stop > end || from + span != stop) {
        *va = stop < end ? stop : end;
        return split(p, level, slot, from, *va);
    }
    while (n < room && n < (end - from) >> slot_shift(level) && slot[n] == slot[0] + n * span)
        n++;
    if (p->commit)
        change_leaves(p, level, slot, from, n);
    *va = from + n * span;
    return note(p, from, pa, n * span);
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < PT_SLOTS; i++) {
        if (table[i] != 0)
            return false;
    }
    return true;
}

/* The leaf of `level` that says what this table below it says; 0: there is none. */
static uint64_t merged(const struct pass *p, unsigned level, const uint64_t *table)
{
    uint64_t step = span_of(level - 1);
    uint64_t pa = frame_of(table[0], level - 1);
    unsigned rights;
    enum memtype type;

    if (level > p->space->max_level || table[0] == 0 || !is_leaf(table[0], level - 1) ||
        (pa & (span_of(level) - 1)) != 0)
        return 0;
    for (unsigned i = PT_SLOTS; i-- > 1;) {
        if (table[i] != table[0] + i * step)
            return 0;
    }
    if (memtype_span(p->space->mtrr, pa, pa + span_of(level)).end != pa + span_of(level))
        return 0;
    pte_decode(table[0], level - 1, &rights, &type);
    return pa | pte_attributes(rights, type, level);
}

/* The table below has changed: if it is not needed any more, it is cut off, and its frame returned. */
static uint64_t tidy(struct pass *p, unsigned level, uint64_t *slot, const uint64_t *table,
                     uint64_t va)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t span = span_of(level);
    uint64_t start = canonical(p, va & ~(span - 1));
    uint64_t frame = *slot & PTE_ADDR;
    uint64_t leaf;

    if (p->change->op == PT_UNMAP && is_empty(table)) {
        memory->write(memory->ctx, slot, 1, 0, 0);
        memory->flush(memory->ctx, start, span);
        return frame;
    }
    leaf = merged(p, level, table);
    if (leaf == 0)
        return 0;
    memory->exchange(memory->ctx, slot, leaf, start, span);
    return frame;
}

static struct error visit(struct pass *p, unsigned level, uint64_t *table, uint64_t va,
                          uint64_t end);

static struct error on_table(struct pass *p, unsigned level, uint64_t *slot, uint64_t va,
                             uint64_t stop)
{
    uint64_t *table = p->memory->map(p->memory->ctx, *slot & PTE_ADDR);
    struct error err = visit(p, level - 1, table, va, stop);

    uint64_t unused = p->commit ? tidy(p, level, slot, table, va) : 0;

    p->memory->unmap(p->memory->ctx, table);
    if (unused != 0)
        p->memory->free(p->memory->ctx, unused);
    return err;
}

/* [va, end) in a table of this level; recursion is as deep as there are levels. */
static struct error visit(struct pass *p, unsigned level, uint64_t *table, uint64_t va,
                          uint64_t end)
{
    struct error err = SUCCESS;

    while (va < end && !err.code) {
        uint64_t *slot = &table[va >> slot_shift(level) & (PT_SLOTS - 1)];
        uint64_t stop = (va & ~(span_of(level) - 1)) + span_of(level);

        if (*slot == 0) {
            err = on_empty(p, level, slot, &va, end);
        } else if (is_leaf(*slot, level)) {
            err = on_leaf(p, level, slot, &va, end);
        } else {
            stop = stop < end ? stop : end;
            err = on_table(p, level, slot, va, stop);
            va = stop;
        }
    }
    return err;
}

/* The whole range; what is mapped anew in pieces, for no leaf may hold two memory types. */
static struct error go(struct pass *p, bool commit)
{
    const struct pt_change *change = p->change;
    uint64_t va = change->va & (span_of(p->space->levels) - 1);
    uint64_t *root = p->memory->map(p->memory->ctx, p->space->root);
    struct error err = SUCCESS;

    p->commit = commit;
    for (uint64_t done = 0; done < change->len && !err.code;) {
        uint64_t pa = change->pa + done;
        uint64_t len = change->len - done;

        if (change->op == PT_MAP)
            len = memtype_span(p->space->mtrr, pa, pa + len).end - pa;
        p->piece = (struct mapping){
            .va = va + done,
            .pa = pa,
            .len = len,
            .rights = (uint8_t)change->rights,
            .type = (uint8_t)change->type,
            .max_level = (uint8_t)(change->max_level < p->space->max_level ? change->max_level
                                                                           : p->space->max_level),
        };
        err = visit(p, p->space->levels - 1, root, va + done, va + done + len);
        done += len;
    }
    p->memory->unmap(p->memory->ctx, root);
    return err.code ? err : end_run(p);
}

/* Nothing but RAM at its own address belongs into the directmap's window. */
static bool meets_window(const struct pt_space *space, const struct pt_change *change)
{
    return change->va - space->directmap_base < space->directmap_size ||
           (space->directmap_size > 0 && space->directmap_base - change->va < change->len);
}

/* What can be said without looking at the tables. */
static struct error check_change(const struct pt_space *space, const struct pt_change *change)
{
    unsigned sign = slot_shift(space->levels) - 1;
    uint64_t last = change->va + (change->len - 1);
    uint64_t half = change->va >> sign;
    uint64_t width = UINT64_C(1) << space->phys_bits;
    uint64_t pa = change->op == PT_MAP ? change->pa : 0;
    enum error_code code = ERR_NONE;

    if (change->len == 0 || ((change->va | pa | change->len) & PAGE_MASK))
        code = ERR_ALIGN;
    else if (last < change->va || half != last >> sign || (half != 0 && half != UINT64_MAX >> sign))
        code = ERR_CANONICAL;
    else if (change->op == PT_MAP && (pa >= width || change->len > width - pa))
        code = ERR_WIDTH;
    else if (change->op == PT_MAP && change->max_level >= PT_LEAF_LEVELS)
        code = ERR_LARGE;
    else if (change->op == PT_MAP && meets_window(space, change) &&
             change->va - space->directmap_base != pa)
        code = ERR_CLASH;
    else if (change->op != PT_UNMAP && (change->rights & RIGHT_W) && (change->rights & RIGHT_X) &&
             !change->allow_wx)
        code = ERR_WX;
    return code ? wrong(code, change->va, pa) : SUCCESS;
}

struct error pt_update(struct pt_space *space, const struct pt_change *change)
{
    struct pass p = {.space = space, .memory = space->memory, .change = change};
    struct error err = check_change(space, change);

    for (unsigned level = 0; level < PT_LEAF_LEVELS; level++)
        p.attributes[level] = pte_attributes(change->rights, change->type, level);
    if (!err.code)
        err = go(&p, false);
    if (err.code)
        return err;
    if (p.peak > 0 && space->naliases + (size_t)p.peak > space->max_aliases)
        return (struct error){.code = ERR_PLANFULL, .at = space->max_aliases};
    if (!space->memory->reserve(space->memory->ctx, p.frames))
        return (struct error){.code = ERR_NOFRAMES, .value = p.frames};
    return go(&p, true);
}
