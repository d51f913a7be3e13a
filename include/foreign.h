/* SPDX-License-Identifier: MIT */
/*
 * foreign=SIZE: physical addresses at which nothing lives, for mapping there
 * what belongs to others: foreign pages, grant tables, device memory.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "memmap.h"

#define FOREIGN_ALIGN UINT64_C(0x40000000) /* 1 GiB */

struct foreign_request {
    const struct memmap *map; /* normalised; whatever is in it, of any type, is avoided */
    uint64_t above;           /* the end of what else is known, exclusive; 0: nothing */
    unsigned phys_bits;       /* as many address bits as reach memory */
    /*
     * AMD's HyperTransport keeps 12 GiB for itself, below 2^40 and, since family
     * 17h, below 2^ht_bits: they are left out, and nothing has to be above
     * them, nor above what the map says lies in them, but for usable RAM.
     * 0: no such CPU.
     */
    unsigned ht_bits;
};

/*
 * The lowest multiple of FOREIGN_ALIGN, not below 4 GiB, from which on `size`
 * bytes (> 0) are above all that is known, and below 2^phys_bits. False: none.
 */
bool foreign_find(const struct foreign_request *request, uint64_t size, uint64_t *base);

#endif
