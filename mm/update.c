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

    for (uint64_t pa = run->pa; pa < end && !(err->code && err->value < pa);) {
        uint64_t next = pt_same_type(space, pa, end);

        if (space->typed.type != MEMTYPE_WB) {
            *err = (struct error){.code = ERR_TYPE, .at = run->va + (pa - run->pa), .value = pa};
            break;
        }
        pa = next;
    }
}

void pass_end_run(struct pass *p)
{
    const struct pt_change *change = p->change;

    if (p->run.len == 0)
        return;
    p->growth += alias_update(p->space, change, &p->run, p->commit, p->commit ? NULL : &p->err);
    if (p->commit)
        return;
    if (p->growth > p->peak)
        p->peak = p->growth;
    if (change->op != PT_UNMAP && change->type == MEMTYPE_WB)
        check_types(p->space, &p->run, &p->err);
}

bool pt_leaves_lines(const struct pt_space *space, const struct pt_change *change)
{
    return change->op == PT_MAP && change->type != space->typed.type &&
           memtype_is_cached(space->typed.type);
}

/* The row's memory type changes, or may not be what caches have of its frames. */
static void retype_row(const struct pt_space *space, const struct pt_change *change,
                       const struct row *row, uint64_t entry)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t span = span_of(row->level);
    struct pt_exchange what = {row->slot, row->n, entry, span, row->va, row->n * span, row->va, 0};
    unsigned rights;
    enum memtype before = MEMTYPE_UC;

    if (change->op == PT_PROTECT)
        pte_decode(*row->slot, row->level, &rights, &before);
    if (memtype_is_cached(before) || pt_leaves_lines(space, change))
        what.clean_len = what.len;
    memory->exchange(memory->ctx, &what);
}

void put_row(const struct pt_space *space, const struct pt_change *change, const struct row *row,
             uint64_t entry)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t span = span_of(row->level);

    if (change->op == PT_PROTECT ? !pte_same_type(*row->slot, entry, row->level)
                                 : pt_leaves_lines(space, change)) {
        retype_row(space, change, row, entry);
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

    if (level == p->space->levels - 1 && p->space->sharers > 0)
        return false;
    if (p->change->op == PT_UNMAP ? !table_is_empty(table, at)
                                  : (leaf = table_merged(p->space, level, table, at)) == 0)
        return false;
    if (leaf != 0) {
        memory->exchange(memory->ctx,
                         &(const struct pt_exchange){slot, 1, leaf, 0, start, span, 0, 0});
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
        p->space->recent.frame = 0;
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

/* All is well with the change, as far as tables and aliases go: is there room for it? */
static void check_room(struct pass *p)
{
    const struct pt_aliases *aliases = p->space->aliases;

    if (alias_is_full(aliases, p->peak)) {
        p->err = (struct error){ERR_PLANFULL, aliases->max, 0, NULL, NULL};
    } else if (p->frames > 0) {
        p->err.code = p->memory->reserve(p->memory->ctx, p->frames);
        p->err.value = p->err.code ? p->frames : 0;
    }
}

/*
 * With this entry in a slot, is there another that shows that the table is
 * neither empty nor one large page? A few are asked; no: it may be needed still.
 */
static bool is_needed(const uint64_t *table, size_t at, uint64_t entry)
{
    size_t i = 1;

    /* Those would go on from it, or be empty too. */
    while (i < PT_SLOTS &&
           ((table[at ^ i] ^ (entry ? entry + ((at ^ i) - at) * span_of(0) : 0)) & ~PTE_G) == 0)
        i *= 2;
    return i < PT_SLOTS;
}

/* False, and nothing has changed, where that is not all. */
static bool change_page(struct pt_space *space, const struct pt_change *change, uint64_t *table)
{
    const struct pt_live_memory *memory = space->memory;
    size_t at = change->va >> PT_PAGE_SHIFT & (PT_SLOTS - 1);
    bool map = change->op == PT_MAP;
    uint64_t old = table[at];
    uint64_t pa = map ? change->pa : frame_of(old, 0);
    uint64_t entry = table_entry(space, change, pa, 0);

    if ((old == 0) != map || !is_needed(table, at, entry) ||
        (entry && change->type == MEMTYPE_WB && !pt_is_wb(space, pa)) ||
        !alias_page(space, change, pa))
        return false;
    if (map && change->type == MEMTYPE_WB) {
        memory->write(memory->ctx, &table[at], 1, entry, 0);
        return true;
    }
    if (map)
        pt_same_type(space, pa, pa + span_of(0));
    put_row(space, change, &(const struct row){&table[at], change->va, 1, 0}, entry);
    return true;
}

/*
 * A page in the table that the space remembers? That is there still, for no
 * table goes but in pass_leave(), and this root's own to change.
 */
static bool is_near(const struct pt_space *space, const struct pt_change *change)
{
    const struct pt_recent *recent = &space->recent;

    return change->len == span_of(0) && recent->frame != 0 &&
           (recent->va ^ change->va) >> slot_shift(1) == 0;
}

/*
 * The common case: one page, in a table of pages that is there. What it cannot
 * do, or what is wrong, is left to the general way, from the beginning.
 */
static bool update_page(struct pt_space *space, const struct pt_change *change, bool near)
{
    const struct pt_live_memory *memory = space->memory;
    struct pt_recent *recent = &space->recent;
    uint64_t *table;
    bool done;

    if (!near) {
        if (change->len != span_of(0))
            return false;
        *recent = (struct pt_recent){change->va, table_of_pages(space, change->va)};
        if (recent->frame == 0)
            return false;
    }
    table = memory->map(memory->ctx, recent->frame);
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
                     .distance = change->pa - va};

    descend(&p);
    if (space->root != space->main_root)
        check_shared(&p);
    if (!p.err.code)
        pass_walk(&p);
    if (!p.err.code)
        check_room(&p);
    if (!p.err.code) {
        p.commit = true;
        pass_walk(&p);
    }
    ascend(&p);
    return p.err;
}

/* Nothing but RAM at its own address belongs into the directmap's window, in the main root. */
static bool clashes(const struct pt_space *space, const struct pt_change *change)
{
    uint64_t above = change->va - space->directmap_base;

    if (above >= space->directmap_size && (space->directmap_size == 0 || -above >= change->len))
        return false;
    return above != change->pa || space->root != space->main_root;
}

/* What can be said of a change without looking at the tables: its form, W+X, the window. */
static enum error_code check_change(const struct pt_space *space, const struct pt_change *change,
                                    bool near)
{
    unsigned sign = slot_shift(space->levels) - 1;
    uint64_t va = change->va;
    uint64_t last = va + (change->len - 1);
    bool map = change->op == PT_MAP;
    uint64_t pa = map ? change->pa : 0;

    if (change->len == 0 || ((va | pa | change->len) & PAGE_MASK))
        return ERR_ALIGN;
    /*
     * Both in one half; with its least address added, the upper half is below
     * the lower one. What is near an address that was in order is so too.
     */
    if (!near && (last < va || (va ^ last) >> sign || (va + (UINT64_C(1) << sign)) >> (sign + 1)))
        return ERR_CANONICAL;
    if (map) {
        if ((pa | (pa + (change->len - 1))) >> space->phys_bits)
            return ERR_WIDTH;
        if (change->max_level >= PT_LEAF_LEVELS)
            return ERR_LARGE;
        if (clashes(space, change))
            return ERR_CLASH;
    }
    if (change->op != PT_UNMAP && !memtype_in_entry(space->mtrr, change->type))
        return ERR_TYPE;
    if (change->op != PT_UNMAP && (~change->rights & (RIGHT_W | RIGHT_X)) == 0 && !change->allow_wx)
        return ERR_WX;
    return ERR_NONE;
}

struct error pt_update(struct pt_space *space, const struct pt_change *change)
{
    bool near = is_near(space, change);
    enum error_code code = check_change(space, change, near);

    if (code)
        return (struct error){
            .code = code, .at = change->va, .value = change->op == PT_MAP ? change->pa : 0};
    return update_page(space, change, near) ? SUCCESS : update_tables(space, change);
}
