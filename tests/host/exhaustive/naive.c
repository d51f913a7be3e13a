/* SPDX-License-Identifier: MIT */
#include "naive.h"

#include <string.h>

unsigned naive_span(unsigned level)
{
    return level == 0 ? 1 : level == 1 ? 4 : 16;
}

static void lay_out_memory(const struct world *world, struct naive *naive)
{
    for (unsigned u = 0; u < UNITS; u++)
        naive->unit[u] = NOTHING;
    for (size_t i = 0; i < world->count; i++) {
        uint64_t first = world->in[i].base / UNIT;
        uint64_t end = first + world->in[i].len / UNIT;

        for (uint64_t u = first; u < end; u++) {
            if (naive->unit[u] == NOTHING || naive->unit[u] < (unsigned)world->in[i].type)
                naive->unit[u] = world->in[i].type;
        }
    }
}

/* SDM vol. 3 section 12.11.4.1; reserved encodings, and undefined mixtures, are UC. */
unsigned naive_mtrr(const struct mtrr_state *mtrr, uint64_t pa)
{
    unsigned hit = 0; /* bit t: a range of type t holds the page */
    unsigned type = mtrr->def_type & 0xff;

    if (!mtrr->present)
        return 6;
    if ((mtrr->def_type & 0x800) == 0)
        return 0;
    if (mtrr->def_type & 0x400) {
        /* All pages here lie below 512 KiB: eight fields of 64 KiB. */
        type = mtrr->fixed[0] >> (pa / 65536 * 8) & 0xff;
    } else {
        for (unsigned i = 0; i < mtrr->variable; i++) {
            uint64_t mask = mtrr->var[i].mask & 0xfffff000;

            if ((mtrr->var[i].mask & 0x800) && (pa & mask) == (mtrr->var[i].base & mask))
                hit |= 1u << (mtrr->var[i].base & 7);
        }
        for (unsigned t = 0; t < 8; t++) {
            if (hit == 1u << t)
                type = t;
        }
        if (hit & (hit - 1))
            type = hit == (1u << 4 | 1u << 6) ? 4 : 0;
    }
    return type == 1 || type == 4 || type == 5 || type == 6 ? type : 0;
}

static uint64_t leaf_bits(unsigned rights, unsigned type, unsigned level)
{
    uint64_t bits = 0x121; /* present, accessed, global */

    if (rights & RIGHT_W)
        bits |= 0x42; /* writable, dirty */
    if ((rights & RIGHT_X) == 0)
        bits |= UINT64_C(1) << 63;
    if (type == 0)
        bits |= 0x18; /* PWT and PCD */
    if (type == 4 || type == 5)
        bits |= 0x08;
    if (type == 1 || type == 5)
        bits |= level == 0 ? 0x80 : 0x1000;
    if (level > 0)
        bits |= 0x80;
    return bits;
}

static struct naive_page *page_at(struct naive *naive, uint64_t va)
{
    return &naive->page[va / 4096 % PAGES];
}

static bool is_executable(const struct world *world, uint64_t pa)
{
    for (size_t i = 0; i < world->nfixed; i++) {
        const struct mapping *m = &world->fixed[i];

        if ((m->rights & RIGHT_X) && pa >= m->pa && pa < m->pa + m->len)
            return true;
    }
    return false;
}

static void put_page(struct naive *naive, uint64_t va, uint64_t pa, const struct mapping *like)
{
    *page_at(naive, va) = (struct naive_page){.present = true,
                                              .pa = pa,
                                              .rights = like->rights,
                                              .type = like->type,
                                              .max_level = like->max_level};
}

static void map_all(const struct world *world, struct naive *naive)
{
    for (unsigned p = 0; p < PAGES; p++) {
        uint64_t pa = (uint64_t)p * 4096;
        struct mapping like = {.rights = is_executable(world, pa) ? 0 : RIGHT_W,
                               .type = MEMTYPE_WB,
                               .max_level = (uint8_t)world->max_level};

        naive->ram[p] = naive->unit[2 * p] == MEM_USABLE && naive->unit[2 * p + 1] == MEM_USABLE &&
                        pa + 4096 <= world->directmap_size && pa + 4096 <= world->ram_limit &&
                        naive_mtrr(&world->mtrr, pa) == 6;
        naive->ram_pages += naive->ram[p];
        if (naive->ram[p] && world->directmap)
            put_page(naive, world->directmap_base + pa, pa, &like);
    }
    for (size_t i = 0; i < world->nfixed; i++) {
        const struct mapping *m = &world->fixed[i];

        for (uint64_t at = 0; at < m->len; at += 4096)
            put_page(naive, m->va + at, m->pa + at, m);
    }
}

/* Does page v begin an entry? Fixed mappings are told apart by where they begin. */
static bool begins(const struct world *world, const struct naive *naive, unsigned v)
{
    const struct naive_page *page = &naive->page[v];
    const struct naive_page *before = page - 1;

    if (v == 0 || v == PAGES / 2 || !before->present)
        return true;
    for (size_t i = 0; i < world->nfixed; i++) {
        uint64_t first = world->fixed[i].va / 4096 % PAGES;

        if (v == first || v == first + world->fixed[i].len / 4096)
            return true;
    }
    return before->pa + 4096 != page->pa || before->rights != page->rights;
}

static void number_entries(const struct world *world, struct naive *naive)
{
    for (unsigned v = 0; v < PAGES; v++) {
        if (!naive->page[v].present)
            continue;
        naive->entries += begins(world, naive, v);
        naive->page[v].entry = (unsigned)naive->entries - 1;
    }
}

/* May one leaf of this level translate page v? */
static bool one_leaf(const struct naive *naive, unsigned v, unsigned level)
{
    const struct naive_page *page = &naive->page[v];
    unsigned span = naive_span(level);
    unsigned first = v / span * span;

    if (level > page->max_level || naive->page[first].pa % (span * 4096u) != 0)
        return false;
    for (unsigned k = first; k < first + span; k++) {
        if (!naive->page[k].present || naive->page[k].entry != page->entry)
            return false;
    }
    return true;
}

static void choose_leaves(struct naive *naive)
{
    for (unsigned v = 0; v < PAGES; v++) {
        struct naive_page *page = &naive->page[v];

        if (!page->present)
            continue;
        page->level = one_leaf(naive, v, 2) ? 2 : one_leaf(naive, v, 1) ? 1 : 0;
        unsigned span = naive_span(page->level);
        page->leaf =
            naive->page[v / span * span].pa | leaf_bits(page->rights, page->type, page->level);
        naive->leaves[page->level] += v % span == 0;
    }
}

/* A table is needed for each window with a page of its level or below. */
static void count_tables(struct naive *naive)
{
    naive->tables = 1;
    for (unsigned level = 0; level < 2; level++) {
        unsigned window = naive_span(level + 1);

        for (unsigned first = 0; first < PAGES; first += window) {
            bool needed = false;

            for (unsigned v = first; v < first + window; v++)
                needed |= naive->page[v].present && naive->page[v].level <= level;
            naive->tables += needed;
        }
    }
}

void naive_work_out(const struct world *world, struct naive *naive)
{
    memset(naive, 0, sizeof(*naive));
    lay_out_memory(world, naive);
    map_all(world, naive);
    number_entries(world, naive);
    choose_leaves(naive);
    count_tables(naive);
}

static const char *compare_table(const struct naive *naive, uint64_t frame, unsigned level,
                                 unsigned first, uint64_t (*read)(uint64_t frame, unsigned slot),
                                 size_t *used)
{
    unsigned span = naive_span(level);
    const char *wrong = NULL;

    ++*used;
    for (unsigned slot = 0; slot < SLOTS && wrong == NULL; slot++, first += span) {
        uint64_t entry = read(frame, slot);
        uint64_t leaf = 0;
        bool link = false;

        for (unsigned v = first; v < first + span; v++) {
            const struct naive_page *page = &naive->page[v];

            link |= page->present && page->level < level;
            if (page->present && page->level == level)
                leaf = page->leaf;
        }
        if (!link) {
            if (entry != leaf)
                wrong = leaf ? "a leaf is wrong" : "a slot is not empty";
        } else if ((entry & ~UINT64_C(0x000ffffffffff000)) != 0x23) {
            wrong = "a link is not present, writable, executable, accessed";
        } else {
            wrong = compare_table(naive, entry & UINT64_C(0x000ffffffffff000), level - 1, first,
                                  read, used);
        }
    }
    return wrong;
}

const char *naive_compare(const struct naive *naive, uint64_t root,
                          uint64_t (*read)(uint64_t frame, unsigned slot), size_t *used)
{
    *used = 0;
    return compare_table(naive, root, LEVELS - 1, 0, read, used);
}
