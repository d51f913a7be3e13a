/* SPDX-License-Identifier: MIT */
#include "update.h"

#include "alias.h"
#include "update_table.h"

/* Slots of one table, from va on, that are alike: all empty, or leaves in a row. */
struct row {
    uint64_t *slot;
    uint64_t va;
    uint64_t n;
    unsigned level;
};

/*
 * Two ways through the tables: the first checks and counts, the second commits.
 * Both begin at the lowest table that holds all of the change, and that stays
 * open in between with those above it. A change that is all in one row is so
 * in that table: nothing is left to look for on the second way.
 */
struct pass {
    struct pt_space *space;
    const struct pt_live_memory *memory;
    const struct pt_change *change;
    uint64_t sign;     /* of the change's addresses; inside, they go without */
    uint64_t distance; /* of PT_MAP: from va to pa */
    bool commit;
    struct error err; /* of the first way */
    size_t rows;      /* with what is no row, by two */
    size_t runs;
    size_t frames;
    long growth; /* of the registry of aliases, and the most that it came to on the way */
    long peak;
    struct pt_run run; /* pages in a row, as they are met; len 0: none yet */
    /* The last ones met. */
    struct row row;
    struct alias_view view;
};

/* These three are the builder's memory too. */
static uint64_t alloc_table(void *ctx, unsigned level, uint64_t va)
{
    const struct pass *p = ctx;

    (void)level;
    (void)va;
    return p->memory->alloc(p->memory->ctx);
}

static uint64_t *open_table(void *ctx, uint64_t frame)
{
    const struct pass *p = ctx;

    return p->memory->map(p->memory->ctx, frame);
}

static void close_table(void *ctx, uint64_t *table)
{
    const struct pass *p = ctx;

    p->memory->unmap(p->memory->ctx, table);
}

static void wrong(struct pass *p, enum error_code code, uint64_t va, uint64_t pa)
{
    p->err.code = code;
    p->err.at = va | p->sign;
    p->err.value = pa;
}

/* How far from pa on, at most to `end`, one memory type holds by the MTRRs; the space remembers. */
static uint64_t same_type(struct pass *p, uint64_t pa, uint64_t end, enum memtype *type)
{
    struct pt_typed *typed = &p->space->typed;

    if (pa - typed->pa >= typed->len || end - typed->pa > typed->len) {
        uint64_t window = (pa | (span_of(2) - 1)) + 1;
        struct memtype_span span = memtype_span(p->space->mtrr, pa, end > window ? end : window);

        *typed = (struct pt_typed){pa, span.end - pa, span.type};
    }
    *type = typed->type;
    return typed->pa + typed->len < end ? typed->pa + typed->len : end;
}

/* Of protected frames: write-back needs the MTRRs' word; the first page that is wrong counts. */
static void check_types(struct pass *p, const struct pt_run *run)
{
    uint64_t end = run->pa + run->len;
    enum memtype type;

    for (uint64_t pa = run->pa; pa < end && !(p->err.code && p->err.value < pa);) {
        uint64_t next = same_type(p, pa, end, &type);

        if (type != MEMTYPE_WB) {
            wrong(p, ERR_TYPE, run->va + (pa - run->pa), pa);
            break;
        }
        pa = next;
    }
}

/* The run has ended: on the first way check its aliases, on the second keep account of it. */
static void end_run(struct pass *p)
{
    const struct pt_change *change = p->change;
    struct pt_run *run = &p->run;

    if (run->len == 0)
        return;
    /* An only run was seen on the first way, and the registry is as it was. */
    if (!p->commit || p->runs > 1)
        alias_look(p->space, run, change->op, &p->view);
    if (p->commit) {
        alias_change(p->space, run, change->op, &p->view);
        return;
    }
    p->runs++;
    p->growth += p->view.growth;
    if (p->growth > p->peak)
        p->peak = p->growth;
    if (change->op == PT_UNMAP)
        return;
    alias_check(p->space, run, change, &p->view, &p->err);
    if (change->op == PT_PROTECT && run->type == MEMTYPE_WB)
        check_types(p, run);
}

static void note(struct pass *p, uint64_t va, uint64_t pa, uint64_t len)
{
    struct pt_run *run = &p->run;

    va |= p->sign;
    if (run->len > 0 && run->va + run->len == va && run->pa + run->len == pa) {
        run->len += len;
        return;
    }
    end_run(p);
    *run = (struct pt_run){va, pa, len, p->change->rights & ~RIGHT_LOCAL, p->change->type};
}

/* The largest page to use. */
static unsigned largest(const struct pass *p)
{
    unsigned level = p->change->max_level;

    return level < p->space->max_level ? level : p->space->max_level;
}

/* [va, stop) in one slot that nothing is in yet: a table for it. */
static void map_under(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t stop)
{
    const struct pt_memory memory = {p, alloc_table, open_table, close_table};
    const struct pt_change *change = p->change;
    const struct mapping part = {.va = va,
                                 .pa = va + p->distance,
                                 .len = stop - va,
                                 .rights = (uint8_t)change->rights,
                                 .type = (uint8_t)change->type,
                                 .max_level = (uint8_t)largest(p)};

    p->rows += 2;
    if (p->commit)
        p->memory->write(p->memory->ctx, slot, 1,
                         pt_build_under(&part, p->space->levels, level, &memory) | PT_LINK, 0);
    else
        p->frames += pt_count_under(&part, p->space->levels, level);
    note(p, va, part.pa, part.len);
}

/* New entries, in place where only rights change. */
static void put_row(struct pass *p, const struct row *row)
{
    const struct pt_live_memory *memory = p->memory;
    const struct pt_change *change = p->change;
    uint64_t span = span_of(row->level);
    uint64_t va = row->va | p->sign;
    uint64_t entry = 0;
    uint64_t pa = change->op == PT_MAP ? row->va + p->distance : frame_of(*row->slot, row->level);
    unsigned rights;
    enum memtype type;

    if (change->op != PT_UNMAP)
        entry = pa | pte_attributes(change->rights, change->type, row->level);
    if (change->op == PT_PROTECT) {
        pte_decode(*row->slot, row->level, &rights, &type);
        for (uint64_t i = 0; i < row->n && type != change->type; i++)
            memory->exchange(memory->ctx, &row->slot[i], entry + i * span, va + i * span, span);
        if (type != change->type)
            return;
    }
    memory->write(memory->ctx, row->slot, row->n, entry, entry ? span : 0);
    if (change->op != PT_MAP)
        memory->flush(memory->ctx, va, row->n * span);
}

static uint64_t on_row(struct pass *p, unsigned level, uint64_t *slot, uint64_t va, uint64_t n,
                       uint64_t pa)
{
    uint64_t len = n << slot_shift(level);

    p->rows++;
    p->row = (struct row){slot, va, n, level};
    note(p, va, pa, len);
    if (p->commit)
        put_row(p, &p->row);
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
        wrong(p, ERR_ABSENT, va, 0);
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

    p->rows += 2;
    pte_decode(*slot, level, &rights, &type);
    if (p->change->op == PT_PROTECT && ((rights ^ p->change->rights) & ~RIGHT_LOCAL) == 0 &&
        type == p->change->type) {
        /* It is so already. */
    } else if (p->commit) {
        uint64_t leaf = pa | pte_attributes(rights, type, level - 1);
        uint64_t frame = table_split(p->memory, p->change, level - 1, leaf, va, stop);

        p->memory->exchange(p->memory->ctx, slot, frame | PT_LINK, start | p->sign, span);
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
        wrong(p, ERR_CLASH, va, pa + (va & (span - 1)));
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

/* Done with the table below `slot`. Is it gone? Then so may be the one that slot is in. */
static bool leave(struct pass *p, unsigned level, uint64_t *slot, uint64_t *table, uint64_t va)
{
    uint64_t frame = *slot & PTE_ADDR;
    bool gone = tidy(p, level, slot, table, va);

    close_table(p, table);
    if (gone)
        p->memory->free(p->memory->ctx, frame);
    return gone;
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
                leave(p, level, slot, below, va);
            else
                close_table(p, below);
            va = stop;
        }
    }
}

/* The whole range; what is mapped anew in pieces, for no leaf may hold two of the MTRRs' types. */
static void go(struct pass *p, unsigned level, uint64_t *table, uint64_t va)
{
    const struct pt_change *change = p->change;
    uint64_t end = va + change->len;

    p->run.len = 0;
    for (uint64_t stop = end; va < end && !p->err.code; va = stop) {
        enum memtype type = MEMTYPE_WB;

        if (change->op == PT_MAP)
            stop = same_type(p, va + p->distance, end + p->distance, &type) - p->distance;
        if (change->type == MEMTYPE_WB && type != MEMTYPE_WB) {
            end_run(p); /* a page before this one may be wrong, too */
            if (!p->err.code)
                wrong(p, ERR_TYPE, va, va + p->distance);
        }
        visit(p, level, table, va, stop);
    }
    if (!p->err.code)
        end_run(p);
}

/* Open the tables down to the lowest that holds all of [va, last]: its level. */
static unsigned descend(struct pass *p, uint64_t **tables, uint64_t va, uint64_t last)
{
    unsigned level = p->space->levels - 1;
    uint64_t *table = open_table(p, p->space->root);

    tables[level] = table;
    while (level > 0 && (va ^ last) >> slot_shift(level) == 0) {
        uint64_t entry = *slot_of(table, level, va);

        if (entry == 0 || is_leaf(entry, level))
            break;
        table = open_table(p, entry & PTE_ADDR);
        tables[--level] = table;
    }
    return level;
}

/* Back up from there. A table is other than it was if it changed itself, or lost the one below. */
static void ascend(struct pass *p, uint64_t **tables, unsigned level, uint64_t va)
{
    bool other = p->commit;

    while (level < p->space->levels - 1) {
        uint64_t *table = tables[level++];

        if (other)
            other = leave(p, level, slot_of(tables[level], level, va), table, va);
        else
            close_table(p, table);
    }
    close_table(p, tables[level]);
}

/* Where another root has the main root's table, only that one's changes count. */
static void check_shared(struct pass *p, const uint64_t *own, uint64_t va, uint64_t last)
{
    unsigned shift = slot_shift(p->space->levels - 1);
    uint64_t *mains = open_table(p, p->space->main_root);

    for (uint64_t i = va >> shift; i <= last >> shift && !p->err.code; i++) {
        if (own[i] != 0 && own[i] == mains[i])
            wrong(p, ERR_CLASH, i << shift < va ? va : i << shift, 0);
    }
    close_table(p, mains);
}

/* All is well with the change, as far as tables and aliases go: is there room for it? */
static void check_room(struct pass *p)
{
    const struct pt_aliases *aliases = p->space->aliases;

    if (p->peak > 0 && aliases->count + (size_t)p->peak > aliases->max)
        p->err = (struct error){ERR_PLANFULL, aliases->max, 0, NULL, NULL};
    else if (p->frames > 0 && !p->memory->reserve(p->memory->ctx, p->frames))
        p->err = (struct error){ERR_NOFRAMES, 0, p->frames, NULL, NULL};
}

/* Where roots may differ, translations must not outlive a change of CR3. */
static struct pt_change in_root(const struct pt_space *space, const struct pt_change *wanted)
{
    struct pt_change change = *wanted;

    if (space->root != space->main_root || space->shared)
        change.rights |= RIGHT_LOCAL;
    return change;
}

struct error pt_update(struct pt_space *space, const struct pt_change *wanted)
{
    const struct pt_change own = in_root(space, wanted);
    const struct pt_change *change = &own;
    uint64_t inside = span_of(space->levels) - 1;
    uint64_t va = change->va & inside;
    uint64_t last = va + (change->len - 1);
    struct pass p = {
        .space = space,
        .memory = space->memory,
        .change = change,
        .sign = change->va & ~inside,
        .distance = change->pa - va,
    };
    enum error_code code = pt_check_change(space, change);
    uint64_t *tables[PT_MAX_LEVELS];
    unsigned level;

    if (code) {
        wrong(&p, code, change->va, change->op == PT_MAP ? change->pa : 0);
        return p.err;
    }
    level = descend(&p, tables, va, last);
    if (space->root != space->main_root)
        check_shared(&p, tables[space->levels - 1], va, last);
    if (!p.err.code)
        go(&p, level, tables[level], va);
    if (!p.err.code)
        check_room(&p);
    p.commit = !p.err.code;
    if (p.commit && p.rows == 1) {
        put_row(&p, &p.row);
        end_run(&p);
    } else if (p.commit) {
        go(&p, level, tables[level], va);
    }
    ascend(&p, tables, level, va);
    return p.err;
}
