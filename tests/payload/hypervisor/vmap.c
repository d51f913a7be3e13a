/* SPDX-License-Identifier: MIT */
/* Virtual addresses of our own, through Footing's page-table calls: scattered pages in a row. */
#include "hypervisor.h"

/* Behind the directmap; README.md, "Virtual memory", has what else is free. */
#define VMAP_BASE 0xfffffb0000000000ul

static uint64_t next = VMAP_BASE;

static uint64_t physical(const void *page)
{
    return (uint64_t)page - info->directmap_va;
}

/* Table frames come from our pages, and go back to them. */
static uint64_t take_frame(void *ctx)
{
    void *page = page_alloc();

    (void)ctx;
    return page ? physical(page) : 0;
}

static void give_frame(void *ctx, uint64_t pa)
{
    (void)ctx;
    page_free((void *)(info->directmap_va + pa));
}

static const struct footing_frames frames = {0, take_frame, give_frame};

static int update(uint32_t operation, uint64_t va, uint64_t pa, uint64_t len, uint32_t rights,
                  uint32_t cache)
{
    const struct footing_update change = {
        .operation = operation,
        .va = va,
        .pa = pa,
        .len = len,
        .rights = rights,
        .cache = cache,
        .frames = &frames,
    };
    const char *why = info->calls->update(&change);

    if (why)
        print("hypervisor: update: %s\n", why);
    return why == 0;
}

/* Writable; one page that is not mapped lies behind it. */
void *vmap(void *const *pages, unsigned long count)
{
    uint64_t va = next;

    for (unsigned long i = 0; i < count; i++) {
        if (!update(FOOTING_MAP, va + i * PAGE_SIZE, physical(pages[i]), PAGE_SIZE, FOOTING_WRITE,
                    FOOTING_WB)) {
            vunmap((void *)va, i);
            return 0;
        }
    }
    next += (count + 1) * PAGE_SIZE;
    return (void *)va;
}

int vmap_read_only(void *mapped, unsigned long count)
{
    return update(FOOTING_PROTECT, (uint64_t)mapped, 0, count * PAGE_SIZE, 0, FOOTING_WB);
}

int vunmap(void *mapped, unsigned long count)
{
    return count == 0 || update(FOOTING_UNMAP, (uint64_t)mapped, 0, count * PAGE_SIZE, 0, 0);
}

/* A device's registers: uncacheable. */
void *vmap_device(uint64_t pa, uint64_t len)
{
    uint64_t va = next;

    next += len + PAGE_SIZE;
    return update(FOOTING_MAP, va, pa, len, FOOTING_WRITE, FOOTING_UC) ? (void *)va : 0;
}
