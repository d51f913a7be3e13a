/* SPDX-License-Identifier: MIT */
/* Copies of exactly their own size, so that ASan sees a read past their end. */
#ifndef EXACT_H
#define EXACT_H

#include <stdlib.h>
#include <string.h>

#define EXACT_NOTHING 16 /* as aligned as any allocation */

/* Never null; of no bytes: the end of an allocation, where none may be read. */
static inline void *exact_copy(const void *data, size_t size)
{
    char *copy = calloc(1, size ? size : EXACT_NOTHING);

    if (!copy)
        abort();
    if (size == 0)
        return copy + EXACT_NOTHING;
    memcpy(copy, data, size);
    return copy;
}

static inline void exact_free(void *copy, size_t size)
{
    free(size ? copy : (char *)copy - EXACT_NOTHING);
}

#endif
