/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "pagetable.h"
#include "x86.h"

const char *mapping_what_name(enum mapping_what what)
{
    static const char *const names[WHATS] = {
        [WHAT_DIRECTMAP] = "directmap",
        [WHAT_IMAGE_TEXT] = "image-text",
        [WHAT_IMAGE_RODATA] = "image-rodata",
        [WHAT_IMAGE_DATA] = "image-data",
        [WHAT_STACK] = "stack",
        [WHAT_IST_STACK] = "ist-stack",
        [WHAT_VGA_TEXT] = "vga-text",
        [WHAT_FRAMEBUFFER] = "framebuffer",
        [WHAT_EFI_RUNTIME] = "efi-runtime",
        [WHAT_PAYLOAD] = "payload",
    };

    return (unsigned)what < WHATS ? names[what] : "?";
}

const char *rights_name(unsigned rights)
{
    switch (rights & (RIGHT_W | RIGHT_X)) {
    case RIGHT_W:
        return "rw-";
    case RIGHT_X:
        return "r-x";
    case RIGHT_W | RIGHT_X:
        return "rwx";
    default:
        return "r--";
    }
}

const char *page_size_name(unsigned level)
{
    static const char *const names[PT_LEAF_LEVELS] = {"4K", "2M", "1G"};

    return level < PT_LEAF_LEVELS ? names[level] : "?";
}

static struct error refuse(enum error_code code, const struct mapping *m)
{
    return (struct error){.code = code, .at = m->va, .value = m->pa};
}

static struct error append(struct plan *plan, const struct mapping *m)
{
    if (plan->count == plan->max)
        return (struct error){.code = ERR_PLANFULL, .at = plan->max};
    plan->entries[plan->count++] = *m;
    return SUCCESS;
}

/* The fixed mappings in order, by whichever of their addresses is asked for. */
struct order {
    const struct mapping *by_va[PLAN_MAX_FIXED];
    const struct mapping *executable[PLAN_MAX_FIXED]; /* by pa */
    size_t count;
    size_t nexecutable;
};

static void order_fixed(struct order *order, const struct plan_request *request)
{
    order->count = 0;
    order->nexecutable = 0;
    for (size_t i = 0; i < request->nfixed; i++) {
        const struct mapping *m = &request->fixed[i];
        size_t at = order->count++;

        for (; at > 0 && order->by_va[at - 1]->va > m->va; at--)
            order->by_va[at] = order->by_va[at - 1];
        order->by_va[at] = m;

        if (!(m->rights & RIGHT_X))
            continue;
        at = order->nexecutable++;
        for (; at > 0 && order->executable[at - 1]->pa > m->pa; at--)
            order->executable[at] = order->executable[at - 1];
        order->executable[at] = m;
    }
}

/* One stretch of the directmap, or more of the last one if the rights agree. */
static struct error add_direct(struct plan *plan, const struct plan_request *request, uint64_t base,
                               uint64_t end, unsigned rights)
{
    struct mapping m = {
        .va = request->directmap_base + base,
        .pa = base,
        .len = end - base,
        .rights = (uint8_t)rights,
        .type = MEMTYPE_WB,
        .max_level = (uint8_t)request->max_level,
        .what = WHAT_DIRECTMAP,
    };

    if (plan->count > 0) {
        struct mapping *last = &plan->entries[plan->count - 1];

        if (last->what == WHAT_DIRECTMAP && last->pa + last->len == base &&
            last->rights == rights) {
            last->len += m.len;
            return SUCCESS;
        }
    }
    return append(plan, &m);
}

/* A piece of RAM: writable, but for the frames that something executes. */
static struct error add_piece(struct plan *plan, const struct plan_request *request,
                              const struct order *order, uint64_t base, uint64_t end)
{
    struct error err = SUCCESS;

    for (size_t i = 0; i < order->nexecutable && base < end && !err.code; i++) {
        const struct mapping *x = order->executable[i];
        uint64_t from = x->pa > base ? x->pa : base;
        uint64_t to = x->pa + x->len < end ? x->pa + x->len : end;

        if (from >= to)
            continue;
        if (base < from)
            err = add_direct(plan, request, base, from, RIGHT_W);
        if (!err.code)
            err = add_direct(plan, request, from, to, 0);
        base = to;
    }
    if (base < end && !err.code)
        err = add_direct(plan, request, base, end, RIGHT_W);
    return err;
}

static struct error add_directmap(struct plan *plan, const struct plan_request *request,
                                  const struct order *order)
{
    struct error err = SUCCESS;
    struct ram_iter iter;
    struct ram_piece piece;

    ram_first(&iter, request);
    while (!err.code && ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED)
            err = add_piece(plan, request, order, piece.base, piece.end);
    }
    return err;
}

/* The directmap's window is its own, also where no RAM is behind it. */
static struct error check_window(const struct plan_request *request)
{
    uint64_t base = request->directmap_base;

    for (size_t i = 0; request->directmap && i < request->nfixed; i++) {
        const struct mapping *m = &request->fixed[i];
        uint64_t above = m->va - base;

        /* What is empty stands nowhere; plan_check() says what is wrong with an empty mapping. */
        if (m->len == 0 || request->directmap_size == 0)
            continue;
        if (above < request->directmap_size || (m->va < base && m->len > base - m->va))
            return refuse(ERR_CLASH, m);
    }
    return SUCCESS;
}

/* Each type can be said in an entry of this CPU. */
static struct error check_types(const struct plan *plan, const struct mtrr_state *mtrr)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (!memtype_in_entry(mtrr, (enum memtype)plan->entries[i].type))
            return refuse(ERR_TYPE, &plan->entries[i]);
    }
    return SUCCESS;
}

static struct error fill(struct plan *plan, const struct plan_request *request)
{
    struct error err = check_window(request);
    struct order order;
    size_t i = 0;

    if (!err.code)
        err = ram_check(request);
    order_fixed(&order, request);
    for (; i < order.count && order.by_va[i]->va < request->directmap_base && !err.code; i++)
        err = append(plan, order.by_va[i]);
    if (!err.code && request->directmap)
        err = add_directmap(plan, request, &order);
    for (; i < order.count && !err.code; i++)
        err = append(plan, order.by_va[i]);
    if (!err.code)
        err = plan_check(plan, request->levels, request->phys_bits);
    if (!err.code)
        err = check_types(plan, request->mtrr);
    return err;
}

struct error plan_make(struct plan *plan, const struct plan_request *request)
{
    struct error err = {.code = ERR_PLANFULL, .at = PLAN_MAX_FIXED};

    plan->count = 0;
    if (request->nfixed <= PLAN_MAX_FIXED)
        err = fill(plan, request);
    if (err.code)
        plan->count = 0;
    return err;
}

/* Bits from the highest translated one upwards are all alike. */
static bool canonical(uint64_t va, unsigned levels)
{
    uint64_t high = va >> (PT_PAGE_SHIFT + PT_BITS * levels - 1);

    return high == 0 || high == UINT64_MAX >> (PT_PAGE_SHIFT + PT_BITS * levels - 1);
}

static struct error check_one(const struct mapping *m, unsigned levels, unsigned phys_bits)
{
    uint64_t last = m->va + (m->len - 1);
    uint64_t width = UINT64_C(1) << phys_bits;

    if (((m->va | m->pa | m->len) & PAGE_MASK) || m->len == 0)
        return refuse(ERR_ALIGN, m);
    if (last < m->va || !canonical(m->va, levels) || !canonical(last, levels) ||
        (m->va ^ last) >> 63)
        return refuse(ERR_CANONICAL, m);
    if (m->pa >= width || m->len > width - m->pa)
        return refuse(ERR_WIDTH, m);
    if (m->max_level >= PT_LEAF_LEVELS)
        return refuse(ERR_LARGE, m);
    if ((m->rights & RIGHT_W) && (m->rights & RIGHT_X))
        return refuse(ERR_WX, m);
    return SUCCESS;
}

static bool share_frames(const struct mapping *a, const struct mapping *b)
{
    return a->pa < b->pa + b->len && b->pa < a->pa + a->len;
}

/* One mapping that is executable, or not write-back, against all aliases of its frames. */
static struct error check_aliases(const struct plan *plan, const struct mapping *m)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *other = &plan->entries[i];

        if (!share_frames(m, other))
            continue;
        if ((m->rights & RIGHT_X) && (other->rights & RIGHT_W))
            return refuse(ERR_WX, m);
        if (m->type != other->type)
            return refuse(ERR_TYPE, m);
    }
    return SUCCESS;
}

struct error plan_check(const struct plan *plan, unsigned levels, unsigned phys_bits)
{
    struct error err = SUCCESS;

    for (size_t i = 0; i < plan->count && !err.code; i++) {
        const struct mapping *m = &plan->entries[i];

        err = check_one(m, levels, phys_bits);
        if (err.code || i == 0)
            continue;
        if (m->va < m[-1].va)
            err = refuse(ERR_UNSORTED, m);
        else if (m->va - m[-1].va < m[-1].len)
            err = refuse(ERR_CLASH, m);
    }
    /* All others are readable or writable write-back: any two of them agree. */
    for (size_t i = 0; i < plan->count && !err.code; i++) {
        const struct mapping *m = &plan->entries[i];

        if ((m->rights & RIGHT_X) || m->type != MEMTYPE_WB)
            err = check_aliases(plan, m);
    }
    return err;
}
