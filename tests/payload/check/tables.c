/* SPDX-License-Identifier: MIT */
/* The live page tables, read from root_pa on, against the plan; by code of their own. */
#include "check.h"

#define P       0x1u
#define W       0x2u
#define U       0x4u
#define PS      0x80u
#define NX      (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull

/* As after reset, for a CPU that has no PAT. */
#define PAT_RESET 0x0007040600070406ull

bool has_directmap(void)
{
    return info->directmap_len != 0;
}

void *reach(uint64_t pa, uint64_t len)
{
    return has_directmap() ? (void *)(info->directmap_va + pa) : info->calls->pmap_map(pa, len);
}

void leave(const void *reached)
{
    if (!has_directmap())
        info->calls->pmap_unmap(reached);
}

/* One entry of the table that maps va; the slot that shows the table does not count. */
static uint64_t entry_of(uint64_t table, unsigned level, uint64_t va)
{
    const volatile uint64_t *entries = reach(table, PAGE_SIZE);
    bool is_slot = level == 0 && (va & ~PAGE_MASK) == (uint64_t)entries;
    uint64_t entry = is_slot ? 0 : entries[va >> (12 + 9 * level) & 511];

    leave((const void *)entries);
    return entry;
}

/* A whole table as it is without the slot that shows it: one at each level. */
static const uint64_t *table_at(uint64_t table, unsigned level)
{
    static uint64_t copies[5][512];
    const uint64_t *entries = reach(table, PAGE_SIZE);
    unsigned slot = (unsigned)((uint64_t)entries >> 12 & 511);

    if (has_directmap())
        return entries;
    __builtin_memcpy(copies[level], entries, PAGE_SIZE);
    if (level == 0 && (copies[0][slot] & ADDRESS) == table)
        copies[0][slot] = 0;
    leave(entries);
    return copies[level];
}

static unsigned cache_of(uint64_t entry, unsigned level)
{
    uint64_t pat = info->cpu.pat ? info->cpu.pat : PAT_RESET;
    unsigned index = (unsigned)(entry >> 3 & 3) | ((entry >> (level ? 12 : 7) & 1) ? 4 : 0);

    return (unsigned)(pat >> 8 * index & 0xff);
}

static struct leaf leaf_of(uint64_t entry, unsigned level, uint64_t va, uint64_t rights)
{
    uint64_t size = PAGE_SIZE << 9 * level;

    return (struct leaf){
        .va = va & ~(size - 1),
        .pa = entry & ADDRESS & ~(size - 1),
        .size = size,
        .level = level,
        .cache = cache_of(entry, level),
        .write = rights & entry & W,
        .execute = !((rights | entry) & NX),
        .user = rights & entry & U,
    };
}

/* What the levels above leave of the rights: W and U if all have them, NX if any has it. */
static uint64_t narrow(uint64_t rights, uint64_t entry)
{
    return (rights & entry & (W | U)) | ((rights | entry) & NX);
}

struct leaf walk(uint64_t va)
{
    uint64_t table = info->root_pa;
    uint64_t rights = W | U;

    for (unsigned level = (unsigned)info->levels - 1;; level--) {
        uint64_t entry = entry_of(table, level, va);

        if (!(entry & P))
            return (struct leaf){0};
        if (level == 0 || (entry & PS))
            return leaf_of(entry, level, va, rights);
        rights = narrow(rights, entry);
        table = entry & ADDRESS;
    }
}

bool is_mapped(uint64_t va, uint64_t len, bool write, bool execute, unsigned cache)
{
    uint64_t end = va + len;

    while (va < end) {
        struct leaf leaf = walk(va);

        if (!leaf.size || leaf.write != write || leaf.execute != execute || leaf.user ||
            leaf.cache != cache)
            return false;
        va = leaf.va + leaf.size;
        if (va == 0)
            break;
    }
    return true;
}

void *direct(uint64_t pa, uint64_t len)
{
    uint64_t end = pa + len;

    for (uint64_t at = pa; at < end;) {
        struct leaf leaf;

        if (at >= info->directmap_len)
            return NULL;
        leaf = walk(info->directmap_va + at);
        if (!leaf.size)
            return NULL;
        at = leaf.pa + leaf.size;
    }
    return (void *)(info->directmap_va + pa);
}

uint64_t held_bytes(uint64_t base, uint64_t end, const char *owner)
{
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < info->held_count; i++) {
        const struct footing_held *h = &info->held[i];
        uint64_t from = h->base_pa > base ? h->base_pa : base;
        uint64_t to = h->end_pa < end ? h->end_pa : end;

        if (from < to && (!owner || text_equal(h->owner, owner)))
            bytes += to - from;
    }
    return bytes;
}

/* A walk over everything, beside the plan, which ascends in the same order. */
static struct {
    uint64_t at; /* in the plan */
    uint64_t mapped;
    struct flaws unplanned, different, larger, user, low, ram, unheld, malformed;
} all;

static bool in_low_half(uint64_t va)
{
    return !(va >> 63);
}

static void visit_leaf(const struct leaf *leaf)
{
    uint64_t va = leaf->va;
    uint64_t left = leaf->size;

    all.mapped += leaf->size;
    if (!has_directmap())
        flaw(&all.ram,
             usable_bytes(leaf->pa, leaf->pa + leaf->size) >
                 held_bytes(leaf->pa, leaf->pa + leaf->size, "image") +
                     held_bytes(leaf->pa, leaf->pa + leaf->size, "payload"),
             va);
    flaw(&all.user, leaf->user, va);
    flaw(&all.low,
         in_low_half(va) && (va < info->payload_va || va + leaf->size > info->payload_end_va), va);
    while (left > 0) {
        const struct footing_mapping *m;
        uint64_t part;

        while (all.at < info->plan_count &&
               info->plan[all.at].va + (info->plan[all.at].len - 1) < va)
            all.at++;
        m = &info->plan[all.at];
        if (all.at == info->plan_count || va < m->va) {
            flaw(&all.unplanned, true, va);
            return;
        }
        flaw(&all.different,
             m->pa + (va - m->va) != leaf->pa + (va - leaf->va) || m->cache != leaf->cache ||
                 !(m->rights & FOOTING_WRITE) != !leaf->write ||
                 !(m->rights & FOOTING_EXECUTE) != !leaf->execute,
             va);
        flaw(&all.larger, leaf->level > m->max_level, va);
        part = m->len - (va - m->va);
        part = part < left ? part : left;
        va += part;
        left -= part;
    }
}

static void visit(uint64_t table, unsigned level, uint64_t va, uint64_t rights)
{
    const uint64_t *entries = table_at(table, level);

    flaw(&all.unheld,
         held_bytes(table, table + PAGE_SIZE, "page tables") != PAGE_SIZE &&
             held_bytes(table, table + PAGE_SIZE, "image") != PAGE_SIZE,
         table);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = entries[i];
        uint64_t at = va + ((uint64_t)i << (12 + 9 * level));

        if (entry == 0)
            continue;
        if (level + 1 == info->levels && i >= 256)
            at |= ~0ull << (12 + 9 * level + 9 - 1);
        if (!(entry & P) || (level > 2 && (entry & PS))) {
            flaw(&all.malformed, true, at);
        } else if (level == 0 || (entry & PS)) {
            struct leaf leaf = leaf_of(entry, level, at, rights);

            visit_leaf(&leaf);
        } else {
            visit(entry & ADDRESS, level - 1, at, narrow(rights, entry));
        }
    }
}

/* No frame that something executes can be written through the directmap, or through anything. */
static void check_executable(void)
{
    struct flaws writable = {0, 0};

    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *x = &info->plan[i];

        if (!(x->rights & FOOTING_EXECUTE))
            continue;
        for (uint64_t at = 0; at < x->len; at += PAGE_SIZE) {
            struct leaf leaf = walk(x->va + at);
            uint64_t pa = leaf.pa + (x->va + at - leaf.va);

            flaw(&writable, leaf.write, x->va + at);
            if (pa < info->directmap_len)
                flaw(&writable, walk(info->directmap_va + pa).write, pa);
        }
        for (uint64_t j = 0; j < info->plan_count; j++) {
            const struct footing_mapping *w = &info->plan[j];

            flaw(&writable,
                 (w->rights & FOOTING_WRITE) && w->pa < x->pa + x->len && x->pa < w->pa + w->len,
                 w->va);
        }
    }
    promise_none("no frame is executable and writable", &writable);
}

static void check_plan(void)
{
    struct flaws order = {0, 0};
    struct flaws aligned = {0, 0};
    struct flaws names = {0, 0};

    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];
        const char *name = info->mapping_name(m);

        flaw(&aligned, ((m->va | m->pa | m->len) & PAGE_MASK) != 0 || m->len == 0, m->va);
        flaw(&order, i > 0 && m->va < m[-1].va + m[-1].len, m->va);
        flaw(&names, !name || !name[0] || text_equal(name, "?"), m->va);
        if (text_equal(name, "directmap"))
            flaw(&names, !has_directmap() || m->va != info->directmap_va + m->pa, m->va);
    }
    promise_none("the plan ascends, disjoint", &order);
    promise_none("the plan is aligned", &aligned);
    promise_none("mappings have names, the directmap's stand at directmap_va + pa", &names);
}

/* The root through PMAP is the root through the directmap. */
static void check_root(void)
{
    uint64_t *root = info->calls->pmap_map(info->root_pa, PAGE_SIZE);

    promise("the root can be mapped", root != NULL);
    if (!root)
        return;
    if (has_directmap())
        promise("PMAP and the directmap show the same root",
                __builtin_memcmp(root, (void *)(info->directmap_va + info->root_pa), PAGE_SIZE) ==
                    0);
    info->calls->pmap_unmap(root);
}

void check_tables(void)
{
    const struct leaf image = walk(info->image_va);
    uint64_t planned = 0;

    check_plan();
    check_root();
    __builtin_memset(&all, 0, sizeof(all));
    visit(info->root_pa, (unsigned)info->levels - 1, 0, W | U);
    for (uint64_t i = 0; i < info->plan_count; i++)
        planned += info->plan[i].len;
    promise_none("tables: what is mapped is planned", &all.unplanned);
    promise_none("tables: mapped as planned", &all.different);
    promise_none("tables: pages no larger than planned", &all.larger);
    promise_equal("tables: bytes mapped, what is planned", all.mapped, planned);
    promise_none("tables: nothing is the user's", &all.user);
    promise_none("tables: nothing but the payload in the low half", &all.low);
    promise_none("tables: without a directmap, no RAM but the image and the payload", &all.ram);
    promise_none("tables: their frames are held", &all.unheld);
    promise_none("tables: entries well formed", &all.malformed);
    for (uint64_t va = 0; va < 0x10000; va += PAGE_SIZE)
        promise_equal("tables: nothing in the first 64 KiB", walk(va).size, 0);
    check_executable();
    promise_equal("the image is where info says", image.pa + (info->image_va - image.va),
                  info->image_pa);
    promise_equal("stack: 64 KiB", info->stack_len, 0x10000);
    promise("stack: writable, not executable",
            is_mapped(info->stack_va, info->stack_len, true, false, FOOTING_WB));
    promise_equal("stack: nothing is mapped below", walk(info->stack_va - PAGE_SIZE).size, 0);
}
