/* SPDX-License-Identifier: MIT */
#include "update.h"

#include "update_pass.h"

void pass_wrong(struct pass *p, enum error_code code, uint64_t va, uint64_t pa)
{
    p->err.code = code;
    p->err.at = va | p->sign;
    p->err.value = pa;
}

uint64_t pt_same_type(struct pt_space *space, uint64_t pa, uint64_t end)
{
    struct pt_typed *typed = &space->typed;

    if (pa - typed->pa >= typed->len || end - typed->pa > typed->len) {
        uint64_t window = (pa | (span_of(2) - 1)) + 1;
        struct memtype_span span = memtype_span(space->mtrr, pa, end > window ? end : window);

        *typed = (struct pt_typed){pa, span.end - pa, span.type};
    }
    return typed->pa + typed->len < end ? typed->pa + typed->len : end;
}

/* Write-back needs the MTRRs' word; the first page that is wrong counts. */
static void check_types(struct pt_space *space, const struct pt_run *run, struct error *err)
{
    uint64_t end = run->pa + run->len;

    if (run->type != MEMTYPE_WB)
        return;
    for (uint64_t pa = run->pa; pa < end && !(err->code && err->value < pa);) {
        uint64_t next = pt_same_type(space, pa, end);

        if (space->typed.type != MEMTYPE_WB) {
            *err = (struct error){.code = ERR_TYPE, .at = run->va + (pa - run->pa), .value = pa};
            break;
        }
        pa = next;
    }
}

/* May these frames be mapped so? */
static void check_frames(struct pt_space *space, const struct pt_run *run,
                         const struct pt_change *change, const struct alias_view *view,
                         struct error *err)
{
    if (change->op == PT_UNMAP)
        return;
    alias_check(space, run, change, view, err);
    check_types(space, run, err);
}

void pass_end_run(struct pass *p)
{
    const struct pt_change *change = p->change;
    struct pt_run *run = &p->run;
    struct alias_view view;

    if (run->len == 0)
        return;
    alias_look(p->space, run, change->op, &view);
    if (p->commit) {
        alias_change(p->space, run, change->op, &view);
        return;
    }
    p->growth += view.growth;
    if (p->growth > p->peak)
        p->peak = p->growth;
    check_frames(p->space, run, change, &view, &p->err);
}

void put_row(const struct pt_space *space, const struct pt_change *change, const struct row *row,
             uint64_t entry)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t span = span_of(row->level);

    if (change->op == PT_PROTECT && !pte_same_type(*row->slot, entry, row->level)) {
        for (uint64_t i = 0; i < row->n; i++)
            memory->exchange(memory->ctx, &row->slot[i], entry + i * span, row->va + i * span,
                             span);
        return;
    }
    memory->write(memory->ctx, row->slot, row->n, entry, entry ? span : 0);
    if (change->op != PT_MAP)
        memory->flush(memory->ctx, row->va, row->n * span);
}

/* The table below `slot` has changed from va on: if it is not needed any more, it is cut off. */
static bool tidy(struct pass *p, unsigned level, uint64_t *slot, const uint64_t *table, uint64_t va)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t span = span_of(level);
    uint64_t start = (va & ~(span - 1)) | p->sign;
    size_t at = va >> slot_shift(level - 1) & (PT_SLOTS - 1);
    uint64_t leaf = 0;

    if (p->change->op == PT_UNMAP ? !table_is_empty(table, at)
                                  : (leaf = table_merged(p->space, level, table, at)) == 0)
        return false;
    if (level == p->space->levels - 1 && p->space->shared)
        return false;
    if (leaf != 0) {
        memory->exchange(memory->ctx, slot, leaf, start, span);
    } else {
        memory->write(memory->ctx, slot, 1, 0, 0);
        memory->flush(memory->ctx, start, span);
    }
    return true;
}

bool pass_leave(struct pass *p, unsigned level, uint64_t *slot, uint64_t *table, uint64_t va)
{
    uint64_t frame = *slot & PTE_ADDR;
    bool gone = tidy(p, level, slot, table, va);

    close_table(p, table);
    if (gone) {
        p->space->way.frame = 0;
        p->memory->free(p->memory->ctx, frame);
    }
    return gone;
}

/* Open the tables down to the lowest that holds all of [va, last]. */
static void descend(struct pass *p)
{
    unsigned level = p->space->levels - 1;
    uint64_t *table = open_table(p, p->space->root);

    p->tables[level] = table;
    while (level > 0 && (p->va ^ p->last) >> slot_shift(level) == 0) {
        uint64_t entry = *slot_of(table, level, p->va);

        if (entry == 0 || is_leaf(entry, level))
            break;
        table = open_table(p, entry & PTE_ADDR);
        p->tables[--level] = table;
        if (level == 0)
            p->frame = entry & PTE_ADDR;
    }
    p->level = level;
}

/* Back up from there. A table is other than it was if it changed itself, or lost the one below. */
static void ascend(struct pass *p)
{
    bool other = p->commit;
    unsigned level = p->level;

    while (level < p->space->levels - 1) {
        uint64_t *table = p->tables[level++];

        if (other)
            other = pass_leave(p, level, slot_of(p->tables[level], level, p->va), table, p->va);
        else
            close_table(p, table);
    }
    close_table(p, p->tables[level]);
}

/* Where another root has the main root's table, only that one's changes count. */
static void check_shared(struct pass *p)
{
    unsigned level = p->space->levels - 1;
    unsigned shift = slot_shift(level);
    const uint64_t *own = p->tables[level];
    uint64_t *mains = open_table(p, p->space->main_root);

    for (uint64_t i = p->va >> shift; i <= p->last >> shift && !p->err.code; i++) {
        if (own[i] != 0 && own[i] == mains[i])
            pass_wrong(p, ERR_CLASH, i << shift < p->va ? p->va : i << shift, 0);
    }
    close_table(p, mains);
}

static bool is_full(const struct pt_aliases *aliases, long growth)
{
    return growth > 0 && aliases->count + (size_t)growth > aliases->max;
}

/* All is well with the change, as far as tables and aliases go: is there room for it? */
static void check_room(struct pass *p)
{
    const struct pt_aliases *aliases = p->space->aliases;

    if (is_full(aliases, p->peak))
        p->err = (struct error){ERR_PLANFULL, aliases->max, 0, NULL, NULL};
    else if (p->frames > 0 && !p->memory->reserve(p->memory->ctx, p->frames))
        p->err = (struct error){ERR_NOFRAMES, 0, p->frames, NULL, NULL};
}

/*
 * With this entry in a slot, is there another that shows that the table is
 * neither empty nor one large page? A few are asked; no: it may be needed still.
 */
static bool is_needed(const uint64_t *table, size_t at, uint64_t entry)
{
    size_t i = 1;

    /* Those would go on from it, or be empty too. */
    while (i < PT_SLOTS && table[at ^ i] == (entry ? entry + ((at ^ i) - at) * span_of(0) : 0))
        i *= 2;
    return i < PT_SLOTS;
}

/* One page in a table of pages: false, and nothing has changed, where that is not all. */
static bool change_page(struct pt_space *space, const struct pt_change *change, uint64_t *table)
{
    size_t at = change->va >> PT_PAGE_SHIFT & (PT_SLOTS - 1);
    bool map = change->op == PT_MAP;
    const struct row row = {&table[at], change->va, 1, 0};
    const struct pt_run run = {change->va, map ? change->pa : frame_of(*row.slot, 0), span_of(0),
                               change->rights, change->type};
    uint64_t entry = table_entry(space, change, run.pa, 0);
    struct alias_view view;
    struct error err;

    if ((*row.slot == 0) != map || !is_needed(table, at, entry))
        return false;
    alias_look(space, &run, change->op, &view);
    err.code = ERR_NONE;
    check_frames(space, &run, change, &view, &err);
    if (err.code || is_full(space->aliases, view.growth))
        return false;
    put_row(space, change, &row, entry);
    alias_change(space, &run, change->op, &view);
    return true;
}

/*
 * The common case: one page in the table that the space remembers. What it
 * cannot do, or what is wrong, is left to the general way, from the beginning.
 * That table is there, for no table goes but in pass_leave(); and it is this
 * root's own to change, for what is shared with another got past check_shared().
 */
static bool is_short(struct pt_space *space, const struct pt_change *change)
{
    const struct pt_live_memory *memory = space->memory;
    const struct pt_way *way = &space->way;
    uint64_t *table;
    bool done;

    if (change->len != span_of(0) || way->frame == 0 || (way->va ^ change->va) >> slot_shift(1))
        return false;
    table = memory->map(memory->ctx, way->frame);
    done = change_page(space, change, table);
    memory->unmap(memory->ctx, table);
    return done;
}

static struct error update_tables(struct pt_space *space, const struct pt_change *change)
{
    uint64_t inside = span_of(space->levels) - 1;
    uint64_t va = change->va & inside;
    struct pass p = {.space = space,
                     .memory = space->memory,
                     .change = change,
                     .sign = change->va & ~inside,
                     .va = va,
                     .last = va + (change->len - 1),
                     .distance = change->pa - va,
                     .run = {.rights = change->rights, .type = change->type}};

    descend(&p);
    if (space->root != space->main_root)
        check_shared(&p);
    if (!p.err.code && p.frame != 0 && change->len == span_of(0) &&
        change_page(space, change, p.tables[0])) {
        space->way = (struct pt_way){change->va, p.frame};
    } else {
        if (!p.err.code)
            pass_walk(&p);
        if (!p.err.code)
            check_room(&p);
        if (!p.err.code) {
            p.commit = true;
            pass_walk(&p);
        }
    }
    ascend(&p);
    return p.err;
}

struct error pt_update(struct pt_space *space, const struct pt_change *change)
{
    enum error_code code = pt_check_change(space, change);

    if (code)
        return (struct error){
            .code = code, .at = change->va, .value = change->op == PT_MAP ? change->pa : 0};
    return is_short(space, change) ? SUCCESS : update_tables(space, change);
}
