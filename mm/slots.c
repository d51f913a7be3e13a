/* SPDX-License-Identifier: MIT */
#include "slots.h"

bool slots_take(struct slots *slots, unsigned max, const char *owner, size_t n, unsigned *first)
{
    if (n > max - slots->used)
        return false;
    *first = slots->used;
    slots->owners[slots->used] = owner;
    for (size_t i = 1; i < n; i++)
        slots->owners[slots->used + i] = NULL;
    slots->used += (unsigned)n;
    return true;
}

const char *slots_owner(const struct slots *slots, unsigned *first)
{
    for (unsigned i = slots->used; i-- > 0;) {
        if (slots->owners[i]) {
            *first = i;
            return slots->owners[i];
        }
    }
    return NULL;
}

const char *slots_release(struct slots *slots, unsigned first)
{
    unsigned last;
    const char *owner = slots_owner(slots, &last);

    if (owner && last == first) {
        slots->used = first;
        return NULL;
    }
    return owner && last > first ? owner : "nobody";
}
