/* SPDX-License-Identifier: MIT */
/* Pages from what Footing calls free. The list of free runs lies in the free pages themselves. */
#include "hypervisor.h"

struct run {
    struct run *next;
    unsigned long pages;
};

static struct run *runs;
static unsigned long count;

static void add(struct run *run, unsigned long pages)
{
    run->next = runs;
    run->pages = pages;
    runs = run;
    count += pages;
}

/* All that is free is RAM in the directmap: mapped, write-back. */
void pages_add(const struct footing_range *range)
{
    add((struct run *)(info->directmap_va + range->base_pa),
        (range->end_pa - range->base_pa) / PAGE_SIZE);
}

/* The last page of the first run: the run's head moves only with its last page. */
void *page_alloc(void)
{
    struct run *run = runs;
    uint64_t *page;

    if (!run)
        return 0;
    page = (uint64_t *)((char *)run + --run->pages * PAGE_SIZE);
    if (run->pages == 0)
        runs = run->next;
    count--;
    for (unsigned long i = 0; i < PAGE_SIZE / sizeof(*page); i++)
        page[i] = 0;
    return page;
}

void page_free(void *page)
{
    if (page)
        add(page, 1);
}

unsigned long pages_free(void)
{
    return count;
}
