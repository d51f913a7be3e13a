/* SPDX-License-Identifier: MIT */
/* The live tables against the plan, leaf by leaf. */
#include "walk.h"

struct audit {
    const struct plan *plan;
    const struct mtrr_state *mtrr;
    size_t entry;    /* the plan entry whose turn it is … */
    uint64_t offset; /* … and how much of it has been found mapped */
    struct pt_stats *found;
    struct error err;
};

static bool fail(struct audit *audit, const char *how, uint64_t va)
{
    audit->err = (struct error){.code = ERR_AUDIT, .at = va, .text = how};
    return false;
}

static bool on_table(void *ctx, unsigned level, uint64_t frame, uint64_t va)
{
    struct audit *audit = ctx;

    (void)level;
    (void)frame;
    (void)va;
    audit->found->tables++;
    return true;
}

static bool on_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    (void)level;
    (void)entry;
    return fail(ctx, "an entry is malformed", va);
}

/* Has all of the leaf one memory type by the MTRRs? Over two, what an access does is undefined. */
static bool of_one_type(const struct audit *audit, const struct pt_leaf *leaf)
{
    return memtype_span(audit->mtrr, leaf->pa, leaf->pa + leaf->len).end == leaf->pa + leaf->len;
}

/* Does a page of this size lie around the leaf inside the mapping, aligned on both sides? */
static bool larger_fits(const struct mapping *m, const struct pt_leaf *leaf, uint64_t size)
{
    uint64_t start = leaf->va - leaf->va % size;

    return (m->va - m->pa) % size == 0 && start >= m->va && m->len >= size &&
           start - m->va <= m->len - size;
}

static bool on_leaf(void *ctx, const struct pt_leaf *leaf)
{
    struct audit *audit = ctx;
    const struct mapping *m = &audit->plan->entries[audit->entry];
    uint64_t larger = leaf->len;

    audit->found->leaves[leaf->level]++;
    if (audit->entry == audit->plan->count)
        return fail(audit, "mapped, but not planned", leaf->va);

    uint64_t expected = m->va + audit->offset;
    if (leaf->va != expected)
        return leaf->va < expected ? fail(audit, "mapped, but not planned", leaf->va)
                                   : fail(audit, "planned, but not mapped", expected);
    if (leaf->len > m->len - audit->offset)
        return fail(audit, "mapped beyond what is planned", m->va + m->len);
    if (leaf->pa != m->pa + audit->offset)
        return fail(audit, "another frame than planned", leaf->va);
    if (leaf->rights != m->rights)
        return fail(audit, "other rights than planned", leaf->va);
    if (leaf->user)
        return fail(audit, "open to user mode", leaf->va);
    if ((unsigned)leaf->type != m->type)
        return fail(audit, "another memory type than planned", leaf->va);
    if (leaf->level > m->max_level)
        return fail(audit, "a larger page than planned", leaf->va);
    if (!of_one_type(audit, leaf))
        return fail(audit, "a page over two memory types of the MTRRs", leaf->va);
    for (unsigned level = leaf->level; level < m->max_level; level++) {
        larger *= PT_SLOTS;
        if (larger_fits(m, leaf, larger))
            return fail(audit, "a smaller page than possible", leaf->va);
    }
    audit->offset += leaf->len;
    if (audit->offset == m->len) {
        audit->entry++;
        audit->offset = 0;
    }
    return true;
}

struct error pt_audit(uint64_t root, unsigned levels, unsigned phys_bits,
                      const struct pt_reader *reader, const struct plan *plan,
                      const struct mtrr_state *mtrr, struct pt_stats *found)
{
    struct audit audit = {.plan = plan, .mtrr = mtrr, .found = found, .err = SUCCESS};
    const struct pt_visitor visitor = {&audit, on_table, on_leaf, on_bad};

    *found = (struct pt_stats){0};
    if (!pt_walk(root, levels, phys_bits, reader, &visitor))
        return audit.err;
    if (audit.entry < plan->count)
        fail(&audit, "planned, but not mapped", plan->entries[audit.entry].va + audit.offset);
    else if (found->tables != pt_count(plan, levels))
        fail(&audit, "another number of tables than counted", 0);
    return audit.err;
}
