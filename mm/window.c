/* SPDX-License-Identifier: MIT */
/* Mappings beside the tables that pt_update() changes, and the rules for them. */
#include "alias.h"

#include "x86.h"

/* No mapping is at such an address, which is not canonical. */
#define NOWHERE UINT64_C(0x4000000000000000)

enum error_code pt_may_write(const struct pt_space *space, uint64_t pa)
{
    const struct pt_change change = {.op = PT_MAP, .rights = RIGHT_W, .type = MEMTYPE_WB};
    const struct pt_run run = {NOWHERE + pa, pa, PAGE_SIZE};
    struct error err = SUCCESS;

    alias_update(space, &change, &run, false, &err);
    return err.code;
}

/* Pages from pa on that are alike: all executable somewhere, or none of them. */
static uint64_t alike(const struct pt_space *space, uint64_t pa, uint64_t end)
{
    bool writable = pt_may_write(space, pa) != ERR_WX;
    uint64_t at = pa + PAGE_SIZE;

    while (at < end && (pt_may_write(space, at) != ERR_WX) == writable)
        at += PAGE_SIZE;
    return at;
}

/*
 * Windows are in the list as of root 0, which no root is: they join each other,
 * and nothing else. So the list's room grows and shrinks with them alone, and
 * none of it is taken from other mappings.
 */
static void note(const struct pt_space *space, const struct pt_change *change,
                 const struct pt_run *run)
{
    struct pt_space windows = *space;
    size_t before = space->aliases->count;

    windows.root = 0;
    alias_update(&windows, change, run, true, NULL);
    space->aliases->max += space->aliases->count - before;
}

void pt_window_open(const struct pt_space *space, uint64_t va, uint64_t pa, uint64_t len)
{
    uint64_t end = pa + len;

    while (pa < end) {
        uint64_t stop = alike(space, pa, end);
        const struct pt_change change = {
            .op = PT_MAP,
            .rights = pt_may_write(space, pa) == ERR_WX ? 0 : RIGHT_W,
            .type = MEMTYPE_WB,
        };

        note(space, &change, &(const struct pt_run){va, pa, stop - pa});
        va += stop - pa;
        pa = stop;
    }
}

void pt_window_close(const struct pt_space *space, uint64_t va, uint64_t pa, uint64_t len)
{
    const struct pt_change change = {.op = PT_UNMAP};

    note(space, &change, &(const struct pt_run){va, pa, len});
}
