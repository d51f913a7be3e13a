/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "layout.h"

/* A 16-bit number at one of four scales, with pages or bytes on top; or all 64 bits. */
static uint64_t take_address(struct bytes *in)
{
    static const unsigned scale[] = {12, 21, 30, 39};
    uint8_t kind = take8(in);
    uint64_t address;

    if (kind & 0x20)
        return take64(in);
    address = (uint64_t)take16(in) << scale[kind & 3];
    if (kind & 0x40)
        address += (uint64_t)take8(in) << 12;
    if (kind & 0x80)
        address += take16(in) % 4096;
    return address;
}

static void edge(struct world *w, uint64_t at)
{
    if (w->nedges < MAX_EDGES)
        w->edges[w->nedges++] = at & ~UINT64_C(0xfff);
}

static void read_range(struct world *w, struct bytes *in)
{
    uint8_t type = take8(in);
    uint64_t base = take_address(in);
    uint64_t len = take_address(in);

    if (w->m->count == MACHINE_MAX)
        return;
    machine_add(w->m, base, len, (enum mem_type)(type < 128 ? MEM_USABLE : type % MEM_TYPES));
    edge(w, base);
    edge(w, base + len);
}

static void read_mtrr(struct world *w, struct bytes *in)
{
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WB, MEMTYPE_WT,
                                         MEMTYPE_WC, MEMTYPE_WP, (enum memtype)7};
    struct mtrr_state *mtrr = &w->m->mtrr;
    enum memtype type = types[take8(in) % 6];
    uint64_t base = take_address(in) & ~UINT64_C(0xfff);
    uint8_t shift = take8(in);
    uint64_t size;

    if (mtrr->variable == MTRR_MAX_VARIABLE)
        return;
    if (shift & 0x80) {
        mtrr->var[mtrr->variable].base = base | type;
        /* With holes, but so that the address space falls into a thousand stretches at most. */
        mtrr->var[mtrr->variable].mask = take64(in) & -(UINT64_C(1) << (mtrr->phys_bits - 10));
        if (shift & 1)
            mtrr->var[mtrr->variable].mask |= 0x800;
        mtrr->variable++;
        return;
    }
    size = UINT64_C(1) << (12 + shift % 40);
    machine_mtrr(w->m, base & ~(size - 1), size, type);
    edge(w, base & ~(size - 1));
    edge(w, (base & ~(size - 1)) + size);
}

static void read_mapping(struct world *w, struct bytes *in)
{
    static const uint64_t areas[] = {0, PMAP_VA, IMAGE_VA, UINT64_C(0xffff000000000000)};
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP};
    struct mapping m = {.rights = take8(in) & 6, .what = WHAT_STACK};
    uint8_t kind = take8(in);
    uint8_t area = take8(in);

    m.type = kind % 8 < 4 ? MEMTYPE_WB : (uint8_t)types[kind % 8 - 4];
    m.max_level = kind / 8 % 4;
    m.va = area & 0x80 ? w->m->request.directmap_base : areas[area % 4];
    m.va += take_address(in);
    m.pa = take_address(in);
    m.len = take_address(in);
    if (w->m->request.nfixed == PLAN_MAX_FIXED)
        return;
    machine_want(w->m, m);
    edge(w, m.pa);
    edge(w, m.pa + m.len);
}

static void read_record(struct world *w, struct bytes *in)
{
    struct mtrr_state *mtrr = &w->m->mtrr;
    uint8_t reg;

    switch (take8(in) % 8) {
    case 0:
    case 1:
    case 2:
        read_range(w, in);
        break;
    case 3:
        read_mtrr(w, in);
        break;
    case 4:
        reg = take8(in) % MTRR_FIXED_REGS;
        mtrr->fixed[reg] = take64(in);
        mtrr->def_type |= 0x400;
        break;
    case 5:
        read_mapping(w, in);
        break;
    case 6:
        w->m->request.ram_limit = take_address(in);
        edge(w, w->m->request.ram_limit);
        break;
    default:
        reg = take8(in);
        if (reg & 1)
            w->m->request.directmap_size = take_address(in) % DIRECTMAP_SIZE_4 & ~UINT64_C(0xfff);
        else if (reg & 2)
            mtrr->wb_top = take_address(in) & ~UINT64_C(0xfff);
        else
            mtrr->def_type = (mtrr->def_type & 0x400) | (reg & 4 ? 0 : 0x800) | reg >> 4;
        edge(w, reg & 1 ? w->m->request.directmap_size : mtrr->wb_top);
    }
}

void world_read(struct world *w, struct bytes *in)
{
    uint8_t flags = take8(in);
    struct plan_request *request;

    w->nedges = 0;
    w->m = machine_start(36 + take8(in) % 17);
    request = &w->m->request;
    request->max_level = flags % 3;
    request->directmap = !(flags & 0x80);
    w->m->mtrr.present = !(flags & 0x40);
    if (flags & 0x20) {
        request->levels = 5;
        request->directmap_base = DIRECTMAP_BASE_5;
        request->directmap_size = DIRECTMAP_SIZE_5;
    }
    w->room = take8(in);
    w->flip_slot = take16(in);
    w->flip_bit = take8(in);
    while (in->at < in->end)
        read_record(w, in);
    machine_settle(w->m);
    edge(w, UINT64_C(1) << request->phys_bits);
    edge(w, request->directmap_size);
    edge(w, UINT64_C(1) << 20);
    edge(w, UINT64_C(1) << 32);
}
