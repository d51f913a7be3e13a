/* SPDX-License-Identifier: MIT */
/* The layout of footing.h as it was in version 2, by the compiler's own reckoning. */
#ifndef ABI_2_H
#define ABI_2_H

#include <stddef.h>

/* A member, or with the name "" a whole structure. */
struct abi_place {
    const char *structure;
    const char *member;
    size_t offset;
    size_t size;
};

extern const struct abi_place abi_2[];
extern const size_t abi_2_count;

#endif
