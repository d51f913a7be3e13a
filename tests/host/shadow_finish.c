/* SPDX-License-Identifier: MIT */
/* What must hold when an update is over. */
#include "shadow_tlb.h"

#include "test.h"

#define ADDRESS UINT64_C(0xffffffffff000)

typedef unsigned long long ull;

/* A root; or right below the main one, where tables stay once roots share them. */
static bool may_be_empty(const struct shadow_tlb *tlb, size_t i)
{
    const uint64_t *slots = fake_memory_slots(tlb->fake, tlb->root);
    bool may = i == shadow_index(tlb, tlb->root);

    for (size_t k = 0; k < SHADOW_MAX_ROOTS; k++)
        may = may || (tlb->others[k] != 0 && i == shadow_index(tlb, tlb->others[k]));
    for (unsigned k = 0; k < 512 && tlb->shared; k++)
        may = may || (slots[k] != 0 && i == shadow_index(tlb, slots[k] & ADDRESS));
    return may;
}

static void check_frame(const struct shadow_tlb *tlb, size_t i)
{
    static const uint64_t empty[512];
    const struct shadow_frame *table = &tlb->frames[i];

    if (table->state == SHADOW_CACHED)
        fail_msg("a table for 0x%llx is unlinked but not flushed", (ull)table->va);
    if (table->state == SHADOW_PRIVATE)
        fail_msg("a frame is neither linked nor given back");
    if (table->state == SHADOW_LINKED && memcmp(tlb->fake->frames[i], empty, sizeof(empty)) == 0 &&
        !may_be_empty(tlb, i))
        fail_msg("the table of level %u for 0x%llx is empty but not given back", table->level,
                 (ull)table->va);
}

void shadow_finish(struct shadow_tlb *tlb, enum error_code code)
{
    const struct shadow_count *count = &tlb->count;

    shadow_catch_up(tlb);
    assert_int_equal(tlb->depth, 0);
    if (code != ERR_NONE &&
        (count->filled || count->writes || count->exchanges || count->allocs || count->frees))
        fail_msg("%zu entries, %zu frames changed, then error %d",
                 count->filled + count->writes + count->exchanges, count->allocs + count->frees,
                 code);
    for (size_t i = 0; i < tlb->nstale; i++)
        fail_msg("0x%llx of 0x%llx is not flushed at the end", (ull)tlb->stale[i].entry,
                 (ull)tlb->stale[i].from);
    for (size_t i = 0; i < tlb->fake->used; i++)
        check_frame(tlb, i);
}

size_t shadow_linked(const struct shadow_tlb *tlb)
{
    size_t linked = 0;

    for (size_t i = 0; i < tlb->fake->used; i++)
        linked += tlb->frames[i].state == SHADOW_LINKED;
    return linked;
}
