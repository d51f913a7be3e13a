/* SPDX-License-Identifier: MIT */
/*
 * A whole machine, from the firmware's map to live tables: pieces of RAM, the
 * plan, the count, the build, the walk and the audit, each held against the
 * oracle of the host tests; then one bit of the tables is flipped, and the
 * audit must see it. The input's form is in world.h.
 */
#define _POSIX_C_SOURCE 200112L

#include "tables.h"
#include "walk.h"
#include "world.h"

/* The oracle goes page by page: beyond this many tables only the plan is checked. */
#define MAX_TABLES 48

/* Pieces ascend, each is of the fate that its first and last page have, together they are all RAM. */
static bool check_pieces(const struct world *w)
{
    const struct plan_request *request = &w->m->request;
    struct ref_map ref = machine_ref(w->m);
    uint64_t top = machine_top(w->m);
    uint64_t sum = 0;
    uint64_t at = 0;
    bool any = false;
    struct ram_iter iter;
    struct ram_piece piece;

    ram_first(&iter, request);
    while (ram_next(&iter, &piece)) {
        uint64_t first = piece.base & ~UINT64_C(0xfff);
        uint64_t last = (piece.end - 1) & ~UINT64_C(0xfff);

        CHECK(piece.base >= at && piece.end > piece.base);
        CHECK(memmap_is(&w->m->map, piece.base, piece.end - piece.base, MEM_USABLE));
        at = piece.end;
        sum += piece.end - piece.base;
        for (unsigned i = 0; i < 2; i++) {
            uint64_t page = i ? last : first;
            bool whole = ref_is(&ref, page, 4096, MEM_USABLE);

            CHECK((piece.fate == RAM_MAPPED) == ref_page_is_ram(&ref, &w->m->mtrr, page, top));
            CHECK((piece.fate == RAM_PARTIAL_PAGE) == !whole);
            if (piece.fate == RAM_NOT_WB)
                CHECK(ref_mtrr_type(&w->m->mtrr, page) == piece.type && piece.type != MEMTYPE_WB);
            else
                CHECK(piece.type == MEMTYPE_WB);
            if (piece.fate == RAM_OVER_LIMIT)
                CHECK(page + 4096 > request->ram_limit);
            if (piece.fate == RAM_OVER_WINDOW)
                CHECK(page >= request->directmap_size && page + 4096 <= request->ram_limit);
        }
        any = any || piece.fate == RAM_MAPPED;
    }
    CHECK(sum == ref_bytes(&ref, MEM_USABLE));
    CHECK(ram_check(request).code == (any ? ERR_NONE : ERR_NORAM));
    return any;
}

static bool is_canonical(uint64_t va, unsigned levels)
{
    uint64_t half = UINT64_C(1) << (levels == 5 ? 56 : 47);

    return va < half || va >= (uint64_t)0 - half;
}

/* What is wrong with one wanted mapping, as plan.h has it; any order of the reasons will do. */
static bool wrong(const struct mapping *m, const struct plan_request *request, enum error_code code)
{
    unsigned __int128 end = (unsigned __int128)m->va + m->len;
    unsigned __int128 width = (unsigned __int128)1 << request->phys_bits;
    uint64_t last = m->va + (m->len - 1);

    switch (code) {
    case ERR_ALIGN:
        return m->va % 4096 || m->pa % 4096 || m->len % 4096 || m->len == 0;
    case ERR_CANONICAL:
        return m->len &&
               (end > (unsigned __int128)1 << 64 || !is_canonical(m->va, request->levels) ||
                !is_canonical(last, request->levels) || m->va >> 63 != last >> 63);
    case ERR_WIDTH:
        return (unsigned __int128)m->pa + m->len > width;
    case ERR_LARGE:
        return m->max_level > 2;
    case ERR_WX:
        return m->rights == (RIGHT_W | RIGHT_X);
    default:
        return false;
    }
}

static bool share(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
    return a_len && b_len && (a <= b ? b - a < a_len : a - b < b_len);
}

/* Is this error, or with ERR_NONE any at all, to be found among the fixed mappings? */
static bool fixed_have(const struct world *w, enum error_code code)
{
    static const enum error_code single[] = {ERR_ALIGN, ERR_CANONICAL, ERR_WIDTH, ERR_LARGE,
                                             ERR_WX};
    const struct plan_request *request = &w->m->request;

    for (size_t i = 0; i < request->nfixed; i++) {
        const struct mapping *a = &w->m->fixed[i];

        for (unsigned k = 0; k < sizeof(single) / sizeof(single[0]); k++) {
            if ((code == ERR_NONE || code == single[k]) && wrong(a, request, single[k]))
                return true;
        }
        for (size_t k = 0; k < request->nfixed; k++) {
            const struct mapping *b = &w->m->fixed[k];
            bool alias = share(a->pa, a->len, b->pa, b->len);

            if ((code == ERR_NONE || code == ERR_CLASH) && i != k &&
                share(a->va, a->len, b->va, b->len))
                return true;
            if ((code == ERR_NONE || code == ERR_TYPE) && alias && a->type != b->type)
                return true;
            if ((code == ERR_NONE || code == ERR_WX) && alias && (a->rights & RIGHT_X) &&
                (b->rights & RIGHT_W))
                return true;
        }
    }
    return false;
}

/* Does a fixed mapping stand in the directmap's window, or give a frame of RAM another type? */
static bool fixed_meet_directmap(const struct world *w, enum error_code code)
{
    const struct plan_request *request = &w->m->request;

    for (size_t i = 0; request->directmap && i < request->nfixed; i++) {
        const struct mapping *m = &w->m->fixed[i];

        if (code == ERR_CLASH &&
            share(m->va, m->len, request->directmap_base, request->directmap_size))
            return true;
        if (code == ERR_TYPE && m->type != MEMTYPE_WB)
            return true;
    }
    return false;
}

/* An error of plan_make() has a reason. */
static void check_refusal(const struct world *w, struct error err, bool any_ram)
{
    const struct plan_request *request = &w->m->request;

    CHECK(w->m->plan.count == 0);
    if (err.code == ERR_NORAM) {
        CHECK(!any_ram && err.text);
        return;
    }
    if (err.code == ERR_PLANFULL) {
        struct plan plan = {.entries = w->m->entries, .max = 1024};

        CHECK(err.at == w->room);
        err = plan_make(&plan, request);
        /* With more room there are more entries than fitted, or there is another reason. */
        CHECK(err.code || plan.count > w->room);
        return;
    }
    CHECK(fixed_have(w, err.code) || fixed_meet_directmap(w, err.code));
}

/* One page of RAM addresses, as the plan has it and as it should. */
static void check_direct(const struct world *w, const struct ref_map *ref, uint64_t page)
{
    const struct plan_request *request = &w->m->request;
    struct ref_hit hit = ref_planned(&w->m->plan, request->directmap_base + page);
    bool wanted = request->directmap && ref_page_is_ram(ref, &w->m->mtrr, page, machine_top(w->m));
    unsigned rights = RIGHT_W;

    if (page >> request->phys_bits)
        return;
    for (size_t i = 0; i < request->nfixed; i++) {
        const struct mapping *m = &w->m->fixed[i];

        if (share(m->va, m->len, request->directmap_base + page, 4096))
            return;
        if ((m->rights & RIGHT_X) && share(m->pa, m->len, page, 4096))
            rights = 0;
    }
    CHECK(hit.present == wanted);
    if (wanted)
        CHECK(hit.pa == page && hit.rights == rights && hit.type == MEMTYPE_WB);
}

static void check_plan(const struct world *w)
{
    const struct plan_request *request = &w->m->request;
    const struct plan *plan = &w->m->plan;
    struct ref_map ref = machine_ref(w->m);
    size_t fixed = 0;

    CHECK(!fixed_have(w, ERR_NONE));
    CHECK(ref_frames_agree(plan));
    CHECK(plan_check(plan, request->levels, request->phys_bits).code == ERR_NONE);
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        uint64_t end = m->va + m->len;

        fixed += m->what != WHAT_DIRECTMAP;
        CHECK(i == 0 || m[-1].va + m[-1].len <= m->va);
        CHECK(i == 0 || m->what != WHAT_DIRECTMAP || m[-1].what != WHAT_DIRECTMAP ||
              m[-1].va + m[-1].len != m->va || m[-1].rights != m->rights);
        if (m->what != WHAT_DIRECTMAP)
            continue;
        CHECK(m->max_level == request->max_level && m->va - request->directmap_base == m->pa);
        for (uint64_t page = m->pa - 4096; page != m->pa + 8192; page += 4096)
            check_direct(w, &ref, page);
        for (uint64_t page = end - m->va + m->pa - 4096; page != end - m->va + m->pa + 4096;
             page += 4096)
            check_direct(w, &ref, page);
    }
    CHECK(fixed == request->nfixed);
    for (size_t i = 0; i < w->nedges; i++) {
        for (uint64_t page = w->edges[i] - 4096; page != w->edges[i] + 8192; page += 4096)
            check_direct(w, &ref, page);
    }
}

struct walk_check {
    const struct plan *plan;
    struct pt_stats stats;
    uint64_t next;
};

static bool on_table(void *ctx, unsigned level, uint64_t frame, uint64_t va)
{
    struct walk_check *check = ctx;

    (void)level;
    (void)frame;
    (void)va;
    check->stats.tables++;
    return true;
}

static bool on_leaf(void *ctx, const struct pt_leaf *leaf)
{
    struct walk_check *check = ctx;
    struct ref_hit hit = ref_planned(check->plan, leaf->va);

    CHECK(check->stats.leaves[0] + check->stats.leaves[1] + check->stats.leaves[2] == 0 ||
          leaf->va >= check->next);
    CHECK(hit.present && leaf->pa == hit.pa && leaf->level == hit.level);
    CHECK(leaf->len == UINT64_C(4096) << (9 * leaf->level) && leaf->va % leaf->len == 0);
    CHECK(leaf->rights == hit.rights && !leaf->user && (unsigned)leaf->type == hit.type);
    check->next = leaf->va + leaf->len;
    check->stats.leaves[leaf->level]++;
    return true;
}

static bool on_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    (void)ctx;
    (void)level;
    (void)va;
    (void)entry;
    CHECK(false); /* nothing that was built is malformed */
    return false;
}

/* The MMU of the oracle, at both sides of every edge of the plan. */
static void check_translation(const struct world *w, struct fake_memory *fake, uint64_t root)
{
    struct ref_reader reader = fake_memory_ref(fake);
    const struct plan *plan = &w->m->plan;
    unsigned levels = w->m->request.levels;

    for (size_t i = 0; i < 4 * plan->count; i++) {
        const struct mapping *m = &plan->entries[i / 4];
        uint64_t va = (i & 2 ? m->va + m->len : m->va) - (i & 1);
        struct ref_hit wanted = ref_planned(plan, va);
        struct ref_hit got = ref_translate(&reader, root, levels, va);

        CHECK(got.present == wanted.present);
        CHECK(!got.present || (got.pa == wanted.pa && got.level == wanted.level &&
                               got.rights == wanted.rights && got.type == wanted.type));
        CHECK(!got.present ||
              (!got.user && got.global && got.accessed && got.dirty == wanted.dirty));
    }
}

/* Must the audit see this bit of this entry flipped? Not of links' rights: it depends. */
static bool matters(uint64_t entry, unsigned level, unsigned bit)
{
    static const unsigned types[8] = {6, 4, 0, 0, 1, 5, 0, 0};
    bool leaf = level == 0 || (level <= 2 && (entry & 0x80));
    unsigned pat_bit = level == 0 ? 7 : 12;
    unsigned index = (unsigned)((entry >> 3 & 3) | (entry >> pat_bit & 1) << 2);

    if (entry == 0 || bit == 0 || (bit >= 13 && bit < 52) || (bit == 7 && level > 0))
        return true;
    if (!leaf)
        return bit == 12;
    if (bit == 3 || bit == 4)
        return types[index] != types[index ^ (1u << (bit - 3))];
    if (bit == pat_bit)
        return types[index] != types[index ^ 4];
    return bit == 1 || bit == 12 || bit == 63;
}

/* The planner cuts RAM by the MTRRs; a fixed mapping whoever wants it, and here nobody has. */
static const struct mtrr_state *audit_mtrrs(const struct world *w)
{
    static const struct mtrr_state none;

    return w->m->request.nfixed == 0 ? &w->m->mtrr : &none;
}

/* Flip the bit, unless the walk would then follow a link to no frame at all. */
static void check_flip(const struct world *w, struct fake_memory *fake, uint64_t root)
{
    struct pt_reader reader = fake_memory_reader(fake);
    size_t table = w->flip_slot / 512u % fake->used;
    uint64_t *slot = &fake->frames[table][w->flip_slot % 512];
    unsigned level = fake->requests[table].level;
    unsigned bit = w->flip_bit % 64;
    uint64_t kept = *slot;
    uint64_t flipped = kept ^ UINT64_C(1) << bit;
    bool link = (flipped & 1) && level > 0 && !(level <= 2 && (flipped & 0x80));
    bool same_frame = ((kept ^ flipped) & UINT64_C(0xffffffffff000)) == 0 && (kept & 1) &&
                      !(level <= 2 && (kept & 0x80));
    struct pt_stats found;
    struct error err;

    if (link && !same_frame)
        return;
    *slot = flipped;
    err = pt_audit(root, w->m->request.levels, w->m->request.phys_bits, &reader, &w->m->plan,
                   audit_mtrrs(w), &found);
    *slot = kept;
    if (matters(kept, level, bit))
        CHECK(err.code == ERR_AUDIT && err.text);
    else
        CHECK(err.code == ERR_NONE || err.code == ERR_AUDIT);
}

static void check_tables(const struct world *w)
{
    const struct plan *plan = &w->m->plan;
    unsigned levels = w->m->request.levels;
    unsigned phys_bits = w->m->request.phys_bits;
    struct walk_check check = {.plan = plan};
    const struct pt_visitor visitor = {&check, on_table, on_leaf, on_bad};
    struct fake_memory fake;
    struct pt_reader reader;
    struct pt_stats stats;
    struct pt_stats found;
    uint64_t root;

    tables_build_plan(&fake, plan, levels, &root, &stats);
    for (size_t i = 0; i < fake.used; i++)
        CHECK(is_canonical(fake.requests[i].va, levels));
    reader = fake_memory_reader(&fake);
    CHECK(pt_walk(root, levels, phys_bits, &reader, &visitor));
    CHECK(memcmp(&check.stats, &stats, sizeof(stats)) == 0);
    CHECK(pt_audit(root, levels, phys_bits, &reader, plan, audit_mtrrs(w), &found).code ==
          ERR_NONE);
    CHECK(memcmp(&found, &stats, sizeof(stats)) == 0);
    check_translation(w, &fake, root);
    check_flip(w, &fake, root);
    fake_memory_free(&fake);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    /* What the host tests' helpers assert is a finding too. */
    return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct bytes in = {data, data + size};
    struct error err;
    bool any_ram;

    world_read(&w, &in);
    w.m->plan.max = w.room = w.room == 255 ? 1024 : w.room;
    any_ram = check_pieces(&w);
    err = plan_make(&w.m->plan, &w.m->request);
    if (err.code) {
        check_refusal(&w, err, any_ram);
        return 0;
    }
    CHECK(any_ram && !fixed_meet_directmap(&w, ERR_CLASH));
    check_plan(&w);
    if (pt_count(&w.m->plan, w.m->request.levels) <= MAX_TABLES)
        check_tables(&w);
    return 0;
}
