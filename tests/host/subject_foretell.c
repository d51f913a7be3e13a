/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include "reference.h"
#include "test.h"

#define ANY UINT64_MAX /* the header does not say what the value is */

static void blame(struct foretold *told, enum error_code code, uint64_t va, uint64_t pa)
{
    if (told->wrong[code])
        return;
    told->wrong[code] = true;
    told->at[code] = va;
    told->value[code] = pa;
}

static bool canonical(uint64_t va, unsigned levels)
{
    uint64_t half = levels == 5 ? UINT64_C(1) << 56 : UINT64_C(1) << 47;

    return va < half || va >= (uint64_t)0 - half;
}

/* As plan_check(); what is not of this operation does not matter. */
static bool well_formed(const struct subject *s, const struct pt_change *c, struct foretold *told)
{
    bool map = c->op == PT_MAP;
    uint64_t pa = map ? c->pa : ANY;
    uint64_t last = c->va + (c->len - 1);
    uint64_t width = UINT64_C(1) << s->space.phys_bits;
    bool good = true;

    if (c->va % 4096 || c->len % 4096 || c->len == 0 || (map && c->pa % 4096)) {
        blame(told, ERR_ALIGN, c->va, pa);
        good = false;
    }
    if (c->len == 0)
        return false;
    if (last < c->va || !canonical(c->va, s->levels) || !canonical(last, s->levels) ||
        c->va >> 63 != last >> 63) {
        blame(told, ERR_CANONICAL, c->va, pa);
        good = false;
    }
    if (map && (c->pa >= width || c->len > width - c->pa)) {
        blame(told, ERR_WIDTH, c->va, pa);
        good = false;
    }
    if (c->op != PT_UNMAP && s->mtrr.no_pat && (c->type == MEMTYPE_WC || c->type == MEMTYPE_WP)) {
        blame(told, ERR_TYPE, c->va, pa);
        good = false;
    }
    if (map && c->max_level > 2) {
        blame(told, ERR_LARGE, c->va, pa);
        good = false;
    }
    return good;
}

/* The frame of the change at va, before or after; ANY: none. */
static uint64_t frame_at(const struct subject *s, const struct pt_change *c, uint64_t va)
{
    const uint64_t *page = subject_page(s, va);

    if (c->op == PT_MAP)
        return c->pa + (va - c->va);
    return page != NULL && *page != 0 ? *page & ~UINT64_C(0xfff) : ANY;
}

/* What mappings outside the change do with the frames from `base` on; and what those in it do. */
struct uses {
    uint64_t base;
    uint64_t count;
    uint16_t *use;    /* bit 8: writable, 9: executable, below: a bit for each memory type */
    uint16_t *inside; /* 0 where there is at most one */
    uint8_t *met;     /* how many inside */
};

static void note_use(const struct uses *uses, uint16_t *use, uint64_t word)
{
    uint64_t frame = ((word & ~UINT64_C(0xfff)) - uses->base) / 4096;
    unsigned bits = 1u << (word >> 4 & 7);

    if (word == 0 || (word & ~UINT64_C(0xfff)) < uses->base || frame >= uses->count)
        return;
    bits |= (word & RIGHT_W ? 0x100u : 0) | (word & RIGHT_X ? 0x200u : 0);
    use[frame] = (uint16_t)(use[frame] | bits);
    if (use == uses->inside && uses->met[frame] < 2)
        uses->met[frame]++;
}

static struct uses find_uses(const struct subject *s, const struct pt_change *c)
{
    struct uses uses = {.base = ANY};
    uint64_t top = 0;

    for (uint64_t done = 0; done < c->len; done += 4096) {
        uint64_t frame = frame_at(s, c, c->va + done);

        if (frame == ANY)
            continue;
        uses.base = frame < uses.base ? frame : uses.base;
        top = frame > top ? frame : top;
    }
    uses.count = uses.base == ANY ? 0 : (top - uses.base) / 4096 + 1;
    uses.use = calloc(uses.count + 1, sizeof(uses.use[0]));
    uses.inside = calloc(uses.count + 1, sizeof(uses.inside[0]));
    uses.met = calloc(uses.count + 1, 1);
    assert_true(uses.use != NULL && uses.inside != NULL && uses.met != NULL);
    for (size_t i = 0; i < s->narenas; i++) {
        const struct arena *arena = &s->arenas[i];

        for (size_t k = 0; k < arena->count; k++) {
            bool outside = arena->owner != s->owner || arena->va + k * 4096 - c->va >= c->len;

            note_use(&uses, outside ? uses.use : uses.inside, arena->pages[k]);
        }
    }
    return uses;
}

static bool breaks_wx(const struct pt_change *c, unsigned use)
{
    return !c->allow_wx &&
           (((c->rights & RIGHT_W) && (use & 0x200)) || ((c->rights & RIGHT_X) && (use & 0x100)));
}

static bool breaks_type(const struct pt_change *c, unsigned use)
{
    return !c->allow_types && (use & 0xff & ~(1u << c->type));
}

/*
 * The header leaves open what holds of aliases that are changed together, and
 * so agree afterwards, but not before; and of a read-only mapping of a frame
 * that others write and execute. Both may be refused.
 * So may a PT_MAP over mapped pages for sharing their frames, instead of the clash.
 */
static uint8_t leave_open(const struct pt_change *c, unsigned use)
{
    bool writable = (c->rights & RIGHT_W) || (use & 0x100);
    bool executable = (c->rights & RIGHT_X) || (use & 0x200);

    return (uint8_t)((!c->allow_wx && writable && executable ? 1 : 0) |
                     (breaks_type(c, use) ? 2 : 0));
}

static void judge_page(const struct subject *s, const struct pt_change *c, const struct uses *uses,
                       uint64_t va, struct foretold *told)
{
    const uint64_t *page = subject_page(s, va);
    bool mapped = page != NULL && *page != 0;
    uint64_t pa = frame_at(s, c, va);
    uint64_t frame;
    unsigned inside;

    if (c->op == PT_MAP && mapped)
        blame(told, ERR_CLASH, va, ANY); /* the page's pa before, or the one wanted */
    if (c->op != PT_MAP && !mapped) {
        blame(told, ERR_ABSENT, va, ANY);
        return;
    }
    if (c->op == PT_UNMAP)
        return;
    frame = (pa - uses->base) / 4096;
    if (breaks_wx(c, uses->use[frame]))
        blame(told, ERR_WX, va, pa);
    if (c->type == MEMTYPE_WB && ref_mtrr_type(&s->mtrr, pa) != MEMTYPE_WB)
        blame(told, ERR_TYPE, va, pa);
    if (breaks_type(c, uses->use[frame]))
        blame(told, ERR_TYPE, va, pa);
    inside = uses->met[frame] > 1 || c->op == PT_MAP ? uses->inside[frame] : 0;
    told->open[(va - c->va) / 4096] = leave_open(c, uses->use[frame] | inside);
}

/* What belongs to the main root is not for another to change: its slots, and the directmap. */
static void judge_shared(const struct subject *s, const struct pt_change *c, struct foretold *told)
{
    unsigned shift = 12 + 9 * (s->levels - 1);

    if (s->owner == 0)
        return;
    for (uint64_t done = 0; done < c->len; done += 4096) {
        uint64_t va = c->va + done;

        if (c->op == PT_MAP && va - s->space.directmap_base < s->space.directmap_size)
            blame(told, ERR_CLASH, c->va, ANY);
        if (s->others[s->owner - 1].shares[va >> shift & 511])
            blame(told, ERR_CLASH, va, ANY);
    }
}

void subject_foretell(const struct subject *s, const struct pt_change *change,
                      struct foretold *told)
{
    struct uses uses;

    *told = (struct foretold){0};
    if (!well_formed(s, change, told))
        return;
    if (change->op != PT_UNMAP && !change->allow_wx && (change->rights & RIGHT_W) &&
        (change->rights & RIGHT_X))
        blame(told, ERR_WX, change->va, ANY);
    judge_shared(s, change, told);
    told->open = calloc(change->len / 4096, 1);
    assert_non_null(told->open);
    uses = find_uses(s, change);
    for (uint64_t done = 0; done < change->len; done += 4096)
        judge_page(s, change, &uses, change->va + done, told);
    free(uses.use);
    free(uses.inside);
    free(uses.met);
}
