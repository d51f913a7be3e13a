/* SPDX-License-Identifier: MIT */
/* Which lines leave the caches. */
#include "shadow_tlb.h"

#include "test.h"

typedef unsigned long long ull;

/* Only what the new entries map can lose its lines with them. */
void shadow_clean(struct shadow_tlb *tlb, const struct pt_exchange *what)
{
    struct shadow_cleaned *last = tlb->cleaned ? &tlb->cleaned[tlb->ncleaned] - 1 : NULL;

    if (what->clean_len == 0)
        return;
    if (what->clean_va < what->va || what->clean_len > what->len - (what->clean_va - what->va) ||
        what->clean_va % 4096 != 0 || what->clean_len % 4096 != 0)
        fail_msg("0x%llx+0x%llx lose their lines by an exchange at 0x%llx+0x%llx",
                 (ull)what->clean_va, (ull)what->clean_len, (ull)what->va, (ull)what->len);
    if (tlb->ncleaned > 0 && last->va + last->len == what->clean_va) {
        last->len += what->clean_len;
        return;
    }
    tlb->cleaned = realloc(tlb->cleaned, (tlb->ncleaned + 1) * sizeof(tlb->cleaned[0]));
    assert_non_null(tlb->cleaned);
    tlb->cleaned[tlb->ncleaned++] = (struct shadow_cleaned){what->clean_va, what->clean_len};
}
