/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "update_table.h"

struct error identity_create(struct pt_space *identity, struct pt_space *main, uint64_t pa)
{
    const struct pt_live_memory *memory = main->memory;
    const struct pt_change change = {
        .op = PT_MAP, .va = pa, .pa = pa, .len = PAGE_SIZE, .rights = RIGHT_X, .type = MEMTYPE_WB};
    struct error err = pt_root_create(identity, main);
    uint64_t *slots;

    if (err.code)
        return err;
    slots = memory->map(memory->ctx, identity->root);
    *slot_of(slots, main->levels - 1, pa) = 0;
    memory->unmap(memory->ctx, slots);
    err = pt_update(identity, &change);
    if (err.code)
        pt_root_destroy(identity, main);
    return err;
}

uint64_t identity_enable(struct identity_page *page, uint64_t cr4)
{
    if (!page->enabled)
        page->cr4 = cr4;
    page->enabled = true;
    return cr4 & ~CR4_PGE;
}

uint64_t identity_disable(struct identity_page *page, uint64_t cr4)
{
    uint64_t before = page->enabled ? page->cr4 : cr4;

    *page = (struct identity_page){0};
    return (cr4 & ~CR4_PGE) | (before & CR4_PGE);
}
