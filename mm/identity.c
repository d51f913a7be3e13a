/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "x86.h"

uint64_t identity_build(uint64_t pa, unsigned levels, uint64_t like, const struct pt_memory *memory)
{
    struct mapping page = {
        .va = pa, .pa = pa, .len = PAGE_SIZE, .rights = RIGHT_X, .type = MEMTYPE_WB};
    const struct plan plan = {&page, 1, 1};
    struct pt_stats stats;
    uint64_t root;

    pt_build(&plan, levels, memory, &root, &stats);
    uint64_t *slots = memory->map(memory->ctx, root);
    const uint64_t *others = memory->map(memory->ctx, like);

    for (unsigned i = 0; i < PT_SLOTS; i++) {
        if (slots[i] == 0)
            slots[i] = others[i];
    }
    memory->unmap(memory->ctx, (uint64_t *)(uintptr_t)others);
    memory->unmap(memory->ctx, slots);
    return root;
}
