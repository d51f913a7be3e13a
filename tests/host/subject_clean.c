/* SPDX-License-Identifier: MIT */
/* Which pages must lose their lines in all caches, and that no other does. */
#include "reference.h"
#include "subject.h"

static bool is_cached(enum memtype type)
{
    return type == MEMTYPE_WB || type == MEMTYPE_WT || type == MEMTYPE_WP;
}

/* May caches have lines of this page that are not of its new type? before: its word. */
static bool must_be_clean(const struct subject *s, const struct pt_change *change, uint64_t at,
                          uint64_t before)
{
    enum memtype was = (enum memtype)(before >> 4 & 7);

    if (change->op == PT_MAP)
        was = ref_mtrr_type(&s->mtrr, change->pa + at);
    return change->op != PT_UNMAP && was != change->type && is_cached(was);
}

/* No page may keep lines of another type, none loses its lines in vain. */
void subject_check_clean(const struct subject *s, const struct pt_change *change,
                         const uint64_t *before)
{
    size_t next = 0; /* of what was cleaned, the first that does not end before the page */
    uint64_t pages = 0;

    for (uint64_t at = 0; at < change->len; at += 4096, before++) {
        const struct shadow_cleaned *clean = NULL;
        bool must = must_be_clean(s, change, at, *before);

        for (; next < s->tlb.ncleaned; next++) {
            clean = &s->tlb.cleaned[next];
            if (change->va + at < clean->va || change->va + at - clean->va < clean->len)
                break;
            clean = NULL;
        }
        if (must != (clean != NULL && change->va + at >= clean->va))
            fail_msg("caches %s lines of 0x%llx", must ? "keep" : "lose",
                     (unsigned long long)(change->va + at));
        pages += must;
    }
    for (size_t i = 0; i < s->tlb.ncleaned; i++)
        pages -= s->tlb.cleaned[i].len / 4096;
    assert_int_equal(pages, 0);
}
