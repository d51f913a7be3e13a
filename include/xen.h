/* SPDX-License-Identifier: MIT */
/* Xen, as a guest that has its own page tables (HVM, PVH) sees it. */
#ifndef XEN_H
#define XEN_H

#include <stdbool.h>
#include <stdint.h>

/* True under Xen (public/arch-x86/cpuid.h). */
bool xen_present(void);

/*
 * Ask for the memory map: up to *count entries of XEN_MAP_ENTRY bytes, which
 * *count then says how many are of. entries: in the image. Returns 0, or one
 * of Xen's errors, negative (public/errno.h).
 */
int64_t xen_memory_map(void *entries, uint32_t *count);

#endif
