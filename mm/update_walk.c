/* SPDX-License-Identifier: MIT */
/* pt_update()'s ways through the tables: row by row, run by run. */
#include "update_pass.h"

/* The builder's memory. */
static uint64_t alloc_table(void *ctx, unsigned level, uint64_t va)
{
    const struct pass *p = ctx;

    (void)level;
    (void)va;
    return p->memory->alloc(p->memory->ctx);
}

uint64_t *open_table(void *ctx, uint64_t frame)
{
    const struct pass *p = ctx;

    return p->memory->map(p->memory->ctx, frame);
}

void close_table(void *ctx, uint64_t *table)
{
    const struct pass *p = ctx;

    p->memory->unmap(p->memory->ctx, table);
}

/*
 * These pages are met next. What they are to the list of aliases changes at
 * the end of the directmap's window: there the run ends.
 */
static void note(struct pass *p, uint64_t va, uint64_t pa, uint64_t len)
{
    const struct pt_space *space = p->space;
    struct pt_run *run = &p->run;
    uint64_t left; /* to that end, if it comes */

    va |= p->sign;
    left = space->directmap_base + space->directmap_size - va;
    if (left > 0 && left < len) {
        note(p, va, pa, left);
        note(p, va + left, pa + left, len - left);
        return;
    }
    if (run->len > 0) {
        if (left > 0 && run->va + run->len == va && run->pa + run->len == pa) {
            run->len += len;
            return;
        }
        pass_end_run(p);
    }
    run->va = va;
    run->pa = pa;
    run->len = len;
}

/* The largest page to use. */
static unsigned largest(const struct pass *p)
{
    unsigned level = p->change->max_level;

    return level < p->space->max_level ? level : p->space->max_level;
}

/* A table for this part of the change, and its slot is empty. */
static void link_table(const struct pass *p, uint64_t *slot, uint64_t frame,
                       const struct mapping *part)
{
    const struct pt_live_memory *memory = p->memory;
    uint64_t va = part->va | p->sign;

    if (pt_leaves_lines(p->space, p->change))
        memory->exchange(memory->ctx, &(const struct pt_exchange){slot, 1, frame | PT_LINK, 0, va,
                                                                  part->len, va, part->len});
    else
        memory->write(memory->ctx, slot, 1, frame | PT_LINK, 0);
}

/* [va, stop) in one slot that nothing is in yet: a table for it. */
static void map_under(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t stop)
{
    const struct pt_memory memory = {p, alloc_table, open_table, close_table};
    const struct pt_change *change = p->change;
    const struct mapping part = {.va = va,
                                 .pa = va + p->distance,
                                 .len = stop - va,
                                 .rights = (uint8_t)rights_in(p->space, change->rights),
                                 .type = (uint8_t)change->type,
                                 .max_level = (uint8_t)largest(p)};

    if (p->commit)
        link_table(p, slot, pt_build_under(&part, p->space->levels, level, &memory), &part);
    else
        p->frames += pt_count_under(&part, p->space->levels, level);
    note(p, va, part.pa, part.len);
}

static uint64_t on_row(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t n,
                       uint64_t pa)
{
    const struct row row = {slot, va | p->sign, n, level};
    uint64_t len = n << slot_shift(level);

    note(p, va, pa, len);
    if (p->commit)
        put_row(p->space, p->change, &row, table_entry(p->space, p->change, pa, level));
    return va + len;
}

/* Where the slot for va ends, or the range, if it does so before. */
static uint64_t slot_end(unsigned level, uint64_t va, uint64_t end)
{
    uint64_t stop = (va | (span_of(level) - 1)) + 1;

    return stop < end ? stop : end;
}

/* How many slots of a row [va, end) fills: to the end of its table at most. */
static uint64_t slots_in(unsigned level, uint64_t va, uint64_t end)
{
    uint64_t room = PT_SLOTS - (va >> slot_shift(level) & (PT_SLOTS - 1));
    uint64_t n = (end - va) >> slot_shift(level);

    return n < room ? n : room;
}

/* Slots that are empty, from `slot` on; all before the address that comes back is done. */
static uint64_t on_empty(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t end)
{
    uint64_t inside = span_of(level) - 1;
    uint64_t pa = va + p->distance;
    uint64_t most = slots_in(level, va, end);
    uint64_t n = 1;

    if (p->change->op != PT_MAP) {
        pass_wrong(p, ERR_ABSENT, va, 0);
        return end;
    }
    if (most == 0 || ((va | pa) & inside) || level > largest(p)) {
        uint64_t stop = slot_end(level, va, end);

        map_under(p, level, slot, va, stop);
        return stop;
    }
    while (n < most && slot[n] == 0)
        n++;
    return on_row(p, level, slot, va, n, pa);
}

/* A leaf of which a part changes. */
static void split(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t stop)
{
    uint64_t span = span_of(level);
    uint64_t start = va & ~(span - 1);
    uint64_t pa = frame_of(*slot, level);
    unsigned rights;
    enum memtype type;

    pte_decode(*slot, level, &rights, &type);
    if (p->change->op == PT_PROTECT && ((rights ^ p->change->rights) & ~RIGHT_LOCAL) == 0 &&
        type == p->change->type) {
        /* It is so already. */
    } else if (p->commit) {
        uint64_t leaf = pa | pte_attributes(rights, type, level - 1);
        uint64_t frame = table_split(p->space, p->change, level - 1, leaf, va, stop);

        struct pt_exchange what = {slot,         1, frame | PT_LINK, 0, start | p->sign, span,
                                   va | p->sign, 0};

        if (p->change->op == PT_PROTECT && type != p->change->type && memtype_is_cached(type))
            what.clean_len = stop - va;
        p->memory->exchange(p->memory->ctx, &what);
    } else {
        p->frames += table_count_split(level - 1, va, stop);
    }
    note(p, va, pa + (va - start), stop - va);
}

/* A leaf, or several in a row, from `slot` on; all before the address that comes back is done. */
static uint64_t on_leaf(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t end)
{
    uint64_t span = span_of(level);
    uint64_t pa = frame_of(*slot, level);
    uint64_t most = slots_in(level, va, end);
    uint64_t n = 1;

    if (p->change->op == PT_MAP) {
        pass_wrong(p, ERR_CLASH, va, pa + (va & (span - 1)));
        return end;
    }
    if (most == 0 || (va & (span - 1))) {
        uint64_t stop = slot_end(level, va, end);

        split(p, level, slot, va, stop);
        return stop;
    }
    while (n < most && slot[n] == slot[0] + n * span)
        n++;
    return on_row(p, level, slot, va, n, pa);
}

/* [va, end) in a table of this level; recursion is as deep as there are levels. */
static void visit(struct pass *p, unsigned level, uint64_t *table, uint64_t va, uint64_t end)
{
    while (va < end && !p->err.code) {
        uint64_t *slot = slot_of(table, level, va);

        if (*slot == 0) {
            va = on_empty(p, level, slot, va, end);
        } else if (is_leaf(*slot, level)) {
            va = on_leaf(p, level, slot, va, end);
        } else {
            uint64_t *below = open_table(p, *slot & PTE_ADDR);
            uint64_t stop = slot_end(level, va, end);

            visit(p, level - 1, below, va, stop);
            if (p->commit)
                pass_leave(p, level, slot, below, va);
            else
                close_table(p, below);
            va = stop;
        }
    }
}

/* What is mapped anew is so in pieces, for no leaf may hold two of the MTRRs' types. */
void pass_walk(struct pass *p)
{
    uint64_t end = p->last + 1;
    uint64_t stop = end;

    p->run.len = 0;
    for (uint64_t va = p->va; va < end && !p->err.code; va = stop) {
        if (p->change->op == PT_MAP) {
            stop = pt_same_type(p->space, va + p->distance, end + p->distance) - p->distance;
            if (p->change->type == MEMTYPE_WB && p->space->typed.type != MEMTYPE_WB) {
                pass_end_run(p); /* a page before this one may be wrong, too */
                if (!p->err.code)
                    pass_wrong(p, ERR_TYPE, va, va + p->distance);
                break;
            }
        }
        visit(p, p->level, p->tables[p->level], va, stop);
    }
    if (!p->err.code)
        pass_end_run(p);
}
