/* SPDX-License-Identifier: MIT */
/*
 * Other roots, and identity pages: what footing.h promises of them, tried from
 * inside. Ends with a line that says how many promises held.
 */
#include "roots.h"

#define PTE_ADDR UINT64_C(0x000ffffffffff000)
#define CR4_PGE  UINT64_C(0x80)

uint32_t visit(uint64_t va, uint64_t pa, uint64_t root);

const struct footing_info *info;
uint64_t next_frame;
long frames_out;
static unsigned held;
static unsigned broken;
#ifdef BIG
/* So much of the low addresses that the frames' own are among them. */
static volatile uint8_t wide[UINT64_C(64) << 20];
#endif

static void print(const char *text)
{
    uint64_t len = 0;

    while (text[len] != '\0')
        len++;
    info->calls->print(text, len);
}

static void print_number(unsigned value)
{
    if (value >= 10)
        print_number(value / 10);
    info->calls->print(&"0123456789"[value % 10], 1);
}

void promise(const char *what, bool kept)
{
    held += kept;
    broken += !kept;
    if (kept)
        return;
    print("payload: broken: ");
    print(what);
    print("\n");
}

bool equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Frames: a stack of returned ones in front of the first free run. */
static uint64_t returned[256];
static unsigned nreturned;

uint64_t alloc(void *ctx)
{
    (void)ctx;
    frames_out++;
    if (nreturned > 0)
        return returned[--nreturned];
    next_frame += PAGE;
    return next_frame - PAGE;
}

void give_back(void *ctx, uint64_t pa)
{
    (void)ctx;
    frames_out--;
    returned[nreturned++] = pa;
}

const struct footing_frames frames = {NULL, alloc, give_back};

static uint64_t alloc_none(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct footing_frames no_frames = {NULL, alloc_none, give_back};

static const char *change_other(uint64_t root, uint32_t operation, uint64_t va, uint64_t pa,
                                uint32_t rights)
{
    struct footing_update update = {
        .operation = operation,
        .flags = root == info->root_pa ? 0 : FOOTING_OTHER_ROOT,
        .va = va,
        .pa = pa,
        .len = PAGE,
        .rights = rights,
        .cache = FOOTING_WB,
        .frames = &frames,
        .root_pa = root,
    };

    return info->calls->update(&update);
}

static const char *change(uint64_t root, uint32_t operation, uint64_t va, uint64_t pa,
                          uint32_t rights)
{
    return change_other(root ? root : info->root_pa, operation, va, pa, rights);
}

const char *map(uint64_t root, uint64_t va, uint64_t pa, uint32_t rights)
{
    return change(root, FOOTING_MAP, va, pa, rights);
}

const char *unmap(uint64_t root, uint64_t va)
{
    return change(root, FOOTING_UNMAP, va, 0, 0);
}

static uint64_t read_root(void)
{
    uint64_t root;

    __asm__ volatile("mov %%cr3, %0" : "=r"(root));
    return root;
}

static uint64_t read_cr4(void)
{
    uint64_t cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    return cr4;
}

static void load_root(uint64_t root)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

uint64_t pte_of(uint64_t root, uint64_t va)
{
    uint64_t frame = root ? root : info->root_pa;

    for (uint64_t level = info->levels; level-- > 0;) {
        const uint64_t *table = info->calls->pmap_map(frame, PAGE);
        uint64_t entry = table[va >> (12 + 9 * level) & 511];

        info->calls->pmap_unmap(table);
        if (!(entry & 1) || level == 0 || (entry & 0x80))
            return entry;
        frame = entry & PTE_ADDR;
    }
    return 0;
}

uint64_t physical(const void *at)
{
    uint64_t va = (uint64_t)at;

    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        if (va >= m->va && va - m->va < m->len)
            return m->pa + (va - m->va);
    }
    return 0;
}

static uint64_t read_physical(uint64_t pa)
{
    const uint64_t *word = info->calls->pmap_map(pa, 8);
    uint64_t value = *word;

    info->calls->pmap_unmap(word);
    return value;
}

static void private_mappings(void)
{
    uint64_t main_root = read_root();
    uint64_t one = alloc(NULL);
    uint64_t two = alloc(NULL);
    uint64_t a = info->calls->root_create(&frames);
    uint64_t b = info->calls->root_create(&frames);

    promise("two roots are made", a && b && a != b && a != main_root);
    promise("a root without a frame is none", info->calls->root_create(&no_frames) == 0);
    promise("one page in each",
            !map(a, LOW, one, FOOTING_WRITE) && !map(b, LOW, two, FOOTING_WRITE));
    promise("none in the root that is active", pte_of(main_root, LOW) == 0);
    for (unsigned turn = 0; turn < 3; turn++) {
        load_root(a);
        *word_at(LOW) = 0xa0 + turn;
        load_root(b);
        *word_at(LOW) = 0xb0 + turn;
        load_root(main_root);
        promise("each root has its own page", read_physical(one) == 0xa0 + turn);
        promise("and the other one, too", read_physical(two) == 0xb0 + turn);
    }
    promise("mapped already", equal(map(a, LOW, two, FOOTING_WRITE), "CLASH"));
    promise("what is shared belongs to the main root",
            equal(unmap(a, (uint64_t)visit_page), "CLASH") &&
                equal(unmap(a, info->image_va), "CLASH") &&
                equal(map(a, info->image_va - PAGE, one, 0), "CLASH"));
    promise("no frame is writable here and executable there",
            equal(map(b, LOW + PAGE, one, FOOTING_EXECUTE), "WX") &&
                equal(map(0, HIGH, one, FOOTING_EXECUTE), "WX"));
    promise("a root that is none", equal(map(one, LOW, two, 0), "INVALID"));
    promise("sources that are none", !info->calls->root_create(NULL) &&
                                         equal(info->calls->root_destroy(a, NULL), "INVALID"));
    load_root(a);
    promise("the active root stays", equal(info->calls->root_destroy(a, &frames), "INVALID"));
    load_root(main_root);
    promise("a root is destroyed with its mapping", !info->calls->root_destroy(a, &frames));
    promise("once", equal(info->calls->root_destroy(a, &frames), "INVALID"));
    /* Where there is a directmap, the frame is writable in it. */
    promise("its frame is free of rules then",
            info->directmap_len != 0 ? equal(map(0, HIGH, one, FOOTING_EXECUTE), "WX")
                                     : !map(0, HIGH, one, FOOTING_EXECUTE) && !unmap(0, HIGH));
    promise("and so is the other", !info->calls->root_destroy(b, &frames));
    promise("root 0 is none, also where one has been",
            equal(change_other(0, FOOTING_MAP, LOW, one, 0), "INVALID") &&
                equal(info->calls->root_destroy(0, &frames), "INVALID"));
    give_back(NULL, one);
    give_back(NULL, two);
}

/* What the main root maps where all have its table is seen in all. */
static void shared_mappings(void)
{
    uint64_t main_root = read_root();
    uint64_t page = alloc(NULL);
    uint64_t other;

    promise("the window is used", !map(0, HIGH, page, FOOTING_WRITE));
    other = info->calls->root_create(&frames);
    promise("mapped next to it, after the root was made",
            !map(0, HIGH + 8 * PAGE, page, FOOTING_WRITE));
    load_root(other);
    *word_at(HIGH + 8 * PAGE) = 0x5a;
    load_root(main_root);
    promise("seen in both", read_physical(page) == 0x5a);
    promise("gone in both",
            !unmap(0, HIGH) && !unmap(0, HIGH + 8 * PAGE) && !pte_of(other, HIGH + 8 * PAGE));
    promise("mapped again", !map(0, HIGH + 16 * PAGE, page, FOOTING_WRITE));
    load_root(other);
    *word_at(HIGH + 16 * PAGE) = 0x5b;
    load_root(main_root);
    promise("seen in both again", read_physical(page) == 0x5b && !unmap(0, HIGH + 16 * PAGE));
    info->calls->dump(other);
    promise("destroyed", !info->calls->root_destroy(other, &frames));
    /* What was shared right below the root could not go before. */
    promise("once more", !map(0, HIGH, page, FOOTING_WRITE) && !unmap(0, HIGH));
    give_back(NULL, page);
}

static void as_many_as_there_may_be(void)
{
    uint64_t roots[FOOTING_ROOTS_MAX];
    bool made = true;
    bool destroyed = true;

    for (unsigned i = 0; i < FOOTING_ROOTS_MAX; i++) {
        roots[i] = info->calls->root_create(&frames);
        made = made && roots[i];
    }
    promise("as many roots as there may be", made && !info->calls->root_create(&frames));
    for (unsigned i = 0; i < FOOTING_ROOTS_MAX; i++)
        destroyed = destroyed && !info->calls->root_destroy(roots[i], &frames);
    promise("all destroyed", destroyed);
}

static const char *prepare(uint64_t pa, struct footing_identity *identity)
{
    *identity = (struct footing_identity){.pa = pa, .frames = &frames};
    return info->calls->identity_prepare(identity);
}

static void identity_pages(void)
{
    uint64_t main_root = read_root();
    uint64_t pa = physical(visit_page);
    uint64_t before = pte_of(main_root, pa);
    struct footing_identity identity;
    struct footing_identity second;
    uint64_t cr4 = read_cr4();
    long out = frames_out;

    promise("an address that is none", equal(prepare(pa + 8, &identity), "ALIGN"));
    promise("a page that is writable", equal(prepare(physical(&held) & -PAGE, &identity), "WX"));
    promise("too wide", prepare(UINT64_C(1) << info->cpu.phys_bits, &identity) != NULL);
    promise("what was refused leaves nothing shared",
            !map(0, HIGH, pa, 0) && !unmap(0, HIGH) && frames_out == out);
    info->calls->identity_enable(&identity);
    promise("not prepared", identity.va == 0);
    promise("nor to be disabled", equal(info->calls->identity_disable(&identity), "INVALID"));
    for (unsigned turn = 0; turn < 2; turn++) {
        promise("prepared", !prepare(pa, &identity));
        promise("one at a time", equal(prepare(pa, &second), "INVALID"));
        second = identity;
        second.root_pa = 0;
        info->calls->identity_enable(&second);
        promise("of another one nothing is enabled", second.va == 0);
        promise("the active tables are as before", pte_of(main_root, pa) == before);
        promise("mapped at its address, to be executed, in the other root",
                (pte_of(identity.root_pa, pa) & ~UINT64_C(0x160)) == (pa | 1));
        info->calls->identity_enable(&identity);
        promise("no translation is global", !(read_cr4() & CR4_PGE));
        promise("below 4 GiB", (pa | identity.root_pa) >> 32 == 0);
        promise("paging was off, and is on", visit(identity.va, pa, identity.root_pa) == 0x600d);
        promise("the root from before", read_root() == main_root);
        promise("its root goes with it alone",
                equal(info->calls->root_destroy(identity.root_pa, &frames), "INVALID"));
        promise("disabled", !info->calls->identity_disable(&identity) && read_cr4() == cr4);
        promise("nothing is left of it",
                pte_of(main_root, identity.va) == 0 && pte_of(main_root, pa) == before);
    }
}

/* Prepared, enabled so many times, disabled: all is as it was. */
static void identity_calls_in_any_number(void)
{
    uint64_t pa = physical(visit_page);
    uint64_t cr4 = read_cr4();
    struct footing_identity identity;
    long out = frames_out;

    for (unsigned times = 0; times < 4; times++) {
        uint64_t va = 0;
        bool same = true;

        promise("prepared once more", !prepare(pa, &identity));
        promise("its root is nobody else's",
                equal(info->calls->root_destroy(identity.root_pa, &frames), "INVALID"));
        for (unsigned i = 0; i < times; i++) {
            info->calls->identity_enable(&identity);
            same = same && identity.va != 0 && (i == 0 || identity.va == va);
            va = identity.va;
        }
        promise("enabled, at the same address each time", same);
        if (times > 0)
            promise("and of use", visit(identity.va, pa, identity.root_pa) == 0x600d);
#ifndef BIG /* whose own addresses are in the part of the root that the page takes */
        load_root(identity.root_pa);
        promise("not disabled while its root is active",
                equal(info->calls->identity_disable(&identity), "INVALID"));
        load_root(info->root_pa);
#endif
        promise("disabled, CR4 as before",
                !info->calls->identity_disable(&identity) && read_cr4() == cr4);
        promise("disabled twice",
                equal(info->calls->identity_disable(&identity), "INVALID") && read_cr4() == cr4);
        info->calls->identity_enable(&identity);
        promise("enabled when it is gone", identity.va == 0 && read_cr4() == cr4);
        promise("its frames are back", frames_out == out);
    }
}

/* All of PMAP taken. */
static void no_slots(void)
{
    uint64_t page = alloc(NULL);
    void *slots = info->calls->pmap_map(info->root_pa, info->pmap_slots * PAGE);

    promise("all of the payload's slots", slots && !info->calls->pmap_map(info->root_pa, 1));
    promise("Footing has slots of its own", !map(0, HIGH, page, 0) && !unmap(0, HIGH));
    info->calls->pmap_unmap(slots);
    promise("what no entry can hold",
            !info->calls->pmap_map(UINT64_C(1) << info->cpu.phys_bits, 1));
    give_back(NULL, page);
}

/* A table's frame that the directmap has no more: it is reached all the same. */
static void table_behind_a_hole(void)
{
    uint64_t page = alloc(NULL);
    uint64_t frame = alloc(NULL);
    uint64_t alias = info->directmap_va + frame;

    if (info->directmap_len != 0)
        promise("out of the directmap", !unmap(0, alias));
    give_back(NULL, frame);
    promise("a table in that frame", !map(0, HIGH, page, FOOTING_WRITE));
    *word_at(HIGH) = 0x5c;
    promise("maps what it says", read_physical(page) == 0x5c && !unmap(0, HIGH));
    if (info->directmap_len != 0)
        promise("in the directmap again", !map(0, alias, frame, FOOTING_WRITE));
    give_back(NULL, page);
}

/* The first of two mappings is unmapped first: whoever has the second forgot it. */
static void forget_a_slot(void)
{
    const void *first = info->calls->pmap_map(info->root_pa, PAGE);

    info->calls->pmap_map(info->root_pa, PAGE);
    info->calls->pmap_unmap(first);
}

void roots_main(const struct footing_info *given)
{
    info = given;
    if (equal(info->command_line, "forget"))
        forget_a_slot();
    next_frame = 0;
    for (uint64_t i = 0; i < info->free_count && next_frame == 0; i++) {
        if (info->free[i].base_pa >= 0x100000 &&
            info->free[i].end_pa - info->free[i].base_pa >= 0x400000)
            next_frame = info->free[i].base_pa;
    }
#ifdef BIG
    wide[sizeof(wide) - 1] = 1;
    promise("the page's own address is taken", pte_of(read_root(), physical(visit_page)) != 0);
#endif
    promise("version 2", info->version >= 2);
    private_mappings();
    shared_mappings();
    as_many_as_there_may_be();
    identity_pages();
    identity_calls_in_any_number();
    memory_types();
    no_slots();
    frames_that_are_none();
    windows_on_text();
    table_behind_a_hole();
    promise("all frames came back", frames_out == 0);
    print("payload: ");
    print_number(held);
    print(" promises held, ");
    print_number(broken);
    print(" broken\n");
    info->calls->finish(broken == 0);
}
