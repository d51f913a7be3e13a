/* SPDX-License-Identifier: MIT */
/*
 * The model of the update call, from footing.h: which words it may answer, and
 * what is mapped when it answers none. Where several rules are broken, any of
 * their words will do; where no rule is, none will.
 */
#include "access.h"

#define RIGHTS (FOOTING_WRITE | FOOTING_EXECUTE)
#define FLAGS  (FOOTING_ALLOW_WX | FOOTING_ALLOW_CACHE)

/* PMAP and the image: README.md, "Virtual memory". */
#define FOOTINGS 0xfffffffff0000000ull

static const char *const names[WORDS] = {
    [DONE] = "done",   [INVALID] = "INVALID", [ALIGN] = "ALIGN",       [CANONICAL] = "CANONICAL",
    [WIDTH] = "WIDTH", [LARGE] = "LARGE",     [CLASH] = "CLASH",       [ABSENT] = "ABSENT",
    [WX] = "WX",       [TYPE] = "TYPE",       [NOFRAMES] = "NOFRAMES", [PLANFULL] = "PLANFULL",
};

uint64_t calls_made;
static uint64_t answers[WORDS + 1];
struct footing_update last_call;

static bool is_map(const struct footing_update *u)
{
    return u->operation == FOOTING_MAP;
}

static bool is_type(uint64_t cache)
{
    return cache <= FOOTING_WB && cache != 2 && cache != 3;
}

/* Words for what can be said without a look at what is mapped. */
static uint32_t words_of_form(const struct footing_update *u)
{
    uint64_t last = u->va + u->len - 1;
    bool rights = u->operation != FOOTING_UNMAP;
    uint32_t words = 0;

    if (u->operation > FOOTING_PROTECT || u->flags & ~FLAGS || !u->frames ||
        (rights && (u->rights & ~RIGHTS || !is_type(u->cache))))
        words |= MAY(INVALID);
    if ((u->va | u->len | (is_map(u) ? u->pa : 0)) & PAGE_MASK || u->len == 0)
        words |= MAY(ALIGN);
    if (!is_canonical(u->va) || !is_canonical(last) || last < u->va || (int64_t)(u->va ^ last) < 0)
        words |= MAY(CANONICAL);
    if (is_map(u) && (u->pa + u->len < u->pa || (u->pa + u->len - 1) >> info->cpu.phys_bits))
        words |= MAY(WIDTH);
    if (is_map(u) && u->max_level > 2)
        words |= MAY(LARGE);
    if (rights && (u->rights & RIGHTS) == RIGHTS && !(u->flags & FOOTING_ALLOW_WX))
        words |= MAY(WX);
    return words;
}

static bool overlaps(const struct footing_update *u, uint64_t base, uint64_t last)
{
    uint64_t end = u->va + u->len - 1;

    return u->va <= last && base <= (end < u->va ? UINT64_MAX : end);
}

static bool is_footings(const struct footing_update *u)
{
    return overlaps(u, FOOTINGS, UINT64_MAX);
}

/* What is taken out of the directmap may come back to its place; no other frame may come there. */
static bool is_foreign(const struct footing_update *u)
{
    return is_map(u) && info->directmap_len > 0 &&
           overlaps(u, info->directmap_va, info->directmap_va + info->directmap_len - 1) &&
           u->va - info->directmap_va != u->pa;
}

static void add(uint64_t frame, uint64_t rights, uint64_t cache, int sign)
{
    struct pool *pool = pool_of(frame);
    struct aliases *a;

    if (!pool)
        return;
    a = &pool->aliases[frame - pool->first];
    a->write = (uint16_t)(a->write + (rights & FOOTING_WRITE ? sign : 0));
    a->execute = (uint16_t)(a->execute + (rights & FOOTING_EXECUTE ? sign : 0));
    a->type[cache] = (uint16_t)(a->type[cache] + sign);
}

static uint64_t frame_of(const struct footing_update *u, const struct page *page, uint64_t i)
{
    return is_map(u) ? u->pa / PAGE_SIZE + i : page[i].frame;
}

/* What of the call lies in a window, and has a frame. */
static bool is_told(const struct footing_update *u, const struct page *page, uint64_t i)
{
    return i < u->len / PAGE_SIZE && model_page(u->va + i * PAGE_SIZE) &&
           (is_map(u) || page[i].mapped);
}

/* As if all were done; `sign` -1 takes it back. */
static void pretend(const struct footing_update *u, const struct page *page, int sign)
{
    for (uint64_t i = 0; i < u->len / PAGE_SIZE; i++) {
        if (!is_told(u, page, i))
            continue;
        if (!is_map(u))
            add(page[i].frame, page[i].rights, page[i].cache, -sign);
        add(frame_of(u, page, i), u->rights, u->cache, sign);
    }
}

/*
 * Rules about all mappings of a frame. A frame that breaks W^X by leave
 * already, through mappings that stay as they are: the header does not say if
 * another that is only read needs leave, too.
 */
static uint32_t words_of_aliases(const struct footing_update *u, const struct page *page)
{
    uint32_t words = 0;

    pretend(u, page, 1);
    for (uint64_t i = 0; i < u->len / PAGE_SIZE; i++) {
        uint64_t frame = is_told(u, page, i) ? frame_of(u, page, i) : 0;
        const struct pool *pool = pool_of(frame);
        const struct aliases *a = pool ? &pool->aliases[frame - pool->first] : NULL;

        if (a && a->write && a->execute && !(u->flags & FOOTING_ALLOW_WX))
            words |= u->rights ? MAY(WX) : MAY(WX) | MAY(DONE);
        for (unsigned type = 0; a && type <= FOOTING_WB; type++) {
            if (type != u->cache && a->type[type] && !(u->flags & FOOTING_ALLOW_CACHE))
                words |= MAY(TYPE);
        }
    }
    pretend(u, page, -1);
    /* Done only if every page may be. */
    if (words & MAY(TYPE) || (words & MAY(WX) && u->rights))
        words &= ~MAY(DONE);
    return words;
}

/* The words that the call may answer. */
static uint32_t foretell_call(const struct footing_update *u)
{
    uint32_t words = words_of_form(u);
    const struct page *page = model_page(u->va);
    uint64_t pages = u->len / PAGE_SIZE;
    uint64_t mapped = 0;
    uint32_t of_aliases = 0;

    if (words & (MAY(CANONICAL) | MAY(ALIGN)) || u->operation > FOOTING_PROTECT)
        return words | (is_footings(u) ? MAY(CLASH) : 0);
    if (is_footings(u)) {
        words |= MAY(CLASH);
        words |= is_map(u) ? 0 : MAY(ABSENT);
        return words | (u->operation == FOOTING_UNMAP ? 0 : MAY(WX) | MAY(TYPE));
    }
    /* Nothing is mapped behind a window. */
    for (uint64_t i = 0; page && i < pages && model_page(u->va + i * PAGE_SIZE); i++)
        mapped += page[i].mapped;
    if (is_map(u) && (mapped > 0 || is_foreign(u)))
        words |= MAY(CLASH);
    if (!is_map(u) && mapped < pages)
        words |= MAY(ABSENT);
    if (words & MAY(INVALID)) /* of a type that is none, say */
        return words | MAY(WX) | MAY(TYPE);
    if (u->operation != FOOTING_UNMAP && page)
        of_aliases = words_of_aliases(u, page);
    if (words == 0 && of_aliases == 0)
        return MAY(DONE);
    return words ? (words | of_aliases) & ~MAY(DONE) : of_aliases;
}

static void apply(const struct footing_update *u)
{
    struct window *w = model_window(u->va);
    uint64_t first = (u->va - w->va) / PAGE_SIZE;

    for (uint64_t i = 0; i < u->len / PAGE_SIZE; i++) {
        struct page *page = &w->pages[first + i];
        uint16_t *mapped = &w->mapped[(first + i) / LARGE_PAGES];
        uint64_t frame = frame_of(u, &w->pages[first], i);

        w->changed[(first + i) / LARGE_PAGES] = true;
        if (!is_map(u))
            add(page->frame, page->rights, page->cache, -1);
        else
            (*mapped)++;
        if (u->operation == FOOTING_UNMAP) {
            *page = (struct page){0};
            (*mapped)--;
            continue;
        }
        *page = (struct page){frame & 0xffffffffff, 1, u->rights & 0xff, u->cache & 0xff};
        add(frame, u->rights, u->cache, 1);
    }
}

static enum word read_word(const char *text)
{
    for (unsigned i = INVALID; text && i < WORDS; i++) {
        if (text_equal(text, names[i]))
            return i;
    }
    return text ? WORDS : DONE;
}

static void show(const struct footing_update *u, const char *text, uint32_t words)
{
    char list[96];
    unsigned n = 0;

    for (unsigned i = 0; i < WORDS; i++) {
        for (const char *c = names[i]; words & MAY(i) && *c && n < sizeof(list) - 2; c++)
            list[n++] = *c;
        if (words & MAY(i))
            list[n++] = ' ';
    }
    list[n] = '\0';
    differs("call %u: operation %u flags %u va 0x%x pa 0x%x len 0x%x rights %u type %u largest %u: "
            "%s, foretold %s",
            calls_made, (uint64_t)u->operation, (uint64_t)u->flags, u->va, u->pa, u->len,
            (uint64_t)u->rights, (uint64_t)u->cache, (uint64_t)u->max_level, text ? text : "done",
            list);
}

enum word change_to(const struct footing_update *update, uint32_t words)
{
    struct footing_update given = *update;
    const char *text;
    enum word word;
    uint64_t out;

    if (words & MAY(DONE) && (!model_page(update->va) ||
                              model_page(update->va + update->len - 1) - model_page(update->va) !=
                                  (int64_t)(update->len / PAGE_SIZE - 1))) {
        differs("the test itself asks for 0x%x, which it has no model of", update->va);
        return WORDS;
    }
    calls_made++;
    out = frames_taken - frames_given;
    last_call = *update;
    text = info->calls->update(&given);
    word = read_word(text);
    answers[word]++;
    frames_poison();
    for (unsigned i = 0; i < sizeof(given); i++) {
        if (((const char *)&given)[i] != ((const char *)update)[i]) {
            differs("call %u wrote to what it was given", calls_made);
            break;
        }
    }
    if (word != DONE && frames_taken - frames_given != out)
        differs("call %u was refused, and kept %u table frames", calls_made,
                frames_taken - frames_given - out);
    if (!(words & MAY(word)))
        show(update, text, words);
    if (word == DONE && words & MAY(DONE))
        apply(update);
    return word;
}

/* Two of the pages have one frame. */
static bool has_twins(const struct footing_update *u)
{
    const struct page *page = model_page(u->va);
    uint64_t pages = 0;

    while (page && pages < u->len / PAGE_SIZE && model_page(u->va + pages * PAGE_SIZE))
        pages++;
    for (uint64_t i = 0; i < pages; i++) {
        for (uint64_t j = 0; j < i; j++) {
            if (page[i].mapped && page[j].mapped && page[i].frame == page[j].frame)
                return true;
        }
    }
    return false;
}

/*
 * Twins are held against what the other was before the call: run_twins() has
 * that alone, and here either answer will do.
 */
enum word change(const struct footing_update *update)
{
    uint32_t words = foretell_call(update);

    if (update->operation == FOOTING_PROTECT && !(words & MAY(ALIGN)) && has_twins(update))
        words |= MAY(WX) | MAY(TYPE);
    return change_to(update, words);
}

void say_answers(void)
{
    say("answers: done %u, INVALID %u, ALIGN %u, CANONICAL %u, WIDTH %u, LARGE %u, CLASH %u, "
        "ABSENT %u, WX %u, TYPE %u, NOFRAMES %u, PLANFULL %u",
        answers[DONE], answers[INVALID], answers[ALIGN], answers[CANONICAL], answers[WIDTH],
        answers[LARGE], answers[CLASH], answers[ABSENT], answers[WX], answers[TYPE],
        answers[NOFRAMES], answers[PLANFULL]);
}
