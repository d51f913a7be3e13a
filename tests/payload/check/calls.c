/* SPDX-License-Identifier: MIT */
/* Calls into Footing: PMAP, and what can be reclaimed. */
#include "check.h"

#define RANGES_MAX 16

static uint64_t used_slots(void)
{
    uint64_t used = 0;

    for (uint64_t i = 0; i < info->pmap_slots; i++)
        used += walk(info->pmap_va + i * PAGE_SIZE).size != 0;
    return used;
}

/* Two pages in a row that are free, and room for tables behind them. */
static uint64_t free_pages(void)
{
    for (uint64_t i = 0; i < info->free_count; i++) {
        if (info->free[i].end_pa - info->free[i].base_pa >= 16 * PAGE_SIZE)
            return info->free[i].base_pa + PAGE_SIZE;
    }
    return 0;
}

/* Frames for the window's tables: behind the two pages above, of the same free run. */
#define WINDOW_VA 0xfffffb0000000000ull

static uint64_t window_len, window_frames[8];
static unsigned window_taken;

static uint64_t take_frame(void *ctx)
{
    uint64_t *next = ctx;

    for (uint64_t i = 0; i < info->free_count; i++) {
        const struct footing_range *r = &info->free[i];

        if (r->base_pa <= *next && *next < r->end_pa && window_taken < 8) {
            window_frames[window_taken++] = *next;
            *next += PAGE_SIZE;
            return *next - PAGE_SIZE;
        }
    }
    return 0;
}

static void give_frame(void *ctx, uint64_t pa)
{
    (void)ctx;
    for (unsigned i = 0; i < window_taken; i++) {
        if (window_frames[i] == pa) {
            window_frames[i] = window_frames[--window_taken];
            return;
        }
    }
    promise_equal("update: gives back only what it took", pa, 0);
}

static const char *change_window(uint32_t operation, uint64_t pa, uint64_t len)
{
    uint64_t next = pa + 2 * PAGE_SIZE;
    const struct footing_frames frames = {&next, take_frame, give_frame};
    const struct footing_update update = {
        .operation = operation,
        .va = WINDOW_VA,
        .pa = pa,
        .len = len,
        .rights = FOOTING_WRITE,
        .cache = FOOTING_WB,
        .frames = &frames,
    };

    return info->calls->update(&update);
}

void *window_open(uint64_t pa, uint64_t len)
{
    const char *why;

    if (has_directmap())
        return (void *)(info->directmap_va + pa);
    why = change_window(FOOTING_MAP, pa, len);
    promise("update: a mapping of one's own, where there is no directmap", why == NULL);
    window_len = len;
    promise("update: mapped as asked for",
            is_mapped(WINDOW_VA, len, true, false, FOOTING_WB) && walk(WINDOW_VA).pa == pa);
    return why ? NULL : (void *)WINDOW_VA;
}

void window_close(void)
{
    if (has_directmap())
        return;
    promise("update: unmapped", change_window(FOOTING_UNMAP, 0, window_len) == NULL);
    promise_equal("update: nothing is mapped there", walk(WINDOW_VA).size, 0);
    promise_equal("update: all frames are given back", window_taken, 0);
}

static void check_limits(void)
{
    uint64_t all = info->pmap_slots * PAGE_SIZE;
    void *whole = info->calls->pmap_map(0x100000, all);

    promise("pmap: all slots at once", whole == (void *)info->pmap_va);
    promise("pmap: no slot is left", info->calls->pmap_map(0x100000, 1) == NULL);
    if (whole)
        info->calls->pmap_unmap(whole);
    promise("pmap: too many slots", info->calls->pmap_map(0x100000, all + 1) == NULL);
    promise("pmap: too many slots for its offset", info->calls->pmap_map(0x100001, all) == NULL);
    promise("pmap: far too many", info->calls->pmap_map(0x100000, 1ull << 63) == NULL &&
                                      info->calls->pmap_map(0x100fff, UINT64_MAX) == NULL);
    promise_equal("pmap: what failed took no slot", used_slots(), 0);
}

void check_pmap(void)
{
    uint64_t pa = free_pages();
    volatile uint8_t *one, *two, *seen;

    promise_equal("pmap: slots", info->pmap_slots, 113);
    promise_equal("pmap: nothing is mapped at entry", used_slots(), 0);
    check_limits();
    seen = pa ? window_open(pa, 2 * PAGE_SIZE) : NULL;
    if (!seen)
        return;
    one = info->calls->pmap_map(pa + 5, 7);
    two = info->calls->pmap_map(pa + 0xffe, 4);
    promise("pmap: two mappings", one && two && one != two);
    if (!one || !two)
        return;
    promise_equal("pmap: offsets stay",
                  ((uint64_t)one & PAGE_MASK) << 12 | ((uint64_t)two & PAGE_MASK), 5 << 12 | 0xffe);
    promise_equal("pmap: three slots", used_slots(), 3);
    promise("pmap: writable, write-back, not executable",
            is_mapped((uint64_t)one, 7, true, false, FOOTING_WB) &&
                is_mapped((uint64_t)two, 4, true, false, FOOTING_WB));
    one[0] = 0x11;
    two[0] = 0x22;
    two[3] = 0x33;
    promise("pmap: seen through the directmap, or a mapping of one's own",
            seen[5] == 0x11 && seen[0xffe] == 0x22 && seen[0x1001] == 0x33);
    seen[5] = 0x44;
    promise("pmap: sees what was written there", one[0] == 0x44);
    info->calls->pmap_unmap((const void *)two);
    promise_equal("pmap: the last one is gone", used_slots(), 1);
    two = info->calls->pmap_map(pa + PAGE_SIZE, 1);
    two[0] = 0x55;
    promise("pmap: a slot used again shows what is there now", seen[0x1000] == 0x55);
    info->calls->pmap_unmap((const void *)two);
    info->calls->pmap_unmap((const void *)one);
    window_close();
    promise_equal("pmap: all are gone", used_slots(), 0);
}

/* Above it a stack of 4 KiB, below it what no call may touch. */
static uint64_t small_stack[2][512] __attribute__((aligned(4096)));

static uint64_t call_on_small_stack(void *function, uint64_t a, uint64_t b)
{
    void *top = small_stack[2];
    uint64_t result;

    __asm__ volatile("mov %%rsp, %%rbx\n\t"
                     "mov %[top], %%rsp\n\t"
                     "call *%[function]\n\t"
                     "mov %%rbx, %%rsp"
                     : "=a"(result), "+D"(a), "+S"(b)
                     : [top] "r"(top), [function] "r"(function)
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}

void check_small_stack(void)
{
    static const char text[] = "payload: on a small stack\n";
    struct flaws below = {0, 0};
    uint64_t mapped;

    for (unsigned i = 0; i < 512; i++)
        small_stack[0][i] = i * 0x0101010101010101ull;
    call_on_small_stack((void *)info->calls->print, (uint64_t)text, sizeof(text) - 1);
    mapped = call_on_small_stack((void *)info->calls->pmap_map, info->root_pa, PAGE_SIZE);
    promise("small stack: pmap_map", mapped == info->pmap_va);
    call_on_small_stack((void *)info->calls->pmap_unmap, mapped, 0);
    promise_equal("small stack: reclaim", call_on_small_stack((void *)info->calls->reclaim, 0, 0),
                  0);
    for (unsigned i = 0; i < 512; i++)
        flaw(&below, small_stack[0][i] != i * 0x0101010101010101ull, i);
    promise_none("4 KiB of stack are enough for a call", &below);
}

static const struct footing_module *own_file(void)
{
    for (uint64_t i = 0; i < info->module_count; i++) {
        if (info->modules[i].kind == FOOTING_KERNEL)
            return &info->modules[i];
    }
    return NULL;
}

static void check_ranges(const struct footing_range *ranges, uint64_t count)
{
    const struct footing_module *file = own_file();
    struct flaws form = {0, 0};
    struct flaws is_free = {0, 0};
    struct flaws owner = {0, 0};
    struct flaws mapped = {0, 0};
    uint64_t of_file = 0;
    uint64_t pages = 0;

    if (file)
        pages = ram_bytes((file->base_pa + PAGE_MASK) & ~PAGE_MASK, file->end_pa & ~PAGE_MASK);
    for (uint64_t i = 0; i < count; i++) {
        const struct footing_range *r = &ranges[i];
        uint64_t len = r->end_pa - r->base_pa;

        say("payload: reclaimed 0x%x-0x%x", r->base_pa, r->end_pa);
        flaw(&form, ((r->base_pa | r->end_pa) & PAGE_MASK) != 0 || r->base_pa >= r->end_pa,
             r->base_pa);
        for (uint64_t j = 0; j < i; j++)
            flaw(&form, ranges[j].base_pa < r->end_pa && r->base_pa < ranges[j].end_pa, r->base_pa);
        flaw(&is_free, overlaps_free(r->base_pa, r->end_pa), r->base_pa);
        if (file && file->base_pa <= r->base_pa && r->end_pa <= file->end_pa)
            of_file += len;
        else
            flaw(&owner, held_bytes(r->base_pa, r->end_pa, "boot information") != len, r->base_pa);
        flaw(&mapped,
             has_directmap() &&
                 !is_mapped(info->directmap_va + r->base_pa, len, true, false, FOOTING_WB),
             r->base_pa);
    }
    promise_none("reclaim: whole pages, disjoint", &form);
    promise_none("reclaim: not free before", &is_free);
    promise_none("reclaim: the payload's file and boot information, nothing else", &owner);
    promise_none("reclaim: mapped writable and write-back, if there is a directmap", &mapped);
    promise_equal("reclaim: all mapped whole pages of the payload's file", of_file, pages);
    for (uint64_t i = 0; i < count && mapped.count == 0; i++) {
        for (uint64_t pa = ranges[i].base_pa; pa < ranges[i].end_pa; pa += PAGE_SIZE) {
            void *page = reach(pa, PAGE_SIZE);

            memset(page, 0x5a, PAGE_SIZE);
            leave(page);
        }
    }
}

void check_reclaim(void)
{
    struct footing_range ranges[RANGES_MAX];
    uint64_t count = 0;
    uint64_t got;

    promise_equal("reclaim: room for none, none given", info->calls->reclaim(ranges, 0), 0);
    do {
        got = info->calls->reclaim(ranges + count, 1);
        promise("reclaim: no more than there is room for", got <= 1);
        count += got;
    } while (got > 0 && count < RANGES_MAX);
    promise_equal("reclaim: nothing twice", info->calls->reclaim(ranges + count, 1), 0);
    check_ranges(ranges, count);
}
