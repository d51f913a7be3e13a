/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include "reference.h"
#include "test.h"

typedef unsigned long long ull;

static uint64_t size_of(unsigned level)
{
    return UINT64_C(4096) << (9 * level);
}

static uint64_t root_of(const struct subject *s, unsigned owner)
{
    return owner == 0 ? s->space.root : s->others[owner - 1].space.root;
}

static bool in_directmap(const struct subject *s, unsigned owner, uint64_t va)
{
    return owner == 0 && va - s->space.directmap_base < s->space.directmap_size;
}

/* Do these MTRRs give a page of this level one type? */
static bool one_type(const struct subject *s, uint64_t pa, unsigned level)
{
    enum memtype type = ref_mtrr_type(&s->mtrr, pa);

    for (uint64_t done = 0; s->mtrr.variable > 0 && done < size_of(level); done += 4096) {
        if (ref_mtrr_type(&s->mtrr, pa + done) != type)
            return false;
    }
    return true;
}

/* The page of this level around page i, of one kind and in a row: could it be one leaf? */
static bool alike(const struct subject *s, const struct arena *arena, size_t i, unsigned level)
{
    uint64_t base = (arena->va + i * 4096) & ~(size_of(level) - 1);
    const uint64_t *page = arena->pages + (base - arena->va) / 4096;

    if (base < arena->va || (base - arena->va) / 4096 + size_of(level) / 4096 > arena->count)
        return false;
    if (*page == 0 || (*page & ~UINT64_C(0xfff)) % size_of(level) != 0)
        return false;
    for (size_t k = 0; k < size_of(level) / 4096; k++) {
        if (page[k] != page[0] + k * 4096)
            return false;
    }
    return one_type(s, *page & ~UINT64_C(0xfff), level);
}

/* The leaf at page i translates as the model has it, all of it. Returns its pages. */
static size_t check_leaf(struct subject *s, const struct arena *arena, size_t i,
                         const struct ref_hit *hit, uint8_t *levels)
{
    uint64_t va = arena->va + i * 4096;
    uint64_t word = hit->pa | (uint64_t)hit->type << 4 | hit->rights | 1;
    size_t pages = size_of(hit->level) / 4096;

    assert_false(hit->user);
    /* What one root has alone is never global; the main root's leaves are, until it shares. */
    assert_true(arena->owner == 0 ? hit->global || s->tlb.shared : !hit->global);
    assert_true(hit->accessed);
    assert_int_equal(hit->dirty, (hit->rights & RIGHT_W) != 0);
    if (va % size_of(hit->level) != 0 || i + pages > arena->count)
        fail_msg("the leaf at 0x%llx reaches out of what is modelled", (ull)va);
    for (size_t k = 0; k < pages; k++) {
        if (arena->pages[i + k] != word + k * 4096)
            fail_msg("0x%llx is 0x%llx instead of 0x%llx (pa | type << 4 | rights | 1)",
                     (ull)(va + k * 4096), (ull)(word + k * 4096), (ull)arena->pages[i + k]);
    }
    memset(levels + i, (int)hit->level, pages);
    s->leaves[hit->level]++;
    return pages;
}

/* Pages to skip where nothing is mapped: to the end of what has no table. */
static size_t check_hole(const struct subject *s, const struct arena *arena, size_t i,
                         const struct ref_reader *reader)
{
    uint64_t va = arena->va + i * 4096;
    size_t pages = 1;

    if (ref_table_for(reader, root_of(s, arena->owner), s->levels, va, 0) == 0)
        pages = (size_of(1) - va % size_of(1)) / 4096;
    for (size_t k = i; k < i + pages && k < arena->count; k++) {
        if (arena->pages[k] != 0)
            fail_msg("0x%llx is not mapped", (ull)(arena->va + k * 4096));
    }
    return pages;
}

static void check_arena(struct subject *s, const struct arena *arena, uint8_t *levels)
{
    struct ref_reader reader = fake_memory_ref(&s->fake);

    for (size_t i = 0; i < arena->count;) {
        struct ref_hit hit =
            ref_translate(&reader, root_of(s, arena->owner), s->levels, arena->va + i * 4096);

        if (hit.present)
            i += check_leaf(s, arena, i, &hit, levels);
        else
            i += check_hole(s, arena, i, &reader);
    }
}

/* The part of a window that the change covers: none, some, all. */
static unsigned covered(const struct pt_change *change, uint64_t va, unsigned level)
{
    uint64_t base = va & ~(size_of(level) - 1);
    uint64_t last = base + (size_of(level) - 1);
    uint64_t end = change->va + (change->len - 1);

    if (last < change->va || base > end)
        return 0;
    return base >= change->va && last <= end ? 2 : 1;
}

/* Are all entries of the table for this page of level 1 or 2 leaves, by what lies outside? */
static bool all_leaves(const struct arena *arena, const uint8_t *levels, size_t i, unsigned level)
{
    uint64_t base = (arena->va + i * 4096) & ~(size_of(level) - 1);
    size_t first = (base - arena->va) / 4096;

    for (size_t k = first; k < first + size_of(level) / 4096; k++) {
        if (levels[k] + 1u < level)
            return false;
    }
    return true;
}

/* No leaf is larger than may be. */
static void check_not_too_large(const struct subject *s, const struct arena *arena, size_t i,
                                unsigned level, const struct pt_change *change)
{
    uint64_t va = arena->va + i * 4096;
    unsigned old = arena->levels[i];

    if (level == 0 || level <= old)
        return;
    if (level > s->space.max_level)
        fail_msg("the page at 0x%llx is too large for the space", (ull)va);
    if (covered(change, va, level) == 0)
        fail_msg("the page at 0x%llx has grown, far from the change", (ull)va);
    if (change->op == PT_MAP && covered(change, va, level) == 2 && level > change->max_level)
        fail_msg("the page at 0x%llx is too large for the change", (ull)va);
    if (!one_type(s, arena->pages[i] & ~UINT64_C(0xfff), level))
        fail_msg("the page at 0x%llx crosses a boundary of the MTRRs", (ull)va);
}

/* Must page i be part of a leaf of this level, or a larger one? old: the levels before. */
static bool must_be(const struct subject *s, const struct arena *arena, size_t i, unsigned level,
                    const struct pt_change *change, const uint8_t *levels)
{
    uint64_t va = arena->va + i * 4096;
    unsigned part = covered(change, va, level);

    if (level > s->space.max_level || arena->pages[i] == 0 || !alike(s, arena, i, level))
        return false;
    if (change->op == PT_MAP && part > 0)
        return level <= change->max_level && (part == 2 || all_leaves(arena, levels, i, level));
    if (change->op == PT_PROTECT && part > 0)
        return all_leaves(arena, levels, i, level);
    return arena->levels[i] >= level; /* a split leaves what it does not touch */
}

static void check_sizes(const struct subject *s, const struct arena *arena, const uint8_t *levels,
                        const struct pt_change *change)
{
    size_t step;

    for (size_t i = 0; i < arena->count; i += step) {
        uint64_t va = arena->va + i * 4096;
        unsigned level = levels[i];

        step = 1;
        if (arena->pages[i] == 0)
            continue;
        step = size_of(level) / 4096;
        check_not_too_large(s, arena, i, level, change);
        for (unsigned above = level + 1; above <= 2 && va % size_of(above) == 0; above++) {
            if (must_be(s, arena, i, above, change, levels))
                fail_msg("the page at 0x%llx, of level %u, is to be of level %u", (ull)va, level,
                         above);
        }
    }
}

/* Is this page to be in the list? In the directmap, only what is executable or not write-back. */
static bool listed(const struct subject *s, unsigned owner, uint64_t va, uint64_t word)
{
    return word != 0 &&
           (!in_directmap(s, owner, va) || (word & RIGHT_X) || (word >> 4 & 7) != MEMTYPE_WB);
}

/* Runs of neighbours of one kind. */
size_t subject_count_aliases(const struct subject *s)
{
    size_t count = 0;

    for (size_t i = 0; i < s->narenas; i++) {
        const struct arena *arena = &s->arenas[i];
        uint64_t before = 0;

        for (size_t k = 0; k < arena->count; k++) {
            if (!listed(s, arena->owner, arena->va + k * 4096, arena->pages[k])) {
                before = 0;
                continue;
            }
            count += before == 0 || arena->pages[k] != before + 4096;
            before = arena->pages[k];
        }
    }
    return count;
}

static unsigned owner_of(const struct subject *s, uint64_t root)
{
    unsigned owner = 0;

    while (root_of(s, owner) != root && owner < SUBJECT_ROOTS)
        owner++;
    assert_int_equal(root_of(s, owner), root);
    return owner;
}

/* Behind the keys in use are those of other entries, as many as have been: none is there twice. */
static void check_keys(const struct subject *s)
{
    bool seen[SUBJECT_ALIASES] = {false};

    for (size_t i = 0; i < s->registry.count + 64 && i < SUBJECT_ALIASES; i++) {
        size_t index = s->keys[i] % 4096;

        assert_true(index < SUBJECT_ALIASES && !seen[index]);
        assert_true(i < s->registry.count || s->keys[i] == index);
        seen[index] = true;
    }
}

static void check_aliases(struct subject *s)
{
    unsigned turn = s->owner;
    uint64_t reach = 0;

    assert_int_equal(s->registry.count, subject_count_aliases(s));
    check_keys(s);
    for (size_t i = 0; i < s->registry.count; i++) {
        const struct pt_alias *alias = &s->aliases[s->keys[i] % 4096];
        uint64_t pa = s->keys[i] / 4096 * 4096;
        uint64_t word = pa | alias->kind % 4096 | 1;

        reach = alias->end > reach ? alias->end : reach;
        assert_int_equal(alias->reach, reach);
        assert_true(i == 0 || s->keys[i - 1] / 4096 <= s->keys[i] / 4096);
        assert_true(pa < alias->end);
        s->owner = owner_of(s, alias->kind / 4096 * 4096);
        for (uint64_t done = 0; done < alias->end - pa; done += 4096) {
            const uint64_t *page = subject_page(s, pa + alias->distance + done);

            assert_non_null(page);
            assert_int_equal(*page, word + done);
        }
        for (size_t k = 0; k < i; k++) {
            const struct pt_alias *other = &s->aliases[s->keys[k] % 4096];

            assert_false(s->keys[k] / 4096 * 4096 + other->distance == pa + alias->distance &&
                         other->kind / 4096 == alias->kind / 4096);
        }
    }
    s->owner = turn;
}

/* What the main root maps, as another root has it: the same, or nothing. */
static void check_shares(const struct subject *s, const struct arena *arena, unsigned owner)
{
    struct ref_reader reader = fake_memory_ref((struct fake_memory *)&s->fake);

    for (size_t i = 0; i < arena->count; i++) {
        uint64_t va = arena->va + i * 4096;
        struct ref_hit hit = ref_translate(&reader, root_of(s, owner), s->levels, va);
        unsigned slot = va >> (12 + 9 * (s->levels - 1)) & 511;
        uint64_t word = arena->pages[i];

        if (!s->others[owner - 1].shares[slot])
            continue;
        assert_int_equal(hit.present, word != 0);
        if (hit.present)
            assert_int_equal(hit.pa | (uint64_t)hit.type << 4 | hit.rights | 1, word);
    }
}

/* All tables and leaves; of another root, those that are not the main one's. */
static void take_census(struct subject *s, unsigned owner, struct ref_census *all)
{
    struct ref_reader reader = fake_memory_ref(&s->fake);
    uint64_t *slots = fake_memory_slots(&s->fake, root_of(s, owner));
    struct ref_census census;
    uint64_t kept[512];

    memcpy(kept, slots, sizeof(kept));
    for (unsigned i = 0; owner > 0 && i < 512; i++)
        slots[i] = s->others[owner - 1].shares[i] ? 0 : kept[i];
    ref_take_census(&reader, root_of(s, owner), s->levels, &census);
    memcpy(slots, kept, sizeof(kept));
    all->tables += census.tables;
    all->stray += census.stray;
    all->links_not_open += census.links_not_open;
    for (unsigned level = 0; level <= 2; level++)
        all->leaves[level] += census.leaves[level];
}

void subject_check(struct subject *s, const struct pt_change *change)
{
    struct ref_census census = {0};

    memset(s->leaves, 0, sizeof(s->leaves));
    for (size_t i = 0; i < s->narenas; i++) {
        struct arena *arena = &s->arenas[i];
        uint8_t *levels = calloc(arena->count, 1);

        assert_non_null(levels);
        check_arena(s, arena, levels);
        if (change != NULL && arena->owner == s->owner)
            check_sizes(s, arena, levels, change);
        free(arena->levels);
        arena->levels = levels;
    }
    for (unsigned owner = 0; owner <= SUBJECT_ROOTS; owner++) {
        if (root_of(s, owner) == 0)
            continue;
        take_census(s, owner, &census);
        for (size_t i = 0; i < s->narenas && owner > 0; i++) {
            if (s->arenas[i].owner == 0)
                check_shares(s, &s->arenas[i], owner);
        }
    }
    assert_int_equal(census.stray, 0);
    assert_int_equal(census.links_not_open, 0);
    assert_int_equal(census.tables, shadow_linked(&s->tlb));
    assert_memory_equal(census.leaves, s->leaves, sizeof(s->leaves));
    check_aliases(s);
}
