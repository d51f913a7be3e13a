/* SPDX-License-Identifier: MIT */
/* Memory types that change. */
#include "roots.h"

/* Each memory type on pages of all sizes: what was written before is there after. */
void memory_types(void)
{
    static const uint32_t types[] = {FOOTING_UC, FOOTING_WC, FOOTING_WT, FOOTING_WP, FOOTING_WB};
    uint64_t start = (next_frame + 0x3fffff) & -UINT64_C(0x200000);
    struct footing_update u = {.rights = FOOTING_WRITE,
                               .flags = FOOTING_ALLOW_CACHE,
                               .va = HIGH,
                               .pa = start,
                               .max_level = 2,
                               .frames = &frames};

    for (unsigned i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
        bool no_pat = !(info->cpu.features & FOOTING_CPU_PAT);
        uint32_t type = types[i / 2];
        bool none = no_pat && (type == FOOTING_WC || type == FOOTING_WP);
        const char *wanted = none ? "TYPE" : NULL;

        u.len = i % 2 ? UINT64_C(0x600000) : 2 * PAGE;
        u.operation = FOOTING_MAP;
        u.cache = FOOTING_WB;
        promise("mapped write-back", !info->calls->update(&u));
        *word_at(HIGH + PAGE) = 0xcafe0000 + i;
        u.operation = FOOTING_PROTECT;
        u.cache = type;
        promise("as each type that there is", equal(info->calls->update(&u), wanted));
        promise("nothing is lost", *word_at(HIGH + PAGE) == 0xcafe0000 + i);
        u.operation = FOOTING_UNMAP;
        promise("unmapped", !info->calls->update(&u));
        u.operation = FOOTING_MAP;
        promise("mapped with each type", equal(info->calls->update(&u), wanted));
        if (none)
            continue;
        promise("nothing is lost again", *word_at(HIGH + PAGE) == 0xcafe0000 + i);
        u.operation = FOOTING_UNMAP;
        promise("unmapped again", !info->calls->update(&u));
    }
}
