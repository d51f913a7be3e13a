/* SPDX-License-Identifier: MIT */
#include "live.h"

#include "cpu.h"
#include "identity.h"
#include "layout.h"
#include "pmap.h"
#include "screen.h"
#include "stock.h"
#include "tlb.h"

#define ALIASES_MAX (2 * PLAN_MAX_FIXED)
#define ALIASES_ALL (ALIASES_MAX + PMAP_PAYLOAD) /* with the payload's windows */

static struct pt_alias entries[ALIASES_ALL];
static uint64_t keys[ALIASES_ALL];
_Static_assert(ALIASES_ALL <= PAGE_SIZE, "a key has its entry's index below the page's address");
static struct pt_aliases aliases;
static struct pt_space space;

/* Roots that share the main one's tables; root 0: none. */
static struct pt_space others[FOOTING_ROOTS_MAX];

static struct identity_page identity_page;

static unsigned cache_line; /* as in struct cpu_caps */

static struct frame_stock stock;
static struct stock_rules rules;

static enum error_code reserve(void *ctx, size_t count)
{
    return stock_reserve(ctx, count);
}

static uint64_t take_frame(void *ctx)
{
    return stock_take(ctx);
}

static void free_frame(void *ctx, uint64_t frame)
{
    stock_free(ctx, frame);
}

static uint64_t *map(void *ctx, uint64_t frame)
{
    (void)ctx;
    return frame_map(frame);
}

static void unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    frame_unmap(table);
}

static void write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    volatile uint64_t *to = slot;

    (void)ctx;
    tlb_barrier();
    for (size_t i = 0; i < n; i++, entry += step)
        to[i] = entry;
}

static void flush(void *ctx, uint64_t va, uint64_t len)
{
    (void)ctx;
    tlb_flush(va, len);
}

#define PIN(member, offset) \
    _Static_assert(offsetof(struct pt_exchange, member) == (offset), "as in tlb.h")
PIN(slot, EXCHANGE_SLOT);
PIN(n, EXCHANGE_N);
PIN(entry, EXCHANGE_ENTRY);
PIN(step, EXCHANGE_STEP);
PIN(va, EXCHANGE_VA);
PIN(len, EXCHANGE_LEN);
PIN(clean_va, EXCHANGE_CLEAN_VA);
PIN(clean_len, EXCHANGE_CLEAN_LEN);

static void exchange(void *ctx, const struct pt_exchange *what)
{
    (void)ctx;
    tlb_barrier();
    tlb_exchange(what, cache_line);
}

static const struct pt_live_memory memory = {
    .ctx = &stock,
    .reserve = reserve,
    .alloc = take_frame,
    .free = free_frame,
    .map = map,
    .unmap = unmap,
    .write = write,
    .flush = flush,
    .exchange = exchange,
};

const struct pt_live_memory *live_memory(const struct footing_frames *frames)
{
    stock.source = frames;
    stock.memory = &memory;
    return &memory;
}

struct error live_start(const struct boot *boot)
{
    struct error err;

    cache_line = boot->caps.cache_line;
    pt_aliases_init(&aliases, entries, keys, ALIASES_ALL);
    aliases.max = ALIASES_MAX;
    space = (struct pt_space){
        .root = boot->root,
        .main_root = boot->root,
        .levels = boot->request.levels,
        .phys_bits = boot->request.phys_bits,
        .max_level = boot->request.max_level,
        .directmap_base = boot->request.directmap_base,
        .directmap_size = boot->request.directmap ? boot->request.directmap_size : 0,
        .mtrr = &boot->mtrr,
        .memory = &memory,
        .aliases = &aliases,
    };
    rules = (struct stock_rules){
        .map = &boot->map,
        .main = &space,
        .others = others,
        .nothers = FOOTING_ROOTS_MAX,
        .image_pa = boot->image_pa,
        /* Of an image that a payload is linked to, nobody knows which frames are that one's. */
        .image_len = boot->payload.module ? (uint64_t)(image_end - image_start) : 0,
    };
    err = pt_space_start(&space, &boot->plan);
    stock.memory = &memory;
    stock_start(&stock, &rules);
    return err;
}

static bool may_write(uint64_t pa)
{
    return pt_may_write(&space, pa) != ERR_WX;
}

void *live_pmap_map(uint64_t pa, uint64_t len)
{
    void *mapped = pmap_map_payload(pa, len, may_write);
    uint64_t frame;
    uint64_t bytes = mapped ? pmap_frames(mapped, &frame) : 0;

    if (bytes > 0)
        pt_window_open(&space, (uint64_t)mapped & ~PAGE_MASK, frame, bytes);
    return mapped;
}

void live_pmap_unmap(const void *mapped)
{
    uint64_t frame;
    uint64_t bytes = pmap_frames(mapped, &frame);

    pmap_unmap(mapped);
    if (bytes > 0)
        pt_window_close(&space, (uint64_t)mapped & ~PAGE_MASK, frame, bytes);
}

/* Footing's slots and image, on which this very code runs; and what is to fault for good. */
static bool is_own(uint64_t va, uint64_t len)
{
    return va >= PMAP_VA || len > PMAP_VA - va || va < ELF_LOWEST_VA;
}

/* Tables must not be reached by what is about to change. */
static bool is_in_directmap(const struct footing_update *update)
{
    return update->va - space.directmap_base < space.directmap_size ||
           space.directmap_base - update->va < update->len;
}

static struct pt_space *find_other(uint64_t root)
{
    for (size_t i = 0; i < FOOTING_ROOTS_MAX; i++) {
        if (others[i].root == root)
            return &others[i];
    }
    return NULL;
}

static struct pt_space *find_root(uint64_t root)
{
    return root ? find_other(root) : NULL;
}

/* Where types change, more was asked for than was needed: that goes back. */
static const char *finish(struct error err)
{
    stock_return(&stock);
    return err.code ? error_words(err.code).name : NULL;
}

static bool is_source(const struct footing_frames *frames)
{
    return frames && frames->alloc && frames->free;
}

/* Nothing is guessed at. */
static bool is_known(const struct footing_update *update)
{
    bool cache = update->cache == FOOTING_UC || update->cache == FOOTING_WC ||
                 update->cache == FOOTING_WT || update->cache == FOOTING_WP ||
                 update->cache == FOOTING_WB;

    return update->operation <= FOOTING_PROTECT && cache && is_source(update->frames) &&
           (update->rights & ~(FOOTING_WRITE | FOOTING_EXECUTE)) == 0 &&
           (update->flags & ~(FOOTING_ALLOW_WX | FOOTING_ALLOW_CACHE | FOOTING_OTHER_ROOT)) == 0;
}

static bool takes_writing_away(const struct footing_update *update)
{
    return update->operation == FOOTING_UNMAP ||
           (update->operation == FOOTING_PROTECT && !(update->rights & FOOTING_WRITE));
}

const char *live_update(const struct footing_update *update)
{
    const struct pt_change change = {
        .op = (enum pt_op)update->operation,
        .va = update->va,
        .pa = update->pa,
        .len = update->len,
        .rights = update->rights,
        .type = (enum memtype)update->cache,
        .max_level = update->max_level,
        .allow_wx = update->flags & FOOTING_ALLOW_WX,
        .allow_types = update->flags & FOOTING_ALLOW_CACHE,
    };
    struct pt_space *target =
        update->flags & FOOTING_OTHER_ROOT ? find_root(update->root_pa) : &space;
    struct error err = {.code = ERR_CLASH};

    if (!is_known(update) || !target)
        return "INVALID";
    stock.source = update->frames;
    if (is_in_directmap(update))
        pmap_forget_directmap();
    if (!is_own(update->va, update->len))
        err = pt_update(target, &change);
    if (!err.code && takes_writing_away(update))
        screen_loses(update->va, update->len);
    return finish(err);
}

uint64_t live_root_create(const struct footing_frames *frames)
{
    struct pt_space *other = find_other(0);

    if (!other || !is_source(frames))
        return 0;
    stock.source = frames;
    return pt_root_create(other, &space).code ? 0 : other->root;
}

static const char *destroy_root(uint64_t root, const struct footing_frames *frames)
{
    struct pt_space *other = find_root(root);

    if (!other || root == cpu_root() || !is_source(frames))
        return "INVALID";
    stock.source = frames;
    pt_root_destroy(other, &space);
    return NULL;
}

/* An identity page's root goes with its page. */
const char *live_root_destroy(uint64_t root, const struct footing_frames *frames)
{
    return root == identity_page.root ? "INVALID" : destroy_root(root, frames);
}

const char *live_identity_prepare(struct footing_identity *identity)
{
    struct pt_space *other = find_other(0);
    struct error err = {.code = ERR_CLASH};

    if (!is_source(identity->frames) || identity_page.root)
        return "INVALID";
    if (!other)
        return "PLANFULL";
    stock.source = identity->frames;
    if (!is_own(identity->pa, PAGE_SIZE))
        err = identity_create(other, &space, identity->pa);
    identity->root_pa = other->root; /* 0, if it came to nothing */
    identity->va = 0;
    identity_page = (struct identity_page){.pa = identity->pa, .root = other->root};
    return finish(err);
}

void live_identity_enable(struct footing_identity *identity)
{
    if (!identity_page.root || identity->root_pa != identity_page.root) {
        identity->va = 0;
        return;
    }
    cpu_set_cr4(identity_enable(&identity_page, cpu_cr4()));
    identity->va = pmap_code(identity_page.pa);
}

const char *live_identity_disable(struct footing_identity *identity)
{
    const char *why = "INVALID";

    if (identity->root_pa == identity_page.root)
        why = destroy_root(identity->root_pa, identity->frames);
    if (why)
        return why;
    pmap_code(0);
    cpu_set_cr4(identity_disable(&identity_page, cpu_cr4()));
    return NULL;
}
