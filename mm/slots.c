/* SPDX-License-Identifier: MIT */
#include "slots.h"

bool slots_take(struct slots *slots, unsigned max, const char *owner, size_t n, unsigned *first)
{
    if (slots->used > max || n > max - slots->used)
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

    if (!owner || first > last || !slots->owners[first])
        return "nobody";
    if (last > first)
        return owner;
    slots->used = first;
    return NULL;
}
