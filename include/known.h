/* SPDX-License-Identifier: MIT */
/* Where all that is known of a machine's physical addresses ends, and what lies there. */
#ifndef KNOWN_H
#define KNOWN_H

#include <stdint.h>

struct known {
    uint64_t end;     /* exclusive; 0: nothing is known */
    const char *what; /* static; null: nothing is known */
};

/* One more range of len bytes, by whom it is known. One that wraps ends where all addresses do. */
static inline void known_add(struct known *known, uint64_t base, uint64_t len, const char *what)
{
    uint64_t end = base + len < base ? UINT64_MAX : base + len;

    if (len != 0 && end > known->end)
        *known = (struct known){end, what};
}

#endif
