/* SPDX-License-Identifier: MIT */
/* The section table of a loaded PE32+ image (Microsoft PE/COFF specification). Pure. */
#ifndef PE_H
#define PE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct pe_section {
    uint32_t rva;  /* from the image's first header byte, as it is loaded */
    uint32_t size; /* VirtualSize */
};

/*
 * Find the section of this name (at most 8 characters) in the headers, of
 * which len bytes are there. Not found: success, size 0. ERR_INFO: the headers
 * are damaged or the section is twice there (text says what, at = offset), or
 * reaches beyond the image's size as the headers give it.
 */
struct error pe_find_section(const void *headers, size_t len, const char *name,
                             struct pe_section *section);

#endif
