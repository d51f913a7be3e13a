/* SPDX-License-Identifier: MIT */
/*
 * The proof that the comparison can fail: a fault is made behind Footing's
 * back, where a wrong change of the tables would have made it. This file, and
 * no other, knows what a page table looks like.
 */
#include "access.h"

#define PRESENT  0x1ull
#define WRITABLE 0x2ull
#define IS_LARGE 0x80ull
#define NO_EXEC  (1ull << 63)
#define ADDRESS  0x000ffffffffff000ull

enum flush { FLUSH, KEEP };

/* In the leaf of va: some bits off, others turned over. */
static void edit(uint64_t va, uint64_t off, uint64_t turn, enum flush flush)
{
    uint64_t pa = info->root_pa;

    for (unsigned level = (unsigned)info->levels - 1;; level--) {
        uint64_t *table = physical_get(pa);
        uint64_t *entry = &table[va >> (12 + 9 * level) & 511];
        bool leaf = level == 0 || *entry & IS_LARGE;

        pa = *entry & ADDRESS;
        if (leaf)
            *entry = (*entry & ~off) ^ turn;
        physical_put(table);
        if (leaf)
            break;
    }
    if (flush == FLUSH)
        __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static uint64_t mapped(uint64_t offset, uint32_t rights)
{
    uint64_t va = windows[0].va + offset;
    struct footing_update u = map_of(va, pools[POOL_RAM].first * PAGE_SIZE + offset, PAGE_SIZE,
                                     rights, 0, FOOTING_ALLOW_WX);

    change(&u);
    try_page(va);
    return va;
}

static bool is_planted(const char *word)
{
    return has_argument(info->command_line, "plant=", word);
}

bool run_plant(void)
{
    const uint64_t far = MIB + 3 * PAGE_SIZE;
    struct footing_update u;
    uint64_t va;

    if (is_planted("right"))
        edit(va = mapped(far, FOOTING_WRITE), WRITABLE, 0, FLUSH);
    else if (is_planted("writable"))
        edit(va = mapped(far, 0), 0, WRITABLE, FLUSH);
    else if (is_planted("frame"))
        edit(va = mapped(far, 0), 0, PAGE_SIZE, FLUSH);
    else if (is_planted("missing"))
        edit(va = mapped(far, FOOTING_WRITE), PRESENT, 0, FLUSH);
    else if (is_planted("nx"))
        edit(va = mapped(far, 0), NO_EXEC, 0, FLUSH);
    else if (is_planted("nofetch"))
        edit(va = mapped(far, FOOTING_EXECUTE), 0, NO_EXEC, FLUSH);
    else if (is_planted("reserved"))
        edit(va = mapped(far, 0), 0, 1ull << info->cpu.phys_bits, FLUSH);
    else if (is_planted("split")) {
        /* A large page was split, and one page of it is another's. */
        va = windows[0].va + 2 * MIB;
        u = map_of(va, pools[POOL_RAM].first * PAGE_SIZE + 2 * MIB, 2 * MIB, 0, 1, 0);
        change(&u);
        u = protect_of(va + PAGE_SIZE, PAGE_SIZE, FOOTING_WRITE, 0);
        change(&u);
        va += 511 * PAGE_SIZE;
        edit(va, 0, 3 * PAGE_SIZE, FLUSH);
    } else if (is_planted("stale")) {
        /* The tables are right, and the model has it so; the TLB is not told. */
        va = mapped(far, FOOTING_WRITE);
        edit(va, WRITABLE, 0, KEEP);
        model_page(va)->rights = 0;
    } else if (is_planted("stale-unmapped")) {
        va = mapped(far, FOOTING_WRITE);
        edit(va, PRESENT, 0, KEEP);
        model_page(va)->mapped = 0;
    } else if (is_planted("partly")) {
        /* A refused call has done a part of its work. */
        va = mapped(far, FOOTING_WRITE);
        u = unmap_of(va, 2 * PAGE_SIZE);
        change(&u);
        edit(va, PRESENT, 0, FLUSH);
    } else if (is_planted("word")) {
        va = mapped(far, FOOTING_WRITE);
        model_page(va)->mapped = 0; /* so that it may be mapped, it thinks */
        u = map_of(va, model_page(va)->frame * PAGE_SIZE, PAGE_SIZE, FOOTING_WRITE, 0, 0);
        change(&u);
        model_page(va)->mapped = 1;
    } else if (is_planted("leak")) {
        va = mapped(far, FOOTING_WRITE);
        frames_given -= 4;
        u = unmap_of(va, PAGE_SIZE);
        change(&u);
    } else {
        return false;
    }
    say("planted at 0x%x", va);
    try_page(va);
    check_frames("planted");
    return true;
}
