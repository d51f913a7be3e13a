/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include "layout.h"
#include "test.h"

struct subject *subject_init(unsigned levels, unsigned max_level)
{
    static struct subject s;

    memset(&s, 0, sizeof(s));
    s.levels = levels;
    s.plan = (struct plan){.entries = s.entries, .max = COUNT_OF(s.entries)};
    s.mtrr = (struct mtrr_state){.present = true, .phys_bits = 46, .def_type = 0x800 | MEMTYPE_WB};
    s.space = (struct pt_space){
        .levels = levels,
        .phys_bits = 46,
        .max_level = max_level,
        .mtrr = &s.mtrr,
        .memory = &s.memory,
        .aliases = &s.registry,
    };
    pt_aliases_init(&s.registry, s.aliases, s.keys, SUBJECT_ALIASES);
    return &s;
}

void subject_arena(struct subject *s, uint64_t va, uint64_t len)
{
    struct arena *arena = &s->arenas[s->narenas++];

    assert_true(s->narenas <= SUBJECT_ARENAS);
    *arena = (struct arena){.owner = s->owner, .va = va, .count = len / 4096};
    arena->pages = calloc(arena->count, sizeof(arena->pages[0]));
    arena->levels = calloc(arena->count, 1);
    assert_non_null(arena->pages);
    assert_non_null(arena->levels);
}

void subject_mtrr(struct subject *s, uint64_t base, uint64_t size, enum memtype type)
{
    uint64_t width = (UINT64_C(1) << s->mtrr.phys_bits) - 1;

    s->mtrr.var[s->mtrr.variable].base = base | (uint64_t)type;
    s->mtrr.var[s->mtrr.variable].mask = (width & ~(size - 1)) | 0x800;
    s->mtrr.variable++;
}

void subject_mapped(struct subject *s, struct mapping mapping)
{
    assert_true(s->plan.count < s->plan.max);
    s->entries[s->plan.count++] = mapping;
}

uint64_t *subject_page(const struct subject *s, uint64_t va)
{
    for (size_t i = 0; i < s->narenas; i++) {
        const struct arena *arena = &s->arenas[i];

        if (arena->owner == s->owner && va >= arena->va && (va - arena->va) / 4096 < arena->count)
            return &arena->pages[(va - arena->va) / 4096];
    }
    return NULL;
}

static void set(struct subject *s, uint64_t va, uint64_t word)
{
    uint64_t *page = subject_page(s, va);

    if (page == NULL)
        fail_msg("0x%llx is mapped, but modelled in no arena", (unsigned long long)va);
    else
        *page = word;
}

void subject_start(struct subject *s, size_t frames)
{
    struct pt_memory memory;
    struct pt_stats stats;

    for (size_t i = 0; i < s->plan.count; i++) {
        const struct mapping *m = &s->entries[i];

        for (uint64_t done = 0; done < m->len; done += 4096)
            set(s, m->va + done, (m->pa + done) | (uint64_t)m->type << 4 | m->rights | UINT64_C(1));
    }
    fake_memory_init(&s->fake, pt_count(&s->plan, s->levels) + frames);
    memory = fake_memory_pt(&s->fake);
    pt_build(&s->plan, s->levels, &memory, &s->space.root, &stats);
    s->space.main_root = s->space.root;
    shadow_start(&s->tlb, &s->fake, s->space.root, s->levels, frames);
    s->memory = shadow_memory(&s->tlb);
    assert_int_equal(pt_space_start(&s->space, &s->plan).code, ERR_NONE);
    subject_check(s, NULL);
}

void subject_end(struct subject *s)
{
    for (size_t i = 0; i < s->narenas; i++) {
        free(s->arenas[i].pages);
        free(s->arenas[i].levels);
    }
    s->narenas = 0;
    shadow_end(&s->tlb);
    fake_memory_free(&s->fake);
}

struct subject *subject_small(unsigned levels, unsigned max_level)
{
    struct subject *s = subject_init(levels, max_level);
    uint64_t base = levels == 5 ? DIRECTMAP_BASE_5 : DIRECTMAP_BASE_4;
    uint64_t high = (uint64_t)0 - M(4);
    unsigned char most = (unsigned char)max_level;

    subject_arena(s, (levels == 5 ? UINT64_C(1) << 48 : G(1)) - M(2), M(6));
    subject_arena(s, base, M(8));
    subject_arena(s, high, M(4));
    subject_mtrr(s, M(6) + K(64), K(64), MEMTYPE_UC);
    subject_mtrr(s, M(10), M(2), MEMTYPE_WC);
    s->space.directmap_base = base;
    s->space.directmap_size = M(8);
    subject_mapped(s, (struct mapping){base, 0, M(1), RIGHT_W, MEMTYPE_WB, most, WHAT_DIRECTMAP});
    subject_mapped(s,
                   (struct mapping){base + M(1), M(1), K(32), 0, MEMTYPE_WB, most, WHAT_DIRECTMAP});
    subject_mapped(s, (struct mapping){base + M(1) + K(32), M(1) + K(32), M(5) + K(32), RIGHT_W,
                                       MEMTYPE_WB, most, WHAT_DIRECTMAP});
    subject_mapped(s, (struct mapping){base + M(6) + K(128), M(6) + K(128), M(2) - K(128), RIGHT_W,
                                       MEMTYPE_WB, most, WHAT_DIRECTMAP});
    subject_mapped(s,
                   (struct mapping){high, M(1), K(32), RIGHT_X, MEMTYPE_WB, most, WHAT_IMAGE_TEXT});
    subject_mapped(
        s, (struct mapping){high + M(2), M(10), M(2), RIGHT_W, MEMTYPE_WC, most, WHAT_FRAMEBUFFER});
    subject_start(s, 40);
    return s;
}

static void apply(struct subject *s, const struct pt_change *change)
{
    uint64_t kind = (uint64_t)change->type << 4 | change->rights | 1;

    for (uint64_t done = 0; done < change->len; done += 4096) {
        const uint64_t *page = subject_page(s, change->va + done);
        uint64_t word = 0;

        if (change->op == PT_MAP)
            word = (change->pa + done) | kind;
        else if (change->op == PT_PROTECT && page != NULL)
            word = (*page & ~UINT64_C(0xfff)) | kind;
        set(s, change->va + done, word);
    }
}

/* The model as it was; and everything that an error must leave as it is. */
struct before {
    uint64_t *pages[SUBJECT_ARENAS];
    void *tables;
    size_t size;
    struct pt_alias aliases[SUBJECT_ALIASES];
    uint64_t keys[SUBJECT_ALIASES];
    struct pt_aliases registry;
    struct pt_space space;
};

static void *copy_of(const void *from, size_t size)
{
    void *copy = malloc(size + 1);

    assert_non_null(copy);
    memcpy(copy, from, size);
    return copy;
}

static void keep(struct before *before, struct subject *s)
{
    for (size_t i = 0; i < s->narenas; i++)
        before->pages[i] = copy_of(s->arenas[i].pages, s->arenas[i].count * 8);
    before->size = s->fake.used * 4096;
    before->tables = copy_of(s->fake.frames, before->size);
    memcpy(before->aliases, s->aliases, sizeof(before->aliases));
    memcpy(before->keys, s->keys, sizeof(before->keys));
    before->space = *subject_space(s, s->owner);
    before->registry = s->registry;
}

static void let_go(struct before *before, const struct subject *s)
{
    for (size_t i = 0; i < s->narenas; i++)
        free(before->pages[i]);
    free(before->tables);
}

static void assert_unchanged(struct before *before, struct subject *s)
{
    const struct pt_space *space = subject_space(s, s->owner);

    assert_int_equal(s->fake.used * 4096, before->size);
    assert_memory_equal(s->fake.frames, before->tables, before->size);
    before->space.typed = space->typed;   /* what it remembers of the MTRRs may be new, */
    before->space.recent = space->recent; /* and of tables */
    assert_memory_equal(space, &before->space, sizeof(before->space));
    assert_memory_equal(&s->registry, &before->registry, sizeof(before->registry));
    assert_memory_equal(s->aliases, before->aliases, sizeof(before->aliases));
    assert_memory_equal(s->keys, before->keys, sizeof(before->keys));
    for (size_t i = 0; i < s->narenas; i++)
        memcpy(s->arenas[i].pages, before->pages[i], s->arenas[i].count * 8);
}

static bool any_wrong(const struct foretold *told)
{
    bool any = false;

    for (unsigned code = 0; code < ERR_CODES; code++)
        any = any || told->wrong[code];
    return any;
}

static bool is_open(const struct foretold *told, const struct pt_change *change, struct error err)
{
    uint8_t bit = err.code == ERR_WX ? 1 : err.code == ERR_TYPE ? 2 : 0;
    uint64_t above = err.at - change->va;

    return bit && told->open != NULL && above % 4096 == 0 && above < change->len &&
           (told->open[above / 4096] & bit) &&
           !(told->wrong[err.code] && err.at > told->at[err.code]);
}

/* An error has its reason, and names the page; where there is a reason, there is an error. */
static void check_error(const struct subject *s, const struct pt_change *change,
                        const struct foretold *told, bool full, struct error err)
{
    const struct shadow_count *count = &s->tlb.count;

    if (err.code == ERR_NONE) {
        for (unsigned code = 0; code < ERR_CODES; code++) {
            if (told->wrong[code])
                fail_msg("no error, but %s at 0x%llx was to be expected", error_words(code).name,
                         (unsigned long long)told->at[code]);
        }
        assert_false(full);
        assert_true(count->allocs <= count->asked);
        if (s->mtrr.variable == 0)
            assert_int_equal(count->allocs, count->asked);
        return;
    }
    if (err.code == ERR_NOFRAMES) {
        assert_true(count->refused);
        assert_int_equal(err.value, count->asked);
        return;
    }
    if (err.code == ERR_PLANFULL) {
        assert_true(full || any_wrong(told));
        return;
    }
    if (is_open(told, change, err))
        return;
    if (!told->wrong[err.code])
        fail_msg("%s at 0x%llx, value 0x%llx, without a reason", error_words(err.code).name,
                 (unsigned long long)err.at, (unsigned long long)err.value);
    if (err.at != told->at[err.code])
        fail_msg("%s at 0x%llx instead of 0x%llx", error_words(err.code).name,
                 (unsigned long long)err.at, (unsigned long long)told->at[err.code]);
    if (told->value[err.code] != UINT64_MAX)
        assert_int_equal(err.value, told->value[err.code]);
}

/* Frames in a row, inside the directmap's window or outside: how many such runs are to be noted? */
static size_t count_runs(const struct subject *s, const struct pt_change *change)
{
    uint64_t left = s->space.directmap_base + s->space.directmap_size - change->va;
    size_t runs = left > 0 && left < change->len ? 2 : 1;

    for (uint64_t done = 4096; change->op != PT_MAP && done < change->len; done += 4096) {
        const uint64_t *page = subject_page(s, change->va + done);
        const uint64_t *before = subject_page(s, change->va + done - 4096);

        if (!page || !before)
            break; /* an error, whatever it is */
        runs += *page / 4096 != *before / 4096 + 1;
    }
    return runs;
}

/* FOOTING_TRACE=1 shows a sequence of changes. */
static void trace(const struct pt_change *c)
{
    static const char *const names[] = {"map", "unmap", "protect"};

    if (getenv("FOOTING_TRACE") != NULL)
        print_message("%s 0x%llx 0x%llx 0x%llx %s %s %s%s%s\n", names[c->op],
                      (unsigned long long)c->va, (unsigned long long)c->pa,
                      (unsigned long long)c->len, rights_name(c->rights), memtype_name(c->type),
                      page_size_name(c->max_level), c->allow_wx ? " allow_wx" : "",
                      c->allow_types ? " allow_types" : "");
}

/* Each page of the change, as it was before. */
static const uint64_t *words_before(const struct subject *s, const struct pt_change *change,
                                    const struct before *before)
{
    for (size_t i = 0; i < s->narenas; i++) {
        const struct arena *arena = &s->arenas[i];

        if (arena->owner == s->owner && change->va >= arena->va &&
            (change->va - arena->va) / 4096 < arena->count)
            return before->pages[i] + (change->va - arena->va) / 4096;
    }
    fail_msg("0x%llx is modelled in no arena", (unsigned long long)change->va);
    return NULL;
}

struct error subject_update(struct subject *s, const struct pt_change *change)
{
    static struct before before;
    struct foretold told;
    bool full = false;
    struct error err;
    size_t runs;

    trace(change);
    subject_foretell(s, change, &told);
    keep(&before, s);
    runs = count_runs(s, change);
    if (!any_wrong(&told)) {
        apply(s, change);
        full = subject_count_aliases(s) > s->registry.max;
    }
    shadow_begin(&s->tlb, change);
    err = pt_update(subject_space(s, s->owner), change);
    shadow_finish(&s->tlb, err.code);
    /* Of several runs, the first may need room, two entries each, that a later one gives back. */
    if (err.code == ERR_PLANFULL && runs > 1)
        full = full || before.registry.count + 2 * runs > s->registry.max;
    check_error(s, change, &told, full, err);
    free(told.open);
    if (err.code != ERR_NONE) {
        assert_unchanged(&before, s);
    } else {
        subject_check_clean(s, change, words_before(s, change, &before));
        subject_check(s, change);
    }
    let_go(&before, s);
    return err;
}

struct pt_space *subject_space(struct subject *s, unsigned owner)
{
    return owner == 0 ? &s->space : &s->others[owner - 1].space;
}

void subject_turn(struct subject *s, unsigned owner)
{
    s->owner = owner;
}

unsigned subject_add_root(struct subject *s)
{
    const struct pt_change none = {.op = PT_MAP};
    unsigned owner = 1;
    const uint64_t *slots;

    while (owner < SUBJECT_ROOTS && s->others[owner - 1].space.root != 0)
        owner++;
    shadow_begin(&s->tlb, &none);
    assert_int_equal(pt_root_create(subject_space(s, owner), &s->space).code, ERR_NONE);
    shadow_add_root(&s->tlb, subject_space(s, owner)->root);
    shadow_finish(&s->tlb, ERR_NONE);
    assert_int_equal(s->tlb.count.allocs, 1);
    assert_int_equal(s->tlb.count.writes + s->tlb.count.exchanges, 0);
    slots = fake_memory_slots(&s->fake, s->space.root);
    for (unsigned i = 0; i < 512; i++)
        s->others[owner - 1].shares[i] = slots[i] != 0;
    s->owner = owner;
    subject_check(s, NULL);
    return owner;
}

void subject_drop_root(struct subject *s, unsigned owner)
{
    const struct pt_change all = {.op = PT_UNMAP}; /* 2^64 bytes */
    size_t left = s->tlb.left;
    size_t linked = shadow_linked(&s->tlb);

    shadow_begin(&s->tlb, &all);
    pt_root_destroy(subject_space(s, owner), &s->space);
    shadow_finish(&s->tlb, ERR_NONE);
    assert_int_equal(s->tlb.count.frees, s->tlb.left - left);
    assert_int_equal(s->tlb.count.frees, linked - shadow_linked(&s->tlb));
    s->others[owner - 1] = (struct other_root){0};
    s->owner = 0;
    for (size_t i = 0; i < s->narenas; i++) {
        if (s->arenas[i].owner == owner)
            s->arenas[i].count = 0;
    }
    subject_check(s, NULL);
}

void subject_expect(struct subject *s, struct pt_change change, enum error_code code, uint64_t at)
{
    struct error err = subject_update(s, &change);

    if (err.code != code)
        fail_msg("%s at 0x%llx, value 0x%llx, instead of %s", error_words(err.code).name,
                 (unsigned long long)err.at, (unsigned long long)err.value, error_words(code).name);
    if (code != ERR_NONE)
        assert_int_equal(err.at, at);
}

void subject_map(struct subject *s, uint64_t va, uint64_t pa, uint64_t len, unsigned rights)
{
    subject_expect(s,
                   (struct pt_change){PT_MAP, va, pa, len, rights, MEMTYPE_WB, s->space.max_level,
                                      false, false},
                   ERR_NONE, 0);
}

void subject_unmap(struct subject *s, uint64_t va, uint64_t len)
{
    subject_expect(s, (struct pt_change){.op = PT_UNMAP, .va = va, .len = len}, ERR_NONE, 0);
}

void subject_protect(struct subject *s, uint64_t va, uint64_t len, unsigned rights)
{
    subject_expect(
        s,
        (struct pt_change){
            .op = PT_PROTECT, .va = va, .len = len, .rights = rights, .type = MEMTYPE_WB},
        ERR_NONE, 0);
}

void subject_assert(const struct subject *s, size_t tables, size_t small, size_t medium,
                    size_t large)
{
    assert_int_equal(s->leaves[0], small);
    assert_int_equal(s->leaves[1], medium);
    assert_int_equal(s->leaves[2], large);
    assert_int_equal(shadow_linked(&s->tlb), tables);
}
